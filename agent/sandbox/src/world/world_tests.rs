//! Tests of the world as a whole: calls, their record, and what the application answers.

use super::application::Ask;
use super::compute::EcsCall;
use super::database::promotion::Promotion;
use super::rds::RdsCall;
use super::route53::{Route53Call, Route53Reply};
use super::*;

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";

fn world() -> World {
    World::new(&Options::default(), 0)
}

fn caller(region: &str) -> Caller {
    Caller { region: region.into(), access_key: "AKIATEST".into() }
}

fn scale(desired: i64) -> Call {
    Call::Ecs(EcsCall::UpdateService {
        cluster: Some("shop".into()),
        service: "web".into(),
        desired: Some(desired),
    })
}

fn promote() -> Call {
    Call::Rds(RdsCall::PromoteReadReplica(Promotion {
        instance: "shop-replica".into(),
        ..Promotion::default()
    }))
}

fn list(zone: &str) -> Call {
    let (name, kind, identifier, max_items) = (None, None, None, None);
    Call::Route53(Route53Call::ListResourceRecordSets {
        zone: zone.into(),
        name,
        kind,
        identifier,
        max_items,
    })
}

fn describe() -> Call {
    Call::Rds(RdsCall::DescribeDbInstances { instance: None })
}

/// Goal: every mutating call is recorded once, with its outcome, and reading is not.
/// Method: an applied, a repeated, a refused, an injected and a reading call, then read the record.
#[test]
fn every_mutation_is_recorded() {
    let mut world = world();
    let west = caller(WEST);
    world.call(&west, &scale(10), 1).unwrap();
    world.call(&west, &scale(10), 2).unwrap();
    world.call(&caller(EAST), &promote(), 3).unwrap_err();
    let (operation, code) = ("UpdateService".into(), "ServerException".into());
    world
        .interference
        .fail(interference::Failure { operation, region: None, code, status: None, times: 1 })
        .unwrap();
    world.call(&west, &scale(3), 4).unwrap_err();
    world.call(&west, &describe(), 5).unwrap();
    let lines: Vec<String> = world
        .effects
        .to_vec()
        .iter()
        .map(|e| {
            format!(
                "{} {} {} {:?} {} {}",
                e.sequence, e.region, e.operation, e.outcome, e.no_change, e.detail
            )
        })
        .collect();
    let expected = [
        "1 us-west-2 UpdateService Applied false ",
        "2 us-west-2 UpdateService Applied true ",
        "3 us-east-1 PromoteReadReplica Refused false DBInstanceNotFound: DBInstance shop-replica not found.",
        "4 us-west-2 UpdateService Refused false ServerException: injected by the sandbox",
    ];
    assert_eq!(lines, expected);
    assert_eq!(world.effects.to_vec()[0].caller, "AKIATEST");
}

/// Goal: a region is healthy while tasks run, and takes writes only where a writable database is.
/// Method: ask both regions before, during and after a promotion, and after scaling to zero.
#[test]
fn the_application_follows_tasks_and_database() {
    let mut world = world();
    let ask = |world: &mut World, region: &str, now| {
        [Ask::Name, Ask::Health, Ask::Write].map(|ask| world.ask(region, ask, now).status)
    };
    assert_eq!(ask(&mut world, EAST, 0), [200, 200, 200]);
    assert_eq!(ask(&mut world, WEST, 0), [200, 200, 503]);
    world.call(&caller(WEST), &promote(), 10).unwrap();
    assert_eq!(ask(&mut world, WEST, 2_500), [200, 200, 503]);
    assert_eq!(ask(&mut world, WEST, 3_010), [200, 200, 200]);
    assert_eq!(ask(&mut world, EAST, 3_010), [200, 200, 200], "the old primary is not fenced by a promotion");
    world.call(&caller(EAST), &scale(0), 3_010).unwrap();
    assert_eq!(ask(&mut world, EAST, 60_000), [503, 503, 503]);
}

/// Goal: faults that answer do so by their kind.
/// Method: errors and a lie, over all three questions.
#[test]
fn faults_change_answers() {
    let mut world = world();
    let mut with = |fault| {
        world.set_fault(EAST, fault, 0).unwrap();
        [Ask::Name, Ask::Health, Ask::Write].map(|ask| world.ask(EAST, ask, 1).status)
    };
    assert_eq!(with(Fault::Errors { status: 500 }), [500, 500, 500]);
    assert_eq!(with(Fault::Lie), [200, 200, 503]);
    assert_eq!(with(Fault::None), [200, 200, 200]);
    assert!(world.set_fault("eu-west-1", Fault::Hang, 0).is_err());
    assert!(world.set_fault(EAST, Fault::Errors { status: 200 }, 0).is_err());
}

/// Goal: Route 53 is throttled per second when that is asked for, and other services never are.
/// Method: six calls at one moment, a seventh a second later.
#[test]
fn route53_is_throttled_when_asked_for() {
    let mut world = World::new(&Options { route53_requests_per_second: 5, ..Options::default() }, 0);
    let list = list(&Options::default().zone_id);
    let global = caller("global");
    for _ in 0..5 {
        world.call(&global, &list, 100).unwrap();
    }
    assert_eq!(world.call(&global, &list, 100).unwrap_err().code, "Throttling");
    assert!(world.call(&caller(WEST), &describe(), 100).is_ok());
    assert!(world.call(&global, &list, 1_100).is_ok());
}

/// Goal: an unknown zone or change is refused, and change ids never repeat within a world.
/// Method: ask for both, then make changes.
#[test]
fn zones_and_changes_are_known_by_id() {
    let mut world = world();
    let global = caller("global");
    let refusal = world.call(&global, &list("ZOTHER"), 0).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (404, "NoSuchHostedZone"));
    let unknown = Call::Route53(Route53Call::GetChange { id: "C1".into() });
    assert_eq!(world.call(&global, &unknown, 0).unwrap_err().code, "NoSuchChange");
    let set = world.zone.all().into_iter().find(|set| set.name == "www.shop.test.").unwrap();
    let changes = vec![zone::change::Change { action: zone::change::ChangeAction::Upsert, set }];
    let batch = zone::change::ChangeBatch { comment: None, changes };
    let call =
        Call::Route53(Route53Call::ChangeResourceRecordSets { zone: Options::default().zone_id, batch });
    let mut ids = std::collections::BTreeSet::new();
    for now in 0..50 {
        let Reply::Route53(Route53Reply::Change { info, insync }) = world.call(&global, &call, now).unwrap()
        else {
            panic!("no change")
        };
        assert!(!insync);
        assert!(ids.insert(info.id));
    }
}

/// Goal: two worlds of one seed are the same world, and another seed makes other identifiers.
/// Method: draw identifiers from three.
#[test]
fn identifiers_depend_on_the_seed_alone() {
    let draw = |seed| {
        let mut ids = World::new(&Options { seed, ..Options::default() }, 0).identifiers;
        (ids.request(), ids.change(), ids.statuspage())
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

/// Goal: the view shows everything and survives JSON.
/// Method: serialize and read back.
#[test]
fn the_view_is_complete_json() {
    let mut world = world();
    world.set_fault(WEST, Fault::Kill { control_plane: true, route53: false }, 0).unwrap();
    world.links.cut(EAST, WEST, false, link::CutMode::BlackHole);
    let view = world.view(5);
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<view::WorldView>(&text).unwrap(), view);
    assert_eq!(serde_json::to_value(&view).unwrap()["databases"][0]["id"], "shop-primary");
    assert_eq!((view.databases.len(), view.compute.len(), view.links.len()), (2, 2, 2));
}
