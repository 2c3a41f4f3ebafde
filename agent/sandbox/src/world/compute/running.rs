//! The tasks of one service: which run, which start or stop next, and what the service says about it.

use std::collections::VecDeque;

use super::{Compute, ServiceEvent};
use crate::options::Timing;

/// A running task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// The address under which it is registered in the target group.
    pub address: String,
    /// When it started, in milliseconds.
    pub started_ms: u64,
}

/// A service and what lies ahead of it.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) compute: Compute,
    /// When each of the next tasks starts, or stops, in milliseconds, in order.
    due_ms: VecDeque<u64>,
    /// Running tasks, oldest first.
    pub(super) tasks: Vec<Task>,
    /// Counts of running tasks, each from its moment on.
    pub(super) counts: VecDeque<(u64, u32)>,
    started: u64,
    said: u64,
}

/// 100: as many events as ECS keeps of a service.
const EVENTS_MAX: usize = 100;
/// 10,000 changes of the count: a day of hourly failovers of ten tasks, both ways, with room to spare.
const COUNTS_MAX: usize = 10_000;
/// An odd number without a pattern, which spreads ids over all digits.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

impl Running {
    /// A service whose tasks have been running since `now_ms`, and long enough to be healthy.
    pub(super) fn settled(compute: Compute, now_ms: u64) -> Self {
        let (tasks, counts) = (Vec::new(), VecDeque::from([(0, compute.desired)]));
        let mut running = Running { compute, due_ms: VecDeque::new(), tasks, counts, started: 0, said: 0 };
        while running.compute.running < running.compute.desired {
            running.start(0);
        }
        running.say(now_ms, "has reached a steady state.");
        running
    }

    /// Sets the desired count, and answers the service and whether anything changed.
    pub(super) fn want(&mut self, desired: u32, now_ms: u64, timing: Timing) -> (Compute, bool) {
        let changed = self.compute.desired != desired;
        if changed {
            self.reschedule(desired, now_ms, timing);
        }
        (self.compute.clone(), changed)
    }

    /// Starts and stops every task that is due.
    pub(super) fn advance(&mut self, now_ms: u64, timing: Timing) {
        while let Some(at_ms) = self.due_ms.pop_front_if(|due| *due <= now_ms) {
            if self.compute.running > self.compute.desired {
                self.stop(at_ms);
            } else if self.compute.room.is_some_and(|room| self.compute.running >= room) {
                // ECS tries again and again, and says so each time.
                self.say(
                    at_ms,
                    "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again \
                     later or in a different availability zone.",
                );
                self.due_ms.push_front(at_ms);
                let pause_ms = timing.task_start_ms.max(1);
                self.due_ms.iter_mut().for_each(|due| *due += pause_ms);
                continue;
            } else {
                self.start(at_ms);
                self.count(at_ms);
            }
            if self.compute.running == self.compute.desired {
                self.say(at_ms, "has reached a steady state.");
            }
        }
        self.compute.pending = self.compute.desired.saturating_sub(self.compute.running);
    }

    fn start(&mut self, at_ms: u64) {
        self.started += 1;
        let id = format!("{:032x}", u128::from(self.started).wrapping_mul(SPREAD));
        let (high, low) = (self.started / 250 % 256, self.started % 250 + 1);
        let task = Task { address: format!("10.0.{high}.{low}"), started_ms: at_ms, id };
        if at_ms > 0 {
            let message = format!("has started 1 tasks: (task {}).", task.id);
            self.say(at_ms, &message);
            let group = self.compute.target_group_arn();
            self.say(at_ms, &format!("registered 1 targets in (target-group {group})"));
        }
        self.tasks.push(task);
        self.compute.running += 1;
    }

    /// The oldest goes first, as a scale-in within one zone does.
    fn stop(&mut self, at_ms: u64) {
        let task = self.tasks.remove(0);
        self.compute.running -= 1;
        self.count(at_ms);
        self.say(at_ms, &format!("has stopped 1 running tasks: (task {}).", task.id));
    }

    fn count(&mut self, at_ms: u64) {
        if self.counts.len() == COUNTS_MAX {
            self.counts.pop_front();
        }
        self.counts.push_back((at_ms, self.compute.running));
    }

    fn say(&mut self, at_ms: u64, message: &str) {
        self.said += 1;
        let message = format!("(service {}) {message}", self.compute.service);
        self.compute.events.insert(0, ServiceEvent { number: self.said, at_ms, message });
        self.compute.events.truncate(EVENTS_MAX);
    }

    /// Orders as many starts or stops as are missing. Tasks already on their way in the same direction keep
    /// their time; a change of direction forgets them.
    fn reschedule(&mut self, desired: u32, now_ms: u64, timing: Timing) {
        let running = self.compute.running;
        let was_up = self.compute.desired > running;
        let up = desired > running;
        if was_up != up {
            self.due_ms.clear();
        }
        let missing = desired.abs_diff(running) as usize;
        self.due_ms.truncate(missing);
        let first_ms = now_ms + if up { timing.task_start_ms } else { timing.task_stop_ms };
        let mut next_ms =
            self.due_ms.back().map_or(first_ms, |last| first_ms.max(last + timing.task_stagger_ms));
        while self.due_ms.len() < missing {
            self.due_ms.push_back(next_ms);
            next_ms += timing.task_stagger_ms;
        }
        self.compute.desired = desired;
        self.compute.pending = desired.saturating_sub(running);
    }
}
