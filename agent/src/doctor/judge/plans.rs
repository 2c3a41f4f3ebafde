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
    let mut findings: Vec<Finding> = found.iter().filter_map(|finding| step(finding, &subject)).collect();
    if findings.is_empty() {
        let looked = format!("nothing known stands in its way; looked at by {}", plan.by);
        findings.push(Finding::ok(area, "plan", subject, looked));
    }
    findings
}

/// A note is no finding of the doctor's: nothing is to be mended.
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
        FindingSeverity::Unknown => {
            let why = format!("it could not be looked at: {}; {}", finding.what, finding.mend);
            Some(Finding::skipped(area, check, subject, why))
        }
        FindingSeverity::Note => None,
    }
}
