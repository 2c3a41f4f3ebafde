//! What an agent's supervisor sees of it: the notifications of the real binary, and its health check.

use crate::quorate::{Home, quorate};
use std::{
    net::TcpListener,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

/// When a message does not come, the test ends in place of hanging.
const HANG: Duration = Duration::from_secs(60);

/// Goal: a supervisor is told when the agent serves, that it lives, and that it stops; the health check agrees. Method: the
/// binary with a socket in place of the supervisor's, asked at each stage.
#[test]
fn a_supervisor_is_told() {
    let home = Home::new();
    let told = UnixDatagram::bind(home.path().join("notify")).unwrap();
    told.set_read_timeout(Some(HANG)).unwrap();
    assert_eq!(home.run(&["init", "cluster"]).code, 0);
    let config = on_free_ports(home.path(), "us-east-1");
    let health = || home.run(&["healthcheck", "--config", &config]);
    assert_eq!(health().code, 1, "nobody serves yet");
    let mut command = home.command(&["agent", "--config", &config]);
    command.env("NOTIFY_SOCKET", home.path().join("notify")).env("WATCHDOG_USEC", "400000");
    let mut agent = Stopped(command.spawn().unwrap());
    assert_eq!(message(&told), "READY=1\n");
    let seen = health();
    assert_eq!((seen.code, seen.out.as_str(), seen.err.as_str()), (0, "", ""), "it serves when it says so");
    for _ in 0..3 {
        assert_eq!(message(&told), "WATCHDOG=1\n");
    }
    let term = Command::new("kill").arg(agent.0.id().to_string()).status().unwrap();
    assert!(term.success());
    let last = std::iter::repeat_with(|| message(&told)).find(|message| message != "WATCHDOG=1\n");
    assert_eq!(last.as_deref(), Some("STOPPING=1\n"));
    assert!(agent.0.wait().unwrap().success());
    assert_eq!(health().code, 1);
}

/// Goal: without a quorum an agent is alive and not ready, and is not to be restarted for it. Method: one of three agents.
#[test]
fn an_agent_without_a_quorum_is_healthy() {
    let home = Home::new();
    assert_eq!(home.run(&["init", "cluster"]).code, 0);
    let config = on_free_ports(home.path(), "us-east-1");
    let _agent = Stopped(home.command(&["agent", "--config", &config]).spawn().unwrap());
    while home.run(&["healthcheck", "--config", &config]).code != 0 {}
    let ready = home.run(&["healthcheck", "--ready", "--config", &config]);
    assert_eq!((ready.code, ready.err.as_str()), (1, "quorate: /readyz answers 503 Service Unavailable\n"));
}

/// Goal: what answers without being an agent is not healthy. Method: a server that knows no such page.
#[test]
fn what_is_no_agent_is_not_healthy() {
    let server = crate::server::Server::always(404, &serde_json::json!({}));
    let seen = quorate(&["healthcheck", "--agent", &server.url]);
    assert_eq!((seen.code, seen.err.as_str()), (1, "quorate: /healthz answers 404 Not Found\n"));
}

/// Goal: packages have a page for each verb that people use. Method: write them, and look for two and for none.
#[test]
fn manual_pages_are_written() {
    let home = Home::new();
    assert_eq!(home.run(&["man", "."]).code, 0);
    let page = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
    assert!(page("quorate.1").contains("quorate\\-failover(1)"), "{}", page("quorate.1"));
    assert!(page("quorate-failover.1").contains("Fail a service over"));
    assert_eq!(page("quorate-job.1"), "", "it is hidden");
    assert_eq!(home.run(&["man", "nowhere"]).code, 1);
}

/// Goal: secrets from the environment come into files that nobody else can read, and a missing one is named, its value never.
/// Method: two variables, a repetition, one variable that is not set, and a path in place of a name.
#[test]
fn secrets_are_unpacked() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let unpack = |arguments: &[&str]| -> crate::quorate::Ran {
        let mut command = home.command(&[&["unpack", "."], arguments].concat());
        command.env("KEY", "a key\nof two lines\n").env("TOKEN", "a token").output().unwrap().into()
    };
    for _ in 0..2 {
        assert_eq!(unpack(&["agent.key=KEY", "operator.token=TOKEN"]).code, 0);
    }
    let file = home.path().join("agent.key");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a key\nof two lines\n");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let missing = unpack(&["agent.key=KEY", "ca.pem=CA"]);
    assert_eq!(
        (missing.code, missing.err.as_str()),
        (1, "quorate: the environment variable CA is not set\n")
    );
    assert_eq!(unpack(&["../agent.key=KEY"]).code, 2);
}

/// An agent that is not left behind by a test that fails.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has one agent of the cluster listen where nobody else does.
fn on_free_ports(home: &Path, agent: &str) -> String {
    let file = home.join("cluster").join(format!("{agent}.yaml"));
    let mut text = std::fs::read_to_string(&file).unwrap();
    let free: Vec<_> = [7950, 7951].map(|port| (port, TcpListener::bind("127.0.0.1:0").unwrap())).into();
    for (port, listener) in free {
        let listen = ["listen: ", "peer_listen: "][usize::from(port == 7951)];
        let line = text.lines().find(|line| line.starts_with(listen)).unwrap().to_owned();
        text = text.replace(&line, &format!("{listen}{}", listener.local_addr().unwrap()));
    }
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn message(told: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = told.recv(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}
