//! PromoteReadReplica: irreversible, slow, and refused the second time, which is why a lost reply must be resolved by
//! looking and never by sending again.

use crate::describe_db_instances::{shown, until_available};
use crate::wire::{outcome, refused};
use crate::world::{Place, World};

contract!(
    makes_a_replica_a_primary,
    refuses_what_is_no_replica,
    refuses_what_is_not_there,
    waits_for_no_backup,
    is_accepted_once,
);

fn promote(
    world: &World,
    place: &Place,
) -> aws_sdk_rds::operation::promote_read_replica::builders::PromoteReadReplicaFluentBuilder {
    world.rds(&place.region).promote_read_replica().db_instance_identifier(&place.id)
}

/// Goal: a promotion passes through states that take no writes, and done means: available, and no source. Method:
/// promote, look until both hold, and look at the old source's list.
async fn makes_a_replica_a_primary(world: &World) {
    let pair = world.databases().await;
    promote(world, &pair.replica).backup_retention_period(3).send().await.unwrap();
    let look = || async {
        let replica = shown(world, &pair.replica).await;
        let source = replica.read_replica_source_db_instance_identifier().is_some();
        (replica.db_instance_status().unwrap().to_owned(), source)
    };
    let seen = world.watch(look, |(status, source)| status == "available" && !source).await;
    let passed: Vec<&str> = seen.iter().map(|(status, _)| status.as_str()).collect();
    assert!(passed.contains(&"modifying"), "{seen:?}");
    let known = ["available", "modifying", "rebooting", "backing-up"];
    assert!(passed.iter().all(|status| known.contains(status)), "{seen:?}");
    assert_eq!(shown(world, &pair.replica).await.backup_retention_period(), Some(3));
    let primary = shown(world, &pair.primary).await;
    assert_eq!(primary.read_replica_db_instance_identifiers(), [] as [String; 0]);
    assert_eq!(primary.db_instance_status(), Some("available"));
}

/// Goal: an instance that is no replica, or no longer one, is refused by the same code: the code alone does not tell a
/// success from a mistake. Method: promote the primary; promote a replica, and again when that has ended.
async fn refuses_what_is_no_replica(world: &World) {
    let pair = world.databases().await;
    refused(promote(world, &pair.primary).send().await, "InvalidDBInstanceState", 400);
    promote(world, &pair.replica).send().await.unwrap();
    until_available(world, &pair.replica).await;
    refused(promote(world, &pair.replica).send().await, "InvalidDBInstanceState", 400);
}

/// Goal: a missing instance has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let nowhere = Place { region: pair.replica.region, id: "nowhere".into() };
    refused(promote(world, &nowhere).send().await, "DBInstanceNotFound", 404);
}

/// Goal: a replica that is being backed up is refused, and can be promoted when that has ended. Method: back it up,
/// promote, wait, promote.
async fn waits_for_no_backup(world: &World) {
    let pair = world.databases().await;
    world.back_up(&pair.replica).await;
    refused(promote(world, &pair.replica).send().await, "InvalidDBInstanceState", 400);
    until_available(world, &pair.replica).await;
    promote(world, &pair.replica).send().await.unwrap();
}

/// Goal: of two promotions at once one is accepted. Method: send both, look at both replies.
async fn is_accepted_once(world: &World) {
    let pair = world.databases().await;
    let (one, two) = futures_util::future::join(
        promote(world, &pair.replica).send(),
        promote(world, &pair.replica).send(),
    )
    .await;
    let mut outcomes = [outcome(one), outcome(two)];
    outcomes.sort();
    assert_eq!(outcomes, ["InvalidDBInstanceState 400", "accepted"]);
}
