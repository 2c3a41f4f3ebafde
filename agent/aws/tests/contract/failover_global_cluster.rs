//! FailoverGlobalCluster: moves the writer with loss, if one says so; without a word it is a switchover.

use crate::describe_global_clusters::{shown, writer_and_reader};
use crate::wire::refused;
use crate::world::{GlobalDatabase, World};

contract!(
    moves_the_writer,
    without_a_word_it_is_a_switchover,
    wants_one_of_the_two,
    refuses_what_is_not_there,
);

type Failover = aws_sdk_rds::operation::failover_global_cluster::builders::FailoverGlobalClusterFluentBuilder;

fn failover(world: &World, database: &GlobalDatabase, target: &str) -> Failover {
    let failover = world.rds(&database.standby).failover_global_cluster();
    failover.global_cluster_identifier(&database.id).target_db_cluster_identifier(target)
}

/// Every status on the way, until the reader writes.
async fn until_moved(world: &World, database: &GlobalDatabase, to: &str) -> Vec<String> {
    let look = || async {
        let cluster = shown(world, database).await;
        let writes = writer_and_reader(&cluster).0 == to;
        (cluster.status().unwrap().to_owned(), writes)
    };
    let seen = world.watch(look, |(status, writes)| status == "available" && *writes).await;
    seen.into_iter().map(|(status, _)| status).collect()
}

/// Goal: with AllowDataLoss the writer moves, and says so meanwhile. Method: fail over, look until moved.
async fn moves_the_writer(world: &World) {
    let database = world.global_database().await;
    let (_, reader) = writer_and_reader(&shown(world, &database).await);
    let reply = failover(world, &database, &reader).allow_data_loss(true).send().await.unwrap();
    let state = reply.global_cluster().unwrap().failover_state().cloned();
    assert_eq!(
        state.as_ref().and_then(|state| state.to_db_cluster_arn()),
        Some(reader.as_str()),
        "{state:?}"
    );
    let seen = until_moved(world, &database, &reader).await;
    assert!(seen.contains(&"failing-over".to_owned()), "{seen:?}");
}

/// Goal: the trap of this operation: neither flag means a switchover. Method: leave both out.
async fn without_a_word_it_is_a_switchover(world: &World) {
    let database = world.global_database().await;
    let (_, reader) = writer_and_reader(&shown(world, &database).await);
    failover(world, &database, &reader).send().await.unwrap();
    let seen = until_moved(world, &database, &reader).await;
    assert!(
        seen.contains(&"switching-over".to_owned()) && !seen.contains(&"failing-over".to_owned()),
        "{seen:?}"
    );
}

/// Goal: both flags contradict each other. Method: set both; nothing moves.
async fn wants_one_of_the_two(world: &World) {
    let database = world.global_database().await;
    let before = writer_and_reader(&shown(world, &database).await);
    let both = failover(world, &database, &before.1).allow_data_loss(true).switchover(true);
    refused(both.send().await, "InvalidParameterCombination", 400);
    let after = shown(world, &database).await;
    assert_eq!((after.status(), writer_and_reader(&after)), (Some("available"), before));
}

/// Goal: a missing global cluster has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let database = world.global_database().await;
    let (_, reader) = writer_and_reader(&shown(world, &database).await);
    let nowhere = GlobalDatabase { id: "nowhere".into(), ..database };
    let lost = failover(world, &nowhere, &reader).allow_data_loss(true);
    refused(lost.send().await, "GlobalClusterNotFoundFault", 404);
}
