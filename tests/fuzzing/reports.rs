//! One peer that says anything at all. Promised: whatever one agent of three reports, in however strange a form, the leader
//! does not panic, and no failover follows while the others see the service healthy (R6, R7).

use super::world::{self, AGENTS, REGIONS, START};
use quorate_consensus::{decode, encode};
use quorate_core::{
    Body, Cluster, Input, Node, NodeSettings, Output, Standing,
    node::{Now, self_health::TICK, targets},
};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Millis, Monotonic,
    agreement::{ReplicaLag, Report, ServiceReport, TargetReport},
    health::{FailureReason, Observation, Verdict},
};
use std::sync::Arc;

/// Reports of one input at the most.
const REPORTS_MAX: usize = 20;
/// Rounds of a second each: longer than the policy's dwell.
const ROUNDS: u64 = 70;

/// Reports of one peer, one a line, as they come over its connection.
///
/// # Panics
/// When a promise is broken.
pub fn heard_report(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').take(REPORTS_MAX);
    let mut reports: Vec<Report> = lines.filter_map(|line| decode("report", line).ok()).collect();
    if reports.is_empty() {
        return;
    }
    let cluster = Arc::new(world::begun());
    let mut leader = leader(cluster.clone());
    for report in &mut reports {
        // The server refuses a report in another agent's name or from another region.
        (report.agent, report.region) = (world::name(AGENTS[1]), world::name(REGIONS[1]));
        for service in report.services.values_mut() {
            if service.policy_hash.len() % 2 == 0 {
                service.policy_hash.clone_from(&cluster.services[&world::shop()].policy_hash);
            }
        }
    }
    for round in 0..ROUNDS {
        let begins = 1_000 * (round + 1);
        let mut said = reports[usize::try_from(round).unwrap_or(0) % reports.len()].clone();
        if round >= reports.len() as u64 {
            said.sequence = said.sequence.saturating_add(round);
        }
        hear(&mut leader, begins, Input::Heard(said));
        hear(&mut leader, begins, Input::Heard(healthy(&cluster, round)));
        for target in targets::targets(&cluster) {
            let observation = Observation::Success;
            hear(
                &mut leader,
                begins,
                Input::Probed { service: target.service, target: target.name, observation },
            );
        }
        for tick in 0..1_000 / TICK.0 {
            hear(&mut leader, begins + tick * TICK.0, Input::Tick);
        }
    }
    let end = now(1_000 * (ROUNDS + 1));
    let evidence = leader.evidence_now(end, &world::shop());
    serde_json::to_string(&evidence).expect("evidence can be written");
    assert!(evidence.lags.iter().all(|lag| lag.measured >= lag.age), "a reading is younger than its report");
    let _ = leader.explain(end, &world::shop()).expect("it can be explained");
}

/// What a peer reports that sees the primary region fail: a seed.
///
/// # Panics
/// When a report cannot be written.
#[must_use]
pub fn story() -> Vec<u8> {
    let cluster = world::begun();
    let mut lines = Vec::new();
    for sequence in 0..4 {
        let mut report = healthy(&cluster, sequence);
        (report.agent, report.region) = (world::name(AGENTS[1]), world::name(REGIONS[1]));
        report.abstains = (sequence == 3).then(|| "its disk is slow".to_owned());
        for service in report.services.values_mut() {
            let (replica, behind, measured) = ("us-west-2/shop-west".to_owned(), Millis(900), Millis(30_000));
            let (bytes, confirmed) = (None, false);
            service.lags.push(ReplicaLag { replica, behind, measured, bytes, confirmed });
            for target in service.targets.values_mut().filter(|_| sequence > 0) {
                (target.verdict, target.failing_for) = (Verdict::Down, Some(Millis(3_000)));
                target.reason = Some(FailureReason::ConnectTimeout);
            }
        }
        lines.push(encode("report", &report).expect("a report can be written"));
    }
    lines.join("\n").into_bytes()
}

fn now(at: u64) -> Now {
    Now { mono: Monotonic(at), wall: START.plus(Millis(at)) }
}

fn hear(leader: &mut Node, at: u64, input: Input) {
    for output in leader.step(now(at), input) {
        if let Output::Propose(command) = &output {
            assert!(!matches!(command.body, Body::Decide { .. }), "one agent alone decided: {command:?}");
        }
    }
}

/// The third agent, which leads.
fn leader(cluster: Arc<Cluster>) -> Node {
    let settings = NodeSettings {
        name: world::name(AGENTS[2]),
        region: world::name(REGIONS[2]),
        members: world::members(),
        incarnation: 1,
        feature_level: FEATURE_LEVEL,
        report_interval: Millis(1_000),
        lost_after: Millis(5_000),
    };
    let mut leader = Node::new(settings, now(0));
    let me: AgentName = world::name(AGENTS[2]);
    let standing =
        Standing { term: 1, leader: Some(me), is_leader: true, has_quorum: true, ..Standing::default() };
    leader.step(now(0), Input::Standing(standing));
    leader.step(now(0), Input::Applied(cluster));
    leader
}

/// What the first agent reports all the time.
fn healthy(cluster: &Cluster, sequence: u64) -> Report {
    let target = |target: targets::ProbeTarget| {
        (
            target.name,
            TargetReport { verdict: Verdict::Healthy, armed: true, failing_for: None, reason: None },
        )
    };
    let service = ServiceReport {
        policy_hash: cluster.services[&world::shop()].policy_hash.clone(),
        targets: targets::targets(cluster).into_iter().map(target).collect(),
        lags: Vec::new(),
        looks: Vec::new(),
    };
    Report {
        agent: world::name(AGENTS[0]),
        region: world::name(REGIONS[0]),
        incarnation: 1,
        sequence,
        abstains: None,
        feature_level: FEATURE_LEVEL,
        services: [(world::shop(), service)].into(),
    }
}
