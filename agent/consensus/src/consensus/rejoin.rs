//! A member with an empty database: a new cluster's first start, or a replaced disk?
//!
//! The two look alike, and the second is dangerous. A member that lost its disk may have acknowledged entries
//! and given votes that it no longer knows of; if it now helped to elect a leader without those entries,
//! committed commands would be gone. So a member is *unsettled* until it has once applied everything that a
//! leader, confirmed by a quorum, knew to be committed.
//!
//! An unsettled member votes in two cases only. The first is a candidate with nothing but the bootstrap entry:
//! that is the very first election, since a cluster that ever had a leader has more. The second is a candidate
//! that is level with the *horizon*, the newest term and the newest log among all other members, asked after
//! this member started. Whatever was committed with this member's help is also held by another, so such a
//! candidate holds it; and whoever this member may have voted for knows the term of that vote.
//!
//! Nor does it follow just any leader: one that was deposed and has not heard of it would have its own entries
//! acknowledged by a member that no longer knows better, and would commit them in the place of others. It follows
//! a leader of a term that no other member is past, or whom it could have elected itself since it started. A leader in
//! whose membership it has no vote builds nothing on its answers, and is followed: so an agent that is added catches up
//! also while another is lost for good. It gets its vote when it has settled (`set_voters` asks it), for from then on it
//! would be counted on while it may not vote.
//!
//! The leader, for its part, finds that the member no longer holds what it acknowledged, and starts it anew;
//! see `allow_log_reversion` in `settings`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use openraft_rt::AsyncRuntime;
use serde::{Deserialize, Serialize};

use super::join::Account;
use super::{Consensus, RETRY_PAUSE};
use crate::machine::Machine;
use crate::member::NodeId;
use crate::network::message::Call;
use crate::store::lock;

/// Index of the entry with the member list, which every member can write by itself.
const BOOTSTRAP_INDEX: u64 = 0;

/// How far a member is: its term, and the term and index of its last entry, in the order of newness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// The newest term it has voted in or followed.
    pub term: u64,
    /// Term and index of the last entry in its log.
    pub last_entry: Option<(u64, u64)>,
}

impl Horizon {
    fn joined(self, other: Self) -> Self {
        Self { term: self.term.max(other.term), last_entry: self.last_entry.max(other.last_entry) }
    }

    /// Whether a candidate is past every election, and level with every log, under this horizon.
    fn is_reached_by(&self, candidate: &Self) -> bool {
        candidate.term > self.term && candidate.last_entry >= self.last_entry
    }
}

/// Whether this member holds everything it may ever have acknowledged. It never goes back.
pub(super) struct Settling {
    settled: AtomicBool,
    /// The newest term in which it has given its vote to another since it started; 0 is none. The vote that is kept on its
    /// disk says less: it may be one that this member was only told of.
    voted: AtomicU64,
    /// The horizon of all other members, once all have been asked.
    horizon: Mutex<Option<Horizon>>,
}

impl Settling {
    pub(super) fn new(settled: bool) -> Self {
        Self { settled: AtomicBool::new(settled), voted: AtomicU64::new(0), horizon: Mutex::new(None) }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    /// This member has given its vote to another in this term.
    pub(super) fn has_voted(&self, term: u64) {
        self.voted.fetch_max(term, Ordering::Relaxed);
    }

    /// Whether a call must be refused because this member is not settled.
    pub(super) fn refuses<M: Machine, R: AsyncRuntime>(&self, call: &Call<M, R>, learner: bool) -> bool {
        let voted = self.voted.load(Ordering::Relaxed);
        let follows = |leader: u64| {
            learner || self.is_settled() || may_follow(leader, voted, lock(&self.horizon).as_ref())
        };
        match call {
            Call::Vote(vote) | Call::PreVote(vote) => {
                let last_entry = vote.last_log_id.map(|last| (last.committed_leader_id().term, last.index));
                let candidate = Horizon { term: vote.vote.leader_id.term, last_entry };
                !self.is_settled() && !may_vote(&candidate, lock(&self.horizon).as_ref())
            }
            Call::Append(append) => !follows(append.vote.leader_id.term),
            Call::Snapshot { vote, .. } => !follows(vote.leader_id.term),
            Call::TransferLeader(_) | Call::Propose(_) | Call::ReadIndex | Call::Horizon => false,
        }
    }
}

/// Whether an unsettled member may vote for a candidate. `others` is their horizon, if it is known.
fn may_vote(candidate: &Horizon, others: Option<&Horizon>) -> bool {
    let first_election = candidate.last_entry.is_none_or(|(_, index)| index == BOOTSTRAP_INDEX);
    first_election || others.is_some_and(|others| others.is_reached_by(candidate))
}

/// Whether an unsettled member that has voted in one term may follow a leader of another.
fn may_follow(leader: u64, voted: u64, others: Option<&Horizon>) -> bool {
    (voted > 0 && leader >= voted) || others.is_some_and(|others| leader >= others.term)
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Runs in the background of an unsettled member until it is settled or stops.
    pub(super) async fn settle(self) {
        if !self.join().await {
            return;
        }
        let mut told = None;
        while self.metrics().running_state.is_ok() {
            let silent = self.look_around().await;
            if let Some(name) = silent.as_ref().filter(|_| silent != told) {
                tracing::warn!(
                    node = self.0.me,
                    unheard = %name,
                    "this member's disk was empty, or is a restored copy: it neither votes nor follows before it has heard every other voter"
                );
            }
            told = silent;
            if self.barrier(self.attempt_max()).await.is_ok() {
                match self.0.store.save_settled().await {
                    Ok(()) => self.0.settling.settled.store(true, Ordering::Relaxed),
                    Err(error) => {
                        tracing::error!(node = self.0.me, %error, "cannot note that this member has settled")
                    }
                }
                return;
            }
            R::sleep(RETRY_PAUSE).await;
        }
    }

    /// Asks all other voters how far they are. One that does not answer leaves the horizon unknown; that one is returned.
    async fn look_around(&self) -> Option<String> {
        if lock(&self.0.settling.horizon).is_some() {
            return None;
        }
        let others = self.0.listed.keys().copied().filter(|id| *id != self.0.me);
        let mut heard = self.ask(others).await;
        // Who votes is what the newest membership says. Were there a newer one that is in force, one of these voters would
        // hold it, and all of them are heard.
        let newest = |heard: &BTreeMap<NodeId, Account>| {
            heard.values().filter_map(|account| account.members.clone()).max_by_key(|members| members.at)
        };
        let voters = match newest(&heard) {
            None => self.0.listed.clone(),
            Some(members) => {
                let unasked: Vec<_> = members
                    .voters
                    .into_keys()
                    .filter(|id| *id != self.0.me && !heard.contains_key(id))
                    .collect();
                heard.extend(self.ask(unasked.into_iter()).await);
                newest(&heard).map(|members| members.voters).unwrap_or_default()
            }
        };
        // One that has no vote cannot have given one.
        if !voters.contains_key(&self.0.me) {
            return None;
        }
        let silent = voters.iter().find(|(id, _)| **id != self.0.me && !heard.contains_key(id));
        if let Some((_, seat)) = silent {
            return Some(seat.name.clone());
        }
        let horizon = heard.values().fold(Horizon::default(), |all, one| all.joined(one.horizon));
        *lock(&self.0.settling.horizon) = Some(horizon);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: Horizon = Horizon { term: 5, last_entry: Some((4, 20)) };

    fn candidate(term: u64, last_entry: (u64, u64)) -> Horizon {
        Horizon { term, last_entry: Some(last_entry) }
    }

    /// Goal: the very first election is never hindered. Method: candidates without a history, nobody asked.
    #[test]
    fn the_first_election_needs_nothing() {
        assert!(may_vote(&Horizon { term: 1, last_entry: None }, None));
        assert!(may_vote(&candidate(1, (0, BOOTSTRAP_INDEX)), None));
    }

    /// Goal: without the others' word no candidate with a history gets a vote; with it, only one that is past
    /// their terms and level with their logs. Method: vary one part at a time.
    #[test]
    fn a_history_needs_the_horizon() {
        assert!(!may_vote(&candidate(9, (9, 99)), None));
        assert!(may_vote(&candidate(6, (4, 20)), Some(&OTHERS)));
        assert!(may_vote(&candidate(6, (5, 3)), Some(&OTHERS)), "a newer term beats a longer log");
        assert!(!may_vote(&candidate(5, (4, 20)), Some(&OTHERS)), "a vote may have been given in that term");
        assert!(!may_vote(&candidate(6, (4, 19)), Some(&OTHERS)), "an entry may have been acknowledged");
        assert!(!may_vote(&candidate(6, (3, 99)), Some(&OTHERS)));
    }

    /// Goal: a leader that the others are past is not followed, for it would commit in the place of what they hold; one of
    /// their newest term is, and one of a term in which this member has voted. Method: vary one part at a time.
    #[test]
    fn a_deposed_leader_is_not_followed() {
        assert!(!may_follow(5, 0, None), "nobody was asked");
        assert!(!may_follow(4, 0, Some(&OTHERS)));
        assert!(may_follow(5, 0, Some(&OTHERS)));
        assert!(may_follow(1, 1, None), "a new cluster's first leader");
        assert!(!may_follow(5, 6, None));
    }

    /// Goal: the horizon is the newest of each part. Method: join two that lead in one part each.
    #[test]
    fn horizons_join_part_by_part() {
        let joined = candidate(7, (2, 9)).joined(candidate(3, (3, 1)));
        assert_eq!(joined, candidate(7, (3, 1)));
    }
}
