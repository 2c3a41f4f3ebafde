//! GetHealthCheck: whether the checks that a plan relies on are there and are what they should be.

use crate::create_health_check::{created, delete, inverted};
use crate::wire::refused;
use crate::world::{World, fresh};

contract!(gives_back_what_was_made, refuses_what_is_not_there,);

/// Goal: what was created is what is read. Method: both.
async fn gives_back_what_was_made(world: &World) {
    let check = created(world, &fresh("signal"), inverted("/v1/signal/shop")).await;
    let reply = world.route53().get_health_check().health_check_id(check.id()).send().await.unwrap();
    assert_eq!(reply.health_check(), Some(&check));
    delete(world, check.id()).await;
}

/// Goal: a missing check has its own code, and so has one that was deleted. Method: both.
async fn refuses_what_is_not_there(world: &World) {
    let check = created(world, &fresh("signal"), inverted("/v1/signal/shop")).await;
    delete(world, check.id()).await;
    let get = |id: &str| world.route53().get_health_check().health_check_id(id).send();
    refused(get(check.id()).await, "NoSuchHealthCheck", 404);
    refused(get("00000000-0000-4000-8000-000000000000").await, "NoSuchHealthCheck", 404);
}
