//! A whole failover through the proxy: promotion and scaling beside each other, then the record, with a fault of its own
//! for each call.

use quorate_core::StepOutcome;

use crate::bench::{Bench, Patience};
use crate::driver::{self, Order};
use crate::fault::Fault;
use crate::permissions;
use crate::subject::{ecs, rds, route53};
use crate::world::{Kind, World};

/// What each call meets, and how often: seven faults and slow replies, on four changes and on the reads between them.
const FAULTS: [(&str, Fault, u32); 8] = [
    ("PromoteReadReplica", Fault::LoseReply, 1),
    ("RegisterScalableTarget", Fault::Throttled, 1),
    ("UpdateService", Fault::HangAfter, 1),
    ("ChangeResourceRecordSets", Fault::Truncate, 1),
    ("DescribeDBInstances", Fault::Unavailable, 4),
    ("DescribeServices", Fault::Reset, 4),
    ("ListResourceRecordSets", Fault::InternalError, 4),
    ("DescribeTargetHealth", Fault::Latency, 2),
];
/// The changes, each of which happens once.
const CHANGES: [&str; 4] =
    ["PromoteReadReplica", "RegisterScalableTarget", "UpdateService", "ChangeResourceRecordSets"];

async fn failover(kind: Kind) {
    let world = World::start(kind).await;
    let promote = rds::promotion(&world.databases().await.replica);
    let (scale, repoint) = (ecs::scale(&world).await, route53::simple(&world).await);
    let bench = Bench::of(world, &[]).await;
    for (operation, fault, times) in FAULTS {
        bench.script.set(operation, fault, times);
    }
    let order = |action| Order::new(action, Patience::Short);
    let (promoting, scaling) = (order(&promote.action), order(&scale.action));
    let (promoted, scaled) =
        tokio::join!(driver::carry_out(&bench, &promoting), driver::carry_out(&bench, &scaling));
    let repointed = driver::carry_out(&bench, &order(&repoint.action)).await;
    for (prepared, ended) in [(&promote, promoted), (&scale, scaled), (&repoint, repointed)] {
        let action = prepared.action.kind();
        assert!(matches!(ended.outcome, StepOutcome::Succeeded { .. }), "{kind}, {action}: {ended:?}");
        let stands = (prepared.look)(&bench.world, &prepared.action).await;
        assert_eq!(stands, prepared.done, "{kind}, {action}");
    }
    let calls = bench.script.calls();
    for change in CHANGES {
        let carried_out = calls.iter().filter(|call| call.operation == change && call.carried_out).count();
        assert_eq!(carried_out, 1, "{kind}, {change}");
    }
    assert!(bench.script.unbroken().is_empty(), "{kind}: never called: {:?}", bench.script.unbroken());
    let missing = permissions::missing(&[&promote.action, &scale.action, &repoint.action], &calls);
    assert!(missing.is_empty(), "{kind}: {missing:?}");
}

/// Goal: a failover with seven faults at once ends right, with every effect once and no call that its policy does not
/// allow. Method: a fault for each operation, on each emulator; the worlds and the ledger afterwards.
#[tokio::test]
async fn with_seven_faults_at_once() {
    tokio::join!(failover(Kind::Sandbox), failover(Kind::Moto));
}
