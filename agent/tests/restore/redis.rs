//! `redis.restore` on a real Redis: filled, saved, emptied, stopped, and started again with what was put back.

use super::{Killed, LONG, SHORT, age, attempt, context, says};
use quorate::effects::Effects;
use quorate_policies::{
    document::read_agent_file,
    effect::EffectContext,
    plan::{Action, Before},
};
use quorate_probes::{Prober, ProberSettings};
use quorate_test_postgres::run;
use serde_json::json;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A Redis of Debian on a port of its own.
struct Redis {
    home: TempDir,
    port: u16,
    server: Option<Killed>,
}

impl Redis {
    fn new() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self { home: tempfile::tempdir().unwrap(), port, server: None }
    }

    fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.server =
            Some(Killed(command.spawn().expect("redis-server is not installed: run tests/run once")));
        let began = Instant::now();
        while self.try_ask(&["PING"]).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_ask(&self, words: &[&str]) -> Result<String, String> {
        run(Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words))
            .map_err(|error| error.to_string())
    }

    fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).unwrap()
    }
}

/// Goal: a snapshot is put back and Redis has its keys again; not while it runs, not into a folder that the agent's file does not
/// name, not beside an append-only file, and never one that was cut off; what stood there is kept. Method: a Redis that is
/// filled, saved, emptied and stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_gets_its_snapshot_back() {
    let mut redis = Redis::new();
    redis.start();
    assert_eq!(
        redis.ask(&["EVAL", "for i=1,500 do redis.call('SET', 'key:'..i, i) end return 'ok'", "0"]),
        "ok"
    );
    redis.ask(&["SAVE"]);
    let backups = tempfile::tempdir().unwrap();
    let snapshot = backups.path().join("redis-1.rdb");
    fs::copy(redis.home.path().join("dump.rdb"), &snapshot).unwrap();
    redis.ask(&["FLUSHALL"]);
    redis.ask(&["SAVE"]);

    let agent = |folder: &Path| {
        let text = format!(
            "name: a\nregion: r\nmembers: {{a: {{region: r, address: '127.0.0.1:7951'}}}}\n\
             tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n\
             backups: {{restore_from: [{}], redis_dirs: [{}]}}\n",
            backups.path().display(),
            folder.display(),
        );
        let file = read_agent_file("agent.yaml", &text).unwrap();
        Effects::new(&file, backups.path(), Arc::new(Prober::new(ProberSettings::default()).unwrap()))
    };
    let effects = agent(redis.home.path());
    let action: Action = serde_json::from_value(json!({"redis.restore": {
        "region": "r", "rdb": {"path": backups.path().join("*.rdb"), "max_age": "6h"}, "port": redis.port,
        "dir": redis.home.path(),
    }}))
    .unwrap();
    let told = attempt(&effects, &action, context("shop-2"), SHORT).await.1;
    says(&told, "impossible", "stop Redis in an earlier step");
    redis.server = None;
    let told = attempt(&agent(backups.path()), &action, context("shop-2"), SHORT).await.1;
    says(&told, "impossible", "is not a folder of `backups.redis_dirs`");
    let appended = redis.home.path().join("appendonlydir");
    fs::create_dir(&appended).unwrap();
    says(&attempt(&effects, &action, context("shop-2"), SHORT).await.1, "impossible", "appendonlydir");
    fs::remove_dir(appended).unwrap();
    let whole = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &whole[..whole.len() / 2]).unwrap();
    age(&snapshot, 1);
    says(&attempt(&effects, &action, context("shop-2"), SHORT).await.1, "impossible", "it was cut off");
    fs::write(&snapshot, &whole).unwrap();

    let (noted, told) = attempt(&effects, &action, context("shop-2"), LONG).await;
    says(&told, "succeeded", "dump.rdb has the SHA-256");
    assert!(matches!(noted.before, Some(Before::Restored { .. })));
    assert!(redis.home.path().join("dump.rdb.before-shop-2").exists());
    // Another attempt sees it, also when the snapshot is gone.
    fs::remove_file(&snapshot).unwrap();
    says(
        &attempt(&effects, &action, EffectContext { attempt: 2, ..noted }, SHORT).await.1,
        "succeeded",
        "SHA-256",
    );
    redis.start();
    assert_eq!(
        (redis.ask(&["DBSIZE"]), redis.ask(&["GET", "key:500"])),
        ("500".to_owned(), "500".to_owned())
    );
}
