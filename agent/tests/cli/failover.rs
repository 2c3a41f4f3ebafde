//! `quorate failover` as a process: confirmation, refusal, following, leaving and rejoining.

use crate::{
    answers,
    quorate::{Home, Ran, quorate},
    server::{Reply, Server},
};
use quorate_api::{Changed, Execution, Problem};
use serde_json::{Value, json};

const ORDER: &[&str] = &["failover", "shop", "--reason", "us-east-1 is dark"];

/// A server that takes the order and then shows one look after another, the last one for ever.
fn cluster(looks: Vec<Execution>, joined: bool) -> Server {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |seen, _| {
        let body = match seen.line.as_str() {
            "GET /v1/services/shop" => json!(answers::service()),
            "POST /v1/services/shop/failover" => {
                let message = "Failover of shop to us-west-2 is decided.".to_owned();
                json!(Changed { message, execution: Some("shop-3".into()), joined, version: None })
            }
            "GET /v1/executions/shop-3" => {
                let look = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                json!(looks[look.min(looks.len() - 1)])
            }
            other => panic!("unexpected request {other}"),
        };
        Reply::Json(if seen.line.starts_with("POST") { 202 } else { 200 }, body.to_string())
    })
}

fn order(server: &Server, more: &[&str]) -> Ran {
    quorate(&[ORDER, &["--confirm", "shop", "--agent", &server.url], more].concat())
}

/// Goal: without a terminal and without the right confirmation nothing is even looked up. Method: no confirmation,
/// and that of another service.
#[test]
fn a_failover_must_be_confirmed() {
    let server = cluster(vec![], false);
    let ran = quorate(&[ORDER, &["--agent", &server.url]].concat());
    assert!(ran.code == 2 && ran.err.contains("add --confirm shop"), "{}", ran.err);
    let ran = quorate(&[ORDER, &["--confirm", "shops", "--agent", &server.url]].concat());
    assert!(ran.code == 2 && ran.err.contains("nothing was done"), "{}", ran.err);
    assert!(server.seen().is_empty());
}

/// Goal: a guard's refusal has its own exit code and its reason. Method: an agent that refuses.
#[test]
fn a_refusal_is_code_3() {
    let server = Server::start(|seen, _| {
        let refused = Problem {
            guard: Some("standby_not_healthy".into()),
            ..Problem::new(409, "refused", "Refused", "it is down too")
        };
        match seen.line.starts_with("GET") {
            true => Reply::Json(200, json!(answers::service()).to_string()),
            false => Reply::Json(409, json!(refused).to_string()),
        }
    });
    let ran = order(&server, &["--to", "us-west-2"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.starts_with("quorate: Refused: it is down too\n"), "{}", ran.err);
    let body: Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!(body, json!({"to": "us-west-2", "reason": "us-east-1 is dark", "confirm": "shop"}));
}

/// Goal: a failover is followed to its end; the topology stands before and after, changes between, and the recovery
/// time at the end. Method: three looks.
#[test]
fn a_failover_is_followed_to_its_end() {
    let looks = vec![
        answers::execution("running", ["started", "waiting"]),
        answers::execution("running", ["succeeded", "started"]),
        answers::execution("succeeded", ["succeeded"; 2]),
    ];
    let ran = order(&cluster(looks, false), &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.matches("Service shop:").count(), 2);
    assert!(ran.out.contains("recovered in 1m12s: detect 2.0s"), "{}", ran.out);
    assert!(ran.err.contains("promote          started by us-west-2"), "{}", ran.err);
    assert!(ran.err.contains("repoint          succeeded by us-west-2: observed as wanted"), "{}", ran.err);
}

/// Goal: an execution that was running already is said to be joined, and programs get the document alone.
/// Method: an agent that joins, and JSON.
#[test]
fn joining_is_said() {
    let done = answers::execution("succeeded", ["succeeded"; 2]);
    let ran = order(&cluster(vec![done.clone()], true), &["-o", "json"]);
    assert!(ran.code == 0 && ran.err.contains("Joined execution shop-3"), "{}", ran.err);
    assert_eq!(serde_json::from_str::<Execution>(&ran.out).unwrap(), done);
}

/// Goal: an execution that stops or is aborted is a failure with the next step. Method: one that stopped.
#[test]
fn a_stopped_execution_is_a_failure() {
    let ran = order(&cluster(vec![answers::execution("stopped", ["failed", "waiting"])], false), &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("quorate abort shop-3 --reason WHY"), "{}", ran.out);
}

/// Goal: when the wait ends first, or is not wanted, the execution goes on and can be rejoined. Method: a wait of
/// nothing, no wait, and then history.
#[test]
fn a_running_execution_can_be_left_and_rejoined() {
    let running = answers::execution("running", ["started", "waiting"]);
    let ran = order(&cluster(vec![running.clone()], false), &["--wait", "0s"]);
    assert!(ran.code == 4 && ran.err.contains("quorate history --execution shop-3 --follow"), "{}", ran.err);
    let ran = order(&cluster(vec![running.clone()], false), &["--no-wait"]);
    assert!(ran.code == 0 && ran.out.contains("quorate history --execution shop-3 --follow"), "{}", ran.out);
    let server = cluster(vec![running, answers::execution("succeeded", ["succeeded"; 2])], false);
    let ran = quorate(&["history", "--execution", "shop-3", "--follow", "--agent", &server.url]);
    assert!(ran.code == 0 && ran.out.contains("recovered in 1m12s"), "{}{}", ran.out, ran.err);
}

/// Goal: Ctrl-C leaves the execution running and says how to rejoin it, also while an agent does not answer.
/// Method: an interrupt while the second look waits for its answer.
#[test]
fn an_interrupt_leaves_it_running() {
    let running = answers::execution("running", ["started", "waiting"]);
    let server = Server::start(move |seen, before| match (before, seen.line.as_str()) {
        (0, _) => Reply::Json(200, json!(answers::service()).to_string()),
        (1, _) => Reply::Json(202, json!({"message": "Decided.", "execution": "shop-3"}).to_string()),
        (2, _) => Reply::Json(200, json!(running).to_string()),
        // No answer, as long as the test runs.
        _ => loop {
            std::thread::park();
        },
    });
    let home = Home::new();
    let child =
        home.command(&[ORDER, &["--confirm", "shop", "--agent", &server.url]].concat()).spawn().unwrap();
    server.wait_for(4);
    let interrupted =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(ran.code == 4 && ran.err.contains("left execution shop-3: it goes on"), "{}", ran.err);
}
