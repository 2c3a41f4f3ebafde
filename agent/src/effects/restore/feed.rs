//! The restore itself, in a thread: the dump as SQL, piece by piece, into one `psql` and one transaction, which is committed
//! when the whole dump has been read and nothing else. Whatever goes wrong before that, this process's own death included,
//! closes the pipe without the commit, and the server rolls back.
//!
//! A run that nobody looks at any more commits nothing: its attempt has ended, or this process was stopped and has come back.

use super::{
    judge::{LOCK, Note, TABLES},
    reading::Chosen,
    runs::Progress,
};
use crate::{
    backups::dump::{DumpKind, kind},
    effects::session::literal,
};
use flate2::read::MultiGzDecoder;
use quorate_policies::{
    document::PostgresTls,
    plan::action::{Over, PostgresRestore},
};
use quorate_probes::PostgresCredentials;
use std::{
    fs::File,
    io::{Read, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
};

/// What is handed over at once.
const PIECE: usize = 256 * 1024;
/// What a program says when it fails is for one line of a report.
const REASON_CHARS_MAX: usize = 400;
/// How much of it is read: the first error is at its end, because it ends the program.
const REASON_BYTES: u64 = 4 * 1024;
/// Where Debian keeps the authorities of the system; libpq knows them by name from version 16 on alone.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// One restore.
pub(super) struct Order {
    pub(super) psql: PathBuf,
    pub(super) pg_restore: PathBuf,
    pub(super) action: PostgresRestore,
    pub(super) credentials: Arc<PostgresCredentials>,
    pub(super) chosen: Chosen,
    pub(super) note: Note,
}

/// Drops what somebody has made in the database, and leaves what extensions have. Schemas first, because they take most of it.
const CLEAR: &str = "SET LOCAL lock_timeout = '60s';
DO $quorate$ DECLARE it record; BEGIN
  FOR it IN SELECT nspname AS name FROM pg_namespace
    WHERE nspname NOT IN ('public', 'information_schema') AND nspname !~ '^pg_'
  LOOP EXECUTE format('DROP SCHEMA %I CASCADE', it.name); END LOOP;
  FOR it IN SELECT relname AS name, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
      WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind
    FROM pg_class WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
  LOOP EXECUTE format('DROP %s IF EXISTS public.%I CASCADE', it.kind, it.name); END LOOP;
  FOR it IN SELECT format('%I(%s)', proname, pg_get_function_identity_arguments(oid)) AS name
    FROM pg_proc WHERE pronamespace = to_regnamespace('public')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
  LOOP EXECUTE format('DROP ROUTINE IF EXISTS public.%s CASCADE', it.name); END LOOP;
  FOR it IN SELECT typname AS name FROM pg_type
    WHERE typnamespace = to_regnamespace('public') AND typtype IN ('e', 'd', 'r')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
  LOOP EXECUTE format('DROP TYPE IF EXISTS public.%I CASCADE', it.name); END LOOP;
END $quorate$;
";

/// Restores, or commits nothing.
///
/// # Errors
/// With the reason, when nothing was committed; or when the commit was sent and no word of it came back.
pub(super) fn run(order: &Order, progress: &Progress) -> Result<(), String> {
    order.chosen.stands()?;
    let mut source = Source::open(order)?;
    let mut psql = Psql::start(order)?;
    let fed = feed(order, &mut source, &mut psql, progress);
    match fed {
        Ok(()) => psql.end(),
        // Who cannot be written to has ended, and says why.
        Err(Stop::Psql) => Err(psql.failed()),
        Err(Stop::Source(why)) => Err(why),
    }
}

/// Why the feeding ended.
enum Stop {
    /// `psql` takes no more.
    Psql,
    /// There is no more to be had, or nobody wants it.
    Source(String),
}

fn feed(order: &Order, source: &mut Source, psql: &mut Psql, progress: &Progress) -> Result<(), Stop> {
    psql.write(begin(&order.action).as_bytes())?;
    let mut piece = vec![0; PIECE];
    loop {
        progress.wanted().map_err(Stop::Source)?;
        let count = source.read(&mut piece).map_err(Stop::Source)?;
        if count == 0 {
            break;
        }
        psql.write(&piece[..count])?;
        progress.add(count);
    }
    // Everything was read, by a program that says so, of a file that is still the one that was noted.
    source.end().map_err(Stop::Source)?;
    order.chosen.stands().map_err(Stop::Source)?;
    progress.wanted().map_err(Stop::Source)?;
    psql.write(commit(&order.note).as_bytes())
}

/// What comes before the dump.
fn begin(action: &PostgresRestore) -> String {
    let raise = |condition: &str, why: &str| {
        format!("DO $quorate$ BEGIN IF {condition} THEN RAISE EXCEPTION '{why}'; END IF; END $quorate$;\n")
    };
    let (class, object) = LOCK;
    let locked =
        raise(&format!("NOT pg_try_advisory_xact_lock({class}, {object})"), "another restore is under way");
    let room = match action.over {
        Over::Refuse => raise(&format!("({TABLES}) > 0"), "the database has tables of its own"),
        Over::Primary => CLEAR.to_owned(),
    };
    format!("BEGIN;\n{locked}{room}DROP SCHEMA IF EXISTS quorate CASCADE;\n")
}

/// What comes after it. A dump leaves an empty search path behind, and may have brought an older note.
fn commit(note: &Note) -> String {
    let text = literal(&serde_json::to_string(note).unwrap_or_default());
    format!(
        "\nSET standard_conforming_strings = on;\nCREATE SCHEMA IF NOT EXISTS quorate;\n\
         COMMENT ON SCHEMA quorate IS {text};\nCOMMIT;\n"
    )
}

/// The dump as SQL.
enum Source {
    Plain(File),
    Packed(Box<MultiGzDecoder<File>>),
    Custom(Child, File),
}

impl Source {
    fn open(order: &Order) -> Result<Self, String> {
        let path = &order.chosen.path;
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let kind = kind(path).map_err(|wrong| format!("{}: {wrong}", path.display()))?;
        Ok(match kind {
            DumpKind::Plain => Source::Plain(File::open(path).map_err(failed)?),
            DumpKind::Gzip => {
                Source::Packed(Box::new(MultiGzDecoder::new(File::open(path).map_err(failed)?)))
            }
            DumpKind::Custom => {
                let said = tempfile::tempfile().map_err(failed)?;
                let mut command = bare(&order.pg_restore);
                command.args(["--file=-", "--"]).arg(path).stdin(Stdio::null()).stdout(Stdio::piped());
                let child = command.stderr(said.try_clone().map_err(failed)?).spawn();
                Source::Custom(
                    child.map_err(|error| format!("{}: {error}", order.pg_restore.display()))?,
                    said,
                )
            }
        })
    }

    fn read(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        let read = match self {
            Source::Plain(file) => file.read(piece),
            Source::Packed(packed) => packed.read(piece),
            Source::Custom(child, _) => child.stdout.as_mut().map_or(Ok(0), |stdout| stdout.read(piece)),
        };
        read.map_err(|error| format!("the dump cannot be read to its end: {error}"))
    }

    /// Whether everything was read.
    fn end(&mut self) -> Result<(), String> {
        let Source::Custom(child, said) = self else { return Ok(()) };
        let status = child.wait().map_err(|error| format!("pg_restore: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("pg_restore: {status}: {}", tail(said))) }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Source::Custom(child, _) = self {
            let _gone = child.kill();
            let _waited = child.wait();
        }
    }
}

/// The one session.
struct Psql {
    child: Child,
    input: Option<ChildStdin>,
    said: File,
}

impl Psql {
    fn start(order: &Order) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", order.psql.display());
        let said = tempfile::tempfile().map_err(failed)?;
        let mut command = bare(&order.psql);
        command.args([
            "-X",
            "-q",
            "--no-password",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=terse",
            "-f",
            "-",
            "-d",
        ]);
        command.arg(address(&order.action, &order.credentials));
        // In the environment, which on Linux the same account alone may read: a file with it would outlive a SIGKILL.
        let password = order.credentials.password().map_err(|error| error.to_string())?;
        command.env("PGPASSWORD", password.reveal()).env("PGOPTIONS", "-c client_min_messages=warning");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said.try_clone().map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let input = child.stdin.take();
        Ok(Self { child, input, said })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let input = self.input.as_mut().ok_or(Stop::Psql)?;
        input.write_all(bytes).map_err(|_| Stop::Psql)
    }

    /// Nothing more comes.
    fn end(&mut self) -> Result<(), String> {
        drop(self.input.take());
        let status = self.child.wait().map_err(|error| format!("psql: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("psql: {status}: {}", tail(&mut self.said))) }
    }

    /// Why it takes no more.
    fn failed(&mut self) -> String {
        match self.end() {
            Ok(()) => "psql ended before the dump did".to_owned(),
            Err(why) => why,
        }
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        drop(self.input.take());
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A program with nothing of this process's environment but what it needs.
fn bare(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

/// Where the server is, as libpq reads it. No secret stands here: arguments are everybody's to see.
fn address(action: &PostgresRestore, credentials: &PostgresCredentials) -> String {
    let port = action.port.to_string();
    let authorities = credentials
        .ca_file
        .as_ref()
        .map_or_else(|| AUTHORITIES.to_owned(), |file| file.display().to_string());
    let mut words = vec![
        ("host", action.host.as_str()),
        ("port", &port),
        ("dbname", &action.database),
        ("user", &action.user),
        ("application_name", super::APPLICATION),
        ("connect_timeout", "10"),
        // A server that is gone is noticed within a minute, also while it owes an answer.
        ("keepalives_idle", "20"),
        ("keepalives_interval", "10"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "60000"),
    ];
    match credentials.tls {
        PostgresTls::Off => words.push(("sslmode", "disable")),
        PostgresTls::VerifyFull => words.extend([("sslmode", "verify-full"), ("sslrootcert", &authorities)]),
    }
    let quoted = |(key, value): &(&str, &str)| {
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        format!("{key}='{value}'")
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The end of what a program has said, on one line.
fn tail(said: &mut File) -> String {
    let length = said.metadata().map_or(0, |facts| facts.len());
    let mut text = Vec::new();
    let read = said
        .seek(SeekFrom::Start(length.saturating_sub(REASON_BYTES)))
        .and_then(|_| Read::by_ref(said).take(REASON_BYTES).read_to_end(&mut text));
    if read.is_err() {
        return "what it said cannot be read".to_owned();
    }
    let text = String::from_utf8_lossy(&text).trim().replace(['\r', '\n'], "; ");
    let skipped = text.chars().count().saturating_sub(REASON_CHARS_MAX);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nothing in an address ends its value, and no secret stands in it. Method: a database with quotes.
    #[test]
    fn an_address_is_quoted() {
        let action = serde_json::from_str(
            r#"{"region": "west", "dump": {"path": "/b/*"}, "host": "db", "database": "a' user='b", "user": "q"}"#,
        );
        let credentials = PostgresCredentials {
            password_file: "/secret".into(),
            ca_file: None,
            tls: PostgresTls::VerifyFull,
        };
        let text = address(&action.unwrap(), &credentials);
        assert!(text.starts_with(r"host='db' port='5432' dbname='a\' user=\'b' user='q'"), "{text}");
        assert!(
            text.ends_with("sslmode='verify-full' sslrootcert='/etc/ssl/certs/ca-certificates.crt'"),
            "{text}"
        );
        assert!(!text.contains("secret"));
    }
}
