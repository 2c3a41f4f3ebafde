//! Many runs on all processors, each on a thread of its own, since a simulated runtime belongs to one thread.

use crate::{Outcome, Scenario, run};
use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

/// What came of one scenario.
pub struct Ran {
    /// Which one.
    pub scenario: Scenario,
    /// What came of it.
    pub outcome: Outcome,
}

/// Runs scenarios until there are none left, or `each` says stop by returning false. They come back as they end.
pub fn run_all(
    jobs: usize,
    scenarios: impl Iterator<Item = Scenario> + Send,
    mut each: impl FnMut(Ran) -> bool,
) {
    let (stop, queue) = (AtomicBool::new(false), std::sync::Mutex::new(scenarios));
    // One result a worker may wait: memory stays bounded when the receiver is slow.
    let (send, receive) = mpsc::sync_channel(jobs);
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (send, stop, queue) = (send.clone(), &stop, &queue);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(scenario) = queue.lock().expect("no worker panics").next() else { return };
                    let outcome = run(&scenario);
                    if send.send(Ran { scenario, outcome }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for ran in &receive {
            if !each(ran) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
}
