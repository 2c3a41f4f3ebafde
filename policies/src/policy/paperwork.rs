//! What a recovery plan asks of people and accounts, as data: who sees to what and when, what it costs while the other region is
//! active, and which control of which standard a report is shown for. Nothing here moves anything or holds anything up.

use crate::name::{ComponentName, ItemName, PlanName, StepName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What is kept with an execution, as the policy said it when that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Paperwork {
    /// Who sees to what.
    #[serde(skip_serializing_if = "Checklist::is_empty")]
    pub checklist: Checklist,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// For which controls it is evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Control>,
}

impl Paperwork {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who sees to what, in the order of a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checklist {
    /// Before anything is begun.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<ItemName, Item>,
    /// While the plan runs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub during: BTreeMap<ItemName, Item>,
    /// When it has ended.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<ItemName, Item>,
    /// Until everything is as it was before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub recovery: BTreeMap<ItemName, Item>,
}

/// One thing to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What is to be seen to.
    pub what: String,
    /// Whose task it is: a role, not a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The step that does it, or that looks whether it is so, such as a `verify.sql`: it is ticked when that has succeeded. Without
    /// one a person ticks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// The scenarios in which it counts; without any, in all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<PlanName>,
}

/// A part of a checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before anything is begun.
    Before,
    /// While the plan runs.
    During,
    /// When it has ended.
    After,
    /// Until everything is as it was before.
    Recovery,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Before => "before",
            Phase::During => "during",
            Phase::After => "after",
            Phase::Recovery => "recovery",
        })
    }
}

impl Checklist {
    /// Whether nothing is to be seen to.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items().next().is_none()
    }

    /// Every item, in the order of a recovery.
    pub fn items(&self) -> impl Iterator<Item = (Phase, &ItemName, &Item)> {
        let phases = [
            (Phase::Before, &self.before),
            (Phase::During, &self.during),
            (Phase::After, &self.after),
            (Phase::Recovery, &self.recovery),
        ];
        phases
            .into_iter()
            .flat_map(|(phase, items)| items.iter().map(move |(name, item)| (phase, name, item)))
    }

    /// The checklist of one scenario; without a scenario, of the loss of the primary region.
    #[must_use]
    pub fn of(&self, scenario: Option<&PlanName>) -> Self {
        let counts = |item: &Item| {
            item.scenarios.is_empty() || scenario.is_some_and(|name| item.scenarios.contains(name))
        };
        let of = |items: &BTreeMap<ItemName, Item>| {
            let items = items.iter().filter(|(_, item)| counts(item));
            items.map(|(name, item)| (name.clone(), item.clone())).collect()
        };
        Self {
            before: of(&self.before),
            during: of(&self.during),
            after: of(&self.after),
            recovery: of(&self.recovery),
        }
    }
}

/// What the service costs in whole units of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The currency, such as `USD`.
    pub currency: String,
    /// What each figure is for.
    #[serde(default)]
    pub per: CostPer,
    /// By component, or by whatever else is billed.
    pub of: BTreeMap<ComponentName, Price>,
}

/// The time for which a figure is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostPer {
    /// An hour.
    Hour,
    /// A month of 730 hours, as cloud providers count it.
    #[default]
    Month,
}

impl CostPer {
    /// How many hours that are.
    #[must_use]
    pub const fn hours(self) -> u64 {
        match self {
            CostPer::Hour => 1,
            CostPer::Month => 730,
        }
    }
}

/// What one thing costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// While all is well.
    pub normal: u64,
    /// While the other region is active.
    pub active: u64,
}

/// A control of a standard, and where a report shows that it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The standard, such as `SOC 2`.
    pub standard: String,
    /// The control, by the standard's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// What it asks for.
    pub requires: String,
    /// Where that is shown.
    pub shown_by: Vec<Shown>,
}

/// A part of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// What happened when.
    Timeline,
    /// Why it was decided, by whom, on which evidence.
    Decision,
    /// What was done, and what became of it.
    Steps,
    /// Recovery time and data loss beside the objectives.
    Objectives,
    /// Who saw to what.
    Checklist,
    /// Who was told what when.
    Communications,
    /// The entries of the audit, and the proof that nobody changed them.
    Audit,
}
