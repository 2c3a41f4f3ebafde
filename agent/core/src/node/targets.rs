//! What is probed: every check of every policy in every region of its service (R27: all agents see all targets).

use crate::cluster::Cluster;
use quorate_policies::{
    CheckName, Policy, RegionName, ServiceName, TargetName,
    plan::template::{TemplateError, resolve},
    policy::{Probe, Region},
};

/// One target and how it is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Of which service.
    pub service: ServiceName,
    /// Which one.
    pub name: TargetName,
    /// Its URL, with every variable resolved.
    pub url: String,
    /// Host and SNI, where they differ from the URL's host.
    pub host: Option<String>,
    /// How it is probed.
    pub probe: Probe,
}

/// Every target of every service. One whose URL cannot be resolved is left out: its verdict stays unknown, which
/// never acts; `quorate check` refuses such a policy before it gets here.
#[must_use]
pub fn targets(cluster: &Cluster) -> Vec<ProbeTarget> {
    cluster.services.values().flat_map(|state| of_policy(&state.policy)).filter_map(Result::ok).collect()
}

/// Every target of one policy.
#[must_use]
pub fn of_policy(policy: &Policy) -> Vec<Result<ProbeTarget, TemplateError>> {
    let each = |(check, probe)| {
        policy.regions.iter().map(move |(name, region)| target(policy, check, probe, name, region))
    };
    policy.probes.iter().flat_map(each).collect()
}

fn target(
    policy: &Policy,
    check: &CheckName,
    probe: &Probe,
    name: &RegionName,
    region: &Region,
) -> Result<ProbeTarget, TemplateError> {
    let mut variables = region.vars.clone();
    variables.insert("region".to_owned(), name.to_string());
    variables.insert("service".to_owned(), policy.service.to_string());
    Ok(ProbeTarget {
        service: policy.service.clone(),
        name: TargetName { check: check.clone(), region: name.clone() },
        url: resolve(&probe.http, &variables)?,
        host: probe.host.as_deref().map(|host| resolve(host, &variables)).transpose()?,
        probe: probe.clone(),
    })
}
