//! What Route 53 refuses of a new health check.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{HealthCheck, HealthCheckConfig};
use crate::world::refusal::Refusal;

/// Types that look at an endpoint.
pub(super) const ENDPOINT_TYPES: [&str; 5] = ["HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"];
/// 255: Route 53's own limits of names, paths and search strings, and of the children of one check.
const TEXT_MAX: usize = 255;
const CHILDREN_MAX: usize = 255;
/// 256: one more than there can be children, which is how a check is made that always fails.
const THRESHOLD_MAX: u32 = 256;

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidInput", message)
}

/// Checks a new configuration beside the checks that exist.
pub(super) fn check(
    config: &HealthCheckConfig,
    known: &BTreeMap<String, HealthCheck>,
) -> Result<(), Refusal> {
    match config.r#type.as_str() {
        "CALCULATED" => check_calculated(config, known),
        kind if ENDPOINT_TYPES.contains(&kind) => check_endpoint(config),
        kind => Err(invalid(format!("the sandbox knows no health checks of type {kind}"))),
    }
}

fn check_calculated(
    config: &HealthCheckConfig,
    known: &BTreeMap<String, HealthCheck>,
) -> Result<(), Refusal> {
    let children = config.children();
    let Some(threshold) = config.health_threshold else {
        return Err(invalid("HealthThreshold is required for CALCULATED health checks."));
    };
    if threshold > THRESHOLD_MAX || children.len() > CHILDREN_MAX {
        return Err(invalid("HealthThreshold is at most 256, and there are at most 255 children."));
    }
    if let Some(missing) = children.iter().find(|child| !known.contains_key(*child)) {
        return Err(invalid(format!("The child health check {missing} does not exist.")));
    }
    let of_endpoint = config.ip_address.is_some() || config.port.is_some() || config.resource_path.is_some();
    match of_endpoint {
        true => Err(invalid("IPAddress, Port and ResourcePath are not valid for CALCULATED health checks.")),
        false => Ok(()),
    }
}

fn check_endpoint(config: &HealthCheckConfig) -> Result<(), Refusal> {
    let kind = config.r#type.as_str();
    if config.ip_address.is_none() && config.fully_qualified_domain_name.is_none() {
        return Err(invalid("IPAddress or FullyQualifiedDomainName is required."));
    }
    if let Some(text) = &config.ip_address {
        let address: IpAddr = text.parse().map_err(|_| invalid(format!("{text} is not an IP address.")))?;
        // Route 53 refuses loopback, too; here it is the only network there is.
        if is_private(address) {
            return Err(invalid(format!("The IP address {text} is in a range that can't be checked.")));
        }
    }
    if !matches!(config.request_interval, None | Some(10 | 30)) {
        return Err(invalid("RequestInterval is 10 or 30."));
    }
    if config.failure_threshold.is_some_and(|threshold| !(1..=10).contains(&threshold)) {
        return Err(invalid("FailureThreshold is between 1 and 10."));
    }
    if kind == "TCP" && (config.port.is_none() || config.resource_path.is_some()) {
        return Err(invalid("Port is required for TCP health checks, and ResourcePath is not valid."));
    }
    if kind.ends_with("STR_MATCH") == config.search_string.as_deref().unwrap_or_default().is_empty() {
        return Err(invalid("SearchString is required for STR_MATCH health checks and for no other."));
    }
    if config.child_health_checks.is_some() || config.health_threshold.is_some() {
        return Err(invalid("ChildHealthChecks and HealthThreshold are for CALCULATED health checks only."));
    }
    let texts = [&config.resource_path, &config.fully_qualified_domain_name, &config.search_string];
    match texts.iter().any(|text| text.as_ref().is_some_and(|text| text.len() > TEXT_MAX)) {
        true => Err(invalid(
            "ResourcePath, FullyQualifiedDomainName and SearchString have at most 255 characters.",
        )),
        false => Ok(()),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_private()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address.is_unspecified()
        }
    }
}
