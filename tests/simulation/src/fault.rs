//! The faults F1..F32, each a generator: from a seed of its own it draws what happens when and to whom. Faults combine by
//! being drawn apart, so one can be left out without moving the others.

mod agents;
mod cloud;
mod people;
mod regions;

pub use agents::{EXECUTOR, LEADER};

use crate::{
    CALM_UNTIL, LEDGER, SHOP,
    cue::Cue,
    deed::{Deed, Event},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

macro_rules! faults {
    ($($name:ident $title:literal),+ $(,)?) => {
        /// One of the faults that Quorate must survive.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $(#[doc = $title] $name),+ }

        impl Fault {
            /// All of them.
            pub const ALL: [Fault; 32] = [$(Fault::$name),+];

            /// What it is.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Fault::$name => $title),+ }
            }
        }
    };
}

faults! {
    F1 "a service or a whole region dies",
    F2 "an agent is stopped for 5 to 120 s and goes on",
    F3 "regions lose each other for 43 s",
    F4 "the primary's region is cut off for good",
    F5 "a path works one way only",
    F6 "primary and standby lose each other, agents see both",
    F7 "agents with intransitive links",
    F8 "heavy loss and long delays at one peer",
    F9 "the leader dies again and again while a plan runs",
    F10 "the leader is cut off while a plan runs, and goes on",
    F11 "calls hang longer than a step may take",
    F12 "the agents lose their quorum, then the primary dies",
    F13 "a disk is full, slow, or loses what was not synced; no socket is left",
    F14 "wall clocks jump",
    F15 "writes fail and the health check is well",
    F16 "overload: some requests fail, some are slow",
    F17 "a target flaps, 3 s up and 3 s down",
    F18 "all services or all regions fail at once",
    F19 "the replica is far behind, or nobody knows how far",
    F20 "the old primary returns while a plan runs",
    F21 "the fence says that it worked and did not",
    F22 "calls to DNS fail, are slow, denied, applied without a reply, and somebody else edits",
    F23 "the standby cannot be scaled",
    F24 "one agent speaks another version",
    F25 "an agent comes back with an empty disk, or twice",
    F26 "all agents restart",
    F27 "a policy is applied during an election",
    F28 "agents come and go during a failure",
    F29 "operators race automation and each other",
    F30 "automation is paused while a plan runs, and the pause runs out",
    F31 "agents stop and start around the quorum",
    F32 "the status page is down",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|fault| fault.to_string().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| format!("`{text}` is no fault: they are F1 to F32"))
    }
}

/// What a generator draws from.
pub struct Draw {
    random: StdRng,
    fault: Fault,
    nodes: usize,
    services: Vec<&'static str>,
    until: Duration,
    events: Vec<Event>,
}

impl Draw {
    /// A number of milliseconds.
    fn ms(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(range))
    }

    fn chance(&mut self, permille: u32) -> bool {
        self.random.random_range(0..1_000) < permille
    }

    fn agent(&mut self) -> usize {
        self.random.random_range(0..self.nodes)
    }

    fn service(&mut self) -> &'static str {
        self.services[self.random.random_range(0..self.services.len())]
    }

    /// A moment in the part of the run in which faults strike, so early that something may still come of it.
    fn moment(&mut self) -> Duration {
        let from = u64::try_from(CALM_UNTIL.as_millis()).unwrap();
        let to = u64::try_from(self.until.as_millis()).unwrap();
        self.ms(from..(from + (to - from) * 2 / 3).max(from + 1))
    }

    fn at(&mut self, at: Duration, deed: Deed) {
        if at < self.until {
            self.events.push(Event { at, cue: None, fault: self.fault, deed });
        }
    }

    /// At the first such moment from a time on, or so long after it.
    fn on(&mut self, from: Duration, cue: Cue, after: Duration, deed: Deed) {
        self.events.push(Event { at: from, cue: Some((cue, after)), fault: self.fault, deed });
    }

    /// From when on a tender moment is waited for: mostly the first one there is.
    fn from(&mut self) -> Duration {
        if self.chance(700) { CALM_UNTIL } else { self.moment() }
    }
}

/// The services of a run with this seed: every second one has two.
#[must_use]
pub fn services(seed: u64) -> Vec<&'static str> {
    if seed.is_multiple_of(2) { vec![SHOP] } else { vec![SHOP, LEDGER] }
}

/// How many agents a seed has, and which faults.
#[must_use]
pub fn mix(seed: u64) -> (usize, BTreeSet<Fault>) {
    let mut random = StdRng::seed_from_u64(seed ^ 0x005e_ed0f_fa17);
    let nodes = [3, 3, 3, 3, 5, 4, 7][random.random_range(0..7)];
    let count = random.random_range(1..=5);
    let mut faults: BTreeSet<Fault> =
        (0..count).map(|_| Fault::ALL[random.random_range(0..Fault::ALL.len())]).collect();
    // Most faults are of interest only around a failover.
    if random.random_bool(0.6) {
        faults.insert(Fault::F1);
    }
    (nodes, faults)
}

/// Everything that happens, in its order.
#[must_use]
pub fn draw(seed: u64, nodes: usize, until: Duration, faults: &BTreeSet<Fault>) -> Vec<Event> {
    let mut events = Vec::new();
    for fault in faults {
        let own = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(*fault as u8) << 32);
        let random = StdRng::seed_from_u64(own);
        let mut draw =
            Draw { random, fault: *fault, nodes, services: services(seed), until, events: Vec::new() };
        strike(*fault, &mut draw);
        events.extend(draw.events);
    }
    events.sort_by_key(|event| event.at);
    events
}

fn strike(fault: Fault, draw: &mut Draw) {
    match fault {
        Fault::F1 => regions::dies(draw),
        Fault::F2 => agents::stopped(draw),
        Fault::F3 => regions::lost_for_43_s(draw),
        Fault::F4 => regions::cut_off(draw),
        Fault::F5 => agents::one_way(draw),
        Fault::F6 => regions::replication_cut(draw),
        Fault::F7 => agents::intransitive(draw),
        Fault::F8 => agents::lossy(draw),
        Fault::F9 => agents::leaders_die(draw),
        Fault::F10 => agents::leader_cut_off(draw),
        Fault::F11 => cloud::hangs(draw),
        Fault::F12 => agents::quorum_lost(draw),
        Fault::F13 => agents::disks(draw),
        Fault::F14 => agents::clocks(draw),
        Fault::F15 => regions::read_only(draw),
        Fault::F16 => regions::overloaded(draw),
        Fault::F17 => regions::flaps(draw),
        Fault::F18 => regions::everything(draw),
        Fault::F19 => cloud::lags(draw),
        Fault::F20 => regions::returns(draw),
        Fault::F21 => cloud::fence_lies(draw),
        Fault::F22 => cloud::dns(draw),
        Fault::F23 => cloud::no_capacity(draw),
        Fault::F24 => agents::other_version(draw),
        Fault::F25 => agents::wrong_disks(draw),
        Fault::F26 => agents::cold_restart(draw),
        Fault::F27 => people::applies(draw),
        Fault::F28 => agents::come_and_go(draw),
        Fault::F29 => people::race(draw),
        Fault::F30 => people::pause(draw),
        Fault::F31 => agents::churn(draw),
        Fault::F32 => cloud::status_page(draw),
    }
}
