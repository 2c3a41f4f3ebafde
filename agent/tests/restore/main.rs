//! Restores, by the agent's own rooms and the core's own attempt: a real PostgreSQL is dumped, damaged and restored, and
//! `verify.sql` compares; a real Redis gets its snapshot back. Needs Debian's `postgresql` and `redis-server`, which `tests/run`
//! installs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod redis;

use quorate::effects::Effects;
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic, Timestamp,
    backup::{BackupContent, BackupSeen, judge},
    document::read_agent_file,
    effect::EffectContext,
    plan::{Action, Before},
    policy::Backup,
};
use quorate_probes::{PostgresCredentials, Prober, ProberSettings};
use quorate_test_postgres::{give, newest, pair::Replicated, run};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Long enough for whatever has to come, on a busy machine. Only a failure takes so long.
const LONG: Millis = Millis::from_secs(120);
/// Long enough for several looks at what does not come.
const SHORT: Millis = Millis::from_secs(3);

/// A database with whatever a dump brings and a restore must take away: tables, rows, a sequence, a view, a function, a type
/// and a schema.
const DATABASE: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, mood mood NOT NULL DEFAULT 'good');
    INSERT INTO users (name) SELECT 'user \\ ' || n || E'\\n;\\tCOMMIT;' FROM generate_series(1, 1204) AS n;
    CREATE TABLE events (at timestamptz NOT NULL, note text);
    INSERT INTO events SELECT now() - n * interval '1 minute', repeat('x', 500) FROM generate_series(3, 2000) AS n;
    CREATE VIEW newest AS SELECT max(at) AS at FROM events;
    CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
    CREATE SCHEMA ops;
    CREATE TABLE ops.quota (id int PRIMARY KEY);";

/// A server, its dumps, and an agent's rooms.
struct Stage {
    pair: Replicated,
    effects: Effects,
}

impl Stage {
    fn new() -> Self {
        let pair = Replicated::start().unwrap();
        pair.primary.sql("CREATE ROLE quorate LOGIN PASSWORD 's3cret'").unwrap();
        pair.primary.sql("CREATE DATABASE shop OWNER quorate").unwrap();
        let password = pair.home().join("password");
        fs::write(&password, "s3cret\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        let backups = pair.home().join("backups");
        fs::create_dir(&backups).unwrap();
        give(&backups).unwrap();
        let effects = effects(pair.home());
        let stage = Self { pair, effects };
        stage.sql("shop", &format!("SET ROLE quorate; {DATABASE}"));
        stage
    }

    fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = self.pair.primary.client("psql").unwrap();
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]);
        run(&mut psql).unwrap()
    }

    /// Dumps the database as a backup job does.
    fn dump(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let file = self.pair.home().join("backups").join(name);
        let mut dump = self.pair.primary.client("pg_dump").unwrap();
        run(dump.args(arguments).arg("-f").arg(&file).args(["-d", "shop"])).unwrap();
        file
    }

    fn restore(&self, pattern: &str, database: &str, more: &Value) -> Action {
        let path = self.pair.home().join("backups").join(pattern);
        let mut fields = json!({
            "region": "r", "dump": {"path": path, "max_age": "25h"}, "host": "127.0.0.1",
            "port": self.pair.primary.port, "database": database, "user": "quorate",
        });
        for (key, value) in more.as_object().unwrap() {
            fields[key] = value.clone();
        }
        serde_json::from_value(json!({"postgres.restore": fields})).unwrap()
    }

    fn verify(&self, database: &str) -> Action {
        let checks = json!({
            "users": {"query": "SELECT count(*) FROM users", "expect": {"at_least": 1204, "at_most": 1204}},
            "newest": {"query": "SELECT at FROM newest -- the view", "expect": {"newer_than": "1h"}},
            "function": {"query": "SELECT twice(21)", "expect": {"equals": "42"}},
        });
        serde_json::from_value(json!({"verify.sql": {
            "region": "r", "host": "127.0.0.1", "port": self.pair.primary.port, "database": database,
            "user": "quorate", "checks": checks,
        }}))
        .unwrap()
    }

    async fn attempt(
        &self,
        action: &Action,
        context: EffectContext,
        timeout: Millis,
    ) -> (EffectContext, String) {
        attempt(&self.effects, action, context, timeout).await
    }
}

fn effects(base: &Path) -> Effects {
    let programs = newest("psql").unwrap();
    let text = format!(
        "name: a\nregion: r\nmembers: {{a: {{region: r, address: '127.0.0.1:7951'}}}}\n\
         tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n\
         postgres: {{password_file: password, ca_file: authority.pem}}\n\
         backups: {{programs: {}, restore_from: [{}]}}\n",
        programs.parent().unwrap().display(),
        base.join("backups").display(),
    );
    let file = read_agent_file("agent.yaml", &text).unwrap();
    // libpq reads the authority itself, from wherever it is started.
    let postgres = file.postgres.as_ref().map(|section| PostgresCredentials::of(section, base));
    let prober = Prober::new(ProberSettings { postgres, ..ProberSettings::default() }).unwrap();
    Effects::new(&file, base, Arc::new(prober))
}

/// One attempt of a step, as an executor runs it: with what is noted afterwards, and how it ended, in one line.
async fn attempt(
    effects: &Effects,
    action: &Action,
    mut context: EffectContext,
    timeout: Millis,
) -> (EffectContext, String) {
    let began = Instant::now();
    let now = || Monotonic(u64::try_from(began.elapsed().as_millis()).unwrap());
    let mut run = StepRun::new(now(), timeout, 0);
    let mut event = StepEvent::Ready;
    loop {
        event = match run.next(now(), event) {
            StepWork::Observe => StepEvent::Observed(effects.observe(action, &context, &()).await),
            StepWork::Act { part, before } => {
                context.before = context.before.take().or(before);
                StepEvent::Acted(effects.act(action, part, &context).await)
            }
            StepWork::Wait(pause) => {
                tokio::time::sleep(pause.duration()).await;
                StepEvent::Ready
            }
            StepWork::Finish(outcome) => {
                let told = match outcome {
                    StepOutcome::Succeeded { detail } => format!("succeeded: {detail}"),
                    StepOutcome::Failed { reason } => format!("failed: {reason}"),
                    StepOutcome::Impossible { reason } => format!("impossible: {reason}"),
                    StepOutcome::Broken { reason } => format!("broken: {reason}"),
                    StepOutcome::Unknown { reason } => format!("unknown: {reason}"),
                };
                return (context, told);
            }
            StepWork::Leave(why) => panic!("{why}"),
        };
    }
}

fn context(execution: &str) -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: execution.to_owned(),
        epoch: 2,
        attempt: 1,
        from: "r".to_owned(),
        to: "r".to_owned(),
        before: None,
        role: None,
        step: "restore".to_owned(),
        timeout: Millis::from_secs(600),
        unheard: false,
        resumed: false,
    }
}

#[track_caller]
fn says(told: &str, word: &str, part: &str) {
    assert!(told.starts_with(word) && told.contains(part), "{told}");
}

/// Makes a file as old as that.
fn age(file: &Path, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * 3_600);
    fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

/// Goal: a damaged database is as it was, from a dump of each kind, with nothing left of what was there meanwhile; rows and the
/// newest row say so, and said otherwise before. The note makes the step's result known to every agent, and to this execution
/// alone. Method: dump, damage, restore over it, verify, for each kind.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_restored() {
    let stage = Stage::new();
    let kinds: [(&str, &[&str]); 3] =
        [("custom.dump", &["-Fc"]), ("plain.sql", &["-Fp"]), ("packed.sql.gz", &["-Fp", "-Z", "6"])];
    for (name, arguments) in kinds {
        stage.dump(name, arguments);
    }
    let verify = stage.verify("shop");
    says(&stage.attempt(&verify, context("v"), LONG).await.1, "succeeded", "users: 1204");
    for (name, _) in kinds {
        stage.sql("shop", "DELETE FROM users WHERE id > 7; DELETE FROM events; CREATE TABLE stray (id int); DROP FUNCTION twice");
        let told = stage.attempt(&verify, context("v"), SHORT).await.1;
        says(&told, "impossible", "function twice(integer) does not exist");
        says(&told, "impossible", "users: 7, expected at least 1204");

        let refused = stage.restore(name, "shop", &json!({}));
        says(&stage.attempt(&refused, context(name), SHORT).await.1, "impossible", "tables of its own");
        let restore = stage.restore(name, "shop", &json!({"over": "primary"}));
        let (noted, told) = stage.attempt(&restore, context(name), LONG).await;
        says(&told, "succeeded: shop: 3 tables, from ", name);
        let Some(Before::Restored { sha256, there, .. }) = &noted.before else {
            panic!("{:?}", noted.before)
        };
        assert!(told.contains(sha256.as_str()) && there.contains("4 tables, which are dropped"), "{there}");
        says(&stage.attempt(&verify, context("v"), LONG).await.1, "succeeded", "newest: ");
        assert_eq!(stage.sql("shop", "SELECT to_regclass('stray') IS NULL"), "t");
        assert_eq!(stage.sql("shop", "SELECT nextval('users_id_seq')"), "1205");

        // Another agent, and another attempt, see that it is done, and do nothing.
        let other = effects(stage.pair.home());
        let again = EffectContext { attempt: 2, before: None, ..context(name) };
        let (noted, told) = attempt(&other, &restore, again, SHORT).await;
        says(&told, "succeeded", name);
        assert_eq!(noted.before, None);
    }
    // A database that is there and empty needs no word.
    stage.sql("postgres", "CREATE DATABASE fresh OWNER quorate");
    let fresh = stage.restore("custom.dump", "fresh", &json!({}));
    says(&stage.attempt(&fresh, context("fresh"), LONG).await.1, "succeeded", "fresh: 3 tables");
    says(&stage.attempt(&stage.verify("fresh"), context("v"), LONG).await.1, "succeeded", "function: 42");
    says(&stage.attempt(&fresh, context("later"), SHORT).await.1, "impossible", "tables of its own");
    // What was dumped after a restore brings its old note with it.
    run(stage
        .pair
        .primary
        .client("pg_dump")
        .unwrap()
        .args(["-Fc", "-d", "fresh", "-f"])
        .arg(stage.pair.home().join("backups/again.dump")))
    .unwrap();
    let again = stage.restore("again.dump", "shop", &json!({"over": "primary"}));
    says(&stage.attempt(&again, context("again"), LONG).await.1, "succeeded", "again.dump");
}

/// Goal: what is not whole, not fresh or not ours to restore is refused before anything is changed, and the watch says the same
/// of it; a standby is no target. Method: dumps of each kind that were cut off, an old one, one elsewhere, none.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_restored() {
    let stage = Stage::new();
    let cut = |file: &Path, left: u64| {
        let length = fs::metadata(file).unwrap().len();
        fs::File::options().write(true).open(file).unwrap().set_len(length * left / 100).unwrap();
    };
    let cases: [(&str, &[&str], &str); 3] = [
        ("cut.dump", &["-Fc"], "it ends within its data"),
        ("cut.sql", &["-Fp"], "does not end with pg_dump's words"),
        ("cut.sql.gz", &["-Fp", "-Z", "6"], "gzip cannot unpack it"),
    ];
    let now = Timestamp(Millis::of(SystemTime::UNIX_EPOCH.elapsed().unwrap()).0);
    for (name, arguments, why) in cases {
        let file = stage.dump(name, arguments);
        let backup: Backup =
            serde_json::from_value(json!({"postgres_dump": {"path": file}, "fresh_within": "25h"})).unwrap();
        let BackupSeen::Found(whole) = stage.effects.look_at_backup(&backup, now).await else {
            panic!("{name}")
        };
        assert_eq!(whole.content, BackupContent::Sound, "{name}");
        // The second cut is of what the first has left; the third one goes through a custom dump's list of contents.
        for (left, why) in [(99, why), (60, why), (20, if arguments == ["-Fc"] { "pg_restore" } else { why })]
        {
            cut(&file, left);
            age(&file, 1);
            let over = stage.restore(name, "shop", &json!({"over": "primary"}));
            says(&stage.attempt(&over, context("cut"), SHORT).await.1, "impossible", why);
            let seen = stage.effects.look_at_backup(&backup, now).await;
            let told = judge(&backup, &seen, now, Millis(0)).state.to_string();
            says(&told, "it cannot be used", why);
        }
    }
    // What dies in the night leaves a dump half written: the one before it is restored, and that is told.
    let before = stage.dump("night-1.dump", &["-Fc"]);
    age(&before, 24);
    let half = stage.dump("night-2.dump", &["-Fc"]);
    cut(&half, 50);
    stage.sql("postgres", "CREATE DATABASE night OWNER quorate");
    let night = stage.restore("night-*.dump", "night", &json!({}));
    let (noted, told) = stage.attempt(&night, context("night"), LONG).await;
    says(&told, "succeeded", "night-1.dump");
    let Some(Before::Restored { there, .. }) = &noted.before else { panic!("{:?}", noted.before) };
    assert!(there.contains("not restored: ") && there.contains("night-2.dump"), "{there}");
    let old = stage.dump("old.dump", &["-Fc"]);
    age(&old, 26);
    let stale = stage.restore("old.dump", "shop", &json!({"over": "primary"}));
    says(&stage.attempt(&stale, context("old"), SHORT).await.1, "impossible", "no fresh backup");
    let findings = stage.effects.check(&stale, &context("readiness")).await;
    assert!(findings[0].to_string().starts_with("blocking: no fresh backup"), "{findings:?}");
    let none = stage.restore("*.none", "shop", &json!({"over": "primary"}));
    says(&stage.attempt(&none, context("none"), SHORT).await.1, "impossible", "there is no backup");
    let outside = stage.pair.home().join("elsewhere.dump");
    fs::copy(&old, &outside).unwrap();
    let elsewhere = stage.restore("*.none", "shop", &json!({"over": "primary", "dump": {"path": outside}}));
    says(&stage.attempt(&elsewhere, context("out"), SHORT).await.1, "impossible", "is not below a folder");
    let standby = stage.restore("old.dump", "shop", &json!({"port": stage.pair.replica.port}));
    stage.pair.catch_up().unwrap();
    says(&stage.attempt(&standby, context("standby"), SHORT).await.1, "impossible", "is a standby");
    assert_eq!(stage.sql("shop", "SELECT count(*) FROM users"), "1204", "nothing was touched");
}

/// Goal: a restore that fails in its midst changes nothing, is told at once, and another attempt may do better; one that is
/// under way is seen by another agent, which waits and does not begin beside it. Method: a dump whose data are spoilt where no
/// list of contents tells, and one that waits for a lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_ends_early() {
    let stage = Stage::new();
    let file = stage.dump("shop.dump", &["-Fc"]);
    let whole = fs::read(&file).unwrap();
    let mut spoilt = whole.clone();
    let middle = spoilt.len() * 9 / 10;
    spoilt[middle..middle + 64].fill(0x55);
    fs::write(&file, &spoilt).unwrap();
    stage.sql("shop", "CREATE TABLE after (id int)");
    let restore = stage.restore("shop.dump", "shop", &json!({"over": "primary"}));
    let (_, told) = stage.attempt(&restore, context("shop-2"), LONG).await;
    says(&told, "unknown", "nothing of it is committed: pg_restore: ");
    assert_eq!(stage.sql("shop", "SELECT count(*), to_regclass('after') FROM users"), "1204|after");

    fs::write(&file, &whole).unwrap();
    let mut psql = stage.pair.primary.client("psql").unwrap();
    psql.args(["-d", "shop", "-X", "-q", "-c", "BEGIN; LOCK TABLE users; SELECT pg_sleep(600)"]);
    psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _held = Killed(psql.spawn().unwrap());
    stage
        .pair
        .primary
        .wait_until("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        .unwrap();
    let stage = Arc::new(stage);
    let (first, second) = (Arc::clone(&stage), restore.clone());
    let working = tokio::spawn(async move {
        let again = EffectContext { attempt: 2, ..context("shop-2") };
        first.attempt(&second, again, LONG).await.1
    });
    let locked = "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')";
    stage.pair.primary.wait_until(locked).unwrap();
    let other = effects(stage.pair.home());
    let third = EffectContext { attempt: 3, ..context("shop-2") };
    let (noted, told) = attempt(&other, &restore, third, SHORT).await;
    says(&told, "unknown", "another session restores into shop");
    assert_eq!(noted.before, None, "it was not begun");
    // A server does not notice that a client is gone while it sleeps.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    stage.sql("shop", end);
    says(&working.await.unwrap(), "succeeded", "shop.dump");
    assert_eq!(stage.sql("shop", "SELECT count(*), to_regclass('after') IS NULL FROM users"), "1204|t");
}

/// Goal: an agent that is killed in the midst of a restore leaves the database as it was, nothing goes on without it, and
/// another agent does the step anew. Method: a process of its own that restores and waits for a lock is killed there; then the
/// lock is let go.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_killed_in_the_midst() {
    // This very test, started anew, is the agent.
    if let (Some(home), Ok(action)) = (std::env::var_os(HOME), std::env::var(ACTION)) {
        let action: Action = serde_json::from_str(&action).unwrap();
        attempt(&effects(Path::new(&home)), &action, context("shop-2"), LONG).await;
        return;
    }
    let stage = Stage::new();
    stage.dump("shop.dump", &["-Fc"]);
    stage.sql("shop", "CREATE TABLE after (id int)");
    let restore = stage.restore("shop.dump", "shop", &json!({"over": "primary"}));
    let mut psql = stage.pair.primary.client("psql").unwrap();
    psql.args(["-d", "shop", "-X", "-q", "-c", "BEGIN; LOCK TABLE users; SELECT pg_sleep(600)"]);
    psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _held = Killed(psql.spawn().unwrap());
    stage
        .pair
        .primary
        .wait_until("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        .unwrap();
    let mut agent = Command::new(std::env::current_exe().unwrap());
    agent.args(["--exact", "an_agent_is_killed_in_the_midst"]).stdout(Stdio::null()).stderr(Stdio::null());
    agent.env(HOME, stage.pair.home()).env(ACTION, serde_json::to_string(&restore).unwrap());
    let mut agent = Killed(agent.spawn().unwrap());
    let waits = "EXISTS (SELECT FROM pg_locks WHERE NOT granted) AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')";
    stage.pair.primary.wait_until(waits).unwrap();
    agent.end();
    let other = effects(stage.pair.home());
    let again = || EffectContext { attempt: 2, ..context("shop-2") };
    let (noted, told) = attempt(&other, &restore, again(), SHORT).await;
    says(&told, "unknown", "another session restores into shop");
    assert_eq!(noted.before, None, "what is left of it is waited for");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    stage.sql("shop", end);
    stage.pair.primary.wait_until("NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')").unwrap();
    assert_eq!(stage.sql("shop", "SELECT count(*), to_regclass('after') FROM users"), "1204|after");
    says(&attempt(&other, &restore, again(), LONG).await.1, "succeeded", "shop.dump");
    assert_eq!(stage.sql("shop", "SELECT count(*), to_regclass('after') IS NULL FROM users"), "1204|t");
}

/// Where the files of the agent are that is killed, and what it does.
const HOME: &str = "QUORATE_TEST_HOME";
const ACTION: &str = "QUORATE_TEST_ACTION";

/// A process that is ended with the value.
struct Killed(Child);

impl Killed {
    fn end(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.end();
    }
}
