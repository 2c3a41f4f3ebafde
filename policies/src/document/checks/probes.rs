//! Probes: that each can be sent, that its timing fits together, and that one of them can take the region down.

mod target;

use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{CheckName, ComponentName},
    policy::{Policy, Priority, Probe},
    time::Millis,
};

/// Longest interval. What is looked at less than once a day is not watched; and sums of a few intervals stay countable.
const INTERVAL_MAX: Millis = Millis::from_secs(24 * 3_600);

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, probe) in &policy.probes {
        let field = FieldPath::from(["probes", name.as_str()]);
        timing(&field, probe, problems);
        target::check(policy, &field, &probe.looks, problems);
        if let Some(component) = &probe.component
            && !policy.components.contains_key(component)
        {
            let mend = nearest::mend(component.as_str(), policy.components.keys().map(ComponentName::as_str));
            problems.push(Problem::error(
                field.join("component"),
                format!("there is no component `{component}`"),
                mend,
            ));
        }
    }
    if critical(policy).next().is_none() {
        let mend = "leave `component` out of a probe, or give its component `priority: critical`";
        problems.push(Problem::error(
            FieldPath::from(["probes"]),
            "no probe is critical: no region could ever be down",
            mend,
        ));
    }
    dwell(policy, problems);
}

/// The probes that take a region down: those of the service as a whole and those of critical components.
fn critical(policy: &Policy) -> impl Iterator<Item = (&CheckName, &Probe)> {
    policy.probes.iter().filter(|(_, probe)| match &probe.component {
        None => true,
        // A component that is not there is a problem of its own, told elsewhere.
        Some(name) => {
            policy.components.get(name).is_none_or(|component| component.priority == Priority::Critical)
        }
    })
}

fn timing(field: &FieldPath, probe: &Probe, problems: &mut Vec<Problem>) {
    for (name, value) in [
        ("interval", probe.interval),
        ("timeout", probe.timeout),
        ("confirm_interval", probe.confirm_interval),
    ] {
        if value == Millis::ZERO {
            problems.push(Problem::error(
                field.join(name),
                format!("{name} is zero"),
                "write a duration above 0s",
            ));
        }
    }
    if probe.interval > INTERVAL_MAX {
        let message =
            format!("interval {} is above {INTERVAL_MAX}: a failure would not be noticed", probe.interval);
        problems.push(Problem::error(field.join("interval"), message, "write a few seconds; 1s is usual"));
    }
    if probe.interval > Millis::ZERO && probe.timeout >= probe.interval {
        let message = format!(
            "timeout {} is not below interval {}: probes of one target would overlap",
            probe.timeout, probe.interval
        );
        problems.push(Problem::error(
            field.join("timeout"),
            message,
            "shorten the timeout or lengthen the interval",
        ));
    }
    if probe.interval > Millis::ZERO && probe.confirm_interval > probe.interval {
        let message = format!(
            "confirm_interval {} is above interval {}: confirming would be slower than probing",
            probe.confirm_interval, probe.interval
        );
        problems.push(Problem::error(
            field.join("confirm_interval"),
            message,
            "set it to the interval or less",
        ));
    }
    for (name, value, flips) in [("fall", probe.fall, "down"), ("rise", probe.rise, "healthy")] {
        if value == 0 {
            let message = format!("{name} is 0: a target would be {flips} without a single probe");
            problems.push(Problem::error(field.join(name), message, "write 1 or more; 3 and 2 are usual"));
        }
    }
}

/// How long confirming a probe's first failure takes at most.
fn confirmation(probe: &Probe) -> Millis {
    let pauses = u64::from(probe.fall.saturating_sub(1)).saturating_mul(probe.confirm_interval.0);
    Millis(pauses.saturating_add(probe.timeout.0))
}

/// An agreement must hold for longer than one confirmation takes, or one agent's confirmation alone would outlast it.
fn dwell(policy: &Policy, problems: &mut Vec<Problem>) {
    let longest = critical(policy).map(|(name, probe)| (confirmation(probe), name)).max();
    let dwell = policy.agreement.dwell;
    if let Some((confirmation, name)) = longest
        && dwell > Millis::ZERO
        && dwell < confirmation
    {
        let message = format!(
            "dwell {dwell} is shorter than the confirmation of probe `{name}`, \
             (fall - 1) * confirm_interval + timeout = {confirmation}"
        );
        let mend = format!("set dwell to {confirmation} or more, or to 0s to act on the first agreement");
        problems.push(Problem::error(FieldPath::from(["agreement", "dwell"]), message, mend));
    }
}
