//! Which trace is due, and when it is tried again. One at a time, oldest first; while the collector is away the pauses grow, and what
//! has become old is left out.

use super::collector::Collector;
use quorate_core::{Cluster, Execution, ExecutionId};
use quorate_policies::{Millis, Timestamp};
use std::{collections::BTreeSet, sync::Arc};

/// How often the log is looked at. Traces are read when it is over: a second is no delay.
#[cfg(feature = "otel")]
const LOOK_EVERY: Millis = Millis(1_000);
/// An execution that ended longer ago is not sent any more: a new leader must not send the whole history again, and a collector that
/// was away for so long is another matter.
const OLD: Millis = Millis::from_secs(3_600);
/// The first pause after a trace was not taken, which doubles each time,
const PAUSE_FIRST: Millis = Millis(1_000);
/// up to this: a minute later than it could be is not late for a trace, and a collector that comes back is not run over.
const PAUSE_MAX: Millis = Millis(60_000);

/// What is seen of the agent at one moment.
pub(super) struct Look {
    /// Whether this agent leads, with a majority.
    pub(super) leads: bool,
    /// The log's state.
    pub(super) cluster: Arc<Cluster>,
    /// The wall clock.
    pub(super) now: Timestamp,
}

/// Sends traces.
pub(super) struct Courier {
    /// The cluster's name.
    name: String,
    collector: Collector,
    /// What this process is done with: taken, or refused for good. No more than the log remembers.
    done: BTreeSet<ExecutionId>,
    pause: Millis,
    resume_at: Timestamp,
}

impl Courier {
    pub(super) fn new(name: &str, collector: Collector) -> Self {
        let done = BTreeSet::new();
        Self { name: name.to_owned(), collector, done, pause: PAUSE_FIRST, resume_at: Timestamp(0) }
    }

    /// Sends what is due, until it is dropped.
    #[cfg(feature = "otel")]
    pub(super) async fn run(mut self, agent: Arc<crate::shell::Agent>) {
        loop {
            let look = agent.with_node(|node, now| {
                let standing = node.standing();
                let leads = standing.is_leader && standing.has_quorum;
                Look { leads, cluster: node.cluster().clone(), now: now.wall }
            });
            self.turn(&look).await;
            tokio::time::sleep(LOOK_EVERY.duration()).await;
        }
    }

    /// Sends the oldest trace that is due, if there is one. Whether one was taken.
    pub(super) async fn turn(&mut self, look: &Look) -> bool {
        self.done.retain(|id| look.cluster.executions.contains_key(id));
        if !look.leads || look.now < self.resume_at {
            return false;
        }
        let Some(execution) = due(look, &self.done) else { return false };
        let id = execution.id.clone();
        let trace = quorate_traces::trace(&self.name, execution, &look.cluster.audit.entries);
        let Some(trace) = trace else { return false };
        match self.collector.take(quorate_traces::request(&trace)).await {
            Ok(()) => {
                tracing::info!(execution = %id, trace = %trace.id, "its trace was taken");
                self.done.insert(id);
                self.pause = PAUSE_FIRST;
                true
            }
            Err(error) if error.later => {
                tracing::warn!(execution = %id, %error, "its trace was not taken, and is tried again");
                self.resume_at = look.now.plus(self.pause);
                self.pause = Millis(self.pause.0 * 2).min(PAUSE_MAX);
                false
            }
            Err(error) => {
                tracing::error!(execution = %id, %error, "its trace was refused");
                self.done.insert(id);
                false
            }
        }
    }
}

/// The one that ended first of those that have ended lately.
fn due<'a>(look: &'a Look, done: &BTreeSet<ExecutionId>) -> Option<&'a Execution> {
    let ended = |execution: &Execution| execution.ended_at.filter(|_| execution.state.ended());
    let all = look.cluster.executions.values().filter(|execution| !done.contains(&execution.id));
    all.filter(|execution| ended(execution).is_some_and(|at| look.now.since(at) <= OLD))
        .min_by_key(|execution| (ended(execution), &execution.id))
}
