//! Watches every agent's `GET /v1/lease/{service}` the whole time, and finds the moment, if there is one, at which two
//! regions were told that they may write.

use super::api::Api;
use quorate_api::Lease;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// Between two looks at one agent: far below any lease.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A promise: this region may write, at least until then.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Promise {
    region: String,
    epoch: u64,
    /// When the answer was in hand.
    seen: Instant,
    /// Until when it holds at the least: counted from before the question was asked.
    until: Instant,
}

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    latest: Vec<Promise>,
    looks: u64,
    overlap: Option<String>,
}

/// The watch; it ends when dropped.
pub struct LeaseWatch {
    seen: Arc<Mutex<Seen>>,
    _tasks: JoinSet<()>,
}

/// What the watch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFinding {
    /// How often a lease was held when looked at.
    pub looks: u64,
    /// How two regions held it at once, if they did.
    pub overlap: Option<String>,
}

impl LeaseWatch {
    /// Begins to watch these agents.
    #[must_use]
    pub fn start(agents: &[Api], service: &str) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = JoinSet::new();
        for agent in agents {
            let (agent, seen, path) = (agent.clone(), seen.clone(), format!("/v1/lease/{service}"));
            tasks.spawn(async move {
                loop {
                    let asked = Instant::now();
                    if let Ok(Ok(lease)) = agent.try_get::<Lease>(&path).await {
                        let until = asked + Duration::from_millis(lease.remaining_ms);
                        let promise =
                            Promise { region: lease.region, epoch: lease.epoch, seen: Instant::now(), until };
                        seen.lock().unwrap_or_else(PoisonError::into_inner).take(promise);
                    }
                    sleep(LOOK_EVERY).await;
                }
            });
        }
        Self { seen, _tasks: tasks }
    }

    /// What was found so far.
    #[must_use]
    pub fn finding(&self) -> LeaseFinding {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        LeaseFinding { looks: seen.looks, overlap: seen.overlap.clone() }
    }
}

impl Seen {
    /// A promise to one region, while an earlier one to another still holds, is split brain.
    fn take(&mut self, promise: Promise) {
        self.looks += 1;
        // An answer that was under way for longer than it holds promises nothing: a paused agent's, for one.
        if promise.until <= promise.seen {
            return;
        }
        let other =
            self.latest.iter().find(|held| held.region != promise.region && promise.seen < held.until);
        if let Some(held) = other {
            self.overlap.get_or_insert(format!(
                "{} was told that it may write (epoch {}) while {} still could (epoch {})",
                promise.region, promise.epoch, held.region, held.epoch
            ));
        }
        self.latest.retain(|held| held.region != promise.region);
        self.latest.push(promise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a row of promises, each of a region, from one millisecond to another.
    fn overlap(promises: &[(&str, u64, u64)]) -> Option<String> {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut all = Seen::default();
        for (region, seen, until) in promises {
            all.take(Promise { region: (*region).into(), epoch: 1, seen: at(*seen), until: at(*until) });
        }
        all.overlap
    }

    /// Goal: the watch finds an overlap and only an overlap. Method: promises before and after the end of another.
    #[test]
    fn two_promises_at_once_are_found() {
        assert_eq!(overlap(&[("a", 0, 100), ("b", 101, 200)]), None);
        assert!(overlap(&[("a", 0, 100), ("b", 101, 200), ("a", 150, 250)]).is_some());
    }

    /// Goal: an answer that comes when its time is over is no promise. Method: one from before another's, in hand after.
    #[test]
    fn an_answer_that_comes_too_late_promises_nothing() {
        assert_eq!(overlap(&[("b", 101, 400), ("a", 300, 100)]), None);
    }
}
