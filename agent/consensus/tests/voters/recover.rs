//! Going on alone after the loss of a majority, and a copy of an agent's data: on real files, talking by function call.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::ledger::{Ledger, Note};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{
    Consensus, Limits, Member, NodeId, RecoverError, Refusal, Reply, Request, Seat, Settings, Timing,
    Transport, TransportError, WriterMode, copy, left, node_id, open_database, recover,
};

/// Far longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Agent = Consensus<Ledger, TokioRuntime>;

#[derive(Clone, Default)]
struct Agents {
    up: Arc<Mutex<BTreeMap<NodeId, Agent>>>,
    /// How often one was refused for its history.
    strangers: Arc<Mutex<u32>>,
}

impl Transport<Ledger, TokioRuntime> for Agents {
    async fn call(
        &self,
        to: NodeId,
        request: Request<Ledger, TokioRuntime>,
        _deadline: Duration,
    ) -> Result<Reply<Ledger, TokioRuntime>, TransportError> {
        let receiver = self.up.lock().unwrap().get(&to).cloned();
        let receiver = receiver.ok_or_else(|| TransportError::NotSent("not up".into()))?;
        let reply = receiver.serve(request).await;
        if matches!(reply, Reply::Refused(Refusal::OtherCluster)) {
            *self.strangers.lock().unwrap() += 1;
        }
        Ok(reply)
    }
}

fn seat(name: &str) -> Seat {
    Seat { name: name.into(), region: format!("{name}-region") }
}

impl Agents {
    async fn start(&self, file: &Path, name: &str) -> Agent {
        let member = |name: &str| {
            let Seat { name, region } = seat(name);
            (node_id(&name), Member { name, region, address: String::new() })
        };
        let settings = Settings {
            cluster: "lost".into(),
            me: node_id(name),
            feature_level: 1,
            members: ["a", "b", "c"].map(member).into(),
            timing: Timing::lan(),
            limits: Limits::default(),
        };
        let database = open_database(file).unwrap();
        let agent = Consensus::start(settings, self.clone(), database, WriterMode::Thread).await.unwrap();
        self.up.lock().unwrap().insert(agent.me(), agent.clone());
        agent
    }

    async fn stop(&self, name: &str) {
        let agent = self.up.lock().unwrap().remove(&node_id(name)).unwrap();
        agent.shutdown().await.unwrap();
    }
}

async fn three(directory: &Path, agents: &Agents) -> Vec<Agent> {
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        all.push(agents.start(&directory.join(name), name).await);
    }
    for number in 0..10 {
        all[0].propose(Note::from(format!("note-{number}")), PATIENCE).await.unwrap();
    }
    for agent in &all {
        while !agent.standing().settled {
            TokioRuntime::sleep(Duration::from_millis(10)).await;
        }
        agent.barrier(PATIENCE).await.unwrap();
    }
    all
}

fn open(file: &Path) -> redb::Database {
    open_database(file).unwrap()
}

/// Goal: with two of three lost the third goes on with everything it knew and one entry more, and those that come back with
/// their old data are refused, and stop. Method: stop all, recover `a`, commit alone, start the others.
#[test]
fn one_goes_on_alone_and_the_lost_are_strangers() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        three(directory.path(), &agents).await;
        for name in ["a", "b", "c"] {
            agents.stop(name).await;
        }
        let file = directory.path().join("a");
        let before = left::<Ledger, TokioRuntime>(&open(&file), &seat("a"), 1).unwrap();
        assert_eq!((before.machine.order.len(), before.recoveries), (10, 0));
        let wrong = left::<Ledger, TokioRuntime>(&open(&file), &seat("b"), 1).unwrap_err();
        assert!(matches!(wrong, RecoverError::OtherAgent(_)), "{wrong}");
        let note = |number| Note::from(format!("recovery-{number}"));
        recover::<Ledger, TokioRuntime>(&open(&file), &seat("a"), 1, note).unwrap();

        let alone = agents.start(&file, "a").await;
        assert_eq!(alone.propose(Note::from("alone".to_owned()), PATIENCE).await.unwrap(), 12);
        assert!(alone.membership().is_alone(node_id("a")) && alone.standing().has_quorum);
        let term = alone.confirm_leadership(PATIENCE).await.unwrap();
        // Two of three: a majority of what was.
        for name in ["b", "c"] {
            let old = agents.start(&directory.path().join(name), name).await;
            TokioRuntime::timeout(PATIENCE, old.stopped()).await.expect("it stops by itself");
            assert!(old.state().order.len() <= 10, "nothing new has come to it");
        }
        assert!(*agents.strangers.lock().unwrap() > 0);
        assert_eq!(alone.confirm_leadership(PATIENCE).await, Ok(term), "it is not disturbed");
        agents.stop("a").await;
    });
}

/// Goal: an agent on a copy of its data is silent until it has heard every other voter, and then takes part again; and one can
/// go on alone from a copy. Method: copy `b`, commit, replace its data by the copy while `c` is down, then start `c`; recover a
/// second copy.
#[test]
fn a_restored_copy_does_not_vote_twice() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        let file = |name: &str| directory.path().join(name);
        let all = three(directory.path(), &agents).await;
        agents.stop("b").await;
        copy(&open(&file("b")), &file("copy")).unwrap();
        std::fs::copy(file("copy"), file("second")).unwrap();
        all[0].propose(Note::from("later".to_owned()), PATIENCE).await.unwrap();
        agents.stop("c").await;
        let restored = agents.start(&file("copy"), "b").await;
        assert!(!restored.standing().settled);
        let unheard = all[0].propose(Note::from("alone".to_owned()), Duration::from_secs(1)).await;
        assert!(unheard.is_err(), "the copy must not be a voter before it has heard `c`: {unheard:?}");
        agents.start(&file("c"), "c").await;
        all[0].propose(Note::from("again".to_owned()), PATIENCE).await.unwrap();
        restored.barrier(PATIENCE).await.unwrap();
        assert!(restored.state().order.iter().any(|note| note == "later"));
        while !restored.standing().settled {
            TokioRuntime::sleep(Duration::from_millis(10)).await;
        }
        let whole = left::<Ledger, TokioRuntime>(&open(&file("second")), &seat("b"), 1).unwrap();
        assert_eq!(whole.machine.order.len(), 10, "a copy is whole as of when it was made");
        for name in ["a", "b", "c"] {
            agents.stop(name).await;
        }
    });
}
