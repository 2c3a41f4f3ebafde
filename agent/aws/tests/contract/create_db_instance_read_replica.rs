//! CreateDBInstanceReadReplica: how the old primary's region gets a standby again.

use crate::describe_db_instances::{shown, until_available};
use crate::wire::refused;
use crate::world::{Place, World, fresh};

contract!(makes_a_replica_in_another_region, refuses_a_name_that_is_taken, refuses_a_missing_source);

type Create =
    aws_sdk_rds::operation::create_db_instance_read_replica::builders::CreateDBInstanceReadReplicaFluentBuilder;

fn create(world: &World, replica: &Place, source: &str) -> Create {
    let create = world.rds(&replica.region).create_db_instance_read_replica();
    create.db_instance_identifier(&replica.id).source_db_instance_identifier(source)
}

/// Goal: a second replica appears, and both ends know each other. Method: create it from the primary's ARN, look until
/// it is available.
async fn makes_a_replica_in_another_region(world: &World) {
    let pair = world.databases().await;
    let source = shown(world, &pair.primary).await;
    let second = Place { id: fresh("second"), ..pair.replica.clone() };
    create(world, &second, source.db_instance_arn().unwrap()).send().await.unwrap();
    let seen = until_available(world, &second).await;
    assert_eq!(seen.first().map(String::as_str), Some("creating"), "{seen:?}");
    let made = shown(world, &second).await;
    assert_eq!(made.read_replica_source_db_instance_identifier(), source.db_instance_arn());
    assert_eq!(made.engine(), source.engine());
    let arns = shown(world, &pair.primary).await;
    let arns = arns.read_replica_db_instance_identifiers();
    assert!(arns.len() == 2 && arns.iter().any(|arn| arn == made.db_instance_arn().unwrap()), "{arns:?}");
}

/// Goal: nothing is overwritten. Method: the first replica's name again.
async fn refuses_a_name_that_is_taken(world: &World) {
    let pair = world.databases().await;
    let source = shown(world, &pair.primary).await;
    let again = create(world, &pair.replica, source.db_instance_arn().unwrap());
    refused(again.send().await, "DBInstanceAlreadyExists", 400);
}

/// Goal: a missing source has its own code. Method: an ARN of nothing.
async fn refuses_a_missing_source(world: &World) {
    let pair = world.databases().await;
    let arn =
        shown(world, &pair.primary).await.db_instance_arn().unwrap().replace(&pair.primary.id, "nowhere");
    let second = Place { id: fresh("second"), ..pair.replica };
    refused(create(world, &second, &arn).send().await, "DBInstanceNotFound", 404);
}
