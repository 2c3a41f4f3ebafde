//! The calls of Route 53, and which rule answers each. The rules themselves are in `zone` and `health`.

use serde::Serialize;

use super::World;
use super::call::operations;
use super::fault::Behaviour;
use super::health::{HealthCheck, HealthCheckConfig};
use super::refusal::Refusal;
use super::zone::change::{ChangeAction, ChangeBatch};
use super::zone::routing::Look;
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
        /// Set identifier to start at.
        identifier: Option<String>,
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
    /// Reads a zone.
    GetHostedZone {
        /// Its id.
        zone: String,
    },
    /// Reads all zones, of which there is one.
    ListHostedZones,
    /// Makes a health check.
    CreateHealthCheck {
        /// The caller's own mark of this call.
        reference: String,
        /// What it is made of.
        config: Box<HealthCheckConfig>,
    },
    /// Reads a health check.
    GetHealthCheck {
        /// Its id.
        id: String,
    },
    /// Reads what the checkers saw.
    GetHealthCheckStatus {
        /// The check's id.
        id: String,
    },
    /// Reads health checks.
    ListHealthChecks {
        /// Where the page begins.
        marker: Option<String>,
        /// Page size.
        max_items: Option<usize>,
    },
    /// Takes a health check away.
    DeleteHealthCheck {
        /// Its id.
        id: String,
    },
}

operations!(Route53Call {
    Route53Call::ListResourceRecordSets { .. } => "ListResourceRecordSets",
    Route53Call::ChangeResourceRecordSets { .. } => "ChangeResourceRecordSets",
    Route53Call::GetChange { .. } => "GetChange",
    Route53Call::GetHostedZone { .. } => "GetHostedZone",
    Route53Call::ListHostedZones => "ListHostedZones",
    Route53Call::CreateHealthCheck { .. } => "CreateHealthCheck",
    Route53Call::GetHealthCheck { .. } => "GetHealthCheck",
    Route53Call::GetHealthCheckStatus { .. } => "GetHealthCheckStatus",
    Route53Call::ListHealthChecks { .. } => "ListHealthChecks",
    Route53Call::DeleteHealthCheck { .. } => "DeleteHealthCheck",
});

/// A hosted zone as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneInfo {
    /// Its id.
    pub id: String,
    /// Its name, with the trailing dot.
    pub name: String,
    /// How many record sets it has.
    pub records: usize,
    /// Its name servers, without the trailing dot.
    pub name_servers: Vec<String>,
}

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
    /// To `GetHostedZone`.
    Zone(ZoneInfo),
    /// To `ListHostedZones`.
    Zones(Vec<ZoneInfo>),
    /// To `CreateHealthCheck` and `GetHealthCheck`.
    HealthCheck(Box<HealthCheck>),
    /// To `GetHealthCheckStatus`: words and moment, if there was a result.
    HealthCheckStatus(Option<(String, u64)>),
    /// To `ListHealthChecks`.
    HealthChecks {
        /// The checks.
        checks: Vec<HealthCheck>,
        /// Where the page began.
        marker: Option<String>,
        /// Where the next page begins.
        next: Option<String>,
        /// The page size that was asked for.
        max_items: Option<usize>,
    },
    /// To `DeleteHealthCheck`.
    Deleted,
}

impl World {
    /// The reply to a call of Route 53, and whether the world changed.
    pub(super) fn call_route53(
        &mut self,
        call: &Route53Call,
        now_ms: u64,
    ) -> Result<(Route53Reply, bool), Refusal> {
        let read = |reply| (reply, false);
        Ok(match call {
            Route53Call::ListResourceRecordSets { zone, name, kind, identifier, max_items } => {
                self.check_zone(zone)?;
                let (name, kind, identifier) = (name.as_deref(), kind.as_deref(), identifier.as_deref());
                read(Route53Reply::Records(self.zone.list(name, kind, identifier, *max_items)?))
            }
            Route53Call::ChangeResourceRecordSets { zone, batch } => {
                self.check_zone(zone)?;
                self.check_health_checks(batch)?;
                let (info, changed) = self.zone.change(batch, self.identifiers.change(), now_ms)?;
                (Route53Reply::Change { insync: info.insync_ms <= now_ms, info }, changed)
            }
            Route53Call::GetChange { id } => {
                let info = self.zone.change_info(id)?;
                read(Route53Reply::Change { insync: info.insync_ms <= now_ms, info })
            }
            Route53Call::GetHostedZone { zone } => {
                self.check_zone(zone)?;
                read(Route53Reply::Zone(self.zone.info()))
            }
            Route53Call::ListHostedZones => read(Route53Reply::Zones(vec![self.zone.info()])),
            Route53Call::CreateHealthCheck { reference, config } => {
                let id = self.identifiers.request();
                let (check, new) = self.health.create(reference, config, id, now_ms)?;
                (Route53Reply::HealthCheck(Box::new(check)), new)
            }
            Route53Call::GetHealthCheck { id } => {
                read(Route53Reply::HealthCheck(Box::new(self.health.get(id)?.clone())))
            }
            Route53Call::GetHealthCheckStatus { id } => {
                read(Route53Reply::HealthCheckStatus(self.health.get(id)?.last.clone()))
            }
            Route53Call::ListHealthChecks { marker, max_items } => {
                let (checks, next) = self.health.list(marker.as_deref(), *max_items);
                let (marker, max_items) = (marker.clone(), *max_items);
                read(Route53Reply::HealthChecks { checks, marker, next, max_items })
            }
            Route53Call::DeleteHealthCheck { id } => {
                self.health.delete(id)?;
                (Route53Reply::Deleted, true)
            }
        })
    }

    fn check_zone(&self, id: &str) -> Result<(), Refusal> {
        let message = || Refusal::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
        (self.zone.id == id).then_some(()).ok_or_else(message)
    }

    /// A set cannot depend on a check that does not exist; one that is deleted may.
    fn check_health_checks(&self, batch: &ChangeBatch) -> Result<(), Refusal> {
        let written = batch.changes.iter().filter(|change| change.action != ChangeAction::Delete);
        let mut named = written.filter_map(|change| change.set.routing.health_check.as_deref());
        named.try_for_each(|id| self.health.get(id).map(|_| ()))
    }

    /// What answers depend on besides the zone, at `now_ms`.
    pub(crate) fn look(&mut self, now_ms: u64) -> Look {
        use rand::RngExt;
        let dead = |region: &&String| {
            let refused = !matches!(
                self.behaviour(region, now_ms),
                Behaviour::Serve | Behaviour::Slow(_) | Behaviour::Lie
            );
            refused || self.fleet.running(region) == 0
        };
        let dead_balancers = self.faults.keys().filter(dead).cloned().collect();
        Look { checks: self.health.statuses(), dead_balancers, draw: self.dns_draw.random() }
    }
}
