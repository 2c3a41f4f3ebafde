//! The driver: results come, commands are obeyed, and a stop leaves nothing behind.

use crate::{
    name, probe,
    servers::{Script, Server, ok},
};
use quorate_policies::{
    TargetName,
    policy::Probe,
    time::{Millis, Monotonic},
};
use quorate_probes::{
    Cadence, Clock, Command, Driver, DriverError, DriverHandle, Outcome, Probed, Prober, ProberSettings,
    ScheduleSettings, Target,
};
use std::{sync::Arc, time::Instant};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A driver that runs.
struct Running {
    handle: DriverHandle,
    results: mpsc::Receiver<Probed>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn start() -> Running {
    let zero = Instant::now();
    let clock: Clock = Arc::new(move || Monotonic(zero.elapsed().as_millis() as u64));
    let (send, results) = mpsc::channel(8);
    let prober = Arc::new(Prober::new(ProberSettings::default()).unwrap());
    let (driver, handle) = Driver::new(prober, ScheduleSettings::default(), clock, send);
    let stop = CancellationToken::new();
    let task = tokio::spawn(driver.run(stop.clone()));
    Running { handle, results, stop, task }
}

fn target(check: &str, server: &Server, path: &str) -> Target {
    let probe = Probe::http(&server.url("http", path));
    Target::new(name(check), &probe.looks, super::probe().timeout).unwrap()
}

/// So slow that no slot comes while a test runs.
fn rarely() -> Cadence {
    Cadence::new(Millis::from_secs(86_400 * 365), Millis(1), 3)
}

fn checked(probed: &Probed) -> &TargetName {
    &probed.result.target
}

/// Goal: targets are probed at their slots, each result with its moment. Method: two targets every 20 ms.
#[tokio::test]
async fn targets_are_probed_again_and_again() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let mut running = start();
    let often = Cadence::from(&Probe { interval: Millis(20), ..probe() });
    let both = vec![(target("a/east", &server, "/"), often), (target("b/east", &server, "/"), often)];
    running.handle.tell(Command::SetTargets(both)).await.unwrap();
    let (mut a, mut b, mut last) = (0, 0, Monotonic(0));
    while a < 3 || b < 3 {
        let probed = running.results.recv().await.unwrap();
        assert_eq!(probed.result.outcome, Outcome::Success);
        assert!(probed.at >= last && !probed.confirming);
        last = probed.at;
        *(if checked(&probed) == &name("a/east") { &mut a } else { &mut b }) += 1;
    }
    assert!(running.handle.figures().counters.started >= 6);
}

/// Goal: a peer's sighting is confirmed at once, `fall` times. Method: a target without slots that refuses.
#[tokio::test]
async fn a_sighting_is_confirmed() {
    let server = Server::start(Script::Reply(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_vec())).await;
    let mut running = start();
    running.handle.tell(Command::SetTargets(vec![(target("a/east", &server, "/"), rarely())])).await.unwrap();
    running.handle.tell(Command::Confirm(name("a/east"))).await.unwrap();
    for _ in 0..3 {
        assert!(running.results.recv().await.unwrap().confirming);
    }
    assert_eq!(running.handle.figures().counters.confirming, 3);
}

/// Goal: the result of a probe whose target was changed meanwhile is dropped, and that of one that stays is not.
/// Method: two stalled probes; one target's URL changes; then the server of both ends.
#[tokio::test]
async fn a_result_for_an_old_url_is_dropped() {
    let stalled = Server::start(Script::Silent).await;
    let fresh = Server::start(Script::Reply(ok(""))).await;
    let mut running = start();
    let (a, b) = (target("a/east", &stalled, "/"), target("b/east", &stalled, "/"));
    running.handle.tell(Command::SetTargets(vec![(a, rarely()), (b.clone(), rarely())])).await.unwrap();
    running.handle.tell(Command::Confirm(name("a/east"))).await.unwrap();
    running.handle.tell(Command::Confirm(name("b/east"))).await.unwrap();
    stalled.seen.clone().wait_for(|seen| seen.peers.len() == 2).await.unwrap();
    let changed = target("a/east", &fresh, "/new");
    let often = Cadence::new(Millis(20), Millis(20), 1);
    let sign = target("sign/east", &fresh, "/sign");
    let wanted = vec![(changed, rarely()), (b, rarely()), (sign, often)];
    running.handle.tell(Command::SetTargets(wanted)).await.unwrap();
    let sign = |probed: &Probed| checked(probed) == &name("sign/east");
    assert!(sign(&running.results.recv().await.unwrap()), "the change has been made");
    drop(stalled);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let probed = running.results.recv().await.unwrap();
        if !sign(&probed) {
            seen.push((checked(&probed).clone(), probed.result.http_status));
        }
    }
    assert!(seen.contains(&(name("b/east"), None)), "{seen:?}");
    assert!(!seen.contains(&(name("a/east"), None)), "{seen:?}");
}

/// Goal: a stop ends the driver and the probes in flight. Method: stop while a probe hangs; the server sees its
/// connection close, the handle says that it has stopped.
#[tokio::test]
async fn a_stop_ends_everything() {
    let server = Server::start(Script::Silent).await;
    let mut running = start();
    running.handle.tell(Command::SetTargets(vec![(target("a/east", &server, "/"), rarely())])).await.unwrap();
    running.handle.tell(Command::Confirm(name("a/east"))).await.unwrap();
    let mut seen = server.seen.clone();
    seen.wait_for(|seen| seen.peers.len() == 1).await.unwrap();
    running.stop.cancel();
    running.task.await.unwrap();
    seen.wait_for(|seen| seen.closed == 1).await.unwrap();
    assert_eq!(running.results.recv().await, None);
    let told = running.handle.tell(Command::Confirm(name("a/east"))).await;
    assert_eq!(told, Err(DriverError::Stopped));
}

/// Goal: a driver that nobody listens to ends by itself. Method: drop the receiver, then the handle.
#[tokio::test]
async fn a_driver_without_an_audience_ends() {
    let server = Server::start(Script::Reply(ok(""))).await;
    let running = start();
    drop(running.results);
    running.handle.tell(Command::SetTargets(vec![(target("a/east", &server, "/"), rarely())])).await.unwrap();
    running.handle.tell(Command::Confirm(name("a/east"))).await.unwrap();
    running.task.await.unwrap();
    let running = start();
    drop(running.handle);
    running.task.await.unwrap();
}
