//! DescribeGlobalClusters: who writes, and whether the writer is being moved.

use aws_sdk_rds::types::GlobalCluster;

use crate::wire::refused;
use crate::world::{GlobalDatabase, World};

contract!(shows_one_writer, refuses_what_is_not_there);

/// The global database as it is shown now.
pub(crate) async fn shown(world: &World, database: &GlobalDatabase) -> GlobalCluster {
    let asked =
        world.rds(&database.standby).describe_global_clusters().global_cluster_identifier(&database.id);
    let reply = asked.send().await.unwrap();
    let [cluster] = reply.global_clusters() else { panic!("not one global cluster: {reply:?}") };
    cluster.clone()
}

/// The ARNs of the writer and of the one other cluster.
pub(crate) fn writer_and_reader(cluster: &GlobalCluster) -> (String, String) {
    let arns = |writes: bool| {
        let mut members =
            cluster.global_cluster_members().iter().filter(move |member| member.is_writer() == Some(writes));
        let arn = members.next().and_then(|member| member.db_cluster_arn()).unwrap().to_owned();
        assert!(members.next().is_none(), "{cluster:?}");
        arn
    };
    (arns(true), arns(false))
}

/// Goal: one cluster writes, the other, in the standby region, does not. Method: ask from the standby region.
async fn shows_one_writer(world: &World) {
    let database = world.global_database().await;
    let cluster = shown(world, &database).await;
    assert_eq!(cluster.status(), Some("available"));
    let (writer, reader) = writer_and_reader(&cluster);
    assert!(reader.contains(&format!(":{}:", database.standby)), "{reader}");
    assert_ne!(writer, reader);
    assert!(cluster.failover_state().is_none(), "{cluster:?}");
}

/// Goal: a missing global cluster has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let database = world.global_database().await;
    let asked = world.rds(&database.standby).describe_global_clusters().global_cluster_identifier("nowhere");
    refused(asked.send().await, "GlobalClusterNotFoundFault", 404);
}
