//! openraft's own conformance suite, run against the store in both of its writer modes.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helping functions too")]

#[path = "simulation/ledger.rs"]
mod ledger;

use ledger::Ledger;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{Store, Types, WriterMode};

type Config = Types<Ledger, TokioRuntime>;
type LedgerStore = Store<Ledger, TokioRuntime>;

struct InMemory(WriterMode);

impl StoreBuilder<Config, LedgerStore, LedgerStore> for InMemory {
    async fn build(&self) -> Result<((), LedgerStore, LedgerStore), StorageError<Config>> {
        let backend = redb::backends::InMemoryBackend::new();
        let database = redb::Database::builder().create_with_backend(backend).unwrap();
        let store = Store::open(database, self.0, 1).unwrap();
        Ok(((), store.clone(), store))
    }
}

/// Goal: the store keeps openraft's contract when it commits inline, as in the simulator. Method: its suite.
#[test]
fn the_inline_store_conforms() {
    TokioRuntime::run(Suite::test_all(InMemory(WriterMode::Inline))).unwrap();
}

/// Goal: the same with the writer thread, as in production. Method: its suite.
#[test]
fn the_threaded_store_conforms() {
    TokioRuntime::run(Suite::test_all(InMemory(WriterMode::Thread))).unwrap();
}
