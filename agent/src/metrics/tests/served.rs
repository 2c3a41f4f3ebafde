//! What is declared is served, and what is served is declared.

use super::*;
use crate::metrics::declared::{Kind, There, Values, all};
use prometheus::proto::MetricType;
use quorate_aws::{Answer, CallSeen};
use quorate_core::{
    ExecutionState,
    cluster::execution::{StepProgress, StepState},
};
use quorate_policies::{
    agreement::Evidence,
    drill::DrillRecord,
    plan::{Before, Lag},
};
use std::collections::BTreeSet;

/// The sample with everything that a policy can have: a component, a drill that succeeded and restores a backup, a failover that
/// succeeded and lost something, a replica whose lag is known in bytes, a backup, a database and a certificate.
fn everything() -> Snapshot {
    let mut cluster = sample::executing();
    let state = cluster.services.get_mut("shop").unwrap();
    let component: quorate_policies::ComponentName = "web".parse().unwrap();
    state.policy.components.insert(component.clone(), serde_json::from_str("{}").unwrap());
    state.policy.probes.values_mut().for_each(|probe| probe.component = Some(component.clone()));
    let drill = r#"{"mode": "isolated", "plan": "failover", "restores": "database", "every": "30d"}"#;
    state.policy.drills.insert("made".parse().unwrap(), serde_json::from_str(drill).unwrap());
    let steps = &mut state.policy.plans.get_mut("failover").unwrap().steps;
    steps.insert("sign".parse().unwrap(), serde_json::from_value(question()).unwrap());
    let mut record = DrillRecord::new(Timestamp(0));
    let run = r#"{"mode": "isolated", "by": "ann", "begun": 1700000000000, "ended": 1700000600000, "succeeded": true,
                  "rto": "10m", "objective": {"rto": "2h", "rpo": "1h"}}"#;
    record.add(serde_json::from_str(run).unwrap());
    state.drills.insert("made".parse().unwrap(), record);
    let execution = cluster.executions.values_mut().next().unwrap();
    execution.state = ExecutionState::Succeeded { exceptions: 0 };
    execution.ended_at = Some(execution.decided_at.plus(Millis(60_000)));
    let lag =
        Lag::Known { behind: Millis(1_500), age: Millis(9_000), by: "CloudWatch".into(), confirmed: false };
    execution.steps.get_mut("promote").unwrap().before =
        Some(Before::Promoted { source: "east-db".into(), lag });
    let mut probe = sample::failed_probe();
    probe.result.database = Some(sample::primary());
    probe.certificate_expiry = Some(START);
    let backup = ("shop".parse().unwrap(), "database".parse().unwrap());
    let mut snapshot = snapshot(cluster);
    snapshot.probed = BTreeMap::from([((probe.service.clone(), probe.target.clone()), Arc::new(probe))]);
    snapshot.backups = BTreeMap::from([(backup, sample::backup_check())]);
    let lags = snapshot.evidence.values_mut().flat_map(|evidence: &mut Evidence| &mut evidence.lags);
    lags.for_each(|lag| lag.bytes = Some(4_096));
    snapshot
}

/// An `approval` step, as a policy writes it.
fn question() -> serde_json::Value {
    serde_json::json!({"approval": {"ask": "Is the old region really gone?"}})
}

/// Goal: whoever waits for a person says since when, a step that asks nobody says 0, and so does one that was answered. Method: a
/// question of a running execution beside one that waits for its turn, before and after the answer, and after the end.
#[test]
fn a_question_says_since_when() {
    let asked = Timestamp(START.0 + 42_000);
    let mut cluster = sample::executing();
    let service: ServiceName = "shop".parse().unwrap();
    let execution = cluster.executions.values_mut().next().unwrap();
    let promote = execution.plan.steps["promote"].clone();
    let action = serde_json::from_value(question()).unwrap();
    for (name, state) in
        [("close", StepState::Waiting), ("sign", StepState::Started { agent: "b".parse().unwrap() })]
    {
        let template = serde_json::from_value(question()).unwrap();
        let plan = cluster.services.get_mut(&service).unwrap().policy.plans.get_mut("failover").unwrap();
        plan.steps.insert(name.parse().unwrap(), template);
        let planned =
            quorate_policies::plan::expand::Step { action: Clone::clone(&action), ..promote.clone() };
        execution.plan.steps.insert(name.parse().unwrap(), planned);
        let started_at = matches!(state, StepState::Started { .. }).then_some(asked);
        let progress = StepProgress { state, started_at, ..StepProgress::default() };
        execution.steps.insert(name.parse().unwrap(), progress);
    }
    let since = |cluster: &Cluster| -> Vec<String> {
        let text = scraped(&metrics(), &snapshot(cluster.clone()));
        let lines = text.lines().filter(|line| line.starts_with("quorate_failover_asking_since"));
        lines.map(|line| line.rsplit_once("step=").unwrap().1.to_owned()).collect()
    };
    assert_eq!(since(&cluster), [r#""close"} 0"#, r#""sign"} 1700000042"#]);
    let mut answered = cluster.clone();
    answered.executions.values_mut().next().unwrap().steps.get_mut("sign").unwrap().approved_by =
        Some("ann".to_owned());
    assert_eq!(since(&answered), [r#""close"} 0"#, r#""sign"} 0"#]);
    cluster.executions.values_mut().next().unwrap().state = ExecutionState::Aborted { reason: "x".into() };
    assert_eq!(since(&cluster), [r#""close"} 0"#, r#""sign"} 0"#]);
}

/// The metrics after everything that can be counted has happened once.
fn counted() -> Metrics {
    let metrics = metrics();
    metrics.clouds().seen(&CallSeen {
        operation: "DescribeDBInstances",
        region: "us-west-2",
        answer: Answer::Throttled,
        took: Duration::from_millis(30),
    });
    metrics
}

/// Goal: nothing is served that is not declared, with just these labels, this type and this text. Method: every family of the
/// richest sample.
#[test]
fn all_that_is_served_is_declared() {
    for family in counted().families(&everything()) {
        let declared = all().find(|metric| metric.name == family.name());
        let metric = declared.unwrap_or_else(|| panic!("{} is not declared", family.name()));
        assert_eq!(family.help(), metric.help, "{}", metric.name);
        let kind = match metric.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        };
        assert_eq!(family.get_field_type(), kind, "{}", metric.name);
        let mut labels: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
        labels.sort_unstable();
        for served in family.get_metric() {
            let names: Vec<&str> = served.get_label().iter().map(|pair| pair.name()).collect();
            assert_eq!(names, labels, "{}", metric.name);
            for pair in served.get_label() {
                let label = metric.labels.iter().find(|label| label.name == pair.name()).unwrap();
                if let Values::Listed(values) = label.values {
                    assert!(values().contains(&pair.value()), "{}: {}", metric.name, pair.value());
                }
            }
        }
    }
}

/// Goal: nothing is declared that is never served; what needs nothing to be known is there at the first scrape, for every value of
/// its closed lists. Method: the first scrape, and the richest sample.
#[test]
fn all_that_is_declared_is_served() {
    let served = |families: Vec<MetricFamily>| -> BTreeMap<String, MetricFamily> {
        families.into_iter().map(|family| (family.name().to_owned(), family)).collect()
    };
    let first = served(metrics().families(&snapshot(sample::formed())));
    let richest = served(counted().families(&everything()));
    for metric in all() {
        let name = metric.name;
        match metric.there {
            There::Always | There::Configured => {
                let family = first.get(name).unwrap_or_else(|| panic!("{name} is not in a first scrape"));
                // The sample has no channel for people, whose messages are the rest of the list.
                for label in metric.labels.iter().filter(|_| name != "quorate_notifications_total") {
                    let Values::Listed(values) = label.values else { continue };
                    let pairs = family.get_metric().iter().flat_map(|served| served.get_label());
                    let found: BTreeSet<&str> =
                        pairs.filter(|pair| pair.name() == label.name).map(|pair| pair.value()).collect();
                    assert_eq!(found, values().into_iter().collect(), "{name}: {}", label.name);
                }
            }
            There::If(when) => {
                assert!(
                    !first.contains_key(name)
                        || name == "quorate_replica_lag_seconds"
                        || name == "quorate_replica_lag_measured_timestamp_seconds",
                    "{name} is there although not {when}"
                );
                assert!(richest.contains_key(name), "{name} is not served if {when}");
            }
        }
    }
}

/// Goal: a failover's figures are those of its record. Method: the richest sample.
#[test]
fn an_execution_in_figures() {
    let text = scraped(&metrics(), &everything());
    for line in [
        r#"quorate_failover_last_data_loss_seconds{plan="failover",service="shop"} 1.5"#,
        r#"quorate_failover_last_unmeasured_losses{plan="failover",service="shop"} 0"#,
        r#"quorate_failover_execution_state{plan="failover",service="shop",state="succeeded"} 1"#,
        r#"quorate_failover_step_state{plan="failover",service="shop",state="unknown",step="fence"} 1"#,
        r#"quorate_failover_step_state{plan="failover",service="shop",state="started",step="promote"} 1"#,
        r#"quorate_component_state{component="web",region="us-west-2",service="shop",state="healthy"} 1"#,
        r#"quorate_replica_lag_bytes{replica="us-west-2/west-db",service="shop"} 4096"#,
        r#"quorate_clock_offset_seconds -0.002"#,
        r#"quorate_objective_recovery_seconds{service="shop"} 900"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
}

/// Goal: whatever guard can stand in the audit has its series. Method: every refusal that the policies' tests write out, but those that
/// only a request or an agent's own call meets.
#[test]
fn every_guard_is_listed() {
    let texts = include_str!("../../../../policies/src/guard/refusal.rs");
    let names = regex::Regex::new(r#"Refusal::\w+ (?:\{ \.\. \} )?=> "([a-z_]+)""#).unwrap();
    let all: BTreeSet<&str> =
        names.captures_iter(texts).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(all.len() > crate::metrics::declared::GUARDS.len(), "the refusals are found: {all:?}");
    let never = [
        "feature_level",
        "lease_moved",
        "lease_not_released",
        "members_not_changed",
        "no_lease",
        "no_quorum",
        "not_ticked",
        "rebuilding",
        "step_not_yours",
        "unknown_execution",
        "unknown_service",
        "wrong_state",
    ];
    let listed = crate::metrics::declared::GUARDS.into_iter().chain(never).collect();
    assert_eq!(all, listed);
}

/// Goal: an election is counted once, and a process does not count those before it. Method: terms as an agent sees them.
#[test]
fn elections_are_counted() {
    let metrics = metrics();
    for term in [7, 7, 8, 8, 10, 9] {
        metrics.term(term);
    }
    let text = scraped(&metrics, &snapshot(sample::formed()));
    assert!(text.lines().any(|line| line == "quorate_elections_total 3"), "{text}");
}

/// Goal: what waits for a notifier is counted for as long as it waits, also if it is cut off. Method: two that wait, of which one is
/// copied.
#[test]
fn what_waits_is_counted() {
    let metrics = metrics();
    let length = || {
        let text = scraped(&metrics, &snapshot(sample::formed()));
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(r#"quorate_notification_queue_length{notifier="ops"} "#));
        line.unwrap().to_owned()
    };
    let one = metrics.waiting("ops");
    let two = metrics.waiting("ops");
    assert_eq!(length(), "2");
    let copy = two.clone();
    drop((one, two));
    assert_eq!(length(), "1");
    drop(copy);
    assert_eq!(length(), "0");
}
