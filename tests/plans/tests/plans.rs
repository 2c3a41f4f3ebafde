//! The five written recovery plans run as they are written: every scenario of each on real agents, and with the executing agent
//! killed in a restore, in a promotion and in a long command, and a test restore as it is scheduled. The table goes to standard output, as
//! `cargo run -p quorate-plans` prints it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_plans::{NOT_RUN, Wanted, run};
use quorate_policies::document::read_policy;
use std::{collections::BTreeSet, fs, path::PathBuf};

/// Goal: every scenario of every plan ends as its policy says, against what its row names; rows, keys and records of calls are
/// compared by each plan's own file, and a killed executor's step is resumed or left to a human, nothing done twice. Method: run
/// all, and hold the rows against the scenarios of the files, so that a new scenario cannot be forgotten.
#[test]
fn every_scenario_of_the_five_plans() {
    let wanted = Wanted { binary: PathBuf::from(env!("CARGO_BIN_EXE_plans")), ..Wanted::default() };
    let table = run(&wanted);
    println!("{table}");
    assert!(table.wrong.is_empty(), "{} did not run as they must", table.wrong.len());
    let ran: BTreeSet<(String, String)> =
        table.rows.iter().map(|row| (row.plan.clone(), row.scenario.clone())).collect();
    for plan in ["visual-dm", "dese-ea-plan", "endpoint-statistics", "multi-region", "stocker-pro"] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/examples");
        let file = folder.join(plan).with_extension("yaml");
        let policy = read_policy(plan, &fs::read_to_string(file).unwrap()).unwrap();
        for scenario in policy.scenarios.keys() {
            let of = (plan.to_owned(), scenario.to_string());
            if NOT_RUN.iter().any(|(plan, scenario, _)| (*plan, *scenario) == (&*of.0, &*of.1)) {
                assert!(!ran.contains(&of), "{plan}: {scenario} did run; take it out of the list");
                continue;
            }
            assert!(ran.contains(&of), "{plan}: {scenario} did not run");
            let row = table.rows.iter().find(|row| (&row.plan, &row.scenario) == (&of.0, &of.1)).unwrap();
            assert_eq!(row.outcome, "succeeded", "{plan}: {scenario}");
            let objective = policy.objective(Some(scenario));
            assert_eq!(
                row.rto_objective_ms, objective.rto.0,
                "{plan}: {scenario} is measured by its own words"
            );
            assert_eq!(
                row.rpo_objective_ms, objective.rpo.0,
                "{plan}: {scenario} is measured by its own words"
            );
            assert!(row.rto_ms.is_some_and(|rto| rto > 0), "{plan}: {scenario} was not measured");
        }
    }
    let drilled: Vec<&str> =
        table.rows.iter().filter(|row| row.scenario.starts_with("drill ")).map(|row| &*row.outcome).collect();
    assert_eq!(drilled, ["succeeded"]);
    let killed = table.rows.iter().filter(|row| row.scenario.contains("executor killed"));
    assert_eq!(killed.count(), 4);
}
