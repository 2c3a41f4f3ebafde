//! Visits every moment once, the nearest first, so that the first one that breaks a rule has the shortest story; then
//! looks from the ends backwards whether every moment has a way out (R30).

use super::{
    Bounds, Mutation,
    moves::{Cause, Model},
    reports::{Finding, Report},
    rules,
    state::State,
};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    time::Instant,
};

/// Multiplies and rotates: millions of small states are looked up, none of them chosen by an enemy.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.chunks(8).for_each(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        });
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value.cast_unsigned() as u64);
    }
}

/// One search.
pub(super) struct Search {
    model: Model,
    states: Vec<State>,
    /// Only looked up in, never walked through: its order is nobody's business.
    numbers: HashMap<State, u32, BuildHasherDefault<Quick>>,
    parents: Vec<u32>,
    /// Where each state's own course of things begins in `targets`.
    offsets: Vec<u64>,
    targets: Vec<u32>,
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
            states: Vec::new(),
            numbers: HashMap::default(),
            parents: Vec::new(),
            offsets: Vec::new(),
            targets: Vec::new(),
            transitions: 0,
            depth: 0,
            judged: 0,
        };
        search.number(first, 0);
        search
    }

    pub(super) fn run(mut self) -> Report {
        let begun = Instant::now();
        let (broken, complete) = self.visit();
        let broken = broken.or_else(|| self.without_a_way_out(complete));
        let finding = broken.map(|broken| self.tell(&broken));
        Report {
            states: self.states.len(),
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
        while at < self.states.len() {
            if at == level_ends {
                self.depth += 1;
                level_ends = self.states.len();
                if depth.is_some_and(|depth| self.depth >= depth) {
                    return (None, false);
                }
            }
            if self.states.len() >= states_max {
                return (None, false);
            }
            if let Some(broken) = self.expand(u32::try_from(at).unwrap()) {
                return (Some(broken), false);
            }
            at += 1;
        }
        (None, true)
    }

    fn expand(&mut self, at: u32) -> Option<Broken> {
        self.offsets.push(self.targets.len() as u64);
        let state = self.states[at as usize];
        for next in self.model.successors(&state) {
            self.transitions += 1;
            if let Some(rule) = next.broken {
                return Some(Broken { rule, at, by: Some(next.state) });
            }
            let (number, new) = self.number(next.state, at);
            if next.cause == Cause::Course && number != at {
                self.targets.push(number);
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
        None
    }

    fn number(&mut self, state: State, parent: u32) -> (u32, bool) {
        let new = u32::try_from(self.states.len()).unwrap();
        let number = *self.numbers.entry(state).or_insert(new);
        if number == new {
            self.states.push(state);
            self.parents.push(parent);
        }
        (number, number == new)
    }

    /// R30: from every state the course of things, without faults and without operators, leads to one in which nothing is
    /// open, or what is open waits for an operator. States that were not visited to the end count as such.
    fn without_a_way_out(&mut self, complete: bool) -> Option<Broken> {
        let visited = self.offsets.len();
        self.offsets.push(self.targets.len() as u64);
        let sources = self.reversed(visited);
        let mut good = vec![false; self.states.len()];
        let mut open: Vec<u32> = Vec::new();
        for (index, state) in self.states.iter().enumerate() {
            let known = self.model.log.at(state.log);
            let unvisited = index >= visited && !complete;
            if unvisited || known.open().is_none() || known.waits_for_operator() {
                good[index] = true;
                open.push(u32::try_from(index).unwrap());
            }
        }
        while let Some(state) = open.pop() {
            let (from, to) = (sources.0[state as usize], sources.0[state as usize + 1]);
            for source in &sources.1[from as usize..to as usize] {
                if !good[*source as usize] {
                    good[*source as usize] = true;
                    open.push(*source);
                }
            }
        }
        let at = u32::try_from(good.iter().position(|good| !good)?).unwrap();
        Some(Broken {
            rule: "R30: there is no way out, although nothing goes wrong any more".to_owned(),
            at,
            by: None,
        })
    }

    /// The course of things backwards: where each state's sources begin, and the sources.
    fn reversed(&self, visited: usize) -> (Vec<u64>, Vec<u32>) {
        let mut begins = vec![0u64; self.states.len() + 1];
        for target in &self.targets {
            begins[*target as usize + 1] += 1;
        }
        for index in 1..begins.len() {
            begins[index] += begins[index - 1];
        }
        let (mut next, mut sources) = (begins.clone(), vec![0u32; self.targets.len()]);
        for source in 0..visited {
            let (from, to) = (self.offsets[source] as usize, self.offsets[source + 1] as usize);
            for target in &self.targets[from..to] {
                sources[next[*target as usize] as usize] = u32::try_from(source).unwrap();
                next[*target as usize] += 1;
            }
        }
        (begins, sources)
    }

    /// The shortest way to what was found, told move by move.
    fn tell(&mut self, broken: &Broken) -> Finding {
        let mut way = vec![broken.at];
        while let Some(at) = way.last().copied().filter(|at| *at != 0) {
            way.push(self.parents[at as usize]);
        }
        way.reverse();
        self.model.telling = true;
        let mut story = Vec::new();
        for pair in way.windows(2) {
            let (from, to) = (self.states[pair[0] as usize], self.states[pair[1] as usize]);
            story.extend(self.told(&from, &to));
        }
        if let Some(last) = broken.by {
            let from = self.states[broken.at as usize];
            story.extend(self.told(&from, &last));
        }
        Finding { rule: broken.rule.clone(), story }
    }

    fn told(&mut self, from: &State, to: &State) -> Option<String> {
        self.model.successors(from).into_iter().find(|next| next.state == *to).map(|next| next.text)
    }
}
