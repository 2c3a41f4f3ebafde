//! RDS as a failover meets it: instances, cross-region replication and promotion, which takes time, reboots
//! the instance and cannot be undone. Time is an argument; transitions that are due happen in `advance`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::options::Timing;
use crate::world::refusal::Refusal;

/// The account in every ARN: the one that AWS's documentation uses.
pub const ACCOUNT: &str = "111122223333";

/// An instance's status, of those the sandbox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseStatus {
    /// Takes connections.
    Available,
    /// A promotion began; no connections.
    Modifying,
    /// The promotion's reboot; no connections.
    Rebooting,
}

impl DatabaseStatus {
    /// The status as RDS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DatabaseStatus::Available => "available",
            DatabaseStatus::Modifying => "modifying",
            DatabaseStatus::Rebooting => "rebooting",
        }
    }
}

/// One RDS instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The instance's region.
    pub region: String,
    /// The DB instance identifier.
    #[serde(rename = "id")]
    pub identifier: String,
    /// Its status.
    pub status: DatabaseStatus,
    /// ARN of the instance that it replicates, empty once promoted.
    pub source: Option<String>,
    /// ARNs of its replicas.
    pub replicas: Vec<String>,
    /// Whether it takes writes now.
    pub writable: bool,
    /// Days of backups kept.
    pub backup_retention_days: u32,
    /// Daily window of backups, as RDS writes it.
    pub backup_window: String,
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

fn arn(region: &str, identifier: &str) -> String {
    format!("arn:aws:rds:{region}:{ACCOUNT}:db:{identifier}")
}

/// What a promotion asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promotion {
    /// The replica's identifier.
    pub identifier: String,
    /// Days of backups to keep; RDS takes 1 if it is not told.
    pub backup_retention_days: Option<u32>,
    /// Daily window of backups.
    pub backup_window: Option<String>,
}

/// Every instance, by its ARN.
#[derive(Debug, Clone)]
pub struct Databases {
    by_arn: BTreeMap<String, Database>,
    timing: Timing,
}

/// 35 days: RDS's own limit.
const BACKUP_RETENTION_DAYS_MAX: u32 = 35;

impl Databases {
    /// A writable instance and its replica in another region.
    #[must_use]
    pub fn new(primary: (&str, &str), replica: (&str, &str), timing: Timing) -> Self {
        let instance = |(region, identifier): (&str, &str)| Database {
            region: region.into(),
            identifier: identifier.into(),
            status: DatabaseStatus::Available,
            source: None,
            replicas: Vec::new(),
            writable: false,
            backup_retention_days: 7,
            backup_window: "03:00-03:30".into(),
            sequence: 0,
            last_write_ms: None,
            promotion_began_ms: None,
        };
        let mut source = instance(primary);
        let mut copy = instance(replica);
        source.writable = true;
        source.replicas.push(copy.arn());
        copy.source = Some(source.arn());
        copy.backup_retention_days = 0;
        let by_arn = [source, copy].into_iter().map(|database| (database.arn(), database)).collect();
        Databases { by_arn, timing }
    }

    /// Lets every transition happen that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        let mut detached = Vec::new();
        for database in self.by_arn.values_mut() {
            let Some(began_ms) = database.promotion_began_ms else { continue };
            let elapsed_ms = now_ms.saturating_sub(began_ms);
            if elapsed_ms >= self.timing.promote_modifying_ms + self.timing.promote_rebooting_ms {
                database.status = DatabaseStatus::Available;
                database.promotion_began_ms = None;
                database.writable = true;
                detached.extend(database.source.take().map(|source| (source, database.arn())));
            } else if elapsed_ms >= self.timing.promote_modifying_ms {
                database.status = DatabaseStatus::Rebooting;
            }
        }
        for (source, replica) in detached {
            if let Some(source) = self.by_arn.get_mut(&source) {
                source.replicas.retain(|arn| *arn != replica);
            }
        }
    }

    /// The instances of a region, or the one that is named by identifier or ARN.
    ///
    /// # Errors
    /// `DBInstanceNotFound` for an identifier that the region does not have.
    pub fn describe(&self, region: &str, identifier: Option<&str>) -> Result<Vec<Database>, Refusal> {
        match identifier {
            Some(identifier) => Ok(vec![self.by_arn[&self.find(region, identifier)?].clone()]),
            None => Ok(self.by_arn.values().filter(|database| database.region == region).cloned().collect()),
        }
    }

    /// Begins to promote a replica.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` for what is no replica or is busy;
    /// `InvalidParameterValue`.
    pub fn promote(&mut self, region: &str, asked: &Promotion, now_ms: u64) -> Result<Database, Refusal> {
        let key = self.find(region, &asked.identifier)?;
        let position = self.source_sequence(&key);
        let database = self.by_arn.get_mut(&key).expect("find answers keys of the map");
        if database.status != DatabaseStatus::Available {
            let message =
                format!("Instance {} is currently {}.", database.identifier, database.status.as_str());
            return Err(Refusal::bad("InvalidDBInstanceState", message));
        }
        if database.source.is_none() {
            return Err(Refusal::bad("InvalidDBInstanceState", "DB Instance is not a read replica."));
        }
        let retention = asked.backup_retention_days.unwrap_or(1);
        if retention > BACKUP_RETENTION_DAYS_MAX {
            let message = format!("Invalid backup retention period: {retention}. Must be between 0 and 35.");
            return Err(Refusal::bad("InvalidParameterValue", message));
        }
        database.status = DatabaseStatus::Modifying;
        database.promotion_began_ms = Some(now_ms);
        database.backup_retention_days = retention;
        database.sequence = position;
        if let Some(window) = &asked.backup_window {
            database.backup_window.clone_from(window);
        }
        Ok(database.clone())
    }

    /// Takes one write in the region, and answers its sequence number; `None` if no database there takes
    /// writes.
    pub fn write(&mut self, region: &str, now_ms: u64) -> Option<u64> {
        let database =
            self.by_arn.values_mut().find(|database| database.region == region && database.writable)?;
        database.sequence += 1;
        database.last_write_ms = Some(now_ms);
        Some(database.sequence)
    }

    /// Every instance; a replica shows its source's position, for replication has no lag here.
    #[must_use]
    pub fn all(&self) -> Vec<Database> {
        let at_source = |(key, database): (&String, &Database)| Database {
            sequence: if database.promotion_began_ms.is_some() {
                database.sequence
            } else {
                self.source_sequence(key)
            },
            ..database.clone()
        };
        self.by_arn.iter().map(at_source).collect()
    }

    fn source_sequence(&self, key: &str) -> u64 {
        let database = &self.by_arn[key];
        let source = database.source.as_ref().and_then(|source| self.by_arn.get(source));
        source.map_or(database.sequence, |source| source.sequence)
    }

    /// The key of an instance named by identifier, in any case, or by ARN.
    fn find(&self, region: &str, identifier: &str) -> Result<String, Refusal> {
        let key = match identifier.starts_with("arn:") {
            true => identifier.to_owned(),
            false => arn(region, &identifier.to_ascii_lowercase()),
        };
        match self.by_arn.get(&key) {
            Some(database) if database.region == region => Ok(key),
            _ => Err(Refusal::new(404, "DBInstanceNotFound", format!("DBInstance {identifier} not found."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EAST: &str = "us-east-1";
    const WEST: &str = "us-west-2";

    fn databases() -> Databases {
        let timing = Timing { promote_modifying_ms: 200, promote_rebooting_ms: 100, ..Timing::default() };
        Databases::new((EAST, "shop-primary"), (WEST, "shop-replica"), timing)
    }

    fn promotion(identifier: &str) -> Promotion {
        Promotion { identifier: identifier.into(), ..Promotion::default() }
    }

    /// Goal: a promotion is `modifying`, then `rebooting`, then a writable instance without a source; at no
    /// earlier moment does it take writes, and its source forgets it at the end.
    /// Method: look at each moment around each boundary.
    #[test]
    fn promotion_takes_time_and_writes_only_at_the_end() {
        let mut databases = databases();
        databases.promote(WEST, &promotion("shop-replica"), 1_000).unwrap();
        let mut look = |now: u64| {
            databases.advance(now);
            let found = databases.describe(WEST, Some("shop-replica")).unwrap().remove(0);
            (found.status, found.source.is_some(), databases.write(WEST, now).is_some())
        };
        assert_eq!(look(1_000), (DatabaseStatus::Modifying, true, false));
        assert_eq!(look(1_199), (DatabaseStatus::Modifying, true, false));
        assert_eq!(look(1_200), (DatabaseStatus::Rebooting, true, false));
        assert_eq!(look(1_299), (DatabaseStatus::Rebooting, true, false));
        assert_eq!(look(1_300), (DatabaseStatus::Available, false, true));
        assert!(databases.describe(EAST, None).unwrap()[0].replicas.is_empty());
    }

    /// Goal: RDS's own refusals: unknown id, another region's id, not a replica, busy, promoted already.
    /// Method: ask for each and compare status and wire code.
    #[test]
    fn promotion_is_refused_as_rds_refuses() {
        let mut databases = databases();
        let mut refusal = |region: &str, identifier: &str, now: u64| {
            databases.advance(now);
            databases.promote(region, &promotion(identifier), now).err().map(|no| (no.status, no.code))
        };
        let not_found = Some((404, "DBInstanceNotFound".to_owned()));
        let bad_state = Some((400, "InvalidDBInstanceState".to_owned()));
        assert_eq!(refusal(WEST, "nothing", 0), not_found);
        assert_eq!(refusal(EAST, "shop-replica", 0), not_found);
        assert_eq!(refusal(EAST, "shop-primary", 0), bad_state);
        assert_eq!(refusal(WEST, "Shop-Replica", 0), None);
        assert_eq!(refusal(WEST, "shop-replica", 150), bad_state);
        assert_eq!(refusal(WEST, "shop-replica", 900), bad_state);
    }

    /// Goal: a retention above RDS's limit is refused and changes nothing.
    /// Method: ask for 36 days and read the status back.
    #[test]
    fn retention_is_bounded() {
        let mut databases = databases();
        let asked = Promotion { backup_retention_days: Some(36), ..promotion("shop-replica") };
        assert_eq!(databases.promote(WEST, &asked, 0).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(databases.describe(WEST, None).unwrap()[0].status, DatabaseStatus::Available);
    }

    /// Goal: the promoted instance goes on counting from what it had replicated when the promotion began.
    /// Method: write three times, promote, write on the old side once more, compare both sides.
    #[test]
    fn positions_diverge_at_promotion() {
        let mut databases = databases();
        for now in 0..3 {
            databases.write(EAST, now);
        }
        databases.promote(WEST, &promotion(&arn(WEST, "shop-replica")), 10).unwrap();
        assert_eq!(databases.write(EAST, 11), Some(4));
        databases.advance(10_000);
        assert_eq!(databases.write(WEST, 10_000), Some(4));
        let positions: Vec<u64> = databases.all().iter().map(|database| database.sequence).collect();
        assert_eq!(positions, [4, 4]);
    }
}
