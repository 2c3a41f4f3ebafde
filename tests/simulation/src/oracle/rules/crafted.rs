//! What the rules' own tests show them: a cluster that was really formed and has really decided, and facts around it, each
//! to be spoilt in one place. Builders only.

pub(super) use crate::oracle::facts::Effect;
use crate::{
    EAST, WEST, agent,
    cloud::Record,
    oracle::{
        facts::Looks,
        links::Around,
        rules::{Facts, Rule, Seen},
    },
    policy::{Temper, policy},
    region, service,
};
use quorate_core::{Actor, AuditEntry, AuditEvent, Body, Cluster, Command, node::StepOrder};
pub(super) use quorate_policies::{
    Millis, Timestamp,
    health::{FailureReason, Observation},
};
use quorate_policies::{
    TargetName,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    guard::Trigger,
    health::Verdict,
};
use std::{sync::Arc, time::Duration};

/// The moment of every test: long after the beginning.
pub(super) const NOW: Duration = Duration::from_secs(1_000);
const WALL: Timestamp = Timestamp(1_780_000_000_000);
const AGENTS: [&str; 3] = ["eve", "wes", "noa"];

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn apply(state: &mut Cluster, body: Body) {
    let id = format!("{}", state.audit.sequence);
    let response = state.apply(&Command::new(id, WALL, agent("wes"), body));
    assert!(!matches!(response, quorate_core::Response::Refused { .. }), "{response:?}");
}

/// Three agents that have a policy.
pub(super) fn formed() -> Cluster {
    let mut state = Cluster::default();
    let members = crate::AGENTS.into_iter().take(3).map(|(name, at)| (agent(name), region(at))).collect();
    apply(&mut state, Body::SetMembers { members });
    let actor = Actor { name: "olga".to_owned(), reason: "a policy".to_owned() };
    let policy = policy(crate::SHOP, Temper::written(4), 1);
    apply(&mut state, Body::apply_policy(policy, actor));
    state
}

fn votes(at: &str, verdict: Verdict) -> Vec<Vote> {
    let vote = |name: &str, check: &str| Vote {
        agent: agent(name),
        target: TargetName { check: check.try_into().unwrap(), region: region(at) },
        verdict,
        armed: true,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
        reason: None,
        failing_for: (verdict == Verdict::Down).then(|| Millis::from_secs(10)),
    };
    AGENTS.iter().flat_map(|name| ["api", "deep"].map(|check| vote(name, check))).collect()
}

/// Everybody sees the primary region down and the standby healthy, and its replica a second behind.
pub(super) fn evidence() -> Evidence {
    let lag = |name: &&str| LagVote {
        agent: agent(name),
        replica: replica_name(WEST, &format!("{}-{WEST}", crate::SHOP)),
        behind: Millis(1_000),
        measured: Millis::from_secs(40),
        bytes: None,
        confirmed: false,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    };
    let votes = [votes(EAST, Verdict::Down), votes(WEST, Verdict::Healthy)].concat();
    Evidence {
        votes,
        down_for: Millis::from_secs(10),
        everything_down_ago: None,
        flaps: 0,
        lags: AGENTS.iter().map(lag).collect(),
        looks: Vec::new(),
        components_down: Default::default(),
    }
}

/// The same agents, which have decided to move.
pub(super) fn decided() -> Cluster {
    let mut state = formed();
    let live = AGENTS.map(agent).into();
    let (service, to) = (service(crate::SHOP), region(WEST));
    apply(&mut state, Body::Decide { service, to, trigger: Trigger::Automatic, evidence: evidence(), live });
    state
}

/// The entry of the audit that says so.
pub(super) fn decision(state: &Cluster) -> AuditEntry {
    let decided = |entry: &&AuditEntry| matches!(entry.event, AuditEvent::Decided { .. });
    state.audit.entries.iter().find(decided).unwrap().clone()
}

/// An agent begins a step that is its own.
pub(super) fn start(state: &mut Cluster, step: &str) {
    let order = order(state, step);
    let by = state.executions[&order.execution].steps[step].state.agent().unwrap().clone();
    let body = Body::StartStep { execution: order.execution, step: order.name, attempt: order.attempt };
    let response = state.apply(&Command::new(format!("start/{step}"), WALL, by, body));
    assert_eq!(response, quorate_core::Response::Done);
}

/// Facts in which nothing has happened.
pub(super) fn facts(state: &Cluster) -> Facts {
    Facts { now: NOW, state: Arc::new(state.clone()), newest_wall: WALL, ..Facts::default() }
}

/// These agents have been there and in contact for all the time.
pub(super) fn calm(facts: &mut Facts, awake: &[&str]) {
    let around = around(awake, true);
    facts.links = Default::default();
    facts.links.see(secs(0), &around);
    facts.links.see(secs(1), &around);
    facts.links.see(NOW, &around);
}

/// These agents were in contact until then, and nobody has reached anybody since.
pub(super) fn apart(facts: &mut Facts, awake: &[&str], since: Duration) {
    facts.links = Default::default();
    facts.links.see(secs(0), &around(awake, true));
    facts.links.see(since, &around(awake, true));
    facts.links.see(NOW, &around(awake, false));
}

fn around(awake: &[&str], carried: bool) -> Around {
    let mut around = Around { members: awake.len(), sound: true, ..Around::default() };
    let place = |name: &&str| crate::AGENTS.iter().position(|(known, _)| known == name).unwrap();
    let places: Vec<usize> = awake.iter().map(place).collect();
    for one in &places {
        around.wakes(*one, 1);
        around.settles(*one);
        let others = places.iter().filter(|other| carried && *other != one);
        others.for_each(|other| around.carries(*one, *other));
    }
    around
}

/// Every agent has just probed every target in a region.
pub(super) fn sights(facts: &mut Facts, at: &str, failed: bool) {
    for name in AGENTS {
        for check in ["api", "deep"] {
            let looks: Looks = (name.to_owned(), crate::SHOP.to_owned(), check.to_owned(), at.to_owned());
            facts.sights.remove(&looks);
            let found = if failed {
                Observation::Failure(FailureReason::ConnectTimeout)
            } else {
                Observation::Success
            };
            // As often as it takes to turn a verdict.
            (0..3).for_each(|_| facts.probed(NOW - secs(1), looks.clone(), found));
        }
    }
}

/// Shows a rule that an agent offers this.
pub(super) fn proposed(
    rule: &mut impl Rule,
    facts: &Facts,
    state: &Cluster,
    evidence: &Evidence,
) -> Option<String> {
    let (name, from, to) = (service(crate::SHOP), region(EAST), region(WEST));
    rule.see(facts, &Seen::Proposed { agent: "wes", state, service: &name, from: &from, to: &to, evidence })
}

/// The order for a step of the execution that was decided.
pub(super) fn order(state: &Cluster, step: &str) -> StepOrder {
    let execution = state.executions.values().next().unwrap();
    StepOrder {
        execution: execution.id.clone(),
        service: execution.service.clone(),
        epoch: execution.epoch,
        from: execution.from().clone(),
        to: execution.to().clone(),
        name: step.try_into().unwrap(),
        step: execution.plan.steps[step].clone(),
        attempt: 1,
        failures: 0,
    }
}

/// A record that leads to a region.
pub(super) fn record(at: &str, epoch: u64) -> Record {
    Record { targets: vec![format!("{at}.{}.example.com", crate::SHOP)], epoch }
}

/// The effect of a step of that execution: a promotion promotes, any other leaves all as it is.
pub(super) fn effect(state: &Cluster, step: &str) -> Effect {
    let order = order(state, step);
    let promotes = (step == "promote").then(|| WEST.to_owned());
    Effect {
        agent: "wes".to_owned(),
        service: order.service.to_string(),
        execution: order.execution,
        epoch: order.epoch,
        step: step.to_owned(),
        attempt: 1,
        kind: order.step.action.kind(),
        meaning: promotes.as_ref().map_or(step.to_owned(), |at| format!("promote {}-{at}", crate::SHOP)),
        promotes,
        oldest_lost: None,
        tasks: 4,
        empties: None,
        record: (record(EAST, 1), record(EAST, 1)),
    }
}
