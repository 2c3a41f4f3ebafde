//! What the points of a `ReplicaLag` series mean. Pure: no call, no clock. Unknown is not zero (R7).

use quorate_policies::plan::Lag;
use quorate_policies::{Millis, Timestamp};

use crate::fault::Call;

/// The newest of the points, each the beginning of its minute and a number of seconds.
pub(super) fn newest(call: &Call, points: &[(Timestamp, f64)], now: Timestamp) -> Lag {
    let Some((at, seconds)) = points.iter().max_by_key(|(at, _)| *at) else {
        return Lag::Unknown { reason: format!("{call}: nothing was measured lately") };
    };
    match millis(*seconds) {
        Some(behind) => Lag::Known {
            behind,
            age: now.since(*at),
            by: "CloudWatch ReplicaLag".to_owned(),
            confirmed: false,
        },
        None if *seconds < 0.0 => {
            Lag::Unknown { reason: format!("{call}: {seconds}, which means that replication does not run") }
        }
        None => Lag::Unknown { reason: format!("{call}: {seconds} is not a number of seconds") },
    }
}

/// Seconds as milliseconds, rounded up: a lag is rather told too long. None for what is no length of time.
fn millis(seconds: f64) -> Option<Millis> {
    std::time::Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|length| u64::try_from(length.as_nanos().div_ceil(1_000_000)).ok())
        .map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(points: &[(u64, f64)]) -> Lag {
        let call =
            Call { operation: "cloudwatch:GetMetricData", region: "us-west-2".into(), id: "db".into() };
        let points: Vec<_> = points.iter().map(|(at, value)| (Timestamp(*at), *value)).collect();
        newest(&call, &points, Timestamp(500_000))
    }

    /// Goal: the newest point counts, whatever the order, and its age is its own. Method: two orders of two points.
    #[test]
    fn the_newest_point_counts() {
        let known = |behind, age| Lag::Known {
            behind: Millis(behind),
            age: Millis(age),
            by: "CloudWatch ReplicaLag".to_owned(),
            confirmed: false,
        };
        assert_eq!(read(&[(300_000, 9.0), (360_000, 1.2345)]), known(1_235, 140_000));
        assert_eq!(read(&[(360_000, 0.0), (300_000, 9.0)]), known(0, 140_000));
        assert_eq!(read(&[(560_000, 2.0)]), known(2_000, 0), "a clock that is late makes no negative age");
    }

    /// Goal: -1, nothing and nonsense are unknown, and an older good value does not hide them (R7). Method: a table.
    #[test]
    fn what_is_no_lag_is_unknown() {
        for (points, why) in [
            (vec![(300_000, 3.0), (360_000, -1.0)], "does not run"),
            (vec![], "nothing was measured"),
            (vec![(360_000, f64::NAN)], "not a number"),
            (vec![(360_000, f64::INFINITY)], "not a number"),
            (vec![(360_000, 1e30)], "not a number"),
        ] {
            let Lag::Unknown { reason } = read(&points) else { panic!("known: {points:?}") };
            assert!(reason.contains(why) && reason.contains("of db in us-west-2"), "{reason}");
        }
    }
}
