//! Everything that can happen next in a moment. This file knows how a move is written down and how a command gets to the
//! log; what moves there are is in `attempt_moves`, `lease_moves` and `fault_moves`.

use super::{
    Bounds, Mutation,
    attempt::Runs,
    leases::LeaseBook,
    log::{Known, Log},
    normal::NOW,
    rules,
    shop::{self, EVERYBODY},
    state::{Agent, Phase, Say, Spent, State},
    world::World,
};
use quorate_core::{ExecutionState, Response};
use std::sync::Arc;

/// Who lets a move happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It happens by itself when nothing is wrong.
    Course,
    /// Something goes wrong.
    Fault,
    /// An operator wants it.
    Operator,
}

/// One thing that can happen, and the moment after it.
pub(super) struct Move {
    pub(super) text: String,
    pub(super) cause: Cause,
    pub(super) state: State,
    /// The rule that it breaks.
    pub(super) broken: Option<String>,
}

/// The protocol, and everything that was learnt of its parts.
pub(super) struct Model {
    pub(super) bounds: Bounds,
    pub(super) mutation: Option<Mutation>,
    pub(super) log: Log,
    pub(super) leases: LeaseBook,
    pub(super) runs: Runs,
    /// Whether anybody reads the moves' texts: nobody does until a story is told.
    pub(super) telling: bool,
    pub(super) out: Vec<Move>,
}

impl Model {
    pub(super) fn new(bounds: Bounds, mutation: Option<Mutation>) -> Self {
        Self {
            log: Log::new(shop::policy(bounds.plan, bounds.approval)),
            bounds,
            mutation,
            leases: LeaseBook::default(),
            runs: Runs::default(),
            telling: false,
            out: Vec::new(),
        }
    }

    /// The witness leads and has for long, everything is well but the primary region.
    pub(super) fn first(&mut self) -> State {
        let agents = [0, 1, 2].map(|index| Agent {
            up: true,
            silent: false,
            leases: self.leases.born(index, super::leases::LONG_AGO_TICKS),
            view: 0,
        });
        State {
            log: 0,
            agents,
            leader: Some(2),
            leads_for: super::leases::LONG_AGO_TICKS,
            cut: None,
            tasks: [None; 2],
            calls: [None; 2],
            asks: [None; 2],
            straggler: None,
            world: World::new(),
            spent: Spent::default(),
        }
    }

    /// Everything that can happen next.
    pub(super) fn successors(&mut self, s: &State) -> Vec<Move> {
        let known = self.log.at(s.log);
        self.leader_moves(s, &known);
        self.operator_moves(s, &known);
        self.task_moves(s, &known);
        self.call_moves(s, &known);
        self.lease_moves(s, &known);
        self.fault_moves(s);
        self.tick(s);
        std::mem::take(&mut self.out)
    }

    pub(super) fn broken_by(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(super) fn push(
        &mut self,
        cause: Cause,
        state: State,
        broken: Option<String>,
        text: impl FnOnce() -> String,
    ) {
        let mut state = state.in_order();
        let known = self.log.at(state.log);
        for task in state.tasks.iter_mut().flatten() {
            let acts = matches!(task.phase, Phase::Noting(_) | Phase::Asking | Phase::Allowed);
            task.checked = acts && (task.checked || known.allows(task.attempt));
        }
        let text = if self.telling { text() } else { String::new() };
        self.out.push(Move { text, cause, state, broken });
    }

    /// A command is committed and its reply arrives.
    pub(super) fn commit(&mut self, s: &State, say: Say, age: u8) -> (State, Arc<Response>, Option<String>) {
        let before = self.log.at(s.log);
        let (number, response) = self.log.apply(s.log, say, age);
        let mut state = State { log: number, ..*s };
        let after = self.log.at(number);
        if before.lease != after.lease {
            self.hear_of_the_lease(&mut state, after.lease);
        }
        (state, Arc::clone(&response), rules::committed(&before, &say, age, &response))
    }

    /// Somebody proposes: the command is committed and answered; or it is lost; or committed without an answer; or given
    /// up, and perhaps committed later. Without contact to a majority there is no answer (R11).
    pub(super) fn propose(
        &mut self,
        s: &State,
        by: u8,
        say: Say,
        mut then: impl FnMut(&mut Self, State, Option<&Response>) -> State,
    ) {
        if !s.connected(by) {
            let state = then(self, *s, None);
            return self
                .push(Cause::Course, state, None, || format!("{} finds no majority for {say:?}", name(by)));
        }
        let (committed, response, broken) = self.commit(s, say, 0);
        let state = then(self, committed, Some(&response));
        self.push(Cause::Course, state, broken.clone(), || format!("committed: {say:?} -> {response:?}"));
        if s.spent.losses >= self.bounds.losses {
            return;
        }
        let spent = Spent { losses: s.spent.losses + 1, ..s.spent };
        let state = then(self, State { spent, ..*s }, None);
        self.push(Cause::Fault, state, None, || format!("lost: {say:?}"));
        let state = then(self, State { spent, ..committed }, None);
        self.push(Cause::Fault, state, broken, || format!("committed, and the reply lost: {say:?}"));
        if s.straggler.is_none() {
            let state = then(self, State { spent, straggler: Some((say, 0)), ..*s }, None);
            self.push(Cause::Fault, state, None, || format!("given up, on its way: {say:?}"));
        }
    }

    fn leader_moves(&mut self, s: &State, known: &Known) {
        let Some(leader) = s.leader else {
            for agent in (0..3).filter(|agent| s.connected(*agent)) {
                let mut state = State { leader: Some(agent), leads_for: 0, ..*s };
                let leases = &mut state.agents[usize::from(agent)].leases;
                *leases = self.leases.elected(*leases);
                self.push(Cause::Course, state, None, || format!("{} is elected", name(agent)));
            }
            return;
        };
        if !s.connected(leader) {
            return;
        }
        let live = s.live() | 1 << leader;
        self.decide(s, leader, live, known);
        let Some(execution) = known.open() else { return };
        let epoch = u8::try_from(execution.epoch).unwrap();
        let (lost, few) = (shop::agents(EVERYBODY & !live), !execution.live.is_subset(&shop::agents(live)));
        let has_lost =
            execution.steps.values().filter_map(|p| p.state.agent()).any(|agent| lost.contains(agent));
        let works = matches!(execution.state, ExecutionState::Running | ExecutionState::Undoing { .. });
        if works && (has_lost || few) && !self.broken_by(Mutation::LostAgentKept) {
            self.leader_says(s, Say::SetLive { by: leader, epoch, live });
        }
        if known.cluster.came_too_late(&execution.id, NOW) {
            self.leader_says(s, Say::TooLate { by: leader, epoch });
        }
    }

    fn decide(&mut self, s: &State, by: u8, live: u8, known: &Known) {
        if s.spent.decisions >= self.bounds.decisions || known.open().is_some() {
            return;
        }
        for operator in [false, true] {
            if operator && !self.bounds.operator {
                continue;
            }
            // With the standby down too, nobody may decide: the answer is looked at, and nothing follows from it.
            let (_, _, broken) = self.commit(s, Say::Decide { by, operator, standby_up: false, live }, 0);
            if broken.is_some() {
                self.push(Cause::Fault, *s, broken, || "a decision with the standby down".to_owned());
            }
            let spent = Spent { decisions: s.spent.decisions + 1, ..s.spent };
            self.leader_says(&State { spent, ..*s }, Say::Decide { by, operator, standby_up: true, live });
        }
    }

    /// A leader proposes again what was lost, so that losing it is the same as not having proposed it yet.
    pub(super) fn leader_says(&mut self, s: &State, say: Say) {
        let (state, response, broken) = self.commit(s, say, 0);
        self.push(Cause::Course, state, broken, || format!("the leader: {say:?} -> {response:?}"));
        if s.spent.losses < self.bounds.losses && s.straggler.is_none() {
            let spent = Spent { losses: s.spent.losses + 1, ..s.spent };
            let state = State { spent, straggler: Some((say, 0)), ..*s };
            self.push(Cause::Fault, state, None, || format!("the leader's {say:?} is given up, on its way"));
        }
    }

    fn operator_moves(&mut self, s: &State, known: &Known) {
        if (0..3).all(|agent| !s.connected(agent)) {
            return;
        }
        let mut says = Vec::new();
        let epoch = known.open().map(|execution| u8::try_from(execution.epoch).unwrap());
        let held = known.cluster.services[&shop::shop()].hold.is_some();
        if held {
            says.push((Say::Resume, false));
        }
        if let Some(epoch) = epoch {
            if known.open().is_some_and(|e| e.state == ExecutionState::AwaitingApproval) {
                says.push((Say::Approve { epoch }, false));
            }
            says.extend([false, true].map(|leave| (Say::Abort { epoch, leave }, true)));
        }
        if !held {
            says.extend([(Say::Pause { expires: true }, true), (Say::Pause { expires: false }, true)]);
        }
        for (say, counts) in says {
            if counts && s.spent.commands >= self.bounds.commands {
                continue;
            }
            let spent = Spent { commands: s.spent.commands + u8::from(counts), ..s.spent };
            let (state, response, broken) = self.commit(&State { spent, ..*s }, say, 0);
            self.push(Cause::Operator, state, broken, || format!("an operator: {say:?} -> {response:?}"));
        }
    }
}

/// An agent's name, for a story.
pub(super) fn name(agent: u8) -> &'static str {
    shop::AGENTS[usize::from(agent)].0
}
