//! Agents come and go (F28): which change is refused and why, the leader's steps in order, what an agent does that is not a
//! member, and going on alone.

use crate::{log::Log, shop::*};
use quorate_core::{
    Body, ChangeOutcome, Input, Node, NodeSettings, Output, Response, Seat,
    membership::{BEHIND_ENTRIES_MAX, JOIN_MAX, Step, Voters, next},
    node::{Now, Standing},
};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Millis, Monotonic, Timestamp,
    feature_level::Heard,
    guard::Refusal,
    membership::{MemberChange, MemberRefusal, NewMember},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A new agent.
const IDA: &str = "ida";

fn ida(at: &str) -> NewMember {
    NewMember { name: agent(IDA), region: region(at), address: "10.0.0.9:7951".to_owned() }
}

fn add() -> MemberChange {
    MemberChange::Add { member: ida(NORTH) }
}

fn remove(name: &str) -> MemberChange {
    MemberChange::Remove { agent: agent(name) }
}

fn replace(old: &str, at: &str) -> MemberChange {
    MemberChange::Replace { old: agent(old), member: ida(at) }
}

fn change(log: &mut Log, change: MemberChange, live: &[&str]) -> Result<(), MemberRefusal> {
    match log.say(WES, Body::ChangeMembers { change, live: agents(live), actor: olga("test") }) {
        Response::Done => Ok(()),
        Response::Refused { refusal: Refusal::MembersNotChanged { why } } => Err(why),
        other => panic!("{other:?}"),
    }
}

fn ended(log: &mut Log, outcome: ChangeOutcome) {
    let number = log.cluster.roster.changes;
    assert_eq!(log.say(WES, Body::EndMembers { number, outcome }), Response::Done);
}

/// Goal: each reason against a change refuses it, and what is harmless is not refused. Method: a table of wishes and worlds;
/// the shop's policy is automatic, so it counts on three agents in three regions.
#[test]
fn f28_what_is_refused_and_why() {
    let refused = |wish: MemberChange, live: &[&str]| change(&mut Log::of_the_shop(), wish, live).err();
    assert_eq!(refused(add(), &AGENTS), None);
    assert_eq!(refused(add(), &[WES, NOA]), None, "three of four are a majority");
    assert_eq!(refused(add(), &[WES]), Some(MemberRefusal::NoMajority { live: 2, voters: 4 }));
    assert_eq!(refused(remove(IDA), &AGENTS), Some(MemberRefusal::NotAMember { agent: agent(IDA) }));
    let few = refused(remove(NOA), &AGENTS);
    assert!(matches!(few, Some(MemberRefusal::PolicyNeedsMore { .. })), "{few:?}");
    assert_eq!(refused(remove(NOA), &[EVE]), Some(MemberRefusal::NoMajority { live: 1, voters: 2 }));
    assert_eq!(refused(replace(NOA, NORTH), &[EVE, WES]), None, "a lost agent is replaced");
    let same_region = refused(replace(NOA, WEST), &[EVE, WES]);
    assert!(matches!(same_region, Some(MemberRefusal::PolicyNeedsMore { .. })), "{same_region:?}");
    assert_eq!(
        refused(replace(EVE, EAST), &[WES, NOA]),
        None,
        "the region keeps an agent that renews its lease"
    );
    let lease = refused(replace(EVE, "ap-south-1"), &[WES, NOA]);
    assert_eq!(lease, Some(MemberRefusal::HoldsLease { service: shop(), region: region(EAST) }));
    let standby = refused(replace(WES, "ap-south-1"), &[EVE, NOA]);
    assert_eq!(standby, Some(MemberRefusal::LastThere { service: shop(), region: region(WEST) }));
    assert_eq!(refused(replace(WES, WEST), &[EVE, NOA]), None, "its successor gives the lease there");
    let twice = MemberChange::Add { member: NewMember { name: agent(NOA), ..ida(NORTH) } };
    assert_eq!(refused(twice, &AGENTS), Some(MemberRefusal::AlreadyAMember { agent: agent(NOA) }));
    let nowhere = MemberChange::Add { member: NewMember { address: "north".to_owned(), ..ida(NORTH) } };
    assert_eq!(refused(nowhere, &AGENTS), Some(MemberRefusal::Address { address: "north".to_owned() }));
}

/// Goal: one change at a time, none that takes an agent away under a running execution, and one more is no harm to it.
/// Method: two changes; a failover and both kinds.
#[test]
fn f28_one_at_a_time_and_not_under_a_failover() {
    let mut log = Log::of_the_shop();
    assert_eq!(change(&mut log, add(), &AGENTS), Ok(()));
    let second = change(&mut log, remove(NOA), &AGENTS);
    assert_eq!(second, Err(MemberRefusal::UnderWay { change: add().to_string() }));
    let mut log = Log::of_the_shop();
    log.decide();
    let under = change(&mut log, replace(NOA, NORTH), &AGENTS);
    assert!(matches!(under, Err(MemberRefusal::ExecutionRunning { .. })), "{under:?}");
    assert_eq!(change(&mut log, add(), &AGENTS), Ok(()));
}

/// Goal: who counts changes at the end of a change and at no other entry, once, and the audit tells it. Method: seats before,
/// between and after, an end that is said twice, and one that is given up.
#[test]
fn f28_who_counts_changes_at_one_entry() {
    let mut log = Log::of_the_shop();
    assert_eq!(change(&mut log, replace(NOA, NORTH), &[EVE, WES]), Ok(()));
    let seats = |log: &Log| [NOA, IDA, EVE].map(|name| log.cluster.seat(&agent(name)));
    assert_eq!(seats(&log), [Seat::Leaving, Seat::Joining, Seat::Member]);
    assert_eq!(log.cluster.members, members());
    ended(&mut log, ChangeOutcome::Done);
    assert_eq!(seats(&log), [Seat::Removed, Seat::Member, Seat::Member]);
    assert_eq!(log.cluster.address_of(&agent(IDA)).map(String::as_str), Some("10.0.0.9:7951"));
    let after = log.cluster.clone();
    ended(&mut log, ChangeOutcome::GivenUp { why: "late".to_owned() });
    assert_eq!(log.cluster.members, after.members, "it has ended");
    assert_eq!(
        change(&mut log, MemberChange::Add { member: NewMember { name: agent(NOA), ..ida(NORTH) } }, &AGENTS),
        Ok(())
    );
    ended(&mut log, ChangeOutcome::GivenUp { why: "it never came".to_owned() });
    assert_eq!(log.cluster.members, after.members);
    let told: Vec<String> = log.cluster.audit.entries.iter().map(|entry| entry.event.to_string()).collect();
    insta::assert_snapshot!(told[2..].join("\n"), @"
    agents: replace noa by ida in eu-west-1 begun: test
    agents: replace noa by ida in eu-west-1 done, 3 agents decide
    agents: add noa in eu-west-1 begun: test
    agents: add noa in eu-west-1 given up: it never came
    ");
}

fn voters(sets: &[&[&str]], learners: &[(&str, Option<u64>)]) -> Voters {
    Voters {
        sets: sets.iter().map(|set| agents(set)).collect(),
        learners: learners.iter().map(|(name, behind)| (agent(name), *behind)).collect(),
        heard: Heard::new(),
    }
}

/// Goal: the leader's steps: listen, wait, hand over, vote, finish what a predecessor joined, end; and no way back once the
/// voters have moved. Method: a replacement looked at in every state of consensus, in time, late and cancelled.
#[test]
fn f28_the_leaders_steps_in_order() {
    let mut log = Log::of_the_shop();
    let rest = next(&log.cluster, &voters(&[&AGENTS], &[]), &agent(WES), log.now);
    assert_eq!(rest, Step::Rest);
    change(&mut log, replace(NOA, NORTH), &AGENTS).unwrap();
    let late = log.now.plus(JOIN_MAX).plus(Millis(1));
    let after: &[&str] = &[EVE, IDA, WES];
    let look = |log: &Log, voters: Voters, leader: &str, at: Timestamp| {
        next(&log.cluster, &voters, &agent(leader), at)
    };
    let done = Step::End { number: 1, outcome: ChangeOutcome::Done };
    let behind = |behind| voters(&[&AGENTS], &[(IDA, behind)]);
    assert_eq!(look(&log, voters(&[&AGENTS], &[]), WES, log.now), Step::Listen(ida(NORTH)));
    assert!(matches!(look(&log, behind(None), WES, log.now), Step::Wait(_)));
    assert!(matches!(look(&log, behind(Some(BEHIND_ENTRIES_MAX + 1)), WES, log.now), Step::Wait(_)));
    assert_eq!(look(&log, behind(Some(3)), NOA, log.now), Step::HandOver, "who goes does not lead");
    assert_eq!(look(&log, behind(Some(3)), WES, log.now), Step::Vote(agents(after)));
    assert_eq!(look(&log, voters(&[&AGENTS, after], &[]), EVE, late), Step::Vote(agents(after)));
    assert_eq!(look(&log, voters(&[after], &[]), EVE, late), done);
    assert_eq!(look(&log, behind(Some(3)), WES, late), Step::Drop(agent(IDA)));
    let given_up = look(&log, voters(&[&AGENTS], &[]), WES, late);
    assert!(matches!(given_up, Step::End { outcome: ChangeOutcome::GivenUp { .. }, .. }), "{given_up:?}");
    log.say(WES, Body::CancelMembers { actor: olga("never mind") });
    assert_eq!(look(&log, behind(Some(3)), WES, log.now), Step::Drop(agent(IDA)));
    assert_eq!(look(&log, voters(&[after], &[]), WES, log.now), done, "the voters have moved");
}

/// Goal: where an end was committed that consensus has not come to, its voters follow the log; before the cluster is formed
/// nothing is done. Method: no change under way, and other voters, two sets of them, and none.
#[test]
fn f28_voters_follow_the_log() {
    let log = Log::of_the_shop();
    let look = |voters: Voters| next(&log.cluster, &voters, &agent(WES), log.now);
    let follow = Step::Vote(agents(&AGENTS));
    assert_eq!(look(voters(&[&[EVE, IDA, NOA, WES]], &[])), follow);
    assert_eq!(look(voters(&[&AGENTS, &[EVE, IDA, WES]], &[])), follow);
    assert_eq!(look(voters(&[&AGENTS], &[(IDA, None)])), Step::Rest);
    assert_eq!(look(voters(&[], &[])), Step::Rest);
    let unformed = quorate_core::Cluster::default();
    assert_eq!(next(&unformed, &voters(&[&AGENTS], &[]), &agent(WES), log.now), Step::Rest);
}

fn node(name: &str, at: &str) -> Node {
    let settings = NodeSettings {
        name: agent(name),
        region: region(at),
        members: members(),
        incarnation: 1,
        feature_level: FEATURE_LEVEL,
        report_interval: Millis(1_000),
        lost_after: Millis(2_500),
    };
    Node::new(settings, now(0))
}

fn now(at: u64) -> Now {
    Now { mono: Monotonic(at), wall: Timestamp(1_700_000_000_000 + at) }
}

fn standing(leader: bool) -> Standing {
    Standing { term: 3, leader: Some(agent(WES)), is_leader: leader, has_quorum: true, ..Standing::default() }
}

/// Goal: an agent that goes, or is gone, asks for no lease, gives none to applications, and proposes nothing; one that is gone is
/// silent. Method: the agent of the region that holds the lease, before a replacement, under it and after it.
#[test]
fn f28_a_removed_agent_stops_at_once() {
    let mut log = Log::of_the_shop();
    let mut eve = node(EVE, EAST);
    eve.step(now(10), Input::Standing(standing(false)));
    let asks = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::AskLease { .. }));
    let before = eve.step(now(20), Input::Applied(Arc::new(log.cluster.clone())));
    assert!(asks(&before));
    change(&mut log, replace(EVE, EAST), &AGENTS).unwrap();
    let under = eve.step(now(30_000), Input::Applied(Arc::new(log.cluster.clone())));
    assert!(!asks(&under));
    assert_eq!(eve.abstains(Monotonic(30_000)).as_deref(), Some("it is being removed"));
    assert!(matches!(eve.lease(Monotonic(30_000), &shop(), None), Err(Refusal::NoLease { .. })));
    ended(&mut log, ChangeOutcome::Done);
    let after = eve.step(now(60_000), Input::Applied(Arc::new(log.cluster.clone())));
    let silent = |output: &Output| matches!(output, Output::Targets(_));
    assert!(after.iter().all(silent), "{after:?}");
    assert!(eve.step(now(90_000), Input::Tick).is_empty());
}

/// Goal: R13, the agent that took another's place in a region does not say that the lease is given up while a promise of the
/// other may still hold. Method: a failover right after the replacement, and when the new agent says so.
#[test]
fn r13_a_predecessors_promise_is_waited_out() {
    let mut log = Log::of_the_shop();
    change(&mut log, replace(EVE, EAST), &AGENTS).unwrap();
    let mut ida = node(IDA, EAST);
    ida.step(now(0), Input::Standing(standing(false)));
    ida.step(now(1), Input::Applied(Arc::new(log.cluster.clone())));
    ended(&mut log, ChangeOutcome::Done);
    ida.step(now(60_000), Input::Applied(Arc::new(log.cluster.clone())));
    log.decide();
    let gives_up = |outputs: &[Output]| {
        let release = |output: &Output| match output {
            Output::Propose(command) => matches!(command.body, Body::ReleaseLease { .. }),
            _ => false,
        };
        outputs.iter().any(release)
    };
    let at_once = ida.step(now(60_001), Input::Applied(Arc::new(log.cluster.clone())));
    assert!(!gives_up(&at_once), "the one before it may have promised");
    let ttl = log.cluster.services[&shop()].lease_ttl_max;
    let later = ida.step(now(60_001 + ttl.0 * 2), Input::Tick);
    assert!(gives_up(&later));
}

/// Goal: an agent that goes on alone knows what it knew, counts alone, holds everything, is past every epoch that can have been
/// given out, and moves and grants nothing before there are three. Method: recover, ask, add two.
#[test]
fn one_agent_goes_on_alone() {
    let mut log = Log::of_the_shop();
    let before = log.cluster.services[&shop()].epoch;
    let recover = |recoveries| Body::Recover {
        member: agent(WES),
        region: region(WEST),
        recoveries,
        actor: olga("burnt"),
    };
    log.say(WES, recover(1));
    assert_eq!(log.cluster.members, BTreeMap::from([(agent(WES), region(WEST))]));
    assert_eq!(log.cluster.seat(&agent(EVE)), Seat::Removed);
    let state = log.cluster.services[&shop()].clone();
    assert!(state.epoch > before + 100 && state.lease.epoch() == state.epoch && state.hold.is_some());
    let once = log.cluster.clone();
    log.say(WES, recover(1));
    assert_eq!(log.cluster.services, once.services, "it is in the log once");
    let rebuilding = Refusal::Rebuilding { have: 1, need: 3 };
    assert_eq!(log.cluster.rebuilt(), Err(rebuilding.clone()));
    assert_eq!(crate::log::refused_by(&log.decide()), "rebuilding");
    for (name, at) in [(IDA, EAST), ("una", NORTH)] {
        assert!(log.cluster.rebuilt().is_err());
        let member = NewMember { name: agent(name), ..ida(at) };
        let live: Vec<&str> = [WES, IDA].to_vec();
        change(&mut log, MemberChange::Add { member }, &live).unwrap();
        ended(&mut log, ChangeOutcome::Done);
    }
    assert_eq!(log.cluster.rebuilt(), Ok(()));
    let names: BTreeSet<AgentName> = log.cluster.members.keys().cloned().collect();
    assert_eq!(names, agents(&[IDA, "una", WES]));
}
