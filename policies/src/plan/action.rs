//! The closed list of actions. In a policy their texts may hold `{from}`, `{to}` and `{to.var}`; in an expanded
//! plan they are resolved. Whether an action can be undone is a property of its kind, stated here once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One outside action, by its name in the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// Promotes an RDS read replica to a standalone writable instance. Cannot be undone.
    #[serde(rename = "rds.promote_read_replica")]
    RdsPromoteReadReplica(RdsPromoteReadReplica),
    /// Sets the desired count of an ECS service and waits for its tasks.
    #[serde(rename = "ecs.scale")]
    EcsScale(EcsScale),
    /// Points a Route 53 record at another target, fenced by an epoch record in the same batch.
    #[serde(rename = "route53.repoint")]
    Route53Repoint(Route53Repoint),
    /// Opens or updates the one incident of this execution on a Statuspage-compatible status page.
    #[serde(rename = "statuspage.incident")]
    StatuspageIncident(StatuspageIncident),
    /// Probes the service through its public name until it is healthy there.
    #[serde(rename = "verify.probes")]
    VerifyProbes(VerifyProbes),
}

/// Fields of `rds.promote_read_replica`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsPromoteReadReplica {
    /// The replica's region, usually `{to}`.
    pub region: String,
    /// The replica's DB instance identifier.
    pub instance: String,
}

/// Fields of `ecs.scale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcsScale {
    /// The service's region.
    pub region: String,
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The desired count of tasks. Zero is how an old primary's compute is fenced.
    pub desired: u32,
}

/// Fields of `route53.repoint`. One of `alias` and `values` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route53Repoint {
    /// The hosted zone's id.
    pub zone: String,
    /// The record's fully qualified name, with or without the trailing dot.
    pub record: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// The alias target's DNS name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The alias target's own hosted zone id; required with `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_zone: Option<String>,
    /// Plain values instead of an alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Time to live of plain values, in seconds. An alias has none.
    #[serde(default = "ttl_default_s")]
    pub ttl_s: u32,
}

/// 60 s: what an alias to a load balancer has, so that both kinds converge alike.
const fn ttl_default_s() -> u32 {
    60
}

/// Record types that can be repointed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RecordKind {
    /// IPv4 addresses, or an alias to something that has them.
    #[default]
    A,
    /// IPv6 addresses, or an alias to something that has them.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Another name.
    #[serde(rename = "CNAME")]
    Cname,
}

impl RecordKind {
    /// The type as DNS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            RecordKind::A => "A",
            RecordKind::Aaaa => "AAAA",
            RecordKind::Cname => "CNAME",
        }
    }
}

/// Fields of `statuspage.incident`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatuspageIncident {
    /// The page's id.
    pub page: String,
    /// The incident's status to reach.
    pub status: IncidentStatus,
    /// The affected component's id on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The incident's title; by default it names service and regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// An incident's status, in the order in which it advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// Looking into it.
    Investigating,
    /// The cause is known.
    Identified,
    /// Mended, and watched.
    Monitoring,
    /// Over.
    Resolved,
}

impl IncidentStatus {
    /// The status as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            IncidentStatus::Investigating => "investigating",
            IncidentStatus::Identified => "identified",
            IncidentStatus::Monitoring => "monitoring",
            IncidentStatus::Resolved => "resolved",
        }
    }
}

/// Fields of `verify.probes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyProbes {
    /// The URL clients use; probed from the agents' own region through real resolvers.
    pub through: String,
    /// Consecutive successes that count as verified.
    #[serde(default = "successes_default")]
    pub successes: u32,
}

/// Two in a row: one success may be a cached answer on its way out.
const fn successes_default() -> u32 {
    2
}

impl Action {
    /// The action's name as the policy writes it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Action::RdsPromoteReadReplica(_) => "rds.promote_read_replica",
            Action::EcsScale(_) => "ecs.scale",
            Action::Route53Repoint(_) => "route53.repoint",
            Action::StatuspageIncident(_) => "statuspage.incident",
            Action::VerifyProbes(_) => "verify.probes",
        }
    }

    /// Whether the action can be undone. Promotion cannot: it is the point of no return.
    #[must_use]
    pub const fn reversible(&self) -> bool {
        match self {
            Action::RdsPromoteReadReplica(_) => false,
            Action::EcsScale(_)
            | Action::Route53Repoint(_)
            | Action::StatuspageIncident(_)
            | Action::VerifyProbes(_) => true,
        }
    }

    /// The region in which the action works, where it has one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Action::RdsPromoteReadReplica(action) => Some(&action.region),
            Action::EcsScale(action) => Some(&action.region),
            Action::Route53Repoint(_) | Action::StatuspageIncident(_) | Action::VerifyProbes(_) => None,
        }
    }

    /// Every text of the action that may hold template variables.
    pub fn texts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Action::RdsPromoteReadReplica(action) => vec![&mut action.region, &mut action.instance],
            Action::EcsScale(action) => vec![&mut action.region, &mut action.cluster, &mut action.service],
            Action::Route53Repoint(action) => [&mut action.zone, &mut action.record]
                .into_iter()
                .chain(&mut action.alias)
                .chain(&mut action.alias_zone)
                .chain(&mut action.values)
                .collect(),
            Action::StatuspageIncident(action) => std::iter::once(&mut action.page)
                .chain(&mut action.component)
                .chain(&mut action.title)
                .collect(),
            Action::VerifyProbes(action) => vec![&mut action.through],
        }
    }
}
