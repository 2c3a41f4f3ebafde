//! Half-life, back-off and the end of the last good credentials, on a clock that is only a number.

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn until(end: Option<u64>) -> Credentials {
    Credentials::new("AKIAEXAMPLE", "hush", None, end.map(at), "test")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn failed() -> Result<Credentials, String> {
    Err("no answer".to_owned())
}

/// Goal: the source is asked at half of the remaining life, each time anew, and never in a spin. Method: a source that
/// gives the same credentials again and again.
#[test]
fn half_of_the_remaining_life() {
    let mut keep = Keep::default();
    assert!(keep.is_due(at(0)), "the first fetch is due at once");
    let mut asked = Vec::new();
    let mut now = 0;
    while asked.len() < 6 {
        assert_eq!(keep.note(at(now), Ok(until(Some(3_600)))), News::None);
        now += keep.pause(at(now)).as_secs();
        asked.push(now);
    }
    assert_eq!(asked, [1_800, 2_700, 3_150, 3_375, 3_487, 3_543]);
    assert_eq!(keep.note(at(3_599), Ok(until(Some(3_600)))), News::None);
    assert_eq!(keep.pause(at(3_599)), PAUSE_MIN);
}

/// Goal: credentials without an end are read again now and then, and are always usable. Method: look far ahead.
#[test]
fn endless_credentials() {
    let mut keep = Keep::default();
    keep.note(at(0), Ok(until(None)));
    assert_eq!(keep.pause(at(0)), ENDLESS_REREAD);
    assert!(keep.usable(at(1_000_000)).is_some());
    assert_eq!(keep.state(at(1_000_000)), CredentialsState::fixed());
}

/// Goal: while the source fails the last good ones are used until their very end, and not a moment longer; the state
/// tells since when. Method: fail from half-life on.
#[test]
fn the_last_good_ones_are_kept() {
    let mut keep = Keep::default();
    keep.note(at(0), Ok(until(Some(100))));
    let begin = keep.note(at(50), failed());
    assert_eq!(begin, News::Failing { why: "no answer".into(), left: Some(seconds(50)) });
    assert_eq!(keep.note(at(51), failed()), News::None, "told once");
    assert!(keep.usable(at(99)).is_some());
    assert!(keep.usable(at(100)).is_none());
    let state = keep.state(at(80));
    assert_eq!(
        (state.held, state.expires_in, state.failing_for),
        (true, Some(seconds(20)), Some(seconds(30)))
    );
    assert_eq!(keep.note(at(101), failed()), News::Failing { why: "no answer".into(), left: None });
    assert_eq!(keep.note(at(102), failed()), News::None, "told once");
    assert_eq!(keep.why_none(), "the credentials have expired: no answer");
    assert!(!keep.state(at(102)).held);
    assert_eq!(keep.note(at(103), Ok(until(Some(200)))), News::Recovered);
    assert_eq!(keep.state(at(103)).failing_for, None);
}

/// Goal: a failing source is asked less and less often while there is something to use, and every second once there is
/// not. Method: the pauses of a long failure.
#[test]
fn failures_back_off() {
    let mut keep = Keep::default();
    keep.note(at(0), Ok(until(Some(1_000))));
    let pauses: Vec<u64> = (0..7)
        .map(|_| {
            keep.note(at(500), failed());
            keep.pause(at(500)).as_secs()
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    keep.note(at(1_000), failed());
    assert_eq!(keep.pause(at(1_000)), RETRY_FIRST);
    assert!(keep.is_due(at(1_001)));
    for _ in 0..1_000 {
        keep.note(at(1_001), failed());
    }
    assert_eq!(keep.pause(at(1_001)), RETRY_FIRST);
}

/// Goal: expired credentials are a failure and do not replace better ones. Method: a source with an old answer.
#[test]
fn expired_ones_are_no_answer() {
    let mut keep = Keep::default();
    keep.note(at(0), Ok(until(Some(100))));
    assert!(matches!(keep.note(at(50), Ok(until(Some(40)))), News::Failing { .. }));
    assert_eq!(keep.usable(at(60)).and_then(Credentials::expiry), Some(at(100)));
}

/// Goal: asking for a renewal makes a fetch due at once, but does not hammer a source that fails. Method: both.
#[test]
fn renewal() {
    let mut keep = Keep::default();
    keep.note(at(0), Ok(until(Some(100))));
    assert!(!keep.is_due(at(1)));
    keep.renew();
    assert!(keep.is_due(at(1)));
    keep.note(at(1), failed());
    assert!(!keep.is_due(at(1)) && keep.is_due(at(2)));
    keep.note(at(2), Ok(until(Some(100))));
    assert!(!keep.is_due(at(3)));
}

/// Goal: a clock that was set back does not stall or panic. Method: look before the fetch.
#[test]
fn a_clock_set_back() {
    let mut keep = Keep::default();
    keep.note(at(1_000), Ok(until(Some(2_000))));
    assert_eq!(keep.pause(at(0)), seconds(500));
    keep.note(at(1_000), failed());
    assert_eq!(keep.state(at(0)).failing_for, Some(Duration::ZERO));
}
