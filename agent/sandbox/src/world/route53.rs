//! The calls of Route 53, and which rule answers each. The rules themselves are in `zone`.

use serde::Serialize;

use super::World;
use super::call::operations;
use super::refusal::Refusal;
use super::zone::change::ChangeBatch;
use super::zone::{ChangeInfo, Page};

/// One call of Route 53.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Route53Call {
    /// Reads record sets.
    ListResourceRecordSets {
        /// The hosted zone's id.
        zone: String,
        /// Name to start at.
        name: Option<String>,
        /// Type to start at.
        kind: Option<String>,
        /// Page size.
        max_items: Option<usize>,
    },
    /// Changes record sets.
    ChangeResourceRecordSets {
        /// The hosted zone's id.
        zone: String,
        /// The changes.
        batch: ChangeBatch,
    },
    /// Reads a change's progress.
    GetChange {
        /// The change's id, without `/change/`.
        id: String,
    },
}

operations!(Route53Call {
    Route53Call::ListResourceRecordSets { .. } => "ListResourceRecordSets",
    Route53Call::ChangeResourceRecordSets { .. } => "ChangeResourceRecordSets",
    Route53Call::GetChange { .. } => "GetChange",
});

/// What Route 53 answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Route53Reply {
    /// To `ListResourceRecordSets`.
    Records(Page),
    /// To `ChangeResourceRecordSets` and `GetChange`.
    Change {
        /// The change.
        info: ChangeInfo,
        /// Whether DNS answers by it.
        insync: bool,
    },
}

impl World {
    /// The reply to a call of Route 53, and whether the world changed.
    pub(super) fn call_route53(
        &mut self,
        call: &Route53Call,
        now_ms: u64,
    ) -> Result<(Route53Reply, bool), Refusal> {
        Ok(match call {
            Route53Call::ListResourceRecordSets { zone, name, kind, max_items } => {
                self.check_zone(zone)?;
                (Route53Reply::Records(self.zone.list(name.as_deref(), kind.as_deref(), *max_items)?), false)
            }
            Route53Call::ChangeResourceRecordSets { zone, batch } => {
                self.check_zone(zone)?;
                let (info, changed) = self.zone.change(batch, self.identifiers.change(), now_ms)?;
                (Route53Reply::Change { insync: info.insync_ms <= now_ms, info }, changed)
            }
            Route53Call::GetChange { id } => {
                let info = self.zone.change_info(id)?;
                (Route53Reply::Change { insync: info.insync_ms <= now_ms, info }, false)
            }
        })
    }

    fn check_zone(&self, id: &str) -> Result<(), Refusal> {
        let message = || Refusal::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
        (self.zone.id == id).then_some(()).ok_or_else(message)
    }
}
