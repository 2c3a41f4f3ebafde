//! The stale executor: two executors race for one record set, a hundred times, on both emulators. Judged by listing the
//! sets past the proxy, so that it says the same of any Route 53.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::types::RrType;
use quorate_aws::{Aws, AwsSettings, StaticCredentials, Timeouts};
use quorate_policies::effect::Acted;
use quorate_policies::plan::Action;
use quorate_policies::plan::action::{RecordKind, Route53Repoint};
use tokio::sync::Barrier;

use crate::bench::{Bench, act, context};
use crate::moto;
use crate::proxy::{self, Break, Script};

/// Each round is one race for one record set: a hundred show both orders of arrival, many times over.
const ROUNDS: u64 = 100;
/// Records that are raced for side by side, because each executor keeps to its pace and mostly waits.
const RECORDS: u64 = 5;
/// Ten times what a call takes on a machine that does much else.
const ATTEMPT: Duration = Duration::from_secs(20);
/// What the two executors want; they change sides each round, so that every winner has something to move.
const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

/// Goal: of two executors that read the same world and write at once, exactly one is accepted; the stale one learns
/// that it lost, at once or when it acts again, and in the end the newer epoch holds the record. Method: hold both
/// batches until both have come, let them go together, and let both go on; in the sandbox.
#[tokio::test]
async fn racing_executors() {
    let bench = Bench::start().await;
    let zone = bench.endpoints.service.zone.clone();
    let url = bench.endpoints.vantages["internet"].route53.clone();
    let races = (0..RECORDS).map(|number| races(&url, &zone, format!("race-{number}.shop.test")));
    futures_util::future::join_all(races).await;
}

/// Goal: as above, where nobody who wrote the executor wrote the world. Method: as above, in strict moto.
#[tokio::test]
async fn racing_executors_on_moto() {
    let url = moto::url(&["--change-ms", "500"]);
    let create = console(url).create_hosted_zone().name("race.test").caller_reference("race");
    let zone = create.send().await.unwrap().hosted_zone().unwrap().id().to_owned();
    let zone = zone.trim_start_matches("/hostedzone/");
    let races = (0..RECORDS).map(|number| races(url, zone, format!("race-{number}.race.test")));
    futures_util::future::join_all(races).await;
}

async fn races(upstream: &str, zone: &str, record: String) {
    let script = Arc::<Script>::default();
    let through = proxy::start(upstream, &script).await;
    for round in 1..=ROUNDS / RECORDS {
        // Fresh executors: nothing that one remembers of an earlier race may decide the next.
        let (old, new) = (executor(&through).await, executor(&through).await);
        let (older, newer) = (context(2 * round), context(2 * round + 1));
        let side = usize::from(round % 2 == 0);
        let (theirs, ours) =
            (repoint(zone, &record, ADDRESSES[side]), repoint(zone, &record, ADDRESSES[1 - side]));
        script.set("ChangeResourceRecordSets", Break::Meet(Arc::new(Barrier::new(2))), 2);
        let acted = tokio::join!(act(&old, &theirs, &older), act(&new, &ours, &newer));
        match &acted {
            // The stale one came first; the newer executor then knows that it has to look and act again.
            (Acted::Accepted { .. }, Acted::Refused { retryable: true, .. }) => {
                let again = act(&new, &ours, &newer).await;
                assert!(matches!(again, Acted::Accepted { .. }), "round {round}: {again:?}");
            }
            (Acted::Refused { reason, retryable: false }, Acted::Accepted { .. }) => {
                assert!(reason.contains("a newer failover, epoch"), "{reason}");
            }
            _ => panic!("round {round}: exactly one wins, and the other knows: {acted:?}"),
        }
        let late = act(&old, &theirs, &older).await;
        assert!(
            matches!(&late, Acted::Refused { reason, retryable: false } if reason.contains("a newer failover")),
            "round {round}: {late:?}"
        );
        let mark = format!("\"epoch={0} execution=execution-{0} attempt=1\"", 2 * round + 1);
        let stands = [values(upstream, zone, &record, RrType::A).await, {
            let fence = quorate_aws::epoch_record_name(&record);
            values(upstream, zone, &fence, RrType::Txt).await
        }];
        assert_eq!(stands, [vec![ADDRESSES[1 - side].to_owned()], vec![mark]], "round {round}");
    }
}

async fn executor(url: &str) -> Aws {
    let mut settings = AwsSettings::new("eu-west-1");
    settings.credentials = Some(StaticCredentials {
        access_key_id: "AKIARACE".into(),
        secret_access_key: "secret".into(),
        session_token: None,
    });
    settings.endpoints.route53 = Some(url.to_owned());
    // A busy machine must not turn a slow reply into a lost one.
    settings.timeouts = Timeouts::new(ATTEMPT / 2, ATTEMPT, ATTEMPT * 5).unwrap();
    Aws::load(settings).await
}

fn repoint(zone: &str, record: &str, address: &str) -> Action {
    Action::Route53Repoint(Route53Repoint {
        zone: zone.to_owned(),
        record: record.to_owned(),
        kind: RecordKind::A,
        alias: None,
        alias_zone: None,
        values: vec![address.to_owned()],
        ttl_s: 60,
        weights: Default::default(),
        primary: None,
    })
}

/// The way of somebody who only looks, past the proxy.
fn console(url: &str) -> Client {
    let config = aws_sdk_route53::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("AKIARACE", "secret", None, None, "test"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

async fn values(url: &str, zone: &str, name: &str, kind: RrType) -> Vec<String> {
    let list = console(url).list_resource_record_sets().hosted_zone_id(zone);
    let page = list.start_record_name(name).start_record_type(kind).max_items(1).send().await.unwrap();
    let set = &page.resource_record_sets()[0];
    assert_eq!(set.name().trim_end_matches('.'), name);
    set.resource_records().iter().map(|record| record.value().to_owned()).collect()
}
