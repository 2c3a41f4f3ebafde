//! `quorate job`, the runner of one program: starts it without a shell and in a group of its own, keeps the end of what it
//! says, and sees to it that nothing of it runs any more when the runner has written what became of it. It is this same
//! binary, and the agent's only way to run a program. It decides nothing but when to end it: at the deadline, when it is
//! told to, and when its standard input ends, for then its agent is gone.

use super::{
    journal,
    order::{End, How, News, Order, now_ms},
    output::Output,
    tree,
};
use quorate_policies::Millis;
use rustix::process::{Signal, getpid, set_child_subreaper};
use std::{
    fs::File,
    io::{self, BufRead as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Child,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::{sleep, timeout},
};

/// Between SIGTERM and SIGKILL: a client such as `pg_restore` or `kubectl` ends within it, and an abort must not wait.
pub const TERM_MAX: Duration = Duration::from_secs(3);
/// A process that does not die of SIGKILL hangs in the kernel; it is left there.
pub const KILL_MAX: Duration = Duration::from_secs(2);
/// How often the kernel's list is read while processes are ending. Reading it takes some milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Signals that were sent together come within this.
const TOGETHER: Duration = Duration::from_millis(200);
/// How often the last line is told, if it is another one.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// What was said before the end is read within this; only who left a pipe to a stranger needs it.
const READ_MAX: Duration = Duration::from_secs(1);
/// News that the agent has not taken; a line that finds no room is followed by another.
const NEWS_MAX: usize = 16;
/// How long the agent may take to hear of the end.
const HEARD_MAX: Duration = Duration::from_secs(1);

/// Runs one job to its end; does not return.
pub fn main(record: Option<&Path>) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(record)));
    if let Err(error) = &done {
        let _ = writeln!(io::stderr(), "quorate job: {error:#}");
    }
    // A thread still waits for the agent's next word, and nobody waits for the thread.
    std::process::exit(i32::from(done.is_err()))
}

async fn run(record: Option<&Path>) -> anyhow::Result<()> {
    let lock = record.map(hold).transpose()?;
    set_child_subreaper(Some(getpid()))?;
    let news = tell();
    let (order, over) = hear();
    news.tell(News::Ready);
    let end = match order.await {
        Ok(order) => carry_out(&order, lock.as_ref(), &news, over).await,
        Err(_) => End::not_begun("its agent was gone before it had said what to run"),
    };
    if let Some(folder) = record
        && let Err(error) = journal::write_end(folder, &end)
    {
        let _ = writeln!(io::stderr(), "quorate job: the end cannot be written: {error}");
    }
    news.end(end);
    Ok(())
}

/// Says "at work" for as long as this process lives, and any that still has its program's standard input.
fn hold(folder: &Path) -> anyhow::Result<File> {
    let lock = File::open(folder.join("lock"))?;
    lock.lock()?;
    // A runner before this one, that never got its order, may have written its end after the journal had removed one.
    journal::forget_end(folder)?;
    Ok(lock)
}

async fn carry_out(
    order: &Order,
    lock: Option<&File>,
    news: &Teller,
    over: oneshot::Receiver<String>,
) -> End {
    let mut command = std::process::Command::new(&order.program);
    command.args(&order.arguments).current_dir(&order.dir).env_clear().envs(order.env.iter().cloned());
    // The lock's file is empty, so a program that reads meets the end at once.
    let input = lock.and_then(|lock| lock.try_clone().ok()).map_or_else(Stdio::null, Stdio::from);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let began = Instant::now();
    let mut child = match tokio::process::Command::from(command).spawn() {
        Ok(child) => child,
        Err(error) => return End::not_begun(format!("{}: {error}", order.program.display())),
    };
    let process = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
    news.tell(News::Runs { process });
    let said = Said::new(&order.secrets);
    let out = tokio::spawn(said.clone().read(child.stdout.take(), |said| &said.out));
    let err = tokio::spawn(said.clone().read(child.stderr.take(), |said| &said.err));
    let (how, left) = {
        let progress = progress(&said, news);
        let ended = until_it_ends(&mut child, order.deadline, over);
        tokio::select! { ended = ended => ended, () = progress => unreachable!("it is told for ever") }
    };
    clear(&mut child, left).await;
    let took = Millis::of(began.elapsed());
    let _ = timeout(READ_MAX, async { (out.await, err.await) }).await;
    let ((stdout, cut_out), (stderr, cut_err)) = (locked(&said.out).kept(), locked(&said.err).kept());
    End { how, took, at_ms: now_ms(), stdout, stderr, cut: cut_out || cut_err }
}

/// Waits for what ends it first; whether it still runs then.
async fn until_it_ends(child: &mut Child, deadline: Millis, over: oneshot::Receiver<String>) -> (How, bool) {
    let told = async {
        let Ok(mut told) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        told.recv().await
    };
    let mut stopped = pin!(async {
        tokio::select! {
            why = over => why.unwrap_or_else(|_| "its agent was gone".to_owned()),
            _ = told => "its runner was told to end".to_owned(),
        }
    });
    tokio::select! {
        biased;
        status = child.wait() => match status.map(of) {
            // Who stops a whole service signals all of it at once, and the program may be the quicker one.
            Ok(killed @ How::Killed { .. }) => match timeout(TOGETHER, &mut stopped).await {
                Ok(why) => (How::Stopped { why }, false),
                Err(_) => (killed, false),
            },
            Ok(how) => (how, false),
            Err(error) => (How::Stopped { why: error.to_string() }, true),
        },
        why = &mut stopped => (How::Stopped { why }, true),
        () = sleep(deadline.duration()) => (How::TimedOut { after: deadline }, true),
    }
}

fn of(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exited { code },
        (None, signal) => How::Killed { signal: signal.unwrap_or_default() },
    }
}

/// Ends whatever still runs: first as it is asked to, then as the kernel does it.
async fn clear(child: &mut Child, mut runs: bool) {
    for (last, within) in [(Signal::TERM, TERM_MAX), (Signal::KILL, KILL_MAX)] {
        let began = Instant::now();
        let mut told = false;
        loop {
            runs = runs && matches!(child.try_wait(), Ok(None));
            if !runs && tree::living().is_empty() {
                return;
            }
            // A request is made once; a program that starts others while it is killed is killed again.
            if !told || last == Signal::KILL {
                tree::signal(last);
                told = true;
            }
            if began.elapsed() >= within {
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// Both streams, as far as they are read.
#[derive(Clone)]
struct Said {
    out: Arc<Mutex<Output>>,
    err: Arc<Mutex<Output>>,
    /// The last line of either.
    last: Arc<Mutex<String>>,
}

impl Said {
    fn new(secrets: &[String]) -> Self {
        let output = || Arc::new(Mutex::new(Output::new(secrets)));
        Self { out: output(), err: output(), last: Arc::default() }
    }

    async fn read(self, stream: Option<impl AsyncRead + Unpin>, which: fn(&Self) -> &Mutex<Output>) {
        let Some(mut stream) = stream else { return };
        let mut piece = vec![0; 16 << 10];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            let mut output = locked(which(&self));
            output.push(&piece[..length]);
            *locked(&self.last) = output.last_line();
        }
        locked(which(&self)).end();
    }
}

async fn progress(said: &Said, news: &Teller) {
    let mut told = String::new();
    loop {
        sleep(TELL_EVERY).await;
        let last = locked(&said.last).clone();
        if last != told {
            told.clone_from(&last);
            news.tell(News::Line { text: last });
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the agent, on a thread of its own: an agent that is stopped must not hold up the end of a job.
struct Teller {
    news: mpsc::SyncSender<News>,
    done: mpsc::Receiver<()>,
}

fn tell() -> Teller {
    let (news, told) = mpsc::sync_channel::<News>(NEWS_MAX);
    let (finished, done) = mpsc::channel();
    thread::spawn(move || {
        let mut out = io::stdout().lock();
        for news in told {
            let Ok(line) = serde_json::to_string(&news) else { continue };
            // An agent that is gone hears nothing, and needs to hear nothing.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        let _ = finished.send(());
    });
    Teller { news, done }
}

impl Teller {
    fn tell(&self, news: News) {
        let _ = self.news.try_send(news);
    }

    fn end(self, end: End) {
        let began = Instant::now();
        let mut news = News::Ended { end };
        while let Err(mpsc::TrySendError::Full(back)) = self.news.try_send(news) {
            if began.elapsed() > HEARD_MAX {
                return;
            }
            news = back;
            thread::sleep(LOOK_AGAIN);
        }
        drop(self.news);
        let _ = self.done.recv_timeout(HEARD_MAX);
    }
}

/// Hears the agent: the order, and then why it is over, or nothing when the agent is gone.
fn hear() -> (oneshot::Receiver<Order>, oneshot::Receiver<String>) {
    let (say, order) = oneshot::channel();
    let (stop, over) = oneshot::channel();
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut line = String::new();
        // What is not a whole line was not meant.
        let whole = |line: &str, read: io::Result<usize>| read.is_ok() && line.ends_with('\n');
        let read = input.read_line(&mut line);
        let Some(order) = whole(&line, read).then(|| serde_json::from_str(&line).ok()).flatten() else {
            return;
        };
        if say.send(order).is_err() {
            return;
        }
        line.clear();
        let read = input.read_line(&mut line);
        if whole(&line, read) {
            let _ = stop.send(line.trim_end().to_owned());
        }
    });
    (order, over)
}

/// How the agent starts a runner.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The program: this one.
    pub program: PathBuf,
    /// What makes it a runner.
    pub arguments: Vec<String>,
}

impl Default for Runner {
    /// The very binary that runs, also after an upgrade has replaced its file.
    fn default() -> Self {
        Self { program: PathBuf::from("/proc/self/exe"), arguments: vec!["job".to_owned()] }
    }
}
