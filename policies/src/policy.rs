//! A policy: one service, its regions, what is probed, who must agree, what forbids acting, and the plans.
//! These are the checked values that every rule takes; `document` reads them from YAML. All defaults are the safe
//! ones and stand here.

mod backup;
mod communication;
mod drill;
mod expect;
mod failback;
mod objectives;
mod paperwork;
mod probe;
mod scenario;
mod step;
mod timing;
mod votes;
pub mod window;
mod written;

pub use backup::{Backup, BackupPath, BackupSource, RdsAutomated, S3Objects};
pub use communication::{
    Alertmanager, Audience, Channel, ChannelKind, ChannelWebhook, Communication, Contact, EscalationLevel,
    Moment, PagerDuty, Slack, Smtp, StatusPage, Tell, Template, VARIABLES, builtin,
};
pub use drill::{Announce, Drill, DrillCondition, DrillMode};
pub use expect::{Expect, StatusRanges};
pub use failback::Failback;
pub use objectives::{LevelObjective, Objective, Objectives};
pub use paperwork::{Checklist, Control, Cost, CostPer, Item, Paperwork, Phase, Price, Shown};
pub use probe::{HttpProbe, Looks, PostgresProbe, Probe};
pub use scenario::{Input, InputError, InputKind, Level, Mode, Scenario, Severity, When, WhenState};
pub use step::{Near, OnError, StepTemplate};
pub use timing::Timing;
pub use votes::Votes;

use crate::{
    name::{
        BackupName, CheckName, ComponentName, DrillName, EnvironmentName, PlanName, RegionName, ServiceName,
        StepName,
    },
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One service's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The service that is failed over as a whole.
    pub service: ServiceName,
    /// What a recovery must achieve; every failover is measured against it.
    #[serde(default)]
    pub objectives: Objectives,
    /// Which environment this policy is for, such as `production`; it chooses among `objectives.environments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// How far apart the agents are, by which every length is judged: their own files must say the same.
    #[serde(default, skip_serializing_if = "Timing::is_wan")]
    pub timing: Timing,
    /// The regions in which the service runs.
    pub regions: BTreeMap<RegionName, Region>,
    /// The service's parts.
    #[serde(default)]
    pub components: BTreeMap<ComponentName, Component>,
    /// What is probed, in every region.
    pub probes: BTreeMap<CheckName, Probe>,
    /// What a restore would be made of, and how fresh it must be. Agents look at it all the time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backups: BTreeMap<BackupName, Backup>,
    /// When the agents agree that a region is down.
    #[serde(default)]
    pub agreement: AgreementRules,
    /// What forbids acting.
    #[serde(default)]
    pub guards: Guards,
    /// The write lease.
    #[serde(default)]
    pub lease: LeaseRules,
    /// What is run when.
    pub scenarios: BTreeMap<PlanName, Scenario>,
    /// The recovery plans.
    pub plans: BTreeMap<PlanName, PlanTemplate>,
    /// Who is told.
    #[serde(default)]
    pub communication: Communication,
    /// Who sees to what, before, during and after a recovery.
    #[serde(default, skip_serializing_if = "Checklist::is_empty")]
    pub checklist: Checklist,
    /// What the service costs, normally and while the other region is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// For which controls of which standards a report is evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Control>,
    /// Allows automatic mode below three voters in three regions. For development only (R12).
    #[serde(default)]
    pub unsafe_topology: bool,
    /// What is rehearsed, how, and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drills: BTreeMap<DrillName, Drill>,
    /// The guided way home after a failover. Nothing starts it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failback: Option<Failback>,
}

impl Policy {
    /// What is kept with an execution of a scenario.
    #[must_use]
    pub fn paperwork(&self, scenario: Option<&PlanName>) -> Paperwork {
        Paperwork {
            checklist: self.checklist.of(scenario),
            cost: self.cost.clone(),
            evidence: self.evidence.clone(),
        }
    }

    /// The variables of a probe's texts in one region: `{service}`, `{region}` and the region's own.
    /// `{region}` is always the name, whatever the region's own variables are called.
    #[must_use]
    pub fn probe_variables(&self, region: &RegionName) -> BTreeMap<String, String> {
        let own = self.regions.get(region).map(|region| region.vars.clone()).unwrap_or_default();
        let fixed =
            [("service".to_owned(), self.service.to_string()), ("region".to_owned(), region.to_string())];
        own.into_iter().chain(fixed).collect()
    }
}

/// A region of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// What the region is for when all is well.
    pub role: Role,
    /// Whether nothing runs in a standby until a plan builds it. Then nobody asks whether it is healthy before, so that it is never
    /// activated without a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cold: bool,
    /// Values for `{from.name}`, `{to.name}` and, in probes, `{name}`.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
}

/// What a region is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves traffic at first.
    Primary,
    /// Can take over.
    Standby,
}

/// A part of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// A critical component that is down takes its region down; another one does not.
    #[serde(default)]
    pub priority: Priority,
    /// Components that must work before this one can.
    #[serde(default)]
    pub needs: Vec<ComponentName>,
    /// The component's own recovery time, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Millis>,
    /// The component's own data loss, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Millis>,
}

/// How much the service needs a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// The service is down without it.
    #[default]
    Critical,
    /// The service is worse without it.
    High,
    /// Nobody notices at once.
    Low,
}

/// When the agents agree. Agreement detects; it does not authorize.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgreementRules {
    /// How many of the configured agents must say down: `majority` or a number.
    pub votes: Votes,
    /// From how many regions other than the one that is down (R6). Two means that both agents outside must see
    /// it; with three agents, one lost agent outside then forbids automation.
    pub min_vantages: u32,
    /// How many fresh votes for healthy are tolerated. Zero: any healthy observer vetoes (R9).
    pub dissent_max: u32,
    /// How long the agreement must hold before anything is done (R20). After a plan that worked on the service where it is,
    /// it counts from the plan's end: what it took down to restore it is no reason to leave. While every region is down it does
    /// not count (R10): where one cause took them all, they come back one after another.
    pub dwell: Millis,
    /// A report older than this counts for nothing (R6).
    pub freshness: Millis,
}

impl Default for AgreementRules {
    fn default() -> Self {
        Self {
            votes: Votes::Majority,
            min_vantages: 2,
            dissent_max: 0,
            // R20: above the 43 s partition of October 2018 that promoted across a continent.
            dwell: Millis::from_secs(60),
            // Reports come every second; two may be lost.
            freshness: Millis::from_secs(3),
        }
    }
}

/// What forbids acting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Least time between the end of one failover and the start of the next (R19).
    pub cooldown: Millis,
    /// Most failovers within `velocity_window` (R19).
    pub failovers_max: u32,
    /// The window of `failovers_max`.
    pub velocity_window: Millis,
    /// Most changes of the region's state within `flap_window`; more is flapping and blocks automation.
    pub flaps_max: u32,
    /// The window of `flaps_max`.
    pub flap_window: Millis,
    /// How far a replica may be behind when it is promoted (R16). An unknown lag refuses as well.
    pub max_replica_lag: Millis,
    /// How many bytes of its primary's log a PostgreSQL standby may lack when it is promoted (R16); then an unknown number
    /// refuses as well. Without it there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replica_lag_bytes: Option<u64>,
    /// Whether automation waits for an operator where the plan was known not to go through before the failure (R21).
    pub require_ready: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            cooldown: Millis::from_secs(3_600),
            failovers_max: 2,
            velocity_window: Millis::from_secs(24 * 3_600),
            // A region that goes down, up, down, up, down within five minutes is overloaded, not dead (F17).
            flaps_max: 4,
            flap_window: Millis::from_secs(300),
            // A healthy replica is behind by seconds; half a minute of lost writes is somebody's decision.
            max_replica_lag: Millis::from_secs(30),
            // How much a second of writes is in bytes differs from one database to the next.
            max_replica_lag_bytes: None,
            // Half a failover is worse than none that somebody is told of.
            require_ready: true,
        }
    }
}

/// The write lease: one holder per service, renewed only with quorum contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeaseRules {
    /// How long one renewal lasts. Renewed every fifth of it.
    pub ttl: Millis,
    /// How much longer than `ttl` the others wait, for clocks that run at unequal speed.
    pub drift: Millis,
}

impl Default for LeaseRules {
    fn default() -> Self {
        // Three renewals fit, and a leader election of the wan profile (at most 3 s) costs no holder its lease.
        Self { ttl: Millis::from_secs(6), drift: Millis(300) }
    }
}

/// A plan as the policy writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanTemplate {
    /// Whether the service moves to another region. A plan that does not runs where the service is: `{from}` and `{to}` are
    /// both the active region, and the write lease stays where it is.
    #[serde(default = "moves_default", skip_serializing_if = "is_true")]
    pub moves: bool,
    /// Whether the traffic moves before the promotion. Until that is done writes meet a replica that refuses them; so only a plan
    /// that people begin may do it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub traffic_first: bool,
    /// The steps; they run in parallel unless `needs` orders them.
    #[serde(default)]
    pub steps: BTreeMap<StepName, StepTemplate>,
    /// Other plans whose steps are steps of this one; each is needed, and needs, like a step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sub_plans: BTreeMap<StepName, SubPlan>,
}

/// A plan in a plan. Its steps are called by its name and their own, such as `cache.restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubPlan {
    /// Which plan.
    pub run: PlanName,
    /// Steps and sub-plans that must have ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StepName>,
    /// Values that variables must have; else the plan runs without it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, String>,
}

/// Most recovery plans that agents start move the service.
const fn moves_default() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
const fn is_true(moves: &bool) -> bool {
    *moves
}

/// A signed webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// A name for logs and metrics; the URL appears in neither.
    pub name: String,
    /// Where events are posted. The agent's own file may override it by name.
    pub url: String,
}
