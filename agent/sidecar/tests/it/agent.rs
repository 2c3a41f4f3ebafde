//! A scripted agent for tests: answers the lease as it is told to, remembers what it promised to whom and what it was given
//! back. It knows no quorum.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use quorate_api::{LeaseGivenBack, service::HOLDER};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Long enough that a busy machine keeps a guard's promise, short enough for a test.
pub(crate) const LEASE: Duration = Duration::from_millis(1_500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Grant(u64),
    Refuse,
    /// The lease goes to another region under this epoch.
    Move(u64),
    Hang,
}

#[derive(Debug)]
struct Told {
    script: Script,
    promised_until: Option<Instant>,
    holder: Option<String>,
    epoch: u64,
    released: Vec<u64>,
}

#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
}

impl Agent {
    pub(crate) async fn start(script: Script) -> anyhow::Result<Self> {
        let told = Arc::new(Mutex::new(Told {
            script,
            promised_until: None,
            holder: None,
            epoch: 0,
            released: Vec::new(),
        }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/v1/lease/shop", listener.local_addr()?);
        let router =
            Router::new().route("/v1/lease/shop", get(lease).delete(give_back)).with_state(Arc::clone(&told));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, told })
    }

    pub(crate) fn script(&self, script: Script) {
        self.told.lock().unwrap().script = script;
    }

    /// No answer has named a later end than this.
    pub(crate) fn promised_until(&self) -> Instant {
        self.told.lock().unwrap().promised_until.expect("a lease was granted")
    }

    /// The epochs that were given back by whoever had asked for them last.
    pub(crate) fn released(&self) -> Vec<u64> {
        self.told.lock().unwrap().released.clone()
    }
}

async fn lease(State(told): State<Arc<Mutex<Told>>>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let script = told.lock().unwrap().script;
    match script {
        Script::Grant(epoch) => {
            let mut told = told.lock().unwrap();
            told.promised_until = Some(Instant::now() + LEASE);
            told.holder = Some(headers[HOLDER].to_str().unwrap().to_owned());
            told.epoch = epoch;
            let remaining_ms = u64::try_from(LEASE.as_millis()).unwrap();
            let lease =
                json!({"service": "shop", "region": "here", "epoch": epoch, "remaining_ms": remaining_ms});
            (StatusCode::OK, Json(lease))
        }
        Script::Refuse => {
            (StatusCode::CONFLICT, Json(json!({"title": "no lease", "detail": "another region holds it"})))
        }
        Script::Move(epoch) => {
            let problem = json!({"title": "no lease", "guard": "lease_moved", "epoch": epoch});
            (StatusCode::CONFLICT, Json(problem))
        }
        Script::Hang => std::future::pending().await,
    }
}

async fn give_back(State(told): State<Arc<Mutex<Told>>>, headers: HeaderMap) -> Json<LeaseGivenBack> {
    let mut told = told.lock().unwrap();
    let held = told.holder.as_deref() == headers[HOLDER].to_str().ok();
    if held {
        let epoch = told.epoch;
        told.holder = None;
        told.released.push(epoch);
        told.script = Script::Refuse;
    }
    Json(LeaseGivenBack { held })
}
