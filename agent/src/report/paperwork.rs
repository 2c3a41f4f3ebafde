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

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(state: &str, ended: &str) -> Execution {
        let price = |name: &str, normal, active| Price { name: name.to_owned(), normal, active };
        let of = vec![price("compute", 1_000, 3_000), price("database", 2_000, 3_460)];
        Execution {
            service: "shop".to_owned(),
            epoch: 2,
            from: "us-east-1".to_owned(),
            to: "us-west-2".to_owned(),
            state: state.to_owned(),
            ended_at: Some(ended.to_owned()),
            cost: Some(Cost { currency: "EUR".to_owned(), per_hours: 730, of }),
            ..Execution::default()
        }
    }

    fn told(execution: &Execution, returned: Option<&str>) -> (Option<u64>, Option<i128>, bool) {
        let cost = paperwork(execution, returned, "2026-11-24T00:00:00Z").cost.unwrap();
        (cost.active_ms, cost.more_hundredths, cost.goes_on)
    }

    /// Goal: the active time costs from the end of the move to the return, or until now; what moved nothing costs nothing. Method: 3,460 a
    /// month of 730 hours more, for two days and for ten hours; an aborted move; a plan that stays.
    #[test]
    fn the_active_time_is_paid_for() {
        let there = moved("succeeded", "2026-11-22T00:00:00Z");
        let (hour, day) = (3_600_000, 86_400_000);
        assert_eq!(told(&there, None), (Some(2 * day), Some(22_750), true));
        assert_eq!(told(&there, Some("2026-11-22T10:00:00Z")), (Some(10 * hour), Some(4_739), false));
        assert_eq!(told(&moved("aborted", "2026-11-22T00:00:00Z"), None), (None, None, false));
        let stays = Execution { to: "us-east-1".to_owned(), ..there };
        assert_eq!(told(&stays, None), (None, None, false));
    }

    /// Goal: the return is the first later move out of the region, of this service. Method: an earlier one, one of another service, one that was
    /// aborted, and two that returned.
    #[test]
    fn the_return_ends_the_active_time() {
        let there = moved("succeeded", "2026-11-22T00:00:00Z");
        let back = |epoch, state: &str, ended: &str| Execution {
            epoch,
            from: "us-west-2".to_owned(),
            to: "us-east-1".to_owned(),
            ..moved(state, ended)
        };
        let others = [
            back(1, "succeeded", "2026-11-21T00:00:00Z"),
            Execution { service: "blog".to_owned(), ..back(3, "succeeded", "2026-11-22T01:00:00Z") },
            back(3, "aborted", "2026-11-22T02:00:00Z"),
            back(6, "succeeded", "2026-11-22T06:00:00Z"),
            back(4, "succeeded", "2026-11-22T04:00:00Z"),
        ];
        assert_eq!(returned(&there, &others).as_deref(), Some("2026-11-22T04:00:00Z"));
        assert_eq!(returned(&there, &others[..3]), None);
    }
}
