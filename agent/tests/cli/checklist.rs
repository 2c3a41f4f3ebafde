//! `quorate checklist` as a process, and as people read it.

use crate::{
    answers,
    quorate::quorate,
    rendering::{SCREEN, fits},
    server::{Reply, Server},
};
use quorate::cli::render::checklist::checklist;
use quorate_api::{Changed, Execution, execution::ChecklistItem};
use serde_json::{Value, json};

fn item(name: &str, phase: &str, what: &str, state: &str) -> ChecklistItem {
    ChecklistItem {
        name: name.to_owned(),
        phase: phase.to_owned(),
        what: what.to_owned(),
        state: state.to_owned(),
        ..ChecklistItem::default()
    }
}

fn listed() -> Execution {
    let ticked = ChecklistItem {
        by: Some("incident commander".to_owned()),
        ticked_by: Some("olga".to_owned()),
        note: "all on the call".to_owned(),
        at: Some("2026-11-22T03:00:00Z".to_owned()),
        ..item("team-notified", "before", "Team notified", "ticked")
    };
    let done = ChecklistItem {
        step: Some("promote".to_owned()),
        at: Some("2026-11-22T03:01:00Z".to_owned()),
        ..item("database-promoted", "during", "Database promoted", "done")
    };
    let open = ChecklistItem {
        by: Some("technical lead".to_owned()),
        ..item("data-integrity", "after", "Data integrity verified", "open")
    };
    let checklist = vec![ticked, done, open];
    Execution { checklist, ..answers::execution("succeeded", ["succeeded"; 2]) }
}

/// Goal: who has seen to what can be read at a glance, and what to type for the next. Method: one ticked, one done by its step, one
/// open; and an execution without a checklist.
#[test]
fn people_read_who_has_seen_to_what() {
    let none = Execution { checklist: Vec::new(), ..listed() };
    insta::assert_snapshot!(
        [fits(checklist(SCREEN, &listed())), fits(checklist(SCREEN, &none))].join("\n\n")
    );
}

/// Goal: a tick is sent with what there is to say, and what is left is shown; looking changes nothing, and gives programs the list alone.
/// Method: one server, both ways; a tick without a reason is not sent.
#[test]
fn a_tick_is_sent_and_the_rest_is_shown() {
    let server = Server::start(|seen, _| match seen.line.as_str() {
        "GET /v1/executions/shop-3" => Reply::Json(200, json!(listed()).to_string()),
        _ => Reply::Json(200, json!(Changed::default()).to_string()),
    });
    let ticks = ["checklist", "shop-3", "--tick", "data-integrity"];
    let agent = ["--agent", server.url.as_str()];
    assert_eq!(quorate(&[&ticks[..], &agent].concat()).code, 2);
    assert!(server.seen().is_empty());
    let ran = quorate(&[&ticks[..], &["--reason", "counts match"], &agent].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("2 of 3 seen to."), "{}", ran.out);
    let sent = &server.seen()[0];
    assert_eq!(sent.line, "POST /v1/executions/shop-3/checklist");
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(body, json!({"item": "data-integrity", "reason": "counts match"}));
    let looked = quorate(&[&["checklist", "shop-3", "-o", "json"][..], &agent].concat());
    let list: Value = serde_json::from_str(&looked.out).unwrap();
    assert_eq!(list.as_array().map(Vec::len), Some(3));
    assert_eq!(server.seen().len(), 3);
}
