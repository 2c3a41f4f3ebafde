//! What every server of one sandbox shares: the world behind a lock, the clock, and the one token that ends
//! them all. It decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::world::World;
use crate::world::call::{Call, Caller, Reply};
use crate::world::interference::Applies;
use crate::world::refusal::Refusal;

/// Shared by all servers of a sandbox.
#[derive(Debug)]
pub(crate) struct Stage {
    world: Mutex<World>,
    pub(crate) clock: Clock,
    /// Every task of the sandbox, so that shutdown can wait for the last one.
    pub(crate) tasks: TaskTracker,
    /// Ends every task.
    pub(crate) stop: CancellationToken,
    /// Marked whenever holds change, so that held calls look again.
    holds_changed: watch::Sender<()>,
    /// Notified when there may be another health check.
    pub(crate) checks_changed: Notify,
}

impl Stage {
    pub(crate) fn new(world: World, clock: Clock) -> Self {
        Stage {
            world: Mutex::new(world),
            clock,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            holds_changed: watch::Sender::new(()),
            checks_changed: Notify::new(),
        }
    }

    /// The world and the time. A panic elsewhere must not hide the world from a test that wants to look at
    /// it.
    pub(crate) fn world(&self) -> (MutexGuard<'_, World>, u64) {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        // The time is read under the lock, so that it never goes back from one holder to the next.
        let now_ms = self.clock.now_ms();
        (world, now_ms)
    }

    pub(crate) fn request_id(&self) -> String {
        self.world().0.identifiers.request()
    }

    pub(crate) fn holds_changed(&self) {
        self.holds_changed.send_replace(());
    }

    /// Carries out a call, held back before or after if that is asked for.
    pub(crate) async fn call(&self, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
        let apply = || {
            let reply = {
                let (mut world, now_ms) = self.world();
                world.call(caller, call, now_ms)
            };
            if call.service() == "route53" {
                self.checks_changed.notify_one();
            }
            reply
        };
        match self.hold(call.operation(), &caller.region) {
            None => apply(),
            Some((ms, Applies::Before)) => {
                let done = apply();
                self.wait_out(call.operation(), &caller.region, ms).await;
                done
            }
            Some((ms, Applies::After)) => {
                self.wait_out(call.operation(), &caller.region, ms).await;
                apply()
            }
        }
    }

    /// The hold for an operation, if one is set.
    pub(crate) fn hold(&self, operation: &str, region: &str) -> Option<(u64, Applies)> {
        self.world().0.interference.hold_for(operation, region).map(|hold| (hold.ms, hold.applies))
    }

    /// Waits for `ms`, or until the hold is removed.
    pub(crate) async fn wait_out(&self, operation: &str, region: &str, ms: u64) {
        let mut changed = self.holds_changed.subscribe();
        let removed = async {
            while self.hold(operation, region).is_some() {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => {}
            () = removed => {}
        }
    }
}
