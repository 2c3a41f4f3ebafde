//! The `postgres` probe against PostgreSQL as Debian ships it: both roles, and each way to fail.

mod cluster;

use crate::{name, phases, reason};
use cluster::{Cluster, Server};
use quorate_policies::{
    Millis,
    document::PostgresTls,
    health::{FailureReason, Observation},
    policy::{Looks, PostgresProbe, Probe},
    postgres::{Confirmation, Database, DatabaseRole},
};
use quorate_probes::{Outcome, PostgresCredentials, ProbeResult, Prober, ProberSettings, Target};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

/// No test meets it by accident.
const PATIENT: Millis = Millis(20_000);
/// The deadline of a test that means to meet it. SCRAM of an unoptimized build takes some tens of milliseconds.
const SHORT: Millis = Millis(700);

fn probe(server: &Server) -> PostgresProbe {
    let Looks::Postgres(probe) = Probe::postgres("127.0.0.1", "quorate_probe").looks else {
        panic!("no PostgreSQL probe")
    };
    PostgresProbe { port: server.port, ..probe }
}

fn target(probe: PostgresProbe, timeout: Millis) -> Target {
    Target::new(name("database/a"), &Looks::Postgres(probe), timeout).unwrap()
}

fn credentials(cluster: &Cluster) -> PostgresCredentials {
    PostgresCredentials {
        password_file: cluster.file("password", "secret\n"),
        ca_file: Some(cluster.authority.clone()),
        tls: PostgresTls::VerifyFull,
    }
}

fn prober(postgres: PostgresCredentials) -> Prober {
    Prober::new(ProberSettings { postgres: Some(postgres), ..ProberSettings::default() }).unwrap()
}

async fn look(cluster: &Cluster, probe: PostgresProbe) -> ProbeResult {
    prober(credentials(cluster)).probe(&target(probe, PATIENT)).await
}

fn database(result: &ProbeResult) -> Database {
    assert_eq!(result.outcome, Outcome::Success, "{result:?}");
    result.database.clone().unwrap()
}

fn detail(result: &ProbeResult) -> &str {
    match &result.outcome {
        Outcome::Failure { detail, .. } => detail,
        Outcome::Success => panic!("no failure: {result:?}"),
    }
}

/// Goal: both roles are told with timeline and positions, before and after a promotion. Method: a primary and its
/// streaming replica, asked by an account without and with `pg_read_all_stats`; then the replica is promoted.
#[tokio::test(flavor = "multi_thread")]
async fn roles_timelines_and_positions() {
    let cluster = Cluster::start();
    let replica = cluster.replica();
    let result = look(&cluster, probe(&cluster.primary)).await;
    assert_eq!(phases(&result), ["connect", "tls", "processing"]);
    assert!(result.tls_expiry.is_some());
    let DatabaseRole::Primary { written } = database(&result).role else { panic!("{result:?}") };
    assert_eq!(database(&result).timeline, 1);

    cluster.primary.sql("CREATE TABLE t AS SELECT generate_series(1, 1000)");
    let now = cluster.primary.sql("SELECT pg_current_wal_lsn()").parse().unwrap();
    replica.wait(&format!("pg_last_wal_replay_lsn() >= '{now}'"));
    let result = look(&cluster, probe(&replica)).await;
    let DatabaseRole::Standby { received, replayed, streaming } = database(&result).role else {
        panic!("{result:?}")
    };
    assert_eq!((database(&result).timeline, streaming, &database(&result).confirmation), (1, None, &None));
    assert!(received >= Some(now) && replayed >= Some(now) && now.since(written) > 1_000, "{result:?}");
    cluster.primary.sql("GRANT pg_read_all_stats TO quorate_probe");
    // A session that asked before the right arrived would not be told of it (`pg_has_role`).
    replica.wait("EXISTS (SELECT FROM pg_auth_members WHERE member = 'quorate_probe'::regrole)");
    let result = look(&cluster, probe(&replica)).await;
    assert!(
        matches!(database(&result).role, DatabaseRole::Standby { streaming: Some(true), .. }),
        "{result:?}"
    );

    cluster.primary.stop();
    replica.wait("NOT EXISTS (SELECT FROM pg_stat_wal_receiver)");
    let result = look(&cluster, probe(&replica)).await;
    assert!(
        matches!(database(&result).role, DatabaseRole::Standby { streaming: Some(false), .. }),
        "{result:?}"
    );
    replica.sql("SELECT pg_promote()");
    let result = look(&cluster, probe(&replica)).await;
    assert_eq!((database(&result).timeline, database(&result).is_primary()), (2, true));
}

/// Goal: a primary is said to wait for a standby only when no commit is acknowledged without it, and a standby says under
/// which name it confirms. Method: a pair whose standby is `west`; then each setting that lets a commit through.
#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_pair() {
    let cluster = Cluster::start();
    cluster.primary.sql("GRANT pg_read_all_stats TO quorate_probe");
    let replica = cluster.replica();
    let asked = async || match look(&cluster, probe(&cluster.primary)).await.database.unwrap().confirmation {
        Some(Confirmation::Asked { of, loaded }) => Some((of, loaded)),
        Some(Confirmation::Given { .. }) => panic!("a primary gives none"),
        None => None,
    };
    let given = async || look(&cluster, probe(&replica)).await.database.unwrap().confirmation;
    let named = |name: &str| Some(Confirmation::Given { name: name.to_owned() });
    assert_eq!((asked().await, given().await), (None, named("walreceiver")));
    let conninfo = replica.sql("SHOW primary_conninfo");
    let renamed = format!("{conninfo} application_name=West").replace('\'', "''");
    replica.set_as("primary_conninfo", &renamed);
    cluster.primary.wait("EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'West')");
    replica.wait("EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')");
    assert_eq!(given().await, named("west"));

    cluster.primary.set("synchronous_standby_names", "FIRST 1 (west)");
    assert_eq!(asked().await, None, "a checkpoint that began before may still be under way");
    let settle = || {
        // The time of a checkpoint has no fraction of a second.
        cluster.primary.wait("clock_timestamp() > pg_conf_load_time() + '1.1 s'");
        cluster.primary.sql("CHECKPOINT");
    };
    settle();
    let (of, loaded) = asked().await.expect("every commit waits for it");
    assert_eq!(of, ["west"]);
    cluster.primary.sql("ALTER ROLE quorate_probe SET synchronous_commit = local");
    assert_eq!(asked().await, None, "its own setting says nothing of the others', and it waits for nobody");
    cluster.primary.sql("ALTER ROLE quorate_probe SET synchronous_commit = remote_apply");
    assert_eq!(asked().await, None, "what the others do is not to be seen");
    cluster.primary.sql("ALTER ROLE quorate_probe RESET synchronous_commit");
    assert_eq!(asked().await, Some((of, loaded.clone())));
    cluster.primary.sql("ALTER DATABASE template1 SET synchronous_commit = off");
    assert_eq!(asked().await, None, "a database that does not wait");
    cluster.primary.sql("ALTER DATABASE template1 RESET synchronous_commit");
    cluster.primary.set("synchronous_commit", "local");
    settle();
    assert_eq!(asked().await, None, "nobody waits");
    cluster.primary.set("synchronous_commit", "remote_write");
    settle();
    assert_ne!(asked().await.expect("again").1, loaded, "loaded again");
    cluster.primary.set("synchronous_standby_names", "ANY 1 (west, other)");
    settle();
    assert_eq!(asked().await, None, "the other one may do");
}

/// Goal: what is wrong with the probe's own setup says nothing about the server. Method: a wrong password, then the
/// right one without a new prober; an account, a database and a table that are not there; files that do not serve.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setup_says_nothing() {
    let cluster = Cluster::start();
    let wrong =
        PostgresCredentials { password_file: cluster.file("other", "wrong"), ..credentials(&cluster) };
    let one = prober(wrong.clone());
    let here = target(probe(&cluster.primary), PATIENT);
    let refused = one.probe(&here).await;
    assert_eq!(reason(&refused), FailureReason::Access);
    assert!(detail(&refused).contains("28P01") && !detail(&refused).contains("wrong"), "{refused:?}");
    assert_eq!(refused.observation(), Observation::Nothing(FailureReason::Access));
    fs::write(&wrong.password_file, "secret").unwrap();
    assert_eq!(one.probe(&here).await.outcome, Outcome::Success);

    let usual = probe(&cluster.primary);
    for odd in [
        PostgresProbe { user: "nobody".to_owned(), ..usual.clone() },
        PostgresProbe { database: "nothing".to_owned(), ..usual.clone() },
        PostgresProbe { write: Some("no_table".to_owned()), ..usual.clone() },
    ] {
        assert_eq!(reason(&look(&cluster, odd).await), FailureReason::Access);
    }

    let open = cluster.file("open", "secret");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    for odd in [
        PostgresCredentials { password_file: open, ..credentials(&cluster) },
        PostgresCredentials { ca_file: Some(cluster.file("empty", "")), ..credentials(&cluster) },
    ] {
        let result = prober(odd).probe(&here).await;
        assert_eq!(reason(&result), FailureReason::LocalResource, "{result:?}");
    }
    let none = Prober::new(ProberSettings::default()).unwrap().probe(&here).await;
    assert!(detail(&none).contains("no `postgres` section"), "{none:?}");
}

/// Goal: a server that cannot prove who it is gets no password. Method: another authority, another name, a server
/// without TLS; then the same server over loopback with TLS waived.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_must_prove_who_it_is() {
    let cluster = Cluster::start();
    let stranger =
        PostgresCredentials { ca_file: Some(cluster.another_authority()), ..credentials(&cluster) };
    let here = target(probe(&cluster.primary), PATIENT);
    assert_eq!(reason(&prober(stranger).probe(&here).await), FailureReason::TlsCertUntrusted);
    let elsewhere = PostgresProbe { host: "localhost".to_owned(), ..probe(&cluster.primary) };
    let result = look(&cluster, elsewhere.clone()).await;
    assert_eq!((reason(&result), phases(&result)), (FailureReason::TlsCertName, vec!["resolve", "connect"]));

    cluster.primary.set("ssl", "off");
    let result = look(&cluster, probe(&cluster.primary)).await;
    assert_eq!(reason(&result), FailureReason::TlsHandshake);
    assert!(detail(&result).contains("does not offer TLS"), "{result:?}");
    let waived =
        prober(PostgresCredentials { ca_file: None, tls: PostgresTls::Off, ..credentials(&cluster) });
    let result = waived.probe(&here).await;
    assert_eq!((&result.outcome, phases(&result)), (&Outcome::Success, vec!["connect", "processing"]));
    let result = waived.probe(&target(elsewhere, PATIENT)).await;
    assert_eq!(reason(&result), FailureReason::LocalResource, "{result:?}");
}

/// Goal: a host that still accepts connections and does nothing else fails by the deadline, at whichever phase it stops.
/// Method: the server is stopped before TLS; and a statement waits for a lock on the heartbeat table.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_meets_the_deadline() {
    let cluster = Cluster::start();
    let prober = prober(credentials(&cluster));
    cluster.primary.freeze();
    let started = Instant::now();
    let result = prober.probe(&target(probe(&cluster.primary), SHORT)).await;
    assert_eq!(
        (reason(&result), phases(&result)),
        (FailureReason::TtfbTimeout, vec!["connect"]),
        "{result:?}"
    );
    assert!(started.elapsed() < SHORT.duration() + Duration::from_millis(300), "{:?}", started.elapsed());
    cluster.primary.thaw();

    cluster.heartbeat();
    let probe = PostgresProbe { write: Some("quorate_heartbeat".to_owned()), ..probe(&cluster.primary) };
    let _lock = cluster.primary.hold("LOCK TABLE quorate_heartbeat");
    let result = prober.probe(&target(probe, SHORT)).await;
    assert_eq!(reason(&result), FailureReason::TtfbTimeout, "{result:?}");
    assert_eq!(phases(&result), ["connect", "tls", "processing"]);
    assert!(result.database.as_ref().is_some_and(Database::is_primary));
}

/// Goal: a server that runs but takes no connections says so, and so does one that is gone. Method: a standby without
/// hot standby; no slots left; the postmaster killed; nothing listening.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nobody_fails() {
    let cluster = Cluster::start();
    let mut replica = cluster.replica();
    replica.stop();
    replica.restart(&["hot_standby=off"]);
    let starting = look(&cluster, probe(&replica)).await;
    assert_eq!(reason(&starting), FailureReason::NotAccepting, "{starting:?}");
    assert!(detail(&starting).contains("57P03"), "{starting:?}");

    let mut primary = cluster.primary;
    primary.stop();
    // Three connections for everybody, three for superusers; the standby's is not among them.
    primary.restart(&["max_connections=6"]);
    let held: Vec<_> = (0..3).map(|_| primary.hold("SELECT 1")).collect();
    let here = target(probe(&primary), PATIENT);
    let credentials = PostgresCredentials {
        password_file: replica.home().join("password"),
        ca_file: Some(replica.home().join("authority.pem")),
        tls: PostgresTls::VerifyFull,
    };
    let prober = prober(credentials);
    let full = prober.probe(&here).await;
    assert_eq!(reason(&full), FailureReason::TooManyConnections, "{full:?}");
    drop(held);

    primary.kill();
    assert_eq!(reason(&prober.probe(&here).await), FailureReason::ConnectRefused);
}

/// Goal: the write probe writes on a primary, not on a standby, and tells a primary that refuses. Method: the row's moment
/// before and after; the replica; a primary whose transactions are read-only.
#[tokio::test(flavor = "multi_thread")]
async fn the_write_probe_writes() {
    let cluster = Cluster::start();
    let replica = cluster.replica();
    cluster.heartbeat();
    let writing =
        |server: &Server| PostgresProbe { write: Some("quorate_heartbeat".to_owned()), ..probe(server) };
    let moment = || cluster.primary.sql("SELECT max(at) FROM quorate_heartbeat");
    let result = look(&cluster, writing(&cluster.primary)).await;
    assert_eq!(
        (&result.outcome, phases(&result)),
        (&Outcome::Success, vec!["connect", "tls", "processing", "transfer"])
    );
    let first = moment();
    assert_eq!(look(&cluster, writing(&cluster.primary)).await.outcome, Outcome::Success);
    let second = moment();
    assert!(!first.is_empty() && first < second, "{first} {second}");

    let result = look(&cluster, writing(&replica)).await;
    assert_eq!((&result.outcome, phases(&result)), (&Outcome::Success, vec!["connect", "tls", "processing"]));
    assert_eq!(moment(), second);

    cluster.primary.set("default_transaction_read_only", "on");
    let result = look(&cluster, writing(&cluster.primary)).await;
    assert_eq!(reason(&result), FailureReason::ReadOnly, "{result:?}");
    assert!(result.database.as_ref().is_some_and(Database::is_primary));
}

/// Goal: what is no PostgreSQL is told. Method: a server that answers the wish for TLS with HTTP, and one that hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn something_else_on_the_port() {
    let home = tempfile::tempdir().unwrap();
    let password_file = home.path().join("password");
    fs::write(&password_file, "secret").unwrap();
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).unwrap();
    let prober = prober(PostgresCredentials { password_file, ca_file: None, tls: PostgresTls::VerifyFull });
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    let talking = tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
        let (stream, _) = other.accept().await.unwrap();
        drop(stream);
    });
    let Looks::Postgres(looks) = Probe::postgres("127.0.0.1", "u").looks else { panic!() };
    let here = target(PostgresProbe { port, ..looks }, PATIENT);
    assert_eq!(reason(&prober.probe(&here).await), FailureReason::Protocol);
    assert_eq!(reason(&prober.probe(&here).await), FailureReason::Reset);
    talking.await.unwrap();
}
