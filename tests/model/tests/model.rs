//! The model at bounds that a test run can afford; `cargo run --release -p quorate-model` visits more.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use quorate_model::{Bounds, Coverage, Mutation, Plan, explore};

/// What a search must find before it is called complete: the small worlds have some tens of thousands of states.
const STATES_MIN: usize = 900;

/// Goal: within the bounds no reachable state breaks R1, R2, R4, R5, R13, R23, R26, every state has a way out (R30), and
/// no state of an execution or a step is left unvisited. Method: visit everything, in small worlds that differ in what
/// goes wrong: nothing; a lease that is asked for; a loss; a refusal for good; an operator who aborts and pauses; one
/// who must approve.
#[test]
fn no_reachable_state_breaks_a_rule() {
    let calm = Bounds::calm();
    let worlds = [
        calm,
        Bounds { asks: 1, ..calm },
        Bounds { losses: 1, ..calm },
        Bounds { refusals: 1, plan: Plan::DnsOnly, ..calm },
        Bounds { commands: 1, plan: Plan::DnsOnly, ..calm },
        Bounds { approval: true, ..calm },
    ];
    let mut seen = Coverage::default();
    for bounds in worlds {
        let report = explore(bounds, None);
        println!("{bounds:?}\n{report}\n");
        assert!(report.finding.is_none(), "{report}");
        assert!(report.complete && report.states > STATES_MIN, "{report}");
        seen.join(&report.coverage);
    }
    assert_eq!(seen.missing(), Vec::<String>::new());
}

/// Goal: an agent that dies at any moment breaks no rule either, as far as a test run can look. Method: everything within
/// so many moves of a world with one death and one link that is cut.
#[test]
fn deaths_and_cuts_break_no_rule() {
    let bounds = Bounds { crashes: 1, cuts: 1, depth: Some(12), ..Bounds::calm() };
    let report = explore(bounds, None);
    println!("{report}");
    assert!(report.finding.is_none(), "{report}");
}

/// Found among hundreds of thousands of states: the command's `--mutations` looks for these too.
const SLOW: [Mutation; 4] = [
    Mutation::PredecessorForgotten,
    Mutation::LostAgentKept,
    Mutation::UndoneAtOnce,
    Mutation::DnsWithoutFence,
];

/// Goal: the search notices. Method: the model's shell breaks one rule at a time; each is found, with a story.
#[test]
fn every_broken_shell_is_found() {
    for mutation in Mutation::ALL.into_iter().filter(|mutation| !SLOW.contains(mutation)) {
        let report = explore(mutation.bounds(), Some(mutation));
        let finding = report.finding.unwrap_or_else(|| panic!("{mutation:?} was not found"));
        println!("{mutation:?}, {} states: {finding}", report.states);
        assert!(!finding.story.is_empty());
    }
}
