//! What a supervisor of services is told, by `sd_notify`: that the agent serves, that its main loop still turns, that it
//! stops. It must not decide whether the agent is well: the loop beats, and beats that stay out are not made up for.
//! Without `NOTIFY_SOCKET` in the environment nothing is told to anybody.

use super::Agent;
use sd_notify::NotifyState;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often the watchdog is fed within its time. Two, as systemd advises: one lost wakeup is no reason to be killed.
const FEEDS_PER_TIMEOUT: u32 = 2;

/// The turns of the agent's main loop since it started.
#[derive(Debug, Default)]
pub(super) struct Beats(AtomicU64);

impl Beats {
    /// The loop has turned once.
    pub(super) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says that the agent serves, and feeds the watchdog from now on, if there is one.
pub(super) fn serving(agent: &Arc<Agent>) {
    tell(NotifyState::Ready);
    if let Some(timeout) = sd_notify::watchdog_enabled() {
        let feeding = feed(agent.clone(), timeout / FEEDS_PER_TIMEOUT);
        agent.tasks.spawn(agent.stop.clone().run_until_cancelled_owned(feeding));
    }
}

/// Says that the agent stops.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Feeds the watchdog each time that the main loop has turned since the last time.
async fn feed(agent: Arc<Agent>, every: Duration) {
    let mut seen = agent.beats.count();
    loop {
        tokio::time::sleep(every).await;
        let now = agent.beats.count();
        if now == seen {
            tracing::warn!("the main loop does not turn: the watchdog is not fed");
            continue;
        }
        seen = now;
        // A supervisor that does not read makes the sender wait: on a thread for waiting, and no agent waits with it.
        let _ = tokio::task::spawn_blocking(|| tell(NotifyState::Watchdog)).await;
    }
}

fn tell(state: NotifyState<'_>) {
    let what = state.to_string();
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, what, "the supervisor cannot be told");
    }
}

#[cfg(test)]
#[path = "supervised/tests.rs"]
mod tests;
