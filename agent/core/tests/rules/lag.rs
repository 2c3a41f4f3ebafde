//! The lag of replicas as an agent knows it: the latest known reading of each, as old as it is, in its reports and in the
//! evidence (R7, R16). Whether it lets a promotion pass is for the guards to say.

use crate::{log::*, shop::*};
use quorate_core::{Cluster, Input, Node, NodeSettings, Output, node::Now};
use quorate_policies::{
    FEATURE_LEVEL, Millis, Monotonic, TargetName, Timestamp,
    agreement::{Evidence, ReplicaLag, Report},
    guard::Trigger,
    postgres::{Database, DatabaseRole, Lsn},
};
use std::sync::Arc;

const REPLICA: &str = "us-west-2/shop-west";

/// An agent that knows the shop's policy, and its clock.
struct Watcher {
    node: Node,
    cluster: Cluster,
    mono: u64,
}

impl Watcher {
    fn new(name: &str) -> Self {
        let settings = NodeSettings {
            name: agent(name),
            region: members()[name].clone(),
            members: members(),
            incarnation: 1,
            feature_level: FEATURE_LEVEL,
            report_interval: Millis(1_000),
            lost_after: Millis(5_000),
        };
        let cluster = Log::of_the_shop().cluster;
        let now = Now { mono: Monotonic(0), wall: Timestamp(1) };
        let mut watcher = Self { node: Node::new(settings, now), cluster: cluster.clone(), mono: 0 };
        watcher.give(Input::Applied(Arc::new(cluster)));
        watcher
    }

    fn now(&self) -> Now {
        Now { mono: Monotonic(self.mono), wall: Timestamp(1 + self.mono) }
    }

    fn give(&mut self, input: Input) -> Vec<Output> {
        let now = self.now();
        self.node.step(now, input)
    }

    /// Time passes; the agent reports at the end of it.
    fn wait(&mut self, length: u64) -> Report {
        self.mono += length;
        let mut reports = self.give(Input::Tick).into_iter().filter_map(|output| match output {
            Output::Report(report) => Some(report),
            _ => None,
        });
        reports.next_back().expect("a report is due every second")
    }

    fn read(&mut self, behind: u64, measured: u64) {
        let (behind, measured) = (Millis(behind), Millis(measured));
        self.give(Input::Lag { service: shop(), replica: REPLICA.to_owned(), behind, measured });
    }

    /// What it reports of the replica: how far behind, measured how long ago.
    fn reported(&mut self, after: u64) -> Option<(u64, u64)> {
        let report = self.wait(after);
        let lags = &report.services[&shop()].lags;
        lags.iter().find(|lag| lag.replica == REPLICA).map(|lag| (lag.behind.0, lag.measured.0))
    }
}

/// Goal: R7, what was read is reported, grows old by itself, and is not replaced by silence: a reading that could not be
/// made is none. Method: one reading, then reports for a minute.
#[test]
fn r7_a_reading_grows_old() {
    let mut watcher = Watcher::new(NOA);
    assert_eq!(watcher.reported(1_000), None);
    watcher.read(800, 40_000);
    assert_eq!(watcher.reported(1_000), Some((800, 41_000)));
    assert_eq!(watcher.reported(60_000), Some((800, 101_000)));
}

/// Goal: R16, a reading that was measured before this process began is as old as it is, not as old as the process: else a
/// restarted agent would take an old lag for what is true now. Method: read in the first second what was measured five
/// minutes ago.
#[test]
fn r16_a_reading_may_be_older_than_the_process() {
    let mut watcher = Watcher::new(NOA);
    watcher.read(800, 300_000);
    assert_eq!(watcher.reported(1_000), Some((800, 301_000)));
}

/// Goal: the latest measurement counts, whichever is read last: monitoring gives older points after newer ones. Method: an
/// older one, one as old, a newer one.
#[test]
fn the_latest_measurement_counts() {
    let mut watcher = Watcher::new(NOA);
    watcher.read(800, 10_000);
    watcher.read(99_000, 10_001);
    assert_eq!(watcher.reported(1_000), Some((800, 11_000)));
    watcher.read(900, 11_000);
    watcher.read(700, 12_000);
    assert_eq!(watcher.reported(1_000), Some((900, 12_000)));
    watcher.read(100, 0);
    assert_eq!(watcher.reported(1_000), Some((100, 1_000)));
}

/// Goal: R6, R29, the evidence holds every agent's reading with its age, and says whether the agent judges by the policy
/// in force and whether it abstains. Method: three agents, one abstains, one has another policy; the message takes a
/// while.
#[test]
fn r6_readings_of_all_agents_are_evidence() {
    let mut watcher = Watcher::new(NOA);
    let hash = watcher.cluster.services[&shop()].policy_hash.clone();
    let report = |name: &str, hash: &str, abstains: Option<&str>| {
        let lag = ReplicaLag {
            replica: REPLICA.to_owned(),
            behind: Millis(800),
            measured: Millis(5_000),
            bytes: None,
            confirmed: false,
        };
        let mut report = Watcher::new(name).wait(1_000);
        let service = report.services.get_mut(&shop()).unwrap();
        (service.lags, service.policy_hash) = (vec![lag], hash.to_owned());
        report.abstains = abstains.map(str::to_owned);
        report
    };
    watcher.give(Input::Heard(report(EVE, &hash, Some("paused"))));
    watcher.give(Input::Heard(report(WES, "another", None)));
    watcher.read(300, 20_000);
    watcher.wait(1_500);
    let now = watcher.now();
    let Evidence { mut lags, .. } = watcher.node.evidence_now(now, &shop());
    lags.sort_by(|a, b| a.agent.cmp(&b.agent));
    let told: Vec<String> = lags
        .iter()
        .map(|lag| {
            let (matches, abstains) = (lag.policy_matches, lag.abstains);
            format!(
                "{} {} measured {} heard {} {matches} {abstains}",
                lag.agent, lag.behind, lag.measured, lag.age
            )
        })
        .collect();
    let expected = [
        "eve 800ms measured 6s500ms heard 1s500ms true true",
        "noa 300ms measured 21s500ms heard 0s true false",
        "wes 800ms measured 6s500ms heard 1s500ms false false",
    ];
    assert_eq!(told, expected);
}

/// Goal: R16, what this agent's own probes see of a primary and its standby is a reading as any other: it is reported, and
/// the executor's record of a promotion has it. Method: a primary that writes on for three seconds while its standby stays,
/// then silence; a standby of another check has no reading.
#[test]
fn r16_what_the_probes_see_of_a_standby_is_a_reading() {
    const STANDBY: &str = "us-west-2/database";
    let mut watcher = Watcher::new(NOA);
    let see = |watcher: &mut Watcher, at: &str, role: DatabaseRole| {
        let target = TargetName { check: "database".try_into().unwrap(), region: region(at) };
        let database = Database::new(1, role);
        watcher.give(Input::Database { service: shop(), target, database });
    };
    let standby =
        DatabaseRole::Standby { received: Some(Lsn(100)), replayed: Some(Lsn(50)), streaming: None };
    for second in 1..=3 {
        watcher.wait(1_000);
        see(&mut watcher, EAST, DatabaseRole::Primary { written: Lsn(second * 100) });
    }
    see(&mut watcher, WEST, standby);
    let report = watcher.wait(4_000);
    let lags = &report.services[&shop()].lags;
    let told: Vec<_> = lags.iter().map(|lag| (lag.replica.as_str(), lag.behind.0, lag.measured.0)).collect();
    assert_eq!(told, [(STANDBY, 2_000, 4_000)]);
    let recorded = |replica| watcher.node.replica_lag(watcher.now().mono, &shop(), replica);
    assert_eq!(recorded(STANDBY).as_ref(), lags.first());
    assert_eq!(lags.first().map(|lag| (lag.bytes, lag.confirmed)), Some((Some(200), false)));
    assert_eq!(recorded("us-west-2/another"), None);
}

/// Goal: R16, every replica judges the readings again when a decision is applied, and an operator who accepts the loss is
/// named for it in the audit. Method: automation, an operator, and one who accepts, with a lag that nobody knows.
#[test]
fn r16_an_accepted_loss_is_in_the_audit() {
    let unknown = || Evidence { lags: Vec::new(), ..east_is_down() };
    let mut log = Log::of_the_shop();
    assert_eq!(refused_by(&log.ask(WEST, Trigger::Automatic, unknown())), "replica_lag_unknown");
    assert_eq!(refused_by(&log.ask(WEST, operator(), unknown())), "replica_lag_unknown");
    assert!(log.cluster.executions.is_empty());
    let accepting = Trigger::Operator {
        by: "olga".to_owned(),
        reason: "the region is lost".to_owned(),
        accept_data_loss: true,
        ungraceful: false,
    };
    assert_eq!(log.ask(WEST, accepting, unknown()), execution("shop-2", false));
    let line = "olga  failover us-east-1 -> us-west-2 decided, epoch 2, accepting a loss of data";
    assert!(log.timeline().contains(line), "{}", log.timeline());
}

/// Goal: R7, a reading that a peer calls as old as can be counted does not become the freshest by growing older. Method: a
/// report with the largest age there is, looked at a while later.
#[test]
fn r7_the_oldest_reading_stays_the_oldest() {
    let mut watcher = Watcher::new(NOA);
    let mut oldest = Watcher::new(WES).wait(1_000);
    let lag = ReplicaLag {
        replica: REPLICA.to_owned(),
        behind: Millis(0),
        measured: Millis(u64::MAX - 1),
        bytes: None,
        confirmed: false,
    };
    oldest.services.get_mut(&shop()).unwrap().lags = vec![lag];
    watcher.give(Input::Heard(oldest));
    watcher.wait(1_500);
    let now = watcher.now();
    let evidence = watcher.node.evidence_now(now, &shop());
    let measured: Vec<Millis> = evidence.lags.iter().map(|lag| lag.measured).collect();
    assert_eq!(measured, [Millis(u64::MAX)]);
}

/// Goal: R21, R7: what an agent found in a plan's way is reported with its age, and no more once another policy is in
/// force. Method: a look, reports for a minute, a look by another policy.
#[test]
fn r21_a_look_at_a_plan_grows_old() {
    let mut watcher = Watcher::new(NOA);
    let hash = watcher.cluster.services[&shop()].policy_hash.clone();
    let found = Some("promote: \u{e9} ".repeat(50));
    for (policy_hash, reported) in [(hash, true), ("another".to_owned(), false)] {
        let blocked = found.clone();
        watcher.give(Input::PlanLooked { service: shop(), to: region(WEST), policy_hash, blocked });
        let report = watcher.wait(60_000);
        let looks = &report.services[&shop()].looks;
        let told = looks.first().map(|look| (look.to.as_str(), look.measured));
        assert_eq!(told, reported.then_some((WEST, Millis(60_000))));
        assert!(looks.iter().all(|look| look.blocked.as_ref().is_some_and(|text| text.len() <= 200)));
    }
}
