//! What the log knows about one service.

use super::drill::DrillUnderWay;
use crate::command::ExecutionId;
use quorate_policies::{
    DrillName, Millis, Policy, RegionName, Timestamp,
    agreement::PolicyHash,
    drill::DrillRecord,
    guard::{Hold, ServiceFacts},
    policy::Role,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Starts that are remembered for the velocity cap; above any sensible `failovers_max`.
pub const STARTS_KEPT_MAX: usize = 100;

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// The policy in force.
    pub policy: Policy,
    /// Its hash, as the log has it.
    pub policy_hash: PolicyHash,
    /// How many policies this service has had.
    pub version: u64,
    /// The region that serves.
    pub active: RegionName,
    /// The epoch of the latest decision; grows by one with each.
    pub epoch: u64,
    /// Who may hold the write lease.
    pub lease: LeaseRecord,
    /// The longest lease that any policy of this service has allowed: what a new leader waits out.
    pub lease_ttl_max: Millis,
    /// Where `route53.signal` has sent traffic last, if it ever did.
    #[serde(default)]
    pub signal: Option<RegionName>,
    /// The pause, if there is one.
    pub hold: Option<Hold>,
    /// The running execution (R2).
    pub running: Option<ExecutionId>,
    /// When the last execution ended.
    pub last_ended: Option<Timestamp>,
    /// When the latest executions started.
    pub starts: VecDeque<Timestamp>,
    /// What is remembered of the policy's drills.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drills: BTreeMap<DrillName, DrillRecord>,
    /// The drill that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillUnderWay>,
}

/// The log's part of the write lease: who *may* be granted it. Renewals never enter the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lease")]
pub enum LeaseRecord {
    /// This region may hold it.
    Held {
        /// Which region.
        region: RegionName,
        /// The fencing token that goes with it.
        epoch: u64,
    },
    /// Nobody may be granted it until the old region's lease has certainly ended (R13).
    Releasing {
        /// Who may still hold it.
        from: RegionName,
        /// Who is next.
        to: RegionName,
        /// The next token.
        epoch: u64,
    },
}

impl LeaseRecord {
    /// The one region that may hold the lease now, or may hold it still.
    #[must_use]
    pub const fn holder(&self) -> &RegionName {
        match self {
            LeaseRecord::Held { region, .. } | LeaseRecord::Releasing { from: region, .. } => region,
        }
    }

    /// The token that goes with it, or that is next.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        match self {
            LeaseRecord::Held { epoch, .. } | LeaseRecord::Releasing { epoch, .. } => *epoch,
        }
    }
}

impl ServiceState {
    /// A service under its first policy; none if the policy names no primary region.
    #[must_use]
    pub fn new(policy: Policy, policy_hash: PolicyHash) -> Option<Self> {
        let (active, _) = policy.regions.iter().find(|(_, region)| region.role == Role::Primary)?;
        Some(Self {
            active: active.clone(),
            epoch: 1,
            lease: LeaseRecord::Held { region: active.clone(), epoch: 1 },
            policy_hash,
            lease_ttl_max: policy.lease.ttl,
            policy,
            version: 1,
            signal: None,
            hold: None,
            running: None,
            last_ended: None,
            starts: VecDeque::new(),
            drills: BTreeMap::new(),
            drill: None,
        })
    }

    /// The same service under another policy.
    #[must_use]
    pub fn with_policy(&self, policy: Policy, policy_hash: PolicyHash) -> Self {
        let lease_ttl_max = self.lease_ttl_max.max(policy.lease.ttl);
        Self { policy_hash, policy, version: self.version + 1, lease_ttl_max, ..self.clone() }
    }

    /// What the guards look at.
    #[must_use]
    pub fn facts(&self) -> ServiceFacts {
        ServiceFacts {
            active: self.active.clone(),
            hold: self.hold.clone(),
            running: self.running.clone(),
            last_ended: self.last_ended,
            in_place: None,
            starts: self.starts.iter().copied().collect(),
        }
    }

    /// Whether a region may be granted the lease at its current epoch.
    #[must_use]
    pub fn may_hold_lease(&self, region: &RegionName) -> Option<u64> {
        match &self.lease {
            LeaseRecord::Held { region: holder, epoch } if holder == region => Some(*epoch),
            LeaseRecord::Held { .. } | LeaseRecord::Releasing { .. } => None,
        }
    }
}
