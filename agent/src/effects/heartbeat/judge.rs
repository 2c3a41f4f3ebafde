//! What a heartbeat row says about its replica. Pure: no connection, no clock. Unknown is not zero (R7).

use quorate_policies::{
    Millis,
    plan::{Lag, action::Heartbeat},
};
use std::time::Duration;

/// How far into the future a row may lie. The row's moment is the primary's clock and the present is the replica's, so
/// the lag is wrong by as much as the two differ: a row lies in the future when the replica's clock is behind by more
/// than the replica is. Hosts that ask NTP servers differ by some milliseconds, those of AWS by less; half a second
/// says that one of them is not kept any more, and then no age of a row means anything. So far the lag may be told
/// too short, which is small beside the seconds between two beats, by which it is told too long.
const CLOCKS_DIFFER_MAX_S: f64 = 0.5;
/// What the column has to be: without a time zone the session's own would be read into it.
const KIND: &str = "timestamp with time zone";

/// What the replica answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beat {
    /// Whether the server replays another's log.
    pub(super) in_recovery: bool,
    /// The column's type, as PostgreSQL calls it.
    pub(super) kind: String,
    /// The newest row's age in seconds; none without a row.
    pub(super) age_s: Option<f64>,
}

/// How far behind a replica is that answered so, or why that is not known.
pub(super) fn behind(beat: &Beat) -> Result<Millis, String> {
    if !beat.in_recovery {
        // On the primary the row is always fresh, whatever the replica lacks.
        return Err("the server is no replica".to_owned());
    }
    if beat.kind != KIND {
        return Err(format!("the column is of the type `{}`, not timestamptz", beat.kind));
    }
    let Some(seconds) = beat.age_s else { return Err("there is no row".to_owned()) };
    if seconds < -CLOCKS_DIFFER_MAX_S {
        return Err(format!("the row is {:.3} s in the future: the servers' clocks differ", -seconds));
    }
    // Rounded up: a lag is rather told too long.
    Duration::try_from_secs_f64(seconds.max(0.0))
        .ok()
        .filter(|_| !seconds.is_nan())
        .and_then(|length| u64::try_from(length.as_nanos().div_ceil(1_000_000)).ok())
        .map(Millis)
        .ok_or_else(|| format!("{seconds} is not a number of seconds"))
}

/// The lag that was read from a row within so long.
pub(super) fn lag(row: &Heartbeat, behind: Result<Millis, String>, within: Duration) -> Lag {
    match behind {
        Ok(behind) => {
            let age = Millis::of(within);
            Lag::Known { behind, age, by: "heartbeat row".to_owned(), confirmed: false }
        }
        Err(why) => {
            let Heartbeat { host, port, database, table, .. } = row;
            Lag::Unknown { reason: format!("heartbeat row of {table} in {database} at {host}:{port}: {why}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(age_s: impl Into<Option<f64>>) -> Beat {
        Beat { in_recovery: true, kind: KIND.to_owned(), age_s: age_s.into() }
    }

    /// Goal: an age is a lag, rounded up, and one of clocks that differ a little is none. Method: a table.
    #[test]
    fn the_rows_age_is_the_lag() {
        for (age, expected) in [(0.0, 0), (1.2345, 1_235), (3_600.0, 3_600_000), (-0.0004, 0), (-0.5, 0)] {
            assert_eq!(behind(&beat(age)), Ok(Millis(expected)), "{age}");
        }
    }

    /// Goal: what says nothing is unknown with its reason, never zero (R7). Method: a table.
    #[test]
    fn what_is_no_lag_is_unknown() {
        let primary = Beat { in_recovery: false, ..beat(0.0) };
        let local = Beat { kind: "timestamp without time zone".to_owned(), ..beat(0.0) };
        for (beat, why) in [
            (beat(None), "no row"),
            (beat(-0.501), "in the future"),
            (beat(f64::NEG_INFINITY), "in the future"),
            (beat(f64::INFINITY), "not a number"),
            (beat(f64::NAN), "not a number"),
            (beat(1e30), "not a number"),
            (primary, "no replica"),
            (local, "not timestamptz"),
        ] {
            let told = behind(&beat).unwrap_err();
            assert!(told.contains(why), "{beat:?}: {told}");
        }
    }
}
