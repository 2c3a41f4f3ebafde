//! Where the leadership sits: a leader in the active region asks another one to lead, when nothing is the matter.

use crate::{node_world::World, shop::*};
use quorate_policies::{Policy, policy::Timing};

/// A leader that was elected stays for so long.
const SETTLED: u64 = 10_000;
/// One that was asked in vain is not asked again for so long.
const ASK_AGAIN_AFTER: u64 = 60_000;

fn led_by(name: &str) -> World {
    let mut world = World::new(Policy { timing: Timing::Lan, ..policy() });
    world.elect(name);
    world
}

/// Goal: a leader that would die with the active region asks an agent of another region to lead, once it has led for a while,
/// and does not go on asking while nobody does. Method: eve leads in us-east-1, with nobody answering.
#[test]
fn the_leader_leaves_the_active_region() {
    let mut world = led_by(EVE);
    let elected = world.passed();
    world.pass(SETTLED - 1_000);
    assert_eq!(world.asked_to_lead, vec![]);
    world.pass(ASK_AGAIN_AFTER);
    let [(at, to)] = world.asked_to_lead.clone().try_into().unwrap();
    assert_eq!(to, agent(NOA));
    assert!((elected + SETTLED..elected + SETTLED + 1_000).contains(&at), "asked after {at} ms");
    world.pass(ASK_AGAIN_AFTER);
    assert_eq!(world.asked_to_lead.len(), 2);
}

/// Goal: who leads elsewhere stays, as does everybody between regions; and nobody asks an agent that is not in contact. Method:
/// a leader in each of the other regions; eve with the timing of regions; then eve, with noa down.
#[test]
fn a_leader_elsewhere_stays() {
    for name in [WES, NOA] {
        let mut world = led_by(name);
        world.pass(3 * ASK_AGAIN_AFTER);
        assert_eq!(world.asked_to_lead, vec![]);
    }
    let mut unhurried = World::new(policy());
    unhurried.elect(EVE);
    unhurried.pass(3 * ASK_AGAIN_AFTER);
    assert_eq!(unhurried.asked_to_lead, vec![]);
    let mut world = led_by(EVE);
    world.kill(NOA);
    world.pass(ASK_AGAIN_AFTER);
    assert_eq!(world.asked_to_lead[0].1, agent(WES));
}

/// Goal: an election is no help while a service is down or moves: the successor would wait for a lease that this leader has
/// seen granted. Method: us-east-1 fails while eve settles.
#[test]
fn nobody_is_asked_while_something_is_the_matter() {
    let mut world = led_by(EVE);
    world.fails(&AGENTS, EAST);
    world.pass(3 * ASK_AGAIN_AFTER);
    assert_eq!(world.executions().len(), 1);
    assert_eq!(world.log().services[&shop()].active, region(WEST));
    assert_eq!(world.asked_to_lead, vec![]);
}
