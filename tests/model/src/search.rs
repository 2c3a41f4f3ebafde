//! Visits every moment once, the nearest first, so that the first one that breaks a rule has the shortest story; then
//! looks whether every moment has a way out (R30). Of what was visited only fingerprints stay; whole moments are kept as
//! long as they are to be visited, and made anew for a story.

use super::{
    Bounds, Mutation,
    moves::{Cause, Model},
    reports::{Finding, Report},
    rules,
    seen::Seen,
    state::State,
    ways::Ways,
};
use std::{collections::VecDeque, time::Instant};

/// One search.
pub(super) struct Search {
    model: Model,
    first: State,
    seen: Seen,
    /// Those that were reached and not visited, in the order of their numbers.
    open: VecDeque<State>,
    /// From which each was reached first.
    parents: Vec<u32>,
    ways: Ways,
    transitions: u64,
    depth: u32,
    /// Replicated states up to this one were judged.
    judged: usize,
}

/// What a rule says, and the move on which it was broken, or the state.
struct Broken {
    rule: String,
    at: u32,
    by: Option<State>,
}

impl Search {
    pub(super) fn new(bounds: Bounds, mutation: Option<Mutation>) -> Self {
        let mut model = Model::new(bounds, mutation);
        let first = model.first();
        let mut search = Self {
            model,
            first,
            seen: Seen::default(),
            open: VecDeque::new(),
            parents: Vec::new(),
            ways: Ways::default(),
            transitions: 0,
            depth: 0,
            judged: 0,
        };
        search.reach(first, 0);
        search
    }

    pub(super) fn run(mut self) -> Report {
        let begun = Instant::now();
        let (broken, complete) = self.visit();
        let broken = broken.or_else(|| self.without_a_way_out());
        let finding = broken.map(|broken| self.tell(&broken));
        Report {
            states: self.seen.len(),
            transitions: self.transitions,
            replicated: self.model.log.len(),
            depth: self.depth,
            took: begun.elapsed(),
            complete,
            coverage: self.model.log.coverage.clone(),
            finding,
        }
    }

    /// Visits all; ends at the first rule that is broken, or at a bound.
    fn visit(&mut self) -> (Option<Broken>, bool) {
        let Bounds { depth, states_max, .. } = self.model.bounds;
        let (mut at, mut level_ends) = (0usize, 1usize);
        while let Some(state) = self.open.pop_front() {
            if at == level_ends {
                self.depth += 1;
                level_ends = self.seen.len();
                if depth.is_some_and(|depth| self.depth >= depth) {
                    return (None, false);
                }
            }
            if self.seen.len() >= states_max {
                return (None, false);
            }
            if let Some(broken) = self.expand(u32::try_from(at).unwrap(), &state) {
                return (Some(broken), false);
            }
            at += 1;
        }
        (None, true)
    }

    fn expand(&mut self, at: u32, state: &State) -> Option<Broken> {
        let mut course = Vec::new();
        for next in self.model.successors(state) {
            self.transitions += 1;
            if let Some(rule) = next.broken {
                return Some(Broken { rule, at, by: Some(next.state) });
            }
            let (number, new) = self.reach(next.state, at);
            if next.cause == Cause::Course && number != at {
                course.push(number);
            }
            if new && let Some(rule) = rules::moment(&self.model.log, &self.model.leases, &next.state) {
                return Some(Broken { rule, at: number, by: None });
            }
            for judged in self.judged..self.model.log.len() {
                let known = self.model.log.at(u32::try_from(judged).unwrap());
                if let Some(rule) = rules::replicated(&known.cluster) {
                    return Some(Broken { rule, at: number, by: None });
                }
            }
            self.judged = self.model.log.len();
        }
        self.ways.visited(&course);
        None
    }

    fn reach(&mut self, state: State, parent: u32) -> (u32, bool) {
        let (number, new) = self.seen.number(&state);
        if new {
            let known = self.model.log.at(state.log);
            self.ways.reached(known.open().is_none() || known.waits_for_operator());
            self.parents.push(parent);
            self.open.push_back(state);
        }
        (number, new)
    }

    fn without_a_way_out(&mut self) -> Option<Broken> {
        let at = std::mem::take(&mut self.ways).without()?;
        let rule = "R30: there is no way out, although nothing goes wrong any more".to_owned();
        Some(Broken { rule, at, by: None })
    }

    /// The shortest way to what was found, told move by move.
    fn tell(&mut self, broken: &Broken) -> Finding {
        let mut way = vec![broken.at];
        while let Some(at) = way.last().copied().filter(|at| *at != 0) {
            way.push(self.parents[at as usize]);
        }
        way.reverse();
        self.model.telling = true;
        let (mut now, mut story) = (self.first, Vec::new());
        for number in &way[1..] {
            let moves = self.model.successors(&now);
            let next = moves.into_iter().find(|next| self.seen.is(*number, &next.state)).unwrap();
            now = next.state;
            story.push(next.text);
        }
        if let Some(last) = broken.by {
            let moves = self.model.successors(&now);
            story.extend(moves.into_iter().find(|next| next.state == last).map(|next| next.text));
        }
        Finding { rule: broken.rule.clone(), story }
    }
}
