//! PostgreSQL as Debian ships it, for tests: one server, or a primary and a streaming replica, on loopback, with passwords by
//! SCRAM and certificates of an authority of its own. Everything is in a temporary directory and ends with the value. It knows
//! no agent.

use crate::{ACCOUNT, give, program, run};
use anyhow::{Context as _, bail};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// How long `pg_ctl` waits for a start, in seconds. Only a failure takes so long.
const START_S: &str = "45";
/// How often a session is opened to see a new setting. Each takes some 20 ms.
const LOOKS_MAX: usize = 500;
/// Free ports are found by asking for them, and somebody else may be given one meanwhile.
const STARTS_MAX: usize = 3;

/// A primary and its streaming replica.
pub struct Replicated {
    /// Takes writes.
    pub primary: Postgres,
    /// Replays the primary's log.
    pub replica: Postgres,
    /// The authority that signed the servers' certificates, in PEM.
    pub authority: PathBuf,
    home: TempDir,
}

/// One server by itself.
pub struct Alone {
    /// Takes writes.
    pub server: Postgres,
    /// The authority that signed its certificate, in PEM.
    pub authority: PathBuf,
    /// Held for as long as the server runs.
    _home: TempDir,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// An address of loopback.
    pub address: Ipv4Addr,
    /// The port; any free one without it.
    pub port: Option<u16>,
}

impl Seat {
    /// Any free port of 127.0.0.1.
    const ANY: Self = Self { address: Ipv4Addr::LOCALHOST, port: None };
}

/// One server. It is stopped when the value is dropped.
pub struct Postgres {
    /// Where it listens.
    pub port: u16,
    data: PathBuf,
    sockets: PathBuf,
}

/// A session that holds its transaction open; it ends with the value.
pub struct Held(Child);

impl Replicated {
    /// Starts both. Both have a certificate for 127.0.0.1 and no other name, and no user but the superuser, who gets in
    /// by the socket alone.
    ///
    /// # Errors
    /// When PostgreSQL is not installed (`tests/run` installs it) or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::seated(Seat::ANY, Seat::ANY)
    }

    /// The same at these places, and with certificates for them.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn seated(primary: Seat, replica: Seat) -> anyhow::Result<Self> {
        let (home, authority, first) = first(&[primary.address, replica.address])?;
        let sockets = folder(home.path(), "primary.sockets")?;
        let primary = Postgres::start(first, &sockets, primary)?;
        let data = home.path().join("replica");
        let mut copy = program("pg_basebackup")?;
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        run(primary.at(&mut copy).arg("-D").arg(&data))?;
        let sockets = folder(home.path(), "replica.sockets")?;
        let replica = Postgres::start(data, &sockets, replica)?;
        Ok(Self { primary, replica, authority, home })
    }

    /// Waits until the replica has replayed what the primary has written so far.
    ///
    /// # Errors
    /// When it does not get there.
    pub fn catch_up(&self) -> anyhow::Result<()> {
        let written = self.primary.sql("SELECT pg_current_wal_lsn()")?;
        self.replica.wait_until(&format!("pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"))
    }

    /// Lets the replica receive the primary's log and replay nothing of it.
    ///
    /// # Errors
    /// When it does not stop replaying.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.replica.sql("SELECT pg_wal_replay_pause()")?;
        self.replica.wait_until("pg_get_wal_replay_pause_state() = 'paused'")
    }

    /// Ends [`Self::pause`].
    ///
    /// # Errors
    /// When the replica cannot be told.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.replica.sql("SELECT pg_wal_replay_resume()").map(drop)
    }

    /// The directory of both; a test may keep its own files there.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Alone {
    /// Starts one, as [`Replicated::seated`] does.
    ///
    /// # Errors
    /// As there.
    pub fn seated(seat: Seat) -> anyhow::Result<Self> {
        let (home, authority, data) = first(&[seat.address])?;
        let sockets = folder(home.path(), "primary.sockets")?;
        let server = Postgres::start(data, &sockets, seat)?;
        Ok(Self { server, authority, _home: home })
    }
}

/// A new data directory, its home, and the authority.
fn first(addresses: &[Ipv4Addr]) -> anyhow::Result<(TempDir, PathBuf, PathBuf)> {
    let home = tempfile::Builder::new().prefix("quorate-pg-").tempdir()?;
    give(home.path())?;
    let path = |name: &str| home.path().join(name);
    let authority = certificates(home.path(), addresses)?;
    let data = path("primary");
    let arguments = ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "-U", ACCOUNT, "-D"];
    run(program("initdb")?.args(arguments).arg(&data))?;
    let settings = format!(
        "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\nfsync = off\n\
         password_encryption = 'scram-sha-256'\nlog_timezone = 'UTC'\n",
        path(CERTIFICATE).display(),
        path(KEY).display(),
    );
    let file = data.join("postgresql.conf");
    let written = fs::read_to_string(&file)?;
    fs::write(&file, written + &settings)?;
    Ok((home, authority, data))
}

/// A folder of PostgreSQL's own: two servers on one port need two for their sockets.
fn folder(home: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = home.join(name);
    fs::create_dir(&folder)?;
    give(&folder)?;
    Ok(folder)
}

impl Postgres {
    fn start(data: PathBuf, sockets: &Path, seat: Seat) -> anyhow::Result<Self> {
        let mut last = None;
        for _ in 0..STARTS_MAX {
            let port = match seat.port {
                Some(port) => port,
                None => TcpListener::bind((seat.address, 0))?.local_addr()?.port(),
            };
            // From here on it is stopped, also when the start is only half done.
            let server = Self { port, data: data.clone(), sockets: sockets.to_owned() };
            let mut start = program("pg_ctl")?;
            start.args(["start", "-w", "-s", "-t", START_S, "-o"]).arg(format!(
                "-p {port} -c listen_addresses={} -c unix_socket_directories={}",
                seat.address,
                sockets.display()
            ));
            start.arg("-l").arg(data.with_extension("log")).arg("-D").arg(&data);
            match run(&mut start) {
                Ok(_) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        let log = fs::read_to_string(data.with_extension("log")).unwrap_or_default();
        Err(last.context("it was not tried")?.context(log))
    }

    /// What the server has written down since its first start.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.data.with_extension("log"))?)
    }

    /// Runs statements as the superuser; returns what they print, unaligned and without headers.
    ///
    /// # Errors
    /// When one fails.
    pub fn sql(&self, statements: &str) -> anyhow::Result<String> {
        self.sql_as(ACCOUNT, statements)
    }

    /// The same as another user, who gets in by the socket too.
    ///
    /// # Errors
    /// When one fails.
    pub fn sql_as(&self, user: &str, statements: &str) -> anyhow::Result<String> {
        run(self.psql(user)?.args(["-c", statements]))
    }

    /// A session of a user that has run a statement and holds its transaction open.
    ///
    /// # Errors
    /// When it does not get there.
    pub fn hold(&self, user: &str, statement: &str) -> anyhow::Result<Held> {
        self.held(user, ACCOUNT, statement)
    }

    /// The same of the superuser, in another database.
    ///
    /// # Errors
    /// When it does not get there.
    pub fn hold_in(&self, database: &str, statement: &str) -> anyhow::Result<Held> {
        self.held(ACCOUNT, database, statement)
    }

    fn held(&self, user: &str, database: &str, statement: &str) -> anyhow::Result<Held> {
        let mut psql = self.psql(user)?;
        psql.args(["-d", database, "-c", &format!("BEGIN; {statement}; SELECT pg_sleep(600); COMMIT")]);
        let held = Held(psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        self.wait_until(&format!(
            "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = '{user}' \
             AND datname = '{database}')"
        ))?;
        Ok(held)
    }

    /// Stops it at once, as a crash does.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&self) -> anyhow::Result<()> {
        let mut stop = program("pg_ctl")?;
        run(stop.args(["stop", "-w", "-s", "-m", "immediate", "-D"]).arg(&self.data)).map(drop)
    }

    fn psql(&self, user: &str) -> anyhow::Result<Command> {
        let mut psql = program("psql")?;
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", ACCOUNT]);
        psql.arg("-h").arg(&self.sockets).args(["-p", &self.port.to_string(), "-U", user]);
        Ok(psql)
    }

    /// Changes a setting that needs no restart; connections made from now on have it.
    ///
    /// # Errors
    /// When there is no such setting or it is not taken.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        self.sql(&format!("ALTER SYSTEM SET {name} = '{value}'"))?;
        self.sql("SELECT pg_reload_conf()")?;
        // A session takes settings in between its statements, so each look is a session of its own.
        for _ in 0..LOOKS_MAX {
            if self.sql(&format!("SHOW {name}"))? == value {
                return Ok(());
            }
        }
        bail!("{name} does not become {value}")
    }

    /// Waits on the server, which has nothing to wait by but looking.
    ///
    /// # Errors
    /// When it does not come about.
    pub fn wait_until(&self, condition: &str) -> anyhow::Result<()> {
        // A transaction would see the same statistics for ever.
        let again = "PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();";
        let wait = format!("WHILE NOT ({condition}) LOOP {again} END LOOP;");
        let limited = format!("SET statement_timeout = '{START_S}s'; DO $$ BEGIN {wait} END $$");
        self.sql(&limited).map(drop)
    }

    /// Lets every connection wait for ever, as a host does whose disk is gone: what listens is stopped, so the kernel
    /// takes connections and nobody answers.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal("STOP")
    }

    /// Ends [`Self::freeze`].
    ///
    /// # Errors
    /// When there is no such process.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let file = self.data.join(PROCESS);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let id = text.lines().next().context("the file is empty")?;
        run(Command::new("kill").args(["-s", name, "--", id])).map(drop)
    }

    /// A client program that asks as the superuser, by the socket.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn client(&self, name: &str) -> anyhow::Result<Command> {
        let mut client = program(name)?;
        self.at(&mut client);
        Ok(client)
    }

    /// A client program, told where the server's socket is.
    fn at<'a>(&self, client: &'a mut Command) -> &'a mut Command {
        client.arg("-h").arg(&self.sockets).args(["-p", &self.port.to_string(), "-U", ACCOUNT])
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if !self.data.join(PROCESS).exists() {
            return;
        }
        // A stopped process takes no other signal.
        let stopped = self.thaw().and_then(|()| self.stop());
        if let Err(error) = stopped {
            eprintln!("PostgreSQL in {} is not stopped: {error:#}", self.data.display());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// Below the data directory, while a server runs.
const PROCESS: &str = "postmaster.pid";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// Writes an authority, and a certificate and key for the addresses that PostgreSQL accepts; returns the authority's file.
fn certificates(home: &Path, addresses: &[Ipv4Addr]) -> anyhow::Result<PathBuf> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    // With one name for both, OpenSSL takes the server's certificate for one that has signed itself; with one for the authorities
    // of two servers, it tries the wrong one.
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    params.distinguished_name.push(DnType::CommonName, format!("authority of {name}"));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut names: Vec<String> = addresses.iter().map(Ipv4Addr::to_string).collect();
    names.dedup();
    let server = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let file = home.join("authority.pem");
    fs::write(&file, issuer.pem())?;
    fs::write(home.join(CERTIFICATE), server.pem())?;
    fs::write(home.join(KEY), key.serialize_pem())?;
    fs::set_permissions(home.join(KEY), fs::Permissions::from_mode(0o600))?;
    give(&home.join(KEY))?;
    Ok(file)
}
