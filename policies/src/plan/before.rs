//! What stood in the world before a step changed it. It is committed to the log before the change, because afterwards
//! nobody can read it any more: for the undo, and for the loss that the report tells.

use crate::{
    plan::action::{
        Action, DnsUpdate, EcsScale, PostgresFence, PostgresUnfence, RdsUnfence, Route53Repoint,
        Route53Signal, ScalingRange,
    },
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What the names of the steps begin with by which an abort takes others back; a policy may not use it.
pub const UNDO_PREFIX: &str = "undo-";

/// What stood before, by action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "before")]
pub enum Before {
    /// `ecs.scale`.
    Scaled {
        /// The count that the step works towards, settled once.
        wanted: u32,
        /// Where that count comes from.
        because: String,
        /// The desired count before.
        desired: u32,
        /// Application Auto Scaling's range before, where the service has one.
        scaling: Option<ScalingRange>,
    },
    /// `rds.promote_read_replica`, `postgres.promote`, `postgres.switchover`.
    Promoted {
        /// What it replicated from.
        source: String,
        /// How far it was behind: what the promotion loses.
        lag: Lag,
    },
    /// `rds.fence`.
    Fenced {
        /// The security groups before.
        groups: Vec<String>,
        /// The date of the instance's latest restart before, as RDS tells it. A later one is ours.
        restarted: Option<String>,
    },
    /// `postgres.fence`.
    WritesStopped {
        /// Whether somebody else had stopped them already: then they are not given back.
        already: bool,
    },
    /// `rds.reboot`.
    Rebooted {
        /// The date of the instance's latest restart before, as RDS tells it. A later one is ours.
        restarted: Option<String>,
    },
    /// `rds.create_cross_region_replica`.
    Renamed {
        /// The old primary's identifier, which the replica gets.
        old: String,
        /// The identifier that the old primary gets.
        new: String,
    },
    /// `route53.repoint` and `dns.update`.
    Repointed {
        /// What the record was.
        answer: RecordBefore,
    },
    /// `postgres.restore` and `redis.restore`.
    Restored {
        /// The backup that is restored.
        file: String,
        /// Its size in bytes.
        bytes: u64,
        /// When it was taken. What came after it is lost.
        taken: Timestamp,
        /// Its SHA-256, in hexadecimal digits.
        sha256: String,
        /// What was there.
        there: String,
    },
    /// `s3.sync`.
    Synced {
        /// How many objects are copied, those that are there already among them.
        objects: u64,
        /// Their sizes together, in bytes.
        bytes: u64,
        /// The date of the newest in S3. What came after it is lost.
        newest: Timestamp,
        /// The SHA-256 of the list of all of them, in hexadecimal digits: lines as `sha256sum` prints them, sorted by name.
        list: String,
        /// The SHA-256 of each by its name, where they are few. Boxed, because every look carries the largest of these notes.
        sha256: Box<BTreeMap<String, String>>,
        /// What was there.
        there: String,
    },
    /// `route53.signal`.
    Signalled {
        /// The region that traffic belonged to.
        region: String,
    },
}

/// How far a replica was behind its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lag")]
pub enum Lag {
    /// So far, when it was measured.
    Known {
        /// Behind by so much.
        behind: Millis,
        /// How old the measurement was when it was read.
        age: Millis,
        /// What measured it.
        by: String,
        /// Whether every commit waited for the replica: then nothing that was acknowledged is missing there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        confirmed: bool,
    },
    /// It could not be read. Unknown is not zero (R7).
    Unknown {
        /// Why.
        reason: String,
    },
}

/// A record as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub enum RecordBefore {
    /// There was none.
    Absent,
    /// An alias.
    Alias {
        /// The target's name.
        name: String,
        /// The target's zone.
        zone: String,
    },
    /// Plain values.
    Values {
        /// The values.
        values: Vec<String>,
        /// Their time to live, in seconds.
        ttl_s: u32,
    },
    /// Weighted sets.
    Weights {
        /// The weight of each set.
        weights: BTreeMap<String, u32>,
    },
    /// Failover sets.
    Primary {
        /// Which one was the primary.
        primary: String,
    },
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Before::Scaled { wanted, because, desired, scaling } => {
                write!(f, "desired {desired}")?;
                if let Some(range) = scaling {
                    write!(f, ", scaling {} to {}", range.min, range.max)?;
                }
                write!(f, "; wanted {wanted} ({because})")
            }
            Before::Promoted { source, lag } => write!(f, "replica of {source}, {lag}"),
            Before::Fenced { groups, .. } => write!(f, "security groups {}", groups.join(", ")),
            Before::WritesStopped { already: true } => f.write_str("writes were stopped already"),
            Before::WritesStopped { already: false } => f.write_str("writes were allowed"),
            Before::Rebooted { restarted: Some(date) } => write!(f, "last restarted {date}"),
            Before::Rebooted { restarted: None } => f.write_str("no restart on record"),
            Before::Renamed { old, new } => write!(f, "old primary {old}, which becomes {new}"),
            Before::Repointed { answer } => write!(f, "{answer}"),
            Before::Restored { file, bytes, taken, sha256, there } => {
                write!(f, "{there}; restored from {file} of {taken}, {bytes} bytes, SHA-256 {sha256}")
            }
            Before::Synced { objects, bytes, newest, list, there, .. } => write!(
                f,
                "{there}; {objects} objects, {bytes} bytes, the newest of {newest}, list with SHA-256 {list}"
            ),
            Before::Signalled { region } => write!(f, "traffic belonged to {region}"),
        }
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lag::Known { age, by, confirmed: true, .. } => write!(
                f,
                "lacks nothing that was acknowledged: every commit waited for it (synchronous_standby_names), as seen \
                 {age} before by {by}"
            ),
            Lag::Known { behind, age, by, .. } => {
                write!(f, "{behind} behind, as measured {age} before by {by}")
            }
            Lag::Unknown { reason } => write!(f, "lag unknown: {reason}"),
        }
    }
}

impl fmt::Display for RecordBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordBefore::Absent => f.write_str("no record"),
            RecordBefore::Alias { name, .. } => write!(f, "alias of {name}"),
            RecordBefore::Values { values, ttl_s } => write!(f, "{} for {ttl_s} s", values.join(", ")),
            RecordBefore::Weights { weights } => {
                let weights: Vec<String> =
                    weights.iter().map(|(set, weight)| format!("{set} {weight}")).collect();
                write!(f, "weights {}", weights.join(", "))
            }
            RecordBefore::Primary { primary } => write!(f, "primary {primary}"),
        }
    }
}

impl Lag {
    /// What two measures of one replica say together: the greater of those that are known, so that neither can make the
    /// replica look fresher than the other saw it. Where one is unknown the other stands alone, because each is evidence
    /// by itself; where both are, so is the lag (R7).
    #[must_use]
    pub fn greater(self, other: Self) -> Self {
        match (&self, &other) {
            (Lag::Known { behind: own, .. }, Lag::Known { behind, .. }) => {
                if own > behind {
                    self
                } else {
                    other
                }
            }
            (Lag::Known { .. }, Lag::Unknown { .. }) => self,
            (Lag::Unknown { .. }, Lag::Known { .. }) => other,
            (Lag::Unknown { reason: own }, Lag::Unknown { reason }) => {
                Lag::Unknown { reason: format!("{own}; {reason}") }
            }
        }
    }
}

/// The action that takes another one back, given what stood before it. None where nothing needs to be taken back or
/// nothing can be: an action that only looks, a page that has told the truth, a name that had no record; a command and a
/// request, whose way back nobody knows (put it into a plan of its own).
#[must_use]
pub fn undo(action: &Action, before: Option<&Before>) -> Option<Action> {
    match (action, before?) {
        (Action::EcsScale(scale), Before::Scaled { desired, scaling, .. }) => {
            Some(Action::EcsScale(EcsScale {
                desired: Some(*desired),
                percent_of: None,
                scaling: *scaling,
                ..scale.clone()
            }))
        }
        (Action::RdsFence(fence), Before::Fenced { groups, .. }) => Some(Action::RdsUnfence(RdsUnfence {
            region: fence.region.clone(),
            instance: fence.instance.clone(),
            security_groups: groups.clone(),
        })),
        (Action::PostgresFence(fence), Before::WritesStopped { already: false }) => {
            let PostgresFence { region, host, port, database, user } = fence.clone();
            Some(Action::PostgresUnfence(PostgresUnfence { region, host, port, database, user }))
        }
        (Action::Route53Repoint(repoint), Before::Repointed { answer }) => repoint_back(repoint, answer),
        // Where there was none it stays: never an empty answer (R23).
        (Action::DnsUpdate(update), Before::Repointed { answer: RecordBefore::Values { values, ttl_s } }) => {
            Some(Action::DnsUpdate(DnsUpdate { values: values.clone(), ttl_s: *ttl_s, ..update.clone() }))
        }
        (Action::Route53Signal(_), Before::Signalled { region }) => {
            Some(Action::Route53Signal(Route53Signal { region: region.clone(), record: None }))
        }
        _ => None,
    }
}

fn repoint_back(repoint: &Route53Repoint, answer: &RecordBefore) -> Option<Action> {
    let mut back = Route53Repoint {
        alias: None,
        alias_zone: None,
        values: Vec::new(),
        weights: BTreeMap::new(),
        primary: None,
        ..repoint.clone()
    };
    match answer {
        // Never an empty answer (R23): what was made stays.
        RecordBefore::Absent => return None,
        RecordBefore::Alias { name, zone } => {
            (back.alias, back.alias_zone) = (Some(name.clone()), Some(zone.clone()));
        }
        RecordBefore::Values { values, ttl_s } => (back.values, back.ttl_s) = (values.clone(), *ttl_s),
        RecordBefore::Weights { weights } => back.weights.clone_from(weights),
        RecordBefore::Primary { primary } => back.primary = Some(primary.clone()),
    }
    Some(Action::Route53Repoint(back))
}
