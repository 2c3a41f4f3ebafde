//! What is run: every condition with every setting of ours and with the fixed thresholds, on traces of the same seed.

use super::{
    agents,
    ledger::Score,
    sentinel::{self, THRESHOLDS},
    setting::{self, Setting},
    weather::{CONDITIONS, Condition, Death, Trace},
};
use quorate_policies::Millis;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// True deaths on a trace: enough that one in twenty is ten of them.
pub const DEATHS: u32 = 210;
/// A target lives at least about so long between two deaths: longer than the guards remember a change of its state.
const ALIVE_MIN: u64 = 330_000;

/// How much is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Hours for which the target lives on each trace, about.
    pub hours: u64,
    /// True deaths on each trace.
    pub deaths: u32,
    /// Everything random comes from here.
    pub seed: u64,
    /// Threads.
    pub jobs: usize,
}

/// Which detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// Ours: the agreement alone.
    Agreed(Setting),
    /// Ours: what would allow automatic failover, with this dwell.
    Decided(Setting, Millis),
    /// A majority of fixed thresholds of so many milliseconds.
    Threshold(u64),
}

/// What one detector did on one trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Which one.
    pub detector: Detector,
    /// What it said.
    pub score: Score,
    /// For how many milliseconds the target lived.
    pub alive: u64,
}

/// What came of one condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Under what.
    pub condition: Condition,
    /// How the target died.
    pub death: Death,
    /// Each detector's.
    pub measured: Vec<Measured>,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    /// A target that falls silent, under every condition.
    pub conditions: Vec<Row>,
    /// The other kinds of death, under some.
    pub deaths: Vec<Row>,
}

/// The conditions under which the settings around the example's are measured.
const OF_SETTINGS: [&str; 4] = ["5 % loss", "20 % loss", "40 % loss", "stalling target"];
/// The conditions under which the other kinds of death are measured.
const OF_DEATHS: [&str; 3] = ["no loss", "10 % loss", "one-way loss"];

/// Measures everything.
#[must_use]
pub fn measure(effort: Effort) -> Curve {
    let settings = |condition: &Condition| {
        if OF_SETTINGS.contains(&condition.name) { Setting::all() } else { vec![Setting::example()] }
    };
    let mut traces: Vec<(Condition, Death, Vec<Setting>)> =
        CONDITIONS.map(|condition| (condition, Death::Silent, settings(&condition))).into();
    for condition in CONDITIONS.into_iter().filter(|condition| OF_DEATHS.contains(&condition.name)) {
        let others = [Death::Refuses, Death::Region];
        traces.extend(others.map(|death| (condition, death, vec![Setting::example()])));
    }
    let mut conditions = rows(effort, &traces);
    let deaths = conditions.split_off(CONDITIONS.len());
    Curve { conditions, deaths }
}

/// Measures these traces. What comes out depends on nothing but them and the seed.
#[must_use]
pub fn rows(effort: Effort, traces: &[(Condition, Death, Vec<Setting>)]) -> Vec<Row> {
    let each = |(row, (condition, death, settings)): (usize, &(Condition, Death, Vec<Setting>))| {
        let ours = settings.iter().copied().map(Some);
        let one = |setting| (row, *condition, *death, setting);
        ours.chain([None]).map(one).collect::<Vec<_>>()
    };
    let tasks: Vec<_> = traces.iter().enumerate().flat_map(each).collect();
    let done: Vec<Mutex<Vec<Measured>>> = tasks.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..effort.jobs.max(1) {
            scope.spawn(|| {
                while let Some((index, task)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, tasks.get(i)?)))
                {
                    let (_, condition, death, setting) = *task;
                    *done[index].lock().expect("no worker panics") = run(effort, condition, death, setting);
                }
            });
        }
    });
    let mut rows: Vec<Row> = traces
        .iter()
        .map(|(condition, death, _)| Row { condition: *condition, death: *death, measured: Vec::new() })
        .collect();
    for ((row, ..), measured) in tasks.iter().zip(done) {
        rows[*row].measured.extend(measured.into_inner().expect("no worker panics"));
    }
    rows
}

fn run(effort: Effort, condition: Condition, death: Death, setting: Option<Setting>) -> Vec<Measured> {
    let alive = (effort.hours * 3_600_000 / u64::from(effort.deaths.max(1))).max(ALIVE_MIN);
    // The name makes the trace, so that conditions can be added without changing the others' figures.
    let name = condition
        .name
        .bytes()
        .fold(effort.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let trace = Trace::drawn(condition, death, effort.deaths, alive, name);
    let (detectors, (scores, alive)) = match setting {
        Some(setting) => {
            let decided = setting::dwells().into_iter().map(move |dwell| Detector::Decided(setting, dwell));
            let detectors: Vec<Detector> = [Detector::Agreed(setting)].into_iter().chain(decided).collect();
            (detectors, agents::watch(trace, setting, name))
        }
        None => (THRESHOLDS.map(Detector::Threshold).into(), sentinel::watch(trace)),
    };
    let measured = |(detector, score)| Measured { detector, score, alive };
    detectors.into_iter().zip(scores).map(measured).collect()
}
