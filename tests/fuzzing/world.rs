//! The service that the targets of the log are about, bytes as choices, and the rules that hold between two states of the
//! log whatever was committed between them. It decides nothing and is told nothing but bytes.

use quorate_core::{
    Actor, Body, Cluster, Command, LeaseRecord, Response, StepState,
    cluster::audit::{AUDIT_KEPT_MAX, broken_at},
};
use quorate_policies::{
    AgentName, Policy, RegionName, ServiceName, StepName, Timestamp,
    document::read_policy,
    policy::{Mode, Region, Role},
};
use std::collections::{BTreeMap, BTreeSet};

/// When every story begins.
pub const START: Timestamp = Timestamp(1_700_000_000_000);
/// Regions, the primary first.
pub const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
/// Agents, one in each region.
pub const AGENTS: [&str; 3] = ["eve", "wes", "noa"];
/// A service with every kind of step that the log treats in a way of its own.
const SHOP: &str = include_str!("shop.yaml");

/// Bytes as choices: whatever they are, they choose something, and when they have run out they choose the first.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    /// Whether there is anything left to choose by.
    #[must_use]
    pub const fn left(&self) -> bool {
        !self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// One of so many.
    pub fn index(&mut self, of: usize) -> usize {
        usize::from(self.byte()) % of.max(1)
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.index(these.len())]
    }

    /// A number, often one at which counting goes wrong.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            0..=127 => u64::from(self.byte()),
            128..=191 => u64::from(self.byte()) * 1_000,
            192..=223 => u64::MAX - u64::from(self.byte()),
            224..=239 => u64::from(u32::MAX) + u64::from(self.byte()),
            240..=255 => 1 << (self.byte() % 64),
        }
    }
}

/// A name that is one.
///
/// # Panics
/// When it is none.
pub fn name<T: TryFrom<String>>(text: &str) -> T {
    T::try_from(text.to_owned()).ok().expect("a name of this file is one")
}

/// The service.
#[must_use]
pub fn shop() -> ServiceName {
    name("shop")
}

/// Its policy.
///
/// # Panics
/// When it is refused.
#[must_use]
pub fn policy() -> Policy {
    read_policy("shop.yaml", SHOP).expect("the shop's policy is accepted")
}

/// The policies that may come after it: itself, one that waits for an operator, one with a third region, and one whose
/// standby is another region.
#[must_use]
pub fn later_policy(which: usize) -> Policy {
    let mut policy = policy();
    let vars = policy.regions[&name::<RegionName>(REGIONS[1])].vars.clone();
    match which {
        1 => policy.scenarios.values_mut().for_each(|scenario| scenario.mode = Mode::Approval),
        2 | 3 => {
            policy.regions.insert(name(REGIONS[2]), Region { role: Role::Standby, cold: false, vars });
        }
        _ => {}
    }
    if which == 3 {
        policy.regions.remove(&name::<RegionName>(REGIONS[1]));
    }
    policy
}

/// All agents.
#[must_use]
pub fn members() -> BTreeMap<AgentName, RegionName> {
    AGENTS.iter().zip(REGIONS).map(|(agent, region)| (name(agent), name(region))).collect()
}

/// A log into which the members and the policy have been put.
#[must_use]
pub fn begun() -> Cluster {
    let mut cluster = Cluster::default();
    let actor = Actor { name: "olga".to_owned(), reason: "first".to_owned() };
    let bodies = [Body::SetMembers { members: members() }, Body::apply_policy(policy(), actor)];
    for (number, body) in bodies.into_iter().enumerate() {
        cluster.apply(&Command::new(format!("begin-{number}"), START, name("noa"), body));
    }
    cluster
}

/// Everything that must hold after a command.
///
/// # Panics
/// When it does not.
pub fn check(before: &Cluster, after: &Cluster, command: &Command, response: &Response) {
    // F14: the log's clock never goes back.
    assert!(after.clock >= before.clock, "the clock went back");
    assert_eq!(broken_at(&after.audit.entries), None, "the audit's chain is broken");
    assert_eq!(
        after.audit.entries.back().map(|entry| &entry.hash),
        head(after),
        "the chain's head is another"
    );
    assert!(after.audit.entries.len() <= AUDIT_KEPT_MAX && after.audit.sequence >= before.audit.sequence);
    for service in after.services.keys() {
        one_execution(after, service);
        if let Some(old) = before.services.get(service) {
            lease_passes_in_order(before, after, service, command);
            let new = &after.services[service];
            assert!(new.epoch >= old.epoch, "the fencing token went back");
        }
        let new = &after.services[service];
        assert!(new.policy.regions.contains_key(&new.active), "the active region is not the policy's");
        if let Some(signal) = &new.signal {
            // R23: a signal to no region would take traffic from all.
            assert!(new.policy.regions.contains_key(signal), "the signal is for no region of the policy");
        }
    }
    if matches!(response, Response::Refused { .. }) {
        let state = |cluster: &Cluster| {
            let mut state = cluster.clone();
            (state.audit, state.clock) = (Default::default(), Timestamp(0));
            state
        };
        assert_eq!(state(before), state(after), "R31: a refusal changed more than the audit");
    }
    for (id, step) in begun_irreversible(after).difference(&begun_irreversible(before)) {
        let execution = &after.executions[id];
        let lease = &after.services[&execution.service].lease;
        let LeaseRecord::Held { region, epoch } = lease else {
            panic!("R13: {step} of {id} began while it moves")
        };
        let own = *epoch == execution.epoch || !execution.plan.moves;
        assert!(region == execution.to() && own, "R13: {step} of {id} began without the lease: {lease:?}");
    }
    notes_and_undos(before, after);
    shown(after);
}

fn head(cluster: &Cluster) -> Option<&String> {
    (cluster.audit.sequence > 0).then_some(&cluster.audit.head)
}

/// R2: at most one open execution of a service, and the slot names it.
fn one_execution(cluster: &Cluster, service: &ServiceName) {
    let open = cluster.executions.values().filter(|e| e.service == *service && !e.state.ended());
    let open: Vec<&String> = open.map(|execution| &execution.id).collect();
    assert!(open.len() <= 1, "two executions run: {open:?}");
    assert_eq!(open.first().copied(), cluster.services[service].running.as_ref(), "the slot names another");
    let epochs: Vec<u64> =
        cluster.executions.values().filter(|e| e.service == *service).map(|e| e.epoch).collect();
    assert_eq!(epochs.iter().collect::<BTreeSet<_>>().len(), epochs.len(), "two executions of one epoch");
}

/// R13: from one region to another only through a release of the first.
fn lease_passes_in_order(before: &Cluster, after: &Cluster, service: &ServiceName, command: &Command) {
    let (old, new) = (&before.services[service].lease, &after.services[service].lease);
    if old.holder() != new.holder() {
        let released = matches!(command.body, Body::ReleaseLease { .. });
        let moving = matches!(old, LeaseRecord::Releasing { to, .. } if to == new.holder());
        assert!(released && moving, "the lease jumped: {old:?} -> {new:?}");
    }
}

fn begun_irreversible(cluster: &Cluster) -> BTreeSet<(String, StepName)> {
    let all = cluster.executions.values().flat_map(|e| e.steps.iter().map(move |(name, p)| (e, name, p)));
    all.filter(|(e, name, p)| !e.plan.steps[*name].reversible && matches!(p.state, StepState::Started { .. }))
        .map(|(e, name, _)| (e.id.clone(), name.clone()))
        .collect()
}

/// R1: what was noted stays. R4: what is taken back may stand, has ended, and is taken back once.
fn notes_and_undos(before: &Cluster, after: &Cluster) {
    for (id, execution) in &before.executions {
        let Some(now) = after.executions.get(id) else { continue };
        for (name, progress) in execution.steps.iter().filter(|(_, progress)| progress.before.is_some()) {
            assert_eq!(progress.before, now.steps[name].before, "the note of {name} changed");
        }
        if execution.state.ended() {
            assert_eq!(execution, now, "an ended execution changed");
        }
    }
    for execution in after.executions.values() {
        let undone = execution.steps.keys().filter_map(|step| step.as_str().strip_prefix("undo-"));
        for taken_back in undone {
            assert!(matches!(execution.state.word(), "undoing" | "aborted"), "an undo without an abort");
            let step = &execution.steps[&name::<StepName>(taken_back)];
            assert!(step.state.ended() && step.state.may_stand(), "{taken_back} is taken back");
        }
        assert!(execution.steps.keys().eq(execution.plan.steps.keys()), "steps and plan differ");
    }
}

/// What is shown of it can be told.
fn shown(cluster: &Cluster) {
    for execution in cluster.executions.values() {
        let _ = execution.state.to_string();
        if let Some(time) = execution.recovery_time() {
            let parts = [time.detect, time.decide, time.execute, time.converge];
            assert!(parts.into_iter().all(|part| part <= time.total()), "a part longer than the whole");
        }
        assert!(execution.failing_since <= execution.agreed_at, "agreed before anything failed");
        assert!(execution.agreed_at <= execution.decided_at, "decided before it was agreed");
    }
    if let Some(entry) = cluster.audit.entries.back() {
        let _ = entry.event.to_string();
    }
}
