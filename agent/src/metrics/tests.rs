//! The metrics as Prometheus reads them.

mod forms;
mod served;

use super::*;
use crate::http::sample;
use quorate_core::{Actor, Body, LeaseProof, StepOutcome};
use quorate_policies::{Timestamp, health::Verdict};
use std::{collections::BTreeMap, sync::Arc};

const START: Timestamp = Timestamp(1_700_000_000_000);

/// The failing sample, with another state of the log.
fn snapshot(cluster: Cluster) -> Snapshot {
    let way = ("shop".parse().unwrap(), "us-west-2".parse().unwrap());
    let beside = Beside {
        started_at: START,
        clock_offset: -2,
        probes: vec![Arc::new(sample::failed_probe())],
        plan_checks: BTreeMap::from([(way, sample::plan_check())]),
        backups: BTreeMap::new(),
    };
    Snapshot { cluster: Arc::new(cluster), ..looked(beside) }
}

fn looked(beside: Beside) -> Snapshot {
    let (node, now) = sample::node(Verdict::Down, Verdict::Healthy, &["a", "b"]);
    Inside::of(&node, now).with(beside, "0123456789abcdef")
}

/// What a scrape of this look says.
fn scraped(metrics: &Metrics, snapshot: &Snapshot) -> String {
    Format::Text.encode(&metrics.families(snapshot))
}

fn metrics() -> Metrics {
    Metrics::new(&sample::agent_file())
}

/// Every line of a scrape but those of the process, whose values differ from run to run.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.contains("process_"))
}

fn audited(metrics: &Metrics, cluster: &Cluster) {
    cluster.audit.entries.iter().for_each(|entry| metrics.audit(entry, cluster));
}

/// An execution whose one step failed for good, and which was then aborted.
fn stopped_and_aborted() -> Cluster {
    let mut cluster = sample::executing();
    let execution = || "shop-2".to_owned();
    let outcome = StepOutcome::Impossible { reason: "no such instance".into() };
    sample::apply(
        &mut cluster,
        Body::FinishStep { execution: execution(), step: "promote".parse().unwrap(), attempt: 1, outcome },
    );
    let actor = Actor { name: "ann".into(), reason: "by hand".into() };
    sample::apply(&mut cluster, Body::Abort { execution: execution(), actor, leave: false });
    cluster
}

/// Goal: names, labels and helps are deliberate, and every series stands at zero before anything has happened. Method:
/// a snapshot of a first scrape, without the buckets.
#[test]
fn the_first_scrape() {
    let text = scraped(&metrics(), &snapshot(sample::formed()));
    let shown: Vec<&str> = lines(&text).filter(|line| !line.contains("_bucket{")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// Goal: a database's own word is a metric, and one that does not answer has none. Method: a probe that failed after a
/// primary had answered, and the usual sample.
#[test]
fn a_database_has_series() {
    let metrics = metrics();
    let of = |text: &str| {
        lines(text).filter(|line| line.starts_with("quorate_postgres")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(of(&scraped(&metrics, &snapshot(sample::formed()))), "");
    let mut probe = sample::failed_probe();
    probe.result.database = Some(sample::primary());
    let beside = Beside { started_at: START, probes: vec![Arc::new(probe)], ..Beside::default() };
    let text = scraped(&metrics, &looked(beside));
    assert_eq!(
        of(&text),
        "quorate_postgres_lsn_bytes{check=\"web\",position=\"written\",region=\"us-east-1\",service=\"shop\"} 97500059720\n\
         quorate_postgres_primary{check=\"web\",region=\"us-east-1\",service=\"shop\"} 1\n\
         quorate_postgres_timeline{check=\"web\",region=\"us-east-1\",service=\"shop\"} 3"
    );
}

/// Goal: a backup's series tell its state, its age as it is now and its size, and one that was never found has neither of
/// the two. Method: a stale one and a missing one, scraped a minute after the look.
#[test]
fn a_backup_has_series() {
    let metrics = metrics();
    let mut snapshot = snapshot(sample::formed());
    let stale =
        crate::shell::BackupCheck { at: Timestamp(snapshot.now.0 - 60_000), ..sample::backup_check() };
    let mut missing = stale.clone();
    missing.judgement.state = quorate_policies::backup::BackupState::Missing;
    (missing.judgement.age, missing.judgement.size) = (None, None);
    let key = |backup: &str| ("shop".parse().unwrap(), backup.parse().unwrap());
    snapshot.backups = BTreeMap::from([(key("database"), stale), (key("uploads"), missing)]);
    let text = scraped(&metrics, &snapshot);
    let shown: Vec<&str> = text.lines().filter(|line| line.contains("quorate_backup")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// Goal: a drill's series stand before its first run, and tell its latest; a test restore's tell of its backup. Method: a drill that
/// is due and never ran, and one that was made.
#[test]
fn a_drill_has_series() {
    use quorate_policies::{drill::DrillRecord, policy::Drill};
    let mut cluster = sample::formed();
    let service: ServiceName = "shop".parse().unwrap();
    let drill = r#"{"mode": "isolated", "plan": "failover", "restores": "database", "every": "30d"}"#;
    let drill: Drill = serde_json::from_str(drill).unwrap();
    let state = cluster.services.get_mut(&service).unwrap();
    let mut made = DrillRecord::new(Timestamp(0));
    let run = r#"{"mode": "isolated", "by": "ann", "begun": 1700000000000, "ended": 1700000600000, "succeeded": true,
                  "rto": "10m", "objective": {"rto": "2h", "rpo": "1h"}}"#;
    made.add(serde_json::from_str(run).unwrap());
    for (name, record) in [("made", made), ("never", DrillRecord::new(Timestamp(0)))] {
        state.policy.drills.insert(name.parse().unwrap(), drill.clone());
        state.drills.insert(name.parse().unwrap(), record);
    }
    state.policy.drills.get_mut("never").unwrap().restores = None;
    let text = scraped(&metrics(), &snapshot(cluster));
    let shown: Vec<&str> = lines(&text)
        .filter(|line| line.contains("quorate_drill_") || line.contains("test_restore"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// Goal: what people will look at after a failover is counted. Method: the executing sample, its audit handed in twice;
/// the lines that are not zero.
#[test]
fn an_execution_is_counted_once() {
    let (metrics, cluster) = (metrics(), sample::executing());
    audited(&metrics, &cluster);
    audited(&metrics, &cluster);
    let text = scraped(&metrics, &snapshot(cluster));
    let counted = lines(&text).filter(|line| {
        let failover = line.starts_with("quorate_failover") || line.starts_with("quorate_audit");
        failover && !line.ends_with(" 0") && !line.contains("_bucket{")
    });
    insta::assert_snapshot!(counted.collect::<Vec<_>>().join("\n"));
}

/// Goal: an execution has one outcome. Method: one that stopped and was then aborted.
#[test]
fn a_stopped_execution_is_not_counted_as_aborted() {
    let (metrics, cluster) = (metrics(), stopped_and_aborted());
    audited(&metrics, &cluster);
    let text = scraped(&metrics, &snapshot(cluster));
    let ended: Vec<&str> = lines(&text)
        .filter(|line| line.starts_with("quorate_failover_executions_total") && line.ends_with(" 1"))
        .collect();
    let labels = r#"{outcome="stopped",plan="failover",service="shop",trigger="operator"}"#;
    assert_eq!(ended, [format!("quorate_failover_executions_total{labels} 1")]);
}

/// Goal: a probe is counted under its names and its reason, never under its URL, address or error. Method: one failed
/// probe.
#[test]
fn a_probe_is_counted() {
    let metrics = metrics();
    metrics.probe(&sample::failed_probe());
    metrics.schedule(Millis(3), 5, 2);
    metrics.schedule(Millis(1), 7, 1);
    let text = scraped(&metrics, &snapshot(sample::formed()));
    for line in [
        r#"quorate_probe_attempts_total{check="web",region="us-east-1",result="failure",service="shop"} 1"#,
        r#"quorate_probe_failures_total{check="web",reason="status",region="us-east-1",service="shop"} 1"#,
        r#"quorate_probe_duration_seconds_count{check="web",region="us-east-1",service="shop"} 1"#,
        r#"quorate_probe_phase_duration_seconds_count{check="web",phase="processing",service="shop"} 1"#,
        r#"quorate_probe_phase_duration_seconds_count{check="web",phase="resolve",service="shop"} 0"#,
        r#"quorate_probe_last_timestamp_seconds{check="web",region="us-east-1",service="shop"} 1700000005"#,
        r#"quorate_probe_schedule_lag_seconds_count 2"#,
        "quorate_probe_missed_total 7",
        "quorate_probe_in_flight 1",
    ] {
        assert!(lines(&text).any(|found| found == line), "{line}");
    }
    for leaked in ["192.0.2.7", "east.example.com", "expected 200"] {
        assert!(!text.contains(leaked), "{leaked}");
    }
}

/// Goal: votes add up to the voters, and a state is one of its values. Method: sums over the failing sample.
#[test]
fn sums_mean_something() {
    let text = scraped(&metrics(), &snapshot(sample::formed()));
    let sum = |prefix: &str| -> f64 {
        let values =
            lines(&text).filter(|line| line.starts_with(prefix)).filter_map(|line| line.rsplit_once(' '));
        values.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    };
    assert_eq!(sum(r#"quorate_votes{check="web",region="us-east-1""#), 3.0);
    assert_eq!(sum(r#"quorate_check_state{check="web",region="us-east-1""#), 1.0);
    assert_eq!(sum(r#"quorate_verdict{region="us-east-1""#), 1.0);
    assert_eq!(sum("quorate_active_region{"), 1.0);
}

/// Goal: closed lists are closed: nothing is counted under a label that was not there before. Method: the series of a
/// first scrape, and those after every kind of event that the sample has.
#[test]
fn no_series_appears_later() {
    let metrics = metrics();
    let series = |text: &str| -> std::collections::BTreeSet<String> {
        lines(text).filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    };
    let before = series(&scraped(&metrics, &snapshot(sample::formed())));
    let mut cluster = stopped_and_aborted();
    let service = || "shop".parse().unwrap();
    let actor = || Actor { name: "ann".into(), reason: "test".into() };
    sample::apply(&mut cluster, Body::Pause { service: service(), actor: actor(), until: None });
    sample::apply(&mut cluster, Body::Resume { service: service(), actor: actor() });
    let refusal = quorate_policies::guard::Refusal::ObserveOnly;
    sample::apply(&mut cluster, Body::RecordRefusal { service: service(), refusal });
    sample::apply(
        &mut cluster,
        Body::ReleaseLease { service: service(), epoch: 3, proof: LeaseProof::GivenUp },
    );
    audited(&metrics, &cluster);
    metrics.probe(&sample::failed_probe());
    metrics.http_request("GET", "/v1/status", 200);
    metrics.http_request("BREW", "/coffee", 418);
    metrics.notification("ops", "failover.started", Delivery::GivenUp);
    metrics.notification_took("ops", Duration::from_millis(3));
    metrics.reports().delivered("b", Duration::from_millis(3));
    metrics.reports().failed("c");
    metrics.term(4);
    let after = series(&scraped(&metrics, &snapshot(cluster)));
    assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
}
