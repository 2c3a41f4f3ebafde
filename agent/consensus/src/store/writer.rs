//! The one place that commits transactions: in the caller's task, or on a thread that groups writes.
//!
//! Production uses the thread: writes that arrive while one fsync runs share the next one, and no async
//! worker waits for a disk. The simulator commits inline, because a thread finishes at a time that differs
//! from run to run. The closures that write are the same in both.
//!
//! Writes are carried out in the order in which they were handed over. After the first failure nothing is
//! written any more: what the disk holds is uncertain until the database has been opened again.

use std::sync::{Arc, Mutex, mpsc};

use redb::{Database, WriteTransaction};

use super::error::StoreError;
use super::lock;
use super::tables::{put, row};

/// Writes waiting for the thread. openraft keeps a handful in flight; at this depth the disk has stopped, and
/// blocking the node is right: it must not go on leading.
const QUEUE_MAX: usize = 1024;

/// Writes grouped into one transaction, so that a burst cannot starve the first one's caller.
const GROUP_MAX: usize = 256;

/// Where transactions are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterMode {
    /// In the calling task. For the simulator and for tests.
    Inline,
    /// On a thread of its own, several writes to one fsync. For production.
    Thread,
}

pub(super) type Write = Box<dyn FnOnce(&WriteTransaction) -> Result<(), StoreError> + Send>;
pub(super) type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

pub(super) enum Writer {
    Inline(Mutex<Committer>),
    Thread(mpsc::SyncSender<Message>),
}

pub(super) enum Message {
    Write(Write, Done),
    Committed(String),
    Close(Done),
}

impl Writer {
    pub(super) fn start(database: Arc<Database>, mode: WriterMode) -> Result<Self, StoreError> {
        let committer = Committer { state: Ok(database), committed: None };
        if mode == WriterMode::Inline {
            return Ok(Self::Inline(Mutex::new(committer)));
        }
        let (sender, receiver) = mpsc::sync_channel(QUEUE_MAX);
        std::thread::Builder::new()
            .name("consensus-writer".into())
            .spawn(move || run(committer, &receiver))
            .map_err(|error| StoreError::Thread(Arc::new(error)))?;
        Ok(Self::Thread(sender))
    }

    /// Hands over a durable write; `done` learns how it went.
    pub(super) fn submit(&self, write: Write, done: Done) {
        match self {
            Self::Inline(committer) => {
                let result = lock(committer).commit(vec![write]);
                done(result);
            }
            Self::Thread(sender) => send(sender, Message::Write(write, done)),
        }
    }

    /// Notes the committed mark; the next durable write carries it.
    pub(super) fn note_committed(&self, text: String) {
        match self {
            Self::Inline(committer) => lock(committer).committed = Some(text),
            Self::Thread(sender) => send(sender, Message::Committed(text)),
        }
    }

    /// Writes the pending mark and drops the database; `done` is called after that.
    pub(super) fn close(&self, done: Done) {
        match self {
            Self::Inline(committer) => {
                let result = lock(committer).close();
                done(result);
            }
            Self::Thread(sender) => send(sender, Message::Close(done)),
        }
    }
}

fn send(sender: &mpsc::SyncSender<Message>, message: Message) {
    match sender.send(message) {
        Err(mpsc::SendError(Message::Write(_, done) | Message::Close(done))) => done(Err(StoreError::Closed)),
        Err(mpsc::SendError(Message::Committed(_))) | Ok(()) => {}
    }
}

fn run(mut committer: Committer, receiver: &mpsc::Receiver<Message>) {
    while let Ok(first) = receiver.recv() {
        let (mut writes, mut waiting, mut closing) = (Vec::new(), Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(write, done) => {
                    writes.push(write);
                    waiting.push(done);
                }
                Message::Committed(text) => committer.committed = Some(text),
                Message::Close(done) => closing = Some(done),
            }
            let full = writes.len() >= GROUP_MAX || closing.is_some();
            next = if full { None } else { receiver.try_recv().ok() };
        }
        if !writes.is_empty() {
            let result = committer.commit(writes);
            for done in waiting {
                done(result.clone());
            }
        }
        if let Some(done) = closing {
            return done(committer.close());
        }
    }
    // Every handle is gone and nobody waits for an answer: keep the mark if it can be kept.
    if let Err(error) = committer.close() {
        tracing::warn!(%error, "the committed mark was not written at the end");
    }
}

pub(super) struct Committer {
    /// The database, or why nothing is written any more.
    state: Result<Arc<Database>, StoreError>,
    /// The committed mark that the next transaction carries.
    committed: Option<String>,
}

impl Committer {
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        let database = self.state.as_ref().map_err(Clone::clone)?;
        let result = transact(database, writes, self.committed.as_deref());
        match &result {
            Ok(()) => self.committed = None,
            Err(error) => {
                tracing::error!(%error, "a write failed; this node stops writing");
                self.state = Err(StoreError::Stopped(Arc::new(error.clone())));
            }
        }
        result
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let result =
            if self.committed.is_some() && self.state.is_ok() { self.commit(Vec::new()) } else { Ok(()) };
        self.state = Err(StoreError::Closed);
        result
    }
}

fn transact(database: &Database, writes: Vec<Write>, committed: Option<&str>) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(StoreError::database("begin a write"))?;
    for write in writes {
        write(&transaction)?;
    }
    if let Some(text) = committed {
        put(&transaction, row::COMMITTED, text)?;
    }
    // redb's default durability: commit returns after the fsync.
    transaction.commit().map_err(StoreError::database("commit a write"))
}
