//! Five hundred fixed seeds and a few that nobody has run, every time. A seed that fails is printed with the end of its
//! story and the command that runs it again. `QUORATE_NEW_SEEDS=0` leaves the new ones out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_simulation::{
    Plot, Scenario,
    batch::run_all,
    coverage::Coverage,
    deed::{Deed, Event},
    fault::Fault,
    run,
};
use std::{ops::Range, time::Duration, time::SystemTime};

/// Lines of the story that are printed when a seed fails.
const LAST_LINES: usize = 100;
/// New seeds a run: about a twentieth of the fixed ones.
const NEW: u64 = 24;

fn check_all(seeds: Range<u64>) -> Coverage {
    let mut reached = Coverage::default();
    let mut failed = Vec::new();
    // Tests of one process share the processors; two at once is what the machine has.
    run_all(2, seeds.map(Scenario::drawn), |ran| {
        reached.add(&ran.outcome.coverage);
        if !ran.outcome.violations.is_empty() {
            let seed = ran.scenario.seed;
            let trace = &ran.outcome.trace;
            let first = trace.iter().position(|line| line.contains("VIOLATION")).unwrap_or(trace.len() - 1);
            println!("seed {seed}: {:#?}\nwhat led to it:", ran.outcome.violations);
            trace[first.saturating_sub(LAST_LINES)..=first].iter().for_each(|line| println!("{line}"));
            println!("again: cargo run -p quorate-tests --bin simulate -- --replay {seed}");
            failed.push(seed);
        }
        true
    });
    assert!(failed.is_empty(), "rules were broken in seeds {failed:?}");
    reached
}

/// Goal: every rule holds whatever goes wrong, and everything is reached that could break one. Method: the fixed seeds.
#[test]
fn every_rule_holds_in_five_hundred_scenarios() {
    let reached = check_all(0..500);
    for fault in Fault::ALL {
        assert!(reached.has("fault", &fault.to_string()), "{fault} never struck");
    }
    let must = [
        ("decision", "automatic"),
        ("decision", "operator"),
        ("lease", "expired"),
        ("lease", "given up"),
        ("execution", "succeeded"),
        ("execution", "aborted"),
        ("execution", "stopped"),
        ("step", "unknown"),
        ("recovery", "step begun again"),
        ("recovery", "attempt left"),
        ("recovery", "late outcome refused"),
        ("recovery", "taken back"),
        ("refusal", "already_red_at_start"),
        ("refusal", "dissent"),
        ("refusal", "everything_down"),
        ("refusal", "held"),
        ("refusal", "replica_lag_too_high"),
        ("refusal", "standby_not_healthy"),
        ("refusal", "cooling_down"),
    ];
    for (kind, name) in must {
        assert!(reached.has(kind, name), "never reached: {kind} {name}; reached:{reached}");
    }
}

/// Goal: the net grows with every run. Method: seeds from the clock.
#[test]
fn every_rule_holds_in_scenarios_that_nobody_has_seen() {
    if std::env::var("QUORATE_NEW_SEEDS").as_deref() == Ok("0") {
        return;
    }
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let first = 1_000_000 + passed.as_secs();
    println!("seeds {first}..{}", first + NEW);
    check_all(first..first + NEW);
}

/// Goal: a seed is a whole description of a run. Method: run one twice; the traces, with the bytes of all disks, are the
/// same, and those of another seed are not.
#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, two) = (run(&Scenario::drawn(5)), run(&Scenario::drawn(5)));
    assert_eq!(one.trace, two.trace);
    assert_eq!(one.trace_hash, two.trace_hash);
    assert_ne!(one.trace_hash, run(&Scenario::drawn(7)).trace_hash);
}

/// Goal: a scenario that is written down does what it says. Method: a region dies; the failover succeeds.
#[test]
fn a_written_scenario_does_what_it_says() {
    let at = Duration::from_secs(20);
    let dies = Event { at, cue: None, fault: Fault::F1, deed: Deed::RegionDies(quorate_simulation::EAST) };
    let scenario =
        Scenario { seed: 2, nodes: 3, length: Duration::from_secs(60), plot: Plot::Written(vec![dies], 4) };
    let outcome = run(&scenario);
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.coverage.count("execution", "succeeded"), 1);
}
