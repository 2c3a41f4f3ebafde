//! The changes for people: as sentences, and as what the AWS command line takes with `--cli-input-json`. Pure.

use std::fmt;

use serde_json::{Value, json};

use super::{Change, CheckConfig, CheckId, CheckKind, Routing, Set, SetAnswer};

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::CreateCheck { reference, name, config } => {
                write!(f, "create health check \"{name}\" ({reference}): {config}")
            }
            Change::AwaitStay { checks } => {
                write!(f, "wait until Route 53 has seen all {} agents say stay", checks.len())
            }
            Change::ReplaceSets { zone, deleted, created } => {
                write!(f, "in one batch in zone {zone}:")?;
                let lines = deleted.iter().map(|set| ("delete", set));
                for (verb, set) in lines.chain(created.iter().map(|set| ("create", set))) {
                    write!(f, "\n  {verb} {set}")?;
                }
                Ok(())
            }
            Change::DeleteCheck { id } => write!(f, "delete health check {id}"),
        }
    }
}

impl fmt::Display for CheckConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            CheckKind::Http { host, port, path, interval_s, threshold } => write!(
                f,
                "http://{host}:{port}{path} every {interval_s} s, turned by {threshold} looks{}",
                if self.inverted { ", inverted" } else { "" }
            ),
            CheckKind::Calculated { children, threshold } => {
                write!(f, "healthy while {threshold} of {} are", children.len())
            }
            CheckKind::Other(kind) => f.write_str(kind),
        }
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckId::Standing(id) => f.write_str(id),
            CheckId::Planned(reference) => write!(f, "<id of {reference}>"),
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind.as_str())?;
        match self.routing {
            Routing::Simple => {}
            Routing::Primary => f.write_str(", PRIMARY")?,
            Routing::Secondary => f.write_str(", SECONDARY")?,
            Routing::Other(policy) => write!(f, ", {policy}")?,
        }
        if let Some(identifier) = &self.identifier {
            write!(f, " \"{identifier}\"")?;
        }
        write!(f, ": {}", self.answer)?;
        match &self.check {
            Some(check) => write!(f, ", while {check} is healthy"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SetAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetAnswer::Alias { name, evaluate, .. } => {
                write!(f, "alias of {name}{}", if *evaluate { ", its health evaluated" } else { "" })
            }
            SetAnswer::Values { values, ttl_s } => write!(f, "{} for {ttl_s} s", values.join(", ")),
        }
    }
}

/// The change as a command of `aws route53` and its `--cli-input-json`. None for a wait. The id of a check that an
/// earlier command makes is written as `<id of REFERENCE>`.
#[must_use]
pub fn cli(change: &Change) -> Option<(&'static str, Value)> {
    match change {
        Change::CreateCheck { reference, config, .. } => {
            let input = json!({ "CallerReference": reference, "HealthCheckConfig": config_json(config) });
            Some(("create-health-check", input))
        }
        Change::AwaitStay { .. } => None,
        Change::ReplaceSets { zone, deleted, created } => {
            let change = |action: &'static str| move |set: &Set| json!({ "Action": action, "ResourceRecordSet": set_json(set) });
            let changes = deleted.iter().map(change("DELETE")).chain(created.iter().map(change("CREATE")));
            let batch = json!({ "Comment": "Quorate signal", "Changes": changes.collect::<Vec<_>>() });
            Some(("change-resource-record-sets", json!({ "HostedZoneId": zone, "ChangeBatch": batch })))
        }
        Change::DeleteCheck { id } => Some(("delete-health-check", json!({ "HealthCheckId": id }))),
    }
}

fn config_json(config: &CheckConfig) -> Value {
    let mut value = match &config.kind {
        CheckKind::Http { host, port, path, interval_s, threshold } => {
            let by = if host.parse::<std::net::IpAddr>().is_ok() {
                "IPAddress"
            } else {
                "FullyQualifiedDomainName"
            };
            json!({
                "Type": "HTTP", by: host, "Port": port, "ResourcePath": path,
                "RequestInterval": interval_s, "FailureThreshold": threshold,
            })
        }
        CheckKind::Calculated { children, threshold } => {
            let children: Vec<String> = children.iter().map(ToString::to_string).collect();
            json!({ "Type": "CALCULATED", "ChildHealthChecks": children, "HealthThreshold": threshold })
        }
        CheckKind::Other(kind) => json!({ "Type": kind }),
    };
    value["Inverted"] = config.inverted.into();
    value
}

fn set_json(set: &Set) -> Value {
    let mut value = json!({ "Name": set.name, "Type": set.kind.as_str() });
    if let Some(identifier) = &set.identifier {
        value["SetIdentifier"] = identifier.as_str().into();
    }
    match set.routing {
        Routing::Primary => value["Failover"] = "PRIMARY".into(),
        Routing::Secondary => value["Failover"] = "SECONDARY".into(),
        Routing::Simple | Routing::Other(_) => {}
    }
    match &set.answer {
        SetAnswer::Alias { name, zone, evaluate } => {
            value["AliasTarget"] =
                json!({ "HostedZoneId": zone, "DNSName": name, "EvaluateTargetHealth": evaluate });
        }
        SetAnswer::Values { values, ttl_s } => {
            value["TTL"] = (*ttl_s).into();
            value["ResourceRecords"] = values.iter().map(|value| json!({ "Value": value })).collect();
        }
    }
    if let Some(check) = &set.check {
        value["HealthCheckId"] = check.to_string().into();
    }
    value
}
