//! Programs that this agent runs: each for one attempt of one step, each by a runner of its own, none longer than this
//! process. What becomes of one is in the journal before anybody hears of it, so that a restarted agent knows as much.
//! Nothing is decided here: which program may run, and what its end means, is for whoever asks.
//!
//! ```text
//! agent                        runner (`quorate job`)              program
//! begun, synced to disk
//! starts the runner ---------> takes the lock
//!              <------- ready
//! the order, on its input ---> starts it ------------------------> works, in a group of its own
//!              <------- lines   <--------------------------------- says something
//! closes the input ----------> SIGTERM, 3 s, SIGKILL ------------> gone, and all that it had started
//!              <------- ended   end.json, synced to disk
//! ```
//!
//! An agent that dies closes the input as well. A runner that has not got its whole order starts nothing; one that has it holds
//! the lock: so "begun, and nobody at work, and no end" is left only by a power loss or by somebody who kills runners, and
//! means that nobody knows.

pub mod journal;
pub mod masking;
pub mod order;
pub mod output;
pub mod runner;
mod tree;

use journal::{Attempt, Entry, Journal};
use order::{End, News, Order};
use quorate_policies::Millis;
use runner::{KILL_MAX, Runner, TERM_MAX};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{oneshot, watch},
    time::timeout,
};

/// Jobs at the same time. A plan has some thirty steps, few of them at once; each job is two processes.
const JOBS_MAX: usize = 16;
/// From the start of a runner to its readiness, and from the order to the program's start. Together they stay within the
/// longest call (12 s), also on a machine that starts much at once.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// From the word to end to the end, with what the runner needs to say it.
const STOP_MAX: Duration = Duration::from_secs(2).saturating_add(TERM_MAX).saturating_add(KILL_MAX);

/// What is known of an attempt's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// There was none. `certain` if this disk would know.
    None {
        /// Whether it is certain.
        certain: bool,
    },
    /// It runs, or is being ended.
    Runs {
        /// For how long; unknown for one of an earlier process.
        since: Option<Millis>,
        /// Its last line.
        line: String,
    },
    /// It has ended.
    Ended {
        /// How.
        end: End,
        /// Whether this process had begun it.
        own: bool,
    },
    /// It had begun, and nobody knows how it ended.
    Lost {
        /// Whether this process had begun it.
        own: bool,
    },
}

/// Why a job was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It certainly did not begin.
    #[error("{reason}")]
    NotBegun {
        /// Why.
        reason: String,
        /// Whether it may begin later.
        retryable: bool,
    },
    /// It may have begun.
    #[error("{0}")]
    Unknown(String),
}

/// All jobs of this process.
pub struct Jobs {
    journal: Journal,
    runner: Runner,
    /// Those that this process has begun and that nobody has let go of.
    own: Mutex<BTreeMap<Attempt, Own>>,
}

/// A job that this process has begun.
struct Own {
    since: Instant,
    line: Arc<Mutex<String>>,
    stop: Option<oneshot::Sender<String>>,
    ended: watch::Receiver<Option<Result<End, ()>>>,
}

/// A runner with its order, and its program on the way.
struct Started {
    child: Child,
    input: ChildStdin,
    news: Lines<BufReader<ChildStdout>>,
    process: i32,
}

impl Jobs {
    /// Those of an agent that keeps its journal in this folder.
    #[must_use]
    pub fn new(folder: PathBuf, runner: Runner) -> Self {
        Self { journal: Journal::new(folder), runner, own: Mutex::default() }
    }

    /// The journal, for what is no program and must be remembered alike.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What is known of an attempt's job. An attempt that was never seen before is remembered as looked at.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub async fn look(&self, attempt: &Attempt) -> io::Result<Job> {
        if let Some(job) = locked(&self.own).get(attempt).map(Own::job) {
            return Ok(job);
        }
        let (journal, attempt) = (self.journal.clone(), attempt.clone());
        blocking(move || {
            Ok(match journal.entry::<End>(&attempt)? {
                Entry::Nothing => {
                    journal.looked(&attempt)?;
                    Job::None { certain: false }
                }
                Entry::Looked => Job::None { certain: true },
                Entry::AtWork => Job::Runs { since: None, line: String::new() },
                Entry::Open => Job::Lost { own: false },
                Entry::Ended(End { how: order::How::NotBegun { .. }, .. }) => Job::None { certain: true },
                Entry::Ended(end) => Job::Ended { end, own: false },
            })
        })
        .await
    }

    /// Begins a job and returns; it goes on by itself.
    ///
    /// # Errors
    /// When it does not run, with whether it certainly does not.
    pub async fn begin(&self, attempt: &Attempt, order: &Order) -> Result<(), StartError> {
        let not = |reason: String| StartError::NotBegun { reason, retryable: true };
        {
            let own = locked(&self.own);
            if own.values().filter(|job| job.ended.borrow().is_none()).count() >= JOBS_MAX {
                return Err(not(format!("{JOBS_MAX} commands run on this agent already")));
            }
        }
        let (journal, key) = (self.journal.clone(), attempt.clone());
        let folder = blocking(move || journal.begin(&key)).await;
        let folder = folder.map_err(|error| not(format!("the journal cannot be written: {error}")))?;
        let started = match self.start(order, Some(&folder)).await {
            Ok(started) => started,
            Err(error @ StartError::Unknown(_)) => return Err(error),
            Err(error @ StartError::NotBegun { .. }) => {
                let (journal, key) = (self.journal.clone(), attempt.clone());
                return match blocking(move || journal.withdraw(&key)).await {
                    Ok(()) => Err(error),
                    Err(_) => Err(StartError::Unknown(error.to_string())),
                };
            }
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = watch::channel(None);
        let line = Arc::<Mutex<String>>::default();
        let own = Own { since: Instant::now(), line: Arc::clone(&line), stop: Some(stop), ended };
        locked(&self.own).insert(attempt.clone(), own);
        tokio::spawn(async move {
            let end = started.until_it_ends(Some(stopped), &line).await;
            let _ = tell.send(Some(end.ok_or(())));
        });
        Ok(())
    }

    /// Runs a program to its end, and remembers nothing of it: one that only looks.
    ///
    /// # Errors
    /// When it does not run, or its end is not heard.
    pub async fn glance(&self, order: &Order) -> Result<End, String> {
        let started = self.start(order, None).await.map_err(|error| error.to_string())?;
        let within = order.deadline.duration() + STOP_MAX;
        let line = Mutex::default();
        let ended = timeout(within, started.until_it_ends(None, &line)).await;
        ended.ok().flatten().ok_or_else(|| "its runner ended without a word".to_owned())
    }

    /// Ends an attempt's job, if it runs; returns when nothing of it does.
    pub async fn let_go(&self, attempt: &Attempt) {
        let Some(mut own) = locked(&self.own).remove(attempt) else { return };
        if let Some(stop) = own.stop.take() {
            let _ = stop.send("its attempt is not gone on with".to_owned());
        }
        if timeout(STOP_MAX, own.ended.wait_for(Option::is_some)).await.is_err() {
            tracing::error!(?attempt, "a command does not end");
        }
    }

    async fn start(&self, order: &Order, folder: Option<&Path>) -> Result<Started, StartError> {
        let not = |reason: String, retryable| StartError::NotBegun { reason, retryable };
        let mut command = Command::new(&self.runner.program);
        command.args(&self.runner.arguments);
        command.args(folder.iter().flat_map(|folder| ["--record".as_ref(), folder.as_os_str()]));
        // A signal to this program's group (Ctrl-C) is this program's to answer; the runner sees its input end.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| not(format!("the runner: {error}"), true))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(not("the runner has no pipes".to_owned(), true));
        };
        let mut news = BufReader::new(output).lines();
        // Until the order is out nothing has begun, and with its input closed the runner ends by itself.
        match timeout(ANSWER_MAX, next(&mut news)).await {
            Ok(Some(News::Ready)) => {}
            Ok(other) => return Err(not(format!("the runner is not ready: {other:?}"), true)),
            Err(_) => return Err(not(format!("the runner is not ready after {ANSWER_MAX:?}"), true)),
        }
        let line = serde_json::to_string(order).map_err(|error| not(error.to_string(), false))?;
        let unknown = |why: &str| StartError::Unknown(format!("the runner has its order, and {why}"));
        let said = async {
            input.write_all(format!("{line}\n").as_bytes()).await.ok()?;
            next(&mut news).await
        };
        match timeout(ANSWER_MAX, said).await {
            Ok(Some(News::Runs { process })) => Ok(Started { child, input, news, process }),
            Ok(Some(News::Ended { end: End { how: order::How::NotBegun { why }, .. } })) => {
                Err(not(why, false))
            }
            Ok(_) => Err(unknown("ended without a word")),
            Err(_) => Err(unknown("does not answer")),
        }
    }
}

impl Own {
    fn job(&self) -> Job {
        match &*self.ended.borrow() {
            None => {
                Job::Runs { since: Some(Millis::of(self.since.elapsed())), line: locked(&self.line).clone() }
            }
            Some(Ok(end)) => Job::Ended { end: end.clone(), own: true },
            Some(Err(())) => Job::Lost { own: true },
        }
    }
}

impl Started {
    /// Hears of it until it ends; none if the runner has ended without a word.
    async fn until_it_ends(
        mut self,
        stop: Option<oneshot::Receiver<String>>,
        line: &Mutex<String>,
    ) -> Option<End> {
        let mut stop = stop;
        let end = loop {
            let asked = async {
                match stop.as_mut() {
                    Some(stop) => stop.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = next(&mut self.news) => match news {
                    Some(News::Ended { end }) => break Some(end),
                    Some(News::Line { text }) => *locked(line) = text,
                    Some(News::Ready | News::Runs { .. }) => {}
                    None => break None,
                },
                why = asked => {
                    stop = None;
                    // Whoever forgot the job without a word lets the input end by dropping it below; said or not, it ends.
                    let why = why.unwrap_or_else(|_| "nobody waits for it".to_owned());
                    let _ = self.input.write_all(format!("{why}\n").as_bytes()).await;
                }
            }
        };
        if end.is_none() {
            self.kill();
        }
        drop(self.input);
        let _ = self.child.wait().await;
        end
    }

    /// Somebody has killed the runner: what is left of its program is killed here, as far as it is in its group. A group with
    /// anybody in it keeps its number.
    fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.process).filter(|_| self.process > 1) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The next news; none when there will be no more.
async fn next(news: &mut Lines<BufReader<ChildStdout>>) -> Option<News> {
    let line = news.next_line().await.ok()??;
    serde_json::from_str(&line).ok()
}

/// Work on the disk, apart from the tasks of this thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
