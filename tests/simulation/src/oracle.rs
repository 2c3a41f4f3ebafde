//! The judge: it sees the replicas, the effects, the promises, the probes and the clients' writes, knows what really went
//! wrong, and believes nobody. What must hold stands in `rules`, one file a rule; here is what they are shown, and the
//! trace by which two runs are compared.

mod count;
mod facts;
mod links;
mod rules;
mod told;

use super::{Outcome, coverage::Coverage, host::RATES_UNEQUAL, now, replicas::Replicas};
use facts::SentCall;
pub(super) use facts::{Effect, Facts};
pub(super) use links::Around;
use quorate_core::{AuditEntry, AuditEvent, Body, Cluster, Command, node::StepOrder};
use quorate_policies::{TargetName, Timestamp, guard::Trigger, health::Observation};
use rules::{Rule, Seen};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Shared by everything in the simulation, which has one thread.
pub(super) type Shared = Arc<Mutex<Oracle>>;

/// The same complaint is made at most so often in a run: a broken rule breaks again with every look.
const COMPLAINTS_MAX: usize = 3;

/// The judge.
pub(super) struct Oracle {
    pub(super) replicas: Replicas,
    pub(super) coverage: Coverage,
    pub(super) facts: Facts,
    rules: Vec<Box<dyn Rule>>,
    violations: Vec<String>,
    complaints: BTreeMap<String, usize>,
    trace: Vec<String>,
    hash: u64,
    audited: u64,
    /// Up to which index of the log the newest state goes.
    newest: u64,
    /// When the agents' wall clocks were read last, and the newest reading then.
    walls: (Duration, Timestamp),
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            replicas: Replicas::default(),
            coverage: Coverage::default(),
            facts: Facts::default(),
            rules: rules::all(),
            violations: Vec::new(),
            complaints: BTreeMap::new(),
            trace: Vec::new(),
            hash: 0,
            audited: 0,
            newest: 0,
            walls: (Duration::ZERO, Timestamp(0)),
        }
    }
}

impl Oracle {
    pub(super) fn event(&mut self, text: &str) {
        let line = format!("{:>10.3} s  {text}", now().as_secs_f64());
        self.fold(&line);
        self.trace.push(line);
    }

    /// Lets a text count in the trace's digest, where nobody would want to read it.
    pub(super) fn fold(&mut self, text: &str) {
        self.hash = text.bytes().fold(self.hash ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    }

    pub(super) fn violated(&mut self, text: &str) {
        let rule = text.split(':').next().unwrap_or_default().to_owned();
        let made = self.complaints.entry(rule).or_default();
        *made += 1;
        if *made <= COMPLAINTS_MAX {
            self.event(&format!("VIOLATION {text}"));
            self.violations.push(text.to_owned());
        }
    }

    /// What it has seen, at the end.
    pub(super) fn outcome(&mut self) -> Outcome {
        Outcome {
            violations: std::mem::take(&mut self.violations),
            trace: std::mem::take(&mut self.trace),
            trace_hash: self.hash,
            simulated: self.facts.now,
            coverage: std::mem::take(&mut self.coverage),
        }
    }

    fn show(&mut self, seen: &Seen<'_>) {
        self.facts.now = now();
        self.clocks_go_on();
        let mut found = Vec::new();
        for rule in &mut self.rules {
            let complaint = rule.see(&self.facts, seen);
            found.extend(complaint.map(|text| format!("{}: {text}", rule.id())));
        }
        for text in found {
            self.violated(&text);
        }
    }

    /// An agent does not run between now and then.
    pub(super) fn pauses(&mut self, agent: &str, until: Duration) {
        self.facts.pauses.entry(agent.to_owned()).or_default().push((now(), until));
    }

    /// A new process of an agent: it was never paused, and knows nothing.
    pub(super) fn boots(&mut self, agent: &str) {
        self.facts.pauses.remove(agent);
        self.facts.booted.insert(agent.to_owned(), now());
        self.facts.judges.retain(|(known, _), _| *known != agent);
        self.facts.forgets(agent);
        self.event(&format!("{agent} boots"));
    }

    /// Whether a service is really sick in a region, now.
    pub(super) fn condition(&mut self, service: &str, region: &str, sick: bool) {
        self.facts.condition(now(), service, region, sick);
    }

    /// Somebody else has edited a service's record, or it stands as it was in the beginning.
    pub(super) fn led(&mut self, service: &str, region: &str) {
        self.facts.leads(now(), service, region);
    }

    /// What monitoring told an agent of a replica.
    pub(super) fn monitored(&mut self, service: &str, region: &str, behind: Duration) {
        let key = (service.to_owned(), region.to_owned());
        self.facts.monitored.entry(key).or_default().push((now(), behind));
    }

    /// What an operator was told.
    pub(super) fn answered(&mut self, answer: &str) {
        self.event(&format!("operator: {answer}"));
    }

    /// All nodes are looked at.
    pub(super) fn look(&mut self) {
        for (service, region) in self.facts.run_out(now()) {
            self.event(&format!("lease: {service} may not write in {region} any more"));
        }
    }

    /// The network as it is now, and the newest reading of any agent's wall clock.
    pub(super) fn around(&mut self, around: &Around, newest: Timestamp) {
        self.facts.links.see(now(), around);
        self.walls = (now(), newest);
        self.clocks_go_on();
    }

    /// Between two looks at the wall clocks the fastest may have gone on so far: a pause that ends just then has ended.
    fn clocks_go_on(&mut self) {
        let (read_at, newest) = self.walls;
        let since = (now() - read_at).as_micros() * u128::from(RATES_UNEQUAL.1) / 1_000_000_000;
        let latest = Timestamp(newest.0 + u64::try_from(since).unwrap() + 1);
        self.facts.newest_wall = self.facts.newest_wall.max(latest);
    }

    /// A second has passed.
    pub(super) fn second(&mut self) {
        self.show(&Seen::Second);
    }

    /// By which policy an agent judges a service.
    pub(super) fn judges(&mut self, agent: &'static str, service: &str, policy: &str) {
        let known = self.facts.judges.entry((agent, service.to_owned())).or_default();
        if known.0 != policy {
            *known = (policy.to_owned(), now());
        }
    }

    /// What the leader answers when asked why it does nothing.
    pub(super) fn explained(&mut self, service: &str, refusal: Option<String>) {
        self.facts.explained.insert(service.to_owned(), (now(), refusal));
    }

    /// Something happens to the world, by a deed.
    pub(super) fn disturbed(&mut self) {
        self.facts.links.disturbed();
    }

    /// A probe of an agent has ended.
    pub(super) fn probed(&mut self, agent: &str, service: &str, target: &TargetName, found: Observation) {
        let (check, region) = (target.check.to_string(), target.region.to_string());
        self.facts.probed(now(), (agent.to_owned(), service.to_owned(), check, region), found);
    }

    /// An agent offers something to the log.
    pub(super) fn proposed(&mut self, agent: &str, command: &Command) {
        let Body::Decide { service, to, trigger: Trigger::Automatic, evidence, .. } = &command.body else {
            return;
        };
        let state = self.facts.state.clone();
        let Some(known) = state.services.get(service) else { return };
        let from = known.active.clone();
        self.show(&Seen::Proposed { agent, state: &state, service, from: &from, to, evidence });
    }

    /// An operator says something, once. Consensus may offer it to the log more than once.
    pub(super) fn said(&mut self, command: &Command) {
        self.facts.policies_said += u64::from(matches!(command.body, Body::ApplyPolicy { .. }));
    }

    /// An agent has read the object of an act, and whether it stands as it must before the act.
    pub(super) fn looked(&mut self, agent: &str, execution: &str, kind: &str, before: bool) {
        let key = (agent.to_owned(), execution.to_owned(), kind.to_owned());
        self.facts.looked.insert(key, (now(), before));
    }

    /// Looks at a replica.
    pub(super) fn sees(&mut self, who: &str, index: u64, state: &Arc<Cluster>) {
        if self.replicas.applied(who, index, state) {
            // A replica that catches up may show an index that all others have skipped: new, and not the newest.
            if index > self.newest {
                (self.newest, self.facts.state) = (index, state.clone());
            }
            self.audit(state);
            self.show(&Seen::State(state));
        }
        for text in self.replicas.take_violations() {
            self.violated(&text);
        }
    }

    /// Takes what is new in the audit. Entries are numbered, so the replica that is furthest tells it first.
    fn audit(&mut self, state: &Cluster) {
        let new: Vec<AuditEntry> =
            state.audit.entries.iter().filter(|entry| entry.sequence > self.audited).cloned().collect();
        for entry in new {
            self.audited = entry.sequence;
            let execution = entry.execution.clone().unwrap_or_default();
            self.event(&format!("log {} {execution}: {}", entry.actor, entry.event));
            self.coverage.audit(&entry.event);
            if let AuditEvent::StepStarted { step, attempt } = &entry.event {
                let attempt = (execution.clone(), step.to_string(), *attempt);
                self.facts.started.entry(attempt).or_insert(now());
            }
            self.show(&Seen::Audit(&entry, state));
            self.facts.told.take(now(), &entry);
        }
    }

    /// An agent sends a change to the cloud. Returns the call's number.
    pub(super) fn sent(&mut self, agent: &str, order: &StepOrder) -> usize {
        self.show(&Seen::Sent { agent, order });
        self.facts.calls.push(SentCall {
            agent: agent.to_owned(),
            attempt: (order.execution.clone(), order.name.to_string(), order.attempt),
            settled: false,
            refused: false,
        });
        self.facts.calls.len() - 1
    }

    /// A call is carried out, or certainly never will be.
    pub(super) fn settled(&mut self, call: usize) {
        self.facts.calls[call].settled = true;
    }

    /// The agent was told that its call has changed nothing.
    pub(super) fn refused(&mut self, call: usize) {
        self.facts.calls[call].refused = true;
    }

    /// The cloud has applied a change. The replicas have been looked at in the same moment.
    pub(super) fn applied(&mut self, effect: Effect) {
        self.event(&format!(
            "cloud: {} by {} ({}/{}#{})",
            effect.meaning, effect.agent, effect.execution, effect.step, effect.attempt
        ));
        self.coverage.note("effect", effect.kind);
        self.show(&Seen::Applied(&effect));
        let (before, after) = &effect.record;
        let to = after.targets.first().and_then(|target| target.split('.').next());
        if let Some(to) = to.filter(|_| before != after) {
            self.facts.leads(now(), &effect.service, to);
        }
        self.facts.effects.push(effect);
    }

    /// An application was told that it may write.
    pub(super) fn promised(&mut self, service: &str, region: &str, epoch: u64, until: Duration) {
        if self.facts.promised(now(), service, region, epoch, until) {
            let left = until.saturating_sub(now());
            self.event(&format!("lease: {service} may write in {region} at epoch {epoch} for {left:?}"));
        }
        self.show(&Seen::Promised { service, region, epoch });
    }

    /// A client's write was acknowledged.
    pub(super) fn acknowledged(&mut self, service: &str, region: &str, client: &str) {
        if self.facts.taken.get(service).is_none_or(|at| at != region) {
            self.facts.taken.insert(service.to_owned(), region.to_owned());
            self.event(&format!("clients: writes of {service} are taken in {region}"));
        }
        self.show(&Seen::Acknowledged { service, region, client });
    }
}
