//! The actions on RDS instances.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quorate_policies::plan::Action;
use serde_json::json;

use super::{Prepared, Subject, action};
use crate::resources::{Databases, Place};
use crate::world::World;

pub(crate) fn subjects() -> Vec<Subject> {
    vec![
        Subject {
            name: "rds.promote_read_replica",
            changes: &["PromoteReadReplica"],
            reads: &["DescribeDBInstances", "GetMetricData"],
            prepare: |world| promote(world).boxed(),
        },
        Subject {
            name: "rds.fence",
            changes: &["ModifyDBInstance", "RebootDBInstance", "StopDBInstance"],
            reads: &["DescribeDBInstances", "DescribeEvents"],
            prepare: |world| fence(world).boxed(),
        },
        Subject {
            name: "rds.unfence",
            changes: &["StartDBInstance", "ModifyDBInstance"],
            reads: &["DescribeDBInstances"],
            prepare: |world| unfence(world).boxed(),
        },
        Subject {
            name: "rds.reboot",
            changes: &["RebootDBInstance"],
            reads: &["DescribeDBInstances", "DescribeEvents"],
            prepare: |world| reboot(world).boxed(),
        },
        Subject {
            name: "rds.restore_to_point_in_time",
            changes: &["RestoreDBInstanceToPointInTime"],
            reads: &["DescribeDBInstances"],
            prepare: |world| restore(world).boxed(),
        },
        Subject {
            name: "rds.create_cross_region_replica",
            changes: &["ModifyDBInstance", "AddTagsToResource", "CreateDBInstanceReadReplica"],
            reads: &["DescribeDBInstances"],
            prepare: |world| replicate(world).boxed(),
        },
    ]
}

async fn promote(world: &World) -> Prepared {
    promotion(&world.databases().await.replica)
}

/// The promotion of a replica.
pub(crate) fn promotion(replica: &Place) -> Prepared {
    let action =
        action("rds.promote_read_replica", json!({ "region": replica.region, "instance": replica.id }));
    Prepared { action, look: standing, done: "available, on its own".to_owned() }
}

async fn fence(world: &World) -> Prepared {
    fencing(world, &detached(world).await.primary).await
}

/// The fence of an old primary, to the point of stopping it.
pub(crate) async fn fencing(world: &World, primary: &Place) -> Prepared {
    let quarantine = world.quarantine(&primary.region).await;
    let fields = json!({
        "region": primary.region, "instance": primary.id, "quarantine_groups": [quarantine], "stop": true,
    });
    let restarts = restarts(world, primary).await + 1;
    let done = format!("stopped, on its own, behind {quarantine}, restarted {restarts} times");
    Prepared { action: action("rds.fence", fields), look: fenced, done }
}

async fn unfence(world: &World) -> Prepared {
    let primary = detached(world).await.primary;
    let rds = world.rds(&primary.region);
    let before = groups(world, &primary).await;
    let quarantine = world.quarantine(&primary.region).await;
    let change = rds.modify_db_instance().db_instance_identifier(&primary.id).apply_immediately(true);
    change.vpc_security_group_ids(quarantine).send().await.unwrap();
    settled(world, &primary, "available").await;
    rds.stop_db_instance().db_instance_identifier(&primary.id).send().await.unwrap();
    settled(world, &primary, "stopped").await;
    let fields = json!({ "region": primary.region, "instance": primary.id, "security_groups": before });
    let restarts = restarts(world, &primary).await;
    let done = format!("available, on its own, behind {}, restarted {restarts} times", before.join(" "));
    Prepared { action: action("rds.unfence", fields), look: fenced, done }
}

async fn reboot(world: &World) -> Prepared {
    let primary = world.databases().await.primary;
    let action = action("rds.reboot", json!({ "region": primary.region, "instance": primary.id }));
    let groups = groups(world, &primary).await.join(" ");
    let restarts = restarts(world, &primary).await + 1;
    let done = format!("available, on its own, behind {groups}, restarted {restarts} times");
    Prepared { action, look: fenced, done }
}

async fn restore(world: &World) -> Prepared {
    let primary = world.databases().await.primary;
    let fields = json!({
        "region": primary.region, "source": primary.id, "instance": format!("{}-restored", primary.id),
    });
    let action = action("rds.restore_to_point_in_time", fields);
    Prepared { action, look: standing, done: "available, on its own".to_owned() }
}

async fn replicate(world: &World) -> Prepared {
    let Databases { primary, replica } = detached(world).await;
    let source = describe(world, &replica).await.unwrap().db_instance_arn().unwrap().to_owned();
    let fields = json!({
        "region": primary.region, "instance": primary.id, "source_region": replica.region, "source": replica.id,
    });
    let done = format!("available, replica of {source}; the old one available, on its own, tagged");
    Prepared { action: action("rds.create_cross_region_replica", fields), look: rebuilt, done }
}

/// A pair whose replica was promoted: only an instance without replicas can be stopped.
async fn detached(world: &World) -> Databases {
    let databases = world.databases().await;
    let replica = &databases.replica;
    let promote = world.rds(&replica.region).promote_read_replica().db_instance_identifier(&replica.id);
    promote.send().await.unwrap();
    settled(world, replica, "available").await;
    databases
}

/// Waits until an instance has arrived in a state, and nothing is on its way.
async fn settled(world: &World, place: &Place, status: &str) {
    let look = || async { describe(world, place).await.unwrap() };
    world
        .watch(look, |seen| {
            let groups = seen.vpc_security_groups();
            seen.db_instance_status() == Some(status)
                && groups.iter().all(|group| group.status() == Some("active"))
        })
        .await;
}

async fn describe(world: &World, place: &Place) -> Option<aws_sdk_rds::types::DbInstance> {
    let shown = world.rds(&place.region).describe_db_instances().db_instance_identifier(&place.id);
    shown.send().await.ok()?.db_instances().first().cloned()
}

async fn groups(world: &World, place: &Place) -> Vec<String> {
    let shown = describe(world, place).await.unwrap();
    shown
        .vpc_security_groups()
        .iter()
        .filter_map(|group| group.vpc_security_group_id().map(str::to_owned))
        .collect()
}

/// How often an instance was restarted, by its events.
async fn restarts(world: &World, place: &Place) -> usize {
    let events = world.rds(&place.region).describe_events().source_identifier(&place.id);
    let events =
        events.source_type(aws_sdk_rds::types::SourceType::DbInstance).duration(60).send().await.unwrap();
    events
        .events()
        .iter()
        .filter(|event| event.message().is_some_and(|said| said.contains("restarted")))
        .count()
}

/// The instance that an action names.
fn named(action: &Action) -> Place {
    let fields = serde_json::to_value(action).unwrap();
    let fields = &fields[action.kind()];
    let text = |key: &str| fields[key].as_str().unwrap().to_owned();
    Place { region: text("region"), id: text("instance") }
}

/// Status and source of an instance.
async fn told(world: &World, place: &Place) -> String {
    let Some(seen) = describe(world, place).await else { return "not there".to_owned() };
    let source = seen.read_replica_source_db_instance_identifier().filter(|source| !source.is_empty());
    let source = source.map_or("on its own".to_owned(), |source| format!("replica of {source}"));
    format!("{}, {source}", seen.db_instance_status().unwrap())
}

/// Status and source of the action's instance.
fn standing<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move { told(world, &named(action)).await }.boxed()
}

/// As [`standing`], with the old primary under the name that it gets in epoch 5.
fn rebuilt<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move {
        let here = named(action);
        let old = Place { id: format!("{}-before-5", here.id), ..here.clone() };
        let tagged = describe(world, &old)
            .await
            .is_some_and(|seen| seen.tag_list().iter().any(|tag| tag.key() == Some("quorate:renamed")));
        let tag = if tagged { "tagged" } else { "not tagged" };
        format!("{}; the old one {}, {tag}", told(world, &here).await, told(world, &old).await)
    }
    .boxed()
}

/// As [`standing`], with who may come in and how often it was restarted.
fn fenced<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move {
        let place = named(action);
        let (standing, groups) = (standing(world, action).await, groups(world, &place).await.join(" "));
        format!("{standing}, behind {groups}, restarted {} times", restarts(world, &place).await)
    }
    .boxed()
}
