//! Two guarded servers that replicate: promoted with and without a lease, and a former primary's way back. A part of the
//! integration tests.

use crate::{
    agent::{Agent, Script},
    place::{Place, home, signal},
};
use std::{thread::sleep, time::Duration};

/// What deploy/POSTGRES.md lets the account for rejoining do, and no more.
const ACCOUNT: &str = "create role quorate login replication; grant pg_monitor, pg_checkpoint to quorate;
    grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean),
    pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean) to quorate";

struct Pair {
    one: Place,
    two: Place,
    agent_one: Agent,
    agent_two: Agent,
}

fn rejoining(at: &Place) -> String {
    format!("host=127.0.0.1 port={} user=quorate", at.port)
}

async fn pair(rewindable: bool) -> anyhow::Result<Pair> {
    let agent_one = Agent::start(Script::Grant(1)).await?;
    let agent_two = Agent::start(Script::Refuse).await?;
    let mut one = Place::make(&home()?, "one", rewindable)?;
    // The second server's port is known once it is copied, so the first gets a guard of its own for that.
    one.guard(&agent_one.url, &[])?;
    one.until_status("/primary", 200)?;
    one.sql("create table t (n int)")?;
    one.sql(ACCOUNT)?;
    let mut two = Place::copy(&one, "two")?;
    one.signal_guard("TERM")?;
    one.guard_ends()?;
    agent_one.script(Script::Grant(2));
    one.guard(&agent_one.url, &["--primary-conninfo", &rejoining(&two), "--slot", "one"])?;
    one.until_status("/primary", 200)?;
    two.guard(&agent_two.url, &["--primary-conninfo", &rejoining(&one), "--slot", "two"])?;
    two.until_status("/replica", 200)?;
    two.until("it streams", || Ok(two.state()?["streaming"] == true))?;
    Ok(Pair { one, two, agent_one, agent_two })
}

/// Goal: a standby that is promoted without a lease does not stay a primary; one with a lease does. Method: `pg_promote` by
/// hand, with both answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_needs_a_lease() -> anyhow::Result<()> {
    for lease in [false, true] {
        let pair = pair(true).await?;
        pair.agent_one.script(Script::Refuse);
        pair.one.gone_by(pair.agent_one.promised_until())?;
        if lease {
            pair.agent_two.script(Script::Grant(3));
        }
        let postmaster = pair.two.postmaster()?;
        pair.two.sql("select pg_promote(false)")?;
        if lease {
            pair.two.until_status("/primary", 200)?;
            pair.two.sql("insert into t values (1)")?;
            sleep(crate::agent::LEASE);
            assert_eq!((pair.two.postmaster()?, pair.two.status("/primary")?), (postmaster, 200));
        } else {
            pair.two.until("it is stopped", || Ok(pair.two.processes()?.is_empty()))?;
            assert_eq!(pair.two.status("/primary")?, 503);
        }
    }
    Ok(())
}

/// Goal: a former primary comes back as a standby of the new one, without what only it had. Method: a row that the standby
/// never received; SIGKILL; promotion of the other; then the guard alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_primary_is_rewound_and_streams() -> anyhow::Result<()> {
    let pair = pair(true).await?;
    let receiver = pair.two.sql("select pid from pg_stat_wal_receiver")?;
    signal("STOP", &[receiver.parse()?])?;
    pair.one.sql("insert into t values (1)")?;
    signal("KILL", &[pair.one.postmaster()?])?;
    pair.one.until("the lease is released", || Ok(!pair.agent_one.released().is_empty()))?;
    signal("KILL", &[receiver.parse()?]).ok();
    // The killed receiver makes the standby start anew by itself.
    pair.two.until_status("/replica", 200)?;
    pair.agent_two.script(Script::Grant(3));
    pair.two
        .until("it is promoted", || Ok(pair.two.sql("select pg_promote()").is_ok_and(|said| said == "t")))?;
    pair.two.until_status("/primary", 200)?;
    pair.two.sql("insert into t values (2)")?;
    pair.one.until_status("/replica", 200)?;
    pair.one.until("it streams", || Ok(pair.one.state()?["streaming"] == true))?;
    pair.one.until("it has the new row alone", || {
        Ok(pair.one.sql("select string_agg(n::text, ',') from t")? == "2")
    })?;
    assert_eq!(pair.two.sql("select slot_name from pg_replication_slots where active")?, "one");
    assert_eq!(pair.one.state()?["timeline"], 2);
    Ok(())
}

/// Goal: a primary whose lease is moved away on purpose takes leave: it ends its sessions, sends what they committed to the
/// standby, ends cleanly, gives the lease back before its end, and follows the new primary without losing a row. Method:
/// rows, a session that would stay, and at once the agent's word that the lease has moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_takes_leave_and_loses_nothing() -> anyhow::Result<()> {
    let pair = pair(true).await?;
    let mut session = pair.one.session()?;
    pair.one.sql("insert into t select generate_series(1, 10000)")?;
    pair.agent_one.script(Script::Move(3));
    pair.one.until("the lease is released", || Ok(pair.agent_one.released().ends_with(&[2])))?;
    assert_eq!(pair.one.processes()?, [0; 0]);
    assert!(!session.wait()?.success(), "its session was ended");
    pair.agent_two.script(Script::Grant(3));
    pair.two.until("it is promoted", || Ok(pair.two.sql("select pg_promote()")? == "t"))?;
    pair.two.until_status("/primary", 200)?;
    assert_eq!(pair.two.sql("select count(*) from t")?, "10000");
    pair.one.until_status("/replica", 200)?;
    pair.one.until("it streams", || Ok(pair.one.state()?["streaming"] == true))?;
    let log = pair.one.read_log();
    assert!(log.contains("the lease moves to another region under epoch 3"), "{log}");
    assert!(log.contains("timeline 1, state `shut down`"), "{log}");
    Ok(())
}

/// Goal: when it cannot be rewound, a human is told the commands, and nothing is started or changed. Method: a cluster
/// without checksums and hints.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rewound_is_told_to_a_human() -> anyhow::Result<()> {
    let pair = pair(false).await?;
    signal("KILL", &[pair.one.postmaster()?])?;
    pair.one.until("the lease is released", || Ok(!pair.agent_one.released().is_empty()))?;
    pair.agent_two.script(Script::Grant(3));
    pair.two.sql("select pg_promote()")?;
    pair.one.until("it says so", || Ok(pair.one.state()?["state"] == "stuck"))?;
    let what = pair.one.state()?["needs_human"].as_str().unwrap().to_owned();
    for part in ["wal_log_hints", "pg_basebackup --pgdata=", "start the guard again"] {
        assert!(what.contains(part), "{what}");
    }
    sleep(Duration::from_secs(1));
    assert_eq!(pair.one.processes()?, [0; 0]);
    assert!(!pair.one.pgdata.join("standby.signal").exists());
    Ok(())
}
