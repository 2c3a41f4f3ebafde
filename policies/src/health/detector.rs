//! One agent's opinion of one target: hysteresis over consecutive results. It must not read a clock: `now` comes in.
//! A result that says nothing changes nothing; silence makes the verdict `Unknown`, never `Down` (R7).

use super::reason::{FailureReason, Observation};
use crate::time::{Millis, Monotonic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One agent's opinion of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Answers as expected.
    Healthy,
    /// Failed lately, not often enough to be down: under confirmation.
    Suspect,
    /// Subjectively down.
    Down,
    /// No fresh data.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Healthy => "healthy",
            Verdict::Suspect => "suspect",
            Verdict::Down => "down",
            Verdict::Unknown => "unknown",
        })
    }
}

/// How many results flip a verdict, and when silence does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hysteresis {
    /// Consecutive failures until down.
    pub fall: u32,
    /// Consecutive successes until healthy.
    pub rise: u32,
    /// Without a result for this long the verdict is unknown.
    pub stale_after: Millis,
}

/// The detector's state. The counts are of consecutive results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not enough results yet, or none lately.
    Unknown {
        /// Successes so far.
        successes: u32,
        /// Failures so far.
        failures: u32,
    },
    /// Healthy.
    Healthy,
    /// Was healthy, fails now.
    Suspect {
        /// Failures so far.
        failures: u32,
    },
    /// Down.
    Down {
        /// Successes since.
        successes: u32,
    },
}

/// What moves the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A success.
    Success,
    /// A failure.
    Failure,
    /// A result that says nothing about the target.
    Nothing,
    /// No result for too long.
    Silence,
}

impl State {
    /// The next state; total over every pair.
    #[must_use]
    pub fn next(self, event: Event, rules: Hysteresis) -> State {
        match (self, event) {
            (state, Event::Nothing) => state,
            (_, Event::Silence) => State::Unknown { successes: 0, failures: 0 },
            (State::Unknown { successes, .. }, Event::Success) if successes + 1 >= rules.rise => {
                State::Healthy
            }
            (State::Unknown { successes, .. }, Event::Success) => {
                State::Unknown { successes: successes + 1, failures: 0 }
            }
            (State::Unknown { failures, .. }, Event::Failure) if failures + 1 >= rules.fall => {
                State::Down { successes: 0 }
            }
            (State::Unknown { failures, .. }, Event::Failure) => {
                State::Unknown { successes: 0, failures: failures + 1 }
            }
            (State::Healthy | State::Suspect { .. }, Event::Success) => State::Healthy,
            (State::Healthy, Event::Failure) if rules.fall <= 1 => State::Down { successes: 0 },
            (State::Healthy, Event::Failure) => State::Suspect { failures: 1 },
            (State::Suspect { failures }, Event::Failure) if failures + 1 >= rules.fall => {
                State::Down { successes: 0 }
            }
            (State::Suspect { failures }, Event::Failure) => State::Suspect { failures: failures + 1 },
            (State::Down { successes }, Event::Success) if successes + 1 >= rules.rise => State::Healthy,
            (State::Down { successes }, Event::Success) => State::Down { successes: successes + 1 },
            (State::Down { .. }, Event::Failure) => State::Down { successes: 0 },
        }
    }

    /// The verdict that this state means.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            State::Unknown { .. } => Verdict::Unknown,
            State::Healthy => Verdict::Healthy,
            State::Suspect { .. } => Verdict::Suspect,
            State::Down { .. } => Verdict::Down,
        }
    }
}

/// A change of verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Before.
    pub from: Verdict,
    /// After.
    pub to: Verdict,
}

/// The detector of one target.
#[derive(Debug, Clone)]
pub struct Detector {
    rules: Hysteresis,
    state: State,
    since: Monotonic,
    first_failure: Option<Monotonic>,
    last_result: Option<Monotonic>,
    last_reason: Option<FailureReason>,
    armed: bool,
}

impl Detector {
    /// A detector that knows nothing yet.
    #[must_use]
    pub fn new(rules: Hysteresis, now: Monotonic) -> Self {
        Self {
            rules,
            state: State::Unknown { successes: 0, failures: 0 },
            since: now,
            first_failure: None,
            last_result: None,
            last_reason: None,
            armed: false,
        }
    }

    /// The same history under other rules.
    #[must_use]
    pub fn with_rules(self, rules: Hysteresis) -> Self {
        Self { rules, ..self }
    }

    /// Takes one result. Returns the change of verdict, if there was one.
    pub fn observe(&mut self, now: Monotonic, observation: Observation) -> Option<Transition> {
        let event = match observation {
            Observation::Success => Event::Success,
            Observation::Failure(_) => Event::Failure,
            Observation::Nothing(_) => Event::Nothing,
        };
        match observation {
            Observation::Success => {
                self.last_result = Some(now);
                self.last_reason = None;
                self.first_failure = None;
            }
            Observation::Failure(reason) => {
                self.last_result = Some(now);
                self.last_reason = Some(reason);
                self.first_failure.get_or_insert(now);
            }
            Observation::Nothing(_) => {}
        }
        self.advance(now, event)
    }

    /// Notices silence, which ends a run of results also while the verdict is unknown. Returns the change of
    /// verdict, if there was one.
    pub fn tick(&mut self, now: Monotonic) -> Option<Transition> {
        let silent_since = self.last_result.unwrap_or(self.since);
        if now.since(silent_since) <= self.rules.stale_after {
            return None;
        }
        self.first_failure = None;
        self.advance(now, Event::Silence)
    }

    fn advance(&mut self, now: Monotonic, event: Event) -> Option<Transition> {
        let before = self.state.verdict();
        self.state = self.state.next(event, self.rules);
        let after = self.state.verdict();
        if after == Verdict::Healthy {
            self.armed = true;
        }
        if before == after {
            return None;
        }
        self.since = now;
        Some(Transition { from: before, to: after })
    }

    /// The verdict.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.state.verdict()
    }

    /// Whether this process has ever seen the target healthy. A target that was red when the agent started does
    /// not fire (F26, P21): its vote for down counts only once it is armed.
    #[must_use]
    pub const fn armed(&self) -> bool {
        self.armed
    }

    /// Since when the verdict is what it is.
    #[must_use]
    pub const fn since(&self) -> Monotonic {
        self.since
    }

    /// The first failure of the current run of failures: where the recovery time begins (P26).
    #[must_use]
    pub const fn first_failure(&self) -> Option<Monotonic> {
        self.first_failure
    }

    /// Why the last probe failed, if it did.
    #[must_use]
    pub const fn last_reason(&self) -> Option<FailureReason> {
        self.last_reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const RULES: Hysteresis = Hysteresis { fall: 3, rise: 2, stale_after: Millis(3_000) };

    /// Goal: the whole transition table is readable and deliberate. Method: every state with every event.
    #[test]
    fn transition_table() {
        let states = [
            State::Unknown { successes: 0, failures: 0 },
            State::Unknown { successes: 1, failures: 0 },
            State::Unknown { successes: 0, failures: 2 },
            State::Healthy,
            State::Suspect { failures: 1 },
            State::Suspect { failures: 2 },
            State::Down { successes: 0 },
            State::Down { successes: 1 },
        ];
        let mut table = String::new();
        for state in states {
            for event in [Event::Success, Event::Failure, Event::Nothing, Event::Silence] {
                writeln!(table, "{state:?} + {event:?} -> {:?}", state.next(event, RULES)).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    fn observation() -> impl Strategy<Value = Observation> {
        prop_oneof![
            Just(Observation::Success),
            Just(Observation::Failure(FailureReason::Status)),
            Just(Observation::Nothing(FailureReason::LocalResource)),
        ]
    }

    proptest! {
        /// Goal: down only after `fall` failures in a row (no single result bypasses the threshold).
        /// Method: random results; whenever the verdict becomes down, the last three that say anything failed.
        #[test]
        fn down_needs_a_full_run_of_failures(results in proptest::collection::vec(observation(), 1..60)) {
            let mut detector = Detector::new(RULES, Monotonic(0));
            let mut said = Vec::new();
            for (index, result) in results.into_iter().enumerate() {
                if !matches!(result, Observation::Nothing(_)) {
                    said.push(result);
                }
                let change = detector.observe(Monotonic(index as u64 * 100), result);
                if change.is_some_and(|change| change.to == Verdict::Down) {
                    prop_assert!(said.iter().rev().take(3).all(|r| matches!(r, Observation::Failure(_))));
                    prop_assert!(said.len() >= 3);
                }
            }
        }

        /// Goal: R7, silence is never down. Method: any history, then silence.
        #[test]
        fn silence_is_unknown(results in proptest::collection::vec(observation(), 0..40)) {
            let mut detector = Detector::new(RULES, Monotonic(0));
            for result in results {
                detector.observe(Monotonic(0), result);
            }
            detector.tick(Monotonic(3_001));
            prop_assert_eq!(detector.verdict(), Verdict::Unknown);
        }
    }

    /// Goal: R7, failures before and after a silence are no run of failures, also while the verdict is unknown.
    /// Method: an armed detector falls silent, fails twice, falls silent again, and fails once.
    #[test]
    fn silence_ends_a_run_of_failures() {
        let failure = Observation::Failure(FailureReason::ConnectTimeout);
        let mut detector = Detector::new(RULES, Monotonic(0));
        for _ in 0..2 {
            detector.observe(Monotonic(0), Observation::Success);
        }
        detector.tick(Monotonic(10_000));
        for at in [10_000, 11_000] {
            detector.observe(Monotonic(at), failure);
        }
        assert_eq!(detector.tick(Monotonic(20_000)), None, "unknown stays unknown");
        detector.observe(Monotonic(20_000), failure);
        assert_eq!(
            (detector.verdict(), detector.first_failure()),
            (Verdict::Unknown, Some(Monotonic(20_000)))
        );
    }

    /// Goal: F26, a target that was red from the start is down but not armed. Method: failures only, then recovery.
    #[test]
    fn red_at_start_is_not_armed() {
        let mut detector = Detector::new(RULES, Monotonic(0));
        for _ in 0..5 {
            detector.observe(Monotonic(0), Observation::Failure(FailureReason::ConnectRefused));
        }
        assert_eq!((detector.verdict(), detector.armed()), (Verdict::Down, false));
        for _ in 0..2 {
            detector.observe(Monotonic(1), Observation::Success);
        }
        assert_eq!((detector.verdict(), detector.armed()), (Verdict::Healthy, true));
    }
}
