//! Three agents on the production runtime, with writer threads and real files, talking by function call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::ledger::{Ledger, Note};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{
    BarrierError, Call, ClusterDigest, Consensus, Limits, Member, NodeId, ProposeError, Refusal, Reply,
    Request, Settings, Timing, TransferError, Transport, TransportError, WriterMode, node_id, open_database,
};

/// Far longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Agent = Consensus<Ledger, TokioRuntime>;
type Agents = Arc<Mutex<BTreeMap<NodeId, Agent>>>;

struct Direct(Agents);

impl Transport<Ledger, TokioRuntime> for Direct {
    async fn call(
        &self,
        to: NodeId,
        request: Request<Ledger, TokioRuntime>,
        _deadline: Duration,
    ) -> Result<Reply<Ledger, TokioRuntime>, TransportError> {
        let receiver = self.0.lock().unwrap().get(&to).cloned();
        let receiver = receiver.ok_or_else(|| TransportError::NotSent("not up".into()))?;
        Ok(receiver.serve(request).await)
    }
}

async fn start_three(directory: &std::path::Path) -> Agents {
    let agents = Agents::default();
    let member =
        |name: &str| Member { name: name.into(), address: String::new(), region: format!("{name}-region") };
    let members: BTreeMap<_, _> = ["a", "b", "c"].map(|name| (node_id(name), member(name))).into();
    for &me in members.keys() {
        let settings = Settings {
            cluster: "three".into(),
            me,
            feature_level: 1,
            members: members.clone(),
            timing: Timing::lan(),
            limits: Limits::default(),
        };
        let database = open_database(&directory.join(me.to_string())).unwrap();
        let agent =
            Consensus::start(settings, Direct(agents.clone()), database, WriterMode::Thread).await.unwrap();
        agents.lock().unwrap().insert(me, agent);
    }
    agents
}

fn all(agents: &Agents) -> Vec<Agent> {
    agents.lock().unwrap().values().cloned().collect()
}

/// Waits for a moment in which the agents agree on a leader among them.
async fn leader(agents: &Agents) -> Agent {
    for _ in 0..1000 {
        for agent in all(agents) {
            if agent.confirm_leadership(Duration::from_secs(1)).await.is_ok() {
                return agent;
            }
        }
        TokioRuntime::sleep(Duration::from_millis(10)).await;
    }
    panic!("no leader: {:#?}", all(agents).iter().map(Agent::standing).collect::<Vec<_>>());
}

/// Goal: any agent can propose and read, wherever the leader is. Method: propose at each, read at each behind
/// a barrier, and compare the states.
#[test]
fn every_agent_can_propose_and_read() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agents = start_three(directory.path()).await;
        let mut expected = 0;
        for round in 0..10 {
            for agent in all(&agents) {
                expected += 1;
                let note = Note::from(format!("{}-{round}", agent.me()));
                assert_eq!(agent.propose(note, PATIENCE).await, Ok(expected));
            }
        }
        for agent in all(&agents) {
            agent.barrier(PATIENCE).await.unwrap();
            assert_eq!(agent.state().order.len() as u64, expected);
            assert!(agent.standing().has_quorum, "{:?}", agent.standing());
        }
        for agent in all(&agents) {
            agent.shutdown().await.unwrap();
        }
    });
}

/// Goal: leadership moves when asked to, only the leader's confirmation succeeds, and its term grows.
/// Method: transfer to a follower and wait until that one confirms.
#[test]
fn leadership_can_be_handed_over() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agents = start_three(directory.path()).await;
        // A starved machine elects another leader between two of these lines: what counts is what one term has seen.
        let mut tries = 0;
        let (term, new) = loop {
            tries += 1;
            assert!(tries < 50, "no leader keeps its term for three messages");
            let old = leader(&agents).await;
            let Ok(term) = old.confirm_leadership(PATIENCE).await else { continue };
            let new = all(&agents).into_iter().find(|agent| agent.me() != old.me()).unwrap();
            // Before it has heard of the members it could only say that it knows none.
            new.barrier(PATIENCE).await.unwrap();
            let confirmed = new.confirm_leadership(PATIENCE).await;
            let by_a_follower = new.transfer_leader(new.me()).await;
            let to_a_stranger = old.transfer_leader(7).await;
            if old.confirm_leadership(PATIENCE).await != Ok(term) {
                continue;
            }
            assert!(matches!(confirmed, Err(BarrierError::NotLeader(_))));
            assert!(matches!(by_a_follower, Err(TransferError::NotLeader(_))));
            assert_eq!(to_a_stranger, Err(TransferError::NotAMember(7)));
            break (term, new);
        };
        let mut rounds = 0;
        let new_term = loop {
            rounds += 1;
            assert!(
                rounds < 50,
                "{:#?}",
                all(&agents).iter().map(|agent| agent.standing()).collect::<Vec<_>>()
            );
            drop(leader(&agents).await.transfer_leader(new.me()).await);
            TokioRuntime::sleep(Duration::from_millis(50)).await;
            if let Ok(new_term) = new.confirm_leadership(Duration::from_secs(1)).await {
                break new_term;
            }
        };
        assert!(new_term > term);
        for agent in all(&agents) {
            agent.shutdown().await.unwrap();
        }
    });
}

/// Goal: without a quorum nothing is confirmed, read or committed, and the standing says so; a stopped agent
/// says that it is stopped. Method: stop two of three.
#[test]
fn without_a_quorum_nothing_is_promised() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agents = start_three(directory.path()).await;
        let last = leader(&agents).await;
        for other in all(&agents).into_iter().filter(|agent| agent.me() != last.me()) {
            other.shutdown().await.unwrap();
            agents.lock().unwrap().remove(&other.me());
            assert!(other.standing().stopped.is_some());
            let refused = other.propose(Note::from("late".to_owned()), Duration::from_millis(100)).await;
            assert!(matches!(refused, Err(ProposeError::Stopped(_))), "{refused:?}");
        }
        let short = Duration::from_millis(900);
        assert!(last.confirm_leadership(short).await.is_err());
        assert!(last.barrier(short).await.is_err());
        let proposed = last.propose(Note::from("alone".to_owned()), short).await;
        assert!(matches!(proposed, Err(ProposeError::NoLeader | ProposeError::Unknown)), "{proposed:?}");
        assert!(!last.standing().has_quorum);
        assert!(!last.state().positions.contains_key("alone"));
        last.shutdown().await.unwrap();
    });
}

/// Goal: an agent with another member list, and a request for another member, are refused (R29). Method: send
/// one request with each fault.
#[test]
fn a_stranger_is_refused() {
    TokioRuntime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let agents = start_three(directory.path()).await;
        let agent = leader(&agents).await;
        let from = all(&agents).into_iter().map(|agent| agent.me()).find(|&id| id != agent.me()).unwrap();
        let ask = async |cluster, to| {
            agent.serve(Request { cluster, from, to, learner: false, needs: 1, call: Call::ReadIndex }).await
        };

        let stranger = ask(ClusterDigest::of("three", &BTreeMap::new()), agent.me()).await;
        assert!(matches!(stranger, Reply::Refused(Refusal::OtherCluster)));
        let cluster = agent.cluster();
        assert!(matches!(ask(cluster, from).await, Reply::Refused(Refusal::OtherMember)));
        assert!(matches!(ask(cluster, agent.me()).await, Reply::ReadIndex { .. }));
        for agent in all(&agents) {
            agent.shutdown().await.unwrap();
        }
    });
}
