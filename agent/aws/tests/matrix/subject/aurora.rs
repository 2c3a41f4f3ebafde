//! The actions on Aurora global databases.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quorate_policies::plan::Action;
use serde_json::{Value, json};

use super::{Prepared, Subject, action};
use crate::world::World;

const READS: &[&str] = &["DescribeGlobalClusters"];

pub(crate) fn subjects() -> Vec<Subject> {
    vec![
        Subject {
            name: "aurora.switchover",
            changes: &["SwitchoverGlobalCluster"],
            reads: READS,
            prepare: |world| move_writer(world, "aurora.switchover", json!({})).boxed(),
        },
        Subject {
            name: "aurora.failover",
            changes: &["FailoverGlobalCluster"],
            reads: READS,
            prepare: |world| {
                move_writer(world, "aurora.failover", json!({ "allow_data_loss": true })).boxed()
            },
        },
    ]
}

async fn move_writer(world: &World, kind: &str, mut fields: Value) -> Prepared {
    let database = world.global_database().await;
    let members = members(world, &database.id, &database.standby).await;
    let (target, _) = members.into_iter().find(|(_, writer)| !writer).unwrap();
    fields["region"] = json!(database.standby);
    fields["global_cluster"] = json!(database.id);
    fields["target"] = json!(target);
    Prepared { action: action(kind, fields), look: writer, done: format!("the writer is {target}") }
}

/// The members, and which of them is the writer.
async fn members(world: &World, id: &str, region: &str) -> Vec<(String, bool)> {
    let shown =
        world.rds(region).describe_global_clusters().global_cluster_identifier(id).send().await.unwrap();
    let members = shown.global_clusters()[0].global_cluster_members().iter();
    members
        .map(|member| (member.db_cluster_arn().unwrap().to_owned(), member.is_writer() == Some(true)))
        .collect()
}

fn writer<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move {
        let fields = serde_json::to_value(action).unwrap();
        let fields = &fields[action.kind()];
        let text = |key: &str| fields[key].as_str().unwrap();
        let members = members(world, text("global_cluster"), text("region")).await;
        let writers: Vec<String> =
            members.into_iter().filter(|(_, writer)| *writer).map(|(arn, _)| arn).collect();
        format!("the writer is {}", writers.join(" "))
    }
    .boxed()
}
