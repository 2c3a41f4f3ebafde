//! A world that is as unkind to the write lease as the shell and consensus may be: messages take any time, are cut
//! off or arrive after their reason has gone; agents apply the log late, stop, restart from an older state and run at
//! unequal speed; leaders change, and the old one learns of it late. What it does keep is what consensus promises:
//! one log, one leader a term, a leadership that is confirmed after a request has come, and a state that is at least
//! as new as that confirmation when the request is judged. And what the shell owes: who sees an entry of a term knows
//! who leads in it before, so that a leader that was replaced never acts as one on what its successor committed.

use crate::shop::*;
use quorate_core::{
    Body, Cluster, Command, Input, Node, NodeSettings, Output, Standing, StepState,
    node::{Now, lease::LeaseView},
};
use quorate_policies::{FEATURE_LEVEL, Millis, Monotonic, Policy, Timestamp, guard::Refusal};
use std::{collections::BTreeMap, sync::Arc};

/// How often an agent ticks here: often enough not to look stopped to itself.
const TICK_MS: u64 = 250;
/// The application that names itself.
const WRITER: &str = "writer";
/// Unequal clocks: each agent's milliseconds in 1,000 true ones. The policy's drift covers their difference.
const RATES: [u64; 3] = [990, 1_000, 1_010];

/// One process's request for the lease, sent at its own time.
#[derive(Debug, Clone, Copy)]
struct Request {
    from: usize,
    incarnation: u64,
    epoch: u64,
    sent_at: Monotonic,
}

/// What an agent's messages say.
#[derive(Debug, Clone)]
enum Message {
    /// To the leader.
    Ask(Request),
    /// Within the leader: confirmed when the log was so long, waiting to be judged.
    Judge { leader: usize, incarnation: u64, index: usize, request: Request },
    /// To the process that asked.
    Answer { request: Request, answer: Result<Millis, Refusal> },
    /// To the log, by way of whoever leads when it arrives.
    Propose { from: usize, incarnation: u64, command: Box<Command> },
    /// The log's news.
    Apply { to: usize, index: usize },
    /// Who leads.
    Stand { to: usize, term: u64, leader: usize },
}

struct Agent {
    node: Node,
    incarnation: u64,
    applied: usize,
    /// The newest term that it knows of.
    told: u64,
    /// True time at which its process started: its clock began there.
    born: u64,
    /// Stopped until then.
    stopped_until: u64,
}

/// The world.
pub(crate) struct World {
    now: u64,
    /// The log's states, one after each command, and the terms in which they were committed.
    states: Vec<Arc<Cluster>>,
    terms: Vec<u64>,
    commands: u64,
    leader: Option<usize>,
    term: u64,
    /// When a leader last confirmed that it leads, and for how long none had at the last election, as the fastest clock says.
    confirmed_at: u64,
    silence: Millis,
    agents: Vec<Agent>,
    cut: [bool; 3],
    messages: BTreeMap<(u64, u64), Message>,
    sent: u64,
    delays: Vec<u16>,
    /// By region: until when, in true time, applications without a name, and then the one with a name, were told that they
    /// may write, and at which epoch.
    promises: [[(u64, u64); 2]; 3],
}

impl World {
    pub(crate) fn new(policy: Policy, delays: Vec<u16>) -> Self {
        let mut cluster = Cluster::default();
        let mut say =
            |id: &str, body| cluster.apply(&Command::new(id.into(), Timestamp(1), agent(NOA), body));
        say("members", Body::SetMembers { members: members() });
        say("policy", Body::apply_policy(policy, olga("first")));
        let mut world = Self {
            now: 100_000,
            states: vec![Arc::new(cluster)],
            terms: vec![0],
            commands: 0,
            leader: None,
            term: 0,
            confirmed_at: 0,
            silence: Millis::ZERO,
            agents: Vec::new(),
            cut: [false; 3],
            messages: BTreeMap::new(),
            sent: 0,
            delays,
            promises: [[(0, 0); 2]; 3],
        };
        world.agents = (0..3).map(|index| world.born(index, 0, 0)).collect();
        world.elect(2);
        world
    }

    fn born(&self, index: usize, incarnation: u64, applied: usize) -> Agent {
        let settings = NodeSettings {
            name: agent(AGENTS[index]),
            region: members()[AGENTS[index]].clone(),
            members: members(),
            incarnation,
            feature_level: FEATURE_LEVEL,
            report_interval: Millis(1_000),
            lost_after: Millis(5_000),
        };
        let now = Now { mono: Monotonic(0), wall: Timestamp(self.now) };
        let mut node = Node::new(settings, now);
        node.step(now, Input::Applied(Arc::clone(&self.states[applied])));
        Agent { node, incarnation, applied, told: 0, born: self.now, stopped_until: 0 }
    }

    /// An agent's own clock.
    fn local(&self, index: usize) -> Now {
        let mono = Monotonic((self.now - self.agents[index].born) * RATES[index] / 1_000);
        Now { mono, wall: Timestamp(self.now) }
    }

    /// The next delay, over and over from the list.
    fn delay(&mut self) -> u64 {
        self.sent += 1;
        u64::from(self.delays[self.sent as usize % self.delays.len()])
    }

    fn post(&mut self, message: Message) {
        // Time passes with every message: one that waits for a link would else be sent for ever at the same moment.
        let due = self.now + self.delay().max(1);
        self.messages.insert((due, self.sent), message);
    }

    fn linked(&self, a: usize, b: usize) -> bool {
        a == b || !(self.cut[a] || self.cut[b])
    }

    /// Whether an agent reaches a majority.
    fn has_quorum(&self, index: usize) -> bool {
        (0..3).filter(|other| self.linked(index, *other)).count() >= 2
    }

    /// The leader, if it can commit.
    fn able_leader(&self) -> Option<usize> {
        self.leader
            .filter(|leader| self.has_quorum(*leader) && self.agents[*leader].stopped_until <= self.now)
    }

    fn commit(&mut self, command: &Command) {
        let mut cluster = (**self.states.last().unwrap()).clone();
        cluster.apply(command);
        self.states.push(Arc::new(cluster));
        self.terms.push(self.term);
        let index = self.states.len() - 1;
        for to in 0..3 {
            self.post(Message::Apply { to, index });
        }
    }

    /// Gives an agent one input and sends what follows from it.
    fn step(&mut self, index: usize, input: Input) -> Option<Result<Millis, Refusal>> {
        let now = self.local(index);
        let outputs = self.agents[index].node.step(now, input);
        let incarnation = self.agents[index].incarnation;
        let mut answer = None;
        for output in outputs {
            match output {
                Output::AskLease { epoch, sent_at, .. } => {
                    self.post(Message::Ask(Request { from: index, incarnation, epoch, sent_at }));
                }
                Output::LeaseAnswer(given) => answer = Some(given),
                Output::Propose(command) if matches!(command.body, Body::ReleaseLease { .. }) => {
                    self.post(Message::Propose { from: index, incarnation, command: Box::new(command) });
                }
                _ => {}
            }
        }
        answer
    }

    fn apply(&mut self, to: usize, index: usize) {
        if index > self.agents[to].applied {
            self.agents[to].applied = index;
            if self.terms[index] > self.agents[to].told {
                self.stand(to);
            }
            self.step(to, Input::Applied(Arc::clone(&self.states[index])));
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Ask(request) => {
                let Some(leader) = self.able_leader().filter(|leader| self.linked(*leader, request.from))
                else {
                    return;
                };
                // Here the leader confirms, after the request has come, that it leads.
                self.confirmed_at = self.now;
                let (incarnation, index) = (self.agents[leader].incarnation, self.states.len() - 1);
                self.post(Message::Judge { leader, incarnation, index, request });
            }
            Message::Judge { leader, incarnation, index, request } => {
                if self.agents[leader].incarnation != incarnation {
                    return;
                }
                self.apply(leader, index);
                let (region, epoch) = (members()[AGENTS[request.from]].clone(), request.epoch);
                let answer = self.step(leader, Input::LeaseAsked { service: shop(), region, epoch }).unwrap();
                self.post(Message::Answer { request, answer });
            }
            Message::Answer { request: Request { from, incarnation, epoch, sent_at }, answer } => {
                if self.agents[from].incarnation == incarnation {
                    self.step(from, Input::LeaseAnswered { service: shop(), epoch, sent_at, answer });
                }
            }
            Message::Propose { from, incarnation, command } => {
                if self.able_leader().is_some_and(|leader| self.linked(leader, from)) {
                    self.commit(&command);
                }
                if self.agents[from].incarnation == incarnation {
                    self.step(from, Input::Answered { id: command.id.clone() });
                }
            }
            Message::Apply { to, index } => {
                if self.leader.is_none_or(|leader| self.linked(leader, to)) {
                    self.apply(to, index);
                }
            }
            Message::Stand { to, term, leader } => {
                if term != self.term {
                    return;
                }
                if !self.linked(leader, to) {
                    return self.post(Message::Stand { to, term, leader });
                }
                self.stand(to);
            }
        }
    }

    /// Tells an agent who leads now.
    fn stand(&mut self, to: usize) {
        self.agents[to].told = self.term;
        let leader = self.leader.map(|leader| agent(AGENTS[leader]));
        let is_leader = self.leader == Some(to);
        self.step(
            to,
            Input::Standing(Standing {
                term: self.term,
                leader,
                is_leader,
                has_quorum: true,
                predecessors_silent: self.silence,
            }),
        );
    }

    /// Time passes: messages arrive when they are due, agents tick, applications ask.
    pub(crate) fn pass(&mut self, length: u64) {
        let end = self.now + length;
        while self.now < end {
            let tick = (self.now / TICK_MS + 1) * TICK_MS;
            let next = self.messages.first_key_value().map_or(end, |((due, _), _)| (*due).max(self.now));
            if next <= tick.min(end) {
                self.now = next;
                if let Some((_, message)) = self.messages.pop_first() {
                    self.arrive(message);
                }
            } else if tick <= end {
                self.now = tick;
                for index in 0..3 {
                    if self.agents[index].stopped_until <= self.now {
                        self.step(index, Input::Tick);
                        let behind = self.states.len() - 1 > self.agents[index].applied;
                        if behind && self.leader.is_some_and(|leader| self.linked(leader, index)) {
                            let index = (index, self.states.len() - 1);
                            self.post(Message::Apply { to: index.0, index: index.1 });
                        }
                    }
                }
                let asked = self.delay() as usize % 4;
                self.poll(asked, (self.now / TICK_MS).is_multiple_of(2));
            } else {
                self.now = end;
            }
        }
    }

    /// A stopped agent finds its messages when it wakes.
    fn arrive(&mut self, message: Message) {
        let to = match &message {
            Message::Ask(_) | Message::Propose { .. } => None,
            Message::Judge { leader, .. } => Some(*leader),
            Message::Answer { request, .. } => Some(request.from),
            Message::Apply { to, .. } | Message::Stand { to, .. } => Some(*to),
        };
        match to.map(|to| self.agents[to].stopped_until).filter(|until| *until > self.now) {
            Some(until) => {
                self.sent += 1;
                self.messages.insert((until, self.sent), message);
            }
            None => self.deliver(message),
        }
    }

    // What happens to the world.

    /// An agent that reaches a majority is elected. It is told at once, before it can put anything into the log: the
    /// shell owes it that. The others learn later.
    pub(crate) fn elect(&mut self, index: usize) {
        if !self.has_quorum(index) || self.agents[index].stopped_until > self.now {
            return;
        }
        (self.leader, self.term) = (Some(index), self.term + 1);
        self.silence = Millis((self.now - self.confirmed_at) * RATES[2] / 1_000);
        self.stand(index);
        let term = self.term;
        for to in (0..3).filter(|to| *to != index) {
            self.post(Message::Stand { to, term, leader: index });
        }
    }

    pub(crate) fn cut_off(&mut self, index: usize) {
        self.cut[index] = true;
    }

    pub(crate) fn heal(&mut self) {
        self.cut = [false; 3];
    }

    /// The process ends and begins again with a state that may be older; what it told applications stands.
    pub(crate) fn restart(&mut self, index: usize, back: usize) {
        let (incarnation, applied) = (self.agents[index].incarnation + 1, self.agents[index].applied);
        self.agents[index] = self.born(index, incarnation, applied.saturating_sub(back));
        if self.leader == Some(index) {
            self.leader = None;
        }
    }

    /// The process does not run for a while.
    pub(crate) fn stop(&mut self, index: usize, length: u64) {
        self.agents[index].stopped_until = self.now + length;
    }

    /// Somebody puts something into the log.
    pub(crate) fn say(&mut self, by: usize, body: Body) {
        if self.able_leader().is_some() {
            self.commands += 1;
            let id = format!("command-{}", self.commands);
            self.commit(&Command::new(id, Timestamp(self.now), agent(AGENTS[by]), body));
        }
    }

    pub(crate) fn log(&self) -> &Cluster {
        self.states.last().unwrap()
    }

    /// Moves the first open step of the running execution on: assigned ones start, started ones succeed.
    pub(crate) fn work(&mut self) {
        let Some(execution) = self.log().running(&shop()).cloned() else { return };
        for (step, progress) in &execution.steps {
            let (execution, step, attempt) = (execution.id.clone(), step.clone(), progress.attempt);
            let body = match &progress.state {
                StepState::Assigned { .. } => Body::StartStep { execution, step, attempt },
                StepState::Started { .. } => {
                    Body::FinishStep { execution, step, attempt, outcome: succeeded() }
                }
                _ => continue,
            };
            let by = progress.state.agent().unwrap();
            return self.say(AGENTS.iter().position(|name| *name == by.as_str()).unwrap(), body);
        }
    }

    /// An application asks the agent of its region whether it may write, and believes it for as long as it is told.
    /// Panics when another region's application still believes the same. With a name it can give the lease back.
    pub(crate) fn poll(&mut self, index: usize, named: bool) {
        if index >= 3 || self.agents[index].stopped_until > self.now {
            return;
        }
        let now = self.local(index);
        let told = self.agents[index].node.lease(now.mono, &shop(), named.then_some(WRITER));
        let Ok(LeaseView { epoch, remaining, .. }) = told else { return };
        let until = now.mono.plus(remaining);
        let until = self.agents[index].born + until.0 * 1_000 / RATES[index];
        for (other, (promised, at)) in
            self.promises.iter().enumerate().flat_map(|(i, own)| own.map(|p| (i, p)))
        {
            let overlap = other != index && promised > self.now;
            assert!(!overlap, "two writers: {other} until {promised}, {index} from {}", self.now);
            assert!(at <= epoch, "epoch {epoch} of {index} comes after epoch {at} of {other}");
        }
        let (promised, _) = self.promises[index][usize::from(named)];
        self.promises[index][usize::from(named)] = (promised.max(until), epoch);
    }

    /// The application with a name stops writing, and says so if it is heard.
    pub(crate) fn give_back(&mut self, index: usize) {
        self.promises[index][1].0 = 0;
        if self.agents[index].stopped_until <= self.now {
            self.agents[index].node.give_back_lease(&shop(), WRITER);
        }
    }

    /// Whether the application of a region may write now.
    pub(crate) fn may_write(&mut self, index: usize) -> bool {
        let now = self.local(index).mono;
        self.agents[index].node.lease(now, &shop(), Some(WRITER)).is_ok()
    }
}
