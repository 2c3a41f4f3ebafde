//! ModifyDBInstance: the fence by security groups, the rename of an old primary, backups and Multi-AZ.

use crate::describe_db_instances::{shown, status, until_available};
use crate::wire::refused;
use crate::world::{Place, World, fresh};

contract!(
    exchanges_security_groups,
    renames_from_one_moment_to_the_next,
    keeps_a_rename_for_the_window,
    changes_settings,
    refuses_a_name_that_is_taken,
    refuses_what_is_not_there,
);

type Modify = aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder;

fn modify(world: &World, place: &Place) -> Modify {
    world.rds(&place.region).modify_db_instance().db_instance_identifier(&place.id)
}

/// Goal: the groups that are named are the only ones afterwards. Method: the group that lets nobody in.
async fn exchanges_security_groups(world: &World) {
    let pair = world.databases().await;
    let quarantine = world.quarantine(&pair.primary.region).await;
    let change = modify(world, &pair.primary).vpc_security_group_ids(&quarantine).apply_immediately(true);
    change.send().await.unwrap();
    let look = || async {
        let groups = shown(world, &pair.primary).await.vpc_security_groups().to_vec();
        groups
            .iter()
            .map(|group| format!("{:?} {:?}", group.vpc_security_group_id(), group.status()))
            .collect()
    };
    let wanted = [format!("{:?} {:?}", Some(&quarantine), Some("active"))];
    world.watch(look, |groups: &Vec<String>| *groups == wanted).await;
}

/// Goal: there is no moment with both names or with neither; the replica follows. Method: rename at once, look at both.
async fn renames_from_one_moment_to_the_next(world: &World) {
    let pair = world.databases().await;
    let renamed = Place { id: fresh("renamed"), ..pair.primary.clone() };
    let change = modify(world, &pair.primary).new_db_instance_identifier(&renamed.id).apply_immediately(true);
    change.send().await.unwrap();
    let old = world.watch(|| status(world, &pair.primary), |status| status == "DBInstanceNotFound 404").await;
    assert!(old.contains(&"renaming".to_owned()), "{old:?}");
    until_available(world, &renamed).await;
    let arn = shown(world, &renamed).await.db_instance_arn().unwrap().to_owned();
    assert!(arn.ends_with(&format!(":db:{}", renamed.id)), "{arn}");
    let replica = shown(world, &pair.replica).await;
    assert_eq!(replica.read_replica_source_db_instance_identifier(), Some(arn.as_str()));
}

/// Goal: a rename that is not to be applied immediately has not happened. Method: ask for it so, and look.
async fn keeps_a_rename_for_the_window(world: &World) {
    let pair = world.databases().await;
    let later = fresh("renamed");
    let change = modify(world, &pair.primary).new_db_instance_identifier(&later).apply_immediately(false);
    change.send().await.unwrap();
    let instance = shown(world, &pair.primary).await;
    let pending = instance.pending_modified_values().and_then(|pending| pending.db_instance_identifier());
    assert_eq!(pending, Some(later.as_str()));
    assert_eq!(instance.db_instance_identifier(), Some(pair.primary.id.as_str()));
}

/// Goal: backups and a second zone can be had at once, and take their time. Method: ask for both, look until done.
async fn changes_settings(world: &World) {
    let pair = world.databases().await;
    let change =
        modify(world, &pair.primary).multi_az(true).backup_retention_period(9).apply_immediately(true);
    change.send().await.unwrap();
    let look = || async {
        let now = shown(world, &pair.primary).await;
        let status = now.db_instance_status().unwrap().to_owned();
        (status, now.multi_az() == Some(true), now.backup_retention_period() == Some(9))
    };
    let seen = world.watch(look, |seen| *seen == ("available".to_owned(), true, true)).await;
    assert!(seen.iter().any(|(status, ..)| status == "modifying"), "{seen:?}");
}

/// Goal: a rename overwrites nothing. Method: restore a second instance, rename the first to it.
async fn refuses_a_name_that_is_taken(world: &World) {
    let pair = world.databases().await;
    let other = Place { id: fresh("other"), ..pair.primary.clone() };
    let restore = world.rds(&pair.primary.region).restore_db_instance_to_point_in_time();
    let restore =
        restore.source_db_instance_identifier(&pair.primary.id).target_db_instance_identifier(&other.id);
    restore.use_latest_restorable_time(true).send().await.unwrap();
    until_available(world, &other).await;
    let change = modify(world, &pair.primary).new_db_instance_identifier(&other.id).apply_immediately(true);
    refused(change.send().await, "DBInstanceAlreadyExists", 400);
}

/// Goal: a missing instance has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let nowhere = Place { region: pair.primary.region, id: "nowhere".into() };
    refused(modify(world, &nowhere).backup_retention_period(1).send().await, "DBInstanceNotFound", 404);
}
