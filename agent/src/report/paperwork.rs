//! What people have seen to, what the time in the other region costs, and for which controls the report is evidence. As values;
//! nothing here is measured a second time.

use crate::record::part::between;
use quorate_api::{
    Execution,
    execution::{ChecklistItem, Control, Cost, Price},
};
use serde::Serialize;

/// Milliseconds of an hour.
const HOUR: u128 = 3_600_000;

/// What a policy asks of people and accounts, for one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paperwork {
    /// Who has seen to what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<ChecklistItem>,
    /// What the active time costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<ActiveCost>,
    /// For which controls this is evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
}

/// What the time in the other region costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActiveCost {
    /// The currency.
    pub currency: String,
    /// For how many hours each price is paid.
    pub per_hours: u64,
    /// What is paid for.
    pub of: Vec<Price>,
    /// How long the other region was active, in milliseconds; none if the execution did not move the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_ms: Option<u64>,
    /// Whether it still was when the report was made.
    pub goes_on: bool,
    /// What that cost more than normal, in hundredths of the currency's unit; below zero where it costs less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_hundredths: Option<i128>,
}

/// What an execution and the return after it tell, at a moment.
#[must_use]
pub fn paperwork(execution: &Execution, returned: Option<&str>, at: &str) -> Paperwork {
    Paperwork {
        checklist: execution.checklist.clone(),
        cost: execution.cost.as_ref().map(|cost| active(execution, cost, returned, at)),
        controls: execution.controls.clone(),
    }
}

fn active(execution: &Execution, cost: &Cost, returned: Option<&str>, at: &str) -> ActiveCost {
    let moved = execution.state == "succeeded" && execution.from != execution.to;
    let since = execution.ended_at.as_deref().filter(|_| moved);
    let active_ms = since.and_then(|since| between(since, returned.unwrap_or(at)));
    let sum = |of: &dyn Fn(&Price) -> u64| cost.of.iter().map(|price| i128::from(of(price))).sum::<i128>();
    let more = sum(&|price| price.active) - sum(&|price| price.normal);
    let hundredths = |ms: u64| {
        let paid_for = i128::try_from(HOUR * u128::from(cost.per_hours.max(1))).unwrap_or(i128::MAX);
        more.saturating_mul(100).saturating_mul(i128::from(ms)) / paid_for
    };
    ActiveCost {
        currency: cost.currency.clone(),
        per_hours: cost.per_hours,
        of: cost.of.clone(),
        active_ms,
        goes_on: active_ms.is_some() && returned.is_none(),
        more_hundredths: active_ms.map(hundredths),
    }
}

/// When a service was moved back after an execution: by the first later one that succeeded and went the other way.
#[must_use]
pub fn returned(execution: &Execution, others: &[Execution]) -> Option<String> {
    let back = |other: &&Execution| {
        other.service == execution.service
            && other.epoch > execution.epoch
            && other.state == "succeeded"
            && other.from == execution.to
            && other.to != execution.to
    };
    others.iter().filter(back).min_by_key(|other| other.epoch)?.ended_at.clone()
}
