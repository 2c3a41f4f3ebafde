//! What takes an action back, given what stood before it: a table, and that nothing is taken back by a guess.

use crate::shop::*;
use quorate_policies::{
    Millis,
    plan::{
        Action, Before, Lag,
        action::{
            DnsUpdate, EcsScale, PostgresFence, RdsFence, RdsPromoteReadReplica, RdsReboot, RecordKind,
            Route53Repoint, Route53Signal, ScalingRange, VerifyProbes,
        },
        before::{RecordBefore, undo},
    },
    policy::StepTemplate,
};
use std::{collections::BTreeMap, fmt::Write as _};

fn repoint() -> Route53Repoint {
    Route53Repoint {
        zone: "Z1".into(),
        record: "shop.example.com".into(),
        kind: RecordKind::A,
        alias: Some("west.elb.example.com".into()),
        alias_zone: Some("Z2".into()),
        values: Vec::new(),
        ttl_s: 60,
        weights: BTreeMap::new(),
        primary: None,
    }
}

fn update() -> Action {
    Action::DnsUpdate(DnsUpdate {
        server: "192.0.2.53".into(),
        zone: "example.com".into(),
        name: "shop.example.com".into(),
        kind: RecordKind::A,
        values: vec!["192.0.2.2".into()],
        ttl_s: 60,
        key: "quorate.example.com".into(),
    })
}

fn fence() -> Action {
    Action::RdsFence(RdsFence {
        region: EAST.into(),
        instance: "shop-east".into(),
        quarantine_groups: vec!["sg-shut".into()],
        stop: true,
    })
}

fn fence_server() -> Action {
    let [host, database, user] = ["db.east.example.com", "postgres", "quorate"].map(str::to_owned);
    Action::PostgresFence(PostgresFence { region: EAST.into(), host, port: 5432, database, user })
}

fn promote() -> Action {
    let instance = "shop-west".into();
    Action::RdsPromoteReadReplica(RdsPromoteReadReplica {
        region: WEST.into(),
        instance,
        writable: None,
        heartbeat: None,
    })
}

/// An action as a policy writes it.
fn run(yaml: &str) -> Action {
    serde_saphyr::from_str::<StepTemplate>(yaml).unwrap().action
}

fn scaled(scaling: Option<ScalingRange>) -> Before {
    Before::Scaled { wanted: 4, because: "the policy says so".into(), desired: 1, scaling }
}

/// Every action that leaves a note, with the notes that it may leave.
fn rows() -> Vec<(&'static str, Action, Option<Before>)> {
    let record = |answer| Some(Before::Repointed { answer });
    let lag = Lag::Known {
        behind: Millis(800),
        age: Millis::from_secs(40),
        by: "CloudWatch".into(),
        confirmed: false,
    };
    let narrow = scale(WEST, 4);
    let shared = match scale(WEST, 4) {
        Action::EcsScale(scale) => Action::EcsScale(EcsScale { enough_percent: 80, ..scale }),
        other => other,
    };
    let weights = [("east".to_owned(), 100), ("west".to_owned(), 0)].into();
    let pointing = || Action::Route53Repoint(repoint());
    let signal = Action::Route53Signal(Route53Signal { region: WEST.into(), record: None });
    let (instance, failover) = ("shop-east".into(), false);
    let reboot = Action::RdsReboot(RdsReboot { region: EAST.into(), instance, failover });
    let verify = VerifyProbes { through: "https://shop.example.com/health".into(), successes: 2 };
    let restored: Action = serde_json::from_value(serde_json::json!({"postgres.restore": {
        "region": WEST, "dump": {"path": "/backups/*.dump"}, "host": "db.west.example.com", "database": "shop",
        "user": "quorate",
    }}))
    .unwrap();
    let dump = Before::Restored {
        file: "/backups/shop.dump".into(),
        bytes: 5_000,
        taken: quorate_policies::Timestamp(1_700_000_000_000),
        sha256: "00ff".into(),
        there: "an empty database".into(),
    };
    let groups = vec!["sg-app".to_owned(), "sg-admin".to_owned()];
    vec![
        ("scaled without a range", narrow.clone(), Some(scaled(None))),
        ("scaled with one", shared, Some(scaled(Some(ScalingRange { min: 1, max: 8 })))),
        ("scaled, not noted", narrow.clone(), None),
        ("fenced", fence(), Some(Before::Fenced { groups, restarted: None })),
        ("stopped writes", fence_server(), Some(Before::WritesStopped { already: false })),
        ("they were stopped", fence_server(), Some(Before::WritesStopped { already: true })),
        ("was an alias", pointing(), record(RecordBefore::Alias { name: "east".into(), zone: "Z9".into() })),
        (
            "had values",
            pointing(),
            record(RecordBefore::Values { values: vec!["192.0.2.1".into()], ttl_s: 30 }),
        ),
        ("had weights", pointing(), record(RecordBefore::Weights { weights })),
        ("had a primary", pointing(), record(RecordBefore::Primary { primary: "east".into() })),
        ("was not there", pointing(), record(RecordBefore::Absent)),
        ("updated", update(), record(RecordBefore::Values { values: vec!["192.0.2.1".into()], ttl_s: 30 })),
        ("updated, was not there", update(), record(RecordBefore::Absent)),
        ("signalled", signal, Some(Before::Signalled { region: EAST.into() })),
        ("promoted", promote(), Some(Before::Promoted { source: "shop-east".into(), lag })),
        ("rebooted", reboot, Some(Before::Rebooted { restarted: None })),
        ("restored", restored, Some(dump)),
        ("looked", Action::VerifyProbes(verify), None),
        ("ran", run("exec: {command: [restore]}"), None),
        ("called", run("http: {url: 'https://search.example.com/a'}"), None),
        ("another action's note", narrow, record(RecordBefore::Primary { primary: "east".into() })),
    ]
}

/// Goal: what takes an action back is the same action with what was noted, or nothing, never a guess. Method: the table
/// of every action that leaves a note.
#[test]
fn every_undo() {
    let mut text = String::new();
    for (what, action, before) in rows() {
        let noted = before.as_ref().map_or_else(|| "nothing noted".to_owned(), ToString::to_string);
        let back = undo(&action, before.as_ref());
        let back = back.map_or_else(|| "nothing".to_owned(), |back| serde_json::to_string(&back).unwrap());
        writeln!(text, "{what}: {}, {noted}\n  -> {back}", action.kind()).unwrap();
    }
    insta::assert_snapshot!(text);
}

/// Goal: R13, what cannot be undone has no undo, whatever was noted of it. Method: the table.
#[test]
fn r13_what_cannot_be_undone_has_no_undo() {
    for (what, action, before) in rows().into_iter().filter(|(_, action, _)| !action.reversible()) {
        assert_eq!(undo(&action, before.as_ref()), None, "{what}");
    }
}

/// Goal: R23, an undo never leaves a name without an answer. Method: every undo of a record answers something.
#[test]
fn r23_an_undo_never_empties_a_record() {
    for (what, action, before) in rows() {
        if let Some(Action::Route53Repoint(back)) = undo(&action, before.as_ref()) {
            let answers = [
                back.alias.is_some(),
                !back.values.is_empty(),
                back.weights.values().any(|weight| *weight > 0),
                back.primary.is_some(),
            ];
            assert_eq!(answers.into_iter().filter(|answer| *answer).count(), 1, "{what}");
        }
        if let Some(Action::DnsUpdate(back)) = undo(&action, before.as_ref()) {
            assert!(!back.values.is_empty(), "{what}");
        }
    }
}

/// Goal: a note is the same after the log has carried it. Method: every one through JSON.
#[test]
fn every_note_survives_the_log() {
    for before in rows().into_iter().filter_map(|(_, _, before)| before) {
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Before>(&text).unwrap(), before, "{text}");
    }
}

/// Goal: of two measures of one replica the greater counts, one that is unknown leaves the other alone, and two of them
/// stay unknown with both reasons (R7). Method: a table, each pair in both orders.
#[test]
fn of_two_lags_the_greater_known_one_counts() {
    let known = |behind, by: &str| Lag::Known {
        behind: Millis(behind),
        age: Millis(1),
        by: by.into(),
        confirmed: false,
    };
    let unknown = |reason: &str| Lag::Unknown { reason: reason.into() };
    for (one, other, expected) in [
        (known(5_000, "CloudWatch"), known(900, "heartbeat row"), known(5_000, "CloudWatch")),
        (known(0, "CloudWatch"), known(900, "heartbeat row"), known(900, "heartbeat row")),
        (unknown("no point"), known(0, "heartbeat row"), known(0, "heartbeat row")),
        (known(7, "CloudWatch"), unknown("no row"), known(7, "CloudWatch")),
    ] {
        assert_eq!(one.clone().greater(other.clone()), expected);
        assert_eq!(other.greater(one), expected);
    }
    assert_eq!(unknown("no point").greater(unknown("no row")), unknown("no point; no row"));
}
