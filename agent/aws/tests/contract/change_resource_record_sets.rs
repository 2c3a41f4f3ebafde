//! ChangeResourceRecordSets: one batch, all or nothing, validated against the zone as it is. The epoch fence and every
//! repoint stand on that.

use aws_sdk_route53::operation::change_resource_record_sets::{
    ChangeResourceRecordSetsError, ChangeResourceRecordSetsOutput,
};
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use crate::create_health_check::{created, delete, inverted};
use crate::list_resource_record_sets::sets;
use crate::wire::{outcome, refused};
use crate::world::{Balancer, World, Zone, fresh};

contract!(
    compares_and_swaps,
    one_of_two_swaps_wins,
    one_wrong_change_undoes_all,
    deletes_only_exact_values,
    deletes_only_exact_aliases,
    creates_only_what_is_not,
    upserts_either_way,
    refuses_wrong_values,
    refuses_names_of_other_zones,
    counts_records,
    keeps_simple_and_routed_sets_apart,
    one_policy_for_a_name,
    upsert_does_not_change_the_policy,
    one_primary_and_one_secondary,
    a_bare_primary_needs_a_check,
    refuses_what_is_not_there,
);

type Sent = Result<ChangeResourceRecordSetsOutput, SdkError<ChangeResourceRecordSetsError, HttpResponse>>;

/// A batch in the order in which it was written.
#[derive(Clone)]
pub(crate) struct Batch(Vec<Change>);

impl Batch {
    pub(crate) fn new() -> Batch {
        Batch(Vec::new())
    }

    fn and(mut self, action: ChangeAction, set: ResourceRecordSet) -> Batch {
        self.0.push(Change::builder().action(action).resource_record_set(set).build().unwrap());
        self
    }

    pub(crate) fn create(self, set: ResourceRecordSet) -> Batch {
        self.and(ChangeAction::Create, set)
    }

    pub(crate) fn delete(self, set: ResourceRecordSet) -> Batch {
        self.and(ChangeAction::Delete, set)
    }

    fn upsert(self, set: ResourceRecordSet) -> Batch {
        self.and(ChangeAction::Upsert, set)
    }

    pub(crate) async fn send(self, world: &World, zone: &Zone) -> Sent {
        let batch = ChangeBatch::builder().set_changes(Some(self.0)).build().unwrap();
        let change = world.route53().change_resource_record_sets();
        change.hosted_zone_id(&zone.id).change_batch(batch).send().await
    }
}

fn record(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    let set = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value);
    set.build().unwrap()
}

pub(crate) fn address(name: &str, value: &str) -> ResourceRecordSet {
    record(name, RrType::A, value)
}

pub(crate) fn text(name: &str, value: &str) -> ResourceRecordSet {
    record(name, RrType::Txt, &format!("\"{value}\""))
}

pub(crate) fn weighted(name: &str, identifier: &str, weight: i64) -> ResourceRecordSet {
    let mut set = address(name, "192.0.2.7");
    (set.set_identifier, set.weight) = (Some(identifier.into()), Some(weight));
    set
}

/// Half of a failover pair. An alias, because its target's own health counts and no check is needed.
fn failing_over(
    name: &str,
    zone: &Zone,
    identifier: &str,
    which: ResourceRecordSetFailover,
) -> ResourceRecordSet {
    let mut set = alias(name, &zone.balancers[0]);
    (set.set_identifier, set.failover) = (Some(identifier.into()), Some(which));
    set
}

pub(crate) fn alias(name: &str, balancer: &Balancer) -> ResourceRecordSet {
    let target = AliasTarget::builder().dns_name(&balancer.name).hosted_zone_id(&balancer.zone);
    let target = target.evaluate_target_health(true).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(RrType::A).alias_target(target).build().unwrap()
}

/// A name of the zone that nobody else has.
fn name(zone: &Zone, prefix: &str) -> String {
    format!("{}.{}", fresh(prefix), zone.name)
}

/// Goal: the epoch fence: what holds the present value moves on, what holds an old one loses everything that it came
/// with. Method: swap with a repoint; a stale swap with another repoint; look at both records.
async fn compares_and_swaps(world: &World) {
    let zone = world.zone().await;
    let (mark, front) = (name(&zone, "_epoch"), name(&zone, "front"));
    let [one, two] = &zone.balancers;
    let start = Batch::new().create(text(&mark, "1")).create(alias(&front, one));
    start.send(world, &zone).await.unwrap();
    let swap = |from: &str, to: &str, target: &Balancer| {
        Batch::new()
            .delete(text(&mark, from))
            .create(text(&mark, to))
            .upsert(alias(&front, target))
            .send(world, &zone)
    };
    swap("1", "2", two).await.unwrap();
    refused(swap("1", "3", one).await, "InvalidChangeBatch", 400);
    assert_eq!(sets(world, &zone, &mark).await[0].resource_records()[0].value(), "\"2\"");
    let shown = sets(world, &zone, &front).await[0].alias_target().unwrap().dns_name().to_owned();
    assert_eq!(shown, format!("{}.", two.name));
    // The same batch again, as after a lost reply, is refused too: that alone does not say who won.
    refused(swap("1", "2", two).await, "InvalidChangeBatch", 400);
    let end = Batch::new().delete(text(&mark, "2")).delete(alias(&front, two));
    end.send(world, &zone).await.unwrap();
}

/// Goal: of two swaps from the same value exactly one wins, each time. Method: ten races.
async fn one_of_two_swaps_wins(world: &World) {
    let zone = world.zone().await;
    let mark = name(&zone, "_epoch");
    let mut held = "start".to_owned();
    Batch::new().create(text(&mark, &held)).send(world, &zone).await.unwrap();
    for round in 0..10 {
        let swap = |who: &str| {
            let to = format!("{round} {who}");
            Batch::new().delete(text(&mark, &held)).create(text(&mark, &to)).send(world, &zone)
        };
        let (one, two) = futures_util::future::join(swap("one"), swap("two")).await;
        let won = [&one, &two].iter().filter(|sent| sent.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {one:?} {two:?}");
        let winner = if one.is_ok() { "one" } else { "two" };
        held = format!("{round} {winner}");
        let lost = outcome(if one.is_ok() { two } else { one });
        // A second change while one runs may also be told to wait.
        assert!(["InvalidChangeBatch 400", "PriorRequestNotComplete 400"].contains(&lost.as_str()), "{lost}");
        let read = sets(world, &zone, &mark).await;
        assert_eq!(read[0].resource_records()[0].value(), format!("\"{held}\""));
    }
    Batch::new().delete(text(&mark, &held)).send(world, &zone).await.unwrap();
}

/// Goal: a batch with one wrong change leaves nothing behind. Method: good ones before and after it.
async fn one_wrong_change_undoes_all(world: &World) {
    let zone = world.zone().await;
    let (good, gone) = (name(&zone, "good"), name(&zone, "gone"));
    let batch = Batch::new()
        .create(address(&good, "192.0.2.1"))
        .delete(address(&gone, "192.0.2.1"))
        .upsert(text(&good, "one"));
    refused(batch.send(world, &zone).await, "InvalidChangeBatch", 400);
    assert_eq!(sets(world, &zone, &good).await, []);
}

/// Goal: a DELETE repeats every value and the TTL. Method: another value, another TTL, one value too many.
async fn deletes_only_exact_values(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "exact");
    let given = address(&name, "192.0.2.1");
    Batch::new().create(given.clone()).send(world, &zone).await.unwrap();
    let mut slower = given.clone();
    slower.ttl = Some(61);
    let mut more = given.clone();
    let another = ResourceRecord::builder().value("192.0.2.2").build().unwrap();
    more.resource_records.get_or_insert_default().push(another);
    for wrong in [address(&name, "192.0.2.9"), slower, more] {
        refused(Batch::new().delete(wrong).send(world, &zone).await, "InvalidChangeBatch", 400);
    }
    Batch::new().delete(given).send(world, &zone).await.unwrap();
    assert_eq!(sets(world, &zone, &name).await, []);
}

/// Goal: an alias is as exact. Method: another target, another evaluation of its health.
async fn deletes_only_exact_aliases(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "alias");
    let [one, two] = &zone.balancers;
    let given = alias(&name, one);
    Batch::new().create(given.clone()).send(world, &zone).await.unwrap();
    let mut blind = given.clone();
    blind.alias_target.as_mut().unwrap().evaluate_target_health = false;
    for wrong in [alias(&name, two), blind] {
        refused(Batch::new().delete(wrong).send(world, &zone).await, "InvalidChangeBatch", 400);
    }
    Batch::new().delete(given).send(world, &zone).await.unwrap();
}

/// Goal: a CREATE overwrites nothing. Method: twice; the first value stands.
async fn creates_only_what_is_not(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "once");
    Batch::new().create(address(&name, "192.0.2.1")).send(world, &zone).await.unwrap();
    let again = Batch::new().create(address(&name, "192.0.2.2"));
    refused(again.send(world, &zone).await, "InvalidChangeBatch", 400);
    let read = sets(world, &zone, &name).await;
    assert_eq!(read[0].resource_records()[0].value(), "192.0.2.1");
    Batch::new().delete(address(&name, "192.0.2.1")).send(world, &zone).await.unwrap();
}

/// Goal: an UPSERT makes and overwrites. Method: twice.
async fn upserts_either_way(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "upsert");
    for value in ["192.0.2.1", "192.0.2.2"] {
        Batch::new().upsert(address(&name, value)).send(world, &zone).await.unwrap();
        let read = sets(world, &zone, &name).await;
        assert_eq!((read.len(), read[0].resource_records()[0].value()), (1, value));
    }
    Batch::new().delete(address(&name, "192.0.2.2")).send(world, &zone).await.unwrap();
}

/// Goal: a name has either one simple set or routed ones. Method: a weighted one beside a simple one, and the exchange
/// of the one for the others in one batch, which is how a record is brought under weights.
async fn keeps_simple_and_routed_sets_apart(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "mix");
    let simple = address(&name, "192.0.2.1");
    Batch::new().create(simple.clone()).send(world, &zone).await.unwrap();
    let beside = Batch::new().create(weighted(&name, "a", 100));
    refused(beside.send(world, &zone).await, "InvalidChangeBatch", 400);
    let (one, two) = (weighted(&name, "a", 100), weighted(&name, "b", 0));
    let exchange = Batch::new().delete(simple.clone()).create(one.clone()).create(two.clone());
    exchange.send(world, &zone).await.unwrap();
    let read = sets(world, &zone, &name).await;
    let weights: Vec<_> = read.iter().map(|set| (set.set_identifier(), set.weight())).collect();
    assert_eq!(weights, [(Some("a"), Some(100)), (Some("b"), Some(0))]);
    refused(Batch::new().create(simple).send(world, &zone).await, "InvalidChangeBatch", 400);
    // One of several is deleted by its identifier, and by its weight too.
    let wrong = Batch::new().delete(weighted(&name, "a", 99));
    refused(wrong.send(world, &zone).await, "InvalidChangeBatch", 400);
    Batch::new().delete(one).delete(two).send(world, &zone).await.unwrap();
}

/// Goal: a name has one routing policy. Method: failover beside weights.
async fn one_policy_for_a_name(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "policy");
    let given = weighted(&name, "a", 1);
    Batch::new().create(given.clone()).send(world, &zone).await.unwrap();
    let other = failing_over(&name, &zone, "b", ResourceRecordSetFailover::Primary);
    refused(Batch::new().create(other).send(world, &zone).await, "InvalidChangeBatch", 400);
    Batch::new().delete(given).send(world, &zone).await.unwrap();
}

/// Goal: an UPSERT changes a set's values, never its policy. Method: the same identifier under another policy.
async fn upsert_does_not_change_the_policy(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "policy");
    let given = weighted(&name, "a", 1);
    Batch::new().create(given.clone()).send(world, &zone).await.unwrap();
    let other = failing_over(&name, &zone, "a", ResourceRecordSetFailover::Primary);
    refused(Batch::new().upsert(other).send(world, &zone).await, "InvalidChangeBatch", 400);
    Batch::new().upsert(weighted(&name, "a", 0)).send(world, &zone).await.unwrap();
    Batch::new().delete(weighted(&name, "a", 0)).send(world, &zone).await.unwrap();
}

/// Goal: failover is between one primary and one secondary. Method: both, then a second primary.
async fn one_primary_and_one_secondary(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "failover");
    let primary = failing_over(&name, &zone, "one", ResourceRecordSetFailover::Primary);
    let secondary = failing_over(&name, &zone, "two", ResourceRecordSetFailover::Secondary);
    let both = Batch::new().create(primary.clone()).create(secondary.clone());
    both.send(world, &zone).await.unwrap();
    let third = failing_over(&name, &zone, "three", ResourceRecordSetFailover::Primary);
    refused(Batch::new().create(third).send(world, &zone).await, "InvalidChangeBatch", 400);
    Batch::new().delete(primary).delete(secondary).send(world, &zone).await.unwrap();
}

/// Goal: a primary without an alias must say how its health is known; a secondary need not. Method: each without a
/// check, and the primary with one.
async fn a_bare_primary_needs_a_check(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "failover");
    let bare = |which: ResourceRecordSetFailover| {
        let mut set = address(&name, "192.0.2.7");
        (set.set_identifier, set.failover) = (Some(which.as_str().to_lowercase()), Some(which));
        set
    };
    let mut primary = bare(ResourceRecordSetFailover::Primary);
    refused(Batch::new().create(primary.clone()).send(world, &zone).await, "InvalidChangeBatch", 400);
    let check = created(world, &fresh("signal"), inverted("/v1/signal/shop")).await;
    primary.health_check_id = Some(check.id().to_owned());
    let secondary = bare(ResourceRecordSetFailover::Secondary);
    let both = Batch::new().create(primary.clone()).create(secondary.clone());
    both.send(world, &zone).await.unwrap();
    let read = sets(world, &zone, &name).await;
    assert_eq!(read[0].health_check_id(), Some(check.id()));
    Batch::new().delete(primary).delete(secondary).send(world, &zone).await.unwrap();
    delete(world, check.id()).await;
}

/// Goal: what could not be answered is refused. Method: no address, a text without quotation marks, a CNAME beside
/// others and at the apex.
async fn refuses_wrong_values(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "wrong");
    Batch::new().create(address(&name, "192.0.2.1")).send(world, &zone).await.unwrap();
    let wrong = [
        address(&format!("x.{name}"), "192.0.2"),
        record(&format!("x.{name}"), RrType::Txt, "bare"),
        record(&name, RrType::Cname, "elsewhere.example.com"),
        record(&zone.name, RrType::Cname, "elsewhere.example.com"),
    ];
    for set in wrong {
        refused(Batch::new().create(set).send(world, &zone).await, "InvalidChangeBatch", 400);
    }
    Batch::new().delete(address(&name, "192.0.2.1")).send(world, &zone).await.unwrap();
}

/// Goal: a zone holds its own names only. Method: a name of another.
async fn refuses_names_of_other_zones(world: &World) {
    let zone = world.zone().await;
    let other = Batch::new().create(address("www.another.example", "192.0.2.1"));
    refused(other.send(world, &zone).await, "InvalidChangeBatch", 400);
}

/// Goal: a batch has at most a thousand records, and an UPSERT counts twice. Method: 501 values, created in two names
/// and upserted in one.
async fn counts_records(world: &World) {
    let zone = world.zone().await;
    let name = name(&zone, "many");
    let many = |count: u32| {
        let mut set = text(&name, "0");
        let values =
            (0..count).map(|number| ResourceRecord::builder().value(format!("\"{number}\"")).build());
        set.resource_records = Some(values.map(Result::unwrap).collect());
        set
    };
    refused(Batch::new().upsert(many(501)).send(world, &zone).await, "InvalidChangeBatch", 400);
    assert_eq!(sets(world, &zone, &name).await, []);
    Batch::new().upsert(many(50)).send(world, &zone).await.unwrap();
    Batch::new().delete(many(50)).send(world, &zone).await.unwrap();
}

/// Goal: a missing zone and a missing health check have their own codes. Method: both.
async fn refuses_what_is_not_there(world: &World) {
    let zone = world.zone().await;
    let nowhere = Zone { id: "ZNOWHERE".into(), ..zone.clone() };
    let set = address(&name(&zone, "missing"), "192.0.2.1");
    refused(Batch::new().create(set.clone()).send(world, &nowhere).await, "NoSuchHostedZone", 404);
    let mut checked = weighted(&name(&zone, "missing"), "a", 1);
    checked.health_check_id = Some("00000000-0000-4000-8000-000000000000".into());
    let sent = Batch::new().create(checked).send(world, &zone).await;
    refused(sent, "NoSuchHealthCheck", 404);
}
