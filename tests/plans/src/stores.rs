//! The real databases of a plan: PostgreSQL servers on an address of loopback each, with the port that the examples do not write,
//! dumped by `pg_dump` as a backup job does, and a Redis that the stand-in for kubectl stops and starts.

use super::stand_in::StandIns;
use anyhow::{Context as _, ensure};
use quorate_test_postgres::{
    give,
    pair::{Postgres, Seat},
    run,
};
use rand::RngExt as _;
use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

/// The password of the account that the examples name.
pub(super) const PASSWORD: &str = "s3cret";
/// PostgreSQL's own port, which the examples leave out.
const PORT: u16 = 5432;
/// How often the wish of the stand-ins is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a Redis goes on answering when its pod is told to end: a plan that does not wait for it is found.
const GRACE: Duration = Duration::from_millis(700);

/// A network of loopback that is this world's alone: two tests beside each other get two.
pub(super) fn network() -> impl Fn(u8) -> Ipv4Addr {
    let mut random = rand::rng();
    let (second, third) = (random.random_range(64..=250), random.random_range(0..=255));
    move |host| Ipv4Addr::new(127, second, third, host)
}

/// PostgreSQL's place there.
#[must_use]
pub(super) const fn seat(address: Ipv4Addr) -> Seat {
    Seat { address, port: Some(PORT) }
}

/// The account of the examples, with what deploy/POSTGRES.md grants it, and a database of its own.
///
/// # Errors
/// When the server refuses.
pub(super) fn account(server: &Postgres, database: &str) -> anyhow::Result<()> {
    server.sql(&format!("CREATE ROLE quorate LOGIN REPLICATION PASSWORD '{PASSWORD}'"))?;
    server.sql("GRANT pg_monitor TO quorate")?;
    server.sql("GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO quorate")?;
    server.sql(&format!("CREATE DATABASE {database} OWNER quorate")).map(drop)
}

/// Statements in a database, as the account of the examples.
///
/// # Errors
/// When one fails.
pub(super) fn sql(server: &Postgres, database: &str, statements: &str) -> anyhow::Result<String> {
    let mut psql = server.client("psql")?;
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
    run(psql.args(["-c", "SET ROLE quorate", "-c", statements]))
}

/// Empties a database: it is made anew.
///
/// # Errors
/// When the server refuses.
pub(super) fn empty(server: &Postgres, database: &str) -> anyhow::Result<()> {
    server.sql(&format!("DROP DATABASE {database} WITH (FORCE)"))?;
    server.sql(&format!("CREATE DATABASE {database} OWNER quorate")).map(drop)
}

/// A folder into which PostgreSQL's own account may write.
///
/// # Errors
/// When it cannot be made.
pub(super) fn folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path)?;
    give(path)
}

/// Dumps a database, as a backup job does.
///
/// # Errors
/// When `pg_dump` fails.
pub(super) fn dump(server: &Postgres, database: &str, format: &str, file: &Path) -> anyhow::Result<()> {
    let mut dump = server.client("pg_dump")?;
    run(dump.arg(format).arg("-f").arg(file).args(["-d", database])).map(drop)
}

/// Makes a backup older than it is.
///
/// # Errors
/// When its date cannot be set.
pub(super) fn older(file: &Path, by: Duration) -> anyhow::Result<()> {
    Ok(File::options().write(true).open(file)?.set_modified(SystemTime::now() - by)?)
}

/// A Redis that runs while the state of the stand-ins says `redis: 1`, as the one pod of a set does. What is really so is in the
/// state's `redis-pods`.
pub(super) struct Redis {
    /// Its data directory.
    pub(super) dir: PathBuf,
    /// Its port.
    pub(super) port: u16,
    ended: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl Redis {
    /// Starts one with so many keys, and saves them.
    ///
    /// # Errors
    /// When Redis is not installed (`tests/run` installs it) or does not start.
    pub(super) fn start(dir: &Path, keys: u32, state: &StandIns) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let keeper = thread::spawn({
            let (dir, state, ended) = (dir.to_owned(), state.clone(), Arc::clone(&ended));
            move || keep(&dir, port, &state, &ended)
        });
        let redis = Self { dir: dir.to_owned(), port, ended, keeper: Some(keeper) };
        redis.wait()?;
        redis.ask(&[
            "EVAL",
            &format!("for i=1,{keys} do redis.call('SET', 'key:'..i, i) end return 1"),
            "0",
        ])?;
        redis.ask(&["SAVE"])?;
        Ok(redis)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn wait(&self) -> anyhow::Result<()> {
        for _ in 0..600 {
            if self.ask(&["PING"]).is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        anyhow::bail!("Redis does not answer at {}", self.port)
    }

    /// Asks it.
    ///
    /// # Errors
    /// When it does not answer, or with an error.
    pub(super) fn ask(&self, words: &[&str]) -> anyhow::Result<String> {
        run(Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words))
    }

    /// How many keys it has, and one of them.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn keys(&self, key: &str) -> anyhow::Result<(String, String)> {
        Ok((self.ask(&["DBSIZE"])?, self.ask(&["GET", key])?))
    }

    /// Copies its snapshot away, as a backup job does.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn back_up(&self, file: &Path) -> anyhow::Result<()> {
        fs::copy(self.dir.join("dump.rdb"), file).context("no snapshot")?;
        Ok(())
    }

    /// Loses everything, and saves that.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn lose(&self) -> anyhow::Result<()> {
        self.ask(&["FLUSHALL"])?;
        self.ask(&["SAVE"])?;
        ensure!(self.ask(&["DBSIZE"])? == "0", "it still has keys");
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Does what the state wishes until it is told to end.
fn keep(dir: &Path, port: u16, state: &StandIns, ended: &AtomicBool) {
    let mut running: Option<Child> = None;
    while !ended.load(Ordering::SeqCst) {
        let wished = state.says("redis") == "1";
        if wished && running.is_none() {
            running = server(dir, port).ok();
            let _ = state.set("redis-pods", "pod/redis-0");
        } else if !wished && let Some(mut child) = running.take() {
            thread::sleep(GRACE);
            end(&mut child);
            let _ = state.set("redis-pods", "");
        } else if state.says("redis-pods").is_empty() == running.is_some() {
            // A new scenario has begun with a state of its own.
            let _ = state.set("redis-pods", if running.is_some() { "pod/redis-0" } else { "" });
        }
        thread::sleep(LOOK_EVERY);
    }
    if let Some(mut child) = running {
        end(&mut child);
    }
}

fn server(dir: &Path, port: u16) -> anyhow::Result<Child> {
    // The kernel ends it with this thread, however that one ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "redis-server"]);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
    command.arg(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("redis-server is not installed: run tests/run once")
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
