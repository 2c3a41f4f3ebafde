//! Between the SDK's words and ours. Nothing is decided here; what ours cannot express is kept as `Other`.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, Change as SdkChange, ChangeAction, ChangeBatch, HealthCheck, HealthCheckConfig,
    HealthCheckObservation, HealthCheckType, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
};
use aws_smithy_types::date_time::Format;
use quorate_policies::plan::action::RecordKind;

use super::settle::Look;
use super::{Check, CheckConfig, CheckId, CheckKind, Routing, Set, SetAnswer};
use crate::route53::{routing, rr_type};

/// What Route 53 shows of a set of that type.
pub(super) fn set_of(kind: RecordKind, set: &ResourceRecordSet) -> Set {
    let routing = match (set.failover(), routing(set)) {
        (Some(ResourceRecordSetFailover::Primary), _) => Routing::Primary,
        (Some(ResourceRecordSetFailover::Secondary), _) => Routing::Secondary,
        (_, Some(policy)) => Routing::Other(policy),
        (_, None) => Routing::Simple,
    };
    let answer = match set.alias_target() {
        Some(alias) => SetAnswer::Alias {
            name: alias.dns_name().to_owned(),
            zone: alias.hosted_zone_id().to_owned(),
            evaluate: alias.evaluate_target_health(),
        },
        None => SetAnswer::Values {
            values: set.resource_records().iter().map(|record| record.value().to_owned()).collect(),
            ttl_s: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
        },
    };
    let identifier = set.set_identifier().map(str::to_owned);
    let check = set.health_check_id().map(|id| CheckId::Standing(id.to_owned()));
    Set { name: set.name().to_owned(), kind, identifier, routing, answer, check }
}

/// The batch that replaces sets. `id` gives the ids of checks that were made meanwhile.
pub(super) fn batch<E: From<BuildError>>(
    deleted: &[Set],
    created: &[Set],
    id: impl Fn(&CheckId) -> Result<String, E>,
) -> Result<ChangeBatch, E> {
    let mut changes = Vec::new();
    let steps = deleted.iter().map(|set| (ChangeAction::Delete, set));
    for (action, set) in steps.chain(created.iter().map(|set| (ChangeAction::Create, set))) {
        let check = set.check.as_ref().map(&id).transpose()?;
        let set = sdk_set(set, check)?;
        changes.push(SdkChange::builder().action(action).resource_record_set(set).build()?);
    }
    Ok(ChangeBatch::builder().comment("Quorate signal").set_changes(Some(changes)).build()?)
}

fn sdk_set(set: &Set, check: Option<String>) -> Result<ResourceRecordSet, BuildError> {
    let failover = match set.routing {
        Routing::Primary => Some(ResourceRecordSetFailover::Primary),
        Routing::Secondary => Some(ResourceRecordSetFailover::Secondary),
        Routing::Simple | Routing::Other(_) => None,
    };
    let built = ResourceRecordSet::builder()
        .name(&set.name)
        .r#type(rr_type(set.kind))
        .set_set_identifier(set.identifier.clone())
        .set_failover(failover)
        .set_health_check_id(check);
    match &set.answer {
        SetAnswer::Alias { name, zone, evaluate } => {
            let target = AliasTarget::builder().dns_name(name).hosted_zone_id(zone);
            built.alias_target(target.evaluate_target_health(*evaluate).build()?).build()
        }
        SetAnswer::Values { values, ttl_s } => {
            let records: Result<Vec<_>, _> =
                values.iter().map(|value| ResourceRecord::builder().value(value).build()).collect();
            built.ttl(i64::from(*ttl_s)).set_resource_records(Some(records?)).build()
        }
    }
}

/// What Route 53 shows of a health check.
pub(super) fn check_of(check: &HealthCheck) -> Check {
    let (inverted, disabled, kind) = match check.health_check_config() {
        None => (false, false, CheckKind::Other("unknown".into())),
        Some(config) => {
            (config.inverted().unwrap_or_default(), config.disabled().unwrap_or_default(), kind_of(config))
        }
    };
    let config = CheckConfig { kind, inverted, disabled };
    Check { id: check.id().to_owned(), reference: check.caller_reference().to_owned(), config }
}

fn kind_of(config: &HealthCheckConfig) -> CheckKind {
    let number =
        |number: Option<i32>, default: u32| number.map_or(default, |n| u32::try_from(n).unwrap_or_default());
    // By name, because the SDK's enum may grow.
    match config.r#type().as_str() {
        "HTTP" => CheckKind::Http {
            host: config.ip_address().or(config.fully_qualified_domain_name()).unwrap_or_default().to_owned(),
            // What Route 53 takes when it is not told.
            port: u16::try_from(number(config.port(), 80)).unwrap_or_default(),
            path: config.resource_path().unwrap_or_default().to_owned(),
            interval_s: number(config.request_interval(), 30),
            threshold: number(config.failure_threshold(), 3),
        },
        "CALCULATED" => CheckKind::Calculated {
            children: config.child_health_checks().iter().cloned().map(CheckId::Standing).collect(),
            threshold: number(config.health_threshold(), 0),
        },
        other => CheckKind::Other(other.to_owned()),
    }
}

/// The configuration of a new check.
pub(super) fn sdk_check<E: From<BuildError>>(
    config: &CheckConfig,
    id: impl Fn(&CheckId) -> Result<String, E>,
) -> Result<HealthCheckConfig, E> {
    let signed = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let built = HealthCheckConfig::builder().inverted(config.inverted);
    let built = match &config.kind {
        CheckKind::Http { host, port, path, interval_s, threshold } => {
            let at = match host.parse::<std::net::IpAddr>() {
                Ok(_) => built.ip_address(host),
                Err(_) => built.fully_qualified_domain_name(host),
            };
            let at = at.r#type(HealthCheckType::Http).port(i32::from(*port)).resource_path(path);
            at.request_interval(signed(*interval_s)).failure_threshold(signed(*threshold))
        }
        CheckKind::Calculated { children, threshold } => {
            let children = children.iter().map(id).collect::<Result<Vec<_>, E>>()?;
            let built = built.r#type(HealthCheckType::Calculated).health_threshold(signed(*threshold));
            built.set_child_health_checks(Some(children))
        }
        CheckKind::Other(kind) => built.r#type(HealthCheckType::from(kind.as_str())),
    };
    Ok(built.build()?)
}

/// What one checker saw.
pub(super) fn look_of(seen: &HealthCheckObservation) -> Look {
    let region = seen.region().map(|region| region.as_str()).unwrap_or_default();
    let report = seen.status_report();
    let at = report.and_then(|report| report.checked_time()).and_then(|at| at.fmt(Format::DateTime).ok());
    Look {
        checker: format!("{region} {}", seen.ip_address().unwrap_or_default()),
        status: report.and_then(|report| report.status()).unwrap_or_default().to_owned(),
        at: at.unwrap_or_default(),
    }
}
