//! The log: commands as they are stored, commands as anybody could think them up, and snapshots. Promised: applying
//! never panics, every rule of `world` holds after every command, a command reads back equal from what is written, and
//! one from an earlier or later version, with fields missing that have a default or fields too many, is still read.

use super::world::{self, AGENTS, Choices, REGIONS, START};
use quorate_consensus::{decode, encode};
use quorate_core::{
    Actor, Body, ChangeOutcome, Cluster, Command, Execution, LeaseProof, Response, Sent, StepOutcome,
    cluster::{
        declare::Declaration,
        drill::{DrillOrder, DryRun, SCHEDULE},
    },
};
use quorate_policies::{
    AgentName, DrillName, FeatureLevel, Millis, StepName, Timestamp,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    guard::{Refusal, Trigger},
    health::Verdict,
    membership::{MemberChange, NewMember},
    plan::{Before, Lag},
};
use std::collections::BTreeSet;

/// Commands of one input at the most: a story, and a bounded time.
const COMMANDS_MAX: usize = 120;

/// One command a line, as the log stores them; what cannot be read is left out, as it would be refused.
///
/// # Panics
/// When a promise is broken.
pub fn cluster_lines(data: &[u8]) {
    let mut cluster = world::begun();
    for line in data.split(|byte| *byte == b'\n').take(COMMANDS_MAX) {
        let Ok(command) = serde_json::from_slice::<Command>(line) else { continue };
        written_and_read(&command);
        apply(&mut cluster, &command);
    }
}

/// A story told by choices: each command is about what the log holds when it is said, so that most stories get somewhere.
///
/// # Panics
/// When a promise is broken.
pub fn cluster_talk(data: &[u8]) {
    let mut choices = Choices(data);
    let mut cluster = world::begun();
    let mut said: Vec<Command> = Vec::new();
    let mut now = START;
    while choices.left() && said.len() < COMMANDS_MAX {
        now = moved(now, &mut choices);
        let (by, body) = body(&cluster, &mut choices, now);
        let mut command = Command::new(format!("said-{}", said.len()), now, by, body);
        if choices.byte() >= 250 && !said.is_empty() {
            command = said[choices.index(said.len())].clone();
        }
        apply(&mut cluster, &command);
        said.push(command);
    }
    for command in &said {
        written_and_read(command);
    }
    let text = encode("a snapshot", &cluster).expect("a snapshot can be written");
    assert_eq!(
        decode::<Cluster>("a snapshot", text.as_bytes()),
        Ok(cluster),
        "another state after a snapshot"
    );
}

/// A snapshot as a leader sends it, and what comes after it.
///
/// # Panics
/// When a promise is broken.
pub fn snapshot(data: &[u8]) {
    let Ok(cluster) = decode::<Cluster>("a snapshot", data) else { return };
    let text = encode("a snapshot", &cluster).expect("what was read can be written");
    assert_eq!(decode::<Cluster>("a snapshot", text.as_bytes()), Ok(cluster));
}

fn apply(cluster: &mut Cluster, command: &Command) {
    let before = cluster.clone();
    let response = cluster.apply(command);
    world::check(&before, cluster, command, &response);
    let text = serde_json::to_string(&response).expect("a response can be written");
    assert_eq!(serde_json::from_str::<Response>(&text).expect("a response can be read"), response);
    if !matches!(response, Response::Refused { .. }) {
        // A retry after a lost reply.
        let stands = cluster.clone();
        assert_eq!(cluster.apply(command), response, "the same command, another answer");
        assert_eq!(*cluster, stands, "the same command twice changed something");
    }
}

/// A command is what is written of it, and a later version may have added fields that this one does not know.
fn written_and_read(command: &Command) {
    let text = serde_json::to_string(command).expect("a command can be written");
    assert_eq!(&serde_json::from_str::<Command>(&text).expect("a command can be read"), command);
    let mut newer: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for place in [
        "",
        "/body",
        "/body/actor",
        "/body/trigger",
        "/body/evidence",
        "/body/declaration",
        "/body/sent",
        "/body/order",
        "/body/outcome",
        "/body/proof",
    ] {
        if let Some(fields) = newer.pointer_mut(place).and_then(serde_json::Value::as_object_mut) {
            fields.insert("a_field_of_tomorrow".to_owned(), serde_json::json!({ "x": [1, null] }));
        }
    }
    assert_eq!(&serde_json::from_value::<Command>(newer).expect("fields too many are ignored"), command);
}

fn moved(now: Timestamp, choices: &mut Choices<'_>) -> Timestamp {
    match choices.byte() {
        0..=239 => now.plus(Millis(u64::from(choices.byte()) * 20)),
        240..=249 => Timestamp(now.0.saturating_sub(choices.number())),
        250..=254 => now.plus(Millis(20_000)),
        255 => Timestamp(choices.number()),
    }
}

fn agents(choices: &mut Choices<'_>) -> BTreeSet<AgentName> {
    let chosen = choices.byte();
    let chosen = AGENTS.iter().enumerate().filter(|(index, _)| chosen & (1 << index) != 0);
    chosen.map(|(_, agent)| world::name(agent)).collect()
}

fn actor(choices: &mut Choices<'_>) -> Actor {
    Actor { name: "olga".to_owned(), reason: choices.of(&["look", "", "\u{e4}\u{0}\"\\"]).to_owned() }
}

fn body(cluster: &Cluster, choices: &mut Choices<'_>, now: Timestamp) -> (AgentName, Body) {
    let latest = cluster.executions.values().max_by_key(|execution| execution.epoch);
    let id = latest.map_or_else(|| "shop-0".to_owned(), |latest| latest.id.clone());
    let service = world::shop();
    let by: AgentName = world::name(choices.of(&AGENTS));
    let body = match choices.byte() % 38 {
        0 | 1 => decide(choices),
        2 => declare(choices),
        3..=17 => return step(latest, id, by, choices),
        18 | 19 => Body::SetLive { execution: id, live: agents(choices) },
        20 => match choices.byte() % 2 {
            0 => Body::Approve { execution: id, step: None, actor: actor(choices) },
            _ => Body::Tick {
                execution: id,
                item: world::name(choices.of(&["told", "traffic"])),
                actor: actor(choices),
            },
        },
        21 if choices.byte() > 127 => Body::Ungraceful { execution: id, actor: actor(choices) },
        21 => Body::Abort { execution: id, actor: actor(choices), leave: false },
        22 => {
            let until = (choices.byte() > 127).then(|| Timestamp(now.0.saturating_add(choices.number())));
            Body::Pause { service, actor: actor(choices), until }
        }
        23 => Body::Resume { service, actor: actor(choices) },
        24..=27 => release(cluster, choices),
        28 => {
            let policy = world::later_policy(choices.index(4));
            Body::apply_policy(policy, actor(choices))
        }
        29 => Body::RecordRefusal {
            service,
            refusal: Refusal::RegionHealthy { region: world::name(REGIONS[0]) },
        },
        30 => Body::Notified { sequence: choices.number() },
        31 => Body::Told { execution: id, sent: sent(choices) },
        32 => Body::Acknowledge { execution: id, actor: actor(choices) },
        33..=36 => drill(cluster, choices),
        37..=39 => change_members(cluster, choices),
        _ => Body::SetMembers { members: world::members() },
    };
    (by, body)
}

/// A change of the agents, or what becomes of one.
fn change_members(cluster: &Cluster, choices: &mut Choices<'_>) -> Body {
    let number = cluster.roster.changes.saturating_sub(u64::from(choices.byte() > 223));
    let (live, actor) = (agents(choices), actor(choices));
    let region = world::name(choices.of(&REGIONS));
    let member = NewMember {
        name: world::name(choices.of(&[AGENTS[0], "new", "newer"])),
        region,
        address: choices.of(&["10.0.0.9:7951", "nowhere"]).to_owned(),
    };
    let old = world::name(choices.of(&[AGENTS[0], AGENTS[1], AGENTS[2], "new"]));
    match choices.index(7) {
        6 => raise_level(cluster, choices),
        0 => Body::ChangeMembers { change: MemberChange::Add { member }, live, actor },
        1 => Body::ChangeMembers { change: MemberChange::Remove { agent: old }, live, actor },
        2 => Body::ChangeMembers { change: MemberChange::Replace { old, member }, live, actor },
        3 => Body::CancelMembers { actor },
        4 => Body::EndMembers { number, outcome: ChangeOutcome::Done },
        _ => Body::EndMembers { number, outcome: ChangeOutcome::GivenUp { why: "too late".to_owned() } },
    }
}

/// A level that is understood by all, or not by all, or no higher one.
fn raise_level(cluster: &Cluster, choices: &mut Choices<'_>) -> Body {
    let agreed = cluster.feature_level.0;
    let to = FeatureLevel(agreed.saturating_sub(1).saturating_add(u32::from(choices.byte() % 4)));
    let heard = cluster.seated().into_keys().filter_map(|agent| match choices.byte() {
        0..=7 => None,
        8..=15 => Some((agent, FeatureLevel(agreed))),
        _ => Some((agent, to)),
    });
    Body::RaiseLevel { to, heard: heard.collect() }
}

/// What became of a message, by channels that the policy may not have.
fn sent(choices: &mut Choices<'_>) -> Sent {
    let given_up = (choices.byte() > 191).then(|| choices.of(&["it answered 500", ""]).to_owned());
    Sent {
        channel: world::name(choices.of(&["incidents", "mail", "public"])),
        message: choices.of(&["begun", "update-1", "ended", "\u{0}"]).to_owned(),
        reference: (choices.byte() > 127).then(|| choices.of(&["C1/1.0", "", "x"]).to_owned()),
        given_up,
    }
}

/// A scenario that nothing detects, with what an operator says, right or not.
fn declare(choices: &mut Choices<'_>) -> Body {
    let Body::Decide { service, to, evidence, live, .. } = decide(choices) else { unreachable!() };
    let scenario = world::name(choices.of(&["restart", "restart", "region-loss", "fire"]));
    let tasks = choices.of(&["4", "4", "four", "-1"]);
    let inputs = [(choices.of(&["tasks", "tasks", "task"]).to_owned(), tasks.to_owned())];
    let inputs = inputs.into_iter().take(choices.index(3)).collect();
    let to = (choices.byte() > 191).then_some(to);
    let trigger = Trigger::Operator {
        by: "olga".to_owned(),
        reason: "the ticket".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    };
    Body::Declare { service, declaration: Declaration { scenario, inputs, to }, trigger, evidence, live }
}

/// Something about a drill, most often what can be done with it now.
fn drill(cluster: &Cluster, choices: &mut Choices<'_>) -> Body {
    let Body::Decide { service, to, mut trigger, evidence, live } = decide(choices) else { unreachable!() };
    let drill: DrillName = world::name(choices.of(&["move", "restore", "look", "none"]));
    let record = cluster.services.get(&service).and_then(|state| state.drills.get(&drill));
    let count = record.map_or(0, |record| record.count);
    let order = match choices.byte() % 8 {
        0..=3 => {
            if choices.byte() > 127 {
                let (by, reason) = (SCHEDULE.to_owned(), "it is due".to_owned());
                trigger = Trigger::Operator { by, reason, accept_data_loss: false, ungraceful: false };
            }
            let count = if choices.byte() > 230 { choices.number() } else { count };
            let to = (choices.byte() < 230).then_some(to);
            DrillOrder::Begin { to, trigger, evidence, live, count }
        }
        4 | 5 => DrillOrder::Finish { evidence, live },
        6 => DrillOrder::Announce,
        _ => {
            let predicted = Some(Millis(choices.number()));
            let outcome = DryRun { ready: choices.byte() > 127, outcome: String::new(), predicted };
            // A scheduled one, or an operator's.
            let count = (choices.byte() > 127).then_some(count);
            DrillOrder::Record { outcome, actor: actor(choices), count }
        }
    };
    Body::Drill { service, drill, order }
}

fn decide(choices: &mut Choices<'_>) -> Body {
    let operator = choices.byte();
    let trigger = if operator > 127 {
        let accept_data_loss = operator > 191;
        Trigger::Operator {
            by: "olga".to_owned(),
            reason: "the ticket".to_owned(),
            accept_data_loss,
            ungraceful: false,
        }
    } else {
        Trigger::Automatic
    };
    let down = choices.of(&[REGIONS[0], REGIONS[0], REGIONS[1], REGIONS[2]]);
    let votes =
        REGIONS.iter().flat_map(|region| AGENTS.map(|agent| vote(agent, region, *region == down, choices)));
    let votes: Vec<Vote> = votes.collect();
    let lags = AGENTS.iter().flat_map(|agent| {
        let replicas = [(REGIONS[0], "shop-east"), (REGIONS[1], "shop-west"), (REGIONS[2], "shop-west")];
        replicas.map(|(region, instance)| LagVote {
            agent: world::name(agent),
            replica: replica_name(region, instance),
            behind: Millis(1_000),
            measured: Millis::from_secs(90),
            bytes: None,
            confirmed: false,
            age: Millis(300),
            policy_matches: true,
            abstains: false,
        })
    });
    let mut evidence = Evidence {
        lags: lags.collect(),
        votes,
        down_for: Millis::from_secs(60),
        everything_down_ago: None,
        flaps: 1,
        looks: Vec::new(),
        components_down: Default::default(),
    };
    if choices.byte() > 200 {
        evidence.down_for = Millis(choices.number());
        evidence.flaps = u32::try_from(choices.number()).unwrap_or(u32::MAX);
        for lag in &mut evidence.lags {
            (lag.behind, lag.measured, lag.age) =
                (Millis(choices.number()), Millis(choices.number()), Millis(choices.number()));
        }
    }
    let to = world::name(choices.of(&[REGIONS[1], REGIONS[1], REGIONS[2], REGIONS[0]]));
    // The empty choice is that all are alive.
    let live = AGENTS.iter().map(|agent| world::name(agent)).collect::<BTreeSet<_>>();
    let live = &live - &agents(choices);
    Body::Decide { service: world::shop(), to, trigger, evidence, live }
}

fn vote(agent: &str, region: &str, down: bool, choices: &mut Choices<'_>) -> Vote {
    let verdict = if down { Verdict::Down } else { Verdict::Healthy };
    let mut vote = Vote {
        agent: world::name(agent),
        target: format!("api/{region}").try_into().expect("a target"),
        verdict,
        armed: true,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
        reason: None,
        failing_for: down.then_some(Millis::from_secs(62)),
    };
    if choices.byte() > 230 {
        vote.failing_for = Some(Millis(choices.number()));
        vote.age = Millis(choices.number());
        vote.armed = choices.byte() > 50;
        vote.verdict = choices.of(&[Verdict::Down, Verdict::Healthy, Verdict::Unknown]);
    }
    vote
}

/// Something about a step: by default by the agent that has it, about the attempt that it is at.
fn step(
    latest: Option<&Execution>,
    execution: String,
    by: AgentName,
    choices: &mut Choices<'_>,
) -> (AgentName, Body) {
    let steps = latest.map_or(0, |latest| latest.steps.len());
    let at = choices.index(steps);
    let Some((step, progress)) = latest.and_then(|latest| latest.steps.iter().nth(at)) else {
        let step: StepName = world::name("nothing");
        return (by, Body::StartStep { execution, step, attempt: 1 });
    };
    let stranger = choices.byte();
    let by = progress.state.agent().filter(|_| stranger < 240).cloned().unwrap_or(by);
    let attempt = if stranger > 220 { progress.attempt.wrapping_sub(1) } else { progress.attempt };
    let step = step.clone();
    let body = match choices.byte() % 8 {
        0..=1 => Body::StartStep { execution, step, attempt },
        2 => Body::ResumeStep { execution, step, attempt },
        3 => Body::NoteStep { execution, step, attempt, before: before(choices) },
        4 => Body::Signal {
            execution,
            step,
            attempt,
            region: world::name(choices.of(&[REGIONS[1], REGIONS[0], REGIONS[2]])),
        },
        _ => Body::FinishStep { execution, step, attempt, outcome: outcome(choices) },
    };
    (by, body)
}

fn before(choices: &mut Choices<'_>) -> Before {
    match choices.byte() % 4 {
        0 => {
            let desired = u32::try_from(choices.number()).unwrap_or(u32::MAX);
            Before::Scaled { wanted: 4, because: "the policy".to_owned(), desired, scaling: None }
        }
        1 => {
            Before::Signalled { region: choices.of(&[REGIONS[0], REGIONS[2], "", "not a region"]).to_owned() }
        }
        2 => {
            let lag = Lag::Known {
                behind: Millis(choices.number()),
                age: Millis(choices.number()),
                by: "x".to_owned(),
                confirmed: false,
            };
            Before::Promoted { source: "shop-east".to_owned(), lag }
        }
        _ => Before::Rebooted { restarted: None },
    }
}

fn outcome(choices: &mut Choices<'_>) -> StepOutcome {
    let reason = || "because".to_owned();
    let byte = choices.byte();
    match byte % 8 {
        0..=4 => StepOutcome::Succeeded { detail: "it stands".to_owned() },
        5 => StepOutcome::Failed { reason: reason() },
        6 => StepOutcome::Impossible { reason: reason() },
        _ if byte > 127 => StepOutcome::Broken { reason: reason() },
        _ => StepOutcome::Unknown { reason: reason() },
    }
}

fn release(cluster: &Cluster, choices: &mut Choices<'_>) -> Body {
    let service = world::shop();
    let epoch = cluster.services[&service].epoch;
    let epoch = if choices.byte() > 230 { choices.number() } else { epoch };
    let given_up = choices.byte() > 127;
    let proof =
        if given_up { LeaseProof::GivenUp } else { LeaseProof::Expired { waited: Millis(choices.number()) } };
    Body::ReleaseLease { service, epoch, proof }
}
