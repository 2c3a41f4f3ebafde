//! PostgreSQL as Debian ships it, on loopback, with SCRAM and certificates of an authority of its own. Everything is in a
//! temporary directory and ends with the value; only processes that it started are ever signalled.

use quorate_test_postgres::{ACCOUNT, give};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};
use tempfile::TempDir;

/// How long `pg_ctl` waits for a start, in seconds. Only a failure takes so long.
const START_S: &str = "45";
/// Free ports are found by asking for them, and somebody else may be given one meanwhile.
const STARTS_MAX: usize = 3;
/// How often a session is opened to see a new setting. Each takes some 20 ms.
const LOOKS_MAX: usize = 500;

/// A primary with the account `quorate_probe`, whose password is `secret`.
pub(super) struct Cluster {
    pub(super) primary: Server,
    /// The authority that signed the servers' certificates, in PEM.
    pub(super) authority: PathBuf,
    home: Arc<TempDir>,
}

/// One server. It is stopped when the value is dropped.
pub(super) struct Server {
    /// Where it listens, on 127.0.0.1.
    pub(super) port: u16,
    data: PathBuf,
    home: Arc<TempDir>,
}

/// A session that stays open; it ends with the value.
pub(super) struct Session(Child);

impl Cluster {
    pub(super) fn start() -> Self {
        let home = Arc::new(tempfile::Builder::new().prefix("quorate-pg-").tempdir().unwrap());
        give(home.path()).unwrap();
        let path = |name: &str| home.path().join(name);
        let authority = certificates(home.path());
        let data = path("primary");
        let arguments = ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "-U", ACCOUNT, "-D"];
        run(program("initdb").args(arguments).arg(&data));
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nssl = on\nssl_cert_file = '{}'\n\
             ssl_key_file = '{}'\nfsync = off\nwal_retrieve_retry_interval = '100ms'\n",
            home.path().display(),
            path("server.pem").display(),
            path("server.key").display(),
        );
        let file = data.join("postgresql.conf");
        let written = fs::read_to_string(&file).unwrap();
        fs::write(&file, written + &settings).unwrap();
        let mut primary = Server { port: 0, data, home: Arc::clone(&home) };
        primary.restart(&[]);
        primary.sql("CREATE ROLE quorate_probe LOGIN PASSWORD 'secret'");
        Self { primary, authority, home }
    }

    /// A streaming replica.
    pub(super) fn replica(&self) -> Server {
        let data = self.home.path().join("replica");
        let mut copy = program("pg_basebackup");
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        run(self.primary.at(&mut copy).arg("-D").arg(&data));
        let mut replica = Server { port: 0, data, home: Arc::clone(&self.home) };
        replica.restart(&[]);
        replica.wait("EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')");
        replica
    }

    /// The table of the heartbeat row, which the probe's account may write.
    pub(super) fn heartbeat(&self) {
        self.primary.sql(
            "CREATE TABLE quorate_heartbeat (id int PRIMARY KEY CHECK (id = 1), at timestamptz NOT NULL); \
             GRANT SELECT, INSERT, UPDATE ON quorate_heartbeat TO quorate_probe",
        );
    }

    /// A file that nobody else may read.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// An authority that signed nothing here.
    pub(super) fn another_authority(&self) -> PathBuf {
        self.file("another.pem", &authority().pem())
    }
}

impl Server {
    /// The directory of the cluster.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it, on a port of its own, with settings for this run.
    pub(super) fn restart(&mut self, settings: &[&str]) {
        let settings: String = settings.iter().map(|setting| format!(" -c {setting}")).collect();
        let log = self.data.with_extension("log");
        for _ in 0..STARTS_MAX {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            // A server that was stopped keeps its port: others know it.
            if self.port == 0 {
                self.port = listener.local_addr().unwrap().port();
            }
            drop(listener);
            let mut start = program("pg_ctl");
            // A standby without hot standby counts as started when it listens.
            start.args(["start", "-w", "-s", "-t", START_S, "-o", &format!("-p {}{settings}", self.port)]);
            if quorate_test_postgres::run(start.arg("-l").arg(&log).arg("-D").arg(&self.data)).is_ok() {
                return;
            }
            self.port = 0;
        }
        panic!("{}", fs::read_to_string(log).unwrap_or_default());
    }

    /// Runs statements as the superuser; returns what they print.
    pub(super) fn sql(&self, statements: &str) -> String {
        run(self.psql().args(["-c", statements]))
    }

    /// Waits until a condition holds.
    pub(super) fn wait(&self, condition: &str) {
        // A transaction would see the same statistics for ever.
        let again = "PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();";
        let wait = format!("WHILE NOT ({condition}) LOOP {again} END LOOP;");
        self.sql(&format!("SET statement_timeout = '{START_S}s'; DO $$ BEGIN {wait} END $$"));
    }

    /// Changes a setting that needs no restart; connections made from now on have it.
    pub(super) fn set(&self, name: &str, value: &str) {
        self.sql(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        self.sql("SELECT pg_reload_conf()");
        let shown = (0..LOOKS_MAX).any(|_| self.sql(&format!("SHOW {name}")) == value);
        assert!(shown, "{name} does not become {value}");
    }

    /// Changes a setting whose value has quotes of its own, doubled already.
    pub(super) fn set_as(&self, name: &str, value: &str) {
        self.sql(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        self.sql("SELECT pg_reload_conf()");
    }

    /// A session of the superuser that has run a statement and holds its transaction open.
    pub(super) fn hold(&self, statement: &str) -> Session {
        let asleep =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <> pg_backend_pid()";
        let before = self.sql(asleep);
        let mut psql = self.psql();
        psql.args(["-c", &format!("BEGIN; {statement}; SELECT pg_sleep(600)")]);
        let session = Session(psql.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        self.wait(&format!("({asleep}) > {before}"));
        session
    }

    /// Lets every connection wait for ever: what listens is stopped, so the kernel takes connections and nobody answers.
    pub(super) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Ends [`Self::freeze`].
    pub(super) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Kills what listens.
    pub(super) fn kill(&self) {
        self.signal("KILL");
        // A killed process is gone only when the kernel says so.
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Stops it, unless it is.
    pub(super) fn stop(&self) {
        if self.process().is_some() {
            self.thaw();
            let mut stop = program("pg_ctl");
            let _ = quorate_test_postgres::run(
                stop.args(["stop", "-w", "-s", "-m", "immediate", "-D"]).arg(&self.data),
            );
        }
    }

    fn process(&self) -> Option<String> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let id = text.lines().next()?.to_owned();
        Path::new("/proc").join(&id).exists().then_some(id)
    }

    fn signal(&self, name: &str) {
        let id = self.process().expect("it runs");
        run(Command::new("kill").args(["-s", name, "--", &id]));
    }

    fn psql(&self) -> Command {
        let mut psql = program("psql");
        self.at(&mut psql).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", ACCOUNT]);
        psql
    }

    /// A client program, told where the server's socket is.
    fn at<'a>(&self, client: &'a mut Command) -> &'a mut Command {
        client.arg("-h").arg(self.home.path()).args(["-p", &self.port.to_string(), "-U", ACCOUNT])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes an authority, and a certificate and key for 127.0.0.1 that PostgreSQL accepts; returns the authority's file.
fn certificates(home: &Path) -> PathBuf {
    let issuer = authority();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let (file, secret) = (home.join("authority.pem"), home.join("server.key"));
    fs::write(&file, issuer.pem()).unwrap();
    fs::write(home.join("server.pem"), server.pem()).unwrap();
    fs::write(&secret, key.serialize_pem()).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    give(&secret).unwrap();
    file
}

/// One of PostgreSQL's programs.
fn program(name: &str) -> Command {
    quorate_test_postgres::program(name).unwrap()
}

fn run(command: &mut Command) -> String {
    quorate_test_postgres::run(command).unwrap()
}
