//! One agent on a real file: what survives a restart, and what a start refuses.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::ledger::{Ledger, Note};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{
    Consensus, IdentityError, Limits, Member, NodeId, Reply, Request, Settings, StartError, StoreError,
    Timing, Transport, TransportError, WriterMode, node_id, open_database,
};
use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend, TableDefinition};

/// Far longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Agent = Consensus<Ledger, TokioRuntime>;

struct Nobody;

impl Transport<Ledger, TokioRuntime> for Nobody {
    async fn call(
        &self,
        to: NodeId,
        _request: Request<Ledger, TokioRuntime>,
        _deadline: Duration,
    ) -> Result<Reply<Ledger, TokioRuntime>, TransportError> {
        Err(TransportError::NotSent(format!("there is no member {to}")))
    }
}

fn member(name: &str, address: &str) -> (NodeId, Member) {
    (node_id(name), Member { name: name.into(), address: address.into(), region: "here".into() })
}

fn settings() -> Settings {
    Settings {
        cluster: "restart".into(),
        me: node_id("a"),
        feature_level: 1,
        members: BTreeMap::from([member("a", "first:1")]),
        timing: Timing::lan(),
        limits: Limits {
            snapshot_after_entries: 20,
            entries_kept_max: 5,
            lag_entries_max: 40,
            ..Limits::default()
        },
    }
}

async fn start(path: &Path, settings: Settings, mode: WriterMode) -> Result<Agent, StartError> {
    Consensus::start(settings, Nobody, open_database(path).unwrap(), mode).await
}

async fn propose(agent: &Agent, numbers: std::ops::Range<u32>) {
    for number in numbers {
        agent.propose(Note::from(format!("note-{number}")), PATIENCE).await.unwrap();
    }
}

/// Goal: a single agent is a cluster, and what it acknowledged survives a restart, in both writer modes.
/// Method: commit, stop, start again on the same file, read behind a barrier.
#[test]
fn committed_entries_survive_a_restart() {
    TokioRuntime::run(async {
        for mode in [WriterMode::Inline, WriterMode::Thread] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("consensus.redb");
            let agent = start(&file, settings(), mode).await.unwrap();
            propose(&agent, 0..10).await;
            let before = agent.state();
            let term = agent.confirm_leadership(PATIENCE).await.unwrap();
            agent.shutdown().await.unwrap();

            let agent = start(&file, settings(), mode).await.unwrap();
            agent.barrier(PATIENCE).await.unwrap();
            assert_eq!(*agent.state(), *before);
            assert!(
                agent.confirm_leadership(PATIENCE).await.unwrap() > term,
                "a restart must lead in a new term"
            );
            agent.shutdown().await.unwrap();
        }
    });
}

/// Goal: a long history is kept in a snapshot and purged from the log, and a restart begins at the snapshot.
/// Method: commit several snapshots' worth, wait for one, restart, compare; then look at the rows.
#[test]
fn a_snapshot_replaces_the_log_and_is_where_a_restart_begins() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("consensus.redb");
        let agent = start(&file, settings(), WriterMode::Thread).await.unwrap();
        propose(&agent, 0..100).await;
        let mut seen = 0;
        while agent.standing().snapshot_index.is_none_or(|index| index < 60) {
            propose(&agent, 100 + seen..101 + seen).await;
            seen += 1;
        }
        let before = agent.state();
        agent.shutdown().await.unwrap();

        let rows = log_rows(&file);
        assert!(rows.first().is_some_and(|&first| first > 30), "the log still begins at {:?}", rows.first());

        let agent = start(&file, settings(), WriterMode::Thread).await.unwrap();
        agent.barrier(PATIENCE).await.unwrap();
        assert_eq!(*agent.state(), *before);
        propose(&agent, 1000..1001).await;
        agent.shutdown().await.unwrap();
    });
}

/// Goal: a repeated command has one effect and one answer. Method: propose the same id twice.
#[test]
fn a_repeated_command_has_one_effect() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agent = start(&directory.path().join("db"), settings(), WriterMode::Inline).await.unwrap();
        let first = agent.propose(Note::from("once".to_owned()), PATIENCE).await.unwrap();
        propose(&agent, 0..3).await;
        let again = agent.propose(Note::from("once".to_owned()), PATIENCE).await.unwrap();
        assert_eq!((first, again), (1, 1));
        let state = agent.state();
        assert_eq!((state.order.len(), state.repeats), (4, 1));
        agent.shutdown().await.unwrap();
    });
}

/// Goal: whoever waits for a change is woken by it and misses none. Method: wait first, then commit.
#[test]
fn a_change_wakes_whoever_waits() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agent = start(&directory.path().join("db"), settings(), WriterMode::Thread).await.unwrap();
        propose(&agent, 0..1).await;
        let seen = agent.changed(0).await;
        let waiting = TokioRuntime::spawn({
            let agent = agent.clone();
            async move { (agent.changed(seen).await, agent.state().order.len()) }
        });
        propose(&agent, 1..2).await;
        let (index, length) = waiting.await.unwrap();
        assert!(index > seen);
        assert_eq!(length, 2);
        agent.shutdown().await.unwrap();
    });
}

/// Goal: data of another cluster or agent, and a member in another region, are refused; addresses and who else is listed
/// may change (F25, R29). Method: start once, then again with one setting changed at a time.
#[test]
fn a_data_directory_belongs_to_one_agent_of_one_cluster() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("consensus.redb");
        start(&file, settings(), WriterMode::Inline).await.unwrap().shutdown().await.unwrap();

        let other_cluster = Settings { cluster: "other".into(), ..settings() };
        let refused = start(&file, other_cluster, WriterMode::Inline).await.err().unwrap();
        assert!(matches!(refused, StartError::Identity(IdentityError::Cluster { .. })), "{refused}");

        let members = BTreeMap::from([member("a", "first:1"), member("b", "second:1")]);
        let other_agent = Settings { me: node_id("b"), members: members.clone(), ..settings() };
        let refused = start(&file, other_agent, WriterMode::Inline).await.err().unwrap();
        assert!(matches!(refused, StartError::Identity(IdentityError::Agent { .. })), "{refused}");

        let mut elsewhere = settings();
        elsewhere.members.values_mut().for_each(|member| member.region = "there".into());
        let refused = start(&file, elsewhere, WriterMode::Inline).await.err().unwrap();
        assert!(refused.to_string().contains("put the regions back"), "{refused}");

        let longer = Settings { members, ..settings() };
        let agent = start(&file, longer, WriterMode::Inline).await.unwrap();
        agent.barrier(PATIENCE).await.unwrap();
        assert!(agent.membership().is_alone(node_id("a")), "the log says who votes, not the list");
        agent.shutdown().await.unwrap();

        let moved = Settings { members: BTreeMap::from([member("a", "elsewhere:2")]), ..settings() };
        start(&file, moved, WriterMode::Inline).await.unwrap().shutdown().await.unwrap();
    });
}

/// Goal: settings that cannot work are refused by name. Method: break one at a time.
#[test]
fn broken_settings_are_refused() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("consensus.redb");
        let heartbeat = Duration::from_secs(1);
        let slow = Settings { timing: Timing { heartbeat, ..Timing::lan() }, ..settings() };
        assert!(matches!(start(&file, slow, WriterMode::Inline).await.err().unwrap(), StartError::Timing(_)));

        let stranger = Settings { me: node_id("x"), ..settings() };
        assert!(matches!(
            start(&file, stranger, WriterMode::Inline).await.err().unwrap(),
            StartError::NotAMember(_)
        ));

        let (_, twin) = member("a", "second:1");
        let members = BTreeMap::from([member("a", "first:1"), (7, twin)]);
        let twins = Settings { members, ..settings() };
        assert!(matches!(
            start(&file, twins, WriterMode::Inline).await.err().unwrap(),
            StartError::DuplicateName(_)
        ));
    });
}

/// Goal: with the writer thread too, a disk that fails stops the node, which says so. Method: let the sync
/// fail under a running agent.
#[test]
fn a_failed_sync_stops_the_node() {
    TokioRuntime::run(async {
        let broken = Arc::new(AtomicBool::new(false));
        let backend = Breakable { disk: InMemoryBackend::new(), broken: broken.clone() };
        let database = Database::builder().create_with_backend(backend).unwrap();
        let agent: Agent = Consensus::start(settings(), Nobody, database, WriterMode::Thread).await.unwrap();
        propose(&agent, 0..3).await;
        broken.store(true, Ordering::Relaxed);
        assert!(agent.propose(Note::from("lost".to_owned()), PATIENCE).await.is_err());
        let stopped = agent.stopped().await;
        assert!(stopped.by_store && stopped.why.contains("the disk is full"), "{stopped:?}");
        assert!(!agent.standing().has_quorum);
    });
}

#[derive(Debug)]
struct Breakable {
    disk: InMemoryBackend,
    broken: Arc<AtomicBool>,
}

impl StorageBackend for Breakable {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            Err(io::Error::other("the disk is full"))
        } else {
            self.disk.sync_data()
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }
}

/// Goal: rows of another format and a log with a hole are refused and named. Method: spoil the file.
#[test]
fn a_file_that_cannot_be_trusted_is_refused() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("consensus.redb");
        let agent = start(&file, settings(), WriterMode::Inline).await.unwrap();
        propose(&agent, 0..5).await;
        agent.shutdown().await.unwrap();

        let second = edit_log(&file, 2, None);
        let refused = start(&file, settings(), WriterMode::Inline).await.err().unwrap();
        assert!(matches!(refused, StartError::Store(StoreError::Hole { missing: 2, found: 3 })), "{refused}");

        edit_log(&file, 2, Some(&second.replacen('1', "9", 1)));
        let refused = start(&file, settings(), WriterMode::Inline).await.err().unwrap();
        assert!(refused.to_string().contains("log entry 2 is written in format '9'"), "{refused}");

        edit_log(&file, 2, Some(&second));
        start(&file, settings(), WriterMode::Inline).await.unwrap().shutdown().await.unwrap();
    });
}

const LOG: TableDefinition<u64, &str> = TableDefinition::new("log");

fn log_rows(file: &Path) -> Vec<u64> {
    use redb::{ReadableDatabase, ReadableTable};
    let read = Database::open(file).unwrap().begin_read().unwrap();
    let table = read.open_table(LOG).unwrap();
    table.iter().unwrap().map(|row| row.unwrap().0.value()).collect()
}

/// Replaces or removes one row behind the store's back, and returns what stood there.
fn edit_log(file: &Path, index: u64, text: Option<&str>) -> String {
    let database = Database::open(file).unwrap();
    let write = database.begin_write().unwrap();
    let old = {
        let mut table = write.open_table(LOG).unwrap();
        let old = match text {
            Some(text) => table.insert(index, text).unwrap(),
            None => table.remove(index).unwrap(),
        };
        old.map(|old| old.value().to_owned()).unwrap_or_default()
    };
    write.commit().unwrap();
    old
}
