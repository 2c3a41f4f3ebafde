//! Notifications: signed webhooks that tell machines what was decided, refused and done, and channels by which people are
//! told of an execution. Off the critical path: no decision, step or lease ever waits for a receiver (R28, P23).
//!
//! The audit is the outbox. The leader sends what stands behind `Cluster::notified`, and moves that mark when every
//! receiver has taken an event or was given up on. A new leader begins at the mark, so an event may be sent twice, but
//! always under the same id. `outbox` says what is an event, `progress` how far all have come, `attempt` whether to
//! try again, and `courier` sends to one receiver.
//!
//! What people are told is no copy of the audit: the core says what is due (`quorate_core::telling`), `round` hands it out,
//! `messenger` brings it by its `channel`, and the log is told what became of it, with the channel's own name for it.

mod attempt;
mod channel;
mod courier;
mod messenger;
mod outbox;
mod progress;
mod round;
mod signature;
mod tenure;

#[cfg(test)]
mod tests;

pub use outbox::{EVENT_TYPES, kind};
pub use signature::{SIGNATURE, sign};

use crate::{metrics::Metrics, outgoing::HttpClient, shell::Agent};
use attempt::Patience;
use quorate_core::{Body, Cluster, ExecutionId, Sent};
use quorate_policies::{Millis, Timestamp, document::AgentFile};
use round::Round;
use std::sync::Arc;
use tenure::Tenure;
use tokio_util::sync::CancellationToken;

/// How often the audit is looked at: a person reads the message some seconds later, so a quarter of one is no delay.
const LOOK_EVERY: Millis = Millis(250);

/// What the sender sees of the agent at one moment.
#[derive(Debug)]
struct Look {
    /// Whether this agent leads, with a majority.
    leads: bool,
    /// The log's state.
    cluster: Arc<Cluster>,
}

/// What notifications need of the agent; a trait, so that they are tested without consensus.
trait Source: Send + Sync + 'static {
    fn look(&self) -> Look;
    /// The wall clock, for signatures.
    fn now(&self) -> Timestamp;
    fn file(&self) -> &AgentFile;
    fn metrics(&self) -> &Metrics;
    /// Moves the mark up to which the outside was told; whether that was committed.
    fn mark(&self, sequence: u64) -> impl Future<Output = bool> + Send;
    /// Tells the log what became of a message; whether that was committed.
    fn told(&self, execution: ExecutionId, sent: Sent) -> impl Future<Output = bool> + Send;
}

impl Source for Agent {
    fn look(&self) -> Look {
        self.with_node(|node, _| {
            let standing = node.standing();
            Look { leads: standing.is_leader && standing.has_quorum, cluster: node.cluster().clone() }
        })
    }

    fn now(&self) -> Timestamp {
        self.with_node(|_, now| now.wall)
    }

    fn file(&self) -> &AgentFile {
        Agent::file(self)
    }

    fn metrics(&self) -> &Metrics {
        Agent::metrics(self)
    }

    async fn mark(&self, sequence: u64) -> bool {
        self.propose(None, Body::Notified { sequence }).await.is_ok()
    }

    async fn told(&self, execution: ExecutionId, sent: Sent) -> bool {
        self.propose(None, Body::Told { execution, sent }).await.is_ok()
    }
}

/// Sends notifications while this agent leads, until it is stopped.
pub async fn run(agent: Arc<Agent>, stop: CancellationToken) {
    let seed = agent.started_at().0;
    stop.run_until_cancelled(send(agent, Patience::default(), Patience::for_people(), seed)).await;
}

async fn send<S: Source>(source: Arc<S>, patience: Patience, people: Patience, seed: u64) {
    let client = HttpClient::new();
    let mut tenure: Option<Tenure<S>> = None;
    let mut round: Option<Round<S>> = None;
    loop {
        let look = source.look();
        if look.leads {
            let begin = || Tenure::new(source.clone(), client.clone(), patience, seed, look.cluster.notified);
            // People first: a webhook's mark is a commit.
            let round = round.get_or_insert_with(|| Round::new(source.clone(), client.clone(), people, seed));
            round.turn(&look.cluster);
            tenure.get_or_insert_with(begin).turn(&look.cluster).await;
        } else {
            // The next leader sends; what was under way here is cut off.
            (tenure, round) = (None, None);
        }
        tokio::time::sleep(LOOK_EVERY.duration()).await;
    }
}
