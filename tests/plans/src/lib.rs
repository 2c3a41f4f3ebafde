//! The five written recovery plans of `policies/examples`, every scenario of each, run on this machine: real agents with ordinary
//! files, the real command line, a real PostgreSQL, Redis and BIND; the sandbox in the place of AWS, moto in that of S3, and
//! stand-ins for kubectl, terraform and scripts that refuse a wrong argument. What runs is the file as written, but for a declared
//! list of replacements. One drill runs as it is scheduled, by agents to whom it is months later.
//!
//! `world` starts and asks, `seats` says where its agents sit, `clock` moves their time, `drills` and `way_home` ask what they are
//! about; `stores`, `names`, `objects`, `application` and `stand_in` are what the plans work on, and each plan's own file says what
//! it damages and what must stand afterwards. The figures are the executions' own.

pub mod stand_in;
pub mod table;

mod application;
mod clock;
mod dese_ea_plan;
mod drills;
mod endpoint_statistics;
mod multi_region;
mod names;
mod objects;
mod replacements;
mod seats;
mod stocker_pro;
mod stores;
mod visual_dm;
mod way_home;
mod world;

use std::{collections::BTreeMap, path::PathBuf, sync::Mutex, thread};
use table::{Row, Table};
use tokio::runtime::Runtime;

/// Two at once: each is three agents and two databases, and the smallest machine has two cores.
const AT_ONCE: usize = 2;

/// What is to be run.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// One plan alone.
    pub plan: Option<String>,
    /// One scenario alone, with all that is done to it.
    pub scenario: Option<String>,
    /// The binary that is a stand-in when it is told so.
    pub binary: PathBuf,
}

impl Wanted {
    /// Whether a scenario is to be run. What is done to it stands behind a comma.
    fn wants(&self, scenario: &str) -> bool {
        let name = scenario.split(',').next().unwrap_or(scenario);
        self.scenario.as_deref().is_none_or(|wanted| wanted == name || wanted == scenario)
    }

    /// Whether any of these is.
    fn any(&self, scenarios: &[&str]) -> bool {
        scenarios.iter().any(|scenario| self.wants(scenario))
    }
}

/// What one plan came to, so far.
#[derive(Default)]
struct Told {
    rows: Vec<Row>,
    wrong: Vec<(String, String)>,
}

impl Told {
    /// What has started; why it has not is told instead.
    fn started<P>(&mut self, for_what: &str, came: anyhow::Result<P>) -> Option<P> {
        match came {
            Ok(plan) => Some(plan),
            Err(error) => {
                self.tell(for_what, Err(error));
                None
            }
        }
    }

    /// Plays one scenario in a world of its own, if it is wanted.
    async fn alone<P>(
        &mut self,
        wanted: &Wanted,
        scenario: &str,
        start: impl AsyncFn(&Wanted) -> anyhow::Result<P>,
        play: impl AsyncFnOnce(P, &str) -> anyhow::Result<Row>,
    ) {
        if wanted.wants(scenario) {
            let came = match start(wanted).await {
                Ok(plan) => play(plan, scenario).await,
                Err(error) => Err(error),
            };
            self.tell(scenario, came);
        }
    }

    /// Plays scenarios of which each needs those before it, as far as the last one that is wanted or the first that goes wrong.
    async fn in_order(
        &mut self,
        wanted: &Wanted,
        scenarios: &[&str],
        play: impl AsyncFn(&str) -> anyhow::Result<Row>,
    ) {
        let upto = scenarios.iter().rposition(|scenario| wanted.wants(scenario)).map_or(0, |last| last + 1);
        for scenario in &scenarios[..upto] {
            let came = play(scenario).await;
            let failed = came.is_err();
            if failed || wanted.wants(scenario) {
                self.tell(scenario, came);
            }
            if failed {
                return;
            }
        }
    }

    /// Keeps what a scenario came to.
    fn tell(&mut self, scenario: &str, came: anyhow::Result<Row>) {
        match came {
            Ok(row) => self.rows.push(row),
            Err(error) => self.wrong.push((scenario.to_owned(), format!("{error:#}"))),
        }
    }
}

/// Scenarios that are not run here, and why.
pub const NOT_RUN: &[(&str, &str, &str)] = &[];

/// How a plan is played: on a runtime of its own, because much of what it does blocks.
type Play = fn(&Runtime, Wanted) -> Told;

/// Every plan, by its policy's name; the longest first.
const PLANS: [(&str, Play); 5] = [
    ("multi-region", |runtime, wanted| runtime.block_on(multi_region::play(wanted))),
    ("dese-ea-plan", |runtime, wanted| runtime.block_on(dese_ea_plan::play(wanted))),
    ("endpoint-statistics", |runtime, wanted| runtime.block_on(endpoint_statistics::play(wanted))),
    ("visual-dm", |runtime, wanted| runtime.block_on(visual_dm::play(wanted))),
    ("stocker-pro", |runtime, wanted| runtime.block_on(stocker_pro::play(wanted))),
];

/// Runs what is wanted.
///
/// # Panics
/// When a plan panics, or there is no thread to be had.
#[must_use]
pub fn run(wanted: &Wanted) -> Table {
    let left = Mutex::new(PLANS.iter().enumerate());
    let told: Mutex<BTreeMap<usize, (&str, Told)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("no holder of it panics").next();
                    let Some((place, (name, play))) = next else { break };
                    if wanted.plan.as_deref().is_some_and(|plan| plan != *name) {
                        continue;
                    }
                    let runtime = Runtime::new().expect("the system has threads");
                    let came = play(&runtime, wanted.clone());
                    told.lock().expect("no holder of it panics").insert(place, (name, came));
                }
            });
        }
    });
    let mut table = Table::default();
    for (name, told) in told.into_inner().expect("no holder of it panics").into_values() {
        table.rows.extend(told.rows);
        let wrong = told.wrong.into_iter().map(|(scenario, why)| (name.to_owned(), scenario, why));
        table.wrong.extend(wrong);
    }
    table
}
