//! The actions on a PostgreSQL pair without a guard, by the agent's own rooms and the core's own attempt, on a real primary
//! and its standby: fence and unfence, switchover, rejoin. Needs Debian's `postgresql`, which `tests/run` installs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::effects::Effects;
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    document::read_agent_file,
    effect::EffectContext,
    plan::{Action, Before, before::undo},
};
use quorate_probes::{PostgresCredentials, Prober, ProberSettings};
use quorate_tests::postgres::{Postgres, Replicated};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Long enough for whatever has to come, on a busy machine. Only a failure takes so long.
const LONG: Millis = Millis::from_secs(60);
/// Long enough for several looks at what does not come.
const SHORT: Millis = Millis::from_secs(3);

/// What deploy/POSTGRES.md tells to run, with the test's own password, and an application's account and table.
const SETUP: &str = "
    CREATE ROLE quorate LOGIN REPLICATION PASSWORD 's3cret';
    GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO quorate;
    GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only TO quorate;
    GRANT EXECUTE ON FUNCTION pg_reload_conf(), pg_promote(boolean, integer) TO quorate;
    CREATE ROLE weak LOGIN PASSWORD 's3cret';
    CREATE ROLE app LOGIN;
    CREATE TABLE acknowledged (number int PRIMARY KEY);
    GRANT SELECT, INSERT ON acknowledged TO app;";

/// A pair, and an agent's rooms.
struct Stage {
    pair: Replicated,
    effects: Effects,
}

impl Stage {
    fn new() -> Self {
        let pair = Replicated::start().unwrap();
        pair.primary.sql(SETUP).unwrap();
        pair.replica.set("wal_retrieve_retry_interval", "200ms").unwrap();
        pair.catch_up().unwrap();
        let text = "name: a\nregion: r\nmembers: {a: {region: r, address: '127.0.0.1:7951'}}\n\
             tls: {ca: a, certificate: b, key: c}\noperator_token_file: d\n\
             postgres: {password_file: password, ca_file: authority.pem}\n";
        let file = read_agent_file("agent.yaml", text).unwrap();
        let password = pair.home().join("password");
        fs::write(&password, "s3cret\n").unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        let postgres = file.postgres.as_ref().map(|section| PostgresCredentials::of(section, pair.home()));
        let prober = Prober::new(ProberSettings { postgres, ..ProberSettings::default() }).unwrap();
        let effects = Effects::new(&file, pair.home(), Arc::new(prober));
        Self { pair, effects }
    }

    /// One attempt of a step that runs for the first time, as an executor runs it; what was noted, and how it ended.
    async fn attempt(&self, action: &Action, timeout: Millis) -> (Option<Before>, StepOutcome) {
        let began = Instant::now();
        let now = || Monotonic(u64::try_from(began.elapsed().as_millis()).unwrap());
        let mut context = context();
        let must_be_ours = !action.reversible() && !action.knows_its_own();
        let mut run = StepRun::new(now(), timeout, 0).must_be_ours(must_be_ours);
        let mut event = StepEvent::Ready;
        loop {
            event = match run.next(now(), event) {
                StepWork::Observe => StepEvent::Observed(self.effects.observe(action, &context, &()).await),
                StepWork::Act { part, before } => {
                    context.before = context.before.take().or(before);
                    StepEvent::Acted(self.effects.act(action, part, &context).await)
                }
                StepWork::Wait(pause) => {
                    tokio::time::sleep(pause.duration()).await;
                    StepEvent::Ready
                }
                StepWork::Finish(outcome) => return (context.before, outcome),
                StepWork::Leave(why) => panic!("{why}"),
            };
        }
    }

    /// The same, of one that succeeds.
    async fn succeeds(&self, action: &Action) -> Option<Before> {
        match self.attempt(action, LONG).await {
            (before, StepOutcome::Succeeded { .. }) => before,
            (_, other) => panic!("{}: {other:?}", action.kind()),
        }
    }

    /// The same, of one that ends otherwise: with which word, and why.
    async fn ends(&self, action: &Action) -> (&'static str, String) {
        match self.attempt(action, SHORT).await.1 {
            StepOutcome::Failed { reason } => ("failed", reason),
            StepOutcome::Impossible { reason } => ("impossible", reason),
            StepOutcome::Broken { reason } => ("broken", reason),
            StepOutcome::Unknown { reason } => ("unknown", reason),
            StepOutcome::Succeeded { detail } => ("succeeded", detail),
        }
    }

    async fn findings(&self, action: &Action) -> Vec<String> {
        self.effects.check(action, &context()).await.iter().map(ToString::to_string).collect()
    }

    fn fence(&self) -> Action {
        action("postgres.fence", &self.pair.primary, "east", "quorate", &json!({}))
    }

    fn switchover(&self) -> Action {
        let from = json!({"host": "127.0.0.1", "port": self.pair.primary.port});
        let more = json!({"probe": "database", "from": from});
        action("postgres.switchover", &self.pair.replica, "west", "quorate", &more)
    }

    fn rows(&self, server: &Postgres) -> Vec<u32> {
        let text = server.sql("SELECT number FROM acknowledged ORDER BY number").unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

fn action(kind: &str, server: &Postgres, region: &str, user: &str, more: &Value) -> Action {
    let mut fields = json!({"region": region, "host": "127.0.0.1", "port": server.port, "user": user});
    for (key, value) in more.as_object().unwrap() {
        fields[key] = value.clone();
    }
    serde_json::from_value(json!({kind: fields})).unwrap()
}

fn context() -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt: 1,
        from: "east".to_owned(),
        to: "west".to_owned(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

/// An application that writes one row after the other, with a session for each, whatever becomes of it.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u32>>,
}

impl Writer {
    fn start(pair: Arc<Stage>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let row = |number: &u32| {
                let insert = format!("INSERT INTO acknowledged VALUES ({number})");
                pair.pair.primary.sql_as("app", &insert).is_ok()
            };
            (0..).take_while(|_| !stopped.load(Ordering::Relaxed)).filter(row).collect()
        });
        Self { stop, thread }
    }

    /// What was acknowledged.
    fn end(self) -> Vec<u32> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What was acknowledged and is not there. A commit may stand whose session was ended before it heard of it.
fn lacking(rows: &[u32], mut acknowledged: Vec<u32>) -> Vec<u32> {
    acknowledged.retain(|number| !rows.contains(number));
    acknowledged
}

/// Goal: a fence ends who is writing and keeps who comes again from it, notes that writes were allowed, and its undo gives
/// them back; a fence that stood already is left. A standby is not fenced, and one that is down is unknown. Method: a writer
/// that always comes again, and a session in the middle of a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_and_its_end() {
    let stage = Arc::new(Stage::new());
    let primary = &stage.pair.primary;
    let held = primary.hold("app", "INSERT INTO acknowledged VALUES (-1)").unwrap();
    let writer = Writer::start(Arc::clone(&stage));
    primary.wait_until("(SELECT count(*) FROM acknowledged) > 3").unwrap();

    let fence = stage.fence();
    let before = stage.succeeds(&fence).await;
    assert_eq!(before, Some(Before::WritesStopped { already: false }));
    let rows = stage.rows(primary);
    assert!(primary.sql_as("app", "INSERT INTO acknowledged VALUES (-2)").is_err());
    thread::sleep(Duration::from_millis(200));
    assert_eq!(
        stage.rows(primary),
        rows,
        "the writer comes again in vain, and what was open is not committed"
    );
    // It stands already: nothing is done, nothing is noted, and so nothing would be taken back.
    assert_eq!(stage.succeeds(&fence).await, None);

    let unfence = undo(&fence, before.as_ref()).unwrap();
    assert_eq!(unfence.kind(), "postgres.unfence");
    stage.succeeds(&unfence).await;
    primary.wait_until(&format!("(SELECT count(*) FROM acknowledged) > {}", rows.len())).unwrap();
    let acknowledged = writer.end();
    assert_eq!(lacking(&stage.rows(primary), acknowledged), Vec::<u32>::new());
    drop(held);

    let standby = action("postgres.fence", &stage.pair.replica, "west", "quorate", &json!({}));
    let (word, why) = stage.ends(&standby).await;
    assert!(word == "impossible" && why.contains("is a standby"), "{word}: {why}");
    primary.sql("ALTER ROLE app SET default_transaction_read_only = off").unwrap();
    let (word, why) = stage.ends(&fence).await;
    assert!(word == "impossible" && why.contains("does not hold for app in every database"), "{word}: {why}");
    primary.stop().unwrap();
    let (word, why) = stage.ends(&fence).await;
    assert!(word == "unknown" && why.contains("so it is not fenced"), "{word}: {why}");
}

/// Goal: a switchover under a writer loses no acknowledged row, also none that was committed asynchronously, and its record
/// says so; it is not begun without a fence. Method: a writer that always comes again, once refused, then behind a fence.
#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_loses_nothing() {
    let stage = Arc::new(Stage::new());
    let (primary, standby) = (&stage.pair.primary, &stage.pair.replica);
    primary.sql("ALTER ROLE app SET synchronous_commit = off").unwrap();
    let writer = Writer::start(Arc::clone(&stage));
    primary.wait_until("(SELECT count(*) FROM acknowledged) > 3").unwrap();
    let switchover = stage.switchover();
    let (word, why) = stage.ends(&switchover).await;
    assert!(word == "impossible" && why.contains("stop writes with postgres.fence before"), "{word}: {why}");

    stage.succeeds(&stage.fence()).await;
    let before = stage.succeeds(&switchover).await.unwrap().to_string();
    assert!(before.starts_with("replica of east, 0s behind"), "{before}");
    assert!(before.contains("the log of the fenced primary ended at"), "{before}");
    let acknowledged = writer.end();
    assert!(acknowledged.len() > 3);
    assert_eq!(lacking(&stage.rows(standby), acknowledged), Vec::<u32>::new());
    standby.sql_as("app", "INSERT INTO acknowledged VALUES (-1)").unwrap();
    assert!(
        primary.sql_as("app", "INSERT INTO acknowledged VALUES (-1)").is_err(),
        "the old one stays fenced"
    );

    // Another execution finds a primary that it has not seen as a standby.
    let (word, why) = stage.ends(&switchover).await;
    assert!(word == "impossible" && why.contains("before anything was done"), "{word}: {why}");
}

/// Goal: a standby that does not have everything is never promoted, and the attempt has certainly failed, so that an abort
/// may give the writes back: one that has not replayed all, one whose primary is gone. Method: replay is paused and goes on;
/// the primary is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_without_proof_fails_for_certain() {
    let stage = Stage::new();
    let (pair, switchover) = (&stage.pair, stage.switchover());
    pair.pause().unwrap();
    pair.primary.sql_as("app", "INSERT INTO acknowledged VALUES (1)").unwrap();
    stage.succeeds(&stage.fence()).await;
    let (word, why) = stage.ends(&switchover).await;
    assert!(word == "failed" && why.contains("bytes are not replayed"), "{word}: {why}");
    assert_eq!(pair.replica.sql("SELECT pg_is_in_recovery()").unwrap(), "t");

    pair.primary.stop().unwrap();
    let (word, why) = stage.ends(&switchover).await;
    assert!(word == "failed" && why.contains("replaced by postgres.promote"), "{word}: {why}");
    pair.resume().unwrap();
    let (word, why) = stage.ends(&switchover).await;
    assert!(word == "failed" && why.contains("cannot be asked"), "{word}: {why}");
    assert_eq!(pair.replica.sql("SELECT pg_is_in_recovery()").unwrap(), "t");
}

/// Goal: the new primary gets its checkpoint and the slot, and it is done only when the other server streams by it; one that
/// is no primary is nobody's to follow. Method: a primary whose standby takes the slot later; a standby; and it promoted.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_server_comes_back() {
    let stage = Stage::new();
    let (primary, standby) = (&stage.pair.primary, &stage.pair.replica);
    let follow = |server| action("postgres.rejoin", server, "west", "quorate", &json!({"slot": "east"}));
    let (word, why) = stage.ends(&follow(primary)).await;
    assert!(word == "unknown" && why.contains("nobody uses the slot east"), "{word}: {why}");
    standby.set("primary_slot_name", "east").unwrap();
    stage.succeeds(&follow(primary)).await;

    let (word, why) = stage.ends(&follow(standby)).await;
    assert!(word == "impossible" && why.contains("is no primary"), "{word}: {why}");
    standby.sql("SELECT pg_promote()").unwrap();
    let (word, why) = stage.ends(&follow(standby)).await;
    assert!(word == "unknown" && why.contains("nobody uses the slot east"), "{word}: {why}");
    assert_eq!(standby.sql("SELECT timeline_id FROM pg_control_checkpoint()").unwrap(), "2");
    assert_eq!(standby.sql("SELECT slot_type FROM pg_replication_slots").unwrap(), "physical");
}

/// Goal: an account without the rights is told each with the statement that gives it, and with them nothing stands in the
/// way. Method: the plan's actions as an account that may nothing, and as one that may all.
#[tokio::test(flavor = "multi_thread")]
async fn each_missing_right_has_its_statement() {
    let stage = Stage::new();
    let (primary, standby) = (&stage.pair.primary, &stage.pair.replica);
    let from = json!({"host": "127.0.0.1", "port": primary.port});
    let by = |user: &str| {
        [
            action("postgres.fence", primary, "east", user, &json!({})),
            action("postgres.unfence", primary, "east", user, &json!({})),
            action("postgres.switchover", standby, "west", user, &json!({"probe": "database", "from": from})),
            action("postgres.rejoin", standby, "west", user, &json!({"slot": "east"})),
        ]
    };
    let [fence, unfence, switchover, rejoin] = by("weak");
    let alter = [
        "GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only TO weak",
        "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO weak",
        "GRANT pg_signal_backend TO weak",
    ];
    let promote =
        ["GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO weak", "GRANT pg_monitor TO weak"];
    let follow = ["ALTER ROLE weak REPLICATION", "GRANT pg_checkpoint TO weak", "GRANT pg_monitor TO weak"];
    for (action, statements) in
        [(&fence, &alter[..]), (&unfence, &alter), (&switchover, &promote), (&rejoin, &follow)]
    {
        let told = stage.findings(action).await;
        for statement in statements {
            let said = |finding: &&String| finding.starts_with("blocking") && finding.contains(statement);
            assert_eq!(told.iter().filter(said).count(), 1, "{statement}: {told:#?}");
        }
    }
    for action in by("quorate") {
        let told = stage.findings(&action).await;
        assert!(told.iter().all(|finding| finding.starts_with("note")), "{}: {told:#?}", action.kind());
    }
    // What it may not do, it does not do in part.
    let (word, why) = stage.ends(&fence).await;
    assert!(word == "impossible" && why.contains("GRANT pg_monitor TO weak"), "{word}: {why}");

    standby.set("recovery_min_apply_delay", "1min").unwrap();
    standby.set("default_transaction_read_only", "on").unwrap();
    let told = stage.findings(&stage.switchover()).await.join("\n");
    assert!(told.contains("recovery_min_apply_delay of 127.0.0.1 is 1m"), "{told}");
    assert!(told.contains("promoted, it would take no writes"), "{told}");
    standby.stop().unwrap();
    assert!(
        stage
            .findings(&stage.switchover())
            .await
            .join("\n")
            .contains("the standby 127.0.0.1 cannot be asked")
    );
}
