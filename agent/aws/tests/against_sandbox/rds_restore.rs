//! Restoring to a point in time: in order, by turns, another's instance, and moments that cannot be.

use quorate_policies::Timestamp;
use quorate_policies::effect::{Acted, Observed};
use serde_json::json;

use crate::bench::{act_on, carry_out, observe};
use crate::rds_bench::{EAST, PRIMARY, RdsBench, all_accepted, by_turns, context, last_text, restore};

/// Goal: the new instance has the source's settings and this execution's tag, and is done when it is available. Method:
/// restore the latest moment by turns, compare, and let another execution look.
#[tokio::test]
async fn restores_the_latest_moment() {
    let bench = RdsBench::start().await;
    let before = bench.database(EAST, PRIMARY).await.unwrap();
    let trail = by_turns(&bench, &restore("latest"), &context()).await;
    assert!(trail.is_done() && all_accepted(&trail) && trail.acted.len() == 1 && trail.waited(), "{trail:?}");
    let source = bench.database(EAST, PRIMARY).await.unwrap();
    let restored = bench.database(EAST, "shop-restored").await.unwrap();
    assert_eq!(restored.class, source.class);
    assert_eq!(restored.parameter_group, source.parameter_group);
    assert_eq!(restored.subnet_group, source.subnet_group);
    assert_eq!(restored.security_groups, source.security_groups);
    assert_eq!(restored.tags.get("quorate:execution"), Some(&context().execution));
    assert_eq!(restored.tags.get("quorate:restored-to").map(String::as_str), Some("latest"));
    assert_eq!((&source.tags, source.status), (&before.tags, before.status), "the source is as it was");
    let other = crate::bench::context(6);
    let seen = observe(&bench.agent().await, &restore("latest"), &other).await;
    let Observed::Impossible { reason } = &seen else { panic!("{seen:?}") };
    assert!(reason.contains("made by execution execution-5"), "{reason}");
    assert_eq!(bench.changes().await, ["RestoreDBInstanceToPointInTime"]);
}

/// Goal: to which moment an instance can be restored is read as RDS tells it, which lags behind and moves on; what cannot be
/// read is no moment. Method: two looks, an instance that is not there, and a region whose control plane is gone.
#[tokio::test]
async fn the_latest_restorable_time() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let first = aws.latest_restorable(EAST, PRIMARY).await.unwrap().unwrap();
    let now = bench.world().await.now_ms;
    assert!(first.0 < now, "{first} is not before {now}");
    let mut later = first;
    while later == first {
        later = aws.latest_restorable(EAST, PRIMARY).await.unwrap().unwrap();
    }
    assert!(later > first);
    let missing = aws.latest_restorable(EAST, "shop-nowhere").await.unwrap_err();
    assert!(missing.contains("DBInstanceNotFound"), "{missing}");
    bench.lose(EAST).await;
    assert!(aws.latest_restorable(EAST, PRIMARY).await.is_err());
    assert_eq!(bench.changes().await, [""; 0]);
}

/// Goal: a moment that the backups do not hold yet is waited for, one that is no moment is impossible. Method: now, by
/// the world's clock, whose backups lag behind it; then nonsense.
#[tokio::test]
async fn moments() {
    let bench = RdsBench::start().await;
    let now = Timestamp(bench.world().await.now_ms).to_string();
    let aws = bench.agent().await;
    let seen = observe(&aws, &restore(&now), &context()).await;
    assert!(matches!(&seen, Observed::InProgress { detail } if detail.contains("waiting for")), "{seen:?}");
    let trail = carry_out(&aws, &restore(&now), &context()).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    let mut nonsense = restore("yesterday");
    if let quorate_policies::plan::Action::RdsRestoreToPointInTime(action) = &mut nonsense {
        action.instance = "shop-other".into();
    }
    let seen = observe(&aws, &nonsense, &context()).await;
    assert!(matches!(seen, Observed::Impossible { .. }), "{seen:?}");
    let acted = act_on(&aws, &nonsense, 0, &context()).await;
    assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{acted:?}");
}

/// Goal: an instance of that name that nobody tagged is somebody else's and left alone; a source without backups or
/// without existence is impossible. Method: make each.
#[tokio::test]
async fn where_it_cannot_be() {
    let bench = RdsBench::start().await;
    bench.tell("/control/database", json!({"region": EAST, "id": "shop-restored"})).await;
    let trail = carry_out(&bench.agent().await, &restore("latest"), &context()).await;
    assert!(trail.acted.is_empty() && last_text(&trail).contains("not made by this execution"), "{trail:?}");
    bench.tell("/control/database", json!({"region": EAST, "id": "bare", "backup_retention_days": 0})).await;
    for source in ["bare", "nowhere"] {
        let mut action = restore("latest");
        if let quorate_policies::plan::Action::RdsRestoreToPointInTime(action) = &mut action {
            (action.source, action.instance) = (source.into(), "shop-other".into());
        }
        let seen = observe(&bench.agent().await, &action, &context()).await;
        assert!(matches!(&seen, Observed::Impossible { .. }), "{source}: {seen:?}");
    }
    assert!(bench.changes().await.is_empty());
}
