//! Why the store could not read or write. Every write error is final for the node.

use std::io;
use std::sync::Arc;

use crate::format::FormatError;

/// A failure of the store.
///
/// It can be cloned because one failed transaction answers every write that was grouped into it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database refused: disk full, failed fsync, damaged file.
    #[error("cannot {operation} of the consensus database: {source}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// The database's own error.
        source: Arc<redb::Error>,
    },
    /// A row could not be encoded, or was written by another version.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The stored log is not consecutive, so the file is damaged.
    #[error(
        "the log has a hole: entry {missing} is missing before entry {found}; replace the data directory with an empty one"
    )]
    Hole {
        /// The first index that is not there.
        missing: u64,
        /// The index found in its place.
        found: u64,
    },
    /// It was written by a later version, which may mean more by it than is read here.
    #[error(
        "{what} needs feature level {needs}, and this build understands {knows}: start the version that the other agents run; nothing was changed"
    )]
    Later {
        /// What was to be read or written.
        what: String,
        /// The level it needs.
        needs: u32,
        /// The level that this build understands.
        knows: u32,
    },
    /// An earlier write failed, and what the disk holds is uncertain until the database is opened again.
    #[error("an earlier write failed, so this node no longer writes; mend the disk and restart: {0}")]
    Stopped(Arc<StoreError>),
    /// The writer thread could not be started.
    #[error("cannot start the writer thread: {0}")]
    Thread(Arc<io::Error>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn database<E: Into<redb::Error>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Database { operation, source: Arc::new(error.into()) }
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        io::Error::other(error)
    }
}
