//! A part of the service is down: it gets its time, then its plan, then rest; and everything that is graver comes first.

use crate::{log::*, node_world::World, shop::*};
use quorate_core::{Actor, Body, Response, cluster::declare::Declaration};
use quorate_policies::{
    Millis, Policy, TargetName,
    agreement::{Evidence, Vote},
    document::read_policy,
    guard::Trigger,
    health::Verdict,
    policy::Mode,
};
use std::collections::BTreeMap;

/// What the policy gives the search.
const GRACE: u64 = 300_000;
/// How long after an end the next one may begin.
const COOLDOWN: u64 = 1_200_000;

fn policy() -> Policy {
    read_policy("parts.yaml", include_str!("parts.yaml")).unwrap()
}

/// Goal: R20, a component that comes back by itself within its time is left alone. Method: down for four of five minutes.
#[test]
fn r20_an_orchestrator_gets_its_time() {
    let mut world = World::new(policy());
    world.tell("the search of us-east-1 dies").part_fails(&AGENTS, EAST, "search");
    world.pass(GRACE - 60_000);
    world.tell("it is back").recovers(EAST);
    world.pass(2 * GRACE);
    assert!(world.executions().is_empty());
    insta::assert_snapshot!(world.story());
}

/// Goal: R19, R31, what does not come back has its plan run where it is, once for each cool-down and not more often than the cap says, each
/// reason told once; the region and the lease are not touched. Method: down for good.
#[test]
fn r19_what_stays_down_is_helped_and_not_for_ever() {
    let mut world = World::new(policy());
    world.tell("the search of us-east-1 dies for good").part_fails(&AGENTS, EAST, "search");
    world.pass(4 * COOLDOWN);
    assert_eq!(world.executions().len(), 2);
    let log = world.log();
    assert_eq!((log.services[&shop()].active.as_str(), log.services[&shop()].starts.len()), (EAST, 0));
    insta::assert_snapshot!(world.story());
}

fn votes(check: &str, at: &str, verdict: Verdict) -> Vec<Vote> {
    let of = |vote: Vote| Vote {
        target: TargetName { check: check.try_into().unwrap(), region: region(at) },
        ..vote
    };
    all(at, verdict).into_iter().map(of).collect()
}

/// The search is down in one region, for so long.
fn search_is_down(for_ms: u64) -> Evidence {
    let healthy = [EAST, WEST].map(|at| votes("api", at, Verdict::Healthy)).concat();
    let search = [votes("search", EAST, Verdict::Down), votes("search", WEST, Verdict::Healthy)].concat();
    let components_down = [("search".try_into().unwrap(), Millis(for_ms))].into();
    Evidence { votes: [healthy, search].concat(), components_down, ..all_is_well() }
}

fn declare(log: &mut Log, scenario: &str, trigger: Trigger, evidence: Evidence) -> Response {
    let scenario = scenario.parse().unwrap();
    let declaration = Declaration { scenario, inputs: BTreeMap::new(), to: None };
    log.say(WES, Body::Declare { service: shop(), declaration, trigger, evidence, live: agents(&AGENTS) })
}

/// Goal: R2, R9, R10, R20, R26, every replica asks again what the leader asked; each answer says what is the matter. Method: one thing
/// wrong at a time.
#[test]
fn what_keeps_the_agents_from_helping() {
    let enough = || search_is_down(GRACE);
    let mut told = String::new();
    let mut refused = |case: &str, log: &mut Log, scenario: &str, evidence: Evidence| {
        let Response::Refused { refusal } = declare(log, scenario, Trigger::Automatic, evidence) else {
            panic!("{case}: taken");
        };
        told += &format!("{case}: {}: {refusal}\n", refusal.guard());
    };
    let log = || Log::with(policy());
    refused("too early", &mut log(), "search-down", search_is_down(GRACE - 1));
    refused("back again", &mut log(), "search-down", all_is_well());
    let mut seen = enough();
    seen.votes.iter_mut().filter(|vote| vote.agent == agent(EVE)).for_each(|v| v.verdict = Verdict::Healthy);
    refused("one sees it", &mut log(), "search-down", seen);
    let mut everywhere = enough();
    everywhere.votes.retain(|vote| vote.target.check.as_str() == "api");
    everywhere.votes.extend([EAST, WEST].map(|at| votes("search", at, Verdict::Down)).concat());
    refused("down everywhere", &mut log(), "search-down", everywhere);
    let mut region = enough();
    region.votes.retain(|vote| vote.target.check.as_str() == "search");
    region.votes.extend(votes("api", EAST, Verdict::Down));
    refused("the region, too", &mut log(), "search-down", region);
    let mut held = log();
    let actor = Actor { name: "olga".to_owned(), reason: "a new index".to_owned() };
    held.say(WES, Body::Pause { service: shop(), actor, until: None });
    refused("held", &mut held, "search-down", enough());
    let mut watched = policy();
    watched.scenarios.get_mut("search-down").unwrap().mode = Mode::Observe;
    refused("only watched", &mut Log::with(watched), "search-down", enough());
    let mut busy = log();
    declare(&mut busy, "search-down", Trigger::Automatic, enough());
    refused("busy", &mut busy, "search-down", enough());
    busy.run("scale", succeeded());
    refused("just helped", &mut busy, "search-down", enough());
    refused("another scenario", &mut log(), "region-loss", enough());
    insta::assert_snapshot!(told);
}

/// Goal: in approval mode the plan waits for a person; and a person may begin it at any time. Method: both.
#[test]
fn a_person_may_be_asked_and_may_come_first() {
    let mut asks = policy();
    asks.scenarios.get_mut("search-down").unwrap().mode = Mode::Approval;
    let mut log = Log::with(asks);
    declare(&mut log, "search-down", Trigger::Automatic, search_is_down(GRACE));
    assert_eq!(log.state().word(), "awaiting_approval");
    let mut log = Log::with(policy());
    assert_eq!(declare(&mut log, "search-down", operator(), all_is_well()), execution("shop-2", false));
}
