//! The application of one region over HTTP. The world says what it answers; this says when, or that it never
//! does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;

use crate::stage::Stage;
use crate::world::application::{Ask, Told};
use crate::world::fault::Behaviour;

#[derive(Debug, Clone)]
struct Application {
    stage: Arc<Stage>,
    region: String,
}

/// The application of `region`.
pub(crate) fn router(stage: &Arc<Stage>, region: &str) -> Router {
    let application = Application { stage: Arc::clone(stage), region: region.into() };
    Router::new()
        .route("/", get(|State(application): State<Application>| application.answer(Ask::Name)))
        .route("/health", get(|State(application): State<Application>| application.answer(Ask::Health)))
        // A part of the application has a health endpoint of its own, and fails with all of it.
        .route(
            "/{part}/health",
            get(|State(application): State<Application>| application.answer(Ask::Health)),
        )
        .route("/write", post(|State(application): State<Application>| application.answer(Ask::Write)))
        .with_state(application)
}

impl Application {
    async fn answer(self, ask: Ask) -> Response {
        let behaviour = {
            let (world, now_ms) = self.stage.world();
            world.behaviour(&self.region, now_ms)
        };
        match behaviour {
            // The connection goes with its client, or with the gate.
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Behaviour::Serve | Behaviour::Refuse | Behaviour::Status(_) | Behaviour::Lie => {}
        }
        let Told { status, body } = {
            let (mut world, now_ms) = self.stage.world();
            world.ask(&self.region, ask, now_ms)
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match body {
            Value::String(text) => (status, text).into_response(),
            body => (status, axum::Json(body)).into_response(),
        }
    }
}
