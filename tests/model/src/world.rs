//! What the effects change: the old region's tasks, the standby's database, and one DNS record with its mark beside it.
//! Pure.

use super::shop::{EAST, TASKS, WEST};
use quorate_policies::{
    Millis,
    effect::Observed,
    plan::{Action, Before, Lag, before::RecordBefore},
};

/// The standby's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Database {
    Replica,
    Promoting,
    Primary,
}

/// What stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// Tasks that the old region shall run.
    pub(super) tasks: u32,
    pub(super) database: Database,
    /// Whether the record points at the old region; else at the new one.
    pub(super) east: bool,
    /// The epoch and the attempt that set it.
    pub(super) mark: (u8, u8),
}

/// What became of a call that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landed {
    Applied,
    /// Not applied, and may be sent again.
    Busy,
    /// Not applied: somebody with a later epoch was there.
    Denied,
    /// Not applied, and the answer does not tell whether an earlier call was.
    Unsure,
}

impl World {
    pub(super) const fn new() -> Self {
        Self { tasks: TASKS, database: Database::Replica, east: true, mark: (1, 1) }
    }

    /// `promotes` tells whether the service has a database that must be writable.
    pub(super) fn observe(&self, action: &Action, epoch: u8, promotes: bool) -> Observed {
        let not_done = |before| Observed::NotDone { detail: "not done".to_owned(), part: 0, before };
        let done = || Observed::Done { detail: "it stands".to_owned() };
        let at_work = || Observed::InProgress { detail: "under way".to_owned() };
        match action {
            Action::EcsScale(scale) if scale.desired == Some(self.tasks) => done(),
            Action::EcsScale(scale) => not_done(Some(Before::Scaled {
                wanted: scale.desired.unwrap_or_default(),
                because: "the plan says so".to_owned(),
                desired: self.tasks,
                scaling: None,
            })),
            Action::RdsPromoteReadReplica(_) => match self.database {
                Database::Primary => done(),
                Database::Promoting => at_work(),
                Database::Replica => not_done(Some(Before::Promoted {
                    source: "shop-east".to_owned(),
                    lag: Lag::Known {
                        behind: Millis(1_000),
                        age: Millis(0),
                        by: "the replica".to_owned(),
                        confirmed: false,
                    },
                })),
            },
            Action::Route53Repoint(repoint) => {
                if self.mark.0 > epoch {
                    Observed::Impossible { reason: "the record belongs to a later epoch".to_owned() }
                } else if self.mark.0 == epoch && self.east == points_east(repoint.alias.as_deref()) {
                    done()
                } else {
                    let at = if self.east { EAST } else { WEST };
                    let name = format!("{}.elb.example.com", if at == EAST { "east" } else { "west" });
                    let answer = RecordBefore::Alias { name, zone: "Z2".to_owned() };
                    not_done(Some(Before::Repointed { answer }))
                }
            }
            Action::VerifyProbes(_) if !self.east && (!promotes || self.database == Database::Primary) => {
                done()
            }
            Action::VerifyProbes(_) => at_work(),
            other => panic!("this world has no {}", other.kind()),
        }
    }

    /// Carries out a call that read `read` before. `fenced` is how DNS is.
    pub(super) fn change(&mut self, action: &Action, read: (u8, u8), by: (u8, u8), fenced: bool) -> Landed {
        match action {
            Action::EcsScale(scale) => self.tasks = scale.desired.unwrap_or_default(),
            // What is being promoted, or was, is in the wrong state for it: the call says that it cannot tell.
            Action::RdsPromoteReadReplica(_) if self.database != Database::Replica => {
                return Landed::Unsure;
            }
            Action::RdsPromoteReadReplica(_) => self.database = Database::Promoting,
            Action::Route53Repoint(_) if fenced && read.0 > by.0 => return Landed::Denied,
            Action::Route53Repoint(_) if fenced && read != self.mark => return Landed::Busy,
            Action::Route53Repoint(repoint) => {
                self.east = points_east(repoint.alias.as_deref());
                self.mark = by;
            }
            other => panic!("this world has no {}", other.kind()),
        }
        Landed::Applied
    }
}

/// A record that points nowhere would be an empty answer (R23): the plan's own action must name one of the two.
fn points_east(alias: Option<&str>) -> bool {
    match alias {
        Some("east.elb.example.com") => true,
        Some("west.elb.example.com") => false,
        other => panic!("R23: the record would point at {other:?}"),
    }
}
