//! The schedule in virtual time: slots that neither drift nor bunch, bounds that hold whatever happens, and
//! confirmations that end.

use crate::name;
use proptest::prelude::*;
use quorate_policies::{
    TargetName,
    health::{FailureReason, Observation},
    time::{Millis, Monotonic, Timestamp},
};
use quorate_probes::{Cadence, Confirmation, Schedule, ScheduleSettings, Start};
use std::collections::{BTreeMap, BTreeSet};

const FAILURE: Observation = Observation::Failure(FailureReason::ConnectRefused);
const INTERVAL: u64 = 1_000;
/// A twentieth of the interval.
const JITTER: u64 = 50;

fn cadence() -> Cadence {
    Cadence::new(Millis(INTERVAL), Millis(200), 3)
}

fn targets(count: usize) -> BTreeMap<TargetName, Cadence> {
    (0..count).map(|number| (name(&format!("check{number}/us-east-1")), cadence())).collect()
}

/// A schedule in a world where every probe takes as long, and finds, what the test says.
struct World {
    schedule: Schedule,
    now: Monotonic,
    ends: BTreeSet<(Monotonic, TargetName)>,
    starts: Vec<(Monotonic, Start)>,
}

impl World {
    fn new(settings: ScheduleSettings, count: usize) -> Self {
        let mut schedule = Schedule::new(settings);
        schedule.set_targets(Monotonic(0), targets(count));
        Self { schedule, now: Monotonic(0), ends: BTreeSet::new(), starts: Vec::new() }
    }

    /// Runs for a while; `probe` gives each probe's length and finding.
    fn run(&mut self, length: u64, mut probe: impl FnMut(Monotonic) -> (u64, Observation)) {
        let end = self.now.plus(Millis(length));
        loop {
            while let Some((at, target)) = self.ends.pop_first() {
                if at > self.now {
                    self.ends.insert((at, target));
                    break;
                }
                self.schedule.finished(&target, self.now, probe(at).1);
            }
            for start in self.schedule.due(self.now) {
                let ends = self.now.plus(Millis(probe(self.now).0));
                assert!(self.ends.insert((ends, start.target.clone())));
                self.starts.push((self.now, start));
            }
            let next =
                self.schedule.next_wake(self.now).into_iter().chain(self.ends.first().map(|end| end.0)).min();
            match next {
                Some(next) if next <= end => self.now = next,
                _ => break,
            }
        }
        self.now = end;
    }

    fn confirming(&self) -> Vec<u64> {
        self.starts.iter().filter(|(_, start)| start.confirming).map(|(at, _)| at.0).collect()
    }

    /// Starts one target by its slot and returns when.
    fn first_start(&mut self) -> Monotonic {
        self.now = self.schedule.next_wake(self.now).unwrap();
        assert_eq!(self.schedule.due(self.now).len(), 1);
        self.now
    }
}

/// Goal: slots neither drift nor are lost, though every probe takes a third of the interval. Method: a thousand
/// intervals; all starts lie within one jitter of the same phase.
#[test]
fn nothing_drifts() {
    let mut world = World::new(ScheduleSettings::default(), 1);
    world.run(1_000 * INTERVAL, |_| (333, Observation::Success));
    let first = world.starts[0].0.0;
    for (number, (at, start)) in world.starts.iter().enumerate() {
        let drift = at.0 as i64 - (first + number as u64 * INTERVAL) as i64;
        assert!(drift.unsigned_abs() <= JITTER, "probe {number} is off by {drift} ms");
        assert_eq!(start.lag, Millis(0));
    }
    assert!(world.starts.len() >= 999);
    assert_eq!(world.schedule.counters().missed, 0);
}

/// Goal: three agents look at a target a third of the interval apart, whenever each was started. Method: three
/// schedules whose monotonic clocks began at different moments, compared by the wall clock.
#[test]
fn agents_are_spread() {
    let mut looks = BTreeSet::new();
    for (agent_index, wall_at_zero) in [(0, 7_000_123), (1, 7_000_901), (2, 6_999_450)] {
        let wall_at_zero = Timestamp(wall_at_zero);
        let settings =
            ScheduleSettings { agent_index, agents: 3, wall_at_zero, seed: 9, ..ScheduleSettings::default() };
        let mut world = World::new(settings, 1);
        world.run(60 * INTERVAL, |_| (20, Observation::Success));
        looks.extend(world.starts.iter().map(|(at, _)| at.0 + wall_at_zero.0));
    }
    let looks: Vec<u64> = looks.into_iter().filter(|at| (7_005_000..7_050_000).contains(at)).collect();
    assert!(looks.len() >= 134);
    for pair in looks.windows(2) {
        let gap = pair[1] - pair[0];
        assert!((INTERVAL / 3 - JITTER - 1..=INTERVAL / 3 + JITTER + 1).contains(&gap), "{gap} ms apart");
    }
}

/// Goal: many targets are spread over the interval. Method: a thousand targets; no tenth of the interval has
/// more than one and a half times its share.
#[test]
fn targets_are_spread() {
    let mut world = World::new(ScheduleSettings::default(), 1_000);
    world.run(INTERVAL + JITTER, |_| (1, Observation::Success));
    let mut tenths = [0; 11];
    world.starts.iter().for_each(|(at, _)| tenths[(at.0 / (INTERVAL / 10)) as usize] += 1);
    assert!(world.starts.len() >= 1_000);
    assert!(tenths.iter().all(|starts| *starts <= 150), "{tenths:?}");
}

/// Goal: a seed gives one schedule, another seed another one. Method: three runs.
#[test]
fn a_seed_replays() {
    let run = |seed| {
        let mut world = World::new(ScheduleSettings { seed, ..ScheduleSettings::default() }, 5);
        world
            .run(20 * INTERVAL, |at| (at.0 % 90, if at.0 % 7 == 0 { FAILURE } else { Observation::Success }));
        world.starts
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// Goal: a slot that passes while the probe is in flight is missed, counted, and not made up for. Method: probes
/// that take two and three quarters of an interval.
#[test]
fn passed_slots_are_missed() {
    let mut world = World::new(ScheduleSettings::default(), 1);
    world.run(300 * INTERVAL, |_| (2_750, Observation::Success));
    let counters = world.schedule.counters();
    // The slots that pass during the last probe are counted when it ends.
    assert!((298..=300).contains(&(counters.started + counters.missed)), "{counters:?}");
    assert!((99..=101).contains(&counters.started), "{counters:?}");
}

/// Goal: after a pause of the whole process every target is probed once, not once per slot, and still spread.
/// Method: an hour without a turn.
#[test]
fn a_pause_is_no_storm() {
    let mut world = World::new(ScheduleSettings::default(), 100);
    world.run(10 * INTERVAL, |_| (1, Observation::Success));
    world.starts.clear();
    world.now = world.now.plus(Millis(3_600 * INTERVAL));
    let at_once = world.schedule.due(world.now);
    assert!(at_once.len() < 75, "{} of 100 start at once", at_once.len());
    assert!(at_once.iter().all(|start| start.lag.0 <= INTERVAL / 2), "{at_once:?}");
    assert!(world.schedule.counters().missed >= 100 * 3_599);
}

/// Goal: beyond the limit probes wait, are counted once, and start with their lag when one ends. Method: a limit
/// of one, a probe that hangs, and many turns meanwhile.
#[test]
fn what_is_too_much_waits() {
    let mut world = World::new(ScheduleSettings { in_flight_max: 1, ..ScheduleSettings::default() }, 2);
    let started = world.first_start();
    let busy = world.schedule.next_wake(started);
    assert_eq!(busy, None, "only an end can change anything");
    let later = started.plus(Millis(INTERVAL + JITTER));
    for turn in started.0..=later.0 {
        assert_eq!(world.schedule.due(Monotonic(turn)), []);
        if world.schedule.waiting(Monotonic(turn)) == 1 {
            world.now = Monotonic(turn + 7);
            break;
        }
    }
    assert_eq!(world.schedule.due(world.now), []);
    assert_eq!((world.schedule.counters().waited, world.schedule.waiting(world.now)), (1, 1));
    let running = targets(2).into_keys().find(|target| {
        world.schedule.finished(target, world.now, Observation::Success);
        world.schedule.in_flight() == 0
    });
    let starts = world.schedule.due(world.now);
    assert_eq!((starts.len(), starts[0].lag), (1, Millis(7)));
    assert_ne!(Some(&starts[0].target), running.as_ref());
}

/// Goal: a first failure is confirmed at once and at the confirm interval until `fall` failures are there, and
/// then the slots go on alone. Method: a target that fails from the start.
#[test]
fn a_failure_is_confirmed_and_that_ends() {
    let mut world = World::new(ScheduleSettings::default(), 1);
    world.run(10 * INTERVAL, |_| (5, FAILURE));
    let first = world.starts[0].0.0;
    assert_eq!(world.confirming(), [first + 5, first + 205]);
    assert_eq!(world.schedule.counters().missed, 0);
    assert!(world.starts.len() >= 11, "the slots went on: {}", world.starts.len());
    assert_eq!(world.schedule.confirm(&name("check0/us-east-1"), world.now), Confirmation::Settled);
}

/// Goal: a success ends a confirmation. Method: one failure, then successes.
#[test]
fn a_success_ends_the_confirmation() {
    let mut world = World::new(ScheduleSettings::default(), 1);
    let failing = world.first_start();
    world.schedule.finished(&name("check0/us-east-1"), failing, FAILURE);
    world.run(5 * INTERVAL, |_| (5, Observation::Success));
    assert_eq!(world.confirming(), [failing.0]);
}

/// Goal: a peer's sighting starts a confirmation at once, also while a probe is in flight, and twice is once.
/// Method: confirm idle, then in flight.
#[test]
fn a_peer_starts_a_confirmation() {
    let target = name("check0/us-east-1");
    let mut world = World::new(ScheduleSettings::default(), 1);
    let now = Monotonic(0);
    assert_eq!(world.schedule.confirm(&target, now), Confirmation::Started);
    assert_eq!(world.schedule.confirm(&target, now), Confirmation::Running);
    assert_eq!(world.schedule.confirm(&name("other/us-east-1"), now), Confirmation::NoSuchTarget);
    world.run(3 * INTERVAL, |_| (5, FAILURE));
    assert_eq!(world.confirming(), [0, 200, 400]);

    let mut world = World::new(ScheduleSettings::default(), 1);
    let started = world.first_start();
    assert_eq!(world.schedule.confirm(&target, started), Confirmation::Started);
    assert_eq!(world.schedule.due(started), [], "never two in flight");
    let ended = started.plus(Millis(30));
    world.schedule.finished(&target, ended, FAILURE);
    assert_eq!(world.schedule.next_wake(ended), Some(ended));
}

/// Goal: peers cannot keep a target under confirmation, whatever it answers. Method: a peer that asks every
/// ten milliseconds for a minute, over targets that fail, succeed, alternate, or say nothing.
#[test]
fn peers_cannot_confirm_for_ever() {
    let target = name("check0/us-east-1");
    let nothing = Observation::Nothing(FailureReason::LocalResource);
    for finding in [[FAILURE; 2], [Observation::Success; 2], [Observation::Success, FAILURE], [nothing; 2]] {
        let mut world = World::new(ScheduleSettings::default(), 1);
        let mut turn = 0;
        for _ in 0..6_000 {
            world.schedule.confirm(&target, world.now);
            world.run(10, |_| {
                turn += 1;
                (3, finding[turn / 2 % 2])
            });
        }
        // One slot, two probes of its own and three for a peer, in each of the sixty intervals.
        assert!(world.starts.len() <= 60 * 6, "{finding:?}: {} probes", world.starts.len());
        assert!(world.starts.len() >= 59, "{finding:?}: the slots were starved");
    }
}

/// Goal: a target that is removed and comes back while its probe is in flight has still only that one. Method:
/// exactly that, and the end of the old probe.
#[test]
fn a_target_that_comes_back_waits_for_its_probe() {
    let target = name("check0/us-east-1");
    let mut world = World::new(ScheduleSettings::default(), 1);
    let now = world.first_start();
    world.schedule.set_targets(now, BTreeMap::new());
    assert_eq!(world.schedule.confirm(&target, now), Confirmation::NoSuchTarget);
    world.schedule.set_targets(now, targets(1));
    assert_eq!(world.schedule.confirm(&target, now), Confirmation::Started);
    assert_eq!(world.schedule.due(now), []);
    world.schedule.finished(&target, now, Observation::Success);
    assert_eq!(world.schedule.in_flight(), 0);
    assert!(world.schedule.next_wake(now).is_some());
}

/// Goal: a new policy leaves the slots of the targets that stay. Method: targets come and go around one.
#[test]
fn other_targets_do_not_move_a_slot() {
    let stays = || targets(1);
    let mut schedule = Schedule::new(ScheduleSettings::default());
    schedule.set_targets(Monotonic(0), stays());
    let due = schedule.next_wake(Monotonic(0));
    schedule.set_targets(Monotonic(0), targets(50));
    schedule.set_targets(Monotonic(0), stays());
    assert_eq!(schedule.next_wake(Monotonic(0)), due);
}

/// One thing that may happen to a schedule.
#[derive(Debug, Clone)]
enum Event {
    Wait(u64),
    Finish(usize, u8),
    Confirm(usize),
    Targets(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0u64..700).prop_map(Event::Wait),
        1 => (0u64..100_000).prop_map(Event::Wait),
        6 => (0usize..8, 0u8..3).prop_map(|(target, finding)| Event::Finish(target, finding)),
        2 => (0usize..8).prop_map(Event::Confirm),
        1 => (0usize..8).prop_map(Event::Targets),
    ]
}

proptest! {
    /// Goal: no order of events puts two probes of a target in flight, exceeds the limit, starts what is not
    /// wanted, starts a slot later than half an interval, or asks to be woken in the past. Method: random events.
    #[test]
    fn the_bounds_always_hold(
        events in prop::collection::vec(event(), 1..200),
        in_flight_max in 1usize..5,
        seed: u64,
    ) {
        let mut schedule = Schedule::new(ScheduleSettings { in_flight_max, seed, ..ScheduleSettings::default() });
        let (mut now, mut wanted, mut running) = (Monotonic(0), targets(4), BTreeSet::new());
        schedule.set_targets(now, wanted.clone());
        for event in events {
            match event {
                Event::Wait(length) => now = now.plus(Millis(length)),
                Event::Finish(number, finding) => {
                    let target = name(&format!("check{number}/us-east-1"));
                    running.remove(&target);
                    let nothing = Observation::Nothing(FailureReason::Cancelled);
                    let finding = [FAILURE, Observation::Success, nothing][usize::from(finding)];
                    schedule.finished(&target, now, finding);
                }
                Event::Confirm(number) => {
                    schedule.confirm(&name(&format!("check{number}/us-east-1")), now);
                }
                Event::Targets(count) => {
                    wanted = targets(count);
                    schedule.set_targets(now, wanted.clone());
                }
            }
            for start in schedule.due(now) {
                prop_assert!(wanted.contains_key(&start.target));
                prop_assert!(start.confirming || start.lag.0 <= INTERVAL / 2, "{start:?}");
                prop_assert!(running.insert(start.target), "two probes in flight");
            }
            prop_assert!(running.len() <= in_flight_max);
            prop_assert_eq!(schedule.in_flight(), running.len());
            prop_assert_eq!(schedule.due(now), Vec::new(), "what was due has started");
            let idle = wanted.keys().any(|target| !running.contains(target));
            match schedule.next_wake(now) {
                Some(wake) => prop_assert!(wake >= now),
                None => prop_assert!(!idle || running.len() == in_flight_max, "a target was forgotten"),
            }
        }
    }
}
