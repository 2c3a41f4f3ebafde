//! `quorate drill`, `quorate drills` and `quorate failback` as processes: what is sent, what is shown, and what is never sent.

use crate::{
    answers,
    quorate::quorate,
    server::{Reply, Server},
};
use quorate_api::{
    Changed,
    drill::{DrillPlan, DrillRun, DrillView, Drills, Failback, Stage, StepLength, UnderWay},
};
use serde_json::{Value, json};

fn run(rto_ms: u64) -> DrillRun {
    DrillRun {
        mode: "isolated".into(),
        by: "schedule".into(),
        begun_at: "2026-11-01T02:00:00.000Z".into(),
        execution: Some("shop-3".into()),
        state: "succeeded".into(),
        outcome: "succeeded".into(),
        rto_ms: Some(rto_ms),
        rto_objective_ms: Some(7_200_000),
        second: Some("shop-4".into()),
        second_outcome: "succeeded".into(),
        ..DrillRun::default()
    }
}

pub(crate) fn drills() -> Drills {
    let restore = DrillView {
        drill: "restore".into(),
        mode: "isolated".into(),
        rehearses: "test-restore".into(),
        every_ms: Some(30 * 86_400_000),
        scheduled: true,
        due: "later".into(),
        due_at: Some("2026-12-01T02:00:00.000Z".into()),
        count: 2,
        runs: vec![run(1_200_000), run(1_500_000)],
        ..DrillView::default()
    };
    let away = DrillView {
        drill: "move".into(),
        mode: "live".into(),
        rehearses: "planned-move".into(),
        due: "overdue".into(),
        due_at: Some("2026-08-01T00:00:00.000Z".into()),
        blocked: vec!["region `us-west-2` is not healthy by agreement".into()],
        ..DrillView::default()
    };
    let under_way = UnderWay { drill: "move".into(), rest: "way back".into(), owed_at: None, waits: None };
    Drills {
        service: "shop".into(),
        agent: "us-east-1".into(),
        under_way: Some(under_way),
        drills: vec![restore, away],
    }
}

pub(crate) fn dry_run(ready: bool) -> DrillPlan {
    let length = |step: &str, runs, median_ms| StepLength {
        step: step.into(),
        runs,
        median_ms,
        longest_ms: median_ms.map(|ms: u64| ms + 4_000),
    };
    DrillPlan {
        service: "shop".into(),
        drill: "move".into(),
        mode: "live".into(),
        ready,
        outcome: if ready { "nothing known stands in its way" } else { "it would not begin: it is frozen" }
            .into(),
        blocked: if ready { vec![] } else { vec!["it is frozen".into()] },
        plan: answers::plan(),
        then: Some(answers::plan()),
        steps: vec![length("promote", 3, Some(61_000)), length("repoint", 0, None)],
        predicted_ms: ready.then_some(75_000),
        detection: None,
        objective_ms: 900_000,
    }
}

pub(crate) fn way(switch: &str) -> Failback {
    let stage = |stage: &str, scenario: Option<&str>, state: &str| Stage {
        stage: stage.into(),
        scenario: scenario.map(str::to_owned),
        state: state.into(),
        detail: "what is known of it".into(),
    };
    let rebuild = if switch == "next" { "done" } else { "next" };
    Failback {
        service: "shop".into(),
        active: "us-west-2".into(),
        home: "us-east-1".into(),
        summary: "shop is in us-west-2".into(),
        stages: vec![
            stage("rebuild", Some("replica-lost"), rebuild),
            stage("verify", None, "done"),
            stage("switch", Some("return"), switch),
        ],
    }
}

fn cluster(ready: bool, switch: &'static str) -> Server {
    Server::start(move |seen, _| {
        let changed = Changed {
            message: "live drill move has begun as execution shop-3".into(),
            execution: Some("shop-3".into()),
            ..Changed::default()
        };
        match seen.line.as_str() {
            "GET /v1/services/shop/drills" => Reply::Json(200, json!(drills()).to_string()),
            "GET /v1/services/shop/drills/move" => Reply::Json(200, json!(dry_run(ready)).to_string()),
            "GET /v1/services/shop/failback" => Reply::Json(200, json!(way(switch)).to_string()),
            "GET /v1/executions/shop-3" => {
                Reply::Json(200, json!(answers::execution("succeeded", ["succeeded"; 2])).to_string())
            }
            _ => Reply::Json(202, json!(changed).to_string()),
        }
    })
}

fn sent(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.line.clone()).collect()
}

/// Goal: without a mode a drill is only looked at, and a script learns whether it would go through. Method: both answers; nothing
/// but reads is sent.
#[test]
fn a_drill_is_looked_at_by_default() {
    for (ready, code) in [(true, 0), (false, 1)] {
        let server = cluster(ready, "later");
        let ran = quorate(&["drill", "shop", "move", "--agent", &server.url]);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert_eq!(sent(&server), ["GET /v1/services/shop/drills/move"]);
    }
    let server = cluster(true, "later");
    let ran = quorate(&["drill", "shop", "--agent", &server.url]);
    assert!(ran.code == 2 && ran.err.contains("say which drill: restore, move"), "{}", ran.err);
}

/// Goal: a drill that is begun says how far it goes and why, finds its name where there is one of its kind, and is followed. Method: a
/// live one without a name; the request's body.
#[test]
fn a_drill_is_begun_and_followed() {
    let server = cluster(true, "later");
    let ran = quorate(&[
        "drill",
        "shop",
        "--mode",
        "live",
        "--reason",
        "Q4",
        "--confirm",
        "shop",
        "--agent",
        &server.url,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let order = server.seen().into_iter().find(|seen| seen.line.starts_with("POST")).unwrap();
    assert_eq!(order.line, "POST /v1/services/shop/drills/move");
    let body: Value = serde_json::from_str(&order.body).unwrap();
    assert_eq!(body, json!({"mode": "live", "reason": "Q4", "confirm": "shop"}));
    assert!(ran.err.contains("quorate drills shop"), "{}", ran.err);
}

/// Goal: what is not meant is not sent. Method: no reason, no confirmation without a terminal.
#[test]
fn a_drill_must_be_meant() {
    let server = cluster(true, "later");
    for more in [&["--mode", "live"][..], &["--mode", "isolated", "--reason", "x"]] {
        let ran = quorate(&[&["drill", "shop", "move"], more, &["--agent", &server.url]].concat());
        assert_eq!(ran.code, 2, "{}", ran.err);
    }
    assert!(sent(&server).is_empty());
}

/// Goal: the list tells by its exit code that something is overdue. Method: with and without such a drill.
#[test]
fn overdue_is_a_failure() {
    let server = cluster(true, "later");
    assert_eq!(quorate(&["drills", "shop", "--agent", &server.url]).code, 1);
    let mut punctual = drills();
    punctual.drills.retain(|drill| drill.due != "overdue");
    assert_eq!(quorate(&["drills", "shop", "--agent", &Server::always(200, &punctual).url]).code, 0);
}

/// Goal: the way home is shown without any order, and its next stage is declared only with `--next`; the move names where home is.
/// Method: each stage; the request's body.
#[test]
fn the_way_home_is_a_guide() {
    let server = cluster(true, "later");
    let ran = quorate(&["failback", "shop", "--agent", &server.url]);
    assert!(ran.code == 0 && ran.out.contains("quorate failback shop --next"), "{}{}", ran.out, ran.err);
    assert_eq!(sent(&server), ["GET /v1/services/shop/failback"]);
    for (switch, scenario, to) in
        [("later", "replica-lost", Value::Null), ("next", "return", json!("us-east-1"))]
    {
        let server = cluster(true, switch);
        let arguments =
            ["failback", "shop", "--next", "--reason", "it is back", "--confirm", "shop", "--agent"];
        let ran = quorate(&[&arguments[..], &[&server.url]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let order = server.seen().into_iter().find(|seen| seen.line.starts_with("POST")).unwrap();
        let body: Value = serde_json::from_str(&order.body).unwrap();
        assert_eq!((&body["scenario"], &body["to"]), (&json!(scenario), &to));
    }
}
