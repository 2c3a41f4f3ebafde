//! The HTTP API: what operators, Prometheus and the service's own writers ask of this agent. It reads the node, hands
//! changes to the log, and decides nothing. `screen` says who may ask at all, `asked` what a change must carry, `view`
//! turns the core's values into those of `quorate-api`, and `server` keeps clients from holding on for ever.
//!
//! P20: whoever can send a change here can promote a database. So a change needs the operator's token, a request needs
//! a Host that no foreign page can forge, and no answer ever allows another origin to read it.

mod answer;
mod asked;
mod change;
mod control;
mod declare;
mod drill;
mod lease;
mod negotiated;
mod policy;
mod probe;
mod read;
mod routes;
mod scrape;
mod screen;
mod server;
mod signal;
mod telemetry;
mod view;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use routes::{ROUTES, Route};
#[cfg(test)]
pub(crate) use view::execution;
pub(crate) use view::{audit_entry, plan_view};

use crate::shell::Agent;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the signal alone, for Route 53's health checkers.
pub async fn serve_signal(agent: Arc<Agent>, listener: TcpListener, stop: CancellationToken) {
    signal::serve(agent, listener, stop).await;
}

/// Serves the API until it is stopped; requests under way are answered first.
pub async fn serve(agent: Arc<Agent>, listener: TcpListener, stop: CancellationToken) {
    server::serve(routes::router(agent), listener, stop).await;
}
