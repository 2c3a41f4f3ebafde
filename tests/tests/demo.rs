//! The demo as a newcomer runs it: every fault and every lost agent ends as it should, and is verified from outside. The
//! real binary, real agents, real sockets; the cloud is the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_tests::binary;
use serde_json::Value;
use std::process::Command;

/// Runs the demo and returns its report.
fn demo(arguments: &[&str]) -> Value {
    let run = Command::new(binary()).arg("demo").arg("--json").args(arguments).output().unwrap();
    let story = String::from_utf8_lossy(&run.stderr);
    let last = String::from_utf8_lossy(&run.stdout).lines().last().unwrap_or_default().to_owned();
    assert!(run.status.success(), "quorate demo {arguments:?} did not end as it should:\n{story}\n{last}");
    serde_json::from_str(&last).unwrap_or_else(|error| panic!("the last line is no report ({error}): {last}"))
}

fn assert_failed_over(report: &Value) {
    assert_eq!((&report["outcome"], &report["verified"]), (&"failed_over".into(), &true.into()), "{report}");
    assert_eq!((&report["from"], &report["to"]), (&"us-east-1".into(), &"us-west-2".into()), "{report}");
    assert_eq!(report["executions"], 1, "{report}");
    let parts =
        ["detect_s", "decide_s", "execute_s", "converge_s"].map(|part| report[part].as_f64().unwrap());
    let total = report["total_s"].as_f64().unwrap();
    assert!((parts.iter().sum::<f64>() - total).abs() < 0.01, "the parts make the whole: {report}");
}

/// Goal: F1, a dead region is failed over. Method: the demo as the README runs it.
#[test]
fn kill() {
    assert_failed_over(&demo(&[]));
}

/// Goal: F2, a region that accepts and never answers is down. Method: the hang fault.
#[test]
fn hang() {
    assert_failed_over(&demo(&["--fault", "hang"]));
}

/// Goal: a region that answers errors is down. Method: status 500.
#[test]
fn errors() {
    assert_failed_over(&demo(&["--fault", "errors"]));
}

/// Goal: F4, a region that is cut off with its agent is failed over, and no two regions ever hold the write lease.
/// Method: cut links while the application goes on inside; the demo watches all leases.
#[test]
fn partition() {
    assert_failed_over(&demo(&["--fault", "partition"]));
}

/// Goal: F16, slow within the threshold is healthy. Method: answers just below the timeout.
#[test]
fn slow_is_held() {
    let report = demo(&["--fault", "slow"]);
    assert_eq!(report["outcome"], "held", "{report}");
    assert!(report["reason"].as_str().unwrap().contains("healthy"), "{report}");
}

/// Goal: F17, a flapping region is not failed over. Method: up and down in turn, never down for the dwell.
#[test]
fn flap_is_held() {
    let report = demo(&["--fault", "flap"]);
    assert_eq!((&report["outcome"], &report["executions"]), (&"held".into(), &0.into()), "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.starts_with("dwell") || reason.starts_with("flapping"), "{report}");
}

/// Goal: F18, with everything down nothing is moved. Method: both regions die.
#[test]
fn both_regions_are_held() {
    let report = demo(&["--fault", "both-regions"]);
    assert_eq!(report["outcome"], "held", "{report}");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.starts_with("everything_down") || reason.starts_with("standby_not_healthy"), "{report}");
}

/// Goal: F12, without a majority nothing is changed. Method: two of three agents are killed.
#[test]
fn two_agents_killed_is_frozen() {
    let report = demo(&["--kill-agent", "two", "--seed", "4"]);
    assert_eq!((&report["outcome"], &report["executions"]), (&"frozen".into(), &0.into()), "{report}");
    assert!(report["reason"].as_str().unwrap().starts_with("no_quorum"), "{report}");
}

/// Goal: the leader may die with the region. Method: both at once.
#[test]
fn leader_killed() {
    assert_failed_over(&demo(&["--kill-agent", "leader"]));
}

/// Goal: any one agent may die with the region. Method: each of them, by the seed.
#[test]
fn any_agent_killed() {
    for seed in ["0", "1", "2"] {
        assert_failed_over(&demo(&["--kill-agent", "any", "--seed", seed]));
    }
}

/// Goal: F9, an executor that dies between its effect and its report is succeeded by another, which observes first:
/// every effect is applied once. Method: SIGKILL while the promotion's reply is held back.
#[test]
fn executor_killed() {
    let report = demo(&["--kill-agent", "executor"]);
    assert_failed_over(&report);
    assert!(report["resumed_s"].as_f64().is_some(), "another agent took the step: {report}");
}
