//! Agents of two versions in one cluster of the product's own machine: on the production runtime, with real files, talking by
//! function call. What the later one writes is the text that it would write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{
    Consensus, Head, Limits, Member, NodeId, Reply, Request, Settings, StartError, Store, Timing, Transport,
    TransportError, WriterMode, encode, node_id, open_database,
};
use quorate_core::{Cluster, Command, Response};
use redb::{Database, TableDefinition, backends::InMemoryBackend};
use serde_json::{Value, json};

/// Far longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);
const NAMES: [&str; 3] = ["eve", "noa", "wes"];
/// Of this build, and of the next one.
const FIRST: u32 = 1;
const LATER: u32 = 2;

type Agent = Consensus<Cluster, TokioRuntime>;

/// The agents that are up.
#[derive(Clone, Default)]
struct Agents(Arc<Mutex<BTreeMap<NodeId, Agent>>>);

impl Transport<Cluster, TokioRuntime> for Agents {
    async fn call(
        &self,
        to: NodeId,
        request: Request<Cluster, TokioRuntime>,
        _deadline: Duration,
    ) -> Result<Reply<Cluster, TokioRuntime>, TransportError> {
        let receiver = self.0.lock().unwrap().get(&to).cloned();
        let receiver = receiver.ok_or_else(|| TransportError::NotSent("not up".into()))?;
        Ok(receiver.serve(request).await)
    }
}

impl Agents {
    async fn start(&self, directory: &Path, name: &str, feature_level: u32) -> Result<Agent, StartError> {
        let member = |name: &str| {
            let region = format!("{name}-region");
            (node_id(name), Member { name: name.into(), region, address: String::new() })
        };
        let settings = Settings {
            cluster: "mixed".into(),
            me: node_id(name),
            feature_level,
            members: NAMES.map(member).into(),
            timing: Timing::lan(),
            limits: Limits::default(),
        };
        let database = open_database(&directory.join(name)).unwrap();
        let agent = Consensus::start(settings, self.clone(), database, WriterMode::Thread).await?;
        self.0.lock().unwrap().insert(agent.me(), agent.clone());
        Ok(agent)
    }

    async fn stop(&self, name: &str) {
        let agent = self.0.lock().unwrap().remove(&node_id(name)).unwrap();
        agent.shutdown().await.unwrap();
    }
}

fn command(id: &str, needs: Option<u32>, body: Value) -> Command {
    let mut command = json!({"id": id, "at": 1, "by": "wes", "body": body});
    if let Some(needs) = needs {
        command["needs"] = json!(needs);
    }
    serde_json::from_value(command).unwrap()
}

fn members() -> Command {
    let members: BTreeMap<&str, String> = NAMES.map(|name| (name, format!("{name}-region"))).into();
    command("members", None, json!({"command": "set_members", "members": members}))
}

fn raise() -> Command {
    let heard: BTreeMap<&str, u32> = NAMES.map(|name| (name, LATER)).into();
    command("raise", Some(LATER), json!({"command": "raise_level", "to": LATER, "heard": heard}))
}

/// Something that only a later version understands.
fn later(id: &str) -> Command {
    command(id, Some(LATER), json!({"command": "notified", "sequence": 7, "in_a_new_way": true}))
}

async fn propose(agent: &Agent, command: Command) -> Response {
    agent.propose(command, PATIENCE).await.unwrap()
}

/// Goal: two agents of a later version and one of this one work together; what came later is refused before the level is
/// agreed on; an agent that was away when it was, and comes back as it was, stores nothing of it and stops with both
/// levels; upgraded it goes on from its own disk; and what has been on its disk since keeps the older version from
/// starting. Method: three voters, the entries as the later version writes them.
#[test]
fn two_versions_and_an_upgrade() {
    TokioRuntime::run(async {
        let (agents, directory) = (Agents::default(), tempfile::tempdir().unwrap());
        let mut up = Vec::new();
        for (name, level) in [("noa", LATER), ("wes", LATER), ("eve", FIRST)] {
            up.push(agents.start(directory.path(), name, level).await.unwrap());
        }
        assert_eq!(propose(&up[0], members()).await, Response::Done);
        up[2].barrier(PATIENCE).await.unwrap();
        assert_eq!(up[2].state().members.len(), 3, "the older one follows");
        agents.stop("eve").await;

        let refused = propose(&up[0], later("too early")).await;
        assert!(matches!(refused, Response::Refused { .. }), "{refused:?}");
        assert_eq!(propose(&up[0], raise()).await, Response::Done);
        assert_eq!(propose(&up[0], later("in time")).await, Response::Done);

        let older = agents.start(directory.path(), "eve", FIRST).await.unwrap();
        let stopped = TokioRuntime::timeout(PATIENCE, older.stopped()).await.unwrap().to_string();
        assert!(stopped.contains("needs feature level 2") && stopped.contains("understands 1"), "{stopped}");
        assert_eq!((older.state().feature_level.0, older.state().notified), (FIRST, 0));
        agents.stop("eve").await;

        let upgraded = agents.start(directory.path(), "eve", LATER).await.unwrap();
        upgraded.barrier(PATIENCE).await.unwrap();
        assert_eq!((upgraded.state().feature_level.0, upgraded.state().notified), (LATER, 7));
        assert_eq!(*upgraded.state(), *up[0].state(), "nothing was lost on the way");
        agents.stop("eve").await;
        let back = agents.start(directory.path(), "eve", FIRST).await.err().unwrap().to_string();
        assert!(back.contains("needs feature level 2") && back.contains("understands 1"), "{back}");
        for name in ["noa", "wes"] {
            agents.stop(name).await;
        }
    });
}

/// Goal: a request that this build cannot read at all stops it when its own cluster needs more, and nobody else's word does.
/// Method: heads of such requests, for another agent, of another cluster, of this level, and at last a true one.
#[test]
fn what_cannot_be_read_stops_an_agent_that_is_too_old() {
    TokioRuntime::run(async {
        let (agents, directory) = (Agents::default(), tempfile::tempdir().unwrap());
        let mut up = Vec::new();
        for name in NAMES {
            up.push(agents.start(directory.path(), name, FIRST).await.unwrap());
        }
        propose(&up[0], members()).await;
        let eve = &up[0];
        let head = Head { cluster: eve.cluster(), from: node_id("wes"), to: eve.me(), needs: LATER };
        let text = encode(
            "request",
            &json!({"cluster": head.cluster, "from": head.from, "to": head.to, "call": "Teleport"}),
        );
        let unsaid: Head = quorate_consensus::decode("request", text.unwrap().as_bytes()).unwrap();
        assert_eq!(unsaid.needs, FIRST);
        let elsewhere = serde_json::from_value(json!(7)).unwrap();
        for harmless in [unsaid, Head { to: node_id("wes"), ..head }, Head { cluster: elsewhere, ..head }] {
            eve.cannot_read(&harmless);
        }
        assert_eq!(eve.standing().stopped, None);
        propose(eve, command("goes on", None, json!({"command": "notified", "sequence": 8}))).await;
        eve.cannot_read(&head);
        let stopped = TokioRuntime::timeout(PATIENCE, eve.stopped()).await.unwrap().to_string();
        assert!(stopped.contains("needs feature level 2"), "{stopped}");
        for name in NAMES {
            agents.stop(name).await;
        }
    });
}

/// What a store says when it is opened on these rows, by this build.
fn refusal(log: &[Value], meta: &[(&str, Value)]) -> String {
    const LOG: TableDefinition<'_, u64, &str> = TableDefinition::new("log");
    const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let write = database.begin_write().unwrap();
    {
        let (mut entries, mut rows) = (write.open_table(LOG).unwrap(), write.open_table(META).unwrap());
        for (index, command) in (0..).zip(log) {
            let entry = json!({"log_id": {"leader_id": 3, "index": index}, "payload": {"Normal": command}});
            entries.insert(index, encode("entry", &entry).unwrap().as_str()).unwrap();
        }
        for (name, value) in meta {
            rows.insert(*name, encode(name, value).unwrap().as_str()).unwrap();
        }
    }
    write.commit().unwrap();
    let opened = Store::<Cluster, TokioRuntime>::open(database, WriterMode::Inline, FIRST);
    opened.err().map_or_else(String::new, |error| error.to_string())
}

/// Goal: a later version's disk is refused by its level, also where it cannot be read. Method: a log and a snapshot with what
/// this build does not know, with the level and without.
#[test]
fn a_later_disk_is_refused_by_its_level() {
    let told = "needs feature level 2, and this build understands 1: start the version";
    let meta = json!({"last_log_id": {"leader_id": 3, "index": 9},
        "last_membership": {"log_id": null, "membership": {"configs": [], "nodes": {}}}});
    let snapshot = |state: Value| refusal(&[], &[("snapshot_meta", meta.clone()), ("snapshot", state)]);
    let known = snapshot(json!({"services": "in a new form"}));
    assert!(known.contains("is not valid"), "{known}");
    let later = snapshot(json!({"feature_level": LATER, "services": "in a new form"}));
    assert!(later.contains(told), "{later}");

    let unheard_of =
        json!({"id": "7", "at": 1, "by": "wes", "needs": LATER, "body": {"command": "teleport"}});
    let raise = serde_json::to_value(raise()).unwrap();
    assert_eq!(refusal(&[serde_json::to_value(members()).unwrap()], &[]), "", "it reads what it understands");
    let alone = refusal(std::slice::from_ref(&unheard_of), &[]);
    assert!(alone.contains("log entry 0 is not valid"), "{alone}");
    let behind = refusal(&[raise, unheard_of], &[]);
    assert!(behind.starts_with("log entry 0") && behind.contains(told), "{behind}");
}
