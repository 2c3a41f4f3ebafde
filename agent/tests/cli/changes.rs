//! The verbs that change something, as they are on the wire: body, token, operator and idempotency key.

use crate::{
    quorate::{Home, quorate},
    server::{Reply, Server},
};
use quorate_api::{Changed, PolicyView, Problem};
use serde_json::{Value, json};

const POLICY: &str = include_str!("../../../policies/examples/starter.yaml");

fn changed(message: &str) -> Changed {
    Changed { message: message.into(), ..Changed::default() }
}

/// Goal: each verb posts its body to its path and prints the agent's sentence. Method: every verb, one server.
#[test]
fn each_verb_posts_its_body() {
    let server = Server::always(200, &changed("Done."));
    let expected: [(&[&str], &str, Value); 6] = [
        (
            &["pause", "shop", "--for", "90m"],
            "POST /v1/services/shop/pause",
            json!({"reason": "why", "for": "1h30m"}),
        ),
        (&["resume", "shop"], "POST /v1/services/shop/resume", json!({"reason": "why"})),
        (&["abort", "shop-3"], "POST /v1/executions/shop-3/abort", json!({"reason": "why"})),
        (
            &["abort", "shop-3", "--leave"],
            "POST /v1/executions/shop-3/abort",
            json!({"reason": "why", "leave": true}),
        ),
        (&["approve", "shop-3"], "POST /v1/executions/shop-3/approve", json!({"reason": "why"})),
        (&["acknowledge", "shop-3"], "POST /v1/executions/shop-3/acknowledge", json!({"reason": "why"})),
    ];
    for (arguments, line, body) in expected {
        let ran = quorate(&[arguments, &["--reason", " why ", "--agent", &server.url]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (0, "Done.\n"), "{arguments:?}: {}", ran.err);
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.line.as_str(), serde_json::from_str::<Value>(&seen.body).unwrap()), (line, body));
    }
}

/// Goal: a change without a reason, or with an empty one, is not sent. Method: a server that must not be asked.
#[test]
fn a_change_needs_a_reason() {
    let server = Server::always(200, &changed("Done."));
    assert_eq!(quorate(&["resume", "shop", "--agent", &server.url]).code, 2);
    assert_eq!(quorate(&["resume", "shop", "--reason", " ", "--agent", &server.url]).code, 2);
    assert_eq!(quorate(&["pause", "shop", "--reason", "x", "--for", "30", "--agent", &server.url]).code, 2);
    assert!(server.seen().is_empty());
}

/// Goal: a change carries the token, the operator and a key of its own; reading carries none; the token is never
/// shown. Method: two changes and one look, then all that was printed.
#[test]
fn a_change_carries_token_operator_and_key() {
    let home = Home::new();
    home.write_token("0123456789abcdef0123456789abcdef");
    let server = Server::always(200, &json!({"message": "Done.", "members": []}));
    for arguments in
        [&["resume", "shop", "--reason", "x"][..], &["resume", "shop", "--reason", "x"], &["members"]]
    {
        let ran = home.run(&[arguments, &["--agent", &server.url]].concat());
        assert!(ran.code == 0 && !format!("{}{}", ran.out, ran.err).contains("0123456789"), "{}", ran.err);
    }
    let seen = server.seen();
    let header = |index: usize, name: &str| seen[index].headers.get(name).cloned();
    assert_eq!(header(0, "authorization").as_deref(), Some("Bearer 0123456789abcdef0123456789abcdef"));
    assert_eq!(header(0, "x-quorate-operator").as_deref(), Some("ada"));
    assert_eq!(header(0, "idempotency-key").unwrap().len(), 32);
    assert_ne!(header(0, "idempotency-key"), header(1, "idempotency-key"));
    assert_eq!((header(2, "authorization"), header(2, "idempotency-key")), (None, None));
}

/// Goal: a login name that the audit could not hold is left out. Method: a name with a space.
#[test]
fn a_strange_login_name_is_left_out() {
    let server = Server::always(200, &changed("Done."));
    let home = Home::new();
    let mut command = home.command(&["resume", "shop", "--reason", "x", "--agent", &server.url]);
    assert!(command.env("USER", "a b").output().unwrap().status.success());
    assert_eq!(server.seen()[0].headers.get("x-quorate-operator"), None);
}

/// Goal: a token that others can read is used with a warning; a missing one is explained when the agent asks for it.
/// Method: a file of mode 0644, then none and an agent that answers 401.
#[test]
fn tokens_that_are_open_or_missing_are_explained() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.write_token("0123456789abcdef0123456789abcdef");
    std::fs::set_permissions(home.path().join("operator.token"), std::fs::Permissions::from_mode(0o644))
        .unwrap();
    let server = Server::always(200, &changed("Done."));
    let ran = home.run(&["resume", "shop", "--reason", "x", "--agent", &server.url]);
    assert!(ran.code == 0 && ran.err.contains("chmod 600"), "{}", ran.err);

    let problem =
        Problem::new(401, "unauthorized", "Operator token needed", "this change needs the operator token");
    let ran = quorate(&["resume", "shop", "--reason", "x", "--agent", &Server::always(401, &problem).url]);
    assert!(ran.code == 1 && ran.err.contains("name its file with --token-file"), "{}", ran.err);
    let ran = quorate(&["resume", "shop", "--reason", "x", "--token-file", "none"]);
    assert!(ran.code == 1 && ran.err.contains("cannot read the operator token in none"), "{}", ran.err);
}

/// Goal: a policy is sent as it is written, and its problems here and there are printed. Method: a good policy, a bad
/// one that must not be sent, and an agent that refuses.
#[test]
fn apply_sends_the_text_and_prints_problems() {
    let home = Home::new();
    home.write("good.yaml", POLICY);
    home.write("bad.yaml", &POLICY.replace("dwell:", "dwel:"));
    let server = Server::always(200, &changed("Policy version 1 of shop is in force."));
    let ran = home.run(&["apply", "good.yaml", "--reason", "first", "--agent", &server.url]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Policy version 1 of shop is in force.\n"), "{}", ran.err);
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!(body, json!({"policy": POLICY, "file": "good.yaml", "reason": "first"}));

    let ran = home.run(&["apply", "bad.yaml", "--reason", "first", "--agent", &server.url]);
    assert!(
        ran.code == 1 && ran.err.starts_with("bad.yaml:") && ran.err.contains("did you mean `dwell`?"),
        "{}",
        ran.err
    );
    assert_eq!(server.seen().len(), 1, "a bad policy is not sent");

    let finding = "good.yaml:1:1: regions: no agent runs there; run one";
    let problem = Problem {
        findings: vec![finding.into()],
        ..Problem::new(422, "policy", "Policy refused", "it does not fit")
    };
    let ran =
        home.run(&["apply", "good.yaml", "--reason", "first", "--agent", &Server::always(422, &problem).url]);
    assert_eq!((ran.code, ran.err), (1, format!("quorate: Policy refused: it does not fit\n  {finding}\n")));
}

/// Goal: diff compares what policies mean, and its exit code is that of diff. Method: the same policy with a default
/// spelt out, another one, and none in force.
#[test]
fn diff_compares_what_policies_mean() {
    let home = Home::new();
    home.write("local.yaml", POLICY);
    let in_force = |policy: &str| {
        let view =
            PolicyView { service: "shop".into(), version: 7, hash: "00".into(), policy: policy.into() };
        Server::always(200, &view).url
    };
    let spelt_out = POLICY.replace("    rise: 2 #", "    rise: 2 # again\n    #");
    let same = home.run(&["diff", "local.yaml", "--agent", &in_force(&spelt_out)]);
    assert_eq!((same.code, same.out.as_str()), (0, "local.yaml is what is in force\n"), "{}", same.err);

    let other =
        home.run(&["diff", "local.yaml", "--agent", &in_force(&POLICY.replace("dwell: 60s", "dwell: 90s"))]);
    assert_eq!(other.code, 1);
    insta::assert_snapshot!(other.out);

    let problem = Problem::new(404, "unknown-service", "No such service", "apply one first");
    let none = home.run(&["diff", "local.yaml", "--agent", &Server::always(404, &problem).url]);
    assert!(none.code == 1 && none.out.contains("+service: shop"), "{}{}", none.out, none.err);
    assert_eq!(none.err, "quorate: no policy of `shop` is in force yet\n");
}

/// Goal: a change whose answer was lost is sent again under the same key; if no answer ever comes, it is called
/// unclear and not failed. Method: a server that hangs up once, and one that always does.
#[test]
fn a_lost_answer_is_repeated_under_the_same_key() {
    let body = serde_json::to_string(&changed("Done.")).unwrap();
    let once = Server::start(
        move |_, before| if before == 0 { Reply::Hangup } else { Reply::Json(200, body.clone()) },
    );
    let ran = quorate(&["resume", "shop", "--reason", "x", "--agent", &once.url]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Done.\n"), "{}", ran.err);
    let keys: Vec<_> = once.seen().iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");

    let never = Server::start(|_, _| Reply::Hangup);
    let ran = quorate(&["resume", "shop", "--reason", "x", "--agent", &never.url]);
    assert!(ran.code == 1 && ran.err.contains("may have been made or not"), "{}", ran.err);
    assert_eq!(never.seen().len(), 3);
}
