//! Route 53's health checks and routing through the SDK, with checkers that really check and DNS that
//! follows.

use aws_sdk_route53::Client;
use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HealthCheckConfig, HealthCheckType, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};
use serde_json::json;

use crate::bench::{Bench, EAST, INTERNET, WEST, until};

const NAME: &str = "go.shop.test";

/// A check of the health endpoint of a region's application.
async fn endpoint(bench: &Bench, region: &str) -> aws_sdk_route53::types::builders::HealthCheckConfigBuilder {
    let address = bench.application(INTERNET, region).await;
    HealthCheckConfig::builder()
        .ip_address(address.ip().to_string())
        .port(address.port().into())
        .r#type(HealthCheckType::Http)
        .resource_path("/health")
        .request_interval(10)
        .failure_threshold(2)
}

async fn create(client: &Client, reference: &str, config: HealthCheckConfig) -> String {
    let made =
        client.create_health_check().caller_reference(reference).health_check_config(config).send().await;
    let made = made.unwrap();
    assert!(made.location().ends_with(made.health_check().unwrap().id()));
    made.health_check().unwrap().id().to_owned()
}

fn set(identifier: &str, address: &str) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
    let record = ResourceRecord::builder().value(address).build().unwrap();
    ResourceRecordSet::builder()
        .name(NAME)
        .r#type(RrType::A)
        .ttl(1)
        .set_identifier(identifier)
        .resource_records(record)
}

async fn upsert(bench: &Bench, sets: Vec<ResourceRecordSet>) -> Result<(), String> {
    let change =
        |set| Change::builder().action(ChangeAction::Upsert).resource_record_set(set).build().unwrap();
    let batch =
        ChangeBatch::builder().set_changes(Some(sets.into_iter().map(change).collect())).build().unwrap();
    let zone = &bench.sandbox.endpoints().service.zone;
    let sent = bench.route53(WEST).change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    sent.send().await.map(|_| ()).map_err(|error| format!("{}: {error:?}", error.code().unwrap_or_default()))
}

async fn answers(bench: &Bench, address: &str) {
    let answered = || async {
        let resolved = bench.show(&format!("resolve?name={NAME}")).await;
        (resolved["answers"][0] == address).then_some(())
    };
    until("the answer", answered).await;
}

/// Goal: a check is made once for each reference, described as it was made, listed and deleted.
/// Method: the whole life of one check, and each refusal by its code.
#[tokio::test]
async fn checks_are_made_and_found() {
    let bench = Bench::start().await;
    let client = bench.route53(WEST);
    let config = endpoint(&bench, EAST).await.inverted(true).build().unwrap();
    let id = create(&client, "first", config.clone()).await;
    assert_eq!(create(&client, "first", config.clone()).await, id, "the same call finds its check");
    let other = endpoint(&bench, WEST).await.build().unwrap();
    let taken =
        client.create_health_check().caller_reference("first").health_check_config(other).send().await;
    let taken = taken.unwrap_err();
    assert!(taken.as_service_error().unwrap().is_health_check_already_exists());
    let found = client.get_health_check().health_check_id(&id).send().await.unwrap();
    assert_eq!(found.health_check().unwrap().health_check_config(), Some(&config));
    let child = HealthCheckConfig::builder().r#type(HealthCheckType::Calculated).health_threshold(1);
    create(&client, "sum", child.child_health_checks(&id).build().unwrap()).await;
    let listed = client.list_health_checks().max_items(1).send().await.unwrap();
    assert!(listed.is_truncated());
    let rest = client.list_health_checks().marker(listed.next_marker().unwrap()).send().await.unwrap();
    assert_eq!(
        (listed.health_checks().len(), rest.health_checks().len(), rest.is_truncated()),
        (1, 1, false)
    );
    client.delete_health_check().health_check_id(&id).send().await.unwrap();
    let gone = client.get_health_check().health_check_id(&id).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchHealthCheck"));
    let wrong = HealthCheckConfig::builder().r#type(HealthCheckType::Http).build().unwrap();
    let wrong = client.create_health_check().caller_reference("x").health_check_config(wrong).send().await;
    assert_eq!(wrong.unwrap_err().code(), Some("InvalidInput"));
    let orphan = set("p", "127.0.10.1").failover(ResourceRecordSetFailover::Primary).health_check_id(&id);
    let orphan = upsert(&bench, vec![orphan.build().unwrap()]).await.unwrap_err();
    assert!(orphan.starts_with("NoSuchHealthCheck"), "{orphan}");
    bench.sandbox.shutdown().await;
}

/// Goal: failover records follow their checks without any control plane: with us-east-1 and Route 53's API
/// gone, DNS leads to the secondary, and back again when both are there.
/// Method: two checked records, the primary's region killed with everything, then healed.
#[tokio::test]
async fn failover_needs_no_control_plane() {
    let bench = Bench::start().await;
    let client = bench.route53(WEST);
    let (east, west) = (bench.application(INTERNET, EAST).await, bench.application(INTERNET, WEST).await);
    let east_check = create(&client, "east", endpoint(&bench, EAST).await.build().unwrap()).await;
    let west_check = create(&client, "west", endpoint(&bench, WEST).await.build().unwrap()).await;
    let (east, west) = (east.ip().to_string(), west.ip().to_string());
    let primary =
        set("east", &east).failover(ResourceRecordSetFailover::Primary).health_check_id(&east_check);
    let secondary =
        set("west", &west).failover(ResourceRecordSetFailover::Secondary).health_check_id(&west_check);
    upsert(&bench, vec![primary.build().unwrap(), secondary.build().unwrap()]).await.unwrap();
    answers(&bench, &east).await;
    let kill = json!({"region": EAST, "kind": "kill", "control_plane": true, "route53": true});
    bench.control("fault", kill).await;
    answers(&bench, &west).await;
    assert!(client.get_health_check_status().health_check_id(&east_check).send().await.is_err());
    bench.control("fault", json!({"region": EAST, "kind": "none"})).await;
    answers(&bench, &east).await;
    let status = client.get_health_check_status().health_check_id(&east_check).send().await.unwrap();
    let report = status.health_check_observations()[0].status_report().unwrap();
    assert!(report.status().unwrap().starts_with("Success: HTTP Status Code 200"), "{report:?}");
    bench.sandbox.shutdown().await;
}

/// Goal: the pattern of a signal works: an inverted check on the standby's resource, and a calculated check
/// over it, turn the primary record off when the resource appears, and nothing turns it when the resource is
/// unreachable.
/// Method: the standby's application is the resource: killed it is absent, serving it is present.
#[tokio::test]
async fn an_inverted_check_is_a_signal() {
    let bench = Bench::start().await;
    let client = bench.route53(WEST);
    bench.control("fault", json!({"region": WEST, "kind": "kill"})).await;
    let inverted = endpoint(&bench, WEST).await.inverted(true).build().unwrap();
    let signal = create(&client, "signal", inverted).await;
    let any = HealthCheckConfig::builder().r#type(HealthCheckType::Calculated).health_threshold(1);
    let any = create(&client, "any", any.child_health_checks(&signal).build().unwrap()).await;
    let primary = set("p", "127.0.0.11").failover(ResourceRecordSetFailover::Primary).health_check_id(&any);
    let secondary = set("s", "127.0.0.12").failover(ResourceRecordSetFailover::Secondary);
    upsert(&bench, vec![primary.build().unwrap(), secondary.build().unwrap()]).await.unwrap();
    answers(&bench, "127.0.0.11").await;
    bench.control("fault", json!({"region": WEST, "kind": "none"})).await;
    answers(&bench, "127.0.0.12").await;
    assert!(!bench.world().await.dns.healthy[&any]);
    bench.sandbox.shutdown().await;
}

/// Goal: weighted records are kept with their weights, and DNS answers by them.
/// Method: all the weight on one, then on the other; a simple set of the same name is refused.
#[tokio::test]
async fn weights_move_traffic() {
    let bench = Bench::start().await;
    let both = |first, second| {
        vec![
            set("a", "127.0.0.11").weight(first).build().unwrap(),
            set("b", "127.0.0.12").weight(second).build().unwrap(),
        ]
    };
    upsert(&bench, both(100, 0)).await.unwrap();
    answers(&bench, "127.0.0.11").await;
    upsert(&bench, both(0, 100)).await.unwrap();
    answers(&bench, "127.0.0.12").await;
    let client = bench.route53(EAST);
    let zone = &bench.sandbox.endpoints().service.zone;
    let listed = client.list_resource_record_sets().hosted_zone_id(zone).start_record_name(NAME).max_items(1);
    let first = listed.send().await.unwrap();
    assert_eq!(first.next_record_identifier(), Some("b"));
    let (kind, next) = (first.next_record_type().unwrap().clone(), first.next_record_identifier().unwrap());
    let rest = client
        .list_resource_record_sets()
        .hosted_zone_id(zone)
        .start_record_name(NAME)
        .start_record_type(kind);
    let rest = rest.start_record_identifier(next).max_items(1).send().await.unwrap();
    let [second] = rest.resource_record_sets() else { panic!("{rest:?}") };
    assert_eq!((second.set_identifier(), second.weight()), (Some("b"), Some(100)));
    let record = ResourceRecord::builder().value("127.0.0.13").build().unwrap();
    let simple =
        ResourceRecordSet::builder().name(NAME).r#type(RrType::A).ttl(1).resource_records(record).build();
    let mixed = upsert(&bench, vec![simple.unwrap()]).await.unwrap_err();
    assert!(mixed.starts_with("InvalidChangeBatch"), "{mixed}");
    bench.sandbox.shutdown().await;
}

/// Goal: the zone is described with its name servers, and found in the list.
/// Method: ask for both, and for a zone that is not there.
#[tokio::test]
async fn the_zone_is_described() {
    let bench = Bench::start().await;
    let client = bench.route53(EAST);
    let zone = &bench.sandbox.endpoints().service.zone;
    let found = client.get_hosted_zone().id(zone).send().await.unwrap();
    assert_eq!(found.hosted_zone().unwrap().name(), "shop.test.");
    assert_eq!(found.delegation_set().unwrap().name_servers(), ["ns-1.shop.test"]);
    let listed = client.list_hosted_zones().send().await.unwrap();
    assert_eq!(listed.hosted_zones()[0].resource_record_set_count(), Some(5));
    let none = client.get_hosted_zone().id("ZNONE").send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchHostedZone"));
    bench.sandbox.shutdown().await;
}
