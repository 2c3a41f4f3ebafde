//! Agents that come and go while commands are committed: on the production runtime, with real files, talking by
//! function call (F28).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::ledger::{Ledger, Note};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::TokioRuntime;
use quorate_consensus::{
    ChangeError, Consensus, Limits, Member, NodeId, Reply, Request, Seat, Settings, Timing, Transport,
    TransportError, WriterMode, node_id, open_database,
};

/// Far longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Agent = Consensus<Ledger, TokioRuntime>;

/// The agents that are up, and where their files lie.
#[derive(Clone, Default)]
struct Agents(Arc<Mutex<BTreeMap<NodeId, Agent>>>);

impl Transport<Ledger, TokioRuntime> for Agents {
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

fn seat(name: &str) -> Seat {
    Seat { name: name.into(), region: format!("{name}-region") }
}

impl Agents {
    /// Starts one with the members that its file lists.
    async fn start(&self, directory: &Path, name: &str, listed: &[&str]) -> Agent {
        let member = |name: &&str| {
            let Seat { name, region } = seat(name);
            (node_id(&name), Member { name, region, address: String::new() })
        };
        let settings = Settings {
            cluster: "changing".into(),
            me: node_id(name),
            feature_level: 1,
            members: listed.iter().map(member).collect(),
            timing: Timing::lan(),
            // Small, so that who joins late is sent a snapshot.
            limits: Limits {
                snapshot_after_entries: 20,
                entries_kept_max: 5,
                lag_entries_max: 40,
                ..Limits::default()
            },
        };
        let database = open_database(&directory.join(name)).unwrap();
        let agent = Consensus::start(settings, self.clone(), database, WriterMode::Thread).await.unwrap();
        self.0.lock().unwrap().insert(agent.me(), agent.clone());
        agent
    }

    async fn stop(&self, name: &str) {
        let agent = self.0.lock().unwrap().remove(&node_id(name)).unwrap();
        agent.shutdown().await.unwrap();
    }

    fn all(&self) -> Vec<Agent> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    async fn leader(&self) -> Agent {
        for _ in 0..1000 {
            for agent in self.all() {
                if agent.confirm_leadership(Duration::from_secs(1)).await.is_ok() {
                    return agent;
                }
            }
            TokioRuntime::sleep(Duration::from_millis(10)).await;
        }
        panic!("no leader: {:#?}", self.all().iter().map(Agent::standing).collect::<Vec<_>>());
    }

    /// Repeats a change at whoever leads, until it is made.
    async fn change(&self, change: impl AsyncFn(Agent) -> Result<(), ChangeError>) {
        for _ in 0..1000 {
            match change(self.leader().await).await {
                Ok(()) => return,
                Err(ChangeError::Refused(why)) => panic!("refused: {why}"),
                Err(_) => TokioRuntime::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("the change is never made");
    }

    async fn commit(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let note = Note::from(format!("note-{number}"));
            self.leader().await.propose(note, PATIENCE).await.unwrap();
        }
    }

    /// Waits until every agent knows that it lacks nothing: one that is stopped before needs a majority of the others when it
    /// is back.
    async fn settle(&self) {
        for _ in 0..1000 {
            if self.all().iter().all(|agent| agent.standing().settled) {
                return;
            }
            TokioRuntime::sleep(Duration::from_millis(10)).await;
        }
        panic!("not settled: {:#?}", self.all().iter().map(Agent::standing).collect::<Vec<_>>());
    }

    async fn finish(&self) {
        for agent in self.all() {
            agent.shutdown().await.unwrap();
        }
    }
}

async fn listens(agent: &Agent, length: usize) {
    let mut seen = 0;
    while agent.state().order.len() < length {
        seen = agent.changed(seen).await;
    }
}

/// Goal: an agent gets its vote when it has settled, not before: it would be counted on while it may not vote, and where
/// another is lost too nobody would be elected again. Method: `d` is let listen and is to vote before it was ever started,
/// and after.
#[test]
fn who_has_not_settled_gets_no_vote() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        for name in ["a", "b", "c"] {
            agents.start(directory.path(), name, &["a", "b", "c"]).await;
        }
        agents.settle().await;
        let d = node_id("d");
        agents.change(async |leader| leader.add_learner(d, seat("d"), PATIENCE).await).await;
        let before = agents.leader().await.membership().voters;
        let wanted = || BTreeSet::from(["a", "b", "c", "d"].map(node_id));
        let early = agents.leader().await.set_voters(wanted(), PATIENCE).await;
        assert_eq!(early, Err(ChangeError::Unsettled(d)));
        assert_eq!(agents.leader().await.membership().voters, before);
        agents.start(directory.path(), "d", &["a", "b", "c", "d"]).await;
        agents.change(async |leader| leader.set_voters(wanted(), PATIENCE).await).await;
        assert!(agents.all().iter().all(Agent::is_settled));
        agents.finish().await;
    });
}

/// Goal: with one of three lost for good, a new agent with an empty disk takes its place: it joins the history that it
/// finds, catches up by a snapshot, votes, and the cluster then survives the loss of one more. Method: commit, kill `c`,
/// start `d` with a list that the cluster was not formed with, replace, kill another.
#[test]
fn a_lost_agent_is_replaced() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        for name in ["a", "b", "c"] {
            agents.start(directory.path(), name, &["a", "b", "c"]).await;
        }
        agents.commit(0..60).await;
        agents.settle().await;
        agents.stop("c").await;
        let new = agents.start(directory.path(), "d", &["a", "b", "d"]).await;
        agents.change(async |leader| leader.add_learner(node_id("d"), seat("d"), PATIENCE).await).await;
        listens(&new, 60).await;
        let formed = agents.leader().await.history();
        assert_eq!(new.history(), formed, "it belongs to the history of the others");
        let wanted = || BTreeSet::from(["a", "b", "d"].map(node_id));
        agents.change(async |leader| leader.set_voters(wanted(), PATIENCE).await).await;
        let members = agents.leader().await.membership();
        assert_eq!(members.voters, [wanted()]);
        assert!(!members.seats.contains_key(&node_id("c")), "{members:?}");
        agents.settle().await;
        agents.stop("a").await;
        agents.commit(60..65).await;
        new.barrier(PATIENCE).await.unwrap();
        assert_eq!(new.state().order.len(), 65);
        assert!(new.standing().settled);
        agents.finish().await;
    });
}

/// Goal: a removed agent that comes back with its old data disturbs nobody and is never elected. Method: remove `d` of
/// four while it is down, start it, commit all the while, compare terms.
#[test]
fn a_removed_agent_disturbs_nobody() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        let four = ["a", "b", "c", "d"];
        for name in four {
            agents.start(directory.path(), name, &four).await;
        }
        agents.commit(0..10).await;
        agents.settle().await;
        agents.stop("d").await;
        let wanted = || BTreeSet::from(["a", "b", "c"].map(node_id));
        agents.change(async |leader| leader.set_voters(wanted(), PATIENCE).await).await;
        let before = agents.leader().await;
        let removed = agents.start(directory.path(), "d", &four).await;
        agents.commit(10..40).await;
        TokioRuntime::sleep(Timing::lan().election_max * 5).await;
        let after = agents.leader().await;
        assert_eq!((before.me(), before.standing().term), (after.me(), after.standing().term));
        assert!(!removed.standing().is_leader && !removed.standing().has_quorum);
        assert!(removed.barrier(Duration::from_millis(300)).await.is_err(), "it can read nothing any more");
        agents.finish().await;
    });
}

/// Goal: a change whose leader is lost half-way is finished by the next one, and voters never change without a quorum of
/// both sets. Method: make a removal impossible by stopping a second agent, see it fail, start that one again, ask again.
#[test]
fn a_change_without_a_quorum_waits() {
    TokioRuntime::run(async {
        let (directory, agents) = (tempfile::tempdir().unwrap(), Agents::default());
        let three = ["a", "b", "c"];
        for name in three {
            agents.start(directory.path(), name, &three).await;
        }
        agents.commit(0..3).await;
        agents.settle().await;
        agents.stop("b").await;
        let leader = agents.leader().await;
        let name = |agent: &Agent| three.into_iter().find(|name| node_id(name) == agent.me()).unwrap();
        let other = three.into_iter().find(|it| *it != "b" && *it != name(&leader)).unwrap();
        agents.stop(other).await;
        let wanted = BTreeSet::from([leader.me(), node_id("b")]);
        let asked = leader.set_voters(wanted.clone(), Duration::from_secs(1)).await;
        assert!(asked.is_err(), "one of three must not change the members: {asked:?}");
        agents.start(directory.path(), "b", &three).await;
        agents.change(async |leader| leader.set_voters(wanted.clone(), PATIENCE).await).await;
        assert_eq!(agents.leader().await.membership().voters, [wanted]);
        agents.commit(3..6).await;
        agents.finish().await;
    });
}
