//! Drills: what is rehearsed, how, how often, and when it may be. Whether one is due, and what keeps it from beginning, is said
//! in [`crate::drill`]; here is only what a policy writes.

use super::window::Window;
use crate::{
    name::{BackupName, InputName, PlanName},
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// What is shown by it, for whoever reads its report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How far it goes.
    pub mode: DrillMode,
    /// The scenario whose plan is rehearsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<PlanName>,
    /// The plan of an isolated drill, which names its throwaway targets itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanName>,
    /// The plan that clears away what an isolated drill has made. It runs whatever became of the drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<PlanName>,
    /// The plan of a live drill's way back; without it, the plan of the way there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<PlanName>,
    /// What an operator would say with the scenario, or the plan's texts take as `{input.name}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The backup that an isolated drill restores: then it is that backup's test restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<BackupName>,
    /// How long after one that succeeded the next is due, such as `90d`. Without it the drill is made when somebody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Millis>,
    /// Whether the agents begin it when it is due; a dry run they make, and record. Without it they only say that it is due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// How long a live drill stays in the other region before the way back.
    #[serde(default = "stay_for")]
    pub stay_for: Millis,
    /// The time zone of `windows` and `blocked`, by its IANA name.
    #[serde(default = "zone")]
    pub zone: String,
    /// When it may begin; always, where none is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// When it may not, whatever `windows` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Window>,
    /// What keeps it from beginning. A pause and an execution that runs always do.
    #[serde(default = "blocked_while")]
    pub blocked_while: BTreeSet<DrillCondition>,
    /// Who may hear of it.
    #[serde(default)]
    pub announce: Announce,
}

/// How far a drill goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrillMode {
    /// Everything is looked at, and nothing is changed.
    DryRun,
    /// A plan runs against throwaway targets beside the service.
    Isolated,
    /// The service is moved, stays, and is moved back.
    Live,
}

/// What keeps a drill from beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillCondition {
    /// A region of the service is not healthy by agreement.
    DegradedRegion,
    /// Something stands in the way of the plan, as the agent that leads found it.
    NotReady,
    /// A backup is not fresh, as the agent that leads sees it.
    StaleBackup,
}

/// Who may hear of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Announce {
    /// The team: never a public page.
    #[default]
    Internal,
    /// Everybody: its plan's status page steps run too.
    Public,
}

/// A quarter of an hour: long enough for the slowest of the usual health checks and caches to show what does not work there.
const fn stay_for() -> Millis {
    Millis::from_secs(900)
}

fn zone() -> String {
    "UTC".to_owned()
}

/// All of them: a rehearsal has time.
fn blocked_while() -> BTreeSet<DrillCondition> {
    [DrillCondition::DegradedRegion, DrillCondition::NotReady, DrillCondition::StaleBackup].into()
}

impl Drill {
    /// The plans that it names itself, and not by a scenario.
    #[must_use]
    pub fn plans(&self) -> Vec<&PlanName> {
        [&self.plan, &self.cleanup, &self.back].into_iter().flatten().collect()
    }

    /// Its inputs, for the texts of a plan that it names itself.
    #[must_use]
    pub fn plan_inputs(&self) -> BTreeMap<InputName, String> {
        let named = |(name, value): (&String, &String)| Some((name.parse().ok()?, value.clone()));
        self.inputs.iter().filter_map(named).collect()
    }
}

impl DrillMode {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DrillMode::DryRun => "dry-run",
            DrillMode::Isolated => "isolated",
            DrillMode::Live => "live",
        }
    }
}

impl fmt::Display for DrillMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
