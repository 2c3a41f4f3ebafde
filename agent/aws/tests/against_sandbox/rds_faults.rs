//! Each call that changes something about a database, through each fault of the wire: the end is right, the world was
//! changed once by each part, each act was one attempt, and the caller claimed to know no more than it could.

use futures_util::future::join_all;
use quorate_policies::effect::Acted;
use quorate_policies::plan::Action;

use crate::bench::carry_out;
use crate::faults::{Known, faults};
use crate::rds_bench::{
    RdsBench, context, failover, fence, promote, reboot, rebuild, restore, switchover, unfence,
};

/// What has to stand before an action can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The world at its start.
    Start,
    /// The replica is promoted.
    Promoted,
    /// And the old primary is fenced and stopped.
    Stopped,
}

/// An action, what has to stand before, and the calls that it makes.
type Case = (Action, Stage, &'static [&'static str]);

/// Breaks one of the action's calls in every way, each in a world of its own.
async fn survives((action, stage, calls): &Case, operation: &'static str) {
    // Boxed: ten worlds side by side are more than a test's stack holds.
    let worlds = faults().into_iter().map(|(fault, known, acts)| {
        Box::pin(async move {
            let bench = RdsBench::start().await;
            if *stage != Stage::Start {
                bench.promoted().await;
            }
            if *stage == Stage::Stopped {
                assert!(carry_out(&bench.agent().await, &fence(true), &context()).await.is_done());
            }
            let made = bench.changes().await.len();
            let came = bench.script.arrived(operation);
            bench.script.set(operation, fault.clone(), 1);
            let trail = carry_out(&bench.agent_for(&fault).await, action, &context()).await;
            assert!(trail.is_done(), "{operation}, {fault:?}: {trail:?}");
            let broken = trail.acted.iter().find(|acted| !matches!(acted, Acted::Accepted { .. }));
            let conclusion = match broken {
                Some(Acted::Unknown { .. }) => Known::Nothing,
                Some(Acted::Refused { retryable: true, .. }) => Known::NotDoneNow,
                _ => panic!("{operation}, {fault:?}: {trail:?}"),
            };
            assert_eq!(conclusion, known, "{operation}, {fault:?}: {trail:?}");
            let usual = calls.iter().filter(|call| **call == operation).count() as u32;
            let arrived = bench.script.arrived(operation) - came;
            assert_eq!(arrived, acts + usual - 1, "{operation}, {fault:?}: {trail:?}");
            assert_eq!(bench.changes().await[made..], **calls, "{operation}, {fault:?}: {trail:?}");
        })
    });
    join_all(worlds).await;
}

async fn all_survive(case: Case) {
    for operation in case.2 {
        survives(&case, operation).await;
    }
}

/// Goal: a promotion survives every fault of its call (R4, P3). Method: the table of faults.
#[tokio::test]
async fn promotion() {
    all_survive((promote(), Stage::Start, &["PromoteReadReplica"])).await;
}

/// Goal: as above, for each part of a fence. Method: the table, for each of its calls.
#[tokio::test]
async fn fencing() {
    all_survive((fence(true), Stage::Promoted, &["ModifyDBInstance", "RebootDBInstance", "StopDBInstance"]))
        .await;
}

/// Goal: as above, for each part of its end. Method: the table, for each of its calls.
#[tokio::test]
async fn unfencing() {
    all_survive((unfence(), Stage::Stopped, &["StartDBInstance", "ModifyDBInstance"])).await;
}

/// Goal: as above, for a reboot. Method: the table.
#[tokio::test]
async fn rebooting() {
    all_survive((reboot(), Stage::Start, &["RebootDBInstance"])).await;
}

/// Goal: as above, for a restore. Method: the table.
#[tokio::test]
async fn restoring() {
    all_survive((restore("latest"), Stage::Start, &["RestoreDBInstanceToPointInTime"])).await;
}

/// Goal: as above, for each part of the rebuilding. Method: the table, for each of its calls.
#[tokio::test]
async fn rebuilding() {
    let calls = &["ModifyDBInstance", "AddTagsToResource", "CreateDBInstanceReadReplica"];
    all_survive((rebuild(), Stage::Promoted, calls)).await;
}

/// Goal: as above, for an Aurora switchover. Method: the table.
#[tokio::test]
async fn switching_over() {
    all_survive((switchover(), Stage::Start, &["SwitchoverGlobalCluster"])).await;
}

/// Goal: as above, for an Aurora failover. Method: the table.
#[tokio::test]
async fn failing_over() {
    all_survive((failover(), Stage::Start, &["FailoverGlobalCluster"])).await;
}
