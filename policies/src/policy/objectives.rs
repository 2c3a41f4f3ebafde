//! Recovery objectives: what a recovery must achieve, by kind of disaster and by environment. Which of them counts is said
//! here once; whether it was met is measured elsewhere.

use super::{Level, Policy};
use crate::{
    name::{EnvironmentName, PlanName},
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Recovery objectives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// Recovery time: from the first failed probe to serving again.
    pub rto: Millis,
    /// Data loss, as time.
    pub rpo: Millis,
    /// By kind of disaster, where they differ.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<Level, LevelObjective>,
    /// By environment, where they differ; the policy's `environment` says which one it is for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<EnvironmentName, Objective>,
}

/// What one recovery must achieve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Recovery time.
    pub rto: Millis,
    /// Data loss, as time.
    pub rpo: Millis,
}

/// What a recovery from one kind of disaster must achieve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelObjective {
    /// Recovery time.
    pub rto: Millis,
    /// Data loss, as time.
    pub rpo: Millis,
    /// What belongs to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

impl Default for Objectives {
    /// Four hours and one hour: the commonest figures of written recovery plans.
    fn default() -> Self {
        Self {
            rto: Millis::from_secs(4 * 3_600),
            rpo: Millis::from_secs(3_600),
            levels: BTreeMap::new(),
            environments: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// What a recovery from a scenario must achieve: its own word before its level's, that before the environment's, that
    /// before the service's.
    #[must_use]
    pub fn objective(&self, scenario: Option<&PlanName>) -> Objective {
        let all = &self.objectives;
        let scenario = scenario.and_then(|name| self.scenarios.get(name));
        let level = scenario.and_then(|scenario| all.levels.get(&scenario.level?));
        let environment = self.environment.as_ref().and_then(|name| all.environments.get(name));
        let wide = environment.copied().unwrap_or(Objective { rto: all.rto, rpo: all.rpo });
        Objective {
            rto: scenario
                .and_then(|scenario| scenario.rto)
                .or(level.map(|level| level.rto))
                .unwrap_or(wide.rto),
            rpo: scenario
                .and_then(|scenario| scenario.rpo)
                .or(level.map(|level| level.rpo))
                .unwrap_or(wide.rpo),
        }
    }
}
