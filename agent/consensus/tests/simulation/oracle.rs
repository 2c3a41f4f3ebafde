//! What must hold at every moment, and the trace by which two runs are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft_rt::Instant;
use openraft_rt_sim::SimInstant;
use quorate_consensus::{NodeId, Term};

use crate::ledger::{Ledger, fold};

/// Sees everything and believes nobody.
pub(crate) struct Oracle {
    began: SimInstant,
    /// The one true order of ids: what any replica has ever shown.
    order: Vec<String>,
    /// The hash after each position; `hashes[n]` belongs to the first `n` ids.
    hashes: Vec<u64>,
    positions: BTreeMap<String, u64>,
    acknowledged: BTreeMap<String, u64>,
    /// Highest position that any client has been told of.
    floor: u64,
    leaders: BTreeMap<Term, NodeId>,
    /// When a leader was asked to prove itself, and did, in which term.
    proofs: Vec<(SimInstant, Term)>,
    /// The moment after which, as each new leader says, no leader of an earlier term was asked so.
    silent_since: BTreeMap<Term, SimInstant>,
    pub(crate) violations: Vec<String>,
    pub(crate) events: Vec<String>,
    hash: u64,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self {
            began: SimInstant::now(),
            order: Vec::new(),
            hashes: vec![0],
            positions: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            floor: 0,
            leaders: BTreeMap::new(),
            proofs: Vec::new(),
            silent_since: BTreeMap::new(),
            violations: Vec::new(),
            events: Vec::new(),
            hash: 0,
        }
    }

    pub(crate) fn event(&mut self, text: &str) {
        let line = format!("{:>10} us  {text}", self.began.elapsed().as_micros());
        self.hash = fold(self.hash, &line);
        self.events.push(line);
    }

    pub(crate) fn violated(&mut self, text: &str) {
        self.event(&format!("VIOLATION {text}"));
        self.violations.push(text.into());
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    pub(crate) fn leaders_count(&self) -> usize {
        self.leaders.len()
    }

    /// A client was told that its command is at `position`.
    pub(crate) fn acknowledge(&mut self, id: &str, position: u64) {
        self.event(&format!("acknowledged {id} at {position}"));
        self.floor = self.floor.max(position);
        self.acknowledged.insert(id.into(), position);
    }

    /// What a read that starts now must see.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// The newest term that a leader was confirmed in.
    pub(crate) fn newest_term(&self) -> Term {
        self.leaders.last_key_value().map_or(0, |(&term, _)| term)
    }

    /// A quorum confirmed `node` as the leader of `term`. It was asked when `newest` was the newest term.
    pub(crate) fn leads(&mut self, node: NodeId, term: Term, newest: Term) {
        if term < newest {
            self.violated(&format!(
                "node {node} was confirmed in term {term} after another in term {newest}"
            ));
        }
        match self.leaders.insert(term, node) {
            None => self.event(&format!("node {node} leads term {term}")),
            Some(other) if other != node => {
                self.violated(&format!("nodes {other} and {node} both led term {term}"))
            }
            Some(_) => {}
        }
    }

    /// A leader that was asked at `asked` has proven itself.
    pub(crate) fn proved(&mut self, term: Term, asked: SimInstant) {
        self.proofs.push((asked, term));
        let said = self.silent_since.range(term + 1..).find(|&(_, &since)| asked > since);
        if let Some((&later, _)) = said {
            self.violated(&format!(
                "the leader of term {term} proved itself when term {later} called it silent"
            ));
        }
    }

    /// A new leader says for how long its predecessors have been silent.
    pub(crate) fn elected(&mut self, term: Term, silence: Duration) {
        if self.silent_since.contains_key(&term) {
            return;
        }
        let since = SimInstant::now() - silence;
        self.silent_since.insert(term, since);
        self.event(&format!("the leader of term {term} calls its predecessors silent for {silence:?}"));
        if let Some((_, earlier)) = self.proofs.iter().find(|&&(asked, by)| by < term && asked > since) {
            self.violated(&format!(
                "the leader of term {term} calls that of term {earlier} silent, which it was not"
            ));
        }
    }

    /// The silence that new leaders knew of, in all; none where each only knew that it was elected.
    pub(crate) fn silences_told(&self) -> usize {
        self.events
            .iter()
            .filter(|event| event.contains("predecessors silent") && !event.ends_with(" 0ns"))
            .count()
    }

    /// Compares a replica with everything seen so far: what was committed never changes, no id has two
    /// effects, and replicas that are equally far are equal.
    pub(crate) fn observe(&mut self, node: NodeId, ledger: &Ledger) {
        for id in ledger.order.iter().skip(self.order.len()) {
            self.order.push(id.clone());
            let position = self.order.len() as u64;
            self.hashes.push(fold(self.hashes[self.hashes.len() - 1], id));
            if let Some(first) = self.positions.insert(id.clone(), position) {
                self.violated(&format!("{id} has two effects, at {first} and at {position}"));
            }
        }
        if ledger.hash != self.hashes[ledger.order.len()] {
            self.violated(&format!("node {node} differs from others at position {}", ledger.order.len()));
        }
    }

    /// At the end: every acknowledged command is where its client was told.
    pub(crate) fn audit(&mut self, node: NodeId, ledger: &Ledger) {
        let wrong = |(id, position): &(&String, &u64)| ledger.positions.get(*id) != Some(position);
        let lost: Vec<_> = self.acknowledged.iter().filter(wrong).map(|(id, _)| id.clone()).collect();
        for id in lost {
            self.violated(&format!("{id} was acknowledged and is lost at node {node}"));
        }
    }
}
