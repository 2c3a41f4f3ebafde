//! RebootDBInstance, StopDBInstance and StartDBInstance: what ends every session, and what RDS refuses while
//! replication is there.

use super::course::{STOPPED_MS_MAX, Turn};
use super::event::Said;
use super::{Database, DatabaseStatus, Databases, Instance, invalid_combination, invalid_state};
use crate::world::refusal::Refusal;

impl Databases {
    /// Begins to reboot an instance.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` unless it is available; `InvalidParameterCombination`
    /// for a forced failover without a standby.
    pub fn reboot(
        &mut self,
        region: &str,
        identifier: &str,
        force_failover: bool,
        now_ms: u64,
    ) -> Result<Database, Refusal> {
        let up_ms = now_ms + self.timing.reboot_ms;
        let instance = self.available(region, identifier)?;
        if force_failover && !instance.database.multi_az {
            return Err(invalid_combination("ForceFailover can only be specified on a Multi-AZ instance"));
        }
        instance.database.status = DatabaseStatus::Rebooting;
        instance.then(now_ms, Turn::EndSessions);
        let mut say = |at_ms, category, message: &str| {
            instance.then(at_ms, Turn::Say(Said::new(category, message)));
        };
        if force_failover {
            say(now_ms, "failover", "Multi-AZ instance failover started");
            say(up_ms, "failover", "Multi-AZ instance failover completed");
        } else {
            say(now_ms, "availability", "DB instance shutdown");
        }
        say(up_ms, "availability", "DB instance restarted");
        instance.then(up_ms, Turn::Show(DatabaseStatus::Available));
        Ok(instance.database.clone())
    }

    /// Begins to stop an instance, for seven days at the most.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` unless it is available, and while it is or has a
    /// replica.
    pub fn stop(&mut self, region: &str, identifier: &str, now_ms: u64) -> Result<Database, Refusal> {
        let (down_ms, start_ms) = (now_ms + self.timing.stop_ms, self.timing.start_ms);
        let instance = self.available(region, identifier)?;
        let database = &instance.database;
        if database.source.is_some() {
            return Err(invalid_state("You can't stop a DB instance that is a read replica."));
        }
        if !database.replicas.is_empty() {
            return Err(invalid_state("You can't stop a DB instance that has read replicas."));
        }
        instance.database.status = DatabaseStatus::Stopping;
        instance
            .then(now_ms, Turn::EndSessions)
            .then(down_ms, Turn::Show(DatabaseStatus::Stopped))
            .then(down_ms, Turn::Say(Said::new("notification", "DB instance stopped")));
        let because =
            "DB instance is being started due to it exceeding the maximum allowed time being stopped.";
        instance.then(down_ms + STOPPED_MS_MAX, Turn::Say(Said::new("notification", because)));
        lay_start(instance, down_ms + STOPPED_MS_MAX, start_ms);
        Ok(instance.database.clone())
    }

    /// Begins to start a stopped instance.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` unless it is stopped.
    pub fn start(&mut self, region: &str, identifier: &str, now_ms: u64) -> Result<Database, Refusal> {
        let start_ms = self.timing.start_ms;
        let key = self.find(region, identifier)?;
        let instance = self.by_arn.get_mut(&key).expect("find answers keys of the map");
        if instance.database.status != DatabaseStatus::Stopped {
            let message = format!("Instance {} is not stopped.", instance.database.identifier);
            return Err(invalid_state(message));
        }
        // What lay ahead was the start after seven days.
        instance.course.clear();
        instance.database.status = DatabaseStatus::Starting;
        lay_start(instance, now_ms, start_ms);
        Ok(instance.database.clone())
    }

    /// Lets an instance back up for a while, as it does in its window.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` unless it is available.
    pub fn back_up(&mut self, region: &str, identifier: &str, ms: u64, now_ms: u64) -> Result<(), Refusal> {
        let instance = self.available(region, identifier)?;
        instance.database.status = DatabaseStatus::BackingUp;
        lay_backup(instance, now_ms, now_ms + ms);
        Ok(())
    }
}

fn lay_start(instance: &mut Instance, at_ms: u64, start_ms: u64) {
    instance
        .then(at_ms, Turn::Show(DatabaseStatus::Starting))
        .then(at_ms + start_ms, Turn::Say(Said::new("notification", "DB instance started")))
        .then(at_ms + start_ms, Turn::Show(DatabaseStatus::Available));
}

/// Lays a backup between two moments.
pub(super) fn lay_backup(instance: &mut Instance, from_ms: u64, to_ms: u64) {
    instance
        .then(from_ms, Turn::Say(Said::new("backup", "Backing up DB instance")))
        .then(to_ms, Turn::Say(Said::new("backup", "Finished DB instance backup")))
        .then(to_ms, Turn::Show(DatabaseStatus::Available));
}
