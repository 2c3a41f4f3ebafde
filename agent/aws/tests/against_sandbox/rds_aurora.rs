//! Moving the writer of an Aurora global database: without loss, with loss, and where it cannot be.

use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::Action;

use crate::bench::{act, carry_out, observe};
use crate::rds_bench::{EAST, RdsBench, WEST, all_accepted, by_turns, context, failover, member, switchover};

async fn writer(bench: &RdsBench) -> String {
    let global = bench.world().await.global_clusters.remove(0);
    global.members.into_iter().find(|member| member.writer).unwrap().region
}

/// Goal: both actions move the writer with one call of their own kind, whoever looks meanwhile. Method: each by turns.
#[tokio::test]
async fn moves_the_writer() {
    for (action, call) in [(switchover(), "SwitchoverGlobalCluster"), (failover(), "FailoverGlobalCluster")] {
        let bench = RdsBench::start().await;
        let trail = by_turns(&bench, &action, &context()).await;
        assert!(trail.is_done() && all_accepted(&trail) && trail.waited(), "{trail:?}");
        assert_eq!(bench.changes().await, [call]);
        assert_eq!(writer(&bench).await, WEST);
    }
}

/// Goal: with the writer's region gone a failover goes through and a switchover does not, and is not taken for one.
/// Method: lose the region, carry out the one, act once on the other.
#[tokio::test]
async fn a_lost_region() {
    let bench = RdsBench::start().await;
    bench.lose(EAST).await;
    let aws = bench.agent().await;
    let acted = act(&aws, &switchover(), &context()).await;
    let Acted::Unknown { reason } = &acted else { panic!("{acted:?}") };
    assert!(reason.contains("rds:SwitchoverGlobalCluster of shop-global in us-east-1"), "{reason}");
    assert_eq!(writer(&bench).await, EAST);
    let trail = carry_out(&aws, &failover(), &context()).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(writer(&bench).await, WEST);
}

/// Goal: a call on top of one that runs is unknown, because it may be ours. Method: act twice.
#[tokio::test]
async fn a_second_call_may_be_ours() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    assert!(matches!(act(&aws, &failover(), &context()).await, Acted::Accepted { .. }));
    for action in [switchover(), failover()] {
        let acted = act(&aws, &action, &context()).await;
        let Acted::Unknown { reason } = &acted else { panic!("{acted:?}") };
        assert!(reason.contains("InvalidGlobalClusterStateFault"), "{reason}");
        assert!(matches!(observe(&aws, &action, &context()).await, Observed::InProgress { .. }));
    }
    assert_eq!(bench.changes().await.len(), 1);
}

/// Goal: a failover without consent, a target of elsewhere and a global cluster that is not there are impossible, and
/// nothing is changed. Method: one of each.
#[tokio::test]
async fn where_it_cannot_be() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let with = |change: &dyn Fn(&mut quorate_policies::plan::action::AuroraFailover)| {
        let mut action = failover();
        if let Action::AuroraFailover(fields) = &mut action {
            change(fields);
        }
        action
    };
    for action in [
        with(&|fields| fields.allow_data_loss = false),
        with(&|fields| fields.target = member("eu-west-1")),
        with(&|fields| fields.global_cluster = "nowhere".into()),
    ] {
        let seen = observe(&aws, &action, &context()).await;
        assert!(matches!(seen, Observed::Impossible { .. }), "{seen:?}");
        let acted = act(&aws, &action, &context()).await;
        assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{acted:?}");
    }
    assert!(bench.changes().await.is_empty());
}
