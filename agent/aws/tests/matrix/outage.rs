//! us-east-1 is gone: the region that is left, and with it Route 53's one control plane.

use futures_util::FutureExt;
use quorate_core::StepOutcome;

use crate::bench::{Bench, Patience, ROUTE53};
use crate::driver::{self, Order};
use crate::fault::Fault;
use crate::subject::{Prepared, ecs, rds, route53};
use crate::world::{Kind, World};

/// What can be done is done, what cannot be says which call got no answer, and neither waits for the other.
async fn outage(kind: Kind, fault: Fault) {
    let world = World::start(kind).await;
    let [gone, _] = world.regions();
    let databases = world.databases().await;
    let possible = [rds::promotion(&databases.replica), ecs::scale_as(&world, &gone).await];
    let impossible = [
        (rds::fencing(&world, &databases.primary).await, "rds:DescribeDBInstances of "),
        (route53::simple(&world).await, "route53:ListResourceRecordSets of "),
    ];
    let before = [stands(&world, &impossible[0].0).await, stands(&world, &impossible[1].0).await];
    let bench = Bench::of(world, &[(&gone, fault), (ROUTE53, fault)]).await;
    let orders = possible.each_ref().map(|prepared| Order::new(&prepared.action, Patience::Short));
    let in_vain =
        impossible.each_ref().map(|(prepared, _)| Order::in_vain(&prepared.action, Patience::Short));
    let (promoted, scaled, fenced, repointed) = tokio::join!(
        driver::carry_out(&bench, &orders[0]),
        driver::carry_out(&bench, &orders[1]),
        driver::carry_out(&bench, &in_vain[0]),
        driver::carry_out(&bench, &in_vain[1]),
    );
    for (prepared, ended) in possible.iter().zip([promoted, scaled]) {
        assert!(matches!(ended.outcome, StepOutcome::Succeeded { .. }), "{kind}, {fault}: {ended:?}");
        assert_eq!(stands(&bench.world, prepared).await, prepared.done, "{kind}, {fault}");
    }
    for (((prepared, call), before), ended) in impossible.iter().zip(before).zip([fenced, repointed]) {
        let StepOutcome::Unknown { reason } = &ended.outcome else {
            panic!("{kind}, {fault}: what nobody can read is unknown: {ended:?}")
        };
        assert!(reason.contains(call) && reason.contains(&gone), "{kind}, {fault}: {reason}");
        assert_eq!(stands(&bench.world, prepared).await, before, "{kind}, {fault}");
    }
}

async fn stands(world: &World, prepared: &Prepared) -> String {
    (prepared.look)(world, &prepared.action).await
}

/// Goal: when us-east-1 is gone, the promotion and the scaling elsewhere succeed, although the scaling asks it for a
/// count; the fence and the repoint end in their time, change nothing, and say which call had no answer. Method: every
/// endpoint of the region and Route 53's refuse, then hang, on each emulator.
#[tokio::test]
async fn us_east_1_is_gone() {
    let faults = [Fault::RegionRefuses, Fault::RegionHangs];
    let outages = [Kind::Sandbox, Kind::Moto].map(|kind| faults.map(|fault| outage(kind, fault).boxed()));
    futures_util::future::join_all(outages.into_iter().flatten()).await;
}
