//! Three nodes decide, or do not: each story is named by the rule or the fault that it is about. The world's time is
//! virtual, so every moment in a timeline is exact.

use crate::{node_world::World, shop::*};
use quorate_core::{Body, Response};
use quorate_policies::Millis;

/// The policy's dwell.
const DWELL: u64 = 60_000;
/// A failure is seen by everybody within `fall` intervals, and the leader knows it at once.
const DETECT_MAX: u64 = 3_000;
/// A moment: nothing in this world takes longer than a tick to be seen by the leader.
const TICK: u64 = 100;

/// The agents in the regions that do not fail.
const OUTSIDE: [&str; 2] = [WES, NOA];

/// All is well, then the service in the active region is down for everybody.
fn east_fails() -> World {
    let mut world = World::new(policy());
    world.tell("the service in us-east-1 dies").fails(&AGENTS, EAST);
    world
}

/// How long it takes when nothing comes between.
fn undisturbed() -> u64 {
    let mut world = east_fails();
    world.pass(2 * DWELL);
    world.decided_after(0)
}

/// Goal: F1, a dead service is failed over exactly once, within the budget of detection and dwell, and reads as it
/// should from the first failed probe to the verification. Method: it dies; its agents live, so the holder itself
/// gives the lease up.
#[test]
fn f1_a_dead_service() {
    let mut world = east_fails();
    world.pass(5 * DWELL);
    assert_eq!(world.executions().len(), 1);
    assert_eq!(world.executions()[0].state.word(), "succeeded");
    assert_eq!(world.log().services[&shop()].active, region(WEST));
    let took = world.decided_after(0);
    assert!((DWELL..=DWELL + DETECT_MAX).contains(&took), "decided after {took} ms");
    insta::assert_snapshot!(world.story());
}

/// Goal: F1, a dead region takes its agent and its lease's holder with it; the lease is waited out and the fence is
/// run from elsewhere. Method: the same with the agent killed.
#[test]
fn f1_a_dead_region() {
    let mut world = east_fails();
    world.tell("eve dies with it").kill(EVE);
    world.pass(5 * DWELL);
    assert_eq!(world.executions().len(), 1);
    assert_eq!(world.executions()[0].state.word(), "succeeded");
    insta::assert_snapshot!(world.story());
}

/// Goal: F26, P21, agents that start into a red region do nothing, and say why; once they have seen it healthy, its
/// next failure counts. Method: red from the beginning, for many dwells; then up, then down.
#[test]
fn f26_red_at_start() {
    let mut world = World::cold(policy(), &[EAST]);
    world.pass(10 * DWELL);
    assert_eq!(world.stopped_by(NOA), "already_red_at_start");
    assert!(world.executions().is_empty());
    world.tell("us-east-1 answers").recovers(EAST);
    world.pass(10_000);
    world.tell("us-east-1 fails").fails(&AGENTS, EAST);
    world.pass(2 * DWELL);
    assert_eq!(world.executions().len(), 1);
    insta::assert_snapshot!(world.story());
}

/// Goal: F26, a restart of the agents into a failure forgets that the region was ever healthy: no failover. Method:
/// all restart in the middle of the dwell, each in its turn.
#[test]
fn f26_restarted_while_red() {
    let mut world = east_fails();
    world.pass(DWELL / 2);
    for name in AGENTS {
        world.restart(name);
        world.pass(1_000);
    }
    world.elect(NOA);
    world.pass(10 * DWELL);
    assert_eq!(world.stopped_by(NOA), "already_red_at_start");
    assert!(world.executions().is_empty());
}

/// Goal: R9, F5, one healthy observer vetoes; when it too sees the failure, the dwell begins only then.
/// Method: the agent in the region still reaches the service, the others do not.
#[test]
fn r9_one_healthy_observer_vetoes() {
    let mut world = World::new(policy());
    world.tell("wes and noa lose sight of us-east-1").fails(&OUTSIDE, EAST);
    world.pass(5 * DWELL);
    assert_eq!(world.stopped_by(NOA), "dissent");
    assert!(world.executions().is_empty());
    let from = world.passed();
    world.tell("eve sees it fail too").fails(&[EVE], EAST);
    world.pass(2 * DWELL);
    let took = world.decided_after(0) - from;
    assert!((DWELL..=DWELL + DETECT_MAX).contains(&took), "decided after {took} ms");
    insta::assert_snapshot!(world.story());
}

/// Goal: R6, enough votes are not enough when they come from one region besides the failing one. Method: the agent in
/// the failing region and one outside see it down, the other outside sees nothing at all.
#[test]
fn r6_one_vantage_is_not_enough() {
    let mut world = east_fails();
    world.tell("wes dies").kill(WES);
    world.pass(5 * DWELL);
    assert_eq!(world.stopped_by(NOA), "too_few_vantages");
    assert!(world.executions().is_empty());
}

/// Goal: F17, a region that goes up and down all the time is not left, nor when it then stays down, until the changes
/// are far enough in the past. Method: seven changes in little more than two minutes, of which the policy
/// allows four in five; the last failure stays.
#[test]
fn f17_flapping_blocks() {
    let mut world = World::new(policy());
    for _ in 0..3 {
        world.tell("us-east-1 fails").fails(&AGENTS, EAST);
        world.pass(20_000);
        world.tell("us-east-1 answers").recovers(EAST);
        world.pass(20_000);
    }
    world.tell("us-east-1 fails and stays down").fails(&AGENTS, EAST);
    world.pass(2 * DWELL);
    assert_eq!(world.stopped_by(NOA), "flapping");
    assert!(world.executions().is_empty());
    world.pass(policy().guards.flap_window.0);
    assert_eq!(world.executions().len(), 1);
    insta::assert_snapshot!(world.story());
}

/// Goal: F17, a region that fails for less than the dwell, over and over, is never left. Method: many rounds, and a
/// policy that does not look at flapping, so that only the dwell is left to stop it.
#[test]
fn f17_short_failures_do_not_add_up() {
    let mut patient = policy();
    patient.guards.flaps_max = 1_000;
    let mut world = World::new(patient);
    for _ in 0..10 {
        world.fails(&AGENTS, EAST);
        world.pass(DWELL - 10_000);
        world.recovers(EAST);
        world.pass(10_000);
    }
    assert!(world.executions().is_empty());
}

/// Goal: R10, F18, when the standby is down too the cause is shared, or our own: nothing is done, and it is said.
/// Method: both fail; then the standby recovers, and for the dwell the primary does not.
#[test]
fn r10_everything_down_refuses() {
    let mut world = east_fails();
    world.tell("and so does us-west-2").fails(&AGENTS, WEST);
    world.pass(5 * DWELL);
    assert_eq!(world.stopped_by(NOA), "everything_down");
    assert!(world.executions().is_empty());
    let from = world.passed();
    world.tell("us-west-2 answers").recovers(WEST);
    world.pass(2 * DWELL);
    let took = world.decided_after(0) - from;
    assert!((DWELL..=DWELL + DETECT_MAX).contains(&took), "decided {took} ms later");
    insta::assert_snapshot!(world.story());
}

/// Goal: R10, R20, F18, what one cause took down comes back in turn, and nothing is moved for that. Method: both fail for many
/// dwells; the standby recovers, and the primary just within the dwell.
#[test]
fn r10_what_comes_back_in_turn_is_not_left() {
    let mut world = east_fails();
    world.tell("and so does us-west-2").fails(&AGENTS, WEST);
    world.pass(5 * DWELL);
    world.tell("us-west-2 answers").recovers(WEST);
    world.pass(DWELL - TICK);
    world.tell("and so does us-east-1").recovers(EAST);
    world.pass(5 * DWELL);
    assert!(world.executions().is_empty());
    insta::assert_snapshot!(world.story());
}

/// Goal: R20, F3, a partition that is shorter than the dwell causes nothing, a permanent one (F4) exactly one
/// failover, in which the agent that is cut off has no part. Method: the active region and its agent are out of sight
/// for 43 s, the length of October 2018, and then for good.
#[test]
fn f3_f4_partitions_of_the_active_region() {
    let mut world = World::new(policy());
    world.fails(&OUTSIDE, EAST);
    world.fails(&[EVE], WEST);
    world.tell("us-east-1 and eve are cut off").cut_off(EVE);
    world.pass(43_000);
    world.recovers(EAST);
    world.recovers(WEST);
    world.tell("all is whole again").heal();
    world.pass(5 * DWELL);
    assert!(world.executions().is_empty(), "43 s are shorter than the dwell");
    world.fails(&OUTSIDE, EAST);
    world.fails(&[EVE], WEST);
    world.tell("us-east-1 and eve are cut off for good").cut_off(EVE);
    world.pass(5 * DWELL);
    assert_eq!(world.executions().len(), 1);
    assert!(world.acts.iter().all(|(_, by, _)| *by != EVE), "{:?}", world.acts);
    insta::assert_snapshot!(world.story());
}

/// Goal: a new leader does not begin the dwell again: every agent has watched. Method: change the leader in the
/// middle of the dwell, twice, and compare the decision's moment with that of an undisturbed one.
#[test]
fn a_leader_change_does_not_begin_the_dwell_again() {
    let mut world = east_fails();
    for name in [WES, EVE] {
        world.pass(DWELL / 3);
        world.elect(name);
    }
    world.pass(DWELL);
    let (took, alone) = (world.decided_after(0), undisturbed());
    assert!(took.abs_diff(alone) <= TICK, "decided after {took} ms, undisturbed after {alone} ms");
}

/// Goal: F2, R8, a process that stood still abstains when it wakes, and its votes do not count: the agreement ends, and
/// the dwell begins again when the agent trusts itself. Method: a standstill that is longer than a tick may be late and
/// shorter than a report stays fresh, so that nothing but the abstention can end the agreement.
#[test]
fn f2_a_process_that_stood_still_abstains() {
    let mut world = east_fails();
    world.pass(DWELL / 2);
    assert!(Millis(2_500) < policy().agreement.freshness);
    world.freeze(WES, 2_500);
    assert!(world.abstains(WES), "it knows before its first tick");
    world.pass(1_000);
    assert!(world.explain(NOA).evidence.votes.iter().any(|vote| vote.agent == agent(WES) && vote.abstains));
    assert_eq!(world.stopped_by(NOA), "too_few_vantages");
    while world.abstains(WES) {
        world.pass(TICK);
    }
    let trusted = world.passed();
    world.pass(2 * DWELL);
    let took = world.decided_after(0) - trusted;
    assert!((DWELL..=DWELL + 1_000).contains(&took), "decided {took} ms after it trusts itself again");
}

/// Goal: F2, R8, a leader that stood still while the dwell ended decides nothing on waking, although the others' votes
/// are fresh and enough without its own. Method: a policy that is content with one vantage; a standstill shorter than a
/// report stays fresh; the decision falls when the leader trusts itself again, for the dwell went on meanwhile.
#[test]
fn f2_a_leader_that_stood_still_does_not_decide_on_waking() {
    let mut content = policy();
    content.agreement.min_vantages = 1;
    let mut world = World::new(content);
    world.fails(&AGENTS, EAST);
    world.pass(DWELL - 1_000);
    world.freeze(NOA, 2_500);
    assert!(world.abstains(NOA));
    assert_eq!(world.stopped_by(NOA), "nothing", "it would decide if it led");
    while world.abstains(NOA) {
        assert!(world.executions().is_empty());
        world.pass(TICK);
    }
    world.pass(TICK);
    assert_eq!(world.executions().len(), 1);
}

/// Goal: F14, an agent whose wall clock jumped abstains as one that stood still. Method: during the dwell the clock of
/// one agent moves; the decision waits for it to trust itself again.
#[test]
fn f14_a_clock_jump_abstains() {
    let mut world = east_fails();
    world.pass(DWELL / 2);
    world.jump_clock(WES, Millis::from_secs(3_600));
    world.pass(DWELL / 2 + DETECT_MAX);
    assert!(world.executions().is_empty(), "the dwell has begun again");
    world.pass(DWELL);
    assert_eq!(world.executions().len(), 1);
}

/// Goal: R29, F24, an agent that judges by another policy does not vote; a majority of such refuses by name. Method:
/// the log, but not the policy's second version, has reached one agent, then two, and then all.
#[test]
fn r29_another_policy_does_not_vote() {
    let mut world = World::new(policy());
    world.fall_behind(EVE, true);
    world.fall_behind(WES, true);
    let mut second = policy();
    second.guards.cooldown = Millis::from_secs(1_800);
    world.apply_policy(second);
    world.tell("eve and wes have not heard of it, and us-east-1 fails").fails(&AGENTS, EAST);
    world.pass(2 * DWELL);
    assert_eq!(world.stopped_by(NOA), "policy_mismatch");
    world.tell("eve hears of it").fall_behind(EVE, false);
    world.pass(2 * DWELL);
    assert_eq!(world.stopped_by(NOA), "too_few_vantages");
    assert!(world.executions().is_empty());
    let from = world.passed();
    world.tell("wes hears of it").fall_behind(WES, false);
    world.pass(2 * DWELL);
    let took = world.decided_after(0) - from;
    assert!((DWELL..=DWELL + 1_000).contains(&took), "decided {took} ms after all agree on the policy");
}

/// Goal: R6, a report that is older than the policy's freshness counts for nothing, a younger one does. Method: one
/// agent's reports are lost for a little less and for a little more than that, and nothing else is wrong with it.
#[test]
fn r6_stale_reports_expire() {
    let alone = undisturbed();
    for (lost, disturbs) in [(1_500, false), (3_500, true)] {
        let mut world = east_fails();
        world.pass(DWELL / 2);
        world.mute(WES, true);
        world.pass(lost);
        assert_eq!(world.stopped_by(NOA) == "too_few_vantages", disturbs, "after {lost} ms of silence");
        world.mute(WES, false);
        world.pass(2 * DWELL);
        let again = world.decided_after(0) > alone + DWELL / 2;
        assert_eq!(again, disturbs, "{lost} ms of silence: decided after {} ms", world.decided_after(0));
    }
}

/// Goal: R26, F30, a hold stops automation while detection goes on, and ends by a word or by itself; then what has
/// been seen counts. Method: a pause before the failure, ended in both ways well after the dwell.
#[test]
fn r26_a_hold_blocks_and_then_lets_go() {
    for by_itself in [false, true] {
        let mut world = World::new(policy());
        world.pause(by_itself.then_some(3 * DWELL));
        world.tell("us-east-1 fails").fails(&AGENTS, EAST);
        world.pass(3 * DWELL - TICK);
        assert_eq!(world.stopped_by(NOA), "hold");
        assert!(world.executions().is_empty());
        if !by_itself {
            world.say(Body::Resume { service: shop(), actor: olga("go on") });
        }
        world.pass(1_000);
        assert_eq!(world.executions().len(), 1, "the dwell passed during the hold");
        assert_eq!(world.story().matches("refused (hold)").count(), 1, "R31: said once, not every second");
    }
}

/// Goal: R11, a leader that loses its majority proposes nothing, however fresh its evidence. Method: cut it off
/// shortly before the dwell ends, when what it has heard is still fresh as the dwell ends.
#[test]
fn r11_the_minority_never_acts() {
    let mut world = east_fails();
    world.pass(undisturbed() - 1_000);
    world.cut_off(NOA);
    assert_eq!(world.stopped_by(NOA), "no_quorum");
    world.pass(3 * DWELL);
    assert_eq!(world.lost, [], "what it would have put into the log");
    assert!(world.executions().is_empty() && world.acts.is_empty());
    world.heal();
    world.pass(2 * DWELL);
    assert_eq!(world.executions().len(), 1, "with its majority it decides again");
}

/// Goal: R11, R6, the majority that is left is not enough when it sees the region from one vantage only. Method: the
/// witness is cut off for longer than its reports stay fresh before the dwell ends, and the two others elect a leader.
#[test]
fn r11_the_majority_without_vantages_refuses() {
    let mut world = east_fails();
    world.pass(undisturbed() - policy().agreement.freshness.0 - 2_000);
    world.cut_off(NOA);
    world.elect(WES);
    world.pass(5 * DWELL);
    assert_eq!(world.stopped_by(WES), "too_few_vantages");
    assert!(world.executions().is_empty());
}

/// Goal: R3, R19, after a failover the next one waits for the cool-down, counted from the end of the first. Method:
/// three regions; the second fails as soon as it is active.
#[test]
fn r19_the_cool_down_after_a_failover() {
    let mut three = in_three_regions(policy());
    three.guards.cooldown = Millis::from_secs(300);
    let mut world = World::new(three);
    world.tell("us-east-1 fails").fails(&AGENTS, EAST);
    world.pass(2 * DWELL);
    let first = world.executions()[0].to().clone();
    let second = if first == region(WEST) { NORTH } else { WEST };
    let active = if first == region(WEST) { WEST } else { NORTH };
    world.tell("the new region fails").fails(&AGENTS, active);
    world.pass(2 * DWELL);
    assert_eq!(world.stopped_by(NOA), "cooldown");
    world.pass(300_000);
    let executions = world.executions();
    assert_eq!(executions.len(), 2);
    assert_eq!((executions[1].from(), executions[1].to()), (&first, &region(second)));
    let waited = executions[1].decided_at.since(executions[0].ended_at.unwrap());
    assert!((300_000..=300_000 + TICK).contains(&waited.0), "waited {waited}");
    insta::assert_snapshot!(world.story());
}

/// Goal: R25, failback is never automatic. Method: after a failover the old region recovers and the new one fails.
#[test]
fn r25_no_automatic_way_home() {
    let mut world = World::new(hasty());
    world.fails(&AGENTS, EAST);
    world.pass(2 * DWELL);
    assert_eq!(world.log().services[&shop()].active, region(WEST));
    world.recovers(EAST);
    world.fails(&AGENTS, WEST);
    world.pass(5 * DWELL);
    assert_eq!(world.stopped_by(NOA), "unusable_region");
    assert_eq!(world.executions().len(), 1);
    let (to, evidence) = (region(EAST), world.explain(NOA).evidence);
    let body = Body::Decide { service: shop(), to, trigger: operator(), evidence, live: agents(&AGENTS) };
    assert!(matches!(world.say(body), Response::Execution { joined: false, .. }), "an operator may");
}
