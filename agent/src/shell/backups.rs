//! Looks, all the time, at the backups that this agent is told to watch, and keeps what each look showed for the API and the
//! metrics. It only reads. What it sees is this agent's own: it is no evidence, and nothing is decided by it. A plan that
//! restores looks again itself, at the very file.

use super::{Agent, agent::lock};
use quorate_core::Input;
use quorate_policies::{
    BackupName, Millis, ServiceName, Timestamp,
    backup::{BackupFound, BackupJudgement, BackupSeen, judge},
    policy::Backup,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// A backup is looked at as often. Backups are hours apart; RDS moves its latest restorable time every five minutes.
const EVERY: Millis = Millis::from_secs(5 * 60);
/// How often it is asked which backup is due: a new policy's first look comes as soon.
const TURN: Duration = Duration::from_secs(5);
/// One look, with what a hung file system takes; above the look's own limits.
const LOOK_MAX: Duration = Duration::from_secs(90);
/// How many sizes of one file that is written over and over make the usual one: as many as of files beside each other.
const SIZES_MAX: usize = 30;

/// What the latest look at a backup showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCheck {
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub judgement: BackupJudgement,
}

/// What is remembered of all looks.
#[derive(Debug, Default)]
pub(super) struct BackupWatch(Mutex<BTreeMap<(ServiceName, BackupName), Watched>>);

/// What is remembered of one backup.
#[derive(Debug)]
struct Watched {
    /// As the policy had it at the latest look.
    backup: Backup,
    check: BackupCheck,
    /// When it was looked at first.
    since: Timestamp,
    /// Sizes of what was the newest, each with its date, oldest first: a file that is written over leaves no others.
    sizes: Vec<(Timestamp, u64)>,
}

/// Looks at every backup in its turn.
pub(super) async fn run(agent: Arc<Agent>) {
    let mut turn = interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        let wanted = wanted(&agent);
        lock(&agent.backups.0).retain(|key, _| wanted.contains_key(key));
        for (key, backup) in wanted {
            if agent.backups.is_due(&key, &backup, agent.wall()) {
                look(&agent, key, backup).await;
            }
        }
    }
}

/// The backups that are looked at from here.
fn wanted(agent: &Agent) -> BTreeMap<(ServiceName, BackupName), Backup> {
    agent.with_node(|node, _| {
        let region = &node.settings().region;
        let services = node.cluster().services.iter();
        let backups = services.flat_map(|(service, state)| {
            let own = state.policy.backups.iter().filter(|(_, backup)| backup.looked_at_from(region));
            own.map(|(name, backup)| ((service.clone(), name.clone()), backup.clone()))
        });
        backups.collect()
    })
}

async fn look(agent: &Agent, key: (ServiceName, BackupName), backup: Backup) {
    let looked = timeout(LOOK_MAX, agent.effects.look_at_backup(&backup, agent.wall())).await;
    let late = |_| BackupSeen::Unknown { why: format!("no answer within {LOOK_MAX:?}") };
    let seen = looked.unwrap_or_else(late);
    let now = agent.wall();
    let (state, was) = agent.backups.keep(key.clone(), backup, seen, now);
    let (service, backup) = key;
    let stale = stale(&agent.backup_checks(), &service);
    agent.input(Input::BackupsSeen { service: service.clone(), stale });
    // A change is told once, and not every five minutes.
    if was != Some(state.judgement.state.word()) {
        if state.judgement.state.is_fresh() {
            tracing::info!(%service, %backup, "backup: fresh");
        } else {
            tracing::warn!(%service, %backup, state = state.judgement.state.word(), "backup: {}", state.judgement.state);
        }
    }
}

/// The backups of a service that are known not to be fresh. What could not be looked at is not known to be stale (R7).
fn stale(
    checks: &BTreeMap<(ServiceName, BackupName), BackupCheck>,
    service: &ServiceName,
) -> BTreeSet<BackupName> {
    let of_service = checks.iter().filter(|((name, _), _)| name == service);
    let known = of_service.filter(|(_, check)| {
        let state = &check.judgement.state;
        !state.is_fresh() && state.word() != "unknown"
    });
    known.map(|((_, backup), _)| backup.clone()).collect()
}

impl BackupWatch {
    fn is_due(&self, key: &(ServiceName, BackupName), backup: &Backup, now: Timestamp) -> bool {
        let watched = lock(&self.0);
        watched.get(key).is_none_or(|one| one.backup != *backup || now.since(one.check.at) >= EVERY)
    }

    /// Judges what was seen, with what is remembered; what it is now, and in one word what it was.
    fn keep(
        &self,
        key: (ServiceName, BackupName),
        backup: Backup,
        seen: BackupSeen,
        now: Timestamp,
    ) -> (BackupCheck, Option<&'static str>) {
        let mut watched = lock(&self.0);
        // What was remembered of another file says nothing of this one.
        let before = watched.remove(&key).filter(|one| one.backup.source() == backup.source());
        let was = before.as_ref().map(|one| one.check.judgement.state.word());
        let (since, mut sizes) = before.map_or((now, Vec::new()), |one| (one.since, one.sizes));
        let seen = remembered(seen, &mut sizes);
        let check = BackupCheck { at: now, judgement: judge(&backup, &seen, now, now.since(since)) };
        watched.insert(key, Watched { backup, check: check.clone(), since, sizes });
        (check, was)
    }
}

/// What was seen, with the sizes that were seen before where no earlier files tell them.
fn remembered(seen: BackupSeen, sizes: &mut Vec<(Timestamp, u64)>) -> BackupSeen {
    let BackupSeen::Found(mut found) = seen else { return seen };
    let (taken, Some(size)) = (found.taken, found.size) else { return BackupSeen::Found(found) };
    if found.earlier.is_empty() {
        let earlier = sizes.iter().filter(|(at, _)| *at != taken).map(|(_, size)| *size).collect();
        found = BackupFound { earlier, ..found };
    }
    sizes.retain(|(at, _)| *at != taken);
    sizes.push((taken, size));
    sizes.drain(..sizes.len().saturating_sub(SIZES_MAX));
    BackupSeen::Found(found)
}

impl Agent {
    /// What the latest look at each backup showed.
    #[must_use]
    pub fn backup_checks(&self) -> BTreeMap<(ServiceName, BackupName), BackupCheck> {
        lock(&self.backups.0).iter().map(|(key, one)| (key.clone(), one.check.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_policies::backup::BackupContent;

    fn seen(day: u64, size: u64) -> BackupSeen {
        BackupSeen::Found(BackupFound {
            name: "dump.rdb".to_owned(),
            taken: Timestamp(day * 86_400_000),
            size: Some(size),
            earlier: Vec::new(),
            oldest: None,
            content: BackupContent::Sound,
        })
    }

    /// Goal: a file that is written over has a usual size too, by what was seen before, each state once; another file begins
    /// anew; and a look is due when its time has come or the policy has changed. Method: five days of one file.
    #[test]
    fn sizes_are_remembered() {
        let text = r#"{"redis_rdb": {"path": "/backups/dump.rdb"}, "fresh_within": "30d", "size_within_percent": 50}"#;
        let backup: Backup = serde_json::from_str(text).unwrap();
        let watch = BackupWatch::default();
        let key = || ("shop".parse().unwrap(), "cache".parse().unwrap());
        let now = |day: u64| Timestamp(day * 86_400_000 + 1);
        let word = |backup: &Backup, day: u64, size: u64| {
            watch.keep(key(), backup.clone(), seen(day, size), now(day)).0.judgement.state.word()
        };
        assert!(watch.is_due(&key(), &backup, now(1)));
        for day in [1, 1, 2, 2, 3] {
            assert_eq!(word(&backup, day, 100), "fresh");
        }
        assert_eq!(word(&backup, 4, 10), "odd_size");
        assert!(!watch.is_due(&key(), &backup, now(4)));
        assert!(watch.is_due(&key(), &backup, now(4).plus(EVERY)));
        let other: Backup = serde_json::from_str(&text.replace("dump.rdb", "other.rdb")).unwrap();
        assert!(watch.is_due(&key(), &other, now(4)));
        assert_eq!(word(&other, 5, 10), "fresh");
    }
}
