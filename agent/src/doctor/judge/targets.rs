//! One probe of each target from here: what this agent's votes will be made of.

use super::spoken;
use crate::doctor::{
    facts::TargetSeen,
    finding::{Area, Finding},
};

pub(super) fn judge(targets: &Result<Vec<TargetSeen>, String>) -> Vec<Finding> {
    match targets {
        Err(why) => vec![Finding::skipped(Area::Targets, "probe", "targets", why)],
        Ok(targets) => targets.iter().map(target).collect(),
    }
}

fn target(target: &TargetSeen) -> Finding {
    let (area, check) = (Area::Targets, "probe");
    let subject = format!("{} {}", target.service, target.target);
    let (place, total) = (&target.place, spoken(target.total));
    let Some((reason, detail)) = &target.fault else {
        return Finding::ok(area, check, subject, format!("{place} answered as expected in {total}"));
    };
    let found = format!("{place}: {} after {total}: {detail}", reason.as_str());
    let mend = if target.healthy_for.is_empty() {
        "if it should be up, look at the target itself; else at its firewall, security group and routes for this host".to_owned()
    } else {
        format!(
            "{} see it healthy, so it is the way from here: let this agent in at its firewall or security group",
            target.healthy_for.join(" and ")
        )
    };
    Finding::failed(area, check, subject, found, mend)
}
