//! The command `detector-curve`: measures, prints the table, and draws the picture.

use super::{
    measure::{DEATHS, Effort, measure},
    picture, table,
};
use clap::Parser;
use std::{path::PathBuf, process::ExitCode, thread, time::Instant};

/// Detection time against false alarms, of our detector and of fixed thresholds, on the same simulated traces.
#[derive(Debug, Parser)]
#[command(name = "detector-curve", version)]
struct Arguments {
    /// Hours for which the target lives, for each condition and setting.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    hours: u64,
    /// Everything random comes from here.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to draw the picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Traces at once; by default one a processor. The figures do not depend on it.
    #[arg(long)]
    jobs: Option<usize>,
}

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let jobs = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let effort = Effort { hours: arguments.hours, deaths: DEATHS, seed: arguments.seed, jobs };
    let began = Instant::now();
    let curve = measure(effort);
    eprintln!("measured in {} s", began.elapsed().as_secs());
    print!("{}", table::text(&curve));
    if let Some(path) = arguments.svg
        && let Err(error) = std::fs::write(&path, picture::svg(&curve))
    {
        eprintln!("cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
