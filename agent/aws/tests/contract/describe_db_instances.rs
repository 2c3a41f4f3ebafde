//! DescribeDBInstances: what a failover reads before and after everything it does to a database.

use crate::wire::refused;
use crate::world::{Place, World};

/// The instance as AWS shows it now. It must exist.
pub(crate) async fn shown(world: &World, place: &Place) -> aws_sdk_rds::types::DbInstance {
    let asked = world.rds(&place.region).describe_db_instances().db_instance_identifier(&place.id);
    let reply = asked.send().await.unwrap();
    let [instance] = reply.db_instances() else { panic!("not one instance: {reply:?}") };
    instance.clone()
}

/// Its status, or the code of the refusal.
pub(crate) async fn status(world: &World, place: &Place) -> String {
    let asked =
        world.rds(&place.region).describe_db_instances().db_instance_identifier(&place.id).send().await;
    match asked {
        Ok(reply) => reply.db_instances()[0].db_instance_status().unwrap().to_owned(),
        refusal => crate::wire::outcome(refusal),
    }
}

/// Waits until it is available, and returns every status on the way.
pub(crate) async fn until_available(world: &World, place: &Place) -> Vec<String> {
    world.watch(|| status(world, place), |status| status == "available").await
}

contract!(shows_both_ends_of_a_replication, refuses_what_is_not_there, shows_all_of_a_region);

/// Goal: both ends name each other, by ARN because they are in two regions. Method: read both.
async fn shows_both_ends_of_a_replication(world: &World) {
    let pair = world.databases().await;
    let (primary, replica) = (shown(world, &pair.primary).await, shown(world, &pair.replica).await);
    assert_eq!(primary.db_instance_status(), Some("available"));
    assert_eq!(replica.db_instance_status(), Some("available"));
    assert_eq!(replica.read_replica_source_db_instance_identifier(), primary.db_instance_arn());
    assert_eq!(primary.read_replica_source_db_instance_identifier(), None);
    assert_eq!(primary.read_replica_db_instance_identifiers(), [replica.db_instance_arn().unwrap()]);
    assert_ne!(primary.dbi_resource_id(), replica.dbi_resource_id());
    assert!(primary.backup_retention_period().unwrap() > 0);
    for (instance, place) in [(&primary, &pair.primary), (&replica, &pair.replica)] {
        let arn = instance.db_instance_arn().unwrap();
        assert!(arn.starts_with(&format!("arn:aws:rds:{}:", place.region)), "{arn}");
        assert!(arn.ends_with(&format!(":db:{}", place.id)), "{arn}");
        assert!(instance.db_instance_class().is_some() && instance.engine().is_some());
        assert!(instance.engine_version().is_some() && instance.endpoint().unwrap().port().is_some());
        assert_eq!(instance.vpc_security_groups()[0].status(), Some("active"));
        assert!(!instance.db_parameter_groups().is_empty());
    }
}

/// Goal: an instance that is not there is refused by code, which is not an empty list. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let nowhere = world.rds(&pair.primary.region).describe_db_instances().db_instance_identifier("nowhere");
    refused(nowhere.send().await, "DBInstanceNotFound", 404);
    // The replica's name means nothing in the primary's region.
    let elsewhere =
        world.rds(&pair.primary.region).describe_db_instances().db_instance_identifier(&pair.replica.id);
    refused(elsewhere.send().await, "DBInstanceNotFound", 404);
}

/// Goal: without a name all instances of the region are shown, and none of another. Method: read both regions.
async fn shows_all_of_a_region(world: &World) {
    let pair = world.databases().await;
    for (here, there) in [(&pair.primary, &pair.replica), (&pair.replica, &pair.primary)] {
        let reply = world.rds(&here.region).describe_db_instances().send().await.unwrap();
        let names: Vec<&str> =
            reply.db_instances().iter().filter_map(|instance| instance.db_instance_identifier()).collect();
        assert!(names.contains(&here.id.as_str()) && !names.contains(&there.id.as_str()), "{names:?}");
    }
}
