//! Agents of different versions in one cluster: what the hash of a policy is, which level they agree on, what is refused
//! before, and what becomes of an agent that is too old.

use crate::{log::Log, shop::*};
use quorate_core::{
    Body, ChangeOutcome, Cluster, Command, Input, Node, NodeSettings, Output, Response,
    membership::{Step, Voters, next},
    node::{Now, Standing, self_health::TICK},
};
use quorate_policies::{
    FEATURE_LEVEL, FeatureLevel, Millis, Monotonic, Timestamp,
    agreement::{Report, policy_hash},
    feature_level::{Heard, LevelRefusal},
    guard::Refusal,
    membership::{MemberChange, NewMember},
};
use std::sync::Arc;

/// A later version's.
const LATER: FeatureLevel = FeatureLevel(FEATURE_LEVEL.0 + 1);

fn heard(levels: &[(&str, FeatureLevel)]) -> Heard {
    levels.iter().map(|(name, level)| (agent(name), *level)).collect()
}

fn raise(log: &mut Log, to: FeatureLevel, levels: &[(&str, FeatureLevel)]) -> Response {
    log.say(WES, Body::RaiseLevel { to, heard: heard(levels) })
}

fn refused(response: Response) -> LevelRefusal {
    match response {
        Response::Refused { refusal: Refusal::FeatureLevel { why } } => why,
        other => panic!("{other:?}"),
    }
}

/// Something that came with a later version.
fn later(log: &mut Log) -> Command {
    let body = Body::Pause { service: shop(), actor: olga("in a new way"), until: None };
    Command { needs: LATER, ..log.command(NOA, body) }
}

fn all_of(level: FeatureLevel) -> [(&'static str, FeatureLevel); 3] {
    AGENTS.map(|name| (name, level))
}

fn node(name: &str, at: &str, feature_level: FeatureLevel) -> Node {
    let settings = NodeSettings {
        name: agent(name),
        region: region(at),
        members: members(),
        incarnation: 1,
        feature_level,
        report_interval: Millis(1_000),
        lost_after: Millis(2_500),
    };
    Node::new(settings, now(0))
}

fn now(at: u64) -> Now {
    Now { mono: Monotonic(at), wall: Timestamp(1_700_000_000_000 + at) }
}

fn reports(outputs: &[Output]) -> Vec<Report> {
    let report = |output: &Output| match output {
        Output::Report(report) => Some(report.clone()),
        _ => None,
    };
    outputs.iter().filter_map(report).collect()
}

/// The same state on an agent that gets it as a snapshot.
fn restored(cluster: &Cluster) -> Cluster {
    serde_json::from_str(&serde_json::to_string(cluster).unwrap()).unwrap()
}

/// Goal: R29, the hash by which agents compare their policies is the log's: a replica that would write the policy otherwise
/// keeps it, so does one that is given a snapshot, and their reports agree. Method: an entry of a proposer whose version
/// knows one more field, so that its hash is none that this build makes.
#[test]
fn r29_the_hash_is_what_the_proposer_made() {
    let mut log = Log::of_the_shop();
    let theirs = "0".repeat(64);
    assert_ne!(policy_hash(&hasty()), theirs, "this build writes the policy otherwise");
    let body = Body::ApplyPolicy {
        policy: Box::new(hasty()),
        hash: Some(theirs.clone()),
        actor: olga("by a later version"),
    };
    let entry = serde_json::to_string(&log.command(NOA, body)).unwrap();
    let response = log.cluster.apply(&serde_json::from_str::<Command>(&entry).unwrap());
    assert_eq!(response, Response::Policy { version: 2, hash: theirs.clone() });
    let mut of_all = Vec::new();
    for (name, at) in [(EVE, EAST), (WES, WEST)] {
        let mut node = node(name, at, FEATURE_LEVEL);
        let outputs = node.step(now(10), Input::Applied(Arc::new(restored(&log.cluster))));
        of_all
            .extend(reports(&outputs).into_iter().map(|report| report.services[&shop()].policy_hash.clone()));
    }
    assert_eq!(of_all, [theirs.clone(), theirs]);
}

/// Goal: an entry of an earlier version, which says no hash, no need and no level, means what it meant. Method: the shop's
/// policy as such an entry, and a report of such an agent.
#[test]
fn what_an_earlier_version_wrote_is_read_as_before() {
    let mut log = Log::of_the_shop();
    let command = log.command(NOA, Body::apply_policy(hasty(), olga("an earlier one")));
    let mut entry = serde_json::to_value(&command).unwrap();
    assert!(entry.get("needs").is_none(), "what everybody understands says nothing: {entry}");
    entry["body"].as_object_mut().unwrap().remove("hash").unwrap();
    let read: Command = serde_json::from_value(entry).unwrap();
    assert_eq!(read.needs, FeatureLevel::FIRST);
    assert_eq!(log.cluster.apply(&read), Response::Policy { version: 2, hash: policy_hash(&hasty()) });
    let state = serde_json::to_value(&log.cluster).unwrap();
    assert!(state.get("feature_level").is_none(), "an earlier version would write the same state");

    let mut noa = node(NOA, NORTH, FEATURE_LEVEL);
    let said = reports(&noa.step(now(10), Input::Applied(Arc::new(log.cluster.clone()))));
    let mut report = serde_json::to_value(&said[0]).unwrap();
    report.as_object_mut().unwrap().remove("feature_level").unwrap();
    report["a_field_of_tomorrow"] = serde_json::json!(true);
    let read: Report = serde_json::from_value(report).unwrap();
    assert_eq!(read.feature_level, FeatureLevel::FIRST);
}

/// Goal: the level is raised when everybody is known to understand it, and by nothing else; it never falls; before it is,
/// what came with it is refused, and after it is not. Method: a table of what is known of whom.
#[test]
fn the_level_is_what_all_understand() {
    let agreed = FEATURE_LEVEL;
    let not_supported = |held: &[(&str, Option<FeatureLevel>)]| LevelRefusal::NotSupported {
        to: LATER,
        held_by: held.iter().map(|(name, level)| (agent(name), *level)).collect(),
    };
    let mut log = Log::of_the_shop();
    let command = later(&mut log);
    let unagreed = LevelRefusal::NotAgreed { needs: LATER, agreed, held_by: Default::default() };
    assert_eq!(refused(log.cluster.apply(&command)), unagreed);
    let table = [
        (&[(EVE, LATER), (WES, LATER), (NOA, agreed)][..], not_supported(&[(NOA, Some(agreed))])),
        (&[(EVE, LATER), (WES, LATER)], not_supported(&[(NOA, None)])),
        (&[(EVE, agreed), (WES, LATER)], not_supported(&[(EVE, Some(agreed)), (NOA, None)])),
    ];
    for (known, why) in table {
        assert_eq!(refused(raise(&mut log, LATER, known)), why);
    }
    let same = refused(raise(&mut log, agreed, &all_of(LATER)));
    assert_eq!(same, LevelRefusal::NotAbove { to: agreed, agreed });
    assert_eq!(log.cluster.feature_level, agreed);
    assert_eq!(raise(&mut log, LATER, &all_of(LATER)), Response::Done);
    let down = refused(raise(&mut log, agreed, &all_of(agreed)));
    assert_eq!(down, LevelRefusal::NotAbove { to: agreed, agreed: LATER });
    assert_eq!(restored(&log.cluster).feature_level, LATER, "a snapshot says it, too");
    let command = later(&mut log);
    assert_eq!(log.cluster.apply(&command), Response::Done);
    let told = log.cluster.audit.entries.iter().filter(|entry| entry.event.name() == "feature_level_raised");
    assert_eq!(told.count(), 1);
}

/// Goal: the leader asks for the level once all have said that they understand it, and until then nothing of it is proposed,
/// with the names of those that hold it back. Method: the reports of two agents, of one of them twice, and silence.
#[test]
fn the_leader_raises_the_level_when_all_have_said_so() {
    let log = Log::of_the_shop();
    let mut wes = node(WES, WEST, LATER);
    let leads = Standing {
        term: 3,
        leader: Some(agent(WES)),
        is_leader: true,
        has_quorum: true,
        ..Standing::default()
    };
    wes.step(now(10), Input::Standing(leads));
    wes.step(now(20), Input::Applied(Arc::new(log.cluster.clone())));
    let said = |name: &str, at: &str, level, sequence| {
        let mut other = node(name, at, level);
        let outputs = other.step(now(10), Input::Applied(Arc::new(log.cluster.clone())));
        let report = reports(&outputs).pop().unwrap();
        Input::Heard(Report { sequence, ..report })
    };
    let raised = |outputs: &[Output]| {
        let raise = |output: &Output| match output {
            Output::Propose(command) => matches!(command.body, Body::RaiseLevel { to: LATER, .. }),
            _ => false,
        };
        outputs.iter().any(raise)
    };
    let (mut asked, mut known) = (log.clone(), log.clone());
    let asked = later(&mut asked);
    let known = known.command(WES, asked.body.clone());
    let held_by = |wes: &Node, at: u64| match wes.permits(now(at), &asked) {
        Err(Refusal::FeatureLevel { why: LevelRefusal::NotAgreed { held_by, .. } }) => held_by,
        other => panic!("{other:?}"),
    };
    assert!(!raised(&wes.step(now(1_000), said(EVE, EAST, LATER, 1))));
    assert_eq!(held_by(&wes, 1_000), [(agent(NOA), None)].into());
    assert!(!raised(&wes.step(now(1_100), said(NOA, NORTH, FEATURE_LEVEL, 1))));
    assert_eq!(held_by(&wes, 1_100), [(agent(NOA), Some(FEATURE_LEVEL))].into());
    assert_eq!(wes.permits(now(1_100), &known), Ok(()), "what is agreed on is proposed");
    // It is upgraded, and meanwhile another one falls silent. Without its ticks the leader would distrust itself (R8).
    let ticks = (1_200..4_000).step_by(usize::try_from(TICK.0).unwrap());
    let meanwhile: Vec<Output> = ticks.flat_map(|at| wes.step(now(at), Input::Tick)).collect();
    assert!(!raised(&meanwhile), "{meanwhile:?}");
    assert!(!raised(&wes.step(now(4_000), said(NOA, NORTH, LATER, 2))), "eve was not heard lately");
    let outputs = wes.step(now(4_100), said(EVE, EAST, LATER, 2));
    assert!(raised(&outputs), "{outputs:?}");
}

/// Goal: an agent whose build is older than what was agreed on does nothing more. Method: one that leads, before and after.
#[test]
fn an_agent_that_is_too_old_does_nothing() {
    let mut log = Log::of_the_shop();
    log.decide();
    let mut wes = node(WES, WEST, FEATURE_LEVEL);
    let runs = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::Run(_)));
    assert!(runs(&wes.step(now(10), Input::Applied(Arc::new(log.cluster.clone())))), "it has steps to run");
    log.cluster.feature_level = LATER;
    let mut again = node(WES, WEST, FEATURE_LEVEL);
    assert!(!runs(&again.step(now(10), Input::Applied(Arc::new(log.cluster.clone())))));
    let mut newer = node(WES, WEST, LATER);
    assert!(runs(&newer.step(now(10), Input::Applied(Arc::new(log.cluster)))));
}

/// Goal: an agent that is added must understand what was agreed on: it is heard first, one that is too old is given up by
/// name, and while one is being added nothing rises past it. Method: an addition at a higher level, before and after the new
/// agent is heard, of both versions.
#[test]
fn an_agent_that_is_too_old_is_not_added() {
    let ida = NewMember { name: agent("ida"), region: region(NORTH), address: "10.0.0.9:7951".to_owned() };
    let mut log = Log::of_the_shop();
    let change = MemberChange::Add { member: ida.clone() };
    let begin = Body::ChangeMembers { change, live: agents(&AGENTS), actor: olga("one more") };
    assert_eq!(log.say(WES, begin.clone()), Response::Done);
    let without = refused(raise(&mut log, LATER, &all_of(LATER)));
    assert!(without.to_string().contains("`ida` has not said"), "{without}");

    let mut log = Log::of_the_shop();
    assert_eq!(raise(&mut log, LATER, &all_of(LATER)), Response::Done);
    assert_eq!(log.say(WES, begin), Response::Done);
    let look = |levels: &[(&str, FeatureLevel)]| {
        let voters = Voters { sets: vec![agents(&AGENTS)], heard: heard(levels), ..Voters::default() };
        next(&log.cluster, &voters, &agent(WES), log.now)
    };
    let waits = look(&all_of(LATER));
    assert!(matches!(&waits, Step::Wait(why) if why.contains("ida")), "{waits:?}");
    assert_eq!(look(&[("ida", LATER)]), Step::Listen(ida));
    match look(&[("ida", FEATURE_LEVEL)]) {
        Step::End { outcome: ChangeOutcome::GivenUp { why }, .. } => {
            assert!(why.contains("ida understands feature level 1") && why.contains("agreed on 2"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}
