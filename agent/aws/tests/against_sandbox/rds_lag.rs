//! The lag of a replica: read, unreadable, and noted with a promotion.

use std::time::{Duration, Instant};

use quorate_policies::Millis;
use quorate_policies::effect::Observed;
use quorate_policies::plan::{Before, Lag};
use serde_json::json;

use crate::bench::observe;
use crate::proxy::{ALWAYS, Break};
use crate::rds_bench::{REPLICA, RdsBench, WEST, context, promote};

/// Goal: a measured lag is read with its age; -1, nothing and an unreadable metric are unknown with a reason (R7).
/// Method: set each, read each.
#[tokio::test]
async fn reads_the_lag() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    for (seconds, known) in [(Some(1.5), Some(1_500)), (Some(0.0), Some(0)), (Some(-1.0), None), (None, None)]
    {
        bench.tell("/control/replica_lag", json!({"region": WEST, "id": REPLICA, "seconds": seconds})).await;
        match (aws.replica_lag(WEST, REPLICA, None).await, known) {
            (Lag::Known { behind, age, .. }, Some(known)) => {
                assert_eq!(behind, Millis(known));
                assert!(age <= Millis(120_000), "older than its minute: {age}");
            }
            (Lag::Unknown { reason }, None) => assert!(reason.contains(REPLICA), "{reason}"),
            (read, _) => panic!("{seconds:?}: {read:?}"),
        }
    }
    for fault in [Break::Reset, Break::InternalError, Break::Truncate] {
        bench.script.set("GetMetricData", fault.clone(), 1);
        let before = bench.script.arrived("GetMetricData");
        let read = aws.replica_lag(WEST, REPLICA, None).await;
        assert!(matches!(read, Lag::Unknown { .. }), "{fault:?}: {read:?}");
        assert_eq!(bench.script.arrived("GetMetricData"), before + 1, "{fault:?}: one attempt");
    }
}

/// Goal: a promotion notes the lag once, before its first act, and is not held up by one that nobody tells. Method: a
/// measured lag; then a CloudWatch that hangs, against the limit of one attempt.
#[tokio::test]
async fn a_promotion_notes_the_lag() {
    let bench = RdsBench::start().await;
    bench.tell("/control/replica_lag", json!({"region": WEST, "id": REPLICA, "seconds": 2})).await;
    let noted = |seen: Observed| match seen {
        Observed::NotDone { part: 0, before: Some(Before::Promoted { source, lag }), .. } => (source, lag),
        other => panic!("{other:?}"),
    };
    let (source, lag) = noted(observe(&bench.agent().await, &promote(), &context()).await);
    assert!(source.ends_with(":db:shop-primary"), "{source}");
    assert!(matches!(lag, Lag::Known { behind: Millis(2_000), .. }), "{lag:?}");
    bench.script.set("GetMetricData", Break::Hang, ALWAYS);
    let hasty = bench.agent_for(&Break::Hang).await;
    let begun = Instant::now();
    let (source, lag) = noted(observe(&hasty, &promote(), &context()).await);
    assert!(begun.elapsed() < Duration::from_secs(3), "one attempt of 0.7 s, no retries");
    assert!(matches!(&lag, Lag::Unknown { reason } if reason.contains("ReplicaLag")), "{lag:?}");
    let asked = bench.script.arrived("GetMetricData");
    let again = quorate_policies::effect::EffectContext {
        before: Some(Before::Promoted { source, lag }),
        ..context()
    };
    let seen = observe(&hasty, &promote(), &again).await;
    assert!(matches!(seen, Observed::NotDone { before: None, .. }), "{seen:?}");
    assert_eq!(bench.script.arrived("GetMetricData"), asked, "what was noted is not read again");
}
