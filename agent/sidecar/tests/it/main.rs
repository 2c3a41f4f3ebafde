//! The guard with a real PostgreSQL, real signals and a scripted agent. Each test's judge is the kernel's list of processes,
//! the server itself, or what the agent was told. The only speed that is asserted is the lease's own promise.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod agent;
mod fence;
mod pair;
mod place;

use agent::{Agent, Script};
use place::{Place, home, signal};
use std::{thread::sleep, time::Duration};

/// A guard that would restart a server has done it by then: it looks again after two seconds.
const QUIET: Duration = Duration::from_secs(3);

/// Goal: a primary runs under a lease, and when it is refused it is gone by the lease's end, its sessions with it, and is
/// not started again before its region is granted a lease anew. Method: a session that sleeps; a refusal; a grant.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_primary_is_gone_by_the_leases_end() -> anyhow::Result<()> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard(&agent.url, &["--rejoin", "manual"])?;
    place.until_status("/primary", 200)?;
    assert_eq!(place.sql("select 1")?, "1");
    assert_eq!((place.status("/replica")?, place.status("/healthz")?), (503, 200));
    assert_eq!(place.state()?["epoch"], 7);
    let mut session = place.session()?;
    agent.script(Script::Refuse);
    sleep(Duration::from_millis(50));
    place.gone_by(agent.promised_until())?;
    assert!(!session.wait()?.success());
    assert_eq!(place.status("/primary")?, 503);
    sleep(QUIET);
    assert_eq!(place.processes()?, [0; 0]);
    // It did not fail, and nobody else was promoted if its region has the lease again.
    agent.script(Script::Grant(9));
    place.until_status("/primary", 200)?;
    assert_eq!((place.state()?["epoch"].clone(), agent.released()), (9.into(), vec![]));
    Ok(())
}

/// Goal: no answer is no lease. Method: an agent that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_without_an_answer_is_gone_by_the_leases_end() -> anyhow::Result<()> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard(&agent.url, &[])?;
    place.until_status("/primary", 200)?;
    agent.script(Script::Hang);
    sleep(Duration::from_millis(50));
    place.gone_by(agent.promised_until())?;
    assert_eq!(agent.released(), [0; 0]);
    agent.script(Script::Grant(7));
    place.until_status("/primary", 200)?;
    // The operator's end: fast, then released.
    place.signal_guard("TERM")?;
    assert!(place.guard_ends()?.success());
    assert_eq!(place.processes()?, [0; 0]);
    assert_eq!(agent.released(), [7]);
    assert!(place.read_log().contains("database system is shut down"));
    Ok(())
}

/// Goal: a postmaster's death is the end of its backends, then of the lease, and of the primary for good. Method: a backend
/// that never looks up; SIGKILL to the postmaster.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_postmaster_leaves_nothing_behind_and_the_lease_is_released() -> anyhow::Result<()> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard(&agent.url, &["--rejoin", "manual"])?;
    place.until_status("/primary", 200)?;
    let mut busy = place.psql()?;
    let mut busy =
        busy.args(["-c", "do $$ begin loop end loop; end $$"]).stderr(std::process::Stdio::null()).spawn()?;
    place.until("the backend is busy", || {
        Ok(place.sql("select count(*) from pg_stat_activity where query like 'do %' and state = 'active'")?
            == "1")
    })?;
    signal("KILL", &[place.postmaster()?])?;
    place.until("the lease is released", || {
        if agent.released().is_empty() {
            return Ok(false);
        }
        assert_eq!(place.processes()?, [0; 0], "released while a process lives");
        Ok(true)
    })?;
    busy.wait()?;
    sleep(QUIET);
    assert_eq!(agent.released().len(), 1);
    assert_eq!(place.processes()?, [0; 0]);
    Ok(())
}

/// Goal: a primary that answers nothing does not keep the lease from others. Method: SIGSTOP to all of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_killed_and_the_lease_released() -> anyhow::Result<()> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard(&agent.url, &["--rejoin", "manual"])?;
    place.until_status("/primary", 200)?;
    signal("STOP", &place.processes()?)?;
    place.until("it is killed", || Ok(place.processes()?.is_empty()))?;
    place.until("the guard says so", || Ok(place.state()?["state"] == "down"))?;
    Ok(())
}

/// Goal: PostgreSQL does not outlive its guard. Method: SIGKILL to the guard; then a new guard, which finds nothing in its
/// way and the lease still there.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_dies_with_its_guard() -> anyhow::Result<()> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard(&agent.url, &[])?;
    place.until_status("/primary", 200)?;
    place.signal_guard("KILL")?;
    place.guard_ends()?;
    place.until("nothing is left", || Ok(place.processes()?.is_empty()))?;
    place.guard(&agent.url, &[])?;
    place.until_status("/primary", 200)?;
    assert_eq!(place.sql("select 1")?, "1");
    // A second guard of the same server touches nothing, and says why it does not run.
    let postmaster = place.postmaster()?;
    let mut second = Place::make(&home()?, "other", true)?;
    second.pgdata.clone_from(&place.pgdata);
    second.guard(&agent.url, &[])?;
    assert!(!second.guard_ends()?.success());
    assert!(place.read_log().contains("did not start runs in"), "{}", place.read_log());
    assert_eq!(place.postmaster()?, postmaster);
    second.pgdata = second.pgdata.with_extension("none");
    Ok(())
}

/// Goal: a password never reaches the list of processes. Method: one in the arguments.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_arguments_is_refused() -> anyhow::Result<()> {
    let mut place = Place::make(&home()?, "server", true)?;
    place.guard("http://127.0.0.1:1/v1/lease/shop", &["--primary-conninfo", "host=x password=secret"])?;
    assert!(!place.guard_ends()?.success());
    assert!(!place.read_log().contains("secret"));
    Ok(())
}
