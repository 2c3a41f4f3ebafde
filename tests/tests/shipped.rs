//! What Prometheus and a terminal see: metrics that `promtool` accepts, and a Ctrl-C that leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::metrics::declared::{There, all};
use quorate_tests::{Cluster, binary};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Where the demo has its agents.
const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// Goal: `promtool check metrics` accepts `/metrics`, before and after a failover, and what running agents serve is what is declared; a
/// call to AWS is counted once, and `/probe` answers. Method: the real tool, and the declarations.
#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_the_metrics() -> anyhow::Result<()> {
    let cluster = Cluster::green("0s").await?;
    check(&metrics(&cluster).await?);
    cluster.fault("us-east-1", json!({"kind": "kill"})).await?;
    cluster.failed_over("us-west-2").await?;
    let after = metrics(&cluster).await?;
    check(&after);
    as_declared(&after);
    for line in [
        "quorate_has_quorum 1",
        "quorate_members 3",
        r#"quorate_active_region{region="us-west-2",service="shop"} 1"#,
        r#"quorate_active_region{region="us-east-1",service="shop"} 0"#,
        r#"outcome="succeeded",plan="failover",service="shop",trigger="automatic"} 1"#,
    ] {
        assert!(after.contains(line), "{line} is missing:\n{after}");
    }
    let mut promoted = 0;
    for region in REGIONS {
        let text = http_get(&cluster.agent(region).url, "/metrics").await?;
        let call = |line: &&str| {
            line.starts_with("quorate_cloud_api_requests_total{operation=\"PromoteReadReplica\"")
                && !line.ends_with(" 0")
        };
        promoted += usize::from(text.lines().any(|line| call(&line)));
    }
    assert!(promoted > 0, "the promotion is a call that was counted");
    let probe = "/probe?module=http_2xx&target=api-health/us-west-2";
    let probed = http_get(&cluster.agent("us-west-2").url, probe).await?;
    for name in ["probe_success ", "probe_http_status_code ", "quorate_probe_age_seconds "] {
        assert!(probed.lines().any(|line| line.starts_with(name)), "{name} is missing:\n{probed}");
    }
    cluster.stop().await;
    Ok(())
}

/// Every family is declared, and every declared one is there that needs nothing but a policy.
fn as_declared(metrics: &str) {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let served: BTreeMap<&str, &str> = types.collect();
    for (name, kind) in &served {
        let metric = all().find(|metric| metric.name == *name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not declared"));
        assert_eq!(metric.type_word(), *kind, "{name}");
    }
    for metric in all().filter(|metric| !matches!(metric.there, There::If(_))) {
        assert!(served.contains_key(metric.name), "{} is declared and not served", metric.name);
    }
}

async fn metrics(cluster: &Cluster) -> anyhow::Result<String> {
    let request = http_get(&cluster.agent("us-west-2").url, "/metrics").await?;
    Ok(request)
}

async fn http_get(base: &str, path: &str) -> anyhow::Result<String> {
    let url = format!("{base}{path}").parse::<http::Uri>()?;
    let request = http::Request::get(url).body(Default::default())?;
    let answer = quorate::outgoing::HttpClient::new().send(request, Duration::from_secs(5), 4 << 20).await?;
    anyhow::ensure!(answer.status.is_success(), "{path} answered {}", answer.status);
    Ok(String::from_utf8(answer.body.to_vec())?)
}

fn check(metrics: &str) {
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing: apt-get install prometheus, or run tests/run");
    tool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let done = tool.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.trim().is_empty(), "promtool: {said}\n{metrics}");
}

/// Processes whose command line names a directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let name = directory.to_string_lossy().into_owned();
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(&name) && line.contains("agent")).collect()
}

/// Ends a demo that is on its way, and says what is left of it.
fn end_demo(signal: &str) -> (Vec<String>, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Command::new(binary())
        .args(["demo", "--keep"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut story = BufReader::new(demo.stderr.take().unwrap()).lines();
    assert!(story.any(|line| line.unwrap().contains("three agents are up")), "the demo did not start");
    assert_eq!(processes_of(home.path()).len(), 3, "three agents run");
    let killed = Command::new("kill").args([signal, &demo.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // The rest of the story is read, so that the demo never waits for its reader.
    let rest = std::thread::spawn(move || story.count());
    demo.wait().unwrap();
    rest.join().unwrap();
    // Agents of a demo that was killed outright notice that their input has closed.
    let patience = Instant::now();
    while !processes_of(home.path()).is_empty() && patience.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let files =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    (processes_of(home.path()), files)
}

/// Goal: Ctrl-C ends the demo cleanly: no process, no file. Method: SIGINT in the middle.
#[test]
fn ctrl_c_leaves_nothing() {
    let (processes, files) = end_demo("-INT");
    assert!(processes.is_empty(), "orphans: {processes:?}");
    assert!(files.is_empty(), "files left: {files:?}");
}

/// Goal: even a demo that is killed outright leaves no orphan process. Method: SIGKILL in the middle.
#[test]
fn kill_leaves_no_orphan() {
    let (processes, _) = end_demo("-KILL");
    assert!(processes.is_empty(), "orphans: {processes:?}");
}

/// Goal: an agent stops cleanly on Ctrl-C and on SIGTERM. Method: both, on a fresh single agent; exit code 0.
#[test]
fn an_agent_stops_on_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let home = tempfile::tempdir().unwrap();
        let cluster = home.path().join("cluster");
        let init = Command::new(binary()).args(["init", cluster.to_str().unwrap()]).output().unwrap();
        assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        let file = fs::read_dir(&cluster).unwrap().map(|e| e.unwrap().path());
        let file = file.into_iter().find(|path| {
            path.to_string_lossy().contains("us-west-2") && path.extension().is_some_and(|e| e == "yaml")
        });
        // Free ports: another agent may run on this machine.
        let file = file.expect("init writes a file for us-west-2");
        let text = fs::read_to_string(&file).unwrap();
        let (api, peers) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
        fs::write(&file, text.replace("7960", &port(&api)).replace("7961", &port(&peers))).unwrap();
        drop((api, peers));
        let mut agent = Command::new(binary())
            .args(["agent", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(agent.stderr.take().unwrap()).lines();
        let mut seen = Vec::new();
        let started = log
            .by_ref()
            .map_while(Result::ok)
            .inspect(|line| seen.push(line.clone()))
            .any(|line| line.contains("agent started"));
        assert!(started, "{}", seen.join("\n"));
        assert!(Command::new("kill").args([signal, &agent.id().to_string()]).status().unwrap().success());
        let rest = std::thread::spawn(move || log.count());
        assert!(agent.wait().unwrap().success(), "{signal} is a clean end");
        rest.join().unwrap();
    }
}
