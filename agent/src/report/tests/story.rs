//! Three failovers of one service, as the real state machine applies them: one that succeeds, one that is aborted, one that
//! stops.

use crate::http::sample;
use quorate_core::{Actor, Body, Cluster, Command, LeaseProof, Response, StepOutcome};
use quorate_policies::{
    AgentName, Millis, ServiceName, StepName, Timestamp,
    agreement::Evidence,
    guard::{Refusal, Trigger},
    health::Verdict,
    plan::{Before, before::Lag},
};

/// When the story begins.
pub(crate) const START: u64 = 1_700_000_000_000;

/// What a browser, a Markdown reader and a table would obey.
const REASON: &str = "<script>alert(\"x\")</script> **now** [x](javascript:y) a | b";

/// A story.
pub(crate) struct Story {
    pub(crate) cluster: Cluster,
    /// The state after each command.
    pub(crate) moments: Vec<Cluster>,
    clock: u64,
}

fn step(name: &str) -> StepName {
    name.parse().unwrap()
}

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

fn service() -> ServiceName {
    "shop".parse().unwrap()
}

fn ann(reason: &str) -> Actor {
    Actor { name: "ann".to_owned(), reason: reason.to_owned() }
}

fn good(detail: &str) -> StepOutcome {
    StepOutcome::Succeeded { detail: detail.to_owned() }
}

impl Story {
    /// All of it.
    pub(crate) fn whole() -> Self {
        let cluster = sample::formed();
        let mut story = Self { clock: cluster.clock.0, cluster, moments: Vec::new() };
        story.pause_and_refuse();
        story.succeed();
        story.abort();
        story.stop();
        story
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.clock += ms;
        self
    }

    fn apply(&mut self, by: &str, body: Body) -> Response {
        let id = format!("story/{}/{}", self.clock, self.cluster.audit.sequence);
        let command = Command::new(id, Timestamp(self.clock), agent(by), body);
        let response = self.cluster.apply(&command);
        assert!(!matches!(response, Response::Refused { .. }), "{response:?}");
        self.moments.push(self.cluster.clone());
        response
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.apply("a", Body::RecordRefusal { service: service(), refusal });
    }

    fn pause_and_refuse(&mut self) {
        let until = Some(Timestamp(self.wait(3_600_000).clock + 1_800_000));
        self.apply("a", Body::Pause { service: service(), actor: ann("database upgrade"), until });
        self.wait(1_200_000).apply("a", Body::Resume { service: service(), actor: ann("done") });
        let region = || "us-east-1".parse().unwrap();
        self.wait(86_400_000);
        self.refuse(Refusal::NotAgreed { region: region(), down: [agent("a")].into(), needed: 2 });
        self.wait(1_500);
        self.refuse(Refusal::Dwelling {
            region: region(),
            down_for: Millis(0),
            after: None,
            dwell: Millis(60_000),
        });
        self.wait(60_900);
    }

    /// What the leader sees: one region down, the other healthy.
    fn evidence(east: Verdict, west: Verdict, down_for: u64) -> Evidence {
        let (node, now) = sample::node(east, west, &["a", "b", "c"]);
        let mut evidence = node.evidence_now(now, &service());
        evidence.down_for = Millis(down_for);
        for vote in evidence.votes.iter_mut().filter(|vote| vote.verdict == Verdict::Down) {
            vote.failing_for = Some(Millis(down_for + 2_000));
        }
        evidence
    }

    fn decide(&mut self, to: &str, trigger: Trigger, evidence: Evidence) {
        let live = [agent("a"), agent("b"), agent("c")].into();
        let to = to.parse().unwrap();
        self.apply("c", Body::Decide { service: service(), to, trigger, evidence, live });
    }

    fn release(&mut self, epoch: u64) {
        let proof = LeaseProof::Expired { waited: Millis(6_300) };
        self.apply("c", Body::ReleaseLease { service: service(), epoch, proof });
    }

    /// Who has a step, and its attempt.
    fn assigned(&self, id: &str, name: &str) -> (String, u32) {
        let progress = &self.cluster.executions[id].steps[&step(name)];
        (progress.state.agent().unwrap().to_string(), progress.attempt)
    }

    fn begin(&mut self, id: &str, name: &str) {
        let (by, attempt) = self.assigned(id, name);
        self.apply(&by, Body::StartStep { execution: id.to_owned(), step: step(name), attempt });
    }

    fn note(&mut self, id: &str, name: &str, before: Before) {
        let (by, attempt) = self.assigned(id, name);
        self.apply(&by, Body::NoteStep { execution: id.to_owned(), step: step(name), attempt, before });
    }

    fn finish(&mut self, id: &str, name: &str, outcome: StepOutcome) {
        let (by, attempt) = self.assigned(id, name);
        self.apply(&by, Body::FinishStep { execution: id.to_owned(), step: step(name), attempt, outcome });
    }

    fn run(&mut self, id: &str, name: &str, ms: u64, outcome: StepOutcome) {
        self.wait(120).begin(id, name);
        self.wait(ms).finish(id, name, outcome);
    }

    fn promoting(lag: Lag) -> Before {
        Before::Promoted { source: "east-db".to_owned(), lag }
    }

    fn scaled() -> Before {
        Before::Scaled { wanted: 0, because: "desired".to_owned(), desired: 6, scaling: None }
    }

    /// The agents' own failover: the fence has no answer, the agent that promotes is lost, one attempt to scale fails.
    fn succeed(&mut self) {
        let id = "shop-2";
        let evidence = Self::evidence(Verdict::Down, Verdict::Healthy, 61_000);
        self.decide("us-west-2", Trigger::Automatic, evidence);
        self.run(id, "announce", 800, good("incident 392y is investigating"));
        self.run(id, "fence", 4_000, StepOutcome::Unknown { reason: "no answer within 4s".to_owned() });
        self.wait(1_400).release(2);
        self.wait(100).begin(id, "promote");
        let lag = Lag::Known {
            behind: Millis(2_000),
            age: Millis(5_000),
            by: "CloudWatch ReplicaLag".to_owned(),
            confirmed: false,
        };
        self.note(id, "promote", Self::promoting(lag));
        self.run(id, "warm", 3_000, StepOutcome::Failed { reason: "ECS: ThrottlingException".to_owned() });
        let (lost, _) = self.assigned(id, "promote");
        let live = ["a", "b", "c"].into_iter().filter(|name| *name != lost).map(agent).collect();
        self.wait(2_500).apply("c", Body::SetLive { execution: id.to_owned(), live });
        self.run(id, "promote", 9_000, good("instance west-db is available, no replica source"));
        self.run(id, "warm", 5_000, good("wanted 6, desired 6, running 6"));
        self.run(id, "repoint", 1_200, good("shop.example.com is 192.0.2.1"));
        self.run(id, "verify", 2_100, good("shop.example.com answers from us-west-2"));
    }

    /// An operator's, back home, with a reason that would be markup; aborted after its fence.
    fn abort(&mut self) {
        let id = "shop-3";
        let trigger = Trigger::Operator {
            by: "eve".to_owned(),
            reason: REASON.to_owned(),
            accept_data_loss: true,
            ungraceful: false,
        };
        self.wait(7_200_000);
        self.decide("us-east-1", trigger, Self::evidence(Verdict::Healthy, Verdict::Healthy, 0));
        self.wait(100).begin(id, "fence");
        self.note(id, "fence", Self::scaled());
        self.wait(4_000).finish(id, "fence", good("```\nwanted 0, running 0"));
        self.wait(28_800_000);
        self.apply(
            "a",
            Body::Abort { execution: id.to_owned(), actor: ann("nobody wanted this"), leave: false },
        );
        self.run(id, "undo-fence", 6_000, good("wanted 6, desired 6, running 6"));
    }

    /// Another one, which finds that the replica cannot be promoted.
    fn stop(&mut self) {
        let id = "shop-4";
        let trigger = Trigger::Operator {
            by: "ann".to_owned(),
            reason: "drill 12".to_owned(),
            accept_data_loss: true,
            ungraceful: false,
        };
        self.wait(7_200_000);
        self.decide("us-east-1", trigger, Self::evidence(Verdict::Healthy, Verdict::Healthy, 0));
        self.run(id, "announce", 700, good("incident 392z is investigating"));
        self.run(id, "fence", 4_000, good("wanted 0, running 0"));
        self.wait(300).release(4);
        self.wait(50).begin(id, "promote");
        self.note(
            id,
            "promote",
            Self::promoting(Lag::Unknown { reason: "AccessDenied on GetMetricData".to_owned() }),
        );
        let reason = "east-db is no replica".to_owned();
        self.wait(900).finish(id, "promote", StepOutcome::Impossible { reason });
    }
}
