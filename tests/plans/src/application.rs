//! What a plan's probes and verifications ask: the application of each region over HTTP, and an Elasticsearch. Each answers by
//! the state that the stand-ins keep, on an address of its own and one port; one that is dead has no listener.

use super::stand_in::StandIns;
use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Ports that are tried until one is free on every address.
const PORTS_MAX: usize = 50;

/// A path, and what the state must say for it to be healthy.
pub(super) type Rule = (&'static str, &'static [(&'static str, &'static str)]);

/// The applications.
pub(super) struct Applications {
    /// On each address.
    pub(super) port: u16,
    serving: BTreeMap<Ipv4Addr, JoinHandle<()>>,
}

impl Applications {
    /// Starts one on each address.
    ///
    /// # Errors
    /// When no port is free on all of them.
    pub(super) async fn start(
        each: &[(Ipv4Addr, &'static [Rule])],
        state: &StandIns,
    ) -> anyhow::Result<Self> {
        let addresses: Vec<Ipv4Addr> = each.iter().map(|(address, _)| *address).collect();
        let (port, listeners) = one_port(&addresses).await?;
        let mut serving = BTreeMap::new();
        for ((address, rules), listener) in each.iter().zip(listeners) {
            let (rules, state) = (*rules, state.clone());
            let answer = move |request: Request| {
                let status = health(rules, request.uri().path(), &state);
                async move { (status, status.to_string()) }
            };
            serving.insert(*address, serve(listener, Router::new().fallback(answer)));
        }
        Ok(Self { port, serving })
    }

    /// Ends one, as a zone's loss does.
    pub(super) fn kill(&mut self, address: Ipv4Addr) {
        if let Some(serving) = self.serving.remove(&address) {
            serving.abort();
        }
    }
}

impl Drop for Applications {
    fn drop(&mut self) {
        self.serving.values().for_each(JoinHandle::abort);
    }
}

fn health(rules: &[Rule], path: &str, state: &StandIns) -> StatusCode {
    let Some((_, wanted)) = rules.iter().find(|(known, _)| *known == path) else {
        return StatusCode::NOT_FOUND;
    };
    let well = wanted.iter().all(|(name, value)| state.says(name) == *value);
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn one_port(addresses: &[Ipv4Addr]) -> anyhow::Result<(u16, Vec<TcpListener>)> {
    let mut last = None;
    'ports: for _ in 0..PORTS_MAX {
        let mut listeners: Vec<TcpListener> = Vec::new();
        for address in addresses {
            let port = listeners.first().map_or(Ok(0), |first| first.local_addr().map(|own| own.port()))?;
            match TcpListener::bind((*address, port)).await {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    last = Some(error);
                    continue 'ports;
                }
            }
        }
        return Ok((listeners[0].local_addr()?.port(), listeners));
    }
    Err(last.context("no port was tried")?.into())
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        // Ends with its listener alone.
        let _ = axum::serve(listener, router).await;
    })
}

/// An Elasticsearch, as far as a snapshot's restore goes: it takes the one request that is right, once, and its indices come
/// back red, then yellow.
pub(super) struct Search {
    /// Where it listens.
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Search {
    /// Starts one that lets in whoever sends this header. When its indices are back, the state's `search` says `restored`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(super) async fn start(
        authorization: &'static str,
        snapshot: &str,
        state: &StandIns,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let restore = format!("/_snapshot/backups/{snapshot}/_restore?wait_for_completion=false");
        let (kept, state) = (Arc::clone(&seen), state.clone());
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let asked = format!("{method} {uri}");
            let let_in = headers.get("authorization").is_some_and(|value| value == authorization);
            let mut seen = kept.lock().expect("no holder of it panics");
            let restores = format!("POST {restore}");
            let begun = seen.iter().filter(|line| **line == restores).count();
            let looks = seen.len() - begun;
            let (status, told) = if method == Method::POST && uri == *restore {
                let wanted = json!({"indices": "visual-dm-*", "include_global_state": false});
                let json = headers.get("content-type").is_some_and(|value| value == "application/json");
                match serde_json::from_slice::<Value>(&body) {
                    _ if !let_in => (StatusCode::UNAUTHORIZED, json!({"error": "security_exception"})),
                    Ok(said) if said == wanted && json && begun == 0 => {
                        (StatusCode::OK, json!({"accepted": true}))
                    }
                    Ok(_) if begun > 0 => (
                        StatusCode::INTERNAL_SERVER_ERROR,
                        json!({"error": "an open index of that name exists"}),
                    ),
                    _ => (StatusCode::BAD_REQUEST, json!({"error": "parsing_exception"})),
                }
            } else if asked == "GET /_cluster/health/visual-dm-*?level=indices" {
                // Red as long as nothing was restored, and for two looks more.
                let back = begun == 1 && looks >= 2;
                if back {
                    let _ = state.set("search", "restored");
                }
                (StatusCode::OK, json!({"status": if back { "yellow" } else { "red" }}))
            } else {
                (StatusCode::NOT_FOUND, json!({"error": "no handler found"}))
            };
            seen.push(if status.is_success() { asked } else { format!("{asked}: {status}") });
            drop(seen);
            async move { (status, axum::Json(told)) }
        };
        Ok(Self { address, seen, serving: serve(listener, Router::new().fallback(answer)) })
    }

    /// Everything that was asked but for looks, with the status of what was refused.
    #[must_use]
    pub(super) fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no holder of it panics");
        seen.iter().filter(|line| !line.starts_with("GET /_cluster/health")).cloned().collect()
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
