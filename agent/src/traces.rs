//! Executions as OpenTelemetry traces, sent to a collector that the agent's file names. The leader sends, and when an execution has
//! ended: a span's end cannot be taken back, and what an execution was for is not known before.
//!
//! Nothing is queued. What is due follows from the log, so a new leader goes on where the old one was; it may send a trace again, with
//! the same ids and the same words. It is off the critical path: one request at a time, each with a deadline, and nobody waits for it.
//! An agent that was built without the feature `otel` refuses a file that asks for traces, rather than drop them in silence.

#[cfg(any(test, feature = "otel"))]
mod collector;
#[cfg(any(test, feature = "otel"))]
mod courier;
#[cfg(test)]
mod tests;

use crate::shell::Agent;
use quorate_policies::document::AgentFile;
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Why an agent's file cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`traces` is set, but this agent was built without them: build it with `--features otel`, or remove the key"
)]
pub struct NotBuilt;

/// Whether this binary can send what the file asks for.
///
/// # Errors
/// When it was built without traces.
pub const fn supported(file: &AgentFile) -> Result<(), NotBuilt> {
    if file.traces.is_some() && cfg!(not(feature = "otel")) { Err(NotBuilt) } else { Ok(()) }
}

/// Sends traces while this agent leads, until it is stopped; nothing, if its file names no collector. Relative paths are below `base`.
#[cfg(feature = "otel")]
pub async fn run(agent: Arc<Agent>, base: PathBuf, stop: CancellationToken) {
    let Some(traces) = &agent.file().traces else { return };
    let collector = collector::Collector::new(traces, &base);
    let courier = courier::Courier::new(&agent.file().cluster, collector);
    stop.run_until_cancelled(courier.run(agent.clone())).await;
}

/// Nothing: this agent was built without traces, and was not started on a file that asks for them.
#[cfg(not(feature = "otel"))]
pub async fn run(agent: Arc<Agent>, base: PathBuf, stop: CancellationToken) {
    drop((agent, base, stop));
}
