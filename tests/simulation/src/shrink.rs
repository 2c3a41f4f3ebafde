//! Makes a failing scenario smaller: faults are left out as long as the same rule is still broken.

use crate::{Plot, Scenario, run};
use std::collections::BTreeSet;

/// The rule that a violation names.
#[must_use]
pub fn rule(violation: &str) -> &str {
    violation.split(':').next().unwrap_or_default()
}

/// The smallest scenario that was found, with how many runs it took. Each fault is tried once a round.
#[must_use]
pub fn shrunk(failing: &Scenario, violation: &str) -> (Scenario, usize) {
    let mut best = failing.clone();
    let mut runs = 0;
    loop {
        let Plot::Faults(faults) = &best.plot else { return (best, runs) };
        let smaller = faults.iter().find_map(|left_out| {
            let rest: BTreeSet<_> = faults.iter().copied().filter(|fault| fault != left_out).collect();
            let scenario = Scenario { plot: Plot::Faults(rest), ..best.clone() };
            runs += 1;
            let still = run(&scenario).violations.iter().any(|found| rule(found) == rule(violation));
            still.then_some(scenario)
        });
        match smaller {
            Some(smaller) => best = smaller,
            None => return (best, runs),
        }
    }
}
