//! The verbs that only look, run as a process against a small server.

use crate::{
    answers,
    quorate::{Home, quorate},
    server::{Reply, Server},
};
use quorate_api::{Audit, Problem};
use serde_json::{Value, json};

/// Goal: the bare name helps, a wrong verb is a usage error, and help is none. Method: exit codes and streams.
#[test]
fn usage_errors_have_their_own_code() {
    let bare = quorate(&[]);
    assert_eq!((bare.code, bare.out.contains("Usage:")), (2, true));
    assert_eq!(quorate(&["--help"]).code, 0);
    let wrong = quorate(&["failoverr"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("failover"), "the nearest verb is suggested: {}", wrong.err);
    assert_eq!(quorate(&["status", "--agent", "ftp://host"]).code, 2);
}

/// Goal: every verb has a help text with an example. Method: ask each for it.
#[test]
fn every_verb_helps() {
    let help = quorate(&["--help"]).out;
    let verbs =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<&str> = verbs.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let verbs: Vec<&&str> = verbs.iter().filter(|verb| !verb.is_empty() && **verb != "help").collect();
    assert_eq!(verbs.len(), 38, "{verbs:?}");
    for verb in verbs {
        let ran = quorate(&[verb, "--help"]);
        assert!(ran.code == 0 && ran.out.contains(&format!("  quorate {verb}")), "{verb}: {}", ran.out);
    }
}

/// Goal: an agent that is not there is exit code 5, with the mend. Method: a port on which nobody listens.
#[test]
fn no_agent_is_code_5() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = quorate(&["status", "--agent", &free.to_string()]);
    assert_eq!(ran.code, 5);
    assert!(ran.err.starts_with("quorate: no agent reached at http://127.0.0.1:"), "{}", ran.err);
    assert!(ran.err.contains("--agent"), "{}", ran.err);
}

/// Goal: JSON and YAML are the wire document, also where this version does not know a field. Method: one more field.
#[test]
fn json_and_yaml_are_the_wire_document() {
    let mut document = serde_json::to_value(answers::status()).unwrap();
    document["of_tomorrow"] = json!([1, 2]);
    let server = Server::always(200, &document);
    let shown = quorate(&["status", "--agent", &server.url, "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&shown.out).unwrap(), document);
    let shown = quorate(&["status", "--agent", &server.url, "-o", "yaml"]);
    assert_eq!(serde_saphyr::from_str::<Value>(&shown.out).unwrap(), document);
    let shown = quorate(&["status", "--agent", &server.url]);
    assert!(
        shown.out.contains("Service shop: us-east-1 serves") && !shown.out.contains('\u{1b}'),
        "{}",
        shown.out
    );
}

/// Goal: each verb asks for its path and shows its answer. Method: every verb against a server that knows the paths.
#[test]
fn each_verb_asks_for_its_path() {
    let text = |value: Value| Reply::Json(200, value.to_string());
    let audit = Audit {
        entries: vec![answers::audit_entry()],
        sequence: 41,
        head: "11".into(),
        verified: true,
        notified: None,
    };
    let done = answers::execution("succeeded", ["succeeded"; 2]);
    let server = Server::start(move |seen, _| {
        text(match seen.line.as_str() {
            "GET /v1/services/shop/explain" => json!(answers::explanation()),
            "GET /v1/services/shop/plan?to=us-west-2&check=true" => json!(answers::plan()),
            "GET /v1/members" => json!({"members": answers::status().members}),
            "GET /v1/probes" => json!(answers::probes()),
            "GET /v1/executions?service=shop" => json!(answers::executions()),
            "GET /v1/executions/shop-3" => json!(done),
            "GET /v1/audit?after=0" => json!(audit),
            other => panic!("unexpected request {other}"),
        })
    });
    let expected: [(&[&str], &str); 6] = [
        (&["explain", "shop"], "the policy waits 1m"),
        (&["plan", "shop", "--to", "us-west-2"], "point of no return"),
        (&["members"], "us-east-1"),
        (&["probe", "shop"], "connect_refused"),
        (&["history", "shop"], "shop-3"),
        (&["history", "--execution", "shop-3"], "failover us-east-1 -> us-west-2 decided"),
    ];
    for (arguments, shown) in expected {
        let ran = quorate(&[arguments, &["--agent", &server.url]].concat());
        assert!(ran.code == 0 && ran.out.contains(shown), "{arguments:?}: {}{}", ran.out, ran.err);
    }
    let none = quorate(&["probe", "billing", "--agent", &server.url]);
    assert_eq!(none.out, "No probe has ended yet.\n");
}

/// Goal: a script learns from the exit code whether a restore could be made: only where everything that the agent looks at is
/// fresh, and it looks at something. Method: answers with fewer and fewer backups.
#[test]
fn backups_tell_by_their_exit_code() {
    let all = answers::backups();
    for (kept, code) in
        [(&["database", "old", "west"][..], 1), (&["database", "west"], 0), (&["west"], 1), (&[], 1)]
    {
        let mut answer = all.clone();
        answer.backups.retain(|backup| kept.contains(&backup.backup.as_str()));
        let ran = quorate(&["backups", "shop", "--agent", &Server::always(200, &answer).url]);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{kept:?}: {}", ran.out);
    }
}

/// Goal: a problem is printed with its title, and is no refusal unless a guard refused. Method: both kinds.
#[test]
fn problems_are_printed() {
    let problem =
        Problem::new(404, "unknown-service", "No such service", "no policy for service `x`: apply one first");
    let ran = quorate(&["explain", "x", "--agent", &Server::always(404, &problem).url]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "quorate: No such service: no policy for service `x`: apply one first\n")
    );
    let page = Server::start(|_, _| Reply::Json(502, "<html>".into()));
    let ran = quorate(&["status", "--agent", &page.url]);
    assert!(ran.code == 1 && ran.err.contains("is it an agent?"), "{}", ran.err);
}

/// Goal: `--config` gives the agent's address. Method: an agent's file that listens where the server does.
#[test]
fn the_agents_file_gives_its_address() {
    let home = Home::new();
    let server = Server::always(200, &answers::status());
    assert_eq!(home.run(&["init", "c"]).code, 0);
    let file = home.path().join("c/us-east-1.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("127.0.0.1:7950", server.url.trim_start_matches("http://"))).unwrap();
    let ran = home.run(&["status", "--config", "c/us-east-1.yaml"]);
    assert_eq!((ran.code, server.seen().len()), (0, 1), "{}", ran.err);
}

/// Goal: a reader that has seen enough is no failure. Method: close the pipe before anything is written.
#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = Home::new().command(&["schema", "policy"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

/// Goal: completions know the verbs. Method: the shells that are promised.
#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = quorate(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("failover"), "{shell}");
    }
}
