//! RDS through the SDK: every operation, and every refusal by its wire code.

use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::operation::RequestId;

use crate::bench::{Bench, EAST, WEST, WITNESS, until};

/// Goal: instances are described as RDS does: roles, replication both ways, status.
/// Method: describe one, all of a region, and one by its ARN.
#[tokio::test]
async fn instances_are_described() {
    let bench = Bench::start().await;
    let east = bench.rds(WITNESS, EAST).describe_db_instances().send().await.unwrap();
    let [primary] = east.db_instances() else { panic!("{east:?}") };
    assert_eq!(primary.db_instance_identifier(), Some("shop-primary"));
    assert_eq!(primary.db_instance_status(), Some("available"));
    assert_eq!(primary.read_replica_source_db_instance_identifier(), None);
    let replica_arn = "arn:aws:rds:us-west-2:111122223333:db:shop-replica";
    assert_eq!(primary.read_replica_db_instance_identifiers(), [replica_arn]);
    let west = bench
        .rds(WITNESS, WEST)
        .describe_db_instances()
        .db_instance_identifier(replica_arn)
        .send()
        .await
        .unwrap();
    let [replica] = west.db_instances() else { panic!("{west:?}") };
    let source = "arn:aws:rds:us-east-1:111122223333:db:shop-primary";
    assert_eq!(replica.read_replica_source_db_instance_identifier(), Some(source));
    assert_eq!(replica.db_instance_arn(), Some(replica_arn));
    assert_eq!(replica.status_infos()[0].status(), Some("replicating"));
    bench.sandbox.shutdown().await;
}

/// Goal: a promotion passes through `modifying` and `rebooting` to `available` without a source; a second one
/// is refused at every point of the way.
/// Method: promote, collect the states until the source is gone, promoting again in each.
#[tokio::test]
async fn a_promotion_takes_its_course() {
    let bench = Bench::start().await;
    let west = bench.rds(WEST, WEST);
    let promote = || west.promote_read_replica().db_instance_identifier("shop-replica").send();
    let accepted = promote().await.unwrap();
    assert_eq!(accepted.db_instance().unwrap().db_instance_status(), Some("modifying"));
    let mut states = vec!["modifying".to_owned()];
    loop {
        let again = promote().await.unwrap_err();
        assert_eq!(again.code(), Some("InvalidDBInstanceState"));
        assert!(again.as_service_error().unwrap().is_invalid_db_instance_state_fault());
        let found = west.describe_db_instances().db_instance_identifier("shop-replica").send().await.unwrap();
        let instance = &found.db_instances()[0];
        states.extend(instance.db_instance_status().map(str::to_owned));
        if instance.read_replica_source_db_instance_identifier().is_none() {
            break;
        }
        tokio::task::yield_now().await;
    }
    states.dedup();
    assert_eq!(states, ["modifying", "rebooting", "available"]);
    let east = bench.rds(EAST, EAST).describe_db_instances().send().await.unwrap();
    assert!(east.db_instances()[0].read_replica_db_instance_identifiers().is_empty());
    assert!(
        bench.world().await.databases.iter().all(|database| database.writable),
        "both sides are writable now"
    );
    bench.sandbox.shutdown().await;
}

/// Goal: refusals carry RDS's wire code, HTTP status and a request id.
/// Method: an unknown id, an instance that is no replica, a bad retention, and an operation that is not
/// there.
#[tokio::test]
async fn refusals_have_wire_codes() {
    let bench = Bench::start().await;
    let east = bench.rds(EAST, EAST);
    let unknown = east.describe_db_instances().db_instance_identifier("none").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("DBInstanceNotFound"));
    assert_eq!(unknown.raw_response().unwrap().status().as_u16(), 404);
    assert!(unknown.as_service_error().unwrap().is_db_instance_not_found_fault());
    let request_id = unknown.request_id().unwrap().to_owned();
    let unknown = east.promote_read_replica().db_instance_identifier("none").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("DBInstanceNotFound"));
    assert_ne!(unknown.request_id(), Some(request_id.as_str()));
    let primary =
        east.promote_read_replica().db_instance_identifier("shop-primary").send().await.unwrap_err();
    assert_eq!(
        (primary.code(), primary.message()),
        (Some("InvalidDBInstanceState"), Some("DB Instance is not a read replica."))
    );
    assert_eq!(primary.raw_response().unwrap().status().as_u16(), 400);
    let west = bench.rds(WEST, WEST);
    let long = west.promote_read_replica().db_instance_identifier("shop-replica").backup_retention_period(99);
    assert_eq!(long.send().await.unwrap_err().code(), Some("InvalidParameterValue"));
    let delete = west.delete_db_instance().db_instance_identifier("shop-replica").send().await.unwrap_err();
    assert_eq!(delete.code(), Some("InvalidAction"));
    bench.sandbox.shutdown().await;
}

/// Goal: a write is taken in a region only when its database is promoted to the end.
/// Method: post writes in the standby region until one is taken, and look at the states meanwhile.
#[tokio::test]
async fn writes_are_taken_only_after_promotion() {
    let bench = Bench::start().await;
    let address = bench.application("internet", WEST).await;
    let url = format!("http://{address}/write");
    let write = || crate::bench::request(http::Method::POST, &url, &[], "");
    assert_eq!(write().await.unwrap().status, 503);
    bench.rds(WEST, WEST).promote_read_replica().db_instance_identifier("shop-replica").send().await.unwrap();
    let taken = until("a write in the promoted region", || async {
        let answered = write().await.unwrap();
        (answered.status == 200).then_some(answered)
    })
    .await;
    assert_eq!(taken.json()["region"], WEST);
    let replica = bench.world().await.databases.into_iter().find(|database| database.region == WEST).unwrap();
    assert!(replica.writable && replica.source.is_none());
    bench.sandbox.shutdown().await;
}
