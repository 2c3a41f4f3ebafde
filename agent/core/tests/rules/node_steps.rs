//! Three nodes carry a plan out while agents, leaders and operators come and go. Each story is named by its fault or
//! rule; the decision itself is the business of the stories beside these.

use crate::{node_world::World, shop::*};
use quorate_core::{Body, StepState};

/// Longer than detection and dwell.
const DECIDED: u64 = 65_000;
/// Longer than the rest of any plan here, with an agent lost on the way.
const THE_REST: u64 = 60_000;

/// The active region has failed, and time has passed until a step has come to a state.
fn until(name: &str, state: &str) -> World {
    let mut world = World::new(policy());
    world.fails(&AGENTS, EAST);
    let is_there = |world: &World| {
        world.executions().first().is_some_and(|execution| execution.steps[&step(name)].state.word() == state)
    };
    while !is_there(&world) {
        world.pass(100);
        assert!(world.passed() < DECIDED + THE_REST, "{name} is never {state}");
    }
    world
}

/// Which agents acted for a step, in their order.
fn who_acted(world: &World, name: &str) -> Vec<(&'static str, u32)> {
    world.acts.iter().filter(|(step, ..)| step == name).map(|(_, by, attempt)| (*by, *attempt)).collect()
}

fn succeeded_once(world: &World) {
    let executions = world.executions();
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0].state.word(), "succeeded", "{}", world.story());
}

/// Goal: R3, F10, the step of an agent that dies is given to another, and the late word of the first, back from the
/// dead, changes nothing. Method: kill the agent after the promotion has begun, and restart it after the end.
#[test]
fn r3_a_lost_agents_step_goes_to_another() {
    let mut world = until("promote", "started");
    world.tell("wes dies").kill(WES);
    world.pass(THE_REST);
    succeeded_once(&world);
    assert_eq!(who_acted(&world, "promote"), [(WES, 1), (NOA, 2)]);
    let acts = world.acts.len();
    world.tell("wes is back").restart(WES);
    world.pass(THE_REST);
    assert_eq!(world.acts.len(), acts, "what is done is not done again");
    insta::assert_snapshot!(world.story());
}

/// Goal: F10, an agent that was cut off in the middle of a step reports in vain when it is back: the step is another's,
/// and only that one's word counts. Method: heal while the other is at work; the first offers its outcome all the time.
#[test]
fn f10_a_late_report_is_refused() {
    let mut world = until("promote", "started");
    world.cut_off(WES);
    while who_acted(&world, "promote") != [(WES, 1), (NOA, 2)] {
        world.pass(100);
        assert!(world.passed() < 2 * DECIDED, "nobody takes the step over");
    }
    world.heal();
    world.pass(500);
    assert_eq!(
        world.executions()[0].steps[&step("promote")].state.word(),
        "started",
        "wes's word does not end it"
    );
    world.pass(THE_REST);
    succeeded_once(&world);
    assert_eq!(world.story().matches("noa   step promote succeeded").count(), 1);
    assert!(!world.story().contains("wes   step promote succeeded"), "{}", world.story());
}

/// Goal: R3, an agent that is away for less than the time after which it counts as lost keeps its step, and a step of
/// its own that it had begun is known to have begun. Method: restart it at once, with the step under way.
#[test]
fn r3_a_restarted_agent_goes_on_with_its_step() {
    let mut world = until("promote", "started");
    world.kill(WES);
    world.pass(1_000);
    world.restart(WES);
    world.pass(THE_REST);
    succeeded_once(&world);
    assert_eq!(who_acted(&world, "promote"), [(WES, 1), (WES, 1)], "the same attempt, which looks first");
    let starts = world.story().matches("step promote started").count();
    assert_eq!(starts, 1, "one intent is enough");
}

/// Goal: F9, the leader's death at any moment of the plan does not stop it: the next leader finishes it, once. Method:
/// kill the leader when each step is assigned or begun, and elect another.
#[test]
fn f9_the_leader_dies_at_every_step() {
    for name in ["fence", "scale", "promote", "repoint", "verify"] {
        for state in ["started", "succeeded"] {
            let mut world = until(name, state);
            world.kill(NOA);
            world.pass(1_000);
            world.elect(WES);
            world.pass(THE_REST);
            succeeded_once(&world);
            assert_eq!(who_acted(&world, name).len(), 1, "{name}, {state}");
        }
    }
}

/// Goal: R8, an agent that abstains is given no step and does not act, although nobody counts it as lost: the promotion,
/// which would be its own, goes to another. Method: it stands still for less than the time after which an agent is lost,
/// while the lease is waited out.
#[test]
fn r8_an_abstaining_agent_does_not_act() {
    let mut world = until("fence", "succeeded");
    world.tell("wes stands still for 4 s").freeze(WES, 4_000);
    assert!(world.abstains(WES));
    let before = world.acts.len();
    while world.abstains(WES) {
        world.pass(100);
        let by_wes = world.acts[before..].iter().filter(|(_, by, _)| *by == WES).count();
        assert_eq!(by_wes, 0, "{:?}", world.acts);
    }
    world.pass(THE_REST);
    succeeded_once(&world);
    insta::assert_snapshot!(world.story());
}

/// Goal: R26, F30, a hold in the middle of a plan stops it at the next safe point, and it goes on when the hold ends.
/// Method: pause while the fence runs; nothing more begins; resume.
#[test]
fn f30_a_hold_in_the_middle_of_a_plan() {
    let mut world = until("fence", "started");
    let acts = world.acts.len();
    world.pause(None);
    world.pass(THE_REST);
    assert_eq!(world.acts.len(), acts, "only what had begun went on: {:?}", world.acts);
    assert_eq!(world.executions()[0].state.word(), "running");
    world.say(Body::Resume { service: shop(), actor: olga("go on") });
    world.pass(THE_REST);
    succeeded_once(&world);
    insta::assert_snapshot!(world.story());
}

/// Goal: R5, R26, a step that was given out and not begun when a hold came is left, and is given out again after it:
/// it is never forgotten. Method: pause between the assignment of the promotion and its permission.
#[test]
fn r26_a_step_that_was_left_is_given_out_again() {
    let mut world = until("promote", "assigned");
    world.pause(None);
    world.pass(THE_REST);
    assert_eq!(who_acted(&world, "promote"), [], "R5: the hold is seen right before the effect");
    world.say(Body::Resume { service: shop(), actor: olga("go on") });
    world.pass(THE_REST);
    succeeded_once(&world);
    assert_eq!(who_acted(&world, "promote"), [(WES, 1)]);
}

/// Goal: R11, without a majority no step begins; the plan goes on when there is one again. Method: cut two of three
/// off right after the decision.
#[test]
fn r11_without_a_majority_no_step_begins() {
    let mut world = until("fence", "succeeded");
    world.cut_off(NOA);
    world.cut_off(WES);
    let acts = world.acts.len();
    world.pass(THE_REST);
    assert_eq!(world.acts.len(), acts);
    assert!(matches!(world.executions()[0].steps[&step("promote")].state, StepState::Waiting));
    world.heal();
    world.pass(THE_REST);
    succeeded_once(&world);
}
