//! The reading half of the control API.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::{Problem, Shared};
use crate::dns::Resolver;
use crate::endpoints::Endpoints;
use crate::options::INTERNET;
use crate::webhook::Hook;
use crate::world::effect::Effect;
use crate::world::status_page::Incident;
use crate::world::view::WorldView;
use crate::world::zone::answer::AnswerData;

pub(super) async fn endpoints(State(control): Shared) -> Json<Arc<Endpoints>> {
    Json(Arc::clone(&control.endpoints))
}

pub(super) async fn world(State(control): Shared) -> Json<WorldView> {
    let (mut world, now_ms) = control.stage.world();
    Json(world.view(now_ms))
}

pub(super) async fn effects(State(control): Shared) -> Json<Vec<Effect>> {
    Json(control.stage.world().0.effects.to_vec())
}

pub(super) async fn incidents(State(control): Shared) -> Json<Vec<Incident>> {
    Json(control.stage.world().0.status_page.all().to_vec())
}

pub(super) async fn hooks(State(control): Shared) -> Json<Vec<Hook>> {
    Json(control.hooks.to_vec())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    name: String,
    #[serde(default = "internet")]
    vantage: String,
    #[serde(default = "address", rename = "type")]
    kind: String,
}

fn internet() -> String {
    INTERNET.into()
}

fn address() -> String {
    "A".into()
}

#[derive(Serialize)]
pub(super) struct Resolved {
    code: String,
    answers: Vec<String>,
}

/// What a place's DNS server answers, for a page that cannot ask DNS itself.
pub(super) async fn resolve(
    State(control): Shared,
    question: Query<Question>,
) -> Result<Json<Resolved>, Problem> {
    let Query(Question { name, vantage, kind }) = question;
    if !control.endpoints.vantages.contains_key(&vantage) {
        return Err(Problem::bad(format!("no vantage `{vantage}`")));
    }
    let (code, records, _) = Resolver::new(&control.stage, &control.places, &vantage).resolve(&name, &kind);
    let text = |data| match data {
        AnswerData::Ipv4(address) => address.to_string(),
        AnswerData::Ipv6(address) => address.to_string(),
        AnswerData::Text(strings) => strings.concat(),
        AnswerData::Name(name)
        | AnswerData::LoadBalancer(name)
        | AnswerData::Authority { server: name, .. } => name,
    };
    let answers = records.into_iter().map(|record| text(record.data)).collect();
    Ok(Json(Resolved { code: code.to_string(), answers }))
}
