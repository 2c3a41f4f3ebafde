//! Since when no earlier leader can have proven that it leads: what a new leader may take off the time for which it waits
//! out the leases of its predecessors (R13).
//!
//! A leader proves itself by a quorum that answers appends which were sent after it was asked to. Any such quorum shares
//! a voter with the one that has elected the next leader. So every voter says, with its vote, how long ago it last
//! received what a leader could prove itself by, and the shortest of these silences holds for all predecessors together.
//! Each is measured on the voter's own clock and only ever too short: it counts from before the append was answered to
//! after the vote was given, and on the way to the candidate it grows no more.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use openraft::raft::VoteResponse;
use openraft_rt::{AsyncRuntime, Instant};
use serde::{Deserialize, Serialize};

use super::membership::Membership;
use super::read::Term;
use crate::machine::Machine;
use crate::member::NodeId;
use crate::store::lock;
use crate::type_config::Types;

/// A vote, or the refusal of one, and the voter's silence.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Voted<M: Machine, R: AsyncRuntime> {
    #[serde(flatten)]
    pub(crate) response: VoteResponse<Types<M, R>>,
    /// How long ago it last received what a leader could prove itself by. A voter that does not say has just done so.
    #[serde(default)]
    pub(crate) silence: Duration,
}

/// One voter's own silence, and what others said with their votes.
pub(crate) struct Silence<R: AsyncRuntime> {
    /// The last moment at which this voter was about to help a leader prove itself. What an earlier process of it has done
    /// is not known, so it counts from the start.
    helped: Mutex<R::Instant>,
    /// The newest election in which this voter was a candidate.
    election: Mutex<Election<R>>,
}

/// What is known of one election.
struct Election<R: AsyncRuntime> {
    term: Term,
    /// When each vote came, and how long its voter had been silent.
    votes: BTreeMap<NodeId, (R::Instant, Duration)>,
    /// What was told of it once, as of then: it stays as it is for the whole term.
    told: Option<Duration>,
}

impl<R: AsyncRuntime> Silence<R> {
    pub(crate) fn new() -> Self {
        let election = Election { term: 0, votes: BTreeMap::new(), told: None };
        Self { helped: Mutex::new(R::Instant::now()), election: Mutex::new(election) }
    }

    /// To be called before a leader is helped, so that nothing it proves by that is younger.
    pub(crate) fn helps(&self) {
        *lock(&self.helped) = R::Instant::now();
    }

    /// To be called after the vote was given.
    pub(crate) fn own(&self) -> Duration {
        R::Instant::now().saturating_duration_since(*lock(&self.helped))
    }

    /// A voter has granted its vote. Its first word counts: from its vote on it helps no earlier leader.
    pub(crate) fn granted(&self, term: Term, voter: NodeId, silence: Duration) {
        let mut election = lock(&self.election);
        if term > election.term {
            *election = Election { term, votes: BTreeMap::new(), told: None };
        }
        if term == election.term {
            election.votes.entry(voter).or_insert((R::Instant::now(), silence));
        }
    }

    /// For how long, when this was first asked in this term, no leader of an earlier one can have proven itself; nothing
    /// where the votes of a majority are not known. To be called as the term's leader.
    ///
    /// A change of members does not break this: whoever was elected by the new voters alone holds the entry that joined
    /// both sets, which a majority of each has received after the last proof of a leader that knew only the old ones.
    pub(crate) fn of_predecessors(&self, term: Term, me: NodeId, members: &Membership) -> Duration {
        let mut election = lock(&self.election);
        let known = election.votes.keys().copied().chain([me]).collect();
        if election.term != term || !members.is_quorum(&known) {
            return Duration::ZERO;
        }
        let now = R::Instant::now();
        let others = election
            .votes
            .values()
            .map(|(came, silence)| now.saturating_duration_since(*came).saturating_add(*silence));
        let shortest = others.chain([self.own()]).min().unwrap_or_default();
        *election.told.get_or_insert(shortest)
    }
}
