//! Names: whether they resolve, to how many addresses, and how soon.

use super::{left, spoken};
use crate::doctor::{
    facts::{Many, Name},
    finding::{Area, Finding},
};
use std::time::Duration;

/// Half of the 800 ms that a probe takes by default, in which the look-up is counted.
pub(super) const SLOW: Duration = Duration::from_millis(400);

pub(super) fn judge(names: &Many<Name>) -> Vec<Finding> {
    if names.seen.is_empty() && names.left == 0 {
        let why = "every host that is written is an address";
        return vec![Finding::skipped(Area::Dns, "resolves", "names", why)];
    }
    let mut findings: Vec<Finding> = names.seen.iter().map(name).collect();
    findings.extend(left(Area::Dns, "resolves", "names", names.left));
    findings
}

fn name(name: &Name) -> Finding {
    let (area, check, uses, took) = (Area::Dns, "resolves", name.uses.join(", "), spoken(name.took));
    match &name.addresses {
        Err(why) => Finding::failed(
            area,
            check,
            &name.host,
            format!("does not resolve, after {took}: {why}; for {uses}"),
            "correct the name, make its record, or mend this host's resolver (`resolvers` in the agent's file)",
        ),
        Ok(count) => {
            let addresses = if *count == 1 { "1 address".to_owned() } else { format!("{count} addresses") };
            let found = format!("{addresses} in {took}; for {uses}");
            if name.took > SLOW {
                let mend = "use a resolver near this host: each probe resolves anew, within its own deadline";
                Finding::warning(area, check, &name.host, found, mend)
            } else {
                Finding::ok(area, check, &name.host, found)
            }
        }
    }
}
