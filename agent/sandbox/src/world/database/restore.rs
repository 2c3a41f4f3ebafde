//! RestoreDBInstanceToPointInTime: a new instance from another one's backups. The source is not touched.

use serde::Serialize;

use super::course::Turn;
use super::event::Said;
use super::power::lay_backup;
use super::replica::Wishes;
use super::{Database, Databases, invalid_combination};
use crate::world::refusal::Refusal;

/// What a restore asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Restore {
    /// The new instance.
    #[serde(flatten)]
    pub wishes: Wishes,
    /// The instance whose backups are restored.
    pub source: String,
    /// The moment, in milliseconds.
    pub at_ms: Option<u64>,
    /// Whether the latest moment is meant.
    pub latest: bool,
}

impl Databases {
    /// Begins to restore.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `DBInstanceAlreadyExists`, `PointInTimeRestoreNotEnabled` without backups,
    /// `InvalidRestoreFault` for a moment that no backup holds, `InvalidParameterCombination` unless exactly
    /// one moment is given, and those of any new instance.
    pub fn restore(&mut self, region: &str, asked: &Restore, now_ms: u64) -> Result<Database, Refusal> {
        let key = self.find(region, &asked.source)?;
        let source = self.by_arn[&key].database.clone();
        let identifier = self.new_identifier(region, &asked.wishes.instance)?;
        if asked.latest == asked.at_ms.is_some() {
            return Err(invalid_combination(
                "Specify either RestoreTime or UseLatestRestorableTime, not both.",
            ));
        }
        let Some(latest_ms) = source.restorable_ms else {
            let message = format!(
                "Point in time restore is not enabled for instance {}: its backup retention period is 0.",
                source.identifier
            );
            return Err(Refusal::bad("PointInTimeRestoreNotEnabled", message));
        };
        let kept_ms = u64::from(source.backup_retention_days) * 24 * 60 * 60 * 1_000;
        let earliest_ms = source.created_ms.max(now_ms.saturating_sub(kept_ms));
        if asked.at_ms.is_some_and(|at_ms| !(earliest_ms..=latest_ms).contains(&at_ms)) {
            let message = format!(
                "The specified instance can be restored to a time from {} to {}.",
                crate::world::rfc3339(earliest_ms),
                crate::world::rfc3339(latest_ms)
            );
            return Err(Refusal::bad("InvalidRestoreFault", message));
        }
        let position = self.source_sequence(&key);
        let mut database = self.new_instance(region, &identifier, &asked.wishes, Some(&source), now_ms)?;
        database.kms_key.clone_from(&source.kms_key);
        database.backup_retention_days = source.backup_retention_days;
        database.sequence = position;
        let (made, made_ms) = (database.clone(), now_ms + self.timing.create_ms);
        let backup_ms = self.timing.backup_ms;
        let restored = format!("Restored from DB instance {} to {identifier}", source.identifier);
        let instance = self.put(database);
        instance
            .then(made_ms, Turn::Say(Said::new("restoration", restored)))
            .then(made_ms, Turn::Show(super::DatabaseStatus::BackingUp));
        lay_backup(instance, made_ms, made_ms + backup_ms);
        Ok(made)
    }
}
