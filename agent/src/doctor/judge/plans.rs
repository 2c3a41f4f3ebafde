//! What was found about the plans: permissions, programs, servers. The findings are those of readiness; only their place in
//! this document is given here.

use crate::doctor::{
    facts::PlanSeen,
    finding::{Area, Finding},
};
use quorate_policies::readiness::{self, FindingSeverity};

pub(super) fn judge(plans: &Result<Vec<PlanSeen>, String>) -> Vec<Finding> {
    match plans {
        Err(why) => vec![Finding::skipped(Area::Plans, "plan", "plans", why)],
        Ok(plans) => plans.iter().flat_map(plan).collect(),
    }
}

fn plan(plan: &PlanSeen) -> Vec<Finding> {
    let (area, subject) = (Area::Plans, format!("{} {}", plan.service, plan.plan));
    let found = match &plan.findings {
        Err(why) => return vec![Finding::skipped(area, "plan", subject, why)],
        Ok(found) => found,
    };
    let (unknown, known): (Vec<_>, Vec<_>) =
        found.iter().partition(|finding| finding.severity == FindingSeverity::Unknown);
    let mut findings: Vec<Finding> = known.iter().filter_map(|finding| step(finding, &subject)).collect();
    findings.extend(unlooked(&unknown, &subject));
    if findings.is_empty() {
        let looked = format!("nothing known stands in its way; looked at by {}", plan.by);
        findings.push(Finding::ok(area, "plan", subject, looked));
    }
    findings
}

/// What could not be looked at, in one finding: where there are no credentials, every step says the same.
fn unlooked(unknown: &[&readiness::Finding], plan: &str) -> Option<Finding> {
    let first = unknown.first()?;
    let of = |finding: &&readiness::Finding| {
        finding.step.as_ref().map_or_else(|| "the plan as a whole".to_owned(), |step| format!("step {step}"))
    };
    let places: Vec<String> = unknown.iter().map(of).collect();
    let which = if unknown.len() == 1 { "" } else { "; the first of them" };
    let why = format!("{} could not be looked at{which}: {}; {}", places.join(", "), first.what, first.mend);
    Some(Finding::skipped(Area::Plans, "plan", plan, why))
}

/// What is known to be wrong. A note is no finding of the doctor's: nothing is to be mended.
fn step(finding: &readiness::Finding, plan: &str) -> Option<Finding> {
    let (area, check) = (Area::Plans, "plan");
    let subject = match &finding.step {
        Some(step) => format!("{plan}, step {step}"),
        None => plan.to_owned(),
    };
    match finding.severity {
        FindingSeverity::Blocking => {
            Some(Finding::failed(area, check, subject, &finding.what, &finding.mend))
        }
        FindingSeverity::Warning => {
            Some(Finding::warning(area, check, subject, &finding.what, &finding.mend))
        }
        FindingSeverity::Unknown | FindingSeverity::Note => None,
    }
}
