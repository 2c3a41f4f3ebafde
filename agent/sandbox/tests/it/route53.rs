//! Route 53 through the SDK: every operation, compare-and-set, and every refusal by its wire code.

use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};

use crate::bench::{Bench, EAST, WEST, WITNESS, until};

type SdkError = aws_sdk_route53::error::SdkError<ChangeResourceRecordSetsError>;

const EPOCH: &str = "_quorate.shop.test.";

fn txt(value: &str) -> ResourceRecordSet {
    let record = ResourceRecord::builder().value(value).build().unwrap();
    ResourceRecordSet::builder()
        .name(EPOCH)
        .r#type(RrType::Txt)
        .ttl(5)
        .resource_records(record)
        .build()
        .unwrap()
}

fn alias(bench: &Bench, region: &str) -> ResourceRecordSet {
    let target = &bench.sandbox.endpoints().service.aliases[region];
    let target = AliasTarget::builder()
        .hosted_zone_id(&target.zone)
        .dns_name(&target.target)
        .evaluate_target_health(false)
        .build()
        .unwrap();
    ResourceRecordSet::builder().name("www.shop.test").r#type(RrType::A).alias_target(target).build().unwrap()
}

async fn change(
    bench: &Bench,
    vantage: &str,
    changes: Vec<(ChangeAction, ResourceRecordSet)>,
) -> Result<String, SdkError> {
    let change = |(action, set)| Change::builder().action(action).resource_record_set(set).build().unwrap();
    let changes: Vec<Change> = changes.into_iter().map(change).collect();
    let batch =
        ChangeBatch::builder().set_changes(Some(changes)).comment("epoch <1> & \"2\"").build().unwrap();
    let zone = &bench.sandbox.endpoints().service.zone;
    let client = bench.route53(vantage);
    let sent = client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await?;
    Ok(sent.change_info().unwrap().id().to_owned())
}

async fn set(bench: &Bench, name: &str, kind: RrType) -> Option<ResourceRecordSet> {
    let zone = &bench.sandbox.endpoints().service.zone;
    let listing = bench.route53(WITNESS).list_resource_record_sets().hosted_zone_id(zone);
    let page =
        listing.start_record_name(name).start_record_type(kind.clone()).max_items(1).send().await.unwrap();
    page.resource_record_sets()
        .first()
        .filter(|set| set.name().trim_end_matches('.') == name && *set.r#type() == kind)
        .cloned()
}

/// Goal: the listing holds the whole zone in DNS order and its pages join.
/// Method: list at once, then in pages of one.
#[tokio::test]
async fn the_zone_is_listed_in_pages() {
    let bench = Bench::start().await;
    let zone = &bench.sandbox.endpoints().service.zone;
    let client = bench.route53(WITNESS);
    let label = |set: &ResourceRecordSet| format!("{} {}", set.name(), set.r#type());
    let all = client.list_resource_record_sets().hosted_zone_id(zone).send().await.unwrap();
    let names: Vec<String> = all.resource_record_sets().iter().map(label).collect();
    let expected = [
        "shop.test. NS",
        "shop.test. SOA",
        "api.us-east-1.shop.test. A",
        "api.us-west-2.shop.test. A",
        "www.shop.test. A",
    ];
    assert_eq!(
        (names.as_slice(), all.is_truncated(), all.max_items()),
        (expected.map(String::from).as_slice(), false, 300)
    );
    let mut joined = Vec::new();
    let (mut name, mut kind) = (None, None);
    loop {
        let request =
            client.list_resource_record_sets().hosted_zone_id(format!("/hostedzone/{zone}")).max_items(1);
        let page = request.set_start_record_name(name).set_start_record_type(kind).send().await.unwrap();
        joined.extend(page.resource_record_sets().iter().map(label));
        (name, kind) = (page.next_record_name().map(str::to_owned), page.next_record_type().cloned());
        if !page.is_truncated() {
            break;
        }
    }
    assert_eq!(joined, names);
    let www = set(&bench, "www.shop.test", RrType::A).await.unwrap();
    let target = www.alias_target().unwrap();
    assert_eq!((target.hosted_zone_id(), target.dns_name()), ("Z35SXDOTRQ7X7K", "alb.us-east-1.shop.test."));
    assert_eq!(www.ttl(), None);
    bench.sandbox.shutdown().await;
}

/// Goal: of two executors that send the same compare-and-set batch exactly one wins, again and again, and the
/// loser learns it as InvalidChangeBatch.
/// Method: ten two-way races over the epoch record.
#[tokio::test]
async fn races_have_one_winner() {
    let bench = Bench::start().await;
    change(&bench, EAST, vec![(ChangeAction::Create, txt("\"0\""))]).await.unwrap();
    for round in 0..10 {
        let batch = |nonce: &str, region| {
            vec![
                (ChangeAction::Delete, set_of(round)),
                (ChangeAction::Create, txt(&format!("\"{} {nonce}\"", round + 1))),
                (ChangeAction::Upsert, alias(&bench, region)),
            ]
        };
        let (left, right) =
            tokio::join!(change(&bench, EAST, batch("a", EAST)), change(&bench, WEST, batch("a", WEST)));
        let lost = match (left, right) {
            (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(lost.code(), Some("InvalidChangeBatch"));
    }
    bench.sandbox.shutdown().await;
}

fn set_of(round: u32) -> ResourceRecordSet {
    if round == 0 { txt("\"0\"") } else { txt(&format!("\"{round} a\"")) }
}

/// Goal: change ids are unique, a change is PENDING and then INSYNC, and the comment survives XML.
/// Method: follow one change to INSYNC.
#[tokio::test]
async fn changes_come_into_sync() {
    let bench = Bench::start().await;
    let first = change(&bench, EAST, vec![(ChangeAction::Create, txt("\"a <&> b\""))]).await.unwrap();
    let second = change(&bench, EAST, vec![(ChangeAction::Upsert, alias(&bench, WEST))]).await.unwrap();
    assert_ne!(first, second);
    let client = bench.route53(EAST);
    let status = client.get_change().id(&second).send().await.unwrap().change_info().unwrap().clone();
    assert_eq!(status.status(), &ChangeStatus::Pending);
    assert_eq!(status.comment(), Some("epoch <1> & \"2\""));
    until("INSYNC", || async {
        let change = client.get_change().id(&second).send().await.unwrap();
        (change.change_info().unwrap().status() == &ChangeStatus::Insync).then_some(())
    })
    .await;
    let stored = set(&bench, EPOCH.trim_end_matches('.'), RrType::Txt).await.unwrap();
    assert_eq!((stored.resource_records()[0].value(), stored.ttl()), ("\"a <&> b\"", Some(5)));
    bench.sandbox.shutdown().await;
}

/// Goal: every refusal has Route 53's wire code and words, and leaves the zone as it was.
/// Method: one batch for each rule, comparing the zone before and after all of them.
#[tokio::test]
async fn refusals_have_wire_codes() {
    let bench = Bench::start().await;
    change(&bench, EAST, vec![(ChangeAction::Create, txt("\"1\""))]).await.unwrap();
    let before = bench.world().await.dns.records;
    let refused = |changes| {
        let bench = &bench;
        async move {
            let error = change(bench, WEST, changes).await.unwrap_err();
            format!("{}: {}", error.code().unwrap(), error.message().unwrap())
        }
    };
    let good = || (ChangeAction::Upsert, alias(&bench, WEST));
    let label = "resource record set [name='_quorate.shop.test.', type='TXT'] but";
    assert_eq!(
        refused(vec![good(), (ChangeAction::Delete, txt("\"2\""))]).await,
        format!(
            "InvalidChangeBatch: [Tried to delete {label} \
             the values provided do not match the current values]"
        )
    );
    assert_eq!(
        refused(vec![good(), (ChangeAction::Create, txt("\"2\""))]).await,
        format!("InvalidChangeBatch: [Tried to create {label} it already exists]")
    );
    let twice = vec![(ChangeAction::Delete, txt("\"1\"")), (ChangeAction::Delete, txt("\"1\""))];
    assert!(
        refused(twice)
            .await
            .contains("invalid set of changes for a resource record set 'TXT _quorate.shop.test.'")
    );
    assert!(
        refused(vec![good(), (ChangeAction::Upsert, txt("bare"))])
            .await
            .contains("enclosed in quotation marks")
    );
    let with_ttl = ResourceRecordSet::builder()
        .name("www.shop.test")
        .r#type(RrType::A)
        .ttl(60)
        .set_alias_target(alias(&bench, WEST).alias_target().cloned());
    assert!(
        refused(vec![(ChangeAction::Upsert, with_ttl.build().unwrap())]).await.starts_with("InvalidInput: ")
    );
    let mut weighted = alias(&bench, WEST);
    weighted.weight = Some(1);
    assert!(refused(vec![(ChangeAction::Upsert, weighted)]).await.starts_with("InvalidInput: "));
    assert_eq!(bench.world().await.dns.records, before);
    bench.sandbox.shutdown().await;
}

/// Goal: unknown zones, changes and operations are refused by their codes.
/// Method: ask for each.
#[tokio::test]
async fn unknown_things_have_wire_codes() {
    let bench = Bench::start().await;
    let client = bench.route53(WITNESS);
    let zone = client.list_resource_record_sets().hosted_zone_id("ZNONE").send().await.unwrap_err();
    assert_eq!(zone.code(), Some("NoSuchHostedZone"));
    assert_eq!(zone.raw_response().unwrap().status().as_u16(), 404);
    let change = client.get_change().id("CNONE").send().await.unwrap_err();
    assert_eq!(change.code(), Some("NoSuchChange"));
    assert!(change.as_service_error().unwrap().is_no_such_change());
    let other = client.list_traffic_policies().send().await.unwrap_err();
    assert_eq!(other.raw_response().unwrap().status().as_u16(), 404);
    assert!(
        String::from_utf8_lossy(other.raw_response().unwrap().body().bytes().unwrap())
            .contains("UnknownOperation")
    );
    bench.sandbox.shutdown().await;
}

/// Goal: the account's request limit answers Throttling with status 400.
/// Method: a limit of one request per second and three requests.
#[tokio::test]
async fn throttling_is_an_option() {
    let options = quorate_sandbox::Options { route53_requests_per_second: 1, ..crate::bench::quick() };
    let bench = Bench::with(options).await;
    let client = bench.route53(EAST);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let answered = client.get_change().id("CNONE").send().await.unwrap_err();
        codes.push(answered.code().map(str::to_owned).unwrap());
    }
    assert!(codes.contains(&"Throttling".to_owned()), "{codes:?}");
    bench.sandbox.shutdown().await;
}
