//! The one log: every replicated state that was reached has a number, and what a command makes of it is remembered, so
//! that `Cluster::apply`, which is pure, is asked once for each pair.

use super::{
    coverage::Coverage,
    normal::{NOW, aged, ago, normal, read, written},
    shop,
    state::{Attempt, Outcome, Say},
};
use quorate_core::{
    Body, Cluster, Command, Execution, ExecutionState, LeaseProof, LeaseRecord, Response, StepOutcome,
    StepProgress,
};
use quorate_policies::{Millis, Policy, health::Verdict, plan::Before};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A replicated state, and what the model reads of it often.
pub(super) struct Known {
    pub(super) cluster: Cluster,
    /// Attempts whose intent is committed: the ledger's ids.
    intents: BTreeSet<String>,
    /// The lease's record by its number.
    pub(super) lease: u8,
}

/// A command at an age, put to a state.
type Question = (u32, Say, u8);

/// All of them.
pub(super) struct Log {
    states: Vec<Arc<Known>>,
    numbers: BTreeMap<[u8; 32], u32>,
    applied: BTreeMap<Question, (u32, Arc<Response>)>,
    ticked: BTreeMap<u32, u32>,
    /// The lease's records, each with a state that says no more than it.
    leases: Vec<(LeaseRecord, Arc<Cluster>)>,
    /// What may be noted before an act.
    befores: Vec<Before>,
    pub(super) coverage: Coverage,
}

impl Log {
    /// A cluster with a policy; its state is number 0.
    pub(super) fn new(policy: Policy) -> Self {
        let mut cluster = Cluster::default();
        let mut say = |id: &str, body| {
            let command = Command::new(id.to_owned(), NOW, shop::agent(2), body);
            assert!(!matches!(cluster.apply(&command), Response::Refused { .. }));
        };
        say("members", Body::SetMembers { members: shop::members() });
        say("policy", Body::apply_policy(policy, shop::olga()));
        let mut log = Self {
            states: Vec::new(),
            numbers: BTreeMap::new(),
            applied: BTreeMap::new(),
            ticked: BTreeMap::new(),
            leases: Vec::new(),
            befores: Vec::new(),
            coverage: Coverage::default(),
        };
        log.number(normal(cluster));
        log
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn at(&self, number: u32) -> Arc<Known> {
        Arc::clone(&self.states[number as usize])
    }

    /// The state in which nothing but the lease's record stands.
    pub(super) fn lease_view(&self, number: u8) -> Arc<Cluster> {
        Arc::clone(&self.leases[usize::from(number)].1)
    }

    /// Commits a command that was proposed so many steps of time ago.
    pub(super) fn apply(&mut self, number: u32, say: Say, age: u8) -> (u32, Arc<Response>) {
        let question = (number, say, age);
        if let Some((next, response)) = self.applied.get(&question) {
            return (*next, Arc::clone(response));
        }
        let mut cluster = self.at(number).cluster.clone();
        let response = Arc::new(cluster.apply(&self.command(say, age)));
        self.coverage.answered(&response);
        let next = self.number(normal(cluster));
        self.applied.insert(question, (next, Arc::clone(&response)));
        (next, response)
    }

    /// The state one step of time later.
    pub(super) fn tick(&mut self, number: u32) -> u32 {
        if let Some(next) = self.ticked.get(&number) {
            return *next;
        }
        let next = aged(self.at(number).cluster.clone());
        let next = self.number(next);
        self.ticked.insert(number, next);
        next
    }

    /// A note's number.
    pub(super) fn before(&mut self, before: &Before) -> u8 {
        let found = self.befores.iter().position(|known| known == before);
        let number = found.unwrap_or_else(|| {
            self.befores.push(before.clone());
            self.befores.len() - 1
        });
        u8::try_from(number).unwrap()
    }

    fn number(&mut self, cluster: Cluster) -> u32 {
        let (told, policy) = written(&cluster);
        let digest = Sha256::digest(told.to_string()).into();
        if let Some(number) = self.numbers.get(&digest) {
            return *number;
        }
        let intents = told["ledger"]["answers"].as_object().unwrap().keys().cloned().collect();
        let cluster = read((told, policy));
        self.coverage.reached(&cluster);
        let lease = self.lease_number(&cluster);
        let number = u32::try_from(self.states.len()).unwrap();
        self.states.push(Arc::new(Known { cluster, intents, lease }));
        self.numbers.insert(digest, number);
        number
    }

    fn lease_number(&mut self, cluster: &Cluster) -> u8 {
        let record = &cluster.services[&shop::shop()].lease;
        let found = self.leases.iter().position(|(known, _)| known == record);
        let number = found.unwrap_or_else(|| {
            let mut view = cluster.clone();
            view.executions.clear();
            self.leases.push((record.clone(), Arc::new(view)));
            self.leases.len() - 1
        });
        u8::try_from(number).unwrap()
    }

    fn command(&self, say: Say, age: u8) -> Command {
        let (by, id, body) = match say {
            Say::Start(a) => step_command(a, "start", |execution, step, attempt| Body::StartStep {
                execution,
                step,
                attempt,
            }),
            Say::GoOn(a) => step_command(a, "resume", |execution, step, attempt| Body::ResumeStep {
                execution,
                step,
                attempt,
            }),
            Say::Note(a, before) => {
                let before = self.befores[usize::from(before)].clone();
                step_command(a, "note", |execution, step, attempt| Body::NoteStep {
                    execution,
                    step,
                    attempt,
                    before,
                })
            }
            Say::Finish(a, outcome) => step_command(a, "finish", |execution, step, attempt| {
                Body::FinishStep { execution, step, attempt, outcome: outcome.told() }
            }),
            other => {
                let (by, body) = single(other);
                (by, "single".to_owned(), body)
            }
        };
        Command::new(id, ago(age), shop::agent(by), body)
    }
}

fn step_command(
    attempt: Attempt,
    what: &str,
    body: impl FnOnce(String, quorate_policies::StepName, u32) -> Body,
) -> (u8, String, Body) {
    let Attempt { agent, epoch, step, number } = attempt;
    let (execution, step) = (shop::execution(epoch), shop::step(step));
    // As the executor names it: a repetition after a lost reply is applied once.
    let id = format!("{execution}/{step}/{number}/{what}");
    (agent, id, body(execution, step, u32::from(number)))
}

/// What leaders and operators say.
fn single(say: Say) -> (u8, Body) {
    let (service, actor) = (shop::shop(), shop::olga());
    match say {
        Say::Decide { by, operator, standby_up, live } => {
            let verdict = if standby_up { Verdict::Healthy } else { Verdict::Down };
            let (trigger, evidence) = (shop::trigger(operator), shop::evidence(verdict));
            let to = shop::region(1);
            (by, Body::Decide { service, to, trigger, evidence, live: shop::agents(live) })
        }
        Say::SetLive { by, epoch, live } => {
            (by, Body::SetLive { execution: shop::execution(epoch), live: shop::agents(live) })
        }
        Say::Approve { epoch } => (2, Body::Approve { execution: shop::execution(epoch), step: None, actor }),
        Say::Abort { epoch, leave } => (2, Body::Abort { execution: shop::execution(epoch), actor, leave }),
        Say::TooLate { by, epoch } => {
            (by, Body::Abort { execution: shop::execution(epoch), actor, leave: false })
        }
        Say::Pause { expires } => {
            (2, Body::Pause { service, actor, until: expires.then(|| NOW.plus(shop::TICK)) })
        }
        Say::Resume => (2, Body::Resume { service, actor }),
        Say::Release { by, epoch, given_up } => {
            let expired = LeaseProof::Expired { waited: Millis(0) };
            let proof = if given_up { LeaseProof::GivenUp } else { expired };
            (by, Body::ReleaseLease { service, epoch: u64::from(epoch), proof })
        }
        Say::Start(_) | Say::GoOn(_) | Say::Note(..) | Say::Finish(..) => {
            unreachable!("a step's own command")
        }
    }
}

impl Outcome {
    pub(super) fn told(self) -> StepOutcome {
        match self {
            Outcome::Succeeded => StepOutcome::Succeeded { detail: "it stands".to_owned() },
            Outcome::Failed => StepOutcome::Failed { reason: "not done in time".to_owned() },
            Outcome::Impossible => StepOutcome::Impossible { reason: "it cannot be done".to_owned() },
            Outcome::Unknown => StepOutcome::Unknown { reason: "nobody knows".to_owned() },
        }
    }
}

impl Known {
    /// The execution that is open, if one is.
    pub(super) fn open(&self) -> Option<&Execution> {
        self.cluster.executions.values().find(|execution| !execution.state.ended())
    }

    /// The latest execution.
    pub(super) fn latest(&self) -> Option<&Execution> {
        self.cluster.executions.values().max_by_key(|execution| execution.epoch)
    }

    pub(super) fn execution(&self, epoch: u8) -> Option<&Execution> {
        self.cluster.executions.get(&shop::execution(epoch))
    }

    pub(super) fn progress(&self, attempt: Attempt) -> Option<&StepProgress> {
        self.execution(attempt.epoch)?.steps.get(&shop::step(attempt.step))
    }

    /// Whether the log lets an attempt act now.
    pub(super) fn allows(&self, a: Attempt) -> bool {
        let (id, step) = (shop::execution(a.epoch), shop::step(a.step));
        self.cluster.may_act_at(NOW, &shop::agent(a.agent), &id, &step, u32::from(a.number)).is_ok()
    }

    /// Whether the intent of exactly this attempt is in the log.
    pub(super) fn intended(&self, a: Attempt) -> bool {
        let id = format!("{}/{}/{}/start", shop::execution(a.epoch), shop::step(a.step), a.number);
        self.intents.contains(&id)
    }

    /// Whether the open execution waits for an operator, who can let it go on.
    pub(super) fn waits_for_operator(&self) -> bool {
        self.open().is_some_and(|execution| {
            let held = self.cluster.held_at(execution, NOW).is_some_and(|hold| hold.until.is_none());
            held || matches!(
                execution.state,
                ExecutionState::Stopped { .. } | ExecutionState::AwaitingApproval
            )
        })
    }
}
