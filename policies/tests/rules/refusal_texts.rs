//! Every refusal as people read it and as metrics and the audit name it (R31).

use crate::shop::*;
use quorate_policies::{
    FeatureLevel, Millis, Timestamp,
    agreement::Opinion,
    drill::DrillRefusal,
    feature_level::LevelRefusal,
    guard::{After, Refusal},
    membership::MemberRefusal,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// The guards' names as the source has them, so that a refusal that is added and not listed below is noticed.
fn names_in_the_source() -> BTreeSet<&'static str> {
    let (_, guard) = include_str!("../../src/guard/refusal.rs").split_once("fn guard").unwrap();
    guard.lines().filter_map(|line| Some(line.split_once("=> \"")?.1.trim_end_matches("\","))).collect()
}

/// One of each.
fn every_refusal() -> Vec<Refusal> {
    let (east, day) = (region(EAST), Millis::from_secs(86_400));
    let execution = "shop-7".to_owned();
    let standby = |opinion| Refusal::StandbyNotHealthy { region: region(WEST), opinion };
    let held = |until| Refusal::Held { by: "olga".to_owned(), reason: "database work".to_owned(), until };
    let drilled = |why| Refusal::NotDrilled { drill: "restore".parse().unwrap(), why };
    vec![
        Refusal::UnknownService { service: "shop".try_into().unwrap() },
        Refusal::UnusableRegion { region: east.clone(), why: "it is the active one".to_owned() },
        held(None),
        held(Some(Timestamp(1_700_000_000_123))),
        Refusal::ExecutionInProgress { execution: execution.clone() },
        Refusal::CoolingDown { remaining: Millis::from_secs(90), cooldown: Millis::from_secs(3_600) },
        Refusal::VelocityCap { count: 2, max: 2, window: day },
        Refusal::ObserveOnly,
        Refusal::NoScenario,
        Refusal::TooFewVoters { have: 2, need: 3 },
        Refusal::TooFewRegions { have: 2, need: 3 },
        Refusal::PolicyMismatch { agents: agents(&[EVE, WES]) },
        Refusal::NoFreshData { fresh: 1, needed: 2 },
        Refusal::AlreadyRedAtStart { agents: agents(&[EVE, WES, NOA]) },
        Refusal::EverythingDown { regions: [region(EAST), region(WEST)].into() },
        Refusal::RegionHealthy { region: east.clone() },
        Refusal::NotAgreed { region: east.clone(), down: agents(&[NOA]), needed: 2 },
        Refusal::TooFewVantages { region: east.clone(), have: [region(WEST)].into(), needed: 2 },
        Refusal::Dissent { region: east.clone(), agents: agents(&[EVE]) },
        dwelling(43, None),
        dwelling(3, Some(After::Ended("shop-3".to_owned()))),
        dwelling(7, Some(After::EverythingDown)),
        Refusal::Flapping { region: east.clone(), changes: 5, max: 4, window: Millis::from_secs(300) },
        standby(Opinion::Down),
        standby(Opinion::Unsure),
        Refusal::NoQuorum,
        drilled(DrillRefusal::Unknown { known: "none".to_owned() }),
        drilled(DrillRefusal::Unfit { why: "it names no plan".to_owned() }),
        drilled(DrillRefusal::NotDue),
        drilled(DrillRefusal::UnderWay { drill: "move".parse().unwrap(), rest: "way back".to_owned() }),
        drilled(DrillRefusal::OutsideWindows {
            at: "Fri 2026-11-20 16:20".to_owned(),
            zone: "UTC".to_owned(),
        }),
        drilled(DrillRefusal::BlockedTime { at: "Fri 2026-11-20 16:20".to_owned(), zone: "UTC".to_owned() }),
        drilled(DrillRefusal::DegradedRegion { region: region(WEST) }),
        drilled(DrillRefusal::NotReady { finding: "promote: no such replica".to_owned() }),
        drilled(DrillRefusal::StaleBackup { backup: "database".parse().unwrap() }),
        drilled(DrillRefusal::AwayFromHome { active: region(WEST) }),
        Refusal::UnknownExecution { execution: execution.clone() },
        Refusal::WrongState {
            execution: execution.clone(),
            state: "succeeded".to_owned(),
            why: "it has ended".to_owned(),
        },
        Refusal::StepNotYours {
            execution,
            step: step("promote"),
            why: "another assignment has taken its place".to_owned(),
        },
        Refusal::LeaseNotReleased { step: step("promote"), holder: east.clone() },
        Refusal::PlanNotReady {
            region: region(WEST),
            agent: agent("noa"),
            finding: "promote: there is no instance shop-west in us-west-2".to_owned(),
        },
        Refusal::ReplicaLagUnknown { replica: "us-west-2/shop-west".to_owned() },
        Refusal::ReplicaLagTooHigh {
            replica: "us-west-2/shop-west".to_owned(),
            behind: Millis::from_secs(42),
            max: Millis::from_secs(30),
        },
        Refusal::ReplicaLagBytesUnknown { replica: "us-west-2/database".to_owned(), max: 1_048_576 },
        Refusal::ReplicaLagBytesTooHigh {
            replica: "us-west-2/database".to_owned(),
            bytes: 7_340_032,
            max: 1_048_576,
        },
        Refusal::NoLease {
            region: east.clone(),
            why: "it could not be renewed: no contact with a quorum".to_owned(),
        },
        Refusal::LeaseMoved { region: east.clone(), epoch: 8 },
        Refusal::NotDeclared {
            scenario: plan_name("corruption"),
            why: "input `until` is missing: the last good moment".to_owned(),
        },
        Refusal::GivenTime {
            component: "search".try_into().unwrap(),
            region: east,
            down_for: Millis::from_secs(60),
            after: None,
            grace: Millis::from_secs(300),
        },
        Refusal::NotTicked {
            item: quorate_policies::ItemName::try_from("team-notified").unwrap(),
            why: "olga has ticked it, at 2026-11-22T03:00:00Z: by phone".to_owned(),
        },
        Refusal::PolicyRefused { why: "it names no primary region".to_owned() },
    ]
    .into_iter()
    .chain(of_the_agents())
    .collect()
}

fn dwelling(seconds: u64, after: Option<After>) -> Refusal {
    let (down_for, dwell) = (Millis::from_secs(seconds), Millis::from_secs(60));
    Refusal::Dwelling { region: region(EAST), down_for, after, dwell }
}

/// Those of the agents themselves: too few after a recovery, and every reason against a change.
fn of_the_agents() -> impl Iterator<Item = Refusal> {
    let service = || "shop".try_into().unwrap();
    let reasons = [
        MemberRefusal::NotFormed,
        MemberRefusal::UnderWay { change: "remove noa".to_owned() },
        MemberRefusal::NothingUnderWay,
        MemberRefusal::NotAMember { agent: agent("ida") },
        MemberRefusal::AlreadyAMember { agent: agent(NOA) },
        MemberRefusal::Address { address: "10.0.0.4".to_owned() },
        MemberRefusal::TooMany { count: 8, max: 7 },
        MemberRefusal::EarlierVersion { agent: agent(NOA) },
        MemberRefusal::LastOne,
        MemberRefusal::ExecutionRunning { execution: "shop-7".to_owned() },
        MemberRefusal::NoMajority { live: 1, voters: 2 },
        MemberRefusal::PolicyNeedsMore {
            service: service(),
            problem: "two voters in 2 region(s)".to_owned(),
        },
        MemberRefusal::HoldsLease { service: service(), region: region(EAST) },
        MemberRefusal::LastThere { service: service(), region: region(WEST) },
    ];
    let changes = reasons.map(|why| Refusal::MembersNotChanged { why });
    [Refusal::Rebuilding { have: 1, need: 3 }].into_iter().chain(changes).chain(of_their_versions())
}

fn of_their_versions() -> impl Iterator<Item = Refusal> {
    let (agreed, to) = (FeatureLevel::FIRST, FeatureLevel(2));
    let held_by = [(agent(NOA), Some(agreed)), (agent("ida"), None)].into();
    let reasons = [
        LevelRefusal::NotAgreed { needs: to, agreed, held_by },
        LevelRefusal::NotAgreed { needs: to, agreed, held_by: BTreeMap::new() },
        LevelRefusal::NotSupported { to, held_by: [(agent(NOA), Some(agreed))].into() },
        LevelRefusal::NotAbove { to: agreed, agreed: to },
    ];
    reasons.into_iter().map(|why| Refusal::FeatureLevel { why })
}

/// Goal: R31, every refusal has a name that fits a metric label and a sentence that says what is the matter.
/// Method: the whole list as text; its names are those of the source.
#[test]
fn every_refusal_as_text() {
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for refusal in every_refusal() {
        assert!(refusal.guard().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", refusal.guard());
        names.insert(refusal.guard());
        writeln!(text, "{:22} {refusal}", refusal.guard()).unwrap();
    }
    assert_eq!(names, names_in_the_source());
    insta::assert_snapshot!(text);
}

/// Goal: a refusal is the same after the log and the API have carried it. Method: every one through JSON.
#[test]
fn every_refusal_survives_the_log() {
    for refusal in every_refusal() {
        let text = serde_json::to_string(&refusal).unwrap();
        assert_eq!(serde_json::from_str::<Refusal>(&text).unwrap(), refusal, "{text}");
    }
}
