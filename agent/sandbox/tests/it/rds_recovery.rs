//! RDS through the SDK beyond a promotion: fences, restores, new replicas, renames, tags and events.

use aws_sdk_rds::Client;
use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::{DbInstance, SourceType, Tag};
use serde_json::json;

use crate::bench::{Bench, EAST, WEST, until};

async fn instance(client: &Client, id: &str) -> Option<DbInstance> {
    let found = client.describe_db_instances().db_instance_identifier(id).send().await;
    found.ok().map(|found| found.db_instances()[0].clone())
}

/// Waits until an instance is `available`, and tells which states it showed before.
async fn settled(client: &Client, id: &str) -> Vec<String> {
    let states = std::cell::RefCell::new(Vec::new());
    until("an available instance", || async {
        let status = instance(client, id).await?.db_instance_status()?.to_owned();
        states.borrow_mut().push(status.clone());
        (status == "available").then_some(())
    })
    .await;
    let mut states = states.into_inner();
    states.dedup();
    states
}

async fn writes(bench: &Bench, region: &str) -> bool {
    let url = format!("http://{}/write", bench.application("internet", region).await);
    crate::bench::request(http::Method::POST, &url, &[], "").await.unwrap().status == 200
}

/// Goal: everything that a recovery copies from an instance is described.
/// Method: describe the primary of an encrypted pair.
#[tokio::test]
async fn an_instance_is_described_in_full() {
    let options = quorate_sandbox::Options { encrypted: true, ..crate::bench::quick() };
    let bench = Bench::with(options).await;
    let primary = instance(&bench.rds(EAST, EAST), "shop-primary").await.unwrap();
    assert_eq!((primary.engine(), primary.engine_version()), (Some("postgres"), Some("16.4")));
    assert_eq!((primary.db_instance_class(), primary.multi_az()), (Some("db.m6g.large"), Some(false)));
    assert_eq!(primary.db_subnet_group().unwrap().db_subnet_group_name(), Some("shop-db"));
    let group = &primary.vpc_security_groups()[0];
    assert_eq!((group.vpc_security_group_id(), group.status()), (Some("sg-application"), Some("active")));
    assert_eq!(primary.db_parameter_groups()[0].db_parameter_group_name(), Some("shop-postgres16"));
    assert_eq!(primary.option_group_memberships()[0].option_group_name(), Some("default:postgres-16"));
    assert_eq!(primary.storage_encrypted(), Some(true));
    assert!(primary.kms_key_id().unwrap().starts_with("arn:aws:kms:us-east-1:"));
    assert_eq!(
        (primary.backup_retention_period(), primary.preferred_backup_window()),
        (Some(7), Some("03:00-03:30"))
    );
    assert!(primary.latest_restorable_time().is_some() && primary.instance_create_time().is_some());
    assert!(primary.dbi_resource_id().unwrap().starts_with("db-"));
    assert_eq!(primary.tag_list()[0].key(), Some("service"));
    assert_eq!(primary.endpoint().unwrap().port(), Some(5432));
    bench.sandbox.shutdown().await;
}

/// Goal: a quarantine group and a reboot take writes away from the application; the reboot is told as an
/// event.
/// Method: change the groups, see that open sessions go on, reboot, write in vain, read the events.
#[tokio::test]
async fn a_fence_takes_writes_away() {
    let bench = Bench::start().await;
    let east = bench.rds(EAST, EAST);
    let modify = east.modify_db_instance().db_instance_identifier("shop-primary");
    let group = &bench.sandbox.endpoints().service.quarantine_group;
    let changing = modify.vpc_security_group_ids(group).apply_immediately(true).send().await.unwrap();
    let status: Vec<_> = changing
        .db_instance()
        .unwrap()
        .vpc_security_groups()
        .iter()
        .map(|each| each.status().unwrap())
        .collect();
    assert_eq!(status, ["removing", "adding"]);
    assert_eq!(settled(&east, "shop-primary").await.last().unwrap(), "available");
    assert!(writes(&bench, EAST).await, "open sessions live on");
    let rebooting = east.reboot_db_instance().db_instance_identifier("shop-primary").send().await.unwrap();
    assert_eq!(rebooting.db_instance().unwrap().db_instance_status(), Some("rebooting"));
    settled(&east, "shop-primary").await;
    assert!(!writes(&bench, EAST).await);
    let events = east.describe_events().source_identifier("shop-primary").source_type(SourceType::DbInstance);
    let events = events.duration(5).send().await.unwrap();
    let messages: Vec<&str> = events.events().iter().map(|event| event.message().unwrap()).collect();
    assert_eq!(messages, ["DB instance shutdown", "DB instance restarted"]);
    assert!(events.events()[1].date().is_some());
    assert_eq!(events.events()[1].source_type(), Some(&SourceType::DbInstance));
    let untyped = east.describe_events().source_identifier("shop-primary").send().await.unwrap_err();
    assert_eq!(untyped.code(), Some("InvalidParameterCombination"));
    bench.sandbox.shutdown().await;
}

/// Goal: an instance stops only after promotion detached it.
/// Method: stop before and after a promotion, watch it, start it again.
#[tokio::test]
async fn a_stop_waits_for_the_promotion() {
    let bench = Bench::start().await;
    let (east, west) = (bench.rds(EAST, EAST), bench.rds(WEST, WEST));
    let stop = || east.stop_db_instance().db_instance_identifier("shop-primary").send();
    let refused = stop().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidDBInstanceState"));
    assert!(refused.as_service_error().unwrap().is_invalid_db_instance_state_fault());
    west.promote_read_replica().db_instance_identifier("shop-replica").send().await.unwrap();
    settled(&west, "shop-replica").await;
    assert_eq!(stop().await.unwrap().db_instance().unwrap().db_instance_status(), Some("stopping"));
    until("a stopped instance", || async {
        (instance(&east, "shop-primary").await?.db_instance_status() == Some("stopped")).then_some(())
    })
    .await;
    assert!(!writes(&bench, EAST).await);
    east.start_db_instance().db_instance_identifier("shop-primary").send().await.unwrap();
    settled(&east, "shop-primary").await;
    assert!(writes(&bench, EAST).await);
    bench.sandbox.shutdown().await;
}

/// Goal: a promotion is refused while the replica backs up.
/// Method: let a backup run, promote in vain, wait, promote.
#[tokio::test]
async fn a_backup_holds_a_promotion_up() {
    let bench = Bench::start().await;
    let west = bench.rds(WEST, WEST);
    bench.control("backup", json!({"region": WEST, "id": "shop-replica", "ms": 400})).await;
    let promote = || west.promote_read_replica().db_instance_identifier("shop-replica").send();
    assert_eq!(promote().await.unwrap_err().code(), Some("InvalidDBInstanceState"));
    assert_eq!(settled(&west, "shop-replica").await[0], "backing-up");
    promote().await.unwrap();
    bench.sandbox.shutdown().await;
}

/// Goal: a restore makes a new instance through `creating` and `backing-up`; refusals have their codes.
/// Method: restore the latest moment, and ask for what cannot be.
#[tokio::test]
async fn a_moment_is_restored() {
    let bench = Bench::start().await;
    let east = bench.rds(EAST, EAST);
    let restore = |target: &str| {
        let source = "shop-primary";
        east.restore_db_instance_to_point_in_time()
            .source_db_instance_identifier(source)
            .target_db_instance_identifier(target)
    };
    let made = restore("shop-copy").use_latest_restorable_time(true).send().await.unwrap();
    assert_eq!(made.db_instance().unwrap().db_instance_status(), Some("creating"));
    assert_eq!(settled(&east, "shop-copy").await, ["creating", "backing-up", "available"]);
    let copy = instance(&east, "shop-copy").await.unwrap();
    assert_eq!(copy.vpc_security_groups()[0].vpc_security_group_id(), Some("sg-default"));
    let taken = restore("shop-copy").use_latest_restorable_time(true).send().await.unwrap_err();
    assert_eq!(taken.code(), Some("DBInstanceAlreadyExists"));
    let future = DateTime::from_secs(4_000_000_000);
    let late = restore("other").restore_time(future).send().await.unwrap_err();
    assert_eq!(late.code(), Some("InvalidRestoreFault"));
    assert_eq!(restore("other").send().await.unwrap_err().code(), Some("InvalidParameterCombination"));
    let west = bench.rds(WEST, WEST);
    let replica = west
        .restore_db_instance_to_point_in_time()
        .source_db_instance_identifier("shop-replica")
        .target_db_instance_identifier("other")
        .use_latest_restorable_time(true);
    assert_eq!(replica.send().await.unwrap_err().code(), Some("PointInTimeRestoreNotEnabled"));
    bench.sandbox.shutdown().await;
}

/// Goal: after a failover the redundancy is rebuilt: the old primary renamed and tagged, a replica of the new
/// one under its name.
/// Method: the whole sequence, and both ends of the new replication.
#[tokio::test]
async fn the_redundancy_is_rebuilt() {
    let bench = Bench::start().await;
    let (east, west) = (bench.rds(EAST, EAST), bench.rds(WEST, WEST));
    west.promote_read_replica().db_instance_identifier("shop-replica").send().await.unwrap();
    settled(&west, "shop-replica").await;
    let rename = east.modify_db_instance().db_instance_identifier("shop-primary").apply_immediately(true);
    let renaming = rename.new_db_instance_identifier("shop-primary-old").send().await.unwrap();
    assert_eq!(renaming.db_instance().unwrap().db_instance_status(), Some("renaming"));
    settled(&east, "shop-primary-old").await;
    let gone = east.describe_db_instances().db_instance_identifier("shop-primary").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("DBInstanceNotFound"));
    let old = "arn:aws:rds:us-east-1:111122223333:db:shop-primary-old";
    let tag = Tag::builder().key("renamedByQuorate").value("42").build();
    east.add_tags_to_resource().resource_name(old).tags(tag).send().await.unwrap();
    let tags = east.list_tags_for_resource().resource_name(old).send().await.unwrap();
    assert!(
        tags.tag_list().iter().any(|tag| tag.key() == Some("renamedByQuorate") && tag.value() == Some("42"))
    );
    east.remove_tags_from_resource().resource_name(old).tag_keys("service").send().await.unwrap();
    let tags = east.list_tags_for_resource().resource_name(old).send().await.unwrap();
    assert_eq!(tags.tag_list().len(), 1);
    let source = "arn:aws:rds:us-west-2:111122223333:db:shop-replica";
    let create = || {
        east.create_db_instance_read_replica()
            .db_instance_identifier("shop-primary")
            .source_db_instance_identifier(source)
            .vpc_security_group_ids("sg-application")
            .pre_signed_url("https://rds.us-west-2.amazonaws.com/?Action=CreateDBInstanceReadReplica")
            .send()
    };
    assert_eq!(create().await.unwrap().db_instance().unwrap().db_instance_status(), Some("creating"));
    assert_eq!(create().await.unwrap_err().code(), Some("DBInstanceAlreadyExists"));
    assert_eq!(settled(&east, "shop-primary").await, ["creating", "available"]);
    let replica = instance(&east, "shop-primary").await.unwrap();
    assert_eq!(replica.read_replica_source_db_instance_identifier(), Some(source));
    let promoted = instance(&west, "shop-replica").await.unwrap();
    let replica_arn = "arn:aws:rds:us-east-1:111122223333:db:shop-primary";
    assert_eq!(promoted.read_replica_db_instance_identifiers(), [replica_arn]);
    bench.sandbox.shutdown().await;
}

/// Goal: a database that the control API makes is one like any other.
/// Method: make one and a replica within its region, and describe both by their identifiers.
#[tokio::test]
async fn databases_are_made_by_the_control_api() {
    let bench = Bench::start().await;
    bench.control("database", json!({"region": EAST, "id": "ledger"})).await;
    let source = "arn:aws:rds:us-east-1:111122223333:db:ledger";
    bench.control("database", json!({"region": EAST, "id": "ledger-copy", "source": source})).await;
    let east = bench.rds(EAST, EAST);
    let ledger = instance(&east, "ledger").await.unwrap();
    assert_eq!(ledger.read_replica_db_instance_identifiers(), ["ledger-copy"]);
    let copy = instance(&east, "ledger-copy").await.unwrap();
    assert_eq!(copy.read_replica_source_db_instance_identifier(), Some("ledger"));
    let again = bench.control_any("database", &json!({"region": EAST, "id": "ledger"}).to_string()).await;
    assert_eq!(again.status, 400);
    assert!(again.json()["error"].as_str().unwrap().starts_with("DBInstanceAlreadyExists"));
    bench.sandbox.shutdown().await;
}
