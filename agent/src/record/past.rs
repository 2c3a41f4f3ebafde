//! Executions as the audit tells them, and as an agent remembers them: the audit goes back further, an agent knows what was
//! measured. What neither knows stays unknown; nothing here is made up from the two.

use super::part::between;
use crate::report::measured::measured;
use quorate_api::{AuditEntry, Execution};
use quorate_policies::Timestamp;
use std::collections::BTreeMap;

/// One execution in the past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// Service and epoch.
    pub id: String,
    /// Which service.
    pub service: String,
    /// Region that was left; empty when only its later entries are known.
    pub from: String,
    /// Region that was activated.
    pub to: String,
    /// `automatic`, or the operator.
    pub trigger: String,
    /// Why, where an operator started it.
    pub reason: String,
    /// When it was decided, RFC 3339.
    pub decided_at: Option<String>,
    /// When it ended, or stopped, as far as is known, RFC 3339.
    pub ended_at: Option<String>,
    /// `succeeded`, `aborted`, `stopped`, or what it is doing.
    pub state: String,
    /// Its end as a sentence.
    pub outcome: String,
    /// The audit entry of its end.
    pub ended_in: Option<u64>,
    /// How long the recovery took, from the first failed probe, in milliseconds.
    pub rto_ms: Option<u64>,
    /// What it may take.
    pub rto_objective_ms: Option<u64>,
    /// What each promotion may have lost, in milliseconds; unknown is not zero.
    pub losses: Vec<Option<u64>>,
    /// How much may be lost.
    pub rpo_objective_ms: Option<u64>,
    /// The drill of which it is a part.
    pub drill: Option<String>,
    /// The promotions that the audit tells of, by step.
    promotions: BTreeMap<String, Promotion>,
}

/// A promotion, as far as the audit tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Promotion {
    noted: bool,
    behind_ms: Option<u64>,
    started: u32,
    failed: u32,
}

impl Promotion {
    /// Whether it happened, or may have: one of its attempts did not certainly fail.
    const fn may_stand(&self) -> bool {
        self.noted && self.started > self.failed
    }
}

impl Past {
    fn promotion(&mut self, step: String) -> &mut Promotion {
        self.promotions.entry(step).or_default()
    }

    /// How long it took from the decision to its end, in milliseconds.
    #[must_use]
    pub fn took_ms(&self) -> Option<u64> {
        between(self.decided_at.as_deref()?, self.ended_at.as_deref()?)
    }

    /// The greatest window of loss that was measured; none without a promotion, or when one was not measured.
    #[must_use]
    pub fn rpo_ms(&self) -> Option<u64> {
        self.losses.iter().copied().max().flatten().filter(|_| self.losses.iter().all(Option::is_some))
    }

    /// Whether the recovery was as fast as it must be; unknown without a measurement.
    #[must_use]
    pub fn rto_met(&self) -> Option<bool> {
        Some(self.rto_ms? <= self.rto_objective_ms?)
    }

    /// Whether no more was lost than may be; unknown when one promotion was not measured.
    #[must_use]
    pub fn rpo_met(&self) -> Option<bool> {
        Some(self.rpo_ms()? <= self.rpo_objective_ms?)
    }
}

/// All executions that the entries or the agent know, in the order in which they were decided.
#[must_use]
pub fn pasts(entries: &[AuditEntry], executions: &[Execution]) -> Vec<Past> {
    let mut known: BTreeMap<&str, Past> = BTreeMap::new();
    for entry in entries {
        let Some(id) = entry.execution.as_deref() else { continue };
        let past = known.entry(id).or_insert_with(|| Past {
            id: id.to_owned(),
            service: entry.service.clone().unwrap_or_default(),
            state: "running".to_owned(),
            ..Past::default()
        });
        tell(past, entry);
    }
    for past in known.values_mut() {
        let stand = past.promotions.values().filter(|promotion| promotion.may_stand());
        past.losses = stand.map(|promotion| promotion.behind_ms).collect();
    }
    for execution in executions {
        remember(known.entry(&execution.id).or_default(), execution);
    }
    let mut all: Vec<Past> = known.into_values().collect();
    all.sort_by(|a, b| (&a.decided_at, &a.id).cmp(&(&b.decided_at, &b.id)));
    all
}

/// What one entry says.
fn tell(past: &mut Past, entry: &AuditEntry) {
    let text = |name: &str| entry.fields[name].as_str().unwrap_or_default().to_owned();
    match entry.event.as_str() {
        "step_started" => past.promotion(text("step")).started += 1,
        "step_finished" => {
            let certain =
                matches!(entry.fields["outcome"]["outcome"].as_str(), Some("failed" | "impossible"));
            past.promotion(text("step")).failed += u32::from(certain);
        }
        "decided" => {
            let by = |name: &str| entry.fields["trigger"][name].as_str().map(str::to_owned);
            (past.from, past.to) = (text("from"), text("to"));
            past.trigger = by("by").unwrap_or_else(|| "automatic".to_owned());
            past.reason = by("reason").unwrap_or_default();
            past.decided_at = Some(entry.at.clone());
            past.drill = entry.fields["drill"]["name"].as_str().map(str::to_owned);
        }
        // What stood before a promotion is how far the replica was behind.
        "step_noted" if entry.fields["before"]["before"] == "promoted" => {
            let behind = entry.fields["before"]["lag"]["behind"].as_str().and_then(length);
            let step = past.promotion(text("step"));
            (step.noted, step.behind_ms) = (true, behind);
        }
        // What stood before a restore is the backup: what came after it is lost, until somebody decided.
        "step_noted" if entry.fields["before"]["before"] == "restored" => {
            let taken = entry.fields["before"]["taken"].as_u64().map(|ms| Timestamp(ms).to_string());
            let behind = taken.and_then(|taken| between(&taken, past.decided_at.as_deref()?));
            let step = past.promotion(text("step"));
            (step.noted, step.behind_ms) = (true, behind);
        }
        "execution_ended" => {
            (past.state, past.outcome) = (text("state"), text("detail"));
            past.ended_at = Some(entry.at.clone());
            past.ended_in = Some(entry.sequence);
        }
        _ => {}
    }
}

/// A length as the log writes it: `1m30s`.
fn length(text: &str) -> Option<u64> {
    quorate_policies::Millis::parse(text).ok().map(|length| length.0)
}

/// What an agent remembers of it, which is more.
fn remember(past: &mut Past, execution: &Execution) {
    past.id.clone_from(&execution.id);
    past.service.clone_from(&execution.service);
    (past.from, past.to) = (execution.from.clone(), execution.to.clone());
    past.trigger.clone_from(&execution.trigger);
    past.reason.clone_from(&execution.reason);
    past.decided_at = Some(execution.decided_at.clone());
    past.drill = execution.drill.as_ref().map(|of| of.drill.clone()).or(past.drill.take());
    // The audit's sentence of an end says more than the agent's of a state.
    if past.state != execution.state || past.outcome.is_empty() {
        past.outcome.clone_from(&execution.summary);
    }
    past.state.clone_from(&execution.state);
    // One that has only stopped has ended for the audit, not for the agent.
    if execution.ended_at.is_some() {
        past.ended_at.clone_from(&execution.ended_at);
    }
    past.rto_ms = execution.recovery_time.map(|time| time.total_ms);
    past.losses = measured(execution).losses.into_iter().map(|loss| loss.behind_ms).collect();
    if let Some(objectives) = &execution.objectives {
        (past.rto_objective_ms, past.rpo_objective_ms) = (Some(objectives.rto_ms), Some(objectives.rpo_ms));
    }
}

/// Why somebody did what an entry says, where it has a reason.
#[must_use]
pub fn reason_of(entry: &AuditEntry) -> Option<&str> {
    let fields = &entry.fields;
    fields["reason"].as_str().or_else(|| fields["trigger"]["reason"].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(sequence: u64, event: &str, fields: serde_json::Value) -> AuditEntry {
        AuditEntry {
            sequence,
            at: format!("2026-11-01T03:00:{sequence:02}Z"),
            service: Some("shop".to_owned()),
            execution: Some("shop-2".to_owned()),
            event: event.to_owned(),
            fields,
            ..AuditEntry::default()
        }
    }

    fn story() -> Vec<AuditEntry> {
        let lag = json!({"before": "promoted", "lag": {"lag": "known", "behind": "1s500ms"}});
        vec![
            entry(
                1,
                "decided",
                json!({"from": "east", "to": "west", "trigger": {"by": "ann", "reason": "why"}}),
            ),
            entry(2, "step_started", json!({"step": "promote", "attempt": 1})),
            entry(2, "step_noted", json!({"step": "promote", "before": lag})),
            entry(3, "execution_ended", json!({"state": "stopped", "detail": "stopped at step x"})),
            entry(9, "execution_ended", json!({"state": "aborted", "detail": "aborted: enough"})),
        ]
    }

    /// Goal: an execution that the agent no longer remembers is told from the audit, and what was not measured there stays
    /// unknown. Method: the entries of one alone; then with one promotion that could not be measured.
    #[test]
    fn from_the_audit_alone() {
        let past = pasts(&story(), &[]).pop().unwrap();
        assert_eq!(
            (past.trigger.as_str(), past.reason.as_str(), past.state.as_str()),
            ("ann", "why", "aborted")
        );
        assert_eq!((past.took_ms(), past.rpo_ms(), past.ended_in), (Some(8_000), Some(1_500), Some(9)));
        assert_eq!((past.rto_ms, past.rto_met(), past.rpo_met()), (None, None, None));
        let mut unmeasured = story();
        let lag = json!({"before": "promoted", "lag": {"lag": "unknown"}});
        unmeasured.insert(3, entry(2, "step_started", json!({"step": "other", "attempt": 1})));
        unmeasured.insert(4, entry(2, "step_noted", json!({"step": "other", "before": lag})));
        let past = pasts(&unmeasured, &[]).pop().unwrap();
        assert_eq!((past.losses.len(), past.rpo_ms()), (2, None));
        // One that certainly failed promoted nothing; one whose end nobody heard may have.
        let failed = json!({"step": "other", "attempt": 1, "outcome": {"outcome": "impossible"}});
        unmeasured.insert(5, entry(2, "step_finished", failed));
        assert_eq!(pasts(&unmeasured, &[])[0].rpo_ms(), Some(1_500));
    }

    /// Goal: a restore loses what came after its backup, as far as the audit tells. Method: a backup of two seconds before the
    /// decision.
    #[test]
    fn a_restore_loses_what_came_after_its_backup() {
        let mut entries = story();
        entries.retain(|entry| entry.event != "step_noted");
        let taken: Timestamp = "2026-11-01T02:59:59Z".parse().unwrap();
        let before = json!({"before": "restored", "taken": taken});
        entries.insert(2, entry(2, "step_noted", json!({"step": "promote", "before": before})));
        assert_eq!(pasts(&entries, &[])[0].rpo_ms(), Some(2_000));
    }

    /// Goal: what the agent measured is added, and neither sentence nor order is lost. Method: the same with the agent's
    /// memory, and an older one that the audit does not know.
    #[test]
    fn with_the_agents_memory() {
        let remembered = |id: &str, decided_at: &str| Execution {
            id: id.to_owned(),
            decided_at: decided_at.to_owned(),
            state: "aborted".to_owned(),
            summary: "aborted".to_owned(),
            objectives: Some(quorate_api::execution::Objectives {
                rto_ms: 1,
                rpo_ms: 2_000,
                policy_hash: String::new(),
            }),
            data_loss: vec![quorate_api::execution::DataLoss {
                step: "promote".to_owned(),
                behind_ms: Some(2_500),
                objective_ms: 2_000,
                measured: String::new(),
            }],
            ..Execution::default()
        };
        let known =
            [remembered("shop-2", "2026-11-01T03:00:01Z"), remembered("shop-1", "2026-10-01T03:00:01Z")];
        let all = pasts(&story(), &known);
        assert_eq!(all.iter().map(|past| past.id.as_str()).collect::<Vec<_>>(), ["shop-1", "shop-2"]);
        assert_eq!((all[1].outcome.as_str(), all[1].rpo_met()), ("aborted: enough", Some(false)));
    }
}
