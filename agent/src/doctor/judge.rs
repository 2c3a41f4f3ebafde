//! From facts to findings. Pure: no file, no socket, no clock; whatever is judged stands in [`Facts`]. Each area has a file
//! of its own, and each threshold is a constant there, with its reason.

mod agent;
mod certificates;
mod clock;
mod disk;
mod files;
mod names;
mod peers;
mod plans;
mod targets;
#[cfg(test)]
mod tests;
mod version;

use super::{
    facts::{Documents, Facts},
    finding::{Area, Finding},
};
use quorate_policies::document::{Problem, Severity};
use std::time::Duration;

/// Every finding, by area.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = documents(&facts.documents);
    match &facts.installation {
        None => findings.push(Finding::skipped(
            Area::Agent,
            "installation",
            "everything else",
            "without the agent's file nothing is known of where to look",
        )),
        Some(installation) => {
            findings.extend(files::judge(installation));
            findings.extend(disk::judge(
                &installation.disk,
                installation.heartbeat,
                installation.election_min,
            ));
            findings.extend(clock::judge(installation));
            findings.extend(agent::judge(installation));
            findings.extend(names::judge(&installation.names));
            findings.extend(certificates::judge(installation));
            findings.extend(peers::judge(installation));
            findings.extend(targets::judge(&installation.targets));
            findings.extend(plans::judge(&installation.plans));
        }
    }
    // Stable: within an area the order is that of the looks.
    findings.sort_by_key(|finding| finding.area);
    findings
}

/// What `quorate check` says.
fn documents(documents: &Documents) -> Vec<Finding> {
    let good = documents.good.iter().map(|file| Finding::ok(Area::Files, "document", file, "no error"));
    let problem = |problem: &Problem| {
        let (subject, place) = (&problem.file, format!("line {}, column {}", problem.line, problem.column));
        let field = problem.field.to_string();
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let found = format!("{place}: {field}{}", problem.message);
        match problem.severity {
            Severity::Error => Finding::failed(Area::Files, "document", subject, found, &problem.mend),
            Severity::Warning => Finding::warning(Area::Files, "document", subject, found, &problem.mend),
        }
    };
    good.chain(documents.problems.iter().map(problem)).collect()
}

/// What was not looked at in time is said, not passed over.
fn left(area: Area, check: &str, subject: &str, count: usize) -> Option<Finding> {
    let why = format!("{count} more were not looked at in time: others before them did not answer");
    (count > 0).then(|| Finding::skipped(area, check, subject, why))
}

/// A length of time with as many digits as somebody would say: `0.4 ms`, `12 ms`, `1.3 s`.
fn spoken(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}
