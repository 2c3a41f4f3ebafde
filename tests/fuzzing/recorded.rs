//! Seeds that are made and not written by hand: a whole failover as the log stores it, its snapshot, its rows on a disk, and
//! the messages by which it came about. `QUORATE_FUZZ_RECORD=1` makes the bounded run write
//! them for the coverage-guided targets. What was written once stays: an entry of an earlier version must be read by every later one.

use super::{
    reports,
    resolvers::wanted_answer,
    world::{self, AGENTS, REGIONS, START},
};
use quorate_consensus::encode;
use quorate_core::{Actor, Body, Cluster, Command, LeaseProof, StepOutcome};
use quorate_policies::{
    Millis,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    guard::Trigger,
    health::{FailureReason, Verdict},
    plan::{Before, Lag},
};

/// Made seeds of a target, by the target's name.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "cluster_lines" => vec![lines(&failover().0), lines(&operators())],
        "cluster_talk" => talks(),
        "snapshot" => vec![versioned(&failover().1), versioned(&world::begun())],
        "peer_message" => messages(),
        "heard_report" => vec![reports::story()],
        "stored_rows" => vec![rows()],
        "audit_file" => vec![audit()],
        "health_reply" => replies(),
        "dns_reply" => vec![wanted_answer()],
        "api_body" => bodies(),
        "words" | "shell_words" => words(),
        "small_message" => small(),
        _ => Vec::new(),
    }
}

fn versioned<T: serde::Serialize>(value: &T) -> Vec<u8> {
    encode("a seed", value).expect("a seed can be written").into_bytes()
}

fn lines(commands: &[Command]) -> Vec<u8> {
    let lines =
        commands.iter().map(|command| serde_json::to_string(command).expect("a command can be written"));
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

struct Teller {
    cluster: Cluster,
    said: Vec<Command>,
}

impl Teller {
    fn say(&mut self, by: &str, body: Body) {
        let number = self.said.len() as u64;
        let at = START.plus(Millis(number * 700));
        let command = Command::new(format!("recorded-{number}"), at, world::name(by), body);
        self.cluster.apply(&command);
        self.said.push(command);
    }

    /// Every assigned step begins, is noted, and ends, until nothing is left to do.
    fn run(&mut self) {
        while let Some(execution) = self.cluster.running(&world::shop()) {
            let id = execution.id.clone();
            let open = execution.steps.iter().find_map(|(name, progress)| {
                Some((name.clone(), progress.state.agent()?.to_string(), progress.attempt))
            });
            let Some((step, by, attempt)) = open else { return };
            self.say(&by, Body::StartStep { execution: id.clone(), step: step.clone(), attempt });
            if let Some(before) = before(step.as_str()) {
                self.say(&by, Body::NoteStep { execution: id.clone(), step: step.clone(), attempt, before });
            }
            if step.as_str() == "signal" {
                let region = world::name(REGIONS[1]);
                self.say(&by, Body::Signal { execution: id.clone(), step: step.clone(), attempt, region });
            }
            let outcome = StepOutcome::Succeeded { detail: "it stands".to_owned() };
            self.say(&by, Body::FinishStep { execution: id, step, attempt, outcome });
        }
    }
}

fn before(step: &str) -> Option<Before> {
    match step {
        "fence" | "scale" => {
            let because = "the policy says so".to_owned();
            Some(Before::Scaled { wanted: 4, because, desired: 2, scaling: None })
        }
        "promote" => {
            let lag = Lag::Known {
                behind: Millis(800),
                age: Millis(30_000),
                by: "cloudwatch".to_owned(),
                confirmed: false,
            };
            Some(Before::Promoted { source: "shop-east".to_owned(), lag })
        }
        "signal" => Some(Before::Signalled { region: REGIONS[0].to_owned() }),
        _ => None,
    }
}

/// The primary region has been down for a minute.
fn evidence() -> Evidence {
    let vote = |agent: &str, region: &str| {
        let down = region == REGIONS[0];
        Vote {
            agent: world::name(agent),
            target: format!("api/{region}").try_into().expect("a target"),
            verdict: if down { Verdict::Down } else { Verdict::Healthy },
            armed: true,
            age: Millis(300),
            policy_matches: true,
            abstains: false,
            reason: down.then_some(FailureReason::ConnectTimeout),
            failing_for: down.then_some(Millis::from_secs(62)),
        }
    };
    let lag = |agent: &str| LagVote {
        agent: world::name(agent),
        replica: replica_name(REGIONS[1], "shop-west"),
        behind: Millis(1_000),
        measured: Millis::from_secs(90),
        bytes: None,
        confirmed: false,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    };
    let regions = &REGIONS[..2];
    let votes = regions.iter().flat_map(|region| AGENTS.map(|agent| vote(agent, region))).collect();
    Evidence {
        votes,
        down_for: Millis::from_secs(60),
        everything_down_ago: None,
        flaps: 1,
        lags: AGENTS.map(lag).into(),
        looks: Vec::new(),
        components_down: Default::default(),
    }
}

fn decide(trigger: Trigger) -> Body {
    let live = AGENTS.iter().map(|agent| world::name(agent)).collect();
    Body::Decide { service: world::shop(), to: world::name(REGIONS[1]), trigger, evidence: evidence(), live }
}

fn actor(reason: &str) -> Actor {
    Actor { name: "olga".to_owned(), reason: reason.to_owned() }
}

/// A failover from the decision to its end, and the state after it.
///
/// # Panics
/// When it does not get to its end.
#[must_use]
pub fn failover() -> (Vec<Command>, Cluster) {
    let mut teller = Teller { cluster: world::begun(), said: Vec::new() };
    teller.say("noa", decide(Trigger::Automatic));
    let proof = LeaseProof::Expired { waited: Millis(6_300) };
    teller.say("noa", Body::ReleaseLease { service: world::shop(), epoch: 2, proof });
    teller.run();
    let words: Vec<&str> = teller.cluster.executions.values().map(|e| e.state.word()).collect();
    assert_eq!(words, ["succeeded"], "the recorded failover does not get to its end");
    (teller.said, teller.cluster)
}

/// What operators say, each thing once, and an abort that takes a step back.
fn operators() -> Vec<Command> {
    let mut teller = Teller { cluster: world::begun(), said: Vec::new() };
    let service = world::shop;
    let members = world::members();
    teller.say("noa", Body::SetMembers { members });
    for which in 0..4 {
        teller.say("noa", Body::apply_policy(world::later_policy(which), actor("another policy")));
    }
    teller.say("noa", Body::apply_policy(world::later_policy(1), actor("approval")));
    teller.say("wes", Body::Pause { service: service(), actor: actor("look"), until: Some(START) });
    teller.say("wes", Body::Resume { service: service(), actor: actor("go on") });
    teller.say("noa", decide(Trigger::Automatic));
    let execution = || "shop-2".to_owned();
    teller.say("wes", Body::Approve { execution: execution(), step: None, actor: actor("go") });
    let live = AGENTS[1..].iter().map(|agent| world::name(agent)).collect();
    teller.say("noa", Body::SetLive { execution: execution(), live });
    let step = || world::name("scale");
    teller.say("wes", Body::StartStep { execution: execution(), step: step(), attempt: 1 });
    let outcome = StepOutcome::Unknown { reason: "the reply was lost".to_owned() };
    teller.say("wes", Body::FinishStep { execution: execution(), step: step(), attempt: 1, outcome });
    teller.say("wes", Body::Abort { execution: execution(), actor: actor("stop"), leave: false });
    let trigger = Trigger::Operator {
        by: "olga".to_owned(),
        reason: "the ticket says so".to_owned(),
        accept_data_loss: true,
        ungraceful: false,
    };
    teller.say("noa", decide(trigger));
    teller.say("noa", Body::ReleaseLease { service: service(), epoch: 2, proof: LeaseProof::GivenUp });
    teller.say("noa", Body::Notified { sequence: 7 });
    let sent = quorate_core::Sent {
        channel: world::name("incidents"),
        message: "begun".to_owned(),
        reference: Some("C1/1.0".to_owned()),
        given_up: None,
    };
    teller.say("noa", Body::Told { execution: execution(), sent });
    teller.say("wes", Body::Ungraceful { execution: execution(), actor: actor("it is lost") });
    teller.say("wes", Body::Acknowledge { execution: execution(), actor: actor("at it") });
    teller.said
}

/// Choices that get somewhere: the first is a decision, and what follows begins and ends steps.
fn talks() -> Vec<Vec<u8>> {
    let decide = [0, 1, 2, 0, 0].into_iter().chain([0; 12]).collect::<Vec<u8>>();
    let mut story = decide.clone();
    for step in 0..5 {
        story.extend([0, 1, 0, 3, step, 0, 0, 0]);
        story.extend([0, 1, 0, 3, step, 0, 5, 0, 0]);
        story.extend([0, 1, 2, 24, 0, 0, 0, 1, 0]);
    }
    vec![decide, story.clone(), [story.clone(), vec![0, 1, 2, 21, 0, 0], story].concat()]
}

fn messages() -> Vec<Vec<u8>> {
    let vote = serde_json::json!({ "leader_id": { "term": 3, "node_id": 7 }, "committed": true });
    let id = |index: u64| serde_json::json!({ "leader_id": 3, "index": index });
    let (said, cluster) = failover();
    let entries: Vec<_> = said
        .iter()
        .zip(1..)
        .map(|(command, index)| serde_json::json!({ "log_id": id(index), "payload": { "Normal": command } }))
        .collect();
    let calls = [
        serde_json::json!({ "Append": { "vote": vote, "prev_log_id": id(1), "entries": entries, "leader_commit": id(1) } }),
        serde_json::json!({ "Vote": { "vote": vote, "last_log_id": id(1) } }),
        serde_json::json!({ "Propose": said[0] }),
        serde_json::json!("ReadIndex"),
        serde_json::json!("Horizon"),
        serde_json::json!({ "Snapshot": { "vote": vote, "machine": encode("a seed", &cluster).expect("a snapshot"),
            "meta": { "last_log_id": id(1), "last_membership": { "log_id": null, "membership": { "configs": [], "nodes": {} } } } } }),
    ];
    let request = |call| versioned(&serde_json::json!({ "cluster": 1, "from": 7, "to": 8, "call": call }));
    let replies = [
        serde_json::json!({ "ReadIndex": { "index": 5 } }),
        serde_json::json!({ "NotLeader": { "leader": 7 } }),
        serde_json::json!({ "Refused": { "Stopped": "the disk is full" } }),
        serde_json::json!({ "Proposed": { "response": "execution", "id": "shop-2", "joined": false } }),
        serde_json::json!({ "Horizon": { "term": 3, "last_entry": [3, 9] } }),
    ];
    let reports = reports::story().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    calls.into_iter().map(request).chain(replies.iter().map(versioned)).chain(reports).collect()
}

fn rows() -> Vec<u8> {
    let vote = serde_json::json!({ "leader_id": { "term": 3, "node_id": 7 }, "committed": true });
    let id = |index: u64| serde_json::json!({ "leader_id": 3, "index": index });
    let (said, _) = failover();
    let text = |value: serde_json::Value| encode("a row", &value).expect("a row can be written");
    let mut rows: Vec<String> = said
        .iter()
        .zip(1..)
        .map(|(command, index)| {
            format!(
                "{index} {}",
                text(serde_json::json!({ "log_id": id(index), "payload": { "Normal": command } }))
            )
        })
        .collect();
    let meta = serde_json::json!({ "last_log_id": id(0), "snapshot_id": "1",
        "last_membership": { "log_id": null, "membership": { "configs": [], "nodes": {} } } });
    let snapshot = encode("a row", &world::begun()).expect("a row can be written");
    rows.extend([
        format!("vote {}", text(vote)),
        format!("committed {}", text(id(1))),
        format!("purged {}", text(id(0))),
        format!("snapshot_meta {}", text(meta)),
        format!("snapshot {snapshot}"),
        format!("settled {}", text(serde_json::json!(true))),
    ]);
    rows.join("\n").into_bytes()
}

fn audit() -> Vec<u8> {
    let (_, cluster) = failover();
    let lines = cluster.audit.entries.iter().map(|entry| serde_json::to_string(entry).expect("an entry"));
    let mut text = lines.map(|line| line + "\n").collect::<String>();
    text.push_str("{\"sequence\":99,\"actor\":\"Zo\u{eb}\"");
    text.into_bytes()
}

fn replies() -> Vec<Vec<u8>> {
    [
        "\0HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "\u{1}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhealthy\r\n0\r\n\r\n",
        "\u{2}HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
        "\u{1}HTTP/1.0 200 OK\r\n\r\n{\"status\": \"healthy\"}",
        "\0HTTP/1.1 503 Service Unavailable\r\nContent-Length: 99\r\n\r\nbroken off",
        "\0HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ]
    .map(|reply| reply.as_bytes().to_vec())
    .into()
}

fn bodies() -> Vec<Vec<u8>> {
    let policy = serde_json::to_string(&world::policy()).expect("a policy can be printed");
    [
        serde_json::json!({ "policy": policy, "file": "shop.yaml", "reason": "first" }),
        serde_json::json!({ "to": "us-west-2", "reason": "x", "confirm": "shop", "accept_data_loss": true }),
        serde_json::json!({ "reason": "x", "for": "30m" }),
        serde_json::json!({ "reason": "x" }),
    ]
    .map(|body| body.to_string().into_bytes())
    .into()
}

fn words() -> Vec<Vec<u8>> {
    [
        "1m30s",
        "90d",
        "us-east-1",
        "api/us-east-1",
        "200-299,401",
        "majority",
        "5",
        "https://api.example.com:8443/h?x=1#y",
        "http://[::1]:80/ shop.example.com",
        "https://{alb}/health",
        "{region}.{a.b}",
        "east=us-east-1=10.0.0.1",
        "a=b=[::1]",
        "epoch=7 execution=shop-7 attempt=2",
        "\"epoch=7 execution=shop-7 attempt=2\"",
    ]
    .map(|word| word.as_bytes().to_vec())
    .into()
}

fn small() -> Vec<Vec<u8>> {
    [
        serde_json::json!({ "service": "shop", "target": "api/us-east-1" }),
        serde_json::json!({ "service": "shop", "region": "us-east-1", "epoch": 7 }),
        serde_json::json!({ "lease": "granted", "ttl_ms": 15_000 }),
        serde_json::json!({ "lease": "refused", "refusal": { "refused": "region_healthy", "region": "us-east-1" } }),
    ]
    .iter()
    .map(versioned)
    .collect()
}
