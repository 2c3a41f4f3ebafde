//! What counts, health, events and states mean, as tables.

use super::*;
use quorate_policies::plan::Before;
use quorate_policies::plan::action::EcsScale;

fn goal(wanted: u32, enough_percent: u32) -> Goal {
    let action = EcsScale {
        region: "us-west-2".into(),
        cluster: "dr".into(),
        service: "web".into(),
        desired: Some(wanted),
        percent_of: None,
        enough_percent,
        scaling: None,
    };
    let before = Before::Scaled { wanted, because: "the plan's number".into(), desired: 2, scaling: None };
    Goal::new(&action, &before).unwrap()
}

fn tasks(desired: u32, running: u32, pending: u32) -> Tasks {
    Tasks {
        name: "web".into(),
        arn: "arn:aws:ecs:us-west-2:123456789012:service/dr/web".into(),
        status: "ACTIVE".into(),
        scheduling: Some("REPLICA".into()),
        desired,
        running,
        pending,
        groups: Vec::new(),
        events: Vec::new(),
    }
}

fn groups(healthy: &[u32]) -> Vec<Group> {
    healthy.iter().map(|healthy| Group { name: "web".into(), healthy: *healthy }).collect()
}

/// The variant of an observation.
fn word(observed: &Observed) -> &'static str {
    match observed {
        Observed::Done { .. } => "done",
        Observed::InProgress { .. } => "in progress",
        Observed::NotDone { .. } => "not done",
        Observed::Impossible { .. } => "impossible",
        Observed::Broken { .. } => "broken",
        Observed::Unknown { .. } => "unknown",
    }
}

/// Goal: enough tasks must run and be healthy in every target group, and zero is reached only when nothing runs or
/// comes up. Method: a table.
#[test]
fn counts_and_health_decide() {
    type Row = (u32, u32, (u32, u32), &'static [u32], &'static str);
    let table: [Row; 14] = [
        // (wanted, enough %, (running, pending), healthy by group) -> word
        (10, 100, (10, 0), &[], "done"),
        (10, 100, (12, 0), &[], "done"),
        (10, 100, (9, 1), &[], "in progress"),
        (10, 100, (0, 0), &[], "in progress"),
        (10, 100, (10, 0), &[10], "done"),
        (10, 100, (10, 0), &[9], "in progress"),
        (10, 100, (10, 0), &[10, 0], "in progress"),
        (10, 80, (8, 2), &[8], "done"),
        (10, 80, (7, 3), &[7], "in progress"),
        (10, 80, (8, 2), &[7], "in progress"),
        (10, 75, (8, 2), &[], "done"),
        (0, 100, (0, 0), &[], "done"),
        (0, 100, (1, 0), &[], "in progress"),
        (0, 100, (0, 1), &[], "in progress"),
    ];
    for (wanted, enough, (running, pending), healthy, expected) in table {
        let seen = standing(&goal(wanted, enough), &tasks(wanted, running, pending), &groups(healthy));
        assert_eq!(word(&seen), expected, "{seen:?}");
    }
}

/// Goal: the counts, and a lack of capacity, are in the text that ends up as the step's reason. Method: read them.
#[test]
fn progress_shows_counts_and_trouble() {
    let short = Tasks {
        events: vec!["(service web) was unable to place a task. Reason: Capacity is unavailable.".into()],
        ..tasks(10, 4, 6)
    };
    let Observed::InProgress { detail } = standing(&goal(10, 80), &short, &groups(&[3])) else {
        panic!("not in progress");
    };
    let counts = "service dr/web: wanted 10 (enough 8), desired 10, running 4, pending 6, healthy in web 3";
    assert_eq!(
        detail,
        format!("{counts}; (service web) was unable to place a task. Reason: Capacity is unavailable.")
    );
    let enough = Tasks { running: 9, ..short };
    let Observed::InProgress { detail } = standing(&goal(10, 80), &enough, &groups(&[3])) else {
        panic!("not in progress");
    };
    assert!(!detail.contains("Capacity"), "tasks do run: {detail}");
    let range = Some(ScalingRange { min: 1, max: 4 });
    assert_eq!(
        to_do(&goal(10, 100), &tasks(2, 2, 0), range),
        "service dr/web: wanted 10, desired 2, running 2, pending 0, scaling 1 to 4 (the plan's number)"
    );
}

/// Goal: a service that is gone, going or unscalable is impossible; what is not understood is unknown (R7).
/// Method: one row for each.
#[test]
fn states_that_cannot_be_scaled() {
    let seen = |services: &[Tasks], failures: &[Failure]| match scalable("dr/web", "web", services, failures)
    {
        Ok(_) => "scalable",
        Err(observed) => word(&observed),
    };
    let state = |status: &str| [Tasks { status: status.into(), ..tasks(10, 10, 0) }];
    assert_eq!(seen(&state("ACTIVE"), &[]), "scalable");
    assert_eq!(seen(&state("DRAINING"), &[]), "impossible");
    assert_eq!(seen(&state("INACTIVE"), &[]), "impossible");
    assert_eq!(seen(&state(""), &[]), "unknown");
    let daemon = Tasks { scheduling: Some("DAEMON".into()), ..tasks(10, 10, 0) };
    assert_eq!(seen(&[daemon], &[]), "impossible");
    let failed = |reason: &str| [Failure { reason: reason.into(), detail: String::new() }];
    assert_eq!(seen(&[], &failed("MISSING")), "impossible");
    assert_eq!(seen(&[], &failed("THROTTLED")), "unknown");
    assert_eq!(seen(&[], &[]), "unknown");
    assert_eq!(seen(&[Tasks { name: "worker".into(), ..tasks(10, 10, 0) }], &[]), "unknown");
    let arn = "arn:aws:ecs:us-west-2:123456789012:service/dr/web";
    assert!(scalable("dr/web", arn, &[tasks(1, 1, 0)], &[]).is_ok());
}
