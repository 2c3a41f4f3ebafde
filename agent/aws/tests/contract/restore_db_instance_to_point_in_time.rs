//! RestoreDBInstanceToPointInTime: a new instance beside the old one, never in its place.

use crate::describe_db_instances::{shown, until_available};
use crate::wire::refused;
use crate::world::{Databases, World, fresh};

contract!(
    makes_an_instance_of_its_own,
    refuses_a_name_that_is_taken,
    refuses_what_is_not_there,
    wants_one_moment,
);

type Restore =
    aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDBInstanceToPointInTimeFluentBuilder;

fn restore(world: &World, pair: &Databases, target: &str) -> Restore {
    let restore = world.rds(&pair.primary.region).restore_db_instance_to_point_in_time();
    restore.source_db_instance_identifier(&pair.primary.id).target_db_instance_identifier(target)
}

/// Goal: the new instance is created, backed up and available, and replicates nothing; the old one stays as it is.
/// Method: restore the latest moment, look until available.
async fn makes_an_instance_of_its_own(world: &World) {
    let pair = world.databases().await;
    let before = shown(world, &pair.primary).await;
    let target = crate::world::Place { id: fresh("restored"), ..pair.primary.clone() };
    restore(world, &pair, &target.id).use_latest_restorable_time(true).send().await.unwrap();
    let seen = until_available(world, &target).await;
    assert!(seen.contains(&"creating".to_owned()), "{seen:?}");
    let known = ["creating", "backing-up", "modifying", "available"];
    assert!(seen.iter().all(|status| known.contains(&status.as_str())), "{seen:?}");
    let made = shown(world, &target).await;
    assert_eq!(made.engine(), before.engine());
    assert_eq!(made.read_replica_source_db_instance_identifier(), None);
    assert_eq!(made.read_replica_db_instance_identifiers(), [] as [String; 0]);
    assert_ne!(made.dbi_resource_id(), before.dbi_resource_id());
    let after = shown(world, &pair.primary).await;
    assert_eq!(after.read_replica_db_instance_identifiers(), before.read_replica_db_instance_identifiers());
}

/// Goal: nothing is overwritten. Method: restore onto the source's own name.
async fn refuses_a_name_that_is_taken(world: &World) {
    let pair = world.databases().await;
    let onto = restore(world, &pair, &pair.primary.id).use_latest_restorable_time(true);
    refused(onto.send().await, "DBInstanceAlreadyExists", 400);
}

/// Goal: a missing source has its own code. Method: no such source.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let from_nowhere =
        restore(world, &pair, &fresh("restored")).set_source_db_instance_identifier(Some("nowhere".into()));
    refused(from_nowhere.use_latest_restorable_time(true).send().await, "DBInstanceNotFound", 404);
}

/// Goal: a moment is wanted, and only one. Method: give none.
async fn wants_one_moment(world: &World) {
    let pair = world.databases().await;
    refused(restore(world, &pair, &fresh("restored")).send().await, "InvalidParameterCombination", 400);
}
