//! A sink for webhooks: it takes anything posted to `/hook/NAME` and remembers it, headers and all, so that a
//! test can check signatures and order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::post;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// 256 KiB: half of what the largest notification service takes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// A thousand hooks: a failover posts a dozen.
const HOOKS_MAX: usize = 1_000;

/// One hook as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Counted from 1 without gaps.
    pub sequence: u64,
    /// When it arrived, in milliseconds since the Unix epoch by the world's steady clock.
    pub at_ms: u64,
    /// The name in its path.
    pub name: String,
    /// Its headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Its body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// The hooks so far.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    kept: Mutex<(u64, VecDeque<Hook>)>,
}

impl Hooks {
    /// The hooks, oldest first.
    pub(crate) fn to_vec(&self) -> Vec<Hook> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }

    fn keep(&self, at_ms: u64, name: String, headers: &HeaderMap, body: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers =
            headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        let sequence = kept.0;
        if kept.1.len() == HOOKS_MAX {
            kept.1.pop_front();
        }
        kept.1.push_back(Hook { sequence, at_ms, name, headers, body: text(body) });
    }
}

/// The sink.
pub(crate) fn router(stage: &Arc<Stage>, hooks: &Arc<Hooks>) -> Router {
    Router::new()
        .route("/hook/{name}", post(take))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state((Arc::clone(stage), Arc::clone(hooks)))
}

type Sink = (Arc<Stage>, Arc<Hooks>);

async fn take(State((stage, hooks)): State<Sink>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) {
    hooks.keep(stage.clock.now_ms(), name, &headers, &body);
}
