//! The heartbeat row, read by the agent's own room from a real PostgreSQL replica: what it says, and what each thing
//! that can go wrong looks like. Needs Debian's `postgresql`, which `tests/run` installs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::effects::heartbeat::Heartbeats;
use quorate_policies::{
    Millis,
    document::read_agent_file,
    plan::{Lag, action::Heartbeat},
    readiness::FindingSeverity,
};
use quorate_tests::postgres::{Postgres, Replicated};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Nothing that the agent says may hold it.
const PASSWORD: &str = "s3cret-of-the-test";
/// What deploy/AWS.md tells to run, for the test's own user.
const SETUP: &str = "
    CREATE TABLE quorate_heartbeat (id int PRIMARY KEY CHECK (id = 1), at timestamptz NOT NULL);
    CREATE TABLE empty_heartbeat (at timestamptz);
    CREATE TABLE local_heartbeat (at timestamp);
    INSERT INTO local_heartbeat VALUES (now());
    CREATE ROLE quorate LOGIN PASSWORD 's3cret-of-the-test';
    GRANT SELECT ON quorate_heartbeat, empty_heartbeat, local_heartbeat TO quorate;";

/// Writes the row as the application or pg_cron does, so many seconds ago.
fn beat(database: &Replicated, seconds: f64) {
    let row = format!(
        "INSERT INTO quorate_heartbeat VALUES (1, now() - interval '{seconds} s') \
         ON CONFLICT (id) DO UPDATE SET at = excluded.at"
    );
    database.primary.sql(&row).unwrap();
    database.catch_up().unwrap();
}

fn row(server: &Postgres) -> Heartbeat {
    Heartbeat {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        database: "postgres".to_owned(),
        user: "quorate".to_owned(),
        table: "quorate_heartbeat".to_owned(),
        column: "at".to_owned(),
    }
}

/// An agent whose file has this `postgres` section, and this password in a file of its own.
fn agent(home: &Path, postgres: &str, password: &str) -> Heartbeats {
    let text = format!(
        "name: a\nregion: r\nmembers: {{a: {{region: r, address: '127.0.0.1:7951'}}}}\n\
         tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n{postgres}\n"
    );
    let file = home.join("password");
    fs::write(&file, format!("{password}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    Heartbeats::new(&read_agent_file("agent.yaml", &text).unwrap(), home)
}

const VERIFIED: &str = "postgres: {password_file: password, ca_file: authority.pem}";

fn known(lag: Lag) -> Millis {
    match lag {
        Lag::Known { behind, by, .. } if by == "heartbeat row" => behind,
        other => panic!("{other:?}"),
    }
}

fn unknown(lag: Lag) -> String {
    let Lag::Unknown { reason } = lag else { panic!("{lag:?}") };
    assert!(!reason.contains(PASSWORD), "the secret is out: {reason}");
    reason
}

/// Goal: the row's age on the replica is the lag; it grows when the row gets old, and when the replica stops replaying
/// although the row on the primary is fresh. Every obstacle is an unknown lag with its reason, within its deadline, and
/// none tells the password. Method: one primary and its streaming replica over TLS, changed step by step.
#[tokio::test(flavor = "multi_thread")]
async fn a_replicas_heartbeat_row_is_its_lag() {
    let database = Replicated::start().unwrap();
    database.primary.sql(SETUP).unwrap();
    let home = database.home();
    let heartbeats = agent(home, VERIFIED, PASSWORD);
    let there = row(&database.replica);

    database.catch_up().unwrap();
    assert!(unknown(heartbeats.read(&there).await).contains("there is no row"));

    beat(&database, 0.0);
    let fresh = known(heartbeats.read(&there).await);
    assert!(fresh < Millis::from_secs(60), "{fresh}");
    assert_eq!(heartbeats.check(&there).await, None);
    beat(&database, 3_600.0);
    let old = known(heartbeats.read(&there).await);
    assert!(old >= Millis::from_secs(3_600), "{old}");
    beat(&database, -0.2);
    known(heartbeats.read(&there).await);
    beat(&database, -600.0);
    assert!(unknown(heartbeats.read(&there).await).contains("in the future"));

    // What the primary writes and the replica does not replay is what would be lost.
    beat(&database, 60.0);
    database.pause().unwrap();
    database.primary.sql("UPDATE quorate_heartbeat SET at = now()").unwrap();
    let paused = known(heartbeats.read(&there).await);
    assert!(paused >= Millis::from_secs(60), "{paused}");
    database.resume().unwrap();
    database.catch_up().unwrap();
    assert!(known(heartbeats.read(&there).await) < paused);

    obstacles(&database, &heartbeats).await;
    certificates(&database, &heartbeats).await;

    // A host that takes connections and answers nothing.
    database.replica.freeze().unwrap();
    let silent = unknown(heartbeats.read(&there).await);
    assert!(silent.contains("no answer within"), "{silent}");
    database.replica.thaw().unwrap();
    known(heartbeats.read(&there).await);
}

/// What is there is not what was named, or may not be read.
async fn obstacles(database: &Replicated, heartbeats: &Heartbeats) {
    let there = row(&database.replica);
    let table = |table: &str| Heartbeat { table: table.to_owned(), ..there.clone() };
    for (row, why) in [
        (table("public.missing"), "does not exist"),
        (table("empty_heartbeat"), "there is no row"),
        (table("local_heartbeat"), "not timestamptz"),
        // A column's or a table's name ends nowhere but at its end.
        (table("quorate_heartbeat\"; DROP TABLE x; --"), "does not exist"),
        (Heartbeat { column: "missing".to_owned(), ..there.clone() }, "does not exist"),
        (Heartbeat { database: "missing".to_owned(), ..there.clone() }, "does not exist"),
        // On the primary a row is always fresh.
        (row(&database.primary), "is no replica"),
        (Heartbeat { port: 1, ..there.clone() }, "refused"),
    ] {
        let reason = unknown(heartbeats.read(&row).await);
        assert!(reason.contains(why), "{row:?}: {reason}");
        let finding = heartbeats.check(&row).await.expect("it is a finding");
        assert_eq!(finding.severity, FindingSeverity::Warning);
    }
    let wrong = agent(database.home(), VERIFIED, &PASSWORD.replace('3', "4"));
    let reason = unknown(wrong.read(&there).await);
    assert!(reason.contains("password authentication failed") && !reason.contains("s4cret"), "{reason}");
    let file = database.home().join("password");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(unknown(wrong.read(&there).await).contains("chmod 600"));
    // It is read for each connection, so the right one helps at once.
    agent(database.home(), VERIFIED, PASSWORD);
    known(wrong.read(&there).await);
    assert!(unknown(agent(database.home(), "", PASSWORD).read(&there).await).contains("`postgres` section"));
}

/// Who does not prove who it is gets no password.
async fn certificates(database: &Replicated, heartbeats: &Heartbeats) {
    let there = row(&database.replica);
    let stranger = agent(database.home(), "postgres: {password_file: password}", PASSWORD);
    let reason = unknown(stranger.read(&there).await);
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    let named = Heartbeat { host: "localhost".to_owned(), ..there.clone() };
    let reason = unknown(heartbeats.read(&named).await);
    assert!(reason.contains("not valid for name"), "{reason}");

    let plain = agent(database.home(), "postgres: {password_file: password, tls: off}", PASSWORD);
    known(plain.read(&there).await);
    // A name is never this machine for certain, and a remote address is not.
    for host in ["localhost", "192.0.2.1"] {
        let there = Heartbeat { host: host.to_owned(), ..there.clone() };
        assert!(unknown(plain.read(&there).await).contains("`tls: off`"), "{host}");
    }
    database.replica.set("ssl", "off").unwrap();
    let reason = unknown(heartbeats.read(&there).await);
    assert!(reason.contains("does not support TLS"), "{reason}");
    database.replica.set("ssl", "on").unwrap();
    known(heartbeats.read(&there).await);
}
