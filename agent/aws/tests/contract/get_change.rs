//! GetChange: when a change has reached every name server.

use aws_sdk_route53::types::ChangeStatus;

use crate::change_resource_record_sets::{Batch, text};
use crate::wire::refused;
use crate::world::{World, fresh};

contract!(is_pending_first, tells_changes_apart, refuses_what_is_not_there);

async fn status(world: &World, id: &str) -> ChangeStatus {
    let reply = world.route53().get_change().id(id).send().await.unwrap();
    reply.change_info().unwrap().status().clone()
}

/// Goal: a change is PENDING and then INSYNC, and stays so. Method: change, look until it is.
async fn is_pending_first(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("mark"), zone.name);
    let info = Batch::new().create(text(&name, "one")).send(world, &zone).await.unwrap();
    assert_eq!(*info.change_info().unwrap().status(), ChangeStatus::Pending);
    let id = info.change_info().unwrap().id();
    let seen = world.watch(|| status(world, id), |status| *status == ChangeStatus::Insync).await;
    assert_eq!(seen, [ChangeStatus::Pending, ChangeStatus::Insync]);
    Batch::new().delete(text(&name, "one")).send(world, &zone).await.unwrap();
}

/// Goal: each change has its own id. Method: two changes; the first is in sync while the second is not.
async fn tells_changes_apart(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("mark"), zone.name);
    let first = Batch::new().create(text(&name, "one")).send(world, &zone).await.unwrap();
    let first = first.change_info().unwrap().id().to_owned();
    world.watch(|| status(world, &first), |status| *status == ChangeStatus::Insync).await;
    let second = Batch::new().delete(text(&name, "one")).send(world, &zone).await.unwrap();
    let second = second.change_info().unwrap();
    assert_ne!(first, second.id());
    assert_eq!(*second.status(), ChangeStatus::Pending);
    assert_eq!(status(world, &first).await, ChangeStatus::Insync);
}

/// Goal: a change that is not known has its own code, as after a change that was stranded. Method: no such id.
async fn refuses_what_is_not_there(world: &World) {
    world.zone().await;
    refused(world.route53().get_change().id("C00000000000000000000").send().await, "NoSuchChange", 404);
}
