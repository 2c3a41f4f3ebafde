//! The types openraft is configured with, generic over the machine and the runtime.
//!
//! openraft's own macro declares a concrete type; this is the same by hand, so that one library serves
//! production and simulation. Nothing outside this crate needs more than the name [`Types`].

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use openraft::impls::leader_id_std::LeaderId;
use openraft::type_config::alias;
use openraft::{EntryPayload, OptionalSend, RaftTypeConfig};
use openraft_rt::AsyncRuntime;

use crate::machine::{Machine, Proposal};
use crate::member::{NodeId, Seat};
use crate::store::Store;

/// openraft's type configuration for the machine `M` on the runtime `R`. It has no value of interest.
pub struct Types<M, R>(PhantomData<fn() -> (M, R)>);

// Derived implementations would ask the same of `M` and `R`, which is not wanted: the type is only a name.
impl<M, R> Clone for Types<M, R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M, R> Copy for Types<M, R> {}
impl<M, R> Default for Types<M, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}
impl<M, R> fmt::Debug for Types<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Types")
    }
}
impl<M, R> PartialEq for Types<M, R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<M, R> Eq for Types<M, R> {}
impl<M, R> PartialOrd for Types<M, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<M, R> Ord for Types<M, R> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl<M: Machine, R: AsyncRuntime> RaftTypeConfig for Types<M, R> {
    type D = Proposal<M>;
    /// `None` answers entries that carry no command: a new leader's blank entry and the membership.
    type R = Option<M::Response>;
    type NodeId = NodeId;
    type Node = Seat;
    type Term = u64;
    /// At most one leader in a term, as in the Raft paper, so that a term names its leader. openraft's other
    /// kind allows several, and a term alone would then be no fencing token.
    type LeaderId = LeaderId<u64, NodeId>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = EntryPayload<Self::D, Self::NodeId, Self::Node>;
    type Entry = openraft::Entry<<Self::LeaderId as openraft::vote::RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = R;
    type Responder<T>
        = openraft::impls::ProgressResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

pub(crate) type Raft<M, R> = openraft::Raft<Types<M, R>, Store<M, R>>;
pub(crate) type Vote<M, R> = alias::VoteOf<Types<M, R>>;
pub(crate) type LogId<M, R> = alias::LogIdOf<Types<M, R>>;
pub(crate) type Entry<M, R> = alias::EntryOf<Types<M, R>>;
pub(crate) type StoredMembership<M, R> = alias::StoredMembershipOf<Types<M, R>>;
pub(crate) type SnapshotMeta<M, R> = alias::SnapshotMetaOf<Types<M, R>>;
pub(crate) type Snapshot<M, R> = alias::SnapshotOf<Types<M, R>, String>;
pub(crate) type Metrics<M, R> = openraft::RaftMetrics<Types<M, R>>;
