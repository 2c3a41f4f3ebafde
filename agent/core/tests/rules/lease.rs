//! The write lease (R13): two regions never hold it at once, whatever the network, the clocks and the agents do; and
//! somebody holds it again when they have calmed down.

use crate::{lease_world::World, shop::*};
use proptest::{collection::vec, prelude::*, sample::select};
use quorate_core::{Body, LeaseRecord};
use quorate_policies::{Millis, Policy};

/// Three regions, no cool-down, and a lease that is short, so that much happens to it in a short time.
fn policy_with(ttl: u64) -> Policy {
    let mut policy = in_three_regions(hasty());
    (policy.lease.ttl, policy.lease.drift) = (Millis(ttl), Millis(300));
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.retain(|name, _| name.as_str() == "promote");
    steps.get_mut("promote").unwrap().needs.clear();
    policy
}

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Elect(usize),
    CutOff(usize),
    Heal,
    Restart(usize, usize),
    Stop(usize, u64),
    Failover(usize),
    Abort,
    Work,
    Policy(u64),
    Poll(usize, bool),
    GiveBack(usize),
}

fn any_event() -> impl Strategy<Value = Event> {
    let who = || 0..3usize;
    prop_oneof![
        8 => (1..2_500u64).prop_map(Event::Pass),
        4 => who().prop_map(Event::Elect),
        2 => who().prop_map(Event::CutOff),
        2 => Just(Event::Heal),
        2 => (who(), 0..4usize).prop_map(|(who, back)| Event::Restart(who, back)),
        1 => (who(), 100..6_000u64).prop_map(|(who, length)| Event::Stop(who, length)),
        4 => who().prop_map(Event::Failover),
        1 => Just(Event::Abort),
        4 => Just(Event::Work),
        1 => select(vec![500, 2_000, 5_000]).prop_map(Event::Policy),
        8 => (who(), any::<bool>()).prop_map(|(who, named)| Event::Poll(who, named)),
        2 => who().prop_map(Event::GiveBack),
    ]
}

fn region_of(index: usize) -> &'static str {
    [EAST, WEST, NORTH][index]
}

fn happen(world: &mut World, event: &Event) {
    match *event {
        Event::Pass(length) => world.pass(length),
        Event::Elect(who) => world.elect(who),
        Event::CutOff(who) => world.cut_off(who),
        Event::Heal => world.heal(),
        Event::Restart(who, back) => world.restart(who, back),
        Event::Stop(who, length) => world.stop(who, length),
        Event::Failover(to) => {
            let (trigger, evidence, live) = (operator(), all_is_well(), agents(&AGENTS));
            let to = region(region_of(to));
            world.say(1, Body::Decide { service: shop(), to, trigger, evidence, live });
        }
        Event::Abort => {
            let running = world.log().services[&shop()].running.clone();
            if let Some(execution) = running {
                world.say(1, Body::Abort { execution, actor: olga("stop"), leave: false });
            }
        }
        Event::Work => world.work(),
        Event::Policy(ttl) => {
            world.say(2, Body::apply_policy(policy_with(ttl), olga("another length")));
        }
        Event::Poll(who, named) => world.poll(who, named),
        Event::GiveBack(who) => world.give_back(who),
    }
}

/// Delays of messages, in milliseconds: mostly short, some longer than a lease.
fn any_delays() -> impl Strategy<Value = Vec<u16>> {
    vec(prop_oneof![6 => 0..60u16, 2 => 0..800u16, 1 => 0..7_000u16], 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Goal: R13, F4, F10, F14, no two regions are ever told at once that they may write, and fencing tokens never
    /// go back. Method: random failovers, aborts, elections, cuts, restarts, stops, policies and delays; applications
    /// ask all the time and believe what they were told for as long as they were told.
    #[test]
    fn r13_two_regions_never_hold_the_lease(events in vec(any_event(), 1..70), delays in any_delays()) {
        let mut world = World::new(policy_with(2_000), delays);
        for event in &events {
            happen(&mut world, event);
        }
        world.pass(3_000);
    }

    /// Goal: R30, when all is calm again somebody holds the lease: the region that the log names, and no other.
    /// Method: the same, then heal, elect, and wait for the longest lease and the longest delay.
    #[test]
    fn r30_somebody_holds_the_lease_again(events in vec(any_event(), 1..30), delays in vec(0..300u16, 1..12)) {
        let mut world = World::new(policy_with(2_000), delays);
        // A lease that is shorter than the messages take cannot be held.
        for event in events.iter().filter(|event| !matches!(event, Event::Policy(500))) {
            happen(&mut world, event);
        }
        world.heal();
        world.pass(6_500);
        world.elect(2);
        world.pass(20_000);
        let LeaseRecord::Held { region: holder, .. } = world.log().services[&shop()].lease.clone() else {
            return Err(TestCaseError::fail("the lease still moves"));
        };
        // Slow messages leave a gap between two renewals: look for a while.
        let mut seen = [false; 3];
        for _ in 0..100 {
            world.pass(20);
            (0..3).for_each(|index| seen[index] |= world.may_write(index));
        }
        prop_assert_eq!(seen, [0, 1, 2].map(|index| holder == region(region_of(index))));
    }
}

/// Goal: R13, a writer that is gone is not waited for, and one that is not is. Method: a failover half a second after the
/// writer was told its lease of 2 s; it gives the lease back, it does not, and another one was told it without a name.
#[test]
fn r13_a_lease_that_is_given_back_moves_at_once() {
    for (others, gives_back, moved) in [(false, true, true), (false, false, false), (true, true, false)] {
        // Of the applications that ask by themselves none is in a region: those are the three that are told here.
        let mut world = World::new(policy_with(2_000), vec![3]);
        world.elect(2);
        world.pass(10_000);
        world.poll(0, true);
        if others {
            world.poll(0, false);
        }
        happen(&mut world, &Event::Failover(1));
        if gives_back {
            world.give_back(0);
        }
        world.pass(700);
        let LeaseRecord::Held { region: holder, .. } = world.log().services[&shop()].lease.clone() else {
            assert!(!moved, "it still moves");
            continue;
        };
        assert_eq!(holder.as_str() == WEST, moved);
    }
}
