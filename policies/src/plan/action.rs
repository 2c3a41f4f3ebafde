//! The closed list of actions. In a policy their texts may hold `{from}`, `{to}` and `{to.var}`; in an expanded
//! plan they are resolved. What an action needs and whether it can be undone are properties of its kind, stated here
//! once; what it means in the world is the business of the crate that carries it out.

mod approval;
mod aurora;
mod dns;
mod ecs;
mod exec;
mod gate;
mod http;
mod notify;
mod postgres;
mod rds;
mod restore;
mod route53;
mod s3;
mod sql;
mod statuspage;
mod verify;
mod wait;

pub use approval::Approval;
pub use aurora::{AuroraFailover, AuroraSwitchover};
pub use dns::{DnsConverged, DnsUpdate};
pub use ecs::{EcsScale, PercentOf, ScalingRange};
pub use exec::{Exec, ExecObserve, ExecSuccess};
pub use gate::Gate;
pub use http::{Http, HttpExpect, HttpMethod, HttpObserve};
pub use notify::Notify;
pub use postgres::{
    PostgresAddress, PostgresFence, PostgresPromote, PostgresRejoin, PostgresSwitchover, PostgresUnfence,
};
pub use rds::{
    Heartbeat, LATEST, RdsCreateCrossRegionReplica, RdsFence, RdsPromoteReadReplica, RdsReboot,
    RdsRestoreToPointInTime, RdsUnfence,
};
pub use restore::{Over, PostgresRestore, RedisRestore, RestoreFile};
pub use route53::{RecordKind, Route53Repoint, Route53Signal, SignalRecord};
pub use s3::{S3Prefix, S3Sync, SyncTarget, SyncTo};
pub use sql::{SqlCheck, SqlExpect, VerifySql};
pub use statuspage::{IncidentStatus, StatuspageIncident};
pub use verify::VerifyProbes;
pub use wait::Wait;

use super::template::{self, TemplateError};
use crate::agreement::lag::replica_name;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::collections::BTreeMap;

/// Writes the list of actions once: the enum, the names by which a policy calls them, their reading and their schemas.
macro_rules! actions {
    ($($(#[$doc:meta])* $kind:literal => $variant:ident, reversible: $reversible:literal;)*) => {
        /// One outside action, by its name in the policy.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum Action {$(
            $(#[$doc])*
            #[serde(rename = $kind)]
            $variant($variant),
        )*}

        impl Action {
            /// The names of all actions, as a policy writes them.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// The action's name as the policy writes it.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {$(Action::$variant(_) => $kind,)*}
            }

            /// Whether actions of this kind can be undone.
            const fn kind_reversible(&self) -> bool {
                match self {$(Action::$variant(_) => $reversible,)*}
            }

            /// Reads the fields of the action that is called `kind`; none if there is no such action.
            pub(crate) fn read<'de, A: de::MapAccess<'de>>(
                kind: &str,
                map: &mut A,
            ) -> Result<Option<Self>, A::Error> {
                match kind {
                    $($kind => map.next_value().map(|fields| Some(Action::$variant(fields))),)*
                    _ => Ok(None),
                }
            }

            /// The schema of each action's fields, by its name.
            pub(crate) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
                vec![$(($kind, generator.subschema_for::<$variant>())),*]
            }
        }
    };
}

actions! {
    /// Promotes an RDS read replica to a standalone writable instance. Cannot be undone.
    "rds.promote_read_replica" => RdsPromoteReadReplica, reversible: false;
    /// Restores an RDS instance as a new one, to a moment or to the latest that can be restored.
    "rds.restore_to_point_in_time" => RdsRestoreToPointInTime, reversible: true;
    /// Rebuilds the redundancy after a failover: renames the old primary and replicates from the new one. Cannot be
    /// undone, because the old primary's name is taken.
    "rds.create_cross_region_replica" => RdsCreateCrossRegionReplica, reversible: false;
    /// Keeps clients away from the old primary: other security groups, then a reboot, then a stop.
    "rds.fence" => RdsFence, reversible: true;
    /// Takes a fence away again.
    "rds.unfence" => RdsUnfence, reversible: true;
    /// Reboots an RDS instance, which ends every session.
    "rds.reboot" => RdsReboot, reversible: true;
    /// Moves the writer of an Aurora global database without losing anything; needs a healthy primary. The way back is
    /// another switchover, decided anew, and no undo.
    "aurora.switchover" => AuroraSwitchover, reversible: false;
    /// Moves the writer of an Aurora global database and loses what had not been replicated. Cannot be undone.
    "aurora.failover" => AuroraFailover, reversible: false;
    /// Promotes a PostgreSQL standby, the server itself, to a primary. Cannot be undone.
    "postgres.promote" => PostgresPromote, reversible: false;
    /// Stops writes at a PostgreSQL primary that is still alive and has no guard beside it.
    "postgres.fence" => PostgresFence, reversible: true;
    /// Takes such a fence away again.
    "postgres.unfence" => PostgresUnfence, reversible: true;
    /// Promotes a PostgreSQL standby that has everything of its fenced primary, so that nothing is lost. Cannot be undone.
    "postgres.switchover" => PostgresSwitchover, reversible: false;
    /// Waits until the other PostgreSQL server follows the new primary, and prepares the new primary for it.
    "postgres.rejoin" => PostgresRejoin, reversible: true;
    /// Fills a PostgreSQL database from a dump, in one transaction.
    "postgres.restore" => PostgresRestore, reversible: true;
    /// Puts a snapshot into the data directory of a Redis that is stopped.
    "redis.restore" => RedisRestore, reversible: true;
    /// Copies objects of S3 under another prefix or into a folder, and compares every one by its SHA-256.
    "s3.sync" => S3Sync, reversible: true;
    /// Sets the desired count of an ECS service and waits for its tasks.
    "ecs.scale" => EcsScale, reversible: true;
    /// Points a Route 53 record at another target, fenced by an epoch record in the same batch.
    "route53.repoint" => Route53Repoint, reversible: true;
    /// Turns the answer that the agents give to Route 53's health checks, which moves traffic without any control
    /// plane of AWS.
    "route53.signal" => Route53Signal, reversible: true;
    /// Moves a record on the zone's own server by a signed update, fenced by an epoch record in the same message.
    "dns.update" => DnsUpdate, reversible: true;
    /// Waits until real resolvers give the new answer.
    "dns.converged" => DnsConverged, reversible: true;
    /// Runs a program on the agent's host. Whether it can be undone is for the policy to say.
    "exec" => Exec, reversible: true;
    /// Sends one HTTP request.
    "http" => Http, reversible: true;
    /// Opens or updates the one incident of this execution on a Statuspage-compatible status page.
    "statuspage.incident" => StatuspageIncident, reversible: true;
    /// Probes the service through its public name until it is healthy there.
    "verify.probes" => VerifyProbes, reversible: true;
    /// Asks a PostgreSQL server until its rows are as they shall be, such as enough users and a recent order.
    "verify.sql" => VerifySql, reversible: true;
    /// Hands a message over to channels of `communication`, which send it in their own time.
    "notify" => Notify, reversible: true;
    /// Waits until an operator approves: `quorate approve EXECUTION --step NAME`.
    "approval" => Approval, reversible: true;
    /// Lets what comes after it begin only when these steps have succeeded.
    "gate" => Gate, reversible: true;
    /// Waits for a time.
    "wait" => Wait, reversible: true;
}

impl Action {
    /// Whether the action can be undone. One that cannot is the point of no return.
    #[must_use]
    pub const fn reversible(&self) -> bool {
        if let Action::Exec(exec) = self {
            return exec.reversible;
        }
        // What it drops is gone; a database without tables has nothing to lose.
        if let Action::PostgresRestore(restore) = self {
            return matches!(restore.over, Over::Refuse);
        }
        // What it replaces or deletes is gone; what it adds is in nobody's way.
        if let Action::S3Sync(sync) = self {
            return !sync.replace && !sync.delete;
        }
        self.kind_reversible()
    }

    /// Whether the action is at work on the host of the agent that has it, for longer than one call. That ends with its
    /// attempt, however that one ends.
    #[must_use]
    pub const fn runs_a_job(&self) -> bool {
        matches!(self, Action::Exec(_) | Action::S3Sync(_))
    }

    /// The region in which the action works, where it has one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match self {
            Action::RdsPromoteReadReplica(action) => Some(&action.region),
            Action::RdsRestoreToPointInTime(action) => Some(&action.region),
            Action::RdsCreateCrossRegionReplica(action) => Some(&action.region),
            Action::RdsFence(action) => Some(&action.region),
            Action::RdsUnfence(action) => Some(&action.region),
            Action::RdsReboot(action) => Some(&action.region),
            Action::AuroraSwitchover(action) => Some(&action.region),
            Action::AuroraFailover(action) => Some(&action.region),
            Action::PostgresPromote(action) => Some(&action.region),
            Action::PostgresFence(action) => Some(&action.region),
            Action::PostgresUnfence(action) => Some(&action.region),
            Action::PostgresSwitchover(action) => Some(&action.region),
            Action::PostgresRejoin(action) => Some(&action.region),
            Action::EcsScale(action) => Some(&action.region),
            Action::Route53Signal(action) => Some(&action.region),
            Action::Exec(action) => action.region.as_deref(),
            Action::Http(action) => action.region.as_deref(),
            Action::VerifySql(action) => Some(&action.region),
            Action::PostgresRestore(action) => Some(&action.region),
            Action::RedisRestore(action) => Some(&action.region),
            Action::S3Sync(action) => Some(&action.region),
            Action::Route53Repoint(_)
            | Action::DnsUpdate(_)
            | Action::DnsConverged(_)
            | Action::StatuspageIncident(_)
            | Action::VerifyProbes(_)
            | Action::Notify(_)
            | Action::Approval(_)
            | Action::Gate(_)
            | Action::Wait(_) => None,
        }
    }

    /// Which replica the action makes a primary, by [`crate::agreement::lag::replica_name`]. What it lacks is lost.
    #[must_use]
    pub fn promotes(&self) -> Option<String> {
        if let Action::RdsPromoteReadReplica(action) = self {
            return Some(replica_name(&action.region, &action.instance));
        }
        if let Action::PostgresSwitchover(action) = self {
            return Some(replica_name(&action.region, action.probe.as_str()));
        }
        let Action::PostgresPromote(action) = self else { return None };
        Some(replica_name(&action.region, action.probe.as_str()))
    }

    /// Whether a look tells by itself that what stands is what the plan means, even before anything was done. Elsewhere what
    /// stands already is refused: it may be an old primary with old data (R24).
    #[must_use]
    pub const fn knows_its_own(&self) -> bool {
        matches!(self, Action::PostgresPromote(_) | Action::PostgresRestore(_) | Action::S3Sync(_))
    }

    /// Whether its first act comes after a note in the log of what stood before, always: without that note nobody has acted,
    /// whatever was begun (R24).
    #[must_use]
    pub const fn notes_first(&self) -> bool {
        matches!(self, Action::RdsPromoteReadReplica(_) | Action::PostgresSwitchover(_))
    }

    /// Whether the action changes nothing in the world, so that there is nothing to take back.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        matches!(
            self,
            Action::DnsConverged(_)
                | Action::VerifyProbes(_)
                | Action::VerifySql(_)
                | Action::Notify(_)
                | Action::Approval(_)
                | Action::Gate(_)
                | Action::Wait(_)
        )
    }

    /// The same action with the variables in its texts resolved, those in the names of sets included. Every text is taken
    /// from the written form, so that one of a new field cannot be forgotten.
    ///
    /// # Errors
    /// When a variable is unknown or a brace is wrong.
    #[expect(clippy::expect_used, reason = "both directions of a type's own form, with only texts changed")]
    pub fn resolved(&self, variables: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let written = serde_json::to_value(self).expect("an action is plain data");
        let resolved = resolve(written, variables)?;
        Ok(serde_json::from_value(resolved).expect("texts do not change an action's form"))
    }
}

fn resolve(
    value: serde_json::Value,
    variables: &BTreeMap<String, String>,
) -> Result<serde_json::Value, TemplateError> {
    use serde_json::Value;
    Ok(match value {
        Value::String(text) => Value::String(template::resolve(&text, variables)?),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| resolve(item, variables)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let mut resolved = serde_json::Map::new();
            for (key, field) in fields {
                let name = template::resolve(&key, variables)?;
                if resolved.insert(name.clone(), resolve(field, variables)?).is_some() {
                    return Err(TemplateError::Twice { name });
                }
            }
            Value::Object(resolved)
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    })
}
