//! What is on the disk when an agent starts: rows of an earlier version, of a later one, or damaged. Promised: the store
//! opens or refuses by name, and never panics.

use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{Store, WriterMode};
use quorate_core::Cluster;
use quorate_policies::FEATURE_LEVEL;
use redb::{Database, TableDefinition, backends::InMemoryBackend};

/// The store's tables; their names are part of what is on every disk.
const LOG: TableDefinition<'_, u64, &str> = TableDefinition::new("log");
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
/// Rows of one input at the most.
const ROWS_MAX: usize = 200;

/// One row a line: an entry's index or the name of a row of `meta`, a blank, the text.
///
/// # Panics
/// When a promise is broken.
pub fn stored_rows(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let rows: Vec<(&str, &str)> =
        text.lines().take(ROWS_MAX).filter_map(|line| line.split_once(' ')).collect();
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).expect("memory is there");
    let write = database.begin_write().expect("a transaction begins");
    {
        let mut log = write.open_table(LOG).expect("the log's table");
        let mut meta = write.open_table(META).expect("the other table");
        for (name, value) in rows {
            match name.parse::<u64>() {
                Ok(index) => drop(log.insert(index, value).expect("a row")),
                Err(_) => drop(meta.insert(name, value).expect("a row")),
            }
        }
    }
    write.commit().expect("the rows are there");
    if let Err(error) = Store::<Cluster, TokioRuntime>::open(database, WriterMode::Inline, FEATURE_LEVEL.0) {
        assert!(error.to_string().len() > 10, "{error} names nothing");
    }
}
