//! What must hold at every moment, and the trace by which two runs are compared. It sees the replicas, the effects and
//! the promises, knows what really went wrong, and believes nobody.

use super::{EAST, Outcome, now, promises::Promises, replicas::Replicas};
use quorate_core::{AuditEntry, AuditEvent, Cluster, Execution};
use quorate_policies::guard::Trigger;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

/// How long after a newer attempt has begun the effect of an older one may still arrive: a read barrier (2 s), a pause
/// that is too short to be noticed (2 s), and the longest call (8 s).
const OVERTAKEN_MAX: Duration = Duration::from_secs(12);
/// The policy's dwell, less the clocks' tolerance.
const DWELL_MIN: Duration = Duration::from_millis(3_800);
/// How long after a region has come back a decision about it may still be made: the detectors' rise, the reports'
/// freshness, and a proposal under way.
const STALE_MAX: Duration = Duration::from_secs(12);
/// A pause that the node must notice, with a tick's tolerance, and how long it then abstains, less the tolerance.
const PAUSE_NOTICED: Duration = Duration::from_millis(2_200);
const ABSTAINS_FOR: Duration = Duration::from_millis(9_700);

/// Shared by everything in the simulation, which has one thread.
pub(super) type Shared = Arc<Mutex<Oracle>>;

/// Names an attempt: execution, step, number.
type Attempt = (String, String, u32);

/// A change that the cloud has applied.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub(super) agent: String,
    pub(super) execution: String,
    pub(super) step: String,
    pub(super) attempt: u32,
    /// The change in words: what it does, to what.
    pub(super) meaning: String,
    /// Where a promotion makes a second writer, if it is one.
    pub(super) promotes_in: Option<String>,
}

/// The judge.
#[derive(Default)]
pub(super) struct Oracle {
    pub(super) replicas: Replicas,
    pub(super) promises: Promises,
    violations: Vec<String>,
    trace: Vec<String>,
    effects: Vec<Effect>,
    hash: u64,
    audited: u64,
    started: BTreeMap<Attempt, Duration>,
    /// Pauses by agent: from, until.
    pauses: BTreeMap<String, Vec<(Duration, Duration)>>,
    /// When a region was really out of the others' reach: from, until.
    outages: BTreeMap<String, Vec<(Duration, Option<Duration>)>>,
    pub(super) executions: BTreeSet<String>,
}

impl Oracle {
    pub(super) fn event(&mut self, text: &str) {
        let line = format!("{:>12} us  {text}", now().as_micros());
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
        self.event(&format!("VIOLATION {text}"));
        self.violations.push(text.to_owned());
    }

    /// What it has seen, at the end.
    pub(super) fn outcome(&mut self) -> Outcome {
        Outcome {
            violations: std::mem::take(&mut self.violations),
            trace: std::mem::take(&mut self.trace),
            trace_hash: self.hash,
            failovers: self.executions.len(),
            effects: self.effects.len(),
        }
    }

    /// An agent does not run between these two moments.
    pub(super) fn pauses(&mut self, agent: &str, until: Duration) {
        self.pauses.entry(agent.to_owned()).or_default().push((now(), until));
    }

    /// A new process of an agent: it was never paused, and knows nothing.
    pub(super) fn boots(&mut self, agent: &str) {
        self.pauses.remove(agent);
        self.event(&format!("{agent} boots"));
    }

    /// A region cannot be reached from outside, from now on.
    pub(super) fn outage_begins(&mut self, region: &str) {
        self.outages.entry(region.to_owned()).or_default().push((now(), None));
    }

    /// Every outage that is not for good ends.
    pub(super) fn outages_end(&mut self, region: &str) {
        for (_, end) in self.outages.entry(region.to_owned()).or_default() {
            end.get_or_insert(now());
        }
    }

    /// Looks at a replica.
    pub(super) fn sees(&mut self, who: &str, index: u64, state: &Arc<Cluster>) {
        if self.replicas.applied(who, index, state) {
            self.audit(state);
            self.r2_at_most_one_open_execution(state);
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
            match &entry.event {
                AuditEvent::StepStarted { step, attempt } => {
                    self.started.entry((execution, step.to_string(), *attempt)).or_insert(now());
                }
                AuditEvent::Decided { trigger: Trigger::Automatic, .. } => {
                    self.executions.insert(execution.clone());
                    if let Some(execution) = state.executions.get(&execution) {
                        self.r20_only_after_an_outage_of_the_dwell(execution);
                        self.r25_no_automatic_failback(execution);
                    }
                }
                AuditEvent::Decided { .. } => {
                    self.executions.insert(execution);
                }
                _ => {}
            }
        }
    }

    fn r2_at_most_one_open_execution(&mut self, state: &Cluster) {
        for service in state.services.keys() {
            let open: Vec<&str> = state
                .executions
                .values()
                .filter(|execution| execution.service == *service && !execution.state.ended())
                .map(|execution| execution.id.as_str())
                .collect();
            if open.len() > 1 {
                let text = format!("R2: {} executions of {service} at once: {open:?}", open.len());
                self.violated(&text);
            }
        }
    }

    fn r20_only_after_an_outage_of_the_dwell(&mut self, execution: &Execution) {
        let from = execution.from().as_str();
        let fits = |(begin, end): &(Duration, Option<Duration>)| {
            *begin + DWELL_MIN <= now()
                && end.is_none_or(|end| end + STALE_MAX >= now() && *begin + DWELL_MIN <= end + STALE_MAX)
        };
        if !self.outages.get(from).is_some_and(|outages| outages.iter().any(fits)) {
            let text = format!("R20: {} was decided and nothing was wrong with {from}", execution.id);
            self.violated(&text);
        }
    }

    fn r25_no_automatic_failback(&mut self, execution: &Execution) {
        if execution.to().as_str() == EAST {
            self.violated(&format!("R25: {} returns to {EAST} without an operator", execution.id));
        }
    }

    /// An agent sends a change to the cloud.
    pub(super) fn r8_no_act_right_after_a_pause(&mut self, agent: &str, step: &str) {
        let waking = |(from, until): &(Duration, Duration)| {
            *until - *from > PAUSE_NOTICED && *from < now() && now() < *until + ABSTAINS_FOR
        };
        if self.pauses.get(agent).is_some_and(|pauses| pauses.iter().any(waking)) {
            self.violated(&format!("R8: {agent} acts in step {step} right after a pause"));
        }
    }

    /// The cloud has applied a change. The replicas have been looked at in the same moment.
    pub(super) fn applied(&mut self, effect: Effect) {
        self.event(&format!(
            "cloud: {} by {} ({}/{}#{})",
            effect.meaning, effect.agent, effect.execution, effect.step, effect.attempt
        ));
        self.r1_no_effect_without_intent(&effect);
        self.r5_no_effect_of_an_overtaken_attempt(&effect);
        self.r4_a_step_means_one_thing(&effect);
        self.r4_a_promotion_is_applied_once(&effect);
        self.r13_no_promotion_under_a_promise(&effect);
        self.effects.push(effect);
    }

    fn r1_no_effect_without_intent(&mut self, effect: &Effect) {
        let intent = (effect.execution.clone(), effect.step.clone(), effect.attempt);
        if !self.started.contains_key(&intent) {
            let text = format!("R1: {} was applied without a committed intent {intent:?}", effect.meaning);
            self.violated(&text);
        }
    }

    fn r5_no_effect_of_an_overtaken_attempt(&mut self, effect: &Effect) {
        let newer = self.started.iter().find(|((execution, step, attempt), at)| {
            *execution == effect.execution
                && *step == effect.step
                && *attempt > effect.attempt
                && **at + OVERTAKEN_MAX < now()
        });
        if let Some(((_, _, newer), at)) = newer {
            let text = format!(
                "R5: {} of attempt {} was applied {:?} after attempt {newer} had begun",
                effect.meaning,
                effect.attempt,
                now() - *at
            );
            self.violated(&text);
        }
    }

    fn r4_a_step_means_one_thing(&mut self, effect: &Effect) {
        let other = self.effects.iter().find(|other| {
            other.execution == effect.execution
                && other.step == effect.step
                && other.meaning != effect.meaning
        });
        if let Some(other) = other {
            let text = format!("R4: step {} did `{}`, then `{}`", effect.step, other.meaning, effect.meaning);
            self.violated(&text);
        }
    }

    fn r4_a_promotion_is_applied_once(&mut self, effect: &Effect) {
        let again = |other: &&Effect| other.promotes_in.is_some() && other.meaning == effect.meaning;
        if effect.promotes_in.is_some() && self.effects.iter().any(|other| again(&other)) {
            let text = format!("R4: `{}` was applied twice", effect.meaning);
            self.violated(&text);
        }
    }

    fn r13_no_promotion_under_a_promise(&mut self, effect: &Effect) {
        let Some(region) = &effect.promotes_in else { return };
        if let Some((other, left)) = self.promises.other(now(), region) {
            let text =
                format!("R13: `{}` was applied while {other} may write for {left:?} more", effect.meaning);
            self.violated(&text);
        }
    }

    /// An application was told that it may write.
    pub(super) fn promised(&mut self, region: &str, epoch: u64, remaining: Duration) {
        let (wrong, news) = self.promises.promised(now(), region, epoch, now() + remaining);
        if news {
            self.event(&format!("lease: {region} may write at epoch {epoch} for {remaining:?}"));
        }
        if let Some(text) = wrong {
            self.violated(&text);
        }
    }
}
