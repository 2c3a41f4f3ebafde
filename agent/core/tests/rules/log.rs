//! A log of one replica: commands go in one after another, each with an id of its own, and what became of them is
//! read from the audit as a timeline.

use crate::shop::*;
use quorate_core::{
    Body, Cluster, Command, Execution, ExecutionState, LeaseProof, Response, StepOutcome, StepState,
    cluster::service::LeaseRecord,
};
use quorate_policies::{
    Millis, Policy, Timestamp, agreement::Evidence, guard::Refusal, guard::Trigger, plan::Before,
};
use std::fmt::Write as _;

/// When every story begins.
const START: Timestamp = Timestamp(1_700_000_000_000);

/// One replica and the clock of those who propose.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) cluster: Cluster,
    pub(crate) now: Timestamp,
    commands: u32,
    told: u64,
}

impl Log {
    /// Three agents and a policy.
    pub(crate) fn with(policy: Policy) -> Self {
        let mut log = Self { cluster: Cluster::default(), now: START, commands: 0, told: 0 };
        assert_eq!(log.say(NOA, Body::SetMembers { members: members() }), Response::Done);
        let response = log.say(NOA, Body::apply_policy(policy, olga("first policy")));
        assert!(matches!(response, Response::Policy { version: 1, .. }), "{response:?}");
        log.told = log.cluster.audit.sequence;
        log
    }

    /// The shop's own policy.
    pub(crate) fn of_the_shop() -> Self {
        Self::with(policy())
    }

    /// Time passes for those who propose.
    pub(crate) fn wait(&mut self, length: Millis) -> &mut Self {
        self.now = self.now.plus(length);
        self
    }

    /// The next command, not applied.
    pub(crate) fn command(&mut self, by: &str, body: Body) -> Command {
        self.commands += 1;
        Command::new(format!("command-{}", self.commands), self.now, agent(by), body)
    }

    /// Somebody proposes something.
    pub(crate) fn say(&mut self, by: &str, body: Body) -> Response {
        let command = self.command(by, body);
        self.cluster.apply(&command)
    }

    /// The witness leads and asks for a failover.
    pub(crate) fn decide(&mut self) -> Response {
        self.ask(WEST, Trigger::Automatic, east_is_down())
    }

    /// An operator asks for a failover of a healthy service.
    pub(crate) fn operator_decides(&mut self, to: &str) -> Response {
        self.ask(to, operator(), all_is_well())
    }

    pub(crate) fn ask(&mut self, to: &str, trigger: Trigger, evidence: Evidence) -> Response {
        let live = agents(&AGENTS);
        self.say(NOA, Body::Decide { service: shop(), to: region(to), trigger, evidence, live })
    }

    /// The execution that runs.
    pub(crate) fn running(&self) -> &Execution {
        self.cluster.running(&shop()).unwrap()
    }

    /// The latest execution, running or ended.
    pub(crate) fn latest(&self) -> &Execution {
        self.cluster.executions.values().max_by_key(|execution| execution.epoch).unwrap()
    }

    pub(crate) fn state(&self) -> &ExecutionState {
        &self.latest().state
    }

    /// A step of the latest execution: its state in one word, its agent, and its attempt.
    pub(crate) fn step(&self, name: &str) -> (&'static str, String, u32) {
        let progress = &self.latest().steps[&step(name)];
        let agent = progress.state.agent().map(ToString::to_string).unwrap_or_default();
        (progress.state.word(), agent, progress.attempt)
    }

    /// Steps that an agent has and has not begun.
    pub(crate) fn assigned(&self) -> Vec<&str> {
        let steps = self.latest().steps.iter();
        let assigned = steps.filter(|(_, progress)| matches!(progress.state, StepState::Assigned { .. }));
        assigned.map(|(name, _)| name.as_str()).collect()
    }

    /// The step's agent begins.
    pub(crate) fn start(&mut self, name: &str) -> Response {
        let (_, by, attempt) = self.step(name);
        self.start_as(&by, name, attempt)
    }

    pub(crate) fn start_as(&mut self, by: &str, name: &str, attempt: u32) -> Response {
        let execution = self.latest().id.clone();
        self.say(by, Body::StartStep { execution, step: step(name), attempt })
    }

    /// The step's agent goes on with what it had begun.
    pub(crate) fn go_on(&mut self, name: &str) -> Response {
        let (_, by, attempt) = self.step(name);
        let execution = self.latest().id.clone();
        self.say(&by, Body::ResumeStep { execution, step: step(name), attempt })
    }

    /// The step's agent notes what stands before it acts.
    pub(crate) fn note(&mut self, name: &str, before: Before) -> Response {
        let (_, by, attempt) = self.step(name);
        self.note_as(&by, name, attempt, before)
    }

    pub(crate) fn note_as(&mut self, by: &str, name: &str, attempt: u32, before: Before) -> Response {
        let execution = self.latest().id.clone();
        self.say(by, Body::NoteStep { execution, step: step(name), attempt, before })
    }

    /// As [`Self::run`], for a step that changes something.
    pub(crate) fn change(&mut self, name: &str, before: Before) {
        assert_eq!(self.start(name), Response::Done, "{name} starts");
        assert_eq!(self.note(name, before), Response::Done, "{name} is noted");
        self.wait(Millis::from_secs(1));
        assert_eq!(self.finish(name, succeeded()), Response::Done, "{name} finishes");
    }

    /// The step's agent reports.
    pub(crate) fn finish(&mut self, name: &str, outcome: StepOutcome) -> Response {
        let (_, by, attempt) = self.step(name);
        self.finish_as(&by, name, attempt, outcome)
    }

    pub(crate) fn finish_as(&mut self, by: &str, name: &str, attempt: u32, outcome: StepOutcome) -> Response {
        let execution = self.latest().id.clone();
        self.say(by, Body::FinishStep { execution, step: step(name), attempt, outcome })
    }

    /// The step's agent begins, takes a second and reports.
    pub(crate) fn run(&mut self, name: &str, outcome: StepOutcome) {
        assert_eq!(self.start(name), Response::Done, "{name} starts");
        self.wait(Millis::from_secs(1));
        assert_eq!(self.finish(name, outcome), Response::Done, "{name} finishes");
    }

    /// Runs every step that can run until none can.
    pub(crate) fn run_all(&mut self) {
        while let Some(name) = self.assigned().first().map(ToString::to_string) {
            self.run(&name, succeeded());
        }
    }

    /// The leader has waited long enough.
    pub(crate) fn release(&mut self) -> Response {
        let epoch = match &self.cluster.services[&shop()].lease {
            LeaseRecord::Held { epoch, .. } | LeaseRecord::Releasing { epoch, .. } => *epoch,
        };
        self.release_as(NOA, epoch, LeaseProof::Expired { waited: Millis(6_300) })
    }

    pub(crate) fn release_as(&mut self, by: &str, epoch: u64, proof: LeaseProof) -> Response {
        self.say(by, Body::ReleaseLease { service: shop(), epoch, proof })
    }

    pub(crate) fn abort(&mut self) -> Response {
        let execution = self.latest().id.clone();
        self.say(WES, Body::Abort { execution, actor: olga("it was a mistake"), leave: false })
    }

    /// The same, and what is not taken back yet is left.
    pub(crate) fn abort_and_leave(&mut self) -> Response {
        let execution = self.latest().id.clone();
        self.say(WES, Body::Abort { execution, actor: olga("the east is lost"), leave: true })
    }

    pub(crate) fn pause(&mut self, until: Option<Timestamp>) -> Response {
        self.say(WES, Body::Pause { service: shop(), actor: olga("look first"), until })
    }

    pub(crate) fn resume(&mut self) -> Response {
        self.say(WES, Body::Resume { service: shop(), actor: olga("go on") })
    }

    pub(crate) fn live(&mut self, names: &[&str]) -> Response {
        let execution = self.latest().id.clone();
        self.say(NOA, Body::SetLive { execution, live: agents(names) })
    }

    /// The lease's record as a text.
    pub(crate) fn lease(&self) -> String {
        match &self.cluster.services[&shop()].lease {
            LeaseRecord::Held { region, epoch } => format!("held by {region}, epoch {epoch}"),
            LeaseRecord::Releasing { from, to, epoch } => format!("moves from {from} to {to}, epoch {epoch}"),
        }
    }

    /// What the audit says since the story began.
    pub(crate) fn timeline(&self) -> String {
        let mut text = String::new();
        for entry in self.cluster.audit.entries.iter().filter(|entry| entry.sequence > self.told) {
            let at = entry.at.since(START);
            writeln!(text, "{:>8}  {:4}  {}", at.to_string(), entry.actor, entry.event).unwrap();
        }
        text
    }
}

/// The guard that refused.
pub(crate) fn refused_by(response: &Response) -> &'static str {
    match response {
        Response::Refused { refusal } => refusal.guard(),
        Response::Done | Response::Execution { .. } | Response::Policy { .. } => "nothing",
    }
}

/// The refusal's sentence.
pub(crate) fn why(response: &Response) -> String {
    match response {
        Response::Refused { refusal } => Refusal::to_string(refusal),
        other => panic!("not refused: {other:?}"),
    }
}

/// A new execution, or one that was joined.
pub(crate) fn execution(id: &str, joined: bool) -> Response {
    Response::Execution { id: id.to_owned(), joined }
}
