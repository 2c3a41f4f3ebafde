//! Rebuilding the redundancy after a failover: the old primary renamed and tagged, a replica under its name.

use quorate_policies::effect::{EffectContext, Observed};
use quorate_policies::plan::{Action, Before};
use serde_json::json;

use crate::bench::{Trail, carry_out, observe};
use crate::rds_bench::{
    EAST, PRIMARY, REPLICA, RdsBench, WEST, all_accepted, by_turns, context, fence, last_text, rebuild,
};

/// The old primary's new name in the tests' epoch.
const OLD: &str = "shop-primary-before-5";

/// Goal: the old primary lives on under another name with its data, tagged, and a replica of the new primary has its
/// name and its settings. Method: rebuild by turns after a promotion, look at the world.
#[tokio::test]
async fn rebuilds() {
    let bench = RdsBench::start().await;
    bench.promoted().await;
    let before = bench.database(EAST, PRIMARY).await.unwrap();
    let trail = by_turns(&bench, &rebuild(), &context()).await;
    assert!(trail.is_done() && trail.waited(), "{trail:?}");
    let expected =
        ["PromoteReadReplica", "ModifyDBInstance", "AddTagsToResource", "CreateDBInstanceReadReplica"];
    assert_eq!(bench.changes().await, expected, "{trail:?}");
    let old = bench.database(EAST, OLD).await.unwrap();
    assert_eq!(old.resource_id, before.resource_id, "the same instance");
    assert_eq!(old.tags.get("quorate:renamed"), Some(&context().execution));
    let replica = bench.database(EAST, PRIMARY).await.unwrap();
    assert!(replica.source.is_some_and(|source| source.ends_with(":db:shop-replica")));
    assert_eq!(replica.security_groups, before.security_groups);
    assert_eq!(replica.parameter_group, before.parameter_group);
    assert_eq!(replica.tags.get("quorate:execution"), Some(&context().execution));
}

/// Goal: the rename is noted, so that an instance between two names is not taken for none. Method: read the note; give
/// it back where neither name shows.
#[tokio::test]
async fn the_rename_is_noted() {
    let bench = RdsBench::start().await;
    bench.promoted().await;
    let aws = bench.agent().await;
    let seen = observe(&aws, &rebuild(), &context()).await;
    let Observed::NotDone { part: 0, before, .. } = seen else { panic!("{seen:?}") };
    assert_eq!(before, Some(Before::Renamed { old: PRIMARY.into(), new: OLD.into() }));
    let elsewhere = |noted: Option<Before>| {
        let mut action = rebuild();
        if let Action::RdsCreateCrossRegionReplica(action) = &mut action {
            action.instance = "shop-nowhere".into();
        }
        (action, EffectContext { before: noted, ..context() })
    };
    let (action, noted) = elsewhere(before);
    assert!(matches!(observe(&aws, &action, &noted).await, Observed::Unknown { .. }));
    let (action, without) = elsewhere(None);
    assert!(matches!(observe(&aws, &action, &without).await, Observed::NotDone { part: 2, .. }));
}

/// Goal: without an old primary only the replica is made; one that is there already is done. Method: a name that nobody
/// has, twice.
#[tokio::test]
async fn without_an_old_primary() {
    let bench = RdsBench::start().await;
    bench.promoted().await;
    let mut action = rebuild();
    if let Action::RdsCreateCrossRegionReplica(action) = &mut action {
        action.instance = "shop-fresh".into();
        action.security_groups = vec!["sg-application".into()];
    }
    let trail = carry_out(&bench.agent().await, &action, &context()).await;
    assert!(trail.is_done() && all_accepted(&trail) && trail.acted.len() == 1, "{trail:?}");
    let fresh = bench.database(EAST, "shop-fresh").await.unwrap();
    assert_eq!(fresh.security_groups[0].id, "sg-application");
    let again = carry_out(&bench.agent().await, &action, &crate::bench::context(6)).await;
    assert!(again.is_done() && again.acted.is_empty(), "{again:?}");
}

/// Goal: nothing is renamed while the new primary is none, nor where the old one is stopped or is not an old primary.
/// Method: before a promotion; after a fence with `stop`; a replica of something else.
#[tokio::test]
async fn where_it_cannot_be() {
    let bench = RdsBench::start().await;
    let refused = |trail: &Trail, why: &str| {
        assert!(trail.acted.is_empty() && last_text(trail).contains(why), "{why}: {trail:?}");
    };
    let aws = bench.agent().await;
    refused(&carry_out(&aws, &rebuild(), &context()).await, "is itself a replica");
    bench.promoted().await;
    assert!(carry_out(&aws, &fence(true), &context()).await.is_done());
    refused(&carry_out(&aws, &rebuild(), &context()).await, "RDS renames no stopped instance");
    bench.tell("/control/database", json!({"region": WEST, "id": "other"})).await;
    let source = "arn:aws:rds:us-west-2:111122223333:db:other";
    bench.tell("/control/database", json!({"region": EAST, "id": "theirs", "source": source})).await;
    let mut action = rebuild();
    if let Action::RdsCreateCrossRegionReplica(action) = &mut action {
        action.instance = "theirs".into();
    }
    refused(&carry_out(&aws, &action, &context()).await, "not an old primary");
    let mut nowhere = rebuild();
    if let Action::RdsCreateCrossRegionReplica(action) = &mut nowhere {
        action.source = "nowhere".into();
    }
    refused(&carry_out(&aws, &nowhere, &context()).await, "DBInstanceNotFound");
    assert!(bench.database(WEST, REPLICA).await.unwrap().replicas.is_empty());
}
