//! Durable state of one node: log, vote, committed mark, snapshot and identity, in one redb database.
//!
//! What is durable when: a vote and a log entry before anyone is told of them; a snapshot before the entries
//! it replaces are purged. The state machine itself lives in memory and is rebuilt at a restart from the last
//! snapshot plus the committed entries behind it: a snapshot is taken often enough (see `settings`) that the
//! replay takes milliseconds, and no apply has to wait for the disk. The committed mark rides on the next
//! durable write, so it may be a little old after a power cut; a restarted node then shows a slightly older
//! state until it hears from a leader, and a read barrier waits for exactly that.
//!
//! The log and the vote are also kept in memory, which is where they are read. The log stays short because
//! snapshots purge it.
//!
//! What it must not do: retry a failed write. After a failed fsync nobody knows what is on the disk, so the
//! first failure stops the node.

pub(crate) mod error;
pub(crate) mod identity;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod machine;
mod snapshot;
pub(crate) mod tables;
pub(crate) mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use openraft_rt::{AsyncRuntime, Oneshot, OneshotSender, Watch};
use redb::{Database, WriteTransaction};

use self::error::StoreError;
use self::log::Log;
use self::machine::Applied;
use self::writer::{Done, Writer, WriterMode};
use crate::machine::Machine;

/// Memory that redb may use for its cache, in bytes. The log is read from memory, so a small cache suffices;
/// redb's own default is a gigabyte.
const CACHE_BYTES: usize = 4 << 20;

/// Opens or creates the database file of a node with a cache that fits an agent.
pub fn open_database(path: &Path) -> Result<Database, StoreError> {
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(StoreError::database("open the file"))
}

/// The applied index, as a channel that wakes whoever waits for it.
pub(crate) type Changes<R> = <<R as AsyncRuntime>::Watch as Watch>::Receiver<u64>;

/// Durable state of one node. Cheap to clone; all clones are the same store.
pub struct Store<M: Machine, R: AsyncRuntime>(Arc<Inner<M, R>>);

struct Inner<M: Machine, R: AsyncRuntime> {
    writer: Writer,
    log: Mutex<Log<M, R>>,
    applied: Mutex<Applied<M, R>>,
    changes: Changes<R>,
    /// The feature level that this build understands.
    knows: u32,
    /// For reading snapshots; taken away when the store is closed, so that the file can be opened again.
    database: Mutex<Option<Arc<Database>>>,
}

impl<M: Machine, R: AsyncRuntime> Clone for Store<M, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Machine, R: AsyncRuntime> Store<M, R> {
    /// Reads everything that is stored. Refuses rows of an unknown format, a log with a hole, and what needs a higher
    /// feature level than `knows`.
    pub fn open(database: Database, mode: WriterMode, knows: u32) -> Result<Self, StoreError> {
        let database = Arc::new(database);
        tables::create(&database)?;
        let (announce, changes) = <R::Watch as Watch>::channel(0);
        // The state first: what it says of its level explains an entry behind it that cannot be read.
        let applied = load::applied(&database, announce, knows)?;
        let log = load::log(&database, knows)?;
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(database.clone(), mode)?,
            log: Mutex::new(log),
            applied: Mutex::new(applied),
            changes,
            knows,
            database: Mutex::new(Some(database)),
        })))
    }

    /// Writes what is pending and lets go of the database, whatever clones remain. Later writes fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        drop(lock(&self.0.database).take());
        let (done, answer) = Self::answer();
        self.0.writer.close(done);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The machine as of now; later changes do not show in it.
    pub(crate) fn machine(&self) -> Arc<M> {
        lock(&self.0.applied).machine.clone()
    }

    /// The feature level on which the agents have agreed, as far as this state says.
    pub(crate) fn agreed_level(&self) -> u32 {
        lock(&self.0.applied).machine.feature_level()
    }

    /// The feature level that this build understands.
    pub(crate) fn knows(&self) -> u32 {
        self.0.knows
    }

    pub(crate) fn changes(&self) -> Changes<R> {
        self.0.changes.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log<M, R>> {
        lock(&self.0.log)
    }

    /// Runs `write` in a durable transaction and waits until it is on the disk.
    async fn write(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (done, answer) = Self::answer();
        self.0.writer.submit(Box::new(write), done);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// A completion to hand to the writer, and where its result arrives.
    fn answer() -> (Done, <R::Oneshot as Oneshot>::Receiver<Result<(), StoreError>>) {
        let (sender, receiver) = <R::Oneshot as Oneshot>::channel();
        // A receiver that went away no longer wants the result; the write happened all the same.
        let done = move |result| drop(sender.send(result));
        (Box::new(done), receiver)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a machine does not panic while it applies, and nothing else under this lock can")
}
