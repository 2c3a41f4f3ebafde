//! The way back when a majority of the agents is lost for good: one that is left goes on alone, under a new history.
//!
//! What it does, on the database of a stopped agent and in one transaction: it keeps every entry, committed or not (the
//! lost ones may have committed it), writes behind them that this agent is the only voter, and a command that tells the
//! machine so, and counts the recovery. From then on its digest is another one, so that a lost agent that comes back with
//! its old data is refused by it, and refuses it.
//!
//! What it cannot know is whether the others are lost. Whoever says so while they live has two clusters: the machine must
//! therefore act on nothing before others have joined again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use openraft::{EntryPayload, LogId as RaftLogId, Membership, Vote as RaftVote};
use openraft_rt::{AsyncRuntime, Watch};
use redb::Database;

use crate::format::encode;
use crate::machine::{Machine, Proposal};
use crate::member::{NodeId, Seat};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::{load, tables};
use crate::type_config::{Entry, Vote};

/// Why an agent cannot go on alone.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There is nothing to go on with.
    #[error("the data directory belongs to no cluster: there is nothing to recover")]
    Empty,
    /// It is another agent's.
    #[error("the data directory is not that of `{0}`")]
    OtherAgent(String),
    /// It may have forgotten what it acknowledged, and so what was committed.
    #[error(
        "this agent's disk was empty when it was started last, and it has not caught up since: recover another one, or restore from a backup"
    )]
    NotSettled,
    /// There was no entry.
    #[error("the log is empty: there is nothing to recover")]
    NoLog,
    /// The membership makes no sense, in openraft's words.
    #[error("the new membership is refused: {0}")]
    Membership(String),
    /// The database cannot be used. It is locked while its agent runs.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a stopped agent's database holds.
#[derive(Debug, Clone)]
pub struct Left<M> {
    /// The state after every entry that it holds, committed or not.
    pub machine: M,
    /// Term and index of the last entry.
    pub last: (u64, u64),
    /// How often its history was recovered before.
    pub recoveries: u64,
}

/// Looks at the database of a stopped agent, and changes nothing. `knows` is the feature level of this build.
///
/// # Errors
/// When nothing could be recovered from it.
pub fn left<M: Machine, R: AsyncRuntime>(
    database: &Database,
    seat: &Seat,
    knows: u32,
) -> Result<Left<M>, RecoverError> {
    tables::create(database)?;
    let identity: Identity =
        tables::get_decoded(database, tables::row::IDENTITY)?.ok_or(RecoverError::Empty)?;
    if identity.me != crate::node_id(&seat.name) {
        return Err(RecoverError::OtherAgent(seat.name.clone()));
    }
    let said = |row| Ok::<bool, RecoverError>(tables::get_decoded(database, row)?.unwrap_or(false));
    // A copy is whole as of when it was made, and whoever goes on from it gives up what came later.
    if !said(tables::row::SETTLED)? && !said(tables::row::COPIED)? {
        return Err(RecoverError::NotSettled);
    }
    let (announce, _changes) = <R::Watch as Watch>::channel(0);
    let applied = load::applied::<M, R>(database, announce, knows)?;
    let log = load::log::<M, R>(database, knows)?;
    let covered = applied.log_id.map_or(0, |id| id.index + 1);
    let mut machine = Arc::unwrap_or_clone(applied.machine);
    for entry in log.entries.range(covered..).map(|(_, entry)| entry) {
        if let EntryPayload::Normal(proposal) = &entry.payload {
            machine.apply(&proposal.0);
        }
    }
    let last = log.last().ok_or(RecoverError::NoLog)?;
    let last = (last.committed_leader_id().term, last.index);
    Ok(Left { machine, last, recoveries: identity.recoveries })
}

/// Lets the agent of `seat` go on alone. `command` is told which recovery this is, and is the first entry of the new
/// history. `knows` is the feature level of this build.
///
/// # Errors
/// When nothing could be recovered, or the database cannot be written; then nothing is changed.
pub fn recover<M: Machine, R: AsyncRuntime>(
    database: &Database,
    seat: &Seat,
    knows: u32,
    command: impl FnOnce(u64) -> M::Command,
) -> Result<(), RecoverError> {
    let Left { last: (last_term, last_index), recoveries, .. } = left::<M, R>(database, seat, knows)?;
    let log = load::log::<M, R>(database, knows)?;
    let identity: Identity =
        tables::get_decoded(database, tables::row::IDENTITY)?.ok_or(RecoverError::Empty)?;
    let me: NodeId = identity.me;
    let voted = log.vote.map_or(0, |vote| vote.leader_id.term);
    // Past every term of which this agent knows; what it does not know of belongs to the history that ends here.
    let term = voted.max(last_term) + 1;
    let membership = Membership::new(vec![BTreeSet::from([me])], BTreeMap::from([(me, seat.clone())]))
        .map_err(|error| RecoverError::Membership(error.to_string()))?;
    let id = |index| RaftLogId::new_term_index(term, index);
    let (alone, told) = (last_index + 1, last_index + 2);
    let entries: [Entry<M, R>; 2] = [
        openraft::Entry { log_id: id(alone), payload: EntryPayload::Membership(membership) },
        openraft::Entry {
            log_id: id(told),
            payload: EntryPayload::Normal(Proposal::new(command(recoveries + 1))),
        },
    ];
    let mut rows = Vec::new();
    for entry in &entries {
        let index = entry.log_id.index;
        rows.push((index, encode(&format!("log entry {index}"), entry).map_err(StoreError::from)?));
    }
    let vote: Vote<M, R> = RaftVote::new(term, me);
    let vote = encode("vote", &vote).map_err(StoreError::from)?;
    let next = Identity { recoveries: recoveries + 1, ..identity };
    let next = encode(tables::row::IDENTITY, &next).map_err(StoreError::from)?;
    let transaction = database.begin_write().map_err(StoreError::database("begin the recovery"))?;
    tables::append(&transaction, &rows)?;
    tables::put(&transaction, tables::row::VOTE, &vote)?;
    tables::put(&transaction, tables::row::IDENTITY, &next)?;
    // There is nobody left to whom it could have promised what it no longer knows.
    tables::put(
        &transaction,
        tables::row::SETTLED,
        &encode(tables::row::SETTLED, &true).map_err(StoreError::from)?,
    )?;
    // redb's default durability: commit returns after the fsync.
    transaction.commit().map_err(StoreError::database("commit the recovery"))?;
    Ok(())
}

/// Copies the database of a stopped agent into a new file, whole or not at all.
///
/// The copy is not settled: an agent that is started on it neither votes nor follows before it has heard every other voter,
/// because what its agent promised after the copy was made is not in it (F25). A plain copy of the file would vote twice.
///
/// # Errors
/// When the database belongs to no cluster, or a file cannot be read or written.
pub fn copy(database: &Database, to: &Path) -> Result<(), RecoverError> {
    tables::create(database)?;
    tables::get_decoded::<Identity>(database, tables::row::IDENTITY)?.ok_or(RecoverError::Empty)?;
    tables::copy(database, &crate::open_database(to)?)?;
    Ok(())
}
