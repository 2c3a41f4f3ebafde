//! GetHostedZone: whose name servers to ask whether a change has arrived.

use crate::wire::refused;
use crate::world::World;

contract!(names_its_servers, refuses_what_is_not_there,);

/// Goal: a public zone has a name and several name servers. Method: read it.
async fn names_its_servers(world: &World) {
    let zone = world.zone().await;
    let reply = world.route53().get_hosted_zone().id(&zone.id).send().await.unwrap();
    let shown = reply.hosted_zone().unwrap();
    assert_eq!(shown.name(), format!("{}.", zone.name));
    assert!(shown.id().ends_with(&zone.id), "{shown:?}");
    assert!(!shown.config().is_some_and(|config| config.private_zone()));
    assert!(!reply.delegation_set().unwrap().name_servers().is_empty());
}

/// Goal: a missing zone has its own code. Method: no such zone.
async fn refuses_what_is_not_there(world: &World) {
    world.zone().await;
    refused(world.route53().get_hosted_zone().id("ZNOWHERE").send().await, "NoSuchHostedZone", 404);
}
