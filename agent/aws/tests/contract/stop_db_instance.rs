//! StopDBInstance: the last part of a fence, possible only once the promotion has cut the replication.

use crate::describe_db_instances::{status, until_available};
use crate::wire::refused;
use crate::world::{Place, World};

contract!(refuses_both_ends_of_a_replication, stops_what_stands_alone, refuses_what_is_not_there);

type Stop = aws_sdk_rds::operation::stop_db_instance::builders::StopDBInstanceFluentBuilder;

fn stop(world: &World, place: &Place) -> Stop {
    world.rds(&place.region).stop_db_instance().db_instance_identifier(&place.id)
}

/// Goal: neither a primary with a replica nor the replica can be stopped. Method: try both.
async fn refuses_both_ends_of_a_replication(world: &World) {
    let pair = world.databases().await;
    refused(stop(world, &pair.primary).send().await, "InvalidDBInstanceState", 400);
    refused(stop(world, &pair.replica).send().await, "InvalidDBInstanceState", 400);
    assert_eq!(status(world, &pair.primary).await, "available");
}

/// Goal: after the promotion the old primary can be stopped, once. Method: promote, stop, look, stop again.
async fn stops_what_stands_alone(world: &World) {
    let pair = world.databases().await;
    let promote = world.rds(&pair.replica.region).promote_read_replica();
    promote.db_instance_identifier(&pair.replica.id).send().await.unwrap();
    world.watch(|| status(world, &pair.replica), |status| status != "available").await;
    until_available(world, &pair.replica).await;
    stop(world, &pair.primary).send().await.unwrap();
    let seen = world.watch(|| status(world, &pair.primary), |status| status == "stopped").await;
    assert!(seen.contains(&"stopping".to_owned()), "{seen:?}");
    refused(stop(world, &pair.primary).send().await, "InvalidDBInstanceState", 400);
}

/// Goal: a missing instance has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let nowhere = Place { region: pair.primary.region, id: "nowhere".into() };
    refused(stop(world, &nowhere).send().await, "DBInstanceNotFound", 404);
}
