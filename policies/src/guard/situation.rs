//! All that the guards look at: what the log knows, what the agents see, and who wants to act. No question is asked here.

use super::Refusal;
use crate::{
    agreement::Evidence,
    name::{AgentName, PlanName, RegionName},
    plan::Manner,
    policy::{Mode, Policy, Role, Scenario},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A replicated, expiring pause (R26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was set.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Hold {
    /// Whether it still holds.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What the log knows about a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// The region that serves.
    pub active: RegionName,
    /// The pause, if there is one.
    pub hold: Option<Hold>,
    /// The running execution's id, if there is one (R2).
    pub running: Option<String>,
    /// When the last execution ended (R3: the cool-down starts at completion).
    pub last_ended: Option<Timestamp>,
    /// The last execution that worked on the service where it is: what was down then may have been its doing.
    pub in_place: Option<Ended>,
    /// When recent executions started, oldest first.
    pub starts: Vec<Timestamp>,
}

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its id.
    pub execution: String,
    /// When.
    pub at: Timestamp,
}

/// Who wants to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "trigger")]
pub enum Trigger {
    /// The agents.
    Automatic,
    /// An operator. Passes what keeps automation from being wrong or too quick: mode, voters, hold, agreement,
    /// flapping, dwell, cool-down, velocity cap (R19) and findings about the plan (R21). Never passes an unusable region, a running execution (R2)
    /// or a standby that is not healthy (R21); the lag gate only where he says so.
    Operator {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Whether an unknown or too high replica lag is accepted, for this one command (R16).
        #[serde(default)]
        accept_data_loss: bool,
        /// Whether the old region is given up from the first step on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ungraceful: bool,
    },
}

impl Trigger {
    /// How a plan begins: gracefully where a person is there and does not say otherwise. What the agents begin is a loss.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        match self {
            Trigger::Operator { ungraceful: false, .. } => Manner::Graceful,
            Trigger::Operator { ungraceful: true, .. } | Trigger::Automatic => Manner::Ungraceful,
        }
    }
}

/// All that the guards look at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The configured agents and their regions.
    pub members: &'a BTreeMap<AgentName, RegionName>,
    /// What the log knows.
    pub facts: &'a ServiceFacts,
    /// What the agents see.
    pub evidence: &'a Evidence,
    /// The log's clock.
    pub now: Timestamp,
    /// The plan that would run; without one, that of the primary region's loss.
    pub plan: Option<&'a PlanName>,
}

/// One guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The guard's name.
    pub guard: String,
    /// Why it refuses, if it does.
    pub refusal: Option<Refusal>,
}

/// The plan that the policy runs when the active region is down, and in which mode.
#[must_use]
pub fn scenario(policy: &Policy) -> Option<(&PlanName, Mode)> {
    region_lost(policy).map(|scenario| (&scenario.run, scenario.mode))
}

/// The scenario of the primary region's loss.
pub(super) fn region_lost(policy: &Policy) -> Option<&Scenario> {
    let detects = |s: &&Scenario| s.when.as_ref().is_some_and(|when| when.region == Some(Role::Primary));
    policy.scenarios.values().find(detects)
}
