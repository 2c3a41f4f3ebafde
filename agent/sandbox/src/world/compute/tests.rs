//! Tests of the services and their tasks.

use super::*;

const WEST: &str = "us-west-2";

fn fleet() -> Fleet {
    let timing = Timing { task_start_ms: 100, task_stop_ms: 50, task_stagger_ms: 10, ..Timing::default() };
    Fleet::new([("us-east-1", "shop", "web", 10), (WEST, "shop", "web", 2)], timing, 0)
}

/// Goal: the desired count holds at once and the running count ramps up one task at a time, then down.
/// Method: order five tasks, then zero, and look at moments in between.
#[test]
fn the_running_count_ramps() {
    let mut fleet = fleet();
    let (ordered, changed) = fleet.update(WEST, Some("shop"), "web", Some(5), 1_000).unwrap();
    assert_eq!((ordered.desired, ordered.running, ordered.pending, changed), (5, 2, 3, true));
    let running = |fleet: &mut Fleet, now| {
        fleet.advance(now);
        fleet.running(WEST)
    };
    assert_eq!(running(&mut fleet, 1_099), 2);
    assert_eq!(running(&mut fleet, 1_100), 3);
    assert_eq!(running(&mut fleet, 1_110), 4);
    fleet.update(WEST, Some("shop"), "web", Some(0), 1_115).unwrap();
    assert_eq!(running(&mut fleet, 1_164), 4);
    assert_eq!(running(&mut fleet, 1_165), 3);
    assert_eq!(running(&mut fleet, 5_000), 0);
}

/// Goal: asking again for the same count changes nothing and delays nothing.
/// Method: repeat the order just before the first task starts.
#[test]
fn a_repeated_order_changes_nothing() {
    let mut fleet = fleet();
    fleet.update(WEST, Some("shop"), "web", Some(3), 0).unwrap();
    let (_, changed) = fleet.update(WEST, Some("shop"), "web", Some(3), 99).unwrap();
    fleet.advance(100);
    assert_eq!((changed, fleet.running(WEST)), (false, 3));
}

/// Goal: a larger order keeps the tasks that are already on their way.
/// Method: raise the count during the ramp and look when the first task starts.
#[test]
fn a_larger_order_keeps_started_tasks() {
    let mut fleet = fleet();
    fleet.update(WEST, Some("shop"), "web", Some(3), 0).unwrap();
    fleet.update(WEST, Some("shop"), "web", Some(4), 90).unwrap();
    fleet.advance(100);
    assert_eq!(fleet.running(WEST), 3);
    fleet.advance(190);
    assert_eq!(fleet.running(WEST), 4);
}

/// Goal: an unknown service is a failure entry when described and an error when updated; an unknown
/// cluster is an error in both.
/// Method: ask for each and compare wire codes.
#[test]
fn unknown_names_are_answered_as_ecs_does() {
    let mut fleet = fleet();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let arn = "arn:aws:ecs:us-west-2:111122223333:service/shop/web";
    let (found, missing) = fleet.describe(WEST, Some("shop"), &names(&["web", "api", arn])).unwrap();
    assert_eq!((found.len(), missing), (2, names(&["arn:aws:ecs:us-west-2:111122223333:service/shop/api"])));
    let code = |result: Result<Described, Refusal>| result.unwrap_err().code;
    assert_eq!(code(fleet.describe(WEST, Some("other"), &names(&["web"]))), "ClusterNotFoundException");
    assert_eq!(code(fleet.describe(WEST, None, &names(&["web"]))), "ClusterNotFoundException");
    assert_eq!(code(fleet.describe(WEST, Some("shop"), &[])), "InvalidParameterException");
    let mut update =
        |cluster, service, desired| fleet.update(WEST, Some(cluster), service, desired, 0).unwrap_err().code;
    assert_eq!(update("shop", "api", Some(1)), "ServiceNotFoundException");
    assert_eq!(update("other", "web", Some(1)), "ClusterNotFoundException");
    assert_eq!(update("shop", "web", Some(-1)), "InvalidParameterException");
}
