//! An agent of its own process, a real datagram socket in place of the supervisor's, and a main loop that stands still.

use super::*;
use crate::init::{self, InitOptions};
use quorate_policies::document;
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
};

/// The watchdog's time in the tests: a few turns of the main loop between two feeds.
const TIMEOUT: Duration = Duration::from_millis(600);
/// How many feeds the loop stands still for. A feeder that did not look at the loop would send about as many.
const FEEDS_MISSED: u32 = 12;
/// When a message does not come, the test ends in place of hanging.
const HANG: Duration = Duration::from_secs(60);
/// The test, for the runner of the tests in the child.
const TEST: &str = "shell::supervised::tests::a_loop_that_stands_still_does_not_feed_the_watchdog";
/// Set in the child: there the test is the agent that is looked at.
const CHILD: &str = "QUORATE_TEST_CHILD";

/// Goal: the watchdog is fed while the main loop turns, not while it stands still, and again when it goes on. Method: a real
/// agent in a process of its own, which is this test once more; what is held up is the lock that each turn takes, so the
/// process itself and its other tasks go on.
#[test]
fn a_loop_that_stands_still_does_not_feed_the_watchdog() {
    if std::env::var_os(CHILD).is_some() {
        // Workers for all tasks that wait for the lock, and some more: the feeder must be able to run.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build();
        return runtime.unwrap().block_on(be_the_agent());
    }
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("notify");
    let told = UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(HANG)).unwrap();
    let (mut child, mut says) = start_child(home.path(), &socket);
    assert_eq!(message(&told).as_deref(), Some("READY=1\n"));
    for _ in 0..2 {
        assert_eq!(message(&told).as_deref(), Some("WATCHDOG=1\n"));
    }
    order(&mut child, &mut says, "stand still");
    told.set_nonblocking(true).unwrap();
    while message(&told).is_some() {}
    order(&mut child, &mut says, "wait");
    let late = std::iter::from_fn(|| message(&told)).count();
    // Its last turn may have been after the last feed.
    assert!(late <= 1, "{late} feeds while the loop stood still");
    told.set_nonblocking(false).unwrap();
    order(&mut child, &mut says, "go on");
    assert_eq!(message(&told).as_deref(), Some("WATCHDOG=1\n"));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// An agent that does what the test writes to it.
async fn be_the_agent() {
    let home = std::env::current_dir().unwrap().join("cluster");
    init::write(&home, &InitOptions::for_service("shop")).unwrap();
    let text = std::fs::read_to_string(home.join("us-east-1.yaml")).unwrap();
    let mut file = document::read_agent_file("us-east-1.yaml", &text).unwrap();
    (file.listen, file.peer_listen) = ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
    let running = super::super::start(file, &home).await.unwrap();
    serving(&running.agent);
    let agent = running.agent.clone();
    tokio::task::spawn_blocking(move || obey(&agent)).await.unwrap();
    running.stop().await;
}

fn obey(agent: &Arc<Agent>) {
    let mut holder = None;
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "stand still" => {
                let (held, is_held) = mpsc::channel();
                let (release, released) = mpsc::channel::<()>();
                let agent = agent.clone();
                let thread = std::thread::spawn(move || {
                    agent.with_node(|_, _| {
                        held.send(()).unwrap();
                        // The sender is dropped to let go.
                        let _ = released.recv();
                    });
                });
                is_held.recv().unwrap();
                holder = Some((release, thread));
            }
            "wait" => std::thread::sleep(TIMEOUT / FEEDS_PER_TIMEOUT * FEEDS_MISSED),
            _ => {
                let (release, thread) = holder.take().unwrap();
                drop(release);
                thread.join().unwrap();
            }
        }
        println!("did {line}");
    }
}

fn start_child(home: &Path, socket: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .current_dir(home)
        .env(CHILD, "yes")
        .env("NOTIFY_SOCKET", socket)
        .env("WATCHDOG_USEC", TIMEOUT.as_micros().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let says = BufReader::new(child.stdout.take().unwrap());
    (child, says)
}

/// Has the child do something, and waits until it has.
fn order(child: &mut Child, says: &mut BufReader<ChildStdout>, what: &str) {
    writeln!(child.stdin.as_mut().unwrap(), "{what}").unwrap();
    let done = says.lines().map(Result::unwrap).any(|line| line.ends_with(&format!("did {what}")));
    assert!(done, "the child ended before it did `{what}`");
}

fn message(told: &UnixDatagram) -> Option<String> {
    let mut bytes = [0; 256];
    match told.recv(&mut bytes) {
        Ok(length) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}
