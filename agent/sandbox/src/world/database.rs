//! RDS as a failover and a recovery meet it: instances, cross-region replication, and changes that take time.
//! Time is an argument; what is due happens in `advance`, turn by turn. Each operation is a module below.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::options::Timing;
use crate::world::metrics::ReplicaLag;
use crate::world::refusal::Refusal;
use course::Turn;
use event::DbEvents;
use replica::Wishes;

pub mod change;
mod course;
pub mod event;
mod power;
pub mod promotion;
pub mod replica;
pub mod restore;
mod tags;

/// The account in every ARN: the one that AWS's documentation uses.
pub const ACCOUNT: &str = "111122223333";

/// Tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

/// An instance's status, of those the sandbox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseStatus {
    /// Is being made; no connections.
    Creating,
    /// Takes connections.
    Available,
    /// Takes connections while a backup runs.
    BackingUp,
    /// A change is made. A promotion takes no connections meanwhile, other changes do.
    Modifying,
    /// Restarts; no connections.
    Rebooting,
    /// Changes its name and endpoint; no connections.
    Renaming,
    /// On its way to `stopped`; no connections.
    Stopping,
    /// Does not run.
    Stopped,
    /// On its way back from `stopped`; no connections.
    Starting,
}

impl DatabaseStatus {
    /// The status as RDS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DatabaseStatus::Creating => "creating",
            DatabaseStatus::Available => "available",
            DatabaseStatus::BackingUp => "backing-up",
            DatabaseStatus::Modifying => "modifying",
            DatabaseStatus::Rebooting => "rebooting",
            DatabaseStatus::Renaming => "renaming",
            DatabaseStatus::Stopping => "stopping",
            DatabaseStatus::Stopped => "stopped",
            DatabaseStatus::Starting => "starting",
        }
    }

    /// Whether an instance in this status takes connections.
    #[must_use]
    pub const fn connects(self) -> bool {
        matches!(self, DatabaseStatus::Available | DatabaseStatus::BackingUp | DatabaseStatus::Modifying)
    }
}

/// A security group of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The group's id.
    pub id: String,
    /// `active`, `adding` or `removing`.
    pub status: String,
}

/// Changes that wait for the maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// The new identifier.
    pub id: Option<String>,
    /// Whether it will have a standby in another zone.
    pub multi_az: Option<bool>,
    /// Days of backups kept.
    pub backup_retention_days: Option<u32>,
}

/// One RDS instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The instance's region.
    pub region: String,
    /// The DB instance identifier.
    #[serde(rename = "id")]
    pub identifier: String,
    /// What it keeps for life, whatever its name: `db-` and capital letters.
    pub resource_id: String,
    /// Its status.
    pub status: DatabaseStatus,
    /// The instance class.
    pub class: String,
    /// Whether it has a standby in another zone.
    pub multi_az: bool,
    /// ARN of the instance that it replicates, empty once promoted. Within a region RDS writes the
    /// identifier.
    pub source: Option<String>,
    /// ARNs of its replicas.
    pub replicas: Vec<String>,
    /// Whether it takes writes from the application now.
    pub writable: bool,
    /// Whether a security group lets new connections in.
    pub open: bool,
    /// Until when, in milliseconds, sessions live on that were let in before.
    pub sessions_until_ms: Option<u64>,
    /// Its security groups.
    pub security_groups: Vec<Membership>,
    /// Its subnet group's name.
    pub subnet_group: String,
    /// Its parameter group's name.
    pub parameter_group: String,
    /// Its option group's name.
    pub option_group: String,
    /// The KMS key of its storage, if that is encrypted.
    pub kms_key: Option<String>,
    /// Days of backups kept.
    pub backup_retention_days: u32,
    /// Daily window of backups, as RDS writes it.
    pub backup_window: String,
    /// Its tags.
    pub tags: Tags,
    /// What waits for the maintenance window.
    pub pending: Pending,
    /// When it was made, in milliseconds.
    pub created_ms: u64,
    /// The latest moment that can be restored, in milliseconds; none without backups.
    pub restorable_ms: Option<u64>,
    /// Number of the last write that it holds; a replica's is its source's until promotion.
    pub sequence: u64,
    /// When it took its last write, in milliseconds.
    pub last_write_ms: Option<u64>,
    /// When the running promotion began, in milliseconds.
    pub promotion_began_ms: Option<u64>,
}

impl Database {
    /// The instance's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.region, &self.identifier)
    }
}

pub(crate) fn arn(region: &str, identifier: &str) -> String {
    format!("arn:aws:rds:{region}:{ACCOUNT}:db:{identifier}")
}

/// An instance and what lies ahead of it, in order of time.
#[derive(Debug, Clone)]
struct Instance {
    database: Database,
    course: VecDeque<(u64, Turn)>,
}

/// What cannot be asked for, only be so from the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed {
    /// The KMS key of the storage, if that is encrypted.
    pub(crate) kms_key: Option<String>,
    /// Days of backups kept.
    pub(crate) backup_retention_days: u32,
    /// ARN of the instance that it replicates.
    pub(crate) source: Option<String>,
    /// When it was made, in milliseconds.
    pub(crate) created_ms: u64,
}

/// What instances may be made of: names that exist in the account.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Security groups, and whether each lets the application in.
    pub security_groups: BTreeMap<String, bool>,
    /// Subnet groups.
    pub subnet_groups: BTreeSet<String>,
    /// Parameter groups.
    pub parameter_groups: BTreeSet<String>,
}

/// The group that RDS gives when it is not told: the VPC's own, which lets nobody in but itself.
pub const DEFAULT_SECURITY_GROUP: &str = "sg-default";
/// The subnet group that RDS gives when it is not told.
pub const DEFAULT_SUBNET_GROUP: &str = "default";
/// The parameter group that RDS gives when it is not told.
pub const DEFAULT_PARAMETER_GROUP: &str = "default.postgres16";
/// The option group that RDS gives when it is not told.
pub const DEFAULT_OPTION_GROUP: &str = "default:postgres-16";
/// The class of the instances that exist from the start.
pub const CLASS: &str = "db.m6g.large";

/// Every instance, by its ARN.
#[derive(Debug, Clone)]
pub struct Databases {
    by_arn: BTreeMap<String, Instance>,
    /// Which instance the application of a region connects to. It follows the name, as an endpoint does.
    endpoints: BTreeMap<String, String>,
    /// What instances may be made of.
    pub estate: Estate,
    events: DbEvents,
    /// What CloudWatch tells of a replica's lag where it was set, by ARN.
    lags: BTreeMap<String, ReplicaLag>,
    timing: Timing,
    made: u32,
    /// The most instances of a region, where another number than RDS's own was set.
    instances_max: BTreeMap<String, usize>,
}

/// 40 instances: RDS's own quota of a region, as long as no other is set.
const INSTANCES_MAX: usize = 40;
/// 100,000 GiB: RDS's own quota of a region.
const STORAGE_GIB_MAX: usize = 100_000;
/// The storage of every instance here.
pub const STORAGE_GIB: u32 = 100;

impl Databases {
    /// No instances; the application of each region will connect to the one that is named here.
    #[must_use]
    pub fn new(endpoints: BTreeMap<String, String>, estate: Estate, timing: Timing) -> Self {
        Databases {
            by_arn: BTreeMap::new(),
            endpoints,
            estate,
            events: DbEvents::default(),
            lags: BTreeMap::new(),
            timing,
            made: 0,
            instances_max: BTreeMap::new(),
        }
    }

    /// Sets how many instances a region may have.
    pub fn set_quota(&mut self, region: &str, instances: usize) {
        self.instances_max.insert(region.to_owned(), instances);
    }

    /// The quotas of a region, each with its name, what is used of it, and the most.
    #[must_use]
    pub fn quotas(&self, region: &str) -> [(&'static str, usize, usize); 2] {
        let here = self.by_arn.values().filter(|instance| instance.database.region == region).count();
        let max = self.instances_max.get(region).copied().unwrap_or(INSTANCES_MAX);
        [("DBInstances", here, max), ("AllocatedStorage", here * STORAGE_GIB as usize, STORAGE_GIB_MAX)]
    }

    /// Puts an instance in place before the world begins: available, with backups, and with a source if it is
    /// a replica, which keeps no backups.
    pub(crate) fn seed(&mut self, region: &str, wishes: &Wishes, seed: &Seed) -> Result<(), Refusal> {
        let identifier = self.new_identifier(region, &wishes.instance)?;
        let mut database = self.new_instance(region, &identifier, wishes, None, seed.created_ms)?;
        database.status = DatabaseStatus::Available;
        database.kms_key.clone_from(&seed.kms_key);
        database.backup_retention_days = seed.backup_retention_days;
        database.source.clone_from(&seed.source);
        if let Some(source) = &seed.source {
            let source = self.by_arn.get_mut(source).ok_or_else(|| not_found(source))?;
            source.database.replicas.push(arn(region, &identifier));
        }
        self.put(database);
        Ok(())
    }

    /// Says what CloudWatch tells of a replica's lag from now on.
    ///
    /// # Errors
    /// `DBInstanceNotFound`.
    pub fn set_lag(&mut self, region: &str, identifier: &str, lag: ReplicaLag) -> Result<(), Refusal> {
        let key = self.find(region, identifier)?;
        self.lags.insert(key, lag);
        Ok(())
    }

    /// What CloudWatch tells of a replica's lag: nothing for what is no replica.
    #[must_use]
    pub fn lag(&self, region: &str, identifier: &str) -> ReplicaLag {
        let Ok(key) = self.find(region, identifier) else { return ReplicaLag::Missing };
        let replica = self.by_arn[&key].database.source.is_some();
        let measured = self.lags.get(&key).copied().unwrap_or(ReplicaLag::Seconds(0.0));
        if replica { measured } else { ReplicaLag::Missing }
    }

    /// The instances of a region, or the one that is named by identifier or ARN.
    ///
    /// # Errors
    /// `DBInstanceNotFound` for an identifier that the region does not have.
    pub fn describe(&self, region: &str, identifier: Option<&str>) -> Result<Vec<Database>, Refusal> {
        let all = self.by_arn.values().map(|instance| &instance.database);
        match identifier {
            Some(identifier) => Ok(vec![self.by_arn[&self.find(region, identifier)?].database.clone()]),
            None => Ok(all.filter(|database| database.region == region).cloned().collect()),
        }
    }

    /// Takes one write of the region's application, and answers its sequence number; `None` if its database
    /// does not take it.
    pub fn write(&mut self, region: &str, now_ms: u64) -> Option<u64> {
        let endpoint = arn(region, self.endpoints.get(region)?);
        let database = &mut self.by_arn.get_mut(&endpoint)?.database;
        if !database.writable {
            return None;
        }
        database.sequence += 1;
        database.last_write_ms = Some(now_ms);
        Some(database.sequence)
    }

    /// Every instance; a replica shows its source's position, for replicated data has no lag here.
    #[must_use]
    pub fn all(&self) -> Vec<Database> {
        let at_source = |(key, instance): (&String, &Instance)| Database {
            sequence: match instance.database.promotion_began_ms {
                Some(_) => instance.database.sequence,
                None => self.source_sequence(key),
            },
            ..instance.database.clone()
        };
        self.by_arn.iter().map(at_source).collect()
    }

    fn source_sequence(&self, key: &str) -> u64 {
        let database = &self.by_arn[key].database;
        let source = database.source.as_ref().and_then(|source| self.by_arn.get(source));
        source.map_or(database.sequence, |source| source.database.sequence)
    }

    /// The key of an instance named by identifier, in any case, or by ARN.
    fn find(&self, region: &str, identifier: &str) -> Result<String, Refusal> {
        let key = match identifier.starts_with("arn:") {
            true => identifier.to_owned(),
            false => arn(region, &identifier.to_ascii_lowercase()),
        };
        match self.by_arn.get(&key) {
            Some(instance) if instance.database.region == region => Ok(key),
            _ => Err(not_found(identifier)),
        }
    }

    /// An instance that an operation asks for and that must be `available`.
    fn available(&mut self, region: &str, identifier: &str) -> Result<&mut Instance, Refusal> {
        let key = self.find(region, identifier)?;
        let instance = self.by_arn.get_mut(&key).expect("find answers keys of the map");
        match instance.database.status {
            DatabaseStatus::Available => Ok(instance),
            status => {
                let message =
                    format!("Instance {} is currently {}.", instance.database.identifier, status.as_str());
                Err(invalid_state(message))
            }
        }
    }

    /// Whether any of these groups lets the application in.
    fn lets_in<'a>(&self, mut groups: impl Iterator<Item = &'a str>) -> bool {
        groups.any(|group| self.estate.security_groups.get(group).copied().unwrap_or(false))
    }
}

fn not_found(identifier: &str) -> Refusal {
    Refusal::new(404, "DBInstanceNotFound", format!("DBInstance {identifier} not found."))
}

fn invalid_state(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidDBInstanceState", message)
}

fn invalid_value(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidParameterCombination", message)
}

#[cfg(test)]
#[path = "database/tests.rs"]
mod tests;
