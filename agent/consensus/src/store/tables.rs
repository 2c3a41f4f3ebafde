//! The two tables of the database and the few ways in which they are touched.
//!
//! `log` holds one row per entry by its index; `meta` holds single rows by name. Every value is text in the
//! format of [`crate::format`].

use std::ops::RangeBounds;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::format::{FormatError, decode};

const LOG: TableDefinition<u64, &str> = TableDefinition::new("log");
const META: TableDefinition<&str, &str> = TableDefinition::new("meta");

/// Names of the rows in `meta`.
pub(crate) mod row {
    /// The last vote given or won.
    pub(crate) const VOTE: &str = "vote";
    /// The last entry known to be committed; possibly a little old.
    pub(crate) const COMMITTED: &str = "committed";
    /// The last entry purged from the log.
    pub(crate) const PURGED: &str = "purged";
    /// What the snapshot covers.
    pub(crate) const SNAPSHOT_META: &str = "snapshot_meta";
    /// The machine's state in the snapshot.
    pub(crate) const SNAPSHOT: &str = "snapshot";
    /// Whose data this is.
    pub(crate) const IDENTITY: &str = "identity";
    /// Present once this node holds everything it may ever have acknowledged.
    pub(crate) const SETTLED: &str = "settled";
    /// Present in a copy: it holds what its agent held when it was made, and nothing that came later.
    pub(crate) const COPIED: &str = "copied";
}

pub(crate) fn create(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(StoreError::database("begin the creation"))?;
    transaction.open_table(LOG).map_err(StoreError::database("create the log table"))?;
    transaction.open_table(META).map_err(StoreError::database("create the meta table"))?;
    transaction.commit().map_err(StoreError::database("commit the creation"))
}

pub(crate) fn get(database: &Database, name: &str) -> Result<Option<String>, StoreError> {
    let transaction = database.begin_read().map_err(StoreError::database("begin a read"))?;
    let table = transaction.open_table(META).map_err(StoreError::database("open the meta table"))?;
    let value = table.get(name).map_err(StoreError::database("read a meta row"))?;
    Ok(value.map(|value| value.value().to_owned()))
}

pub(crate) fn get_decoded<T: DeserializeOwned>(
    database: &Database,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let text = get(database, name)?;
    Ok(text.map(|text| decode(name, text.as_bytes())).transpose()?)
}

/// One row of the log: its index, and its entry or why that cannot be read.
pub(crate) type EntryRow<T> = (u64, Result<T, FormatError>);

pub(crate) fn entries<T: DeserializeOwned>(database: &Database) -> Result<Vec<EntryRow<T>>, StoreError> {
    let transaction = database.begin_read().map_err(StoreError::database("begin a read"))?;
    let table = transaction.open_table(LOG).map_err(StoreError::database("open the log table"))?;
    let mut entries = Vec::new();
    for row in table.iter().map_err(StoreError::database("read the log"))? {
        let (index, text) = row.map_err(StoreError::database("read a log row"))?;
        let index = index.value();
        entries.push((index, decode(&format!("log entry {index}"), text.value().as_bytes())));
    }
    Ok(entries)
}

pub(crate) fn put(transaction: &WriteTransaction, name: &str, text: &str) -> Result<(), StoreError> {
    let mut table = transaction.open_table(META).map_err(StoreError::database("open the meta table"))?;
    table.insert(name, text).map_err(StoreError::database("write a meta row"))?;
    Ok(())
}

/// Reads a row inside a write transaction, to decide on what is there.
pub(crate) fn get_in<T: DeserializeOwned>(
    transaction: &WriteTransaction,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let table = transaction.open_table(META).map_err(StoreError::database("open the meta table"))?;
    let value = table.get(name).map_err(StoreError::database("read a meta row"))?;
    Ok(value.map(|value| decode(name, value.value().as_bytes())).transpose()?)
}

pub(crate) fn append(transaction: &WriteTransaction, rows: &[(u64, String)]) -> Result<(), StoreError> {
    let mut table = transaction.open_table(LOG).map_err(StoreError::database("open the log table"))?;
    for (index, text) in rows {
        table.insert(index, text.as_str()).map_err(StoreError::database("write a log row"))?;
    }
    Ok(())
}

/// Every row of one database in another, in one transaction of each, but for what says that the agent has settled.
pub(crate) fn copy(from: &Database, to: &Database) -> Result<(), StoreError> {
    let read = from.begin_read().map_err(StoreError::database("begin a copy"))?;
    let write = to.begin_write().map_err(StoreError::database("begin the copy's write"))?;
    let log = read.open_table(LOG).map_err(StoreError::database("open the log table"))?;
    let mut rows = Vec::new();
    for row in log.iter().map_err(StoreError::database("read the log"))? {
        let (index, text) = row.map_err(StoreError::database("read a log row"))?;
        rows.push((index.value(), text.value().to_owned()));
    }
    write.open_table(LOG).map_err(StoreError::database("create the log table"))?;
    append(&write, &rows)?;
    let meta = read.open_table(META).map_err(StoreError::database("open the meta table"))?;
    for row in meta.iter().map_err(StoreError::database("read the meta rows"))? {
        let (name, text) = row.map_err(StoreError::database("read a meta row"))?;
        if name.value() != row::SETTLED {
            put(&write, name.value(), text.value())?;
        }
    }
    put(&write, row::COPIED, "1true")?;
    write.commit().map_err(StoreError::database("commit the copy"))
}

pub(crate) fn remove(transaction: &WriteTransaction, range: impl RangeBounds<u64>) -> Result<(), StoreError> {
    let mut table = transaction.open_table(LOG).map_err(StoreError::database("open the log table"))?;
    table.retain_in(range, |_, _| false).map_err(StoreError::database("remove log rows"))
}
