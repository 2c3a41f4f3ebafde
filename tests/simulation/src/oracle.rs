//! The judge: it sees the replicas, the effects, the promises, the probes and the clients' writes, knows what really went
//! wrong, and believes nobody. What must hold stands in `rules`, one file a rule; here is what they are shown, and the
//! trace by which two runs are compared.

mod facts;
mod rules;

use super::{Outcome, coverage::Coverage, now, replicas::Replicas};
pub(super) use facts::{Effect, Facts};
use quorate_core::{AuditEntry, AuditEvent, Cluster, node::StepOrder};
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
        self.event(&format!("{agent} boots"));
    }

    /// Whether a service is really sick in a region, now.
    pub(super) fn condition(&mut self, service: &str, region: &str, sick: bool) {
        self.facts.condition(now(), service, region, sick);
    }

    /// Somebody else has edited a service's record.
    pub(super) fn foreign_edit(&mut self, service: &str) {
        self.facts.foreign_edits.entry(service.to_owned()).or_default().push(now());
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
        self.show(&Seen::Look);
    }

    /// A probe of an agent has ended.
    pub(super) fn probed(&mut self, agent: &str, service: &str, region: &str, failed: bool) {
        self.facts.probed(now(), agent, service, region, failed);
    }

    /// Looks at a replica.
    pub(super) fn sees(&mut self, who: &str, index: u64, state: &Arc<Cluster>) {
        if self.replicas.applied(who, index, state) {
            self.facts.state = state.clone();
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
            if matches!(entry.event, AuditEvent::Decided { .. }) {
                self.facts.executions.insert(execution);
            }
        }
    }

    /// An agent sends a change to the cloud.
    pub(super) fn sent(&mut self, agent: &str, order: &StepOrder) {
        self.show(&Seen::Sent { agent, order });
    }

    /// The cloud has applied a change. The replicas have been looked at in the same moment.
    pub(super) fn applied(&mut self, effect: Effect) {
        self.event(&format!(
            "cloud: {} by {} ({}/{}#{})",
            effect.meaning, effect.agent, effect.execution, effect.step, effect.attempt
        ));
        self.coverage.note("effect", effect.kind);
        self.show(&Seen::Applied(&effect));
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
    pub(super) fn acknowledged(&mut self, service: &str, region: &str, id: u64) {
        let mut earlier = self.facts.acknowledged.iter().rev();
        if earlier.find(|(s, ..)| s == service).is_none_or(|(_, at, ..)| at != region) {
            self.event(&format!("clients: writes of {service} are taken in {region}"));
        }
        self.facts.acknowledged.push((service.to_owned(), region.to_owned(), id, now()));
        self.show(&Seen::Acknowledged { service, region });
    }
}
