//! What stands in the cloud, and how calls change it. Pure, but for the simulated time in which a promotion ends.

use crate::simulation::{EAST, WEST, now};
use quorate_policies::{
    effect::{EffectContext, Observed},
    plan::{Action, action::Route53Repoint},
};
use std::{collections::BTreeMap, time::Duration};

/// Tasks of a standby region: it answers probes, and no more.
const STANDBY_TASKS: u32 = 1;
/// Tasks of the primary region.
const PRIMARY_TASKS: u32 = 4;

/// One region.
#[derive(Debug)]
pub(super) struct RegionWorld {
    pub(super) dead: bool,
    tasks: u32,
}

/// One database.
#[derive(Debug, PartialEq, Eq)]
enum Database {
    Primary,
    Replica,
    /// Becomes writable at this moment.
    Promoting(Duration),
}

/// The DNS record, with the epoch of the failover that set it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) targets: Vec<String>,
    pub(super) epoch: u64,
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    regions: BTreeMap<String, RegionWorld>,
    databases: BTreeMap<String, Database>,
    pub(super) record: Record,
}

/// What became of a request.
pub(super) enum Change {
    /// It is done, or on its way.
    Applied { meaning: String, promotes_in: Option<String> },
    /// Nothing was changed.
    Refused { reason: String, retryable: bool },
}

impl World {
    pub(super) fn new() -> Self {
        let region = |tasks| RegionWorld { dead: false, tasks };
        Self {
            regions: [(EAST, PRIMARY_TASKS), (WEST, STANDBY_TASKS)]
                .map(|(name, tasks)| (name.to_owned(), region(tasks)))
                .into(),
            databases: [(EAST, Database::Primary), (WEST, Database::Replica)]
                .map(|(region, database)| (format!("shop-{region}"), database))
                .into(),
            record: Record { targets: vec![format!("{EAST}.elb.example.com")], epoch: 1 },
        }
    }

    pub(super) fn region(&mut self, name: &str) -> &mut RegionWorld {
        self.regions.get_mut(name).unwrap()
    }

    pub(super) fn rebuild(&mut self, region: &str) {
        *self.region(region) = RegionWorld { dead: false, tasks: STANDBY_TASKS };
        self.databases.insert(format!("shop-{region}"), Database::Replica);
    }

    pub(super) fn serves(&self, region: &str) -> bool {
        self.regions.get(region).is_some_and(|region| !region.dead && region.tasks > 0)
    }

    /// Whether clients that ask DNS reach a region that can write.
    fn serves_publicly(&self) -> bool {
        self.record.targets.iter().any(|target| {
            self.regions.keys().any(|region| {
                target.starts_with(region.as_str())
                    && self.serves(region)
                    && self.databases.get(&format!("shop-{region}")).is_some_and(Database::writable)
            })
        })
    }

    pub(super) fn observe(&self, action: &Action, context: &EffectContext) -> Observed {
        let done = |detail: String| Observed::Done { detail };
        let not_done = Observed::not_done;
        match action {
            Action::RdsPromoteReadReplica(promote) => match self.databases.get(&promote.instance) {
                None => Observed::Impossible { reason: format!("{} does not exist", promote.instance) },
                Some(Database::Replica) => not_done(format!("{} is a replica", promote.instance)),
                Some(database) if database.writable() => done(format!("{} is writable", promote.instance)),
                Some(_) => Observed::InProgress { detail: format!("{} is promoted", promote.instance) },
            },
            Action::EcsScale(scale) => match self.regions.get(&scale.region) {
                Some(region) if Some(region.tasks) == scale.desired => {
                    done(format!("{} tasks", region.tasks))
                }
                Some(region) => not_done(format!("{} tasks", region.tasks)),
                None => Observed::Impossible { reason: format!("no region {}", scale.region) },
            },
            Action::Route53Repoint(repoint) => {
                let wanted = wanted(repoint);
                if self.record.epoch > context.epoch {
                    let reason = format!("the record belongs to epoch {}", self.record.epoch);
                    Observed::Impossible { reason }
                } else if self.record.epoch == context.epoch && self.record.targets == wanted {
                    done(format!("it points at {wanted:?}"))
                } else {
                    not_done(format!("it points at {:?}", self.record.targets))
                }
            }
            Action::VerifyProbes(_) if self.serves_publicly() => done("it answers".to_owned()),
            Action::VerifyProbes(_) => Observed::InProgress { detail: "it does not answer yet".to_owned() },
            Action::StatuspageIncident(_) => done("nobody looks".to_owned()),
            other => Observed::Impossible { reason: format!("this world has no {}", other.kind()) },
        }
    }

    /// One request that is no repoint. A promotion will be done at `promoted_at`.
    pub(super) fn change(&mut self, action: &Action, promoted_at: Duration) -> Change {
        let refused = |reason: &str| Change::Refused { reason: reason.to_owned(), retryable: false };
        match action {
            Action::RdsPromoteReadReplica(promote) => {
                let Some(database) = self.databases.get_mut(&promote.instance) else {
                    return refused("DBInstanceNotFound");
                };
                // Like the real one: what is being promoted, or was, is in the wrong state for it.
                if *database != Database::Replica {
                    return Change::Refused { reason: "InvalidDBInstanceState".to_owned(), retryable: true };
                }
                *database = Database::Promoting(promoted_at);
                Change::Applied {
                    meaning: format!("promote {}", promote.instance),
                    promotes_in: Some(promote.region.clone()),
                }
            }
            Action::EcsScale(scale) => {
                let Some(region) = self.regions.get_mut(&scale.region) else {
                    return refused("ServiceNotFound");
                };
                region.tasks = scale.desired.unwrap_or_default();
                let meaning = format!("scale {} to {}", scale.region, region.tasks);
                Change::Applied { meaning, promotes_in: None }
            }
            _ => refused("there is no such request"),
        }
    }

    /// One atomic batch: the record moves if its epoch is still the one that was read.
    pub(super) fn repoint(&mut self, repoint: &Route53Repoint, expected: u64, epoch: u64) -> Change {
        if self.record.epoch != expected {
            return Change::Refused { reason: "InvalidChangeBatch".to_owned(), retryable: true };
        }
        self.record = Record { targets: wanted(repoint), epoch };
        let meaning = format!("point {} at {:?}", repoint.record, self.record.targets);
        Change::Applied { meaning, promotes_in: None }
    }
}

impl Database {
    fn writable(&self) -> bool {
        match self {
            Self::Primary => true,
            Self::Replica => false,
            Self::Promoting(until) => now() >= *until,
        }
    }
}

fn wanted(repoint: &Route53Repoint) -> Vec<String> {
    repoint.alias.iter().chain(&repoint.values).cloned().collect()
}
