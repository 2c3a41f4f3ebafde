//! What is probed: every check of every policy in every region of its service (R27: all agents see all targets).

use crate::cluster::Cluster;
use quorate_policies::{
    CheckName, Policy, RegionName, ServiceName, TargetName,
    plan::template::TemplateError,
    policy::{Looks, Probe},
};

/// One target and how it is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Of which service.
    pub service: ServiceName,
    /// Which one.
    pub name: TargetName,
    /// What is looked at, with every variable resolved.
    pub looks: Looks,
    /// How it is probed.
    pub probe: Probe,
}

/// Every target of every service. One whose variables cannot be resolved is left out: its verdict stays unknown, which
/// never acts; `quorate check` refuses such a policy before it gets here.
#[must_use]
pub fn targets(cluster: &Cluster) -> Vec<ProbeTarget> {
    cluster.services.values().flat_map(|state| of_policy(&state.policy)).filter_map(Result::ok).collect()
}

/// Every target of one policy.
#[must_use]
pub fn of_policy(policy: &Policy) -> Vec<Result<ProbeTarget, TemplateError>> {
    let each = |(check, probe)| policy.regions.keys().map(move |region| target(policy, check, probe, region));
    policy.probes.iter().flat_map(each).collect()
}

fn target(
    policy: &Policy,
    check: &CheckName,
    probe: &Probe,
    region: &RegionName,
) -> Result<ProbeTarget, TemplateError> {
    Ok(ProbeTarget {
        service: policy.service.clone(),
        name: TargetName { check: check.clone(), region: region.clone() },
        looks: probe.looks.resolved(&policy.probe_variables(region))?,
        probe: probe.clone(),
    })
}
