//! Tests of routing: which sets can stand together, and which of them answers.

use super::super::answer::{Answer, AnswerData};
use super::super::change::{Change, ChangeAction, ChangeBatch};
use super::super::tests::{alias, values, zone};
use super::super::{Zone, routing};
use super::*;

use ChangeAction::{Create, Delete, Upsert};

const NAME: &str = "w.shop.test.";

fn weighted(id: &str, weight: u32, address: &str) -> RecordSet {
    let mut set = values(NAME, "A", 60, &[address]);
    set.routing.set_identifier = Some(id.into());
    set.routing.weight = Some(weight);
    set
}

fn failing_over(id: &str, failover: Failover, address: &str, check: Option<&str>) -> RecordSet {
    let mut set = values(NAME, "A", 60, &[address]);
    set.routing = Routing {
        set_identifier: Some(id.into()),
        failover: Some(failover),
        health_check: check.map(str::to_owned),
        ..Routing::default()
    };
    set
}

fn change(zone: &mut Zone, changes: &[(ChangeAction, RecordSet)]) -> Result<(), String> {
    let changes = changes.iter().map(|(action, set)| Change { action: *action, set: set.clone() }).collect();
    let batch = ChangeBatch { comment: None, changes };
    let changed = zone.change(&batch, "C1".into(), 0).map(|_| zone.advance(10_000));
    changed.map_err(|refusal| refusal.to_string())
}

fn address(zone: &Zone, look: &Look) -> String {
    match zone.answer(NAME, "A", look) {
        Answer::Records(records) => match &records[0].data {
            AnswerData::Ipv4(address) => address.to_string(),
            AnswerData::LoadBalancer(region) => region.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn look(draw: u64, checks: &[(&str, bool)]) -> Look {
    let checks = checks.iter().map(|(id, healthy)| ((*id).to_owned(), *healthy)).collect();
    Look { checks, draw, dead_balancers: Vec::new() }
}

/// Goal: simple and routed sets do not mix, nor do two policies; an UPSERT does not change a policy; a batch
/// that deletes the one and creates the other does.
/// Method: try each on a zone with one weighted set.
#[test]
fn policies_do_not_mix() {
    let mut zone = zone();
    change(&mut zone, &[(Create, weighted("a", 1, "192.0.2.1"))]).unwrap();
    let mixed = "InvalidChangeBatch: [RRSet with DNS name w.shop.test., type A, SetIdentifier";
    let simple = values(NAME, "A", 60, &["192.0.2.2"]);
    for set in [simple.clone(), failing_over("b", Failover::Secondary, "192.0.2.2", None)] {
        for action in [Create, Upsert] {
            assert!(change(&mut zone, &[(action, set.clone())]).unwrap_err().starts_with(mixed));
        }
    }
    let other_policy = failing_over("a", Failover::Secondary, "192.0.2.2", None);
    let refused = change(&mut zone, &[(Upsert, other_policy)]).unwrap_err();
    assert!(refused.starts_with("InvalidChangeBatch: [Tried to change the routing policy"), "{refused}");
    change(&mut zone, &[(Delete, weighted("a", 1, "192.0.2.1")), (Create, simple.clone())]).unwrap();
    assert!(change(&mut zone, &[(Create, weighted("a", 1, "192.0.2.1"))]).unwrap_err().starts_with(mixed));
    let mut txt = weighted("t", 1, "192.0.2.1");
    (txt.kind, txt.values) = ("TXT".into(), vec!["\"x\"".into()]);
    change(&mut zone, &[(Create, txt)]).unwrap();
}

/// Goal: the form of a routed set is checked, and a DELETE repeats every field.
/// Method: one broken set for each rule.
#[test]
fn the_form_of_routed_sets_is_checked() {
    type Spoil = fn(&mut Routing);
    let mut zone = zone();
    let set = weighted("a", 1, "192.0.2.1");
    let broken = |change: Spoil| {
        let mut set = set.clone();
        change(&mut set.routing);
        set
    };
    let cases: [(&str, Spoil); 4] = [
        ("Missing field 'SetIdentifier'", |routing| routing.set_identifier = None),
        ("found none", |routing| routing.weight = None),
        ("more than one", |routing| routing.failover = Some(Failover::Primary)),
        ("between 0 and 255", |routing| routing.weight = Some(256)),
    ];
    for (words, case) in cases {
        let refused = change(&mut zone, &[(Create, broken(case))]).unwrap_err();
        assert!(refused.starts_with("InvalidInput: ") && refused.contains(words), "{refused}");
    }
    change(&mut zone, &[(Create, set.clone())]).unwrap();
    let mismatch = change(&mut zone, &[(Delete, broken(|routing| routing.weight = Some(2)))]).unwrap_err();
    assert!(mismatch.contains("set identifier='a'] but the values provided do not match"), "{mismatch}");
    change(&mut zone, &[(Delete, set)]).unwrap();
    let primary = failing_over("p", Failover::Primary, "192.0.2.1", None);
    let unchecked = change(&mut zone, &[(Create, primary)]).unwrap_err();
    assert!(unchecked.contains("must have an associated health check"), "{unchecked}");
    change(&mut zone, &[(Create, failing_over("s", Failover::Secondary, "192.0.2.2", None))]).unwrap();
    let second = change(&mut zone, &[(Create, failing_over("t", Failover::Secondary, "192.0.2.3", None))]);
    assert!(second.unwrap_err().contains("more than one SECONDARY"));
}

/// Goal: shares decide among healthy sets, a share of zero answers when all that weigh are unhealthy, and all
/// count as healthy when none is.
/// Method: draw every number there is, with each state of the checks.
#[test]
fn weights_decide() {
    let mut zone = zone();
    let checked = |mut set: RecordSet, check: &str| {
        set.routing.health_check = Some(check.into());
        set
    };
    let (a, b) = (weighted("a", 3, "192.0.2.1"), weighted("b", 1, "192.0.2.2"));
    let zero = weighted("z", 0, "192.0.2.3");
    let sets = [checked(a, "a"), checked(b, "b"), zero];
    change(&mut zone, &sets.map(|set| (Create, set))).unwrap();
    let drawn = |checks: &[(&str, bool)]| {
        (0..4).map(|draw| address(&zone, &look(draw, checks))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(drawn(&[("a", true), ("b", true)]), "192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.2");
    assert_eq!(drawn(&[("a", false), ("b", true)]), ["192.0.2.2"; 4].join(" "));
    assert_eq!(drawn(&[("a", false), ("b", false)]), ["192.0.2.3"; 4].join(" "));
    let mut all = super::super::tests::zone();
    let checked = [("a", "192.0.2.1"), ("b", "192.0.2.2")].map(|(id, address)| {
        let mut set = weighted(id, 1, address);
        set.routing.health_check = Some("down".into());
        (Create, set)
    });
    change(&mut all, &checked).unwrap();
    let drawn: Vec<String> = (0..2).map(|draw| address(&all, &look(draw, &[("down", false)]))).collect();
    assert_eq!(drawn, ["192.0.2.1", "192.0.2.2"]);
}

/// Goal: the primary answers while it is healthy, the secondary when only it is, and the primary again when
/// neither is.
/// Method: every state of two checks.
#[test]
fn failover_follows_health() {
    let mut zone = zone();
    let primary = failing_over("p", Failover::Primary, "192.0.2.1", Some("p"));
    let secondary = failing_over("s", Failover::Secondary, "192.0.2.2", Some("s"));
    change(&mut zone, &[(Create, primary), (Create, secondary)]).unwrap();
    let with = |primary, secondary| address(&zone, &look(0, &[("p", primary), ("s", secondary)]));
    assert_eq!(with(true, true), "192.0.2.1");
    assert_eq!(with(true, false), "192.0.2.1");
    assert_eq!(with(false, true), "192.0.2.2");
    assert_eq!(with(false, false), "192.0.2.1");
}

/// Goal: an alias that looks at its target's health fails over with its load balancer, and one that does not
/// stays.
/// Method: two aliases, and a dead balancer of the first.
#[test]
fn aliases_look_at_their_target() {
    let mut zone = zone();
    let place = |id: &str, failover, region: &str| {
        let mut set = alias(NAME, region);
        set.routing = failing_over(id, failover, "192.0.2.1", None).routing;
        set.alias.as_mut().unwrap().evaluate_target_health = id == "p";
        set
    };
    let primary = place("p", Failover::Primary, "us-east-1");
    let secondary = place("s", Failover::Secondary, "us-west-2");
    change(&mut zone, &[(Create, primary), (Create, secondary)]).unwrap();
    let dead = |regions: &[&str]| Look {
        dead_balancers: regions.iter().map(|region| (*region).to_owned()).collect(),
        ..Look::default()
    };
    assert_eq!(address(&zone, &dead(&[])), "us-east-1");
    assert_eq!(address(&zone, &dead(&["us-east-1"])), "us-west-2");
    assert_eq!(address(&zone, &dead(&["us-west-2"])), "us-east-1");
    assert_eq!(routing::siblings(&zone.served, NAME, "A").count(), 2);
}
