//! What lies ahead of an instance: turns, each at its moment. An operation lays the course, `advance` walks
//! it, and nothing else changes a status.

use super::event::Said;
use super::{Database, DatabaseStatus, Databases, Instance, Membership, arn};

/// Something that happens to an instance at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// It shows this status.
    Show(DatabaseStatus),
    /// It stops replicating and can be written to.
    Detach,
    /// It has these security groups alone.
    Settle(Vec<String>),
    /// Every session ends.
    EndSessions,
    /// It has, or has not, a standby in another zone.
    MultiAz(bool),
    /// It keeps backups for so many days.
    Retention(u32),
    /// It has this identifier.
    Rename(String),
    /// RDS writes an event.
    Say(Said),
}

/// Seven days: after that RDS starts a stopped instance by itself.
pub(super) const STOPPED_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

impl Instance {
    /// Lays a turn at a moment; moments do not go back along a course.
    pub(super) fn then(&mut self, at_ms: u64, turn: Turn) -> &mut Self {
        self.course.push_back((at_ms, turn));
        self
    }
}

impl Databases {
    /// Lets every turn happen that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        while let Some((key, at_ms, turn)) = self.next_due(now_ms) {
            self.turn(&key, at_ms, turn);
        }
        for Instance { database, .. } in self.by_arn.values_mut() {
            let reached = database.open || database.sessions_until_ms.is_some_and(|until| now_ms < until);
            database.writable = database.source.is_none() && database.status.connects() && reached;
            let restorable = now_ms.saturating_sub(self.timing.restorable_lag_ms).max(database.created_ms);
            database.restorable_ms = (database.backup_retention_days > 0).then_some(restorable);
        }
    }

    fn next_due(&mut self, now_ms: u64) -> Option<(String, u64, Turn)> {
        let first = |(key, instance): (&String, &Instance)| {
            instance.course.front().filter(|(at, _)| *at <= now_ms).map(|(at, _)| (*at, key.clone()))
        };
        let (_, key) = self.by_arn.iter().filter_map(first).min()?;
        let (at_ms, turn) = self.by_arn.get_mut(&key)?.course.pop_front()?;
        Some((key, at_ms, turn))
    }

    fn turn(&mut self, key: &str, at_ms: u64, turn: Turn) {
        let Some(instance) = self.by_arn.get_mut(key) else { return };
        let database = &mut instance.database;
        match turn {
            Turn::Show(status) => database.status = status,
            Turn::EndSessions => database.sessions_until_ms = None,
            Turn::MultiAz(multi_az) => database.multi_az = multi_az,
            Turn::Retention(days) => database.backup_retention_days = days,
            Turn::Detach => {
                database.promotion_began_ms = None;
                if let Some(source) = database.source.take().and_then(|source| self.by_arn.get_mut(&source)) {
                    source.database.replicas.retain(|arn| arn != key);
                }
            }
            Turn::Settle(groups) => self.settle(key, at_ms, &groups),
            Turn::Rename(identifier) => self.rename(key, &identifier),
            Turn::Say(said) => {
                let database = database.clone();
                self.events.say(&database, said, at_ms);
            }
        }
    }

    /// A security group decides about new connections alone: tracked ones live on.
    fn settle(&mut self, key: &str, at_ms: u64, groups: &[String]) {
        let open = self.lets_in(groups.iter().map(String::as_str));
        let Some(Instance { database, .. }) = self.by_arn.get_mut(key) else { return };
        if database.open && !open {
            database.sessions_until_ms = Some(at_ms + self.timing.session_ms);
        }
        database.open = open;
        database.security_groups = memberships(groups);
    }

    fn rename(&mut self, key: &str, identifier: &str) {
        let Some(mut instance) = self.by_arn.remove(key) else { return };
        instance.database.identifier = identifier.to_owned();
        let new_key = arn(&instance.database.region, identifier);
        for Instance { database, .. } in self.by_arn.values_mut() {
            let names = database.source.iter_mut().chain(database.replicas.iter_mut());
            names.filter(|name| *name == key).for_each(|name| name.clone_from(&new_key));
        }
        self.by_arn.insert(new_key, instance);
    }

    /// Puts an instance into the world.
    pub(super) fn put(&mut self, mut database: Database) -> &mut Instance {
        database.open = self.lets_in(database.security_groups.iter().map(|group| group.id.as_str()));
        let key = database.arn();
        let instance = Instance { database, course: std::collections::VecDeque::new() };
        self.by_arn.entry(key).insert_entry(instance).into_mut()
    }
}

/// Groups that all are in force.
pub(super) fn memberships(groups: &[String]) -> Vec<Membership> {
    groups.iter().map(|id| Membership { id: id.clone(), status: "active".into() }).collect()
}
