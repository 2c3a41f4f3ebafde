//! The command `simulate`: runs many seeds, shows how it goes, and tells the story of what fails.

use crate::{
    NODES_MAX, Outcome, Plot, Scenario,
    batch::{Ran, run_all},
    coverage::Coverage,
    fault::Fault,
    run,
    shrink::shrunk,
};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeSet,
    io::Write as _,
    ops::Range,
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How much of a failing run's story is printed: what led to it is rarely further back.
const LAST_EVENTS: usize = 100;
/// New seeds are drawn from here, far beyond those that are written down anywhere.
const NEW_SEEDS: Range<u64> = 1_000_000..1_000_000_000;

/// Simulate years of bad days: agents, network, disks, clocks, cloud and clients in drawn misfortune, and the rules that
/// must hold in all of it.
#[derive(Debug, Parser)]
#[command(name = "simulate", version)]
pub struct Arguments {
    /// Which seeds to run, as A..B without B.
    #[arg(long, default_value = "0..100", value_parser = seeds)]
    seeds: Range<u64>,
    /// Length of each scenario, in simulated minutes; what must come right is waited for after that.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// How many agents, 3 to 7; by default each seed draws it.
    #[arg(long, value_parser = clap::value_parser!(u64).range(3..=NODES_MAX as u64))]
    nodes: Option<u64>,
    /// Only these faults, such as F3,F10; by default each seed draws a mix.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Run new seeds for so long, such as 90s, 10m or 1h, in place of `--seeds`.
    #[arg(long, value_parser = duration)]
    until_time: Option<Duration>,
    /// Runs at once; by default one a processor.
    #[arg(long)]
    jobs: Option<usize>,
    /// Tell the whole story of one seed.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// With `--replay`: wait for the return key at every thing that happens.
    #[arg(long, requires = "replay")]
    step: bool,
    /// Do not make a failing scenario smaller.
    #[arg(long)]
    no_shrink: bool,
    /// Begin no other scenario after the first that fails.
    #[arg(long)]
    until_failure: bool,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    parsed.filter(|range| !range.is_empty()).ok_or_else(|| format!("`{text}` is no range such as 0..500"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s, 10m or 1h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(count * unit))
}

impl Arguments {
    fn scenario(&self, seed: u64) -> Scenario {
        let mut scenario = Scenario::drawn(seed);
        scenario.length = Duration::from_secs(self.minutes.max(1) * 60);
        if let Some(nodes) = self.nodes {
            scenario.nodes = usize::try_from(nodes).unwrap_or(NODES_MAX);
        }
        if !self.faults.is_empty() {
            scenario.plot = Plot::Faults(self.faults.iter().copied().collect());
        }
        scenario
    }

    /// The command that runs one seed of this again.
    fn replay_command(&self, scenario: &Scenario) -> String {
        let Plot::Faults(faults) = &scenario.plot else { return String::new() };
        let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
        format!(
            "cargo run --release -p quorate-tests --bin simulate -- --replay {} --minutes {} --nodes {} --faults {}",
            scenario.seed,
            self.minutes,
            scenario.nodes,
            faults.join(",")
        )
    }
}

/// Runs the command. Fails when a rule was broken.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A broken invariant in a run is told as a violation; its place in the code is told here, once.
    std::panic::set_hook(Box::new(|info| eprintln!("panic: {info}")));
    match arguments.replay {
        Some(seed) => replay(&arguments, seed),
        None => simulate(&arguments),
    }
}

fn replay(arguments: &Arguments, seed: u64) -> ExitCode {
    let outcome = run(&arguments.scenario(seed));
    for line in &outcome.trace {
        println!("{line}");
        if arguments.step && (line.contains("-- ") || line.contains("VIOLATION")) {
            print!("[return] ");
            let mut answer = String::new();
            if std::io::stdout().flush().is_err() || std::io::stdin().read_line(&mut answer).is_err() {
                break;
            }
        }
    }
    println!("trace {:016x}, {} simulated seconds", outcome.trace_hash, outcome.simulated.as_secs());
    outcome.violations.iter().for_each(|violation| println!("broken: {violation}"));
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Figures of a whole batch.
#[derive(Default)]
struct Totals {
    runs: u64,
    simulated: Duration,
    coverage: Coverage,
    failed: Vec<(Scenario, Outcome)>,
}

fn simulate(arguments: &Arguments) -> ExitCode {
    let jobs =
        arguments.jobs.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let begun = Instant::now();
    let seeds = match arguments.until_time {
        Some(_) => new_seeds(),
        None => arguments.seeds.clone(),
    };
    let bar = bar(arguments, &seeds);
    let mut totals = Totals::default();
    let scenarios = seeds.map(|seed| arguments.scenario(seed));
    run_all(jobs, scenarios, |ran| {
        let (seed, failed) = (ran.scenario.seed, totals.failed.len());
        totals.take(ran);
        // At once: whoever stops a night's run in the middle wants to know it too.
        if totals.failed.len() > failed {
            bar.suspend(|| println!("seed {seed} breaks a rule; its story comes at the end"));
        }
        let rate = totals.runs as f64 * 60.0 / begun.elapsed().as_secs_f64();
        let message = format!("{rate:.0} scenarios a minute, {} failed", totals.failed.len());
        bar.set_message(message);
        bar.inc(1);
        let enough = arguments.until_failure && !totals.failed.is_empty();
        !enough && arguments.until_time.is_none_or(|limit| begun.elapsed() < limit)
    });
    bar.finish_and_clear();
    for (scenario, outcome) in totals.failed.iter().take(FAILURES_TOLD) {
        tell(arguments, scenario, outcome);
    }
    totals.print(begun.elapsed(), jobs);
    if totals.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Failures whose story is told; the others are named.
const FAILURES_TOLD: usize = 3;

/// Seeds that nobody has run: they begin where the clock says.
fn new_seeds() -> Range<u64> {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NEW_SEEDS.start + passed.as_secs() % (NEW_SEEDS.end - NEW_SEEDS.start)..u64::MAX
}

fn bar(arguments: &Arguments, seeds: &Range<u64>) -> ProgressBar {
    let known = arguments.until_time.is_none();
    let bar = if known { ProgressBar::new(seeds.end - seeds.start) } else { ProgressBar::new_spinner() };
    let shape =
        if known { "{bar:40} {pos}/{len} {elapsed}  {msg}" } else { "{spinner} {pos} {elapsed}  {msg}" };
    bar.with_style(ProgressStyle::with_template(shape).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Totals {
    fn take(&mut self, ran: Ran) {
        self.runs += 1;
        self.simulated += ran.outcome.simulated;
        self.coverage.add(&ran.outcome.coverage);
        if !ran.outcome.violations.is_empty() {
            self.failed.push((ran.scenario, ran.outcome));
        }
    }

    fn print(&self, took: Duration, jobs: usize) {
        println!("reached:{}", self.coverage);
        let missed: Vec<String> = Fault::ALL
            .iter()
            .filter(|fault| !self.coverage.has("fault", &fault.to_string()))
            .map(Fault::to_string)
            .collect();
        if !missed.is_empty() {
            println!("never struck: {}", missed.join(" "));
        }
        let seeds: BTreeSet<u64> = self.failed.iter().map(|(scenario, _)| scenario.seed).collect();
        println!(
            "{} scenarios, {:.1} simulated hours, in {:.1} s on {jobs} threads: {:.0} a minute; {} failed {}",
            self.runs,
            self.simulated.as_secs_f64() / 3_600.0,
            took.as_secs_f64(),
            self.runs as f64 * 60.0 / took.as_secs_f64(),
            self.failed.len(),
            if seeds.is_empty() { String::new() } else { format!("{seeds:?}") },
        );
    }
}

/// The story of a failure: the broken rules, the end of the trace, the smallest mix of faults, and how to run it again.
fn tell(arguments: &Arguments, scenario: &Scenario, outcome: &Outcome) {
    println!("\nseed {} breaks:", scenario.seed);
    outcome.violations.iter().for_each(|violation| println!("  {violation}"));
    let first =
        outcome.trace.iter().position(|line| line.contains("VIOLATION")).unwrap_or(outcome.trace.len());
    let end = (first + 1).min(outcome.trace.len());
    println!("what led to it:");
    outcome.trace[end.saturating_sub(LAST_EVENTS)..end].iter().for_each(|line| println!("  {line}"));
    if !arguments.no_shrink
        && let Some(violation) = outcome.violations.first()
    {
        let (smaller, runs) = shrunk(scenario, violation);
        println!(
            "smallest mix of faults that still does it ({runs} runs): {}",
            arguments.replay_command(&smaller)
        );
    } else {
        println!("again: {}", arguments.replay_command(scenario));
    }
}
