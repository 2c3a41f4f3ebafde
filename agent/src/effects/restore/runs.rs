//! What takes longer than a call may: one thread for each, its progress, and how it ended. A run that nobody looks at any
//! more is told so, and ends itself; one whose process dies takes its pipes with it. It knows nothing of databases.
//!
//! This is the seam to the jobs: `start` with a program in place of the closure, `seen` as the job's journal.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many ended runs are remembered: an execution has a few restores, and looks ask for the latest attempt alone.
const KEPT_MAX: usize = 16;

/// An attempt looks every two seconds, and a look takes twelve at most: after so long there is none any more.
const LEFT_AFTER: Duration = Duration::from_secs(60);

/// How a run is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::effects) enum RunSeen {
    /// It is at work.
    Working {
        /// How far it has come.
        bytes: u64,
    },
    /// It has done what it was to do.
    Done,
    /// It has not.
    Failed {
        /// Why not.
        reason: String,
    },
}

/// How far a run has come.
#[derive(Debug, Clone)]
pub(in crate::effects) struct Progress(Arc<State>);

#[derive(Debug)]
struct State {
    bytes: AtomicU64,
    /// When somebody looked last.
    looked: Mutex<Instant>,
}

impl Progress {
    fn new() -> Self {
        Self(Arc::new(State { bytes: AtomicU64::new(0), looked: Mutex::new(Instant::now()) }))
    }

    pub(in crate::effects) fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether somebody still waits for it.
    ///
    /// # Errors
    /// When nobody has looked for a while: the attempt has ended, or this process was stopped and is an old one.
    pub(in crate::effects) fn wanted(&self) -> Result<(), String> {
        if lock(&self.0.looked).elapsed() < LEFT_AFTER {
            Ok(())
        } else {
            Err(format!("nobody has looked at it for {LEFT_AFTER:?}, so its attempt has ended"))
        }
    }
}

/// All runs of this process.
#[derive(Default)]
pub(in crate::effects) struct Runs(Mutex<BTreeMap<String, Run>>);

struct Run {
    attempt: u32,
    progress: Progress,
    ended: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Runs {
    /// Starts a run in a thread of its own; the process does not wait for it.
    ///
    /// # Errors
    /// When one of the same key is still at work, or there is no thread.
    pub(in crate::effects) fn start(
        &self,
        key: String,
        attempt: u32,
        work: impl FnOnce(&Progress) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let mut runs = lock(&self.0);
        if runs.get(&key).is_some_and(|run| lock(&run.ended).is_none()) {
            return Err("an earlier attempt of this agent is still at work".to_owned());
        }
        if runs.len() >= KEPT_MAX {
            runs.retain(|_, run| lock(&run.ended).is_none());
        }
        let (progress, ended) = (Progress::new(), Arc::new(Mutex::new(None)));
        let (own, result) = (progress.clone(), Arc::clone(&ended));
        let thread = thread::Builder::new().name("restore".to_owned());
        let spawned = thread.spawn(move || {
            let outcome = work(&own);
            *lock(&result) = Some(outcome);
        });
        spawned.map_err(|error| format!("no thread: {error}"))?;
        runs.insert(key, Run { attempt, progress, ended });
        Ok(())
    }

    /// How the run of an attempt is seen. One of an earlier attempt that has ended says nothing of this one.
    pub(in crate::effects) fn seen(&self, key: &str, attempt: u32) -> Option<RunSeen> {
        let runs = lock(&self.0);
        let run = runs.get(key)?;
        let ended = lock(&run.ended).clone();
        *lock(&run.progress.0.looked) = Instant::now();
        match ended {
            None => Some(RunSeen::Working { bytes: run.progress.0.bytes.load(Ordering::Relaxed) }),
            Some(_) if run.attempt != attempt => None,
            Some(Ok(())) => Some(RunSeen::Done),
            Some(Err(reason)) => Some(RunSeen::Failed { reason }),
        }
    }
}

/// A lock whose holder has panicked still guards a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Goal: a run is seen at work, by every attempt, and its end by its own attempt alone; and there are no two at once.
    /// Method: one that is held, one that fails.
    #[test]
    fn a_run_and_its_end() {
        let runs = Runs::default();
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel::<()>();
        let key = || "shop-2".to_owned();
        let work = move |progress: &Progress| {
            progress.add(17);
            tell.send(()).unwrap();
            wait.recv().map_err(|_| "it was let go".to_owned())
        };
        assert_eq!(runs.seen("shop-2", 1), None);
        runs.start(key(), 1, work).unwrap();
        told.recv().unwrap();
        assert_eq!(runs.seen("shop-2", 2), Some(RunSeen::Working { bytes: 17 }));
        assert!(runs.start(key(), 2, |_| Ok(())).is_err());
        drop(go);
        while matches!(runs.seen("shop-2", 1), Some(RunSeen::Working { .. })) {
            thread::yield_now();
        }
        assert_eq!(runs.seen("shop-2", 1), Some(RunSeen::Failed { reason: "it was let go".to_owned() }));
        assert_eq!(runs.seen("shop-2", 2), None);
    }
}
