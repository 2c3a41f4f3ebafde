//! Where a guarded server lives in a test: a data directory made by PostgreSQL's own programs, and the guard as a process of
//! its own. Everything is in a temporary directory and ends with the value.

use anyhow::{Context as _, bail, ensure};
use quorate_sidecar::processes;
use quorate_test_postgres::{ACCOUNT, give, program, run};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Whatever a test waits for has come by then, or does not come. Only a failure takes so long.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// A directory for some servers.
pub(crate) struct Home(TempDir);

/// One server's directory and addresses, and its guard while it runs.
pub(crate) struct Place {
    pub(crate) pgdata: PathBuf,
    pub(crate) port: u16,
    listen: u16,
    home: Arc<Home>,
    guard: Option<Child>,
}

pub(crate) fn home() -> anyhow::Result<Arc<Home>> {
    let home = tempfile::Builder::new().prefix("quorate-guard-").tempdir()?;
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755))?;
    give(home.path())?;
    // The guard becomes a user who need not see where it was built.
    let built = std::env::current_exe()?.ancestors().nth(2).context("no folder")?.join("examples/guard");
    let guard = home.path().join("guard");
    fs::hard_link(&built, &guard)
        .or_else(|_| fs::copy(&built, &guard).map(drop))
        .with_context(|| format!("{}: cargo build -p quorate-sidecar --examples", built.display()))?;
    Ok(Arc::new(Home(home)))
}

impl Place {
    /// A new cluster; `pg_rewind` can work on it if it is `rewindable`.
    pub(crate) fn make(home: &Arc<Home>, name: &str, rewindable: bool) -> anyhow::Result<Self> {
        let place = Self::at(home, name)?;
        let mut initdb = program("initdb")?;
        initdb.args(["--auth=trust", "--no-sync", "-U", ACCOUNT, "-D"]).arg(&place.pgdata);
        run(&mut initdb)?;
        let file = place.pgdata.join("postgresql.conf");
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nfsync = off\nwal_log_hints = {rewindable}\nwal_keep_size = 128MB\n\
             wal_retrieve_retry_interval = 200ms\n"
        );
        let written = fs::read_to_string(&file)?;
        fs::write(&file, written + &settings)?;
        Ok(place)
    }

    /// A standby of a running server.
    pub(crate) fn copy(of: &Self, name: &str) -> anyhow::Result<Self> {
        let place = Self::at(&of.home, name)?;
        let mut copy = program("pg_basebackup")?;
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "-D"]);
        run(copy.arg(&place.pgdata).args(["-d", &of.conninfo()]))?;
        Ok(place)
    }

    fn at(home: &Arc<Home>, name: &str) -> anyhow::Result<Self> {
        let free = || anyhow::Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
        let pgdata = home.0.path().join(name);
        Ok(Self { pgdata, port: free()?, listen: free()?, home: Arc::clone(home), guard: None })
    }

    pub(crate) fn conninfo(&self) -> String {
        format!("host=127.0.0.1 port={} user={ACCOUNT}", self.port)
    }

    /// Starts the guard.
    pub(crate) fn guard(&mut self, lease_url: &str, more: &[&str]) -> anyhow::Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut guard = Command::new(self.home.0.path().join("guard"));
        guard.arg("--pgdata").arg(&self.pgdata).arg("--socket-dir").arg(self.home.0.path());
        guard.args(["--port", &self.port.to_string(), "--listen", &format!("127.0.0.1:{}", self.listen)]);
        guard.args(["--lease-url", lease_url, "--stop-time", "300ms", "--kill-after", "100ms"]);
        // A test machine is busy, and a third of the tests' lease is this.
        guard.args(["--lease-deadline", "500ms"]).args(more);
        self.guard = Some(guard.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.pgdata.with_extension("log")
    }

    /// Sends the guard a signal.
    pub(crate) fn signal_guard(&self, name: &str) -> anyhow::Result<()> {
        let id = self.guard.as_ref().context("no guard")?.id();
        run(Command::new("kill").args(["-s", name, "--", &id.to_string()])).map(drop)
    }

    /// Waits for the guard's own end.
    pub(crate) fn guard_ends(&mut self) -> anyhow::Result<std::process::ExitStatus> {
        let mut guard = self.guard.take().context("no guard")?;
        Ok(guard.wait()?)
    }

    pub(crate) fn processes(&self) -> anyhow::Result<Vec<i32>> {
        Ok(processes::of(&self.pgdata)?.into_iter().map(|process| process.id).collect())
    }

    pub(crate) fn postmaster(&self) -> anyhow::Result<i32> {
        processes::postmaster(&self.pgdata).context("no postmaster")
    }

    /// The status of a page of the guard.
    pub(crate) fn status(&self, path: &str) -> anyhow::Result<u16> {
        let (status, _) = self.page(path)?;
        Ok(status)
    }

    pub(crate) fn state(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.page("/")?.1)?)
    }

    fn page(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.listen))?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let status = text.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, text.split_once("\r\n\r\n").context("no body")?.1.to_owned()))
    }

    /// Waits until the guard answers so.
    pub(crate) fn until_status(&self, path: &str, status: u16) -> anyhow::Result<()> {
        self.until(&format!("{path} is {status}"), || Ok(self.status(path).ok() == Some(status)))
    }

    pub(crate) fn until(
        &self,
        what: &str,
        mut is: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while !is()? {
            if began.elapsed() > WAIT_MAX {
                bail!("not in time: {what}\n{}", self.read_log());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn read_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Runs a statement over TCP.
    pub(crate) fn sql(&self, statement: &str) -> anyhow::Result<String> {
        let output = run(self.psql()?.args(["-c", statement]))?;
        Ok(output.trim().to_owned())
    }

    pub(crate) fn psql(&self) -> anyhow::Result<Command> {
        let mut psql = program("psql")?;
        psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.conninfo()]);
        Ok(psql)
    }

    /// A session that does nothing until it is ended.
    pub(crate) fn session(&self) -> anyhow::Result<Child> {
        let mut psql = self.psql()?;
        psql.args(["-c", "select pg_sleep(600)"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = psql.spawn()?;
        let sleeping = "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)'";
        self.until("the session sleeps", || Ok(self.sql(sleeping)? == "1"))?;
        Ok(child)
    }

    /// At the moment that the agent's last promise ends, not one process is left. The moment is measured at the agent, so
    /// it is later than the guard's.
    pub(crate) fn gone_by(&self, moment: Instant) -> anyhow::Result<()> {
        sleep(moment.saturating_duration_since(Instant::now()));
        let left = self.processes()?;
        ensure!(left.is_empty(), "{left:?} live on after the lease\n{}", self.read_log());
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
        for process in processes::of(&self.pgdata).unwrap_or_default() {
            process.signal(rustix::process::Signal::KILL);
        }
    }
}

pub(crate) fn signal(name: &str, processes: &[i32]) -> anyhow::Result<()> {
    let ids = processes.iter().map(ToString::to_string);
    run(Command::new("kill").args(["-s", name, "--"]).args(ids)).map(drop)
}
