//! Repointing weighted and failover records: the sets that go along, those that are refused, and the way back.

use aws_sdk_route53::Client;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HealthCheckConfig, HealthCheckType, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::{RecordKind, Route53Repoint};
use quorate_policies::plan::before::undo;
use quorate_policies::plan::{Action, Before};

use crate::bench::{Bench, act, carry_out, context, observe};
use crate::proxy::{Break, get};

const NAME: &str = "go.shop.test";

fn set(identifier: &str, address: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(address).build().unwrap();
    let set = ResourceRecordSet::builder().name(NAME).r#type(RrType::A).ttl(1).set_identifier(identifier);
    set.resource_records(value).build().unwrap()
}

fn weighted(identifier: &str, address: &str, weight: i64) -> ResourceRecordSet {
    let mut set = set(identifier, address);
    set.weight = Some(weight);
    set
}

fn failover(
    identifier: &str,
    address: &str,
    role: ResourceRecordSetFailover,
    check: &str,
) -> ResourceRecordSet {
    let mut set = set(identifier, address);
    set.failover = Some(role);
    set.health_check_id = Some(check.to_owned());
    set
}

/// The way of somebody else, past the proxy.
fn console(bench: &Bench) -> Client {
    let config = aws_sdk_route53::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("AKIASANDBOX", "secret", None, None, "test"))
        .endpoint_url(&bench.endpoints.vantages["internet"].route53)
        .build();
    Client::from_conf(config)
}

/// A check that is always healthy: none of no children must be.
async fn healthy(bench: &Bench) -> String {
    let config = HealthCheckConfig::builder().r#type(HealthCheckType::Calculated).health_threshold(0).build();
    let create = console(bench).create_health_check().caller_reference("always");
    let reply = create.health_check_config(config.unwrap()).send().await.unwrap();
    reply.health_check().unwrap().id().to_owned()
}

/// Puts sets in place.
async fn place(bench: &Bench, sets: Vec<ResourceRecordSet>) {
    let change =
        |set| Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
    let batch =
        ChangeBatch::builder().set_changes(Some(sets.into_iter().map(change).collect())).build().unwrap();
    let zone = &bench.endpoints.service.zone;
    console(bench)
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch)
        .send()
        .await
        .unwrap();
}

fn action(bench: &Bench) -> Route53Repoint {
    Route53Repoint {
        zone: bench.endpoints.service.zone.clone(),
        record: NAME.into(),
        kind: RecordKind::A,
        alias: None,
        alias_zone: None,
        values: Vec::new(),
        ttl_s: 60,
        weights: Default::default(),
        primary: None,
    }
}

fn weights(bench: &Bench, weights: &[(&str, u32)]) -> Action {
    let weights = weights.iter().map(|&(set, weight)| (set.to_owned(), weight)).collect();
    Action::Route53Repoint(Route53Repoint { weights, ..action(bench) })
}

fn primary(bench: &Bench, primary: &str) -> Action {
    Action::Route53Repoint(Route53Repoint { primary: Some(primary.into()), ..action(bench) })
}

/// What DNS answers, as a client on the internet sees it.
async fn answer(bench: &Bench) -> String {
    let path = format!("/control/resolve?name={NAME}");
    let resolved: serde_json::Value =
        serde_json::from_slice(&get(&bench.endpoints.control, &path).await).unwrap();
    resolved["answers"][0].as_str().unwrap_or_default().to_owned()
}

/// The action that an abort carries out.
fn back(action: &Action, seen: &Observed) -> Action {
    let Observed::NotDone { before: Some(before @ Before::Repointed { .. }), .. } = seen else {
        panic!("what stood was not told: {seen:?}")
    };
    undo(action, Some(before)).unwrap()
}

/// Goal: traffic moves between weighted sets and back again, under one epoch, with DNS following. Method: there, and
/// what the note of what stood undoes.
#[tokio::test]
async fn weighted_sets_move_and_return() {
    let bench = Bench::start().await;
    place(&bench, vec![weighted("east", "192.0.2.1", 100), weighted("west", "192.0.2.2", 0)]).await;
    let (aws, action, context) =
        (bench.agent().await, weights(&bench, &[("east", 0), ("west", 100)]), context(5));
    let trail = carry_out(&aws, &action, &context).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(answer(&bench).await, "192.0.2.2");
    let trail = carry_out(&aws, &back(&action, &trail.observed[0]), &context).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(answer(&bench).await, "192.0.2.1");
}

/// Goal: the roles of a failover pair are exchanged in one batch and back again, also when the reply is lost. Method:
/// lose the first reply, then undo.
#[tokio::test]
async fn failover_sets_move_and_return() {
    use ResourceRecordSetFailover::{Primary, Secondary};
    let bench = Bench::start().await;
    let check = healthy(&bench).await;
    let pair = [("east", "192.0.2.1", Primary), ("west", "192.0.2.2", Secondary)];
    place(&bench, pair.map(|(set, address, role)| failover(set, address, role, &check)).to_vec()).await;
    let (aws, action, context) = (bench.agent().await, primary(&bench, "west"), context(5));
    bench.script.set("ChangeResourceRecordSets", Break::LoseReply, 1);
    let trail = carry_out(&aws, &action, &context).await;
    assert!(trail.is_done(), "{trail:?}");
    assert!(matches!(trail.acted.as_slice(), [Acted::Unknown { .. }]), "{trail:?}");
    let again = EffectContext { attempt: 2, ..context };
    let trail = carry_out(&aws, &back(&action, &trail.observed[0]), &again).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(answer(&bench).await, "192.0.2.1");
}

/// Goal: what would be refused, or would leave a region without its answer, is refused before anything is sent, with the
/// reason. Method: one wish each, over weighted sets.
#[tokio::test]
async fn misfits_are_not_sent() {
    let bench = Bench::start().await;
    place(&bench, vec![weighted("east", "192.0.2.1", 100), weighted("west", "192.0.2.2", 0)]).await;
    let (aws, context) = (bench.agent().await, context(5));
    let wishes = [
        (weights(&bench, &[("east", 0), ("west", 0)]), "all weights are zero"),
        (weights(&bench, &[("west", 100)]), "does not name its set `east`"),
        (weights(&bench, &[("east", 0), ("south", 9), ("west", 1)]), "has no set `south`"),
        (primary(&bench, "west"), "is not a failover record"),
        (
            Action::Route53Repoint(Route53Repoint { values: vec!["192.0.2.2".into()], ..action(&bench) }),
            "is weighted",
        ),
        (
            Action::Route53Repoint(Route53Repoint {
                kind: RecordKind::Cname,
                values: vec!["elsewhere.test".into()],
                ..action(&bench)
            }),
            "a CNAME may not stand beside them",
        ),
        (
            Action::Route53Repoint(Route53Repoint {
                record: "shop.example".into(),
                values: vec!["192.0.2.2".into()],
                ..action(&bench)
            }),
            "does not lie in zone",
        ),
        (
            Action::Route53Repoint(Route53Repoint {
                record: "shop.test".into(),
                kind: RecordKind::Cname,
                values: vec!["elsewhere.test".into()],
                ..action(&bench)
            }),
            "apex",
        ),
    ];
    for (wish, why) in wishes {
        let seen = observe(&aws, &wish, &context).await;
        assert!(matches!(&seen, Observed::Impossible { reason } if reason.contains(why)), "{why}: {seen:?}");
        let acted = act(&aws, &wish, &context).await;
        assert!(
            matches!(&acted, Acted::Refused { reason, retryable: false } if reason.contains(why)),
            "{why}: {acted:?}"
        );
    }
    assert_eq!(bench.script.arrived("ChangeResourceRecordSets"), 0);
}

/// Goal: a change that Route 53 accepted and lost is sent again by the next attempt. Method: put the old sets back past
/// the fence, and let GetChange forget the change.
#[tokio::test]
async fn a_stranded_change_is_sent_again() {
    let bench = Bench::start().await;
    let (aws, action, first) = (bench.agent().await, bench.to_standby(), context(5));
    // Accepted, as far as this agent knows, and then nowhere.
    bench.script.set("ChangeResourceRecordSets", Break::Strand("/change/CSTRANDED"), 1);
    let acted = act(&aws, &action, &first).await;
    assert!(matches!(acted, Acted::Accepted { .. }), "{acted:?}");
    let seen = observe(&aws, &action, &first).await;
    assert!(matches!(seen, Observed::NotDone { .. }), "{seen:?}");
    let next = EffectContext { attempt: 2, ..first };
    let trail = carry_out(&aws, &action, &next).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(bench.mark().await.as_deref(), Some("\"epoch=5 execution=execution-5 attempt=2\""));
}

/// Goal: the zone's name servers are read, and what Route 53 does not say about it is unknown. Method: read the
/// sandbox's zone, and one that does not exist.
#[tokio::test]
async fn zones_are_read() {
    let bench = Bench::start().await;
    let aws = bench.agent().await;
    let facts = aws.zone_facts(&bench.endpoints.service.zone, None).await.unwrap();
    assert_eq!(facts.name, "shop.test");
    assert!(!facts.name_servers.is_empty() && !facts.private, "{facts:?}");
    assert_eq!(facts.accelerated_recovery, quorate_aws::AcceleratedRecovery::Unknown);
    assert!(aws.zone_facts("ZNOWHERE", None).await.unwrap_err().contains("NoSuchHostedZone"));
}
