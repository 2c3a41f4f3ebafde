//! ModifyDBInstance: what is applied at once, what waits for the maintenance window, and a change of name.

use serde::Serialize;

use super::course::Turn;
use super::event::Said;
use super::promotion::check_retention;
use super::{Database, DatabaseStatus, Databases, Instance, Membership, invalid_combination, not_found};
use crate::world::refusal::Refusal;

/// What a modification asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Modification {
    /// The identifier.
    pub instance: String,
    /// Security groups that replace all others; applied at once in any case.
    pub security_groups: Vec<String>,
    /// The new identifier.
    pub new_identifier: Option<String>,
    /// Whether it shall have a standby in another zone.
    pub multi_az: Option<bool>,
    /// Days of backups to keep.
    pub backup_retention_days: Option<u32>,
    /// Whether the rest is applied at once, too.
    pub apply_immediately: bool,
}

/// What is applied now.
#[derive(Debug, Default)]
struct Now {
    groups: Option<Vec<String>>,
    multi_az: Option<bool>,
    retention: Option<u32>,
    identifier: Option<String>,
}

impl Databases {
    fn changeable(&mut self, region: &str, identifier: &str) -> Result<&mut Instance, Refusal> {
        let key = self.find(region, identifier)?;
        match self.by_arn.get_mut(&key) {
            Some(stopped) if stopped.database.status == DatabaseStatus::Stopped => {
                // What lies ahead is the start after seven days, which a change of name would run into.
                stopped.course.clear();
            }
            _ => drop(self.available(region, identifier)?),
        }
        self.by_arn.get_mut(&key).ok_or_else(|| not_found(identifier))
    }

    /// Begins to change an instance, and answers it and whether anything will be different.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `InvalidDBInstanceState` unless it is available or stopped,
    /// `DBInstanceAlreadyExists` for a taken name, `InvalidParameterValue`, `InvalidParameterCombination`.
    pub fn modify(
        &mut self,
        region: &str,
        asked: &Modification,
        now_ms: u64,
    ) -> Result<(Database, bool), Refusal> {
        let current = self.changeable(region, &asked.instance)?.database.clone();
        self.check_groups(&asked.security_groups)?;
        if let Some(days) = asked.backup_retention_days {
            check_retention(days)?;
            if days == 0 && !current.replicas.is_empty() {
                return Err(invalid_combination(
                    "The backup retention period can't be 0 while the DB instance has read replicas.",
                ));
            }
        }
        let renamed = asked.new_identifier.as_ref();
        let renamed = renamed.filter(|name| !name.eq_ignore_ascii_case(&current.identifier));
        let identifier = renamed.map(|name| self.new_identifier(region, name)).transpose()?;
        let (now, pending) = divide(&current, asked, identifier);
        let timing = self.timing;
        let instance = self.changeable(region, &asked.instance)?;
        let database = &mut instance.database;
        let before = database.pending.clone();
        database.pending.id = pending.id.or(before.id.clone());
        database.pending.multi_az = pending.multi_az.or(before.multi_az);
        database.pending.backup_retention_days =
            pending.backup_retention_days.or(before.backup_retention_days);
        let mut changed = database.pending != before;
        let mut done_ms = now_ms;
        if now.groups.is_some() || now.multi_az.is_some() || now.retention.is_some() {
            (changed, done_ms) = (true, now_ms + timing.modify_ms);
            database.status = DatabaseStatus::Modifying;
        }
        if let Some(groups) = now.groups {
            database.security_groups = on_their_way(&database.security_groups, &groups);
            instance.then(done_ms, Turn::Settle(groups));
        }
        if let Some(days) = now.retention {
            instance.then(done_ms, Turn::Retention(days));
        }
        if let Some(multi_az) = now.multi_az {
            let message = match multi_az {
                true => "Finished applying modification to convert to a Multi-AZ DB Instance",
                false => "Finished applying modification to convert to a Standard (Single-AZ) DB Instance",
            };
            instance
                .then(done_ms, Turn::MultiAz(multi_az))
                .then(done_ms, Turn::Say(Said::new("configuration change", message)));
        }
        if let Some(identifier) = now.identifier {
            let message = format!("Renamed instance from {} to {identifier}", current.identifier);
            let named_ms = done_ms + timing.rename_ms;
            changed = true;
            // A name alone shows `renaming` at once, for there is nothing before it.
            if done_ms == now_ms {
                instance.database.status = DatabaseStatus::Renaming;
            }
            instance
                .then(done_ms, Turn::Show(DatabaseStatus::Renaming))
                .then(done_ms, Turn::EndSessions)
                .then(named_ms, Turn::Rename(identifier))
                .then(named_ms, Turn::Say(Said::new("configuration change", message)));
            done_ms = named_ms;
        }
        if done_ms > now_ms {
            instance.then(done_ms, Turn::Show(current.status));
        }
        Ok((instance.database.clone(), changed))
    }
}

/// Divides what is asked for into what is applied now and what waits. Security groups never wait, nor does a
/// change from one retention to another that both keep backups.
fn divide(current: &Database, asked: &Modification, identifier: Option<String>) -> (Now, super::Pending) {
    let mut now = Now::default();
    let mut pending = super::Pending::default();
    let active: Vec<&String> = current.security_groups.iter().map(|group| &group.id).collect();
    let same = |groups: &Vec<String>| {
        groups.len() == active.len() && groups.iter().all(|group| active.contains(&group))
    };
    now.groups = Some(asked.security_groups.clone()).filter(|groups| !groups.is_empty() && !same(groups));
    if let Some(days) = asked.backup_retention_days.filter(|days| *days != current.backup_retention_days) {
        let running = days > 0 && current.backup_retention_days > 0;
        match asked.apply_immediately || running {
            true => now.retention = Some(days),
            false => pending.backup_retention_days = Some(days),
        }
    }
    let multi_az = asked.multi_az.filter(|multi_az| *multi_az != current.multi_az);
    match asked.apply_immediately {
        true => (now.multi_az, now.identifier) = (multi_az, identifier),
        false => (pending.multi_az, pending.id) = (multi_az, identifier),
    }
    (now, pending)
}

/// Old groups that go and new ones that come.
fn on_their_way(before: &[Membership], groups: &[String]) -> Vec<Membership> {
    let going = before.iter().filter(|group| !groups.contains(&group.id));
    let going = going.map(|group| Membership { status: "removing".into(), ..group.clone() });
    let kept = |id: &String| before.iter().any(|group| group.id == *id);
    let coming = groups.iter().map(|id| Membership {
        id: id.clone(),
        status: if kept(id) { "active".into() } else { "adding".into() },
    });
    going.chain(coming).collect()
}
