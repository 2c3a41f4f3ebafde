//! How often one agent asks Route 53, which takes five requests a second for a whole account and all its users (P5).
//! Reads take a turn and wait for it; the change itself never waits, it only counts. The arithmetic is pure.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least pause between two requests of one agent, in the long run: two and a half a second are half of the
/// account's five, so that a wait for `INSYNC` leaves room for another agent, for Terraform and for people.
pub(super) const LEAST_PAUSE: Duration = Duration::from_millis(400);
/// So many may come at once after a rest, so that looking and then acting costs no waiting. In any second there are
/// then at most these and the two that [`LEAST_PAUSE`] allows: the account's five.
pub(super) const AT_ONCE: u32 = 3;

/// The turns of one agent.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    turns: Mutex<Turns>,
}

/// When the next request would be due if all came evenly.
#[derive(Debug, Default)]
struct Turns {
    due: Option<Instant>,
}

impl Turns {
    /// Takes the next turn and says how long it is until then.
    fn take(&mut self, now: Instant) -> Duration {
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + LEAST_PAUSE);
        (due - now).saturating_sub(LEAST_PAUSE * (AT_ONCE - 1))
    }
}

impl Pace {
    /// Waits for a read's turn.
    pub(crate) async fn read(&self) {
        let wait = self.take();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a change, which does not wait.
    pub(crate) fn changed(&self) {
        self.take();
    }

    fn take(&self) -> Duration {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an agent that asks as fast as it can stays within the account's five requests in every second. Method:
    /// take thirty turns, each as soon as it may be, and slide a window of a second over them.
    #[test]
    fn never_more_than_five_a_second() {
        let (start, mut turns, mut now, mut asked) =
            (Instant::now(), Turns::default(), Duration::ZERO, vec![]);
        for _ in 0..30 {
            now += turns.take(start + now);
            asked.push(now);
        }
        for first in &asked {
            let within = |at: &&Duration| **at >= *first && **at < *first + Duration::from_secs(1);
            let count = asked.iter().filter(within).count();
            assert!(count <= 5, "{count} within a second of {first:?}");
        }
        assert_eq!(asked[..3], [Duration::ZERO; 3], "the first look and act do not wait");
    }

    /// Goal: a rest gives no more than the few at once. Method: rest for an hour, then count turns without a wait.
    #[test]
    fn a_rest_is_not_saved_up() {
        let (start, mut turns) = (Instant::now(), Turns::default());
        turns.take(start);
        let later = start + Duration::from_secs(3_600);
        let free = (0..10).take_while(|_| turns.take(later).is_zero()).count();
        assert_eq!(free, 3);
    }
}
