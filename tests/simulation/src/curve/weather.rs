//! What goes wrong on a trace: deaths, and everything that only looks like one. All is drawn from one seed, and both
//! detectors meet the same deaths, pauses, stalls and cuts.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::ops::Range;

/// As many agents as the example policy speaks of: one in each region, and a witness.
pub const AGENTS: usize = 3;
/// The agent to which no target's reply comes, where a condition says so: the witness.
const DEAF: usize = 2;
/// From when on it hears none. Before, it has seen every target healthy: a vote that is armed is the more dangerous one.
const DEAF_FROM: u64 = 60_000;
/// A dead target comes back after so long: what has not been found by then is missed. Twice the longest dwell, and more.
pub const DEAD_FOR: u64 = 120_000;

/// A misfortune that comes and goes: about how often, and for how long, in milliseconds. Lengths are drawn evenly on a
/// logarithmic scale, as short ones are commoner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spells {
    mean_gap: u64,
    shortest: u64,
    longest: u64,
}

/// Under what a trace runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// In a few words.
    pub name: &'static str,
    /// What happens, as a sentence.
    pub what: &'static str,
    /// Probes of every agent that are lost, in a hundred.
    pub loss: u32,
    /// Reports between agents that are lost, in a hundred.
    pub reports_lost: u32,
    /// Each agent's process stops.
    pub pauses: Option<Spells>,
    /// The target answers nothing and then everything.
    pub stalls: Option<Spells>,
    /// Nothing passes between the primary region and the others.
    pub cuts: Option<Spells>,
    /// No target's reply reaches one of the agents, which is heard by its peers all the same.
    pub deaf: bool,
    /// Added to every answer of the target: exponential, with this mean in milliseconds.
    pub slow: Option<u64>,
}

const CALM: Condition = Condition {
    name: "no loss",
    what: "nothing goes wrong but the deaths",
    loss: 0,
    reports_lost: 0,
    pauses: None,
    stalls: None,
    cuts: None,
    deaf: false,
    slow: None,
};

const fn lossy(name: &'static str, loss: u32) -> Condition {
    Condition { name, what: "every agent loses so many of its probes, each by itself", loss, ..CALM }
}

/// Every condition, in the order of the table.
pub const CONDITIONS: [Condition; 15] = [
    CALM,
    lossy("1 % loss", 1),
    lossy("2 % loss", 2),
    lossy("5 % loss", 5),
    lossy("10 % loss", 10),
    lossy("20 % loss", 20),
    lossy("30 % loss", 30),
    lossy("40 % loss", 40),
    Condition {
        name: "40 % loss, reports too",
        what: "probes and the agents' reports are lost alike",
        loss: 40,
        reports_lost: 40,
        ..CALM
    },
    Condition {
        name: "pauses",
        what: "each agent's process stops for 0.5 to 20 s, about every two minutes; 2 % of probes are lost",
        loss: 2,
        pauses: Some(Spells { mean_gap: 120_000, shortest: 500, longest: 20_000 }),
        ..CALM
    },
    Condition {
        name: "one-way loss",
        what: "no target's reply reaches one of the three agents; its peers hear it",
        deaf: true,
        ..CALM
    },
    Condition {
        name: "one-way and 20 % loss",
        what: "the same, and the other two lose 20 % of their probes",
        deaf: true,
        loss: 20,
        ..CALM
    },
    Condition {
        name: "slow target",
        what: "about one answer in five comes after the probe's time-out of 800 ms",
        slow: Some(350),
        ..CALM
    },
    Condition {
        name: "stalling target",
        what: "the target answers nothing for 0.5 to 20 s, about every ten minutes, then goes on",
        stalls: Some(Spells { mean_gap: 600_000, shortest: 500, longest: 20_000 }),
        ..CALM
    },
    Condition {
        name: "region cut off",
        what: "nothing passes between the primary region and the others for 5 to 45 s, about every ten minutes",
        cuts: Some(Spells { mean_gap: 600_000, shortest: 5_000, longest: 45_000 }),
        ..CALM
    },
];

/// How the target dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It answers nothing any more; the agents live.
    Silent,
    /// Its host refuses every connection at once; the agents live.
    Refuses,
    /// Its region is gone, with the agent that stood in it.
    Region,
}

impl Death {
    /// Every kind, in the order of the table.
    pub const ALL: [Death; 3] = [Death::Silent, Death::Refuses, Death::Region];

    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Death::Silent => "falls silent",
            Death::Refuses => "refuses",
            Death::Region => "region lost",
        }
    }
}

/// What a look at a target comes to, if nobody gives it up before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A good one, after so many milliseconds.
    After(u64),
    /// A refusal, after so many.
    Refused(u64),
    /// None.
    Never,
}

/// One trace.
#[derive(Debug)]
pub struct Trace {
    condition: Condition,
    death: Death,
    random: StdRng,
    deaths: Vec<Range<u64>>,
    pauses: [Vec<Range<u64>>; AGENTS],
    stalls: Vec<Range<u64>>,
    cuts: Vec<Range<u64>>,
    end: u64,
}

impl Trace {
    /// A trace of so many deaths, each after the target has lived for about `alive` milliseconds.
    #[must_use]
    pub fn drawn(condition: Condition, death: Death, deaths: u32, alive: u64, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut at = 0;
        let mut die = |random: &mut StdRng| {
            let from = at + random.random_range(alive * 4 / 5..=alive * 6 / 5);
            at = from + DEAD_FOR;
            from..at
        };
        let deaths: Vec<Range<u64>> = (0..deaths).map(|_| die(&mut random)).collect();
        let end = deaths.last().map_or(0, |last| last.end);
        let mut spells =
            |kind: Option<Spells>| kind.map_or_else(Vec::new, |kind| kind.drawn(end, &mut random));
        let mut pauses = [(); AGENTS].map(|()| spells(condition.pauses));
        let (stalls, cuts) = (spells(condition.stalls), spells(condition.cuts));
        if death == Death::Region {
            pauses[0] = merged(pauses[0].iter().chain(&deaths).cloned().collect());
        }
        Self { condition, death, random, deaths, pauses, stalls, cuts, end }
    }

    /// When the target is dead.
    #[must_use]
    pub fn deaths(&self) -> &[Range<u64>] {
        &self.deaths
    }

    /// When the trace ends: its last dead target comes back.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Whether processes stop on this trace.
    #[must_use]
    pub const fn pauses(&self) -> bool {
        self.condition.pauses.is_some()
    }

    /// Until when an agent's process is stopped, if it is.
    #[must_use]
    pub fn paused(&self, agent: usize, at: u64) -> Option<u64> {
        within(&self.pauses[agent], at)
    }

    /// Looks at the target in the primary region, or at the one in the standby's: what becomes of a request that an
    /// agent sends now, and that costs so many round trips.
    pub fn look(&mut self, agent: usize, primary: bool, at: u64, trips: u64) -> Answer {
        let near = (agent == 0) == primary && agent != 2;
        let trip = if near { self.random.random_range(1..=5) } else { self.random.random_range(40..=90) };
        let took = trip * trips;
        let lost = self.random.random_range(0..100) < self.condition.loss;
        let deaf = self.condition.deaf && agent == DEAF && at >= DEAF_FROM;
        if lost || deaf || (self.cut(at) && primary != (agent == 0)) {
            return Answer::Never;
        }
        if !primary {
            return Answer::After(took);
        }
        if within(&self.deaths, at).is_some() {
            return if self.death == Death::Refuses { Answer::Refused(trip) } else { Answer::Never };
        }
        let slow = self.condition.slow.map_or(0, |mean| exponential(mean, &mut self.random));
        let stalled = within(&self.stalls, at).map_or(0, |until| until - at);
        Answer::After(stalled + slow + took)
    }

    /// How long a report is under way between two agents, if it arrives.
    pub fn carry(&mut self, from: usize, to: usize, at: u64) -> Option<u64> {
        let took = self.random.random_range(20..=45);
        let lost = self.random.random_range(0..100) < self.condition.reports_lost;
        let cut = self.cut(at) && (from == 0) != (to == 0);
        (!lost && !cut).then_some(took)
    }

    fn cut(&self, at: u64) -> bool {
        within(&self.cuts, at).is_some()
    }
}

impl Spells {
    fn drawn(self, end: u64, random: &mut StdRng) -> Vec<Range<u64>> {
        let mut spells = Vec::new();
        let mut at = 0;
        loop {
            let from = at + exponential(self.mean_gap, random);
            if from >= end {
                return spells;
            }
            let ratio = self.longest as f64 / self.shortest as f64;
            let length = self.shortest as f64 * ratio.powf(random.random::<f64>());
            at = from + length.round() as u64;
            spells.push(from..at);
        }
    }
}

fn exponential(mean: u64, random: &mut StdRng) -> u64 {
    // One minus it, so that the logarithm is of no zero.
    (-(1.0 - random.random::<f64>()).ln() * mean as f64).round() as u64
}

/// The end of the spell in which a moment lies.
fn within(spells: &[Range<u64>], at: u64) -> Option<u64> {
    let next = spells.partition_point(|spell| spell.end <= at);
    spells.get(next).filter(|spell| spell.start <= at).map(|spell| spell.end)
}

/// Spells that overlap, as one.
fn merged(mut spells: Vec<Range<u64>>) -> Vec<Range<u64>> {
    spells.sort_by_key(|spell| spell.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for spell in spells {
        match merged.last_mut() {
            Some(last) if spell.start <= last.end => last.end = last.end.max(spell.end),
            _ => merged.push(spell),
        }
    }
    merged
}
