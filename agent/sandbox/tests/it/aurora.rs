//! Aurora global databases through the SDK: switchover, failover, and what each needs.

use aws_sdk_rds::Client;
use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::types::GlobalCluster;
use serde_json::json;

use crate::bench::{Bench, EAST, WEST, until};

const EAST_ARN: &str = "arn:aws:rds:us-east-1:111122223333:cluster:ledger-us-east-1";
const WEST_ARN: &str = "arn:aws:rds:us-west-2:111122223333:cluster:ledger-us-west-2";

async fn bench() -> Bench {
    let bench = Bench::start().await;
    bench.control("global_cluster", json!({"id": "ledger"})).await;
    bench
}

async fn ledger(client: &Client) -> GlobalCluster {
    let found = client.describe_global_clusters().global_cluster_identifier("ledger").send().await.unwrap();
    found.global_clusters()[0].clone()
}

fn writer(global: &GlobalCluster) -> &str {
    let writer = global.global_cluster_members().iter().find(|member| member.is_writer() == Some(true));
    writer.unwrap().db_cluster_arn().unwrap()
}

async fn settled(client: &Client) -> GlobalCluster {
    until("an available global cluster", || async {
        let global = ledger(client).await;
        (global.status() == Some("available")).then_some(global)
    })
    .await
}

/// Goal: a global cluster is described from both regions with its members, and each region's cluster alone.
/// Method: describe both from both sides.
#[tokio::test]
async fn global_clusters_are_described() {
    let bench = bench().await;
    let west = bench.rds(WEST, WEST);
    let global = ledger(&west).await;
    assert_eq!((global.status(), writer(&global)), (Some("available"), EAST_ARN));
    let reader = &global.global_cluster_members()[1];
    assert_eq!(
        (reader.db_cluster_arn(), reader.synchronization_status().map(|s| s.as_str())),
        (Some(WEST_ARN), Some("connected"))
    );
    let clusters = west.describe_db_clusters().send().await.unwrap();
    let [cluster] = clusters.db_clusters() else { panic!("{clusters:?}") };
    assert_eq!((cluster.db_cluster_arn(), cluster.status()), (Some(WEST_ARN), Some("available")));
    assert_eq!(cluster.db_cluster_members().len(), 1);
    let none = west.describe_global_clusters().global_cluster_identifier("none").send().await.unwrap_err();
    assert_eq!(none.code(), Some("GlobalClusterNotFoundFault"));
    let none = west.describe_db_clusters().db_cluster_identifier("none").send().await.unwrap_err();
    assert_eq!(none.code(), Some("DBClusterNotFoundFault"));
    bench.sandbox.shutdown().await;
}

/// Goal: a switchover moves the writer in its own time, is refused twice at once, and needs a healthy
/// primary.
/// Method: switch over and back, then with the primary's region dead.
#[tokio::test]
async fn a_switchover_needs_a_healthy_primary() {
    let bench = bench().await;
    let west = bench.rds(WEST, WEST);
    let switch = |target: &str| {
        west.switchover_global_cluster()
            .global_cluster_identifier("ledger")
            .target_db_cluster_identifier(target)
            .send()
    };
    let begun = switch(WEST_ARN).await.unwrap();
    let global = begun.global_cluster().unwrap();
    assert_eq!((global.status(), writer(global)), (Some("switching-over"), EAST_ARN));
    assert_eq!(global.failover_state().unwrap().to_db_cluster_arn(), Some(WEST_ARN));
    assert_eq!(switch(WEST_ARN).await.unwrap_err().code(), Some("InvalidGlobalClusterStateFault"));
    assert_eq!(writer(&settled(&west).await), WEST_ARN);
    assert_eq!(switch(WEST_ARN).await.unwrap_err().code(), Some("InvalidDBClusterStateFault"));
    switch(EAST_ARN).await.unwrap();
    settled(&west).await;
    bench.control("fault", json!({"region": EAST, "kind": "kill", "control_plane": true})).await;
    assert_eq!(switch(WEST_ARN).await.unwrap_err().code(), Some("InvalidDBClusterStateFault"));
    bench.sandbox.shutdown().await;
}

/// Goal: a failover with AllowDataLoss goes without the primary, whose cluster rejoins by itself; both wishes
/// at once are refused, and neither means a switchover.
/// Method: kill the primary's region, ask in all three ways, and heal it.
#[tokio::test]
async fn a_failover_says_what_it_may_lose() {
    let bench = bench().await;
    let west = bench.rds(WEST, WEST);
    let failover = || {
        west.failover_global_cluster()
            .global_cluster_identifier("ledger")
            .target_db_cluster_identifier(WEST_ARN)
    };
    let both = failover().allow_data_loss(true).switchover(true).send().await.unwrap_err();
    assert_eq!(both.code(), Some("InvalidParameterCombination"));
    bench.control("fault", json!({"region": EAST, "kind": "kill", "control_plane": true})).await;
    let neither = failover().send().await.unwrap_err();
    assert_eq!(neither.code(), Some("InvalidDBClusterStateFault"), "it means a switchover");
    let begun = failover().allow_data_loss(true).send().await.unwrap();
    let global = begun.global_cluster().unwrap();
    assert_eq!(global.status(), Some("failing-over"));
    assert_eq!(global.failover_state().unwrap().is_data_loss_allowed(), Some(true));
    let global = settled(&west).await;
    assert_eq!(writer(&global), WEST_ARN);
    let old = |global: &GlobalCluster| {
        let members = global.global_cluster_members();
        members[0].synchronization_status().map(|status| status.as_str().to_owned())
    };
    assert_eq!(old(&global).as_deref(), Some("pending-resync"));
    bench.control("fault", json!({"region": EAST, "kind": "none"})).await;
    until("the old primary", || async { (old(&ledger(&west).await)? == "connected").then_some(()) }).await;
    bench.sandbox.shutdown().await;
}
