//! SwitchoverGlobalCluster: moves the writer without loss, while both sides are well.

use crate::describe_global_clusters::{shown, writer_and_reader};
use crate::wire::refused;
use crate::world::{GlobalDatabase, World};

contract!(moves_the_writer_and_back, refuses_what_is_not_there);

type Switchover =
    aws_sdk_rds::operation::switchover_global_cluster::builders::SwitchoverGlobalClusterFluentBuilder;

fn switchover(world: &World, database: &GlobalDatabase, target: &str) -> Switchover {
    let switchover = world.rds(&database.standby).switchover_global_cluster();
    switchover.global_cluster_identifier(&database.id).target_db_cluster_identifier(target)
}

/// Goal: the writer moves, which takes time and can be undone; there are never two writers. Method: there and back.
async fn moves_the_writer_and_back(world: &World) {
    let database = world.global_database().await;
    for _ in 0..2 {
        let (writer, reader) = writer_and_reader(&shown(world, &database).await);
        switchover(world, &database, &reader).send().await.unwrap();
        let look = || async {
            let cluster = shown(world, &database).await;
            (cluster.status().unwrap().to_owned(), writer_and_reader(&cluster))
        };
        let wanted = ("available".to_owned(), (reader.clone(), writer.clone()));
        let seen = world.watch(look, |seen| *seen == wanted).await;
        assert!(seen.iter().any(|(status, _)| status == "switching-over"), "{seen:?}");
    }
}

/// Goal: a missing global cluster and a target that is not its member have their own codes. Method: both.
async fn refuses_what_is_not_there(world: &World) {
    let database = world.global_database().await;
    let (_, reader) = writer_and_reader(&shown(world, &database).await);
    let nowhere = GlobalDatabase { id: "nowhere".into(), ..database.clone() };
    refused(switchover(world, &nowhere, &reader).send().await, "GlobalClusterNotFoundFault", 404);
    let (before, after) = reader.rsplit_once(':').unwrap();
    let stranger = format!("{before}:not-{after}");
    refused(switchover(world, &database, &stranger).send().await, "DBClusterNotFoundFault", 404);
}
