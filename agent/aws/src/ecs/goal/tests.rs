//! The order of count and range, and what ranges are worked towards, as tables.

use super::*;
use crate::fault::{Call, FaultKind};

fn action(scaling: Option<(u32, u32)>) -> EcsScale {
    EcsScale {
        region: "us-west-2".into(),
        cluster: "shop".into(),
        service: "web".into(),
        desired: None,
        percent_of: None,
        enough_percent: 85,
        scaling: scaling.map(|(min, max)| ScalingRange { min, max }),
    }
}

fn range_of(range: (u32, u32)) -> ScalingRange {
    ScalingRange { min: range.0, max: range.1 }
}

fn goal(wanted: u32, desired: u32, scaling: Option<(u32, u32)>, exact: Option<(u32, u32)>) -> Goal {
    let scaling = scaling.map(range_of);
    Goal::new(&action(exact), &Before::Scaled { wanted, because: "test".into(), desired, scaling }).unwrap()
}

/// Part, desired count and range.
type Stage = (u8, u32, Option<(u32, u32)>);

/// What a service goes through: every part acts, scaling brings the count into a new range at once, and each step is
/// noted as (part, desired, range).
fn course(goal: &Goal, mut desired: u32, mut range: Option<ScalingRange>) -> Vec<Stage> {
    let mut course = Vec::new();
    while let Some(change) = goal.next(desired, range) {
        match goal.change(goal.part(change)) {
            Some(Change::Count) => desired = goal.wanted,
            Some(Change::Range(new)) => {
                range = Some(new);
                desired = desired.clamp(new.min, new.max);
            }
            None => panic!("no such part"),
        }
        course.push((goal.part(change), desired, range.map(|range| (range.min, range.max))));
        assert!(course.len() < 4, "it must end: {course:?}");
    }
    course
}

/// Goal: both are set once, part 0 before part 1, and the count ends where it is wanted although scaling moves it.
/// Method: follow each row to its end.
#[test]
fn each_part_once_and_in_order() {
    type Row = (u32, u32, Option<(u32, u32)>, Option<(u32, u32)>, Vec<Stage>);
    let table: Vec<Row> = vec![
        // (wanted, desired, range, exact range) -> course
        (10, 2, None, None, vec![(1, 10, None)]),
        (10, 2, None, Some((1, 9)), vec![(1, 10, None)]),
        // Scaling may have brought the count along.
        (10, 2, Some((2, 4)), None, vec![(0, 10, Some((10, 10)))]),
        (10, 2, Some((2, 20)), None, vec![(0, 10, Some((10, 20)))]),
        (10, 10, Some((2, 20)), None, vec![(0, 10, Some((10, 20)))]),
        (10, 12, Some((10, 20)), None, vec![(1, 10, Some((10, 20)))]),
        (5, 2, Some((1, 4)), Some((1, 10)), vec![(0, 2, Some((1, 10))), (1, 5, Some((1, 10)))]),
        // A fence: nothing scales it out between the two.
        (0, 6, Some((2, 10)), None, vec![(0, 0, Some((0, 0)))]),
        // Taking a scaling back: the old maximum is below the present count.
        (2, 10, Some((10, 10)), Some((1, 4)), vec![(0, 2, Some((10, 10))), (1, 2, Some((1, 4)))]),
        (2, 10, Some((10, 20)), Some((1, 20)), vec![(0, 10, Some((1, 20))), (1, 2, Some((1, 20)))]),
        (3, 8, Some((5, 20)), None, vec![(0, 8, Some((3, 20))), (1, 3, Some((3, 20)))]),
        (10, 10, Some((10, 12)), None, vec![]),
    ];
    for (wanted, desired, range, exact, expected) in table {
        let goal = goal(wanted, desired, range, exact);
        assert_eq!(course(&goal, desired, range.map(range_of)), expected, "{goal:?}");
    }
}

/// Goal: a range that somebody widened meanwhile is left alone, one that is exact is not, and one that has gone is not
/// made again. Method: ask for the next change.
#[test]
fn ranges_that_stand() {
    let widened = goal(10, 2, Some((2, 4)), None);
    assert_eq!(widened.next(10, Some(range_of((10, 30)))), None);
    assert_eq!(widened.next(10, Some(range_of((9, 30)))), Some(Change::Range(range_of((10, 10)))));
    assert_eq!(widened.next(10, None), None);
    let exact = goal(10, 2, Some((2, 4)), Some((5, 15)));
    assert_eq!(exact.next(10, Some(range_of((5, 30)))), Some(Change::Range(range_of((5, 15)))));
    let fence = goal(0, 2, Some((2, 4)), None);
    assert_eq!(fence.next(0, Some(range_of((0, 4)))), Some(Change::Range(range_of((0, 0)))));
}

/// Goal: enough is the share rounded up, at least one task, and none for a fence. Method: rows.
#[test]
fn enough_tasks() {
    let enough = |wanted| goal(wanted, 1, None, None).enough;
    assert_eq!((enough(10), enough(1), enough(20), enough(0)), (9, 1, 17, 0));
    let all = EcsScale { enough_percent: 0, ..action(None) };
    let before = Before::Scaled { wanted: 10, because: String::new(), desired: 1, scaling: None };
    assert_eq!(Goal::new(&all, &before).unwrap().enough, 1);
}

/// Goal: a note of another action is not taken for a scaling's, and a part that does not exist changes nothing.
/// Method: one of each.
#[test]
fn foreign_notes_and_parts() {
    let foreign = Before::Rebooted { restarted: None };
    assert!(Goal::new(&action(None), &foreign).is_err());
    assert_eq!(goal(10, 2, None, None).change(0), None);
    assert_eq!(goal(10, 2, Some((1, 4)), None).change(2), None);
}

/// Goal: names and ARNs lead to the same scalable target. Method: both.
#[test]
fn resources_by_name_and_arn() {
    assert_eq!(resource("shop", "web"), "service/shop/web");
    let (cluster, service) =
        ("arn:aws:ecs:us-west-2:1:cluster/shop", "arn:aws:ecs:us-west-2:1:service/shop/web");
    assert_eq!(resource(cluster, service), "service/shop/web");
}

/// Goal: an update that another update holds up is tried again; other refusals are final. Method: two codes.
#[test]
fn refused_ranges() {
    let refused = |code: &str| {
        let call = Call {
            operation: "application-autoscaling:RegisterScalableTarget",
            region: "us-west-2".into(),
            id: "shop/web".into(),
        };
        let kind = FaultKind::Answered { status: 400, code: Some(code.to_owned()), message: "why".into() };
        refusal(&Fault { call, kind })
    };
    assert!(matches!(refused("ConcurrentUpdateException"), Acted::Refused { retryable: true, .. }));
    assert!(matches!(refused("ValidationException"), Acted::Refused { retryable: false, .. }));
}
