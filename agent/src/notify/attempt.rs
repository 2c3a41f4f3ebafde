//! Whether an event is sent again. Pure: what became of an attempt goes in, what follows comes out.

use crate::outgoing::SendError;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use quorate_policies::Millis;

/// How patient the sender is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How long one attempt may take.
    pub(super) timeout: Millis,
    /// How often an event is tried.
    pub(super) attempts: u32,
    /// Pause after the first failed attempt; it doubles with each.
    pub(super) pause: Millis,
    /// Longest pause that doubling gives.
    pub(super) pause_max: Millis,
    /// Longest pause that a receiver may ask for.
    pub(super) retry_after_max: Millis,
    /// Least time between two requests to one receiver.
    pub(super) gap: Millis,
}

impl Patience {
    /// For channels of people, which hear little and need all of it.
    pub(super) fn for_people() -> Self {
        Self {
            // Ten attempts span four minutes: a receiver's restart, or a route that heals. What is older is told by the next update.
            attempts: 10,
            pause: Millis::from_secs(1),
            pause_max: Millis::from_secs(60),
            // Slack and Statuspage ask for a minute at the most in what they document.
            retry_after_max: Millis::from_secs(300),
            // One request a second is what Slack and Statuspage allow.
            gap: Millis::from_secs(1),
            ..Self::default()
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // The common rule for webhooks: take it, answer, work afterwards.
            timeout: Millis::from_secs(5),
            // Six attempts span a receiver's restart, about a minute at the worst.
            attempts: 6,
            pause: Millis(500),
            pause_max: Millis::from_secs(10),
            // Above it the event is no news any more by the time it arrives.
            retry_after_max: Millis::from_secs(60),
            // Each webhook is one request, and its queue is bounded.
            gap: Millis::ZERO,
        }
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The answer's status, or why there is none.
    pub(super) status: Result<StatusCode, SendError>,
    /// How long the receiver asked to wait.
    pub(super) retry_after: Option<Millis>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The receiver has it.
    Delivered,
    /// Send it again after a pause.
    Again(Millis),
    /// Leave it.
    GiveUp(String),
}

/// What follows attempt number `attempt`, counted from 1, of at most `attempts`. `jitter` is between 0 and 1.
pub(super) fn next(patience: &Patience, attempts: u32, attempt: u32, outcome: &Outcome, jitter: f64) -> Next {
    let (why, worth_it) = match &outcome.status {
        Ok(status) if status.is_success() => return Next::Delivered,
        Ok(status) => (format!("the receiver answered {}", status.as_u16()), may_pass(*status)),
        Err(error) => (error.to_string(), true),
    };
    after(patience, attempts, attempt, (why, worth_it), outcome.retry_after, jitter)
}

/// The same after an attempt that failed: why, and whether another one may help.
pub(super) fn after(
    patience: &Patience,
    attempts: u32,
    attempt: u32,
    (why, worth_it): (String, bool),
    retry_after: Option<Millis>,
    jitter: f64,
) -> Next {
    if !worth_it {
        return Next::GiveUp(why);
    }
    if attempt >= attempts {
        return Next::GiveUp(format!("{why}, after {attempt} attempts"));
    }
    let doubled = Millis(patience.pause.0 << (attempt - 1).min(16)).min(patience.pause_max);
    // Half of the pause is random, so that receivers shared by many senders are not asked by all at once.
    let jittered = Millis((doubled.0 as f64 * (0.5 + jitter / 2.0)) as u64);
    let asked = retry_after.unwrap_or(Millis::ZERO).min(patience.retry_after_max);
    Next::Again(jittered.max(asked))
}

/// Answers after which the same request may succeed. A redirect is not one: the signed address is the configured one.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
}

/// `Retry-After` in seconds; a date is not worth a clock comparison, the usual pause follows instead.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Millis(seconds.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt::Write as _, time::Duration};

    fn answered(status: u16, retry_after: Option<u64>) -> Outcome {
        Outcome { status: Ok(StatusCode::from_u16(status).unwrap()), retry_after: retry_after.map(Millis) }
    }

    /// Goal: what is tried again, and when, is deliberate. Method: a table of answers, first and last attempt.
    #[test]
    fn the_table_of_retries() {
        let patience = Patience::default();
        let late = Outcome { status: Err(SendError::Late(Duration::from_secs(5))), retry_after: None };
        let outcomes = [
            ("204", answered(204, None)),
            ("302", answered(302, None)),
            ("401", answered(401, None)),
            ("408", answered(408, None)),
            ("429, asks for 3 s", answered(429, Some(3_000))),
            ("503, asks for an hour", answered(503, Some(3_600_000))),
            ("500", answered(500, None)),
            ("late", late),
        ];
        let mut table = String::new();
        for (name, outcome) in outcomes {
            for attempt in [1, 4, 6] {
                let next = next(&patience, patience.attempts, attempt, &outcome, 1.0);
                writeln!(table, "{name}, attempt {attempt}: {next:?}").unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    /// Goal: pauses are jittered, within bounds. Method: the ends of the range.
    #[test]
    fn pauses_are_jittered() {
        let pause = |jitter| next(&Patience::default(), 6, 2, &answered(500, None), jitter);
        assert_eq!(pause(0.0), Next::Again(Millis(500)));
        assert_eq!(pause(1.0), Next::Again(Millis(1_000)));
    }

    /// Goal: only whole seconds are read from `Retry-After`. Method: the forms in which it comes.
    #[test]
    fn retry_after_in_seconds() {
        let read = |text: &str| retry_after(&[(RETRY_AFTER, text.parse().unwrap())].into_iter().collect());
        assert_eq!(read(" 3"), Some(Millis(3_000)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(read("-1"), None);
    }
}
