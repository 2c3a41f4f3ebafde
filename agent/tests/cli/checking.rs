//! `quorate check` and `quorate schema` as processes.

use crate::quorate::{Home, quorate};
use quorate::cli::check::explain_plans;
use quorate_policies::document::read_policy;
use serde_json::Value;

const POLICY: &str = include_str!("../../../policies/examples/starter.yaml");

/// Goal: good files are called ok, each problem of a bad one is printed with its place, and the code is 1.
/// Method: a good policy, one with two mistakes, one that is neither kind.
#[test]
fn problems_are_printed_with_their_place() {
    let home = Home::new();
    home.write("good.yaml", POLICY);
    home.write(
        "bad.yaml",
        &POLICY.replace("timeout: 800ms", "timeout: 3s").replacen("run: failover", "run: failovre", 1),
    );
    home.write("other.yaml", "name_of_nothing: 1\n");
    let ran = home.run(&["check", "good.yaml"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "good.yaml: ok\n", ""));
    let ran = home.run(&["check", "good.yaml", "bad.yaml", "other.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "good.yaml: ok\n"));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(
        lines.len() == 3 && lines[0].starts_with("bad.yaml:") && lines[1].starts_with("bad.yaml:"),
        "{lines:#?}"
    );
    assert!(ran.err.contains("timeout") && ran.err.contains("failovre"), "{}", ran.err);
    assert!(
        lines[2].starts_with("other.yaml:1:1: this is neither a policy nor an agent's own file"),
        "{}",
        lines[2]
    );
    assert_eq!(home.run(&["check", "missing.yaml"]).code, 1);
    assert_eq!(home.run(&["check"]).code, 2);
}

/// Goal: a policy and agents' files are checked together. Method: automatic mode with two agents, which neither file
/// alone forbids, and two files that cannot be of one cluster.
#[test]
fn files_are_checked_together() {
    let home = Home::new();
    assert_eq!(home.run(&["init", "c", "--agents", "a=us-east-1=10.0.0.1,b=us-west-2=10.0.0.2"]).code, 0);
    home.write("automatic.yaml", &POLICY.replace("mode: observe", "mode: automatic"));
    assert_eq!(home.run(&["check", "automatic.yaml"]).code, 0);
    let ran = home.run(&["check", "automatic.yaml", "c/a.yaml", "c/b.yaml"]);
    assert!(ran.code == 1 && ran.err.contains("automatic mode with two voters"), "{}", ran.err);
    assert_eq!(
        ran.err.matches("automatic mode with two voters").count(),
        1,
        "each problem once: {}",
        ran.err
    );

    let text = std::fs::read_to_string(home.path().join("c/a.yaml")).unwrap();
    home.write("c/a2.yaml", &text.replace("cluster: quorate", "cluster: other"));
    let ran = home.run(&["check", "c/a.yaml", "c/a2.yaml"]);
    assert!(
        ran.code == 1 && ran.err.contains("c/a2.yaml:") && ran.err.contains("the cluster is `other`"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("the agent `a` has another file already"), "{}", ran.err);
}

/// Goal: a warning is printed and is no failure. Method: two voters, an even number.
#[test]
fn a_warning_is_no_failure() {
    let home = Home::new();
    assert_eq!(home.run(&["init", "c", "--agents", "a=us-east-1=10.0.0.1,b=us-west-2=10.0.0.2"]).code, 0);
    let ran = home.run(&["check", "c/policy.yaml", "c/a.yaml", "c/b.yaml"]);
    assert!(ran.code == 0 && ran.err.contains("warning: "), "{}{}", ran.out, ran.err);
    assert_eq!(ran.out.lines().count(), 3);
}

/// Goal: `--explain` prints a policy that checks again. Method: feed it back.
#[test]
fn explained_policies_check_again() {
    let home = Home::new();
    home.write("short.yaml", POLICY);
    let ran = home.run(&["check", "--explain", "short.yaml"]);
    let (policy, rest) = ran.out.split_once("short.yaml: ok").unwrap();
    assert!(policy.contains("# default") && rest == "\n", "{policy}");
    home.write("long.yaml", policy);
    assert_eq!(home.run(&["check", "long.yaml"]).code, 0);
}

/// Goal: P4, the starter policy says honestly that its repointing needs us-east-1. Method: its section as it is printed.
#[test]
fn p4_the_starter_needs_us_east_1() {
    let policy = read_policy("starter.yaml", POLICY).unwrap();
    insta::assert_snapshot!(explain_plans(&policy));
}

/// Goal: all schemas are JSON Schemas. Method: parse them.
#[test]
fn schemas_are_json() {
    for (kind, property) in [("policy", "scenarios"), ("agent", "members"), ("doctor", "findings")] {
        let schema: Value = serde_json::from_str(&quorate(&["schema", kind]).out).unwrap();
        assert!(schema["properties"][property].is_object(), "{kind}");
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"), "{kind}");
    }
}
