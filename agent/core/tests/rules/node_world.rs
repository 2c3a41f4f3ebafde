//! A world of three nodes in three regions, in virtual time: what a leader with a majority proposes is applied at once
//! to one log and given to every agent that it reaches; reports arrive at once or not at all. Agents die, restart,
//! stand still, are cut off, fall behind with the log, or are the only one to see something. It shows what a node
//! decides; late messages are the write lease's world's business, and consensus is the simulator's.

mod events;
mod tasks;

use crate::shop::*;
use quorate_core::{
    AuditEvent, Body, Cluster, Command, Input, Node, NodeSettings, Output, Response,
    cluster::drill::DryRun,
    node::{Now, self_health::TICK, targets::ProbeTarget},
};
use quorate_policies::{
    FEATURE_LEVEL, Millis, Monotonic, Policy, TargetName, Timestamp,
    agreement::lag::replica_name,
    health::{FailureReason, Observation},
};
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write as _,
    sync::Arc,
};
use tasks::Task;

/// The wall clock when the world begins.
const START: Timestamp = Timestamp(1_700_000_000_000);
/// The interval of the shop's probes.
const PROBE_EVERY: u64 = 1_000;
/// Agents spread their probes over the interval.
const PROBE_SPREAD: u64 = 300;
/// The shop's interval of confirmation.
const CONFIRM_AFTER: u64 = 200;
/// Long enough for every agent to see every target healthy.
const WARM: u64 = 10_000;

/// One agent.
struct Agent {
    /// None while its process is dead.
    node: Option<Node>,
    incarnation: u64,
    targets: Vec<ProbeTarget>,
    /// What it was told last of who leads, and in which term.
    told: (u64, Option<usize>),
    /// Its process stands still.
    frozen: bool,
    /// It hears its peers but not the log.
    behind: bool,
    /// Nobody reaches it, and it reaches nobody.
    cut: bool,
    /// Its reports get lost.
    mute: bool,
}

/// The world.
pub(crate) struct World {
    now: u64,
    began: u64,
    log: Arc<Cluster>,
    heard_of: u64,
    term: u64,
    leader: Option<usize>,
    agents: Vec<Agent>,
    /// Who sees which region fail.
    red: BTreeSet<(usize, &'static str)>,
    /// The one check that fails there, if it is not all of them.
    part: Option<&'static str>,
    confirmations: Vec<(u64, usize, TargetName)>,
    tasks: Vec<Task>,
    inbox: VecDeque<(usize, Input)>,
    /// Until when the applications in each region may write, as they were told.
    promised: [u64; 3],
    story: String,
    commands: u32,
    /// Every effect: step, agent and attempt.
    pub(crate) acts: Vec<(String, &'static str, u32)>,
    /// What was proposed where no leader with a majority could take it: by whom, and what.
    pub(crate) lost: Vec<(&'static str, Body)>,
}

fn index(name: &str) -> usize {
    AGENTS.iter().position(|agent| *agent == name).unwrap()
}

impl World {
    /// The witness leads, all has been well for a while, and the story begins.
    pub(crate) fn new(policy: Policy) -> Self {
        let mut world = Self::cold(policy, &[]);
        world.pass(WARM);
        world.began = world.now;
        world
    }

    /// The agents have just started, and so many regions have been down since before that.
    pub(crate) fn cold(policy: Policy, red: &[&'static str]) -> Self {
        let mut world = Self {
            now: 0,
            began: 0,
            log: Arc::default(),
            heard_of: 0,
            term: 0,
            leader: None,
            agents: Vec::new(),
            red: BTreeSet::new(),
            part: None,
            confirmations: Vec::new(),
            tasks: Vec::new(),
            inbox: VecDeque::new(),
            promised: [0; 3],
            story: String::new(),
            commands: 0,
            acts: Vec::new(),
            lost: Vec::new(),
        };
        let agent = |index| Agent {
            node: Some(world.process(index, 1)),
            incarnation: 1,
            targets: Vec::new(),
            told: (0, None),
            frozen: false,
            behind: false,
            cut: false,
            mute: false,
        };
        world.agents = (0..AGENTS.len()).map(agent).collect();
        red.iter().for_each(|region| world.fails(&AGENTS, region));
        world.elect(NOA);
        world.apply_policy(policy);
        world.story.clear();
        world
    }

    fn process(&self, index: usize, incarnation: u64) -> Node {
        let settings = NodeSettings {
            name: agent(AGENTS[index]),
            region: members()[AGENTS[index]].clone(),
            members: members(),
            incarnation,
            feature_level: FEATURE_LEVEL,
            report_interval: Millis(1_000),
            lost_after: Millis(5_000),
        };
        Node::new(settings, self.clock())
    }

    fn clock(&self) -> Now {
        Now { mono: Monotonic(self.now), wall: START.plus(Millis(self.now)) }
    }

    fn runs(&self, index: usize) -> bool {
        self.agents[index].node.is_some() && !self.agents[index].frozen
    }

    fn those(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.agents.len()).filter(|index| wanted(*index)).collect()
    }

    fn linked(&self, a: usize, b: usize) -> bool {
        a == b || !(self.agents[a].cut || self.agents[b].cut)
    }

    fn has_quorum(&self, index: usize) -> bool {
        self.those(|other| self.linked(index, other) && self.runs(other)).len() > AGENTS.len() / 2
    }

    /// The leader that can commit what this agent proposes.
    fn leader_of(&self, index: usize) -> Option<usize> {
        self.leader.filter(|l| self.runs(*l) && self.has_quorum(*l) && self.linked(*l, index))
    }

    // Inputs and outputs.

    /// Gives inputs until nobody has anything more to say.
    fn give(&mut self, index: usize, input: Input) {
        self.inbox.push_back((index, input));
        while let Some((index, input)) = self.inbox.pop_front() {
            let clock = self.clock();
            if self.agents[index].frozen {
                continue;
            }
            let Some(node) = &mut self.agents[index].node else { continue };
            for output in node.step(clock, input) {
                self.carry_out(index, output);
            }
        }
    }

    fn carry_out(&mut self, from: usize, output: Output) {
        match output {
            Output::Report(report) if !self.agents[from].mute => {
                let others = self.those(|to| to != from && self.linked(from, to));
                self.inbox.extend(others.into_iter().map(|to| (to, Input::Heard(report.clone()))));
            }
            Output::Report(_) => {}
            Output::Targets(targets) => self.agents[from].targets = targets,
            Output::Confirm { target, everywhere, .. } => {
                let due = self.now + CONFIRM_AFTER;
                for to in self.those(|to| to == from || everywhere && self.linked(from, to)) {
                    self.confirmations.push((due, to, target.clone()));
                }
            }
            Output::Propose(command) => {
                if self.propose(from, &command).is_some() {
                    self.inbox.push_back((from, Input::Answered { id: command.id }));
                } else {
                    self.lost.push((AGENTS[from], command.body));
                }
            }
            Output::Run(order) => {
                let incarnation = self.agents[from].incarnation;
                self.tasks.push(Task::new(self.now, from, incarnation, *order));
            }
            Output::LookAtDrill { service, drill, count } => {
                let predicted = Some(Millis::from_secs(90));
                let outcome = DryRun { ready: true, outcome: "all is well".to_owned(), predicted };
                self.inbox.push_back((from, Input::DrillLooked { service, drill, count, outcome }));
            }
            Output::AskLease { service, epoch, sent_at } => {
                let Some(leader) = self.leader_of(from) else { return };
                let region = members()[AGENTS[from]].clone();
                let (clock, asked) =
                    (self.clock(), Input::LeaseAsked { service: service.clone(), region, epoch });
                let node = self.agents[leader].node.as_mut().unwrap();
                for output in node.step(clock, asked) {
                    if let Output::LeaseAnswer(answer) = output {
                        let service = service.clone();
                        let answered = Input::LeaseAnswered { service, epoch, sent_at, answer };
                        self.inbox.push_back((from, answered));
                    } else {
                        self.carry_out(leader, output);
                    }
                }
            }
            Output::LeaseAnswer(_) => unreachable!("taken where it was asked for"),
        }
    }

    /// Applies a command, and gives the log to all whom the leader reaches. None without such a leader.
    fn propose(&mut self, from: usize, command: &Command) -> Option<Response> {
        let leader = self.leader_of(from)?;
        let response = Arc::make_mut(&mut self.log).apply(command);
        let (at, heard_of) = (self.now - self.began, self.heard_of);
        for entry in self.log.audit.entries.iter().filter(|entry| entry.sequence > heard_of) {
            // A policy's hash changes with every field that policies are given.
            let event = match &entry.event {
                AuditEvent::PolicyApplied { version, .. } => format!("policy version {version} applied"),
                event => event.to_string(),
            };
            writeln!(self.story, "{:>10}  {:4}  {event}", Millis(at).to_string(), entry.actor).unwrap();
        }
        self.heard_of = self.log.audit.sequence;
        for to in self.those(|to| self.linked(leader, to) && !self.agents[to].behind) {
            self.inbox.push_back((to, Input::Applied(Arc::clone(&self.log))));
        }
        Some(response)
    }

    // Time.

    /// Time passes.
    pub(crate) fn pass(&mut self, length: u64) {
        let end = self.now + length;
        while self.now < end {
            self.now += TICK.0;
            for index in self.those(|index| self.runs(index)) {
                self.probe(index);
                self.give(index, Input::Tick);
                self.ask_for_the_lease(index);
            }
            self.work();
        }
    }

    /// An application asks all the time whether it may write, and believes the answer for as long as it was told. No
    /// story may ever let two regions write (R13).
    fn ask_for_the_lease(&mut self, index: usize) {
        let (now, node) = (Monotonic(self.now), self.agents[index].node.as_mut());
        let Some(Ok(lease)) = node.map(|node| node.lease(now, &shop(), None)) else { return };
        self.promised[index] = self.now + lease.remaining.0;
        let writers = self.those(|other| self.promised[other] > self.now);
        assert_eq!(writers, [index], "two regions may write at {} ms", self.now);
    }

    fn probe(&mut self, index: usize) {
        let mut targets: Vec<TargetName> = Vec::new();
        if self.now % PROBE_EVERY == index as u64 * PROBE_SPREAD {
            targets.extend(self.agents[index].targets.iter().map(|target| target.name.clone()));
        }
        let now = self.now;
        // Every agent reads the replica's lag as often as it probes.
        for (region, instance) in [(EAST, "shop-east"), (WEST, "shop-west"), (NORTH, "shop-west")] {
            let (behind, measured) = (Millis(1_000), Millis::from_secs(60));
            let replica = replica_name(region, instance);
            self.give(index, Input::Lag { service: shop(), replica, behind, measured });
        }
        targets.extend(
            self.confirmations.extract_if(.., |(due, of, _)| *of == index && *due <= now).map(|c| c.2),
        );
        for target in targets {
            let one = self.part.is_none_or(|check| target.check.as_str() == check);
            let red = one && self.red.contains(&(index, target.region.as_str()));
            let failure = Observation::Failure(FailureReason::ConnectTimeout);
            let observation = if red { failure } else { Observation::Success };
            self.give(index, Input::Probed { service: shop(), target, observation });
        }
    }

    fn say_as(&mut self, from: usize, body: Body) -> Option<Response> {
        self.commands += 1;
        let (id, by) = (format!("said-{}", self.commands), agent(AGENTS[from]));
        let command = Command::new(id, self.clock().wall, by, body);
        let response = self.propose(from, &command);
        while let Some((to, input)) = self.inbox.pop_front() {
            self.give(to, input);
        }
        response
    }
}
