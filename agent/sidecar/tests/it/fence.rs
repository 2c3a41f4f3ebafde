//! The kernel's fence, in a network namespace of its own: everything is stopped beyond the lease's end, and the server goes
//! on before its guard does. A part of the integration tests.

use crate::{
    agent::{Agent, Script},
    place::{Place, home, signal},
};
use anyhow::Context as _;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::mpsc,
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

/// Set in the process that runs inside.
const INSIDE: &str = "QUORATE_GUARD_INSIDE";

/// Goal: not one write is acknowledged after the lease's end, also when the server runs again before its guard. Method: a
/// client that writes without a pause over TCP; SIGSTOP to all, for longer than the lease; SIGCONT to the server first. The
/// same without the fence is printed, to show that there is something to fence.
#[test]
fn nothing_is_acknowledged_after_the_leases_end() -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Runtime::new()?;
        let without = runtime.block_on(acknowledged_late(&[]))?;
        let with = runtime.block_on(acknowledged_late(&["--kernel-fence", "nftables"]))?;
        println!("writes acknowledged after the lease's end: {without} without the fence, {with} with it");
        assert_eq!(with, 0);
        return Ok(());
    }
    let may = Command::new("unshare").args(["-n", "sh", "-c", "nft add table inet quorate_test"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no network namespace or no nftables here (it needs root and `nft`)");
        return Ok(());
    }
    let mut inside = Command::new("unshare");
    inside.args(["-n", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(std::env::current_exe()?);
    inside.args(["--exact", "fence::nothing_is_acknowledged_after_the_leases_end", "--nocapture"]);
    assert!(inside.env(INSIDE, "1").status()?.success());
    Ok(())
}

async fn acknowledged_late(more: &[&str]) -> anyhow::Result<usize> {
    let agent = Agent::start(Script::Grant(7)).await?;
    let mut place = Place::make(&home()?, "server", true)?;
    let patient = ["--rejoin", "manual", "--statement-deadline", "1s", "--statement-limit", "3s"];
    place.guard(&agent.url, &[&patient[..], more].concat())?;
    place.until_status("/primary", 200)?;
    place.until("the fence is open", || Ok(place.sql("create table if not exists t (n int)").is_ok()))?;
    let (client, acknowledged) = writer(&place)?;
    // It writes over several renewals without a break.
    let began = Instant::now();
    while began.elapsed() < crate::agent::LEASE * 2 {
        acknowledged.recv_timeout(Duration::from_secs(5)).with_context(|| place.read_log())?;
    }
    let server = place.processes()?;
    place.signal_guard("STOP")?;
    signal("STOP", &server)?;
    agent.script(Script::Refuse);
    sleep(Duration::from_millis(50));
    let end = agent.promised_until();
    sleep(end.saturating_duration_since(Instant::now()) + Duration::from_millis(500));
    signal("CONT", &server)?;
    sleep(Duration::from_millis(500));
    place.signal_guard("CONT")?;
    place.until("the server is gone", || Ok(place.processes()?.is_empty()))?;
    // Its session may be gone without a word: it waits for an answer, and the kernel lets none out.
    let client = i32::try_from(client)?;
    let _ = signal("KILL", &[client]);
    Ok(acknowledged.iter().filter(|moment| *moment > end).count())
}

/// A process that writes one row after another over TCP, and the moment at which each answer was read.
fn writer(place: &Place) -> anyhow::Result<(u32, mpsc::Receiver<Instant>)> {
    let mut psql = Command::new("stdbuf");
    let inner = place.psql()?;
    psql.arg("-oL").arg(inner.get_program()).args(inner.get_args());
    let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let client = child.id();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (told, acknowledged) = mpsc::channel();
    // Each ends when psql has.
    spawn(move || {
        while stdin.write_all(b"insert into t values (1);\n").is_ok() {
            // Without a pause, it would take the machine from the guard.
            sleep(Duration::from_millis(1));
        }
    });
    spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.starts_with("INSERT") && told.send(Instant::now()).is_err() {
                break;
            }
        }
        let _ = child.kill();
        let _ = child.wait();
    });
    Ok((client, acknowledged))
}
