//! PromoteReadReplica: it takes time, reboots the instance and cannot be undone.

use serde::Serialize;

use super::course::Turn;
use super::event::Said;
use super::{Database, DatabaseStatus, Databases, invalid_state, invalid_value};
use crate::world::refusal::Refusal;

/// What a promotion asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Promotion {
    /// The replica's identifier.
    pub instance: String,
    /// Days of backups to keep; RDS takes 1 if it is not told.
    pub backup_retention_days: Option<u32>,
    /// Daily window of backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_window: Option<String>,
}

/// 35 days: RDS's own limit.
const BACKUP_RETENTION_DAYS_MAX: u32 = 35;

/// Checks a number of days.
pub(super) fn check_retention(days: u32) -> Result<(), Refusal> {
    match days > BACKUP_RETENTION_DAYS_MAX {
        true => {
            Err(invalid_value(format!("Invalid backup retention period: {days}. Must be between 0 and 35.")))
        }
        false => Ok(()),
    }
}

impl Databases {
    /// Begins to promote a replica.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` for what is no replica, backs up or is busy otherwise;
    /// `InvalidParameterValue`.
    pub fn promote(&mut self, region: &str, asked: &Promotion, now_ms: u64) -> Result<Database, Refusal> {
        let key = self.find(region, &asked.instance)?;
        let position = self.source_sequence(&key);
        let timing = self.timing;
        let instance = self.available(region, &asked.instance)?;
        if instance.database.source.is_none() {
            return Err(invalid_state("DB Instance is not a read replica."));
        }
        let retention = asked.backup_retention_days.unwrap_or(1);
        check_retention(retention)?;
        let database = &mut instance.database;
        database.status = DatabaseStatus::Modifying;
        database.promotion_began_ms = Some(now_ms);
        database.backup_retention_days = retention;
        database.sequence = position;
        if let Some(window) = &asked.backup_window {
            database.backup_window.clone_from(window);
        }
        let down_ms = now_ms + timing.promote_modifying_ms;
        let up_ms = down_ms + timing.promote_rebooting_ms;
        let promoted = "Promoted DB read replica to stand-alone DB instance";
        instance
            .then(down_ms, Turn::Show(DatabaseStatus::Rebooting))
            .then(down_ms, Turn::Say(Said::new("availability", "DB instance shutdown")))
            .then(up_ms, Turn::EndSessions)
            .then(up_ms, Turn::Say(Said::new("availability", "DB instance restarted")))
            .then(up_ms, Turn::Detach)
            .then(up_ms, Turn::Say(Said::new("configuration change", promoted)))
            .then(up_ms, Turn::Show(DatabaseStatus::Available));
        Ok(instance.database.clone())
    }
}
