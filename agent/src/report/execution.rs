//! The report of one execution, as a value. What is said in words is said here once, for every form.

use super::{
    communications::{Communications, communications},
    decision::{Decision, decision},
    made::{Made, Sources},
    measured::{Measured, measured},
    paperwork::{Paperwork, paperwork},
    steps::{StepTold, steps},
    timeline::{Timeline, timeline},
};
use crate::{cli::screen::duration, record::part::between};
use quorate_api::{AuditEntry, Execution};
use serde::Serialize;
use std::collections::BTreeMap;

/// What whoever was there should write down, while it is remembered.
const LESSONS: [&str; 6] = [
    "What did users notice, from when to when?",
    "What went well?",
    "What went wrong, or took longer than it should?",
    "Where were we lucky?",
    "What was the cause?",
    "What will be changed, by whom, until when?",
];

/// The report of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `execution`.
    pub report: &'static str,
    /// What happened, in short.
    pub summary: Summary,
    /// What was measured, beside what was wanted.
    pub measured: Measured,
    /// It all in time.
    pub timeline: Timeline,
    /// Why it was decided.
    pub decision: Decision,
    /// What was done.
    pub steps: Vec<StepTold>,
    /// Who was told.
    pub communications: Communications,
    /// What the policy asks of people and accounts.
    #[serde(flatten)]
    pub paperwork: Paperwork,
    /// What people are asked to write down.
    pub lessons: Vec<&'static str>,
    /// How the report was made, so that it can be checked.
    pub made: Made,
}

/// What happened, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Service and epoch.
    pub execution: String,
    /// Which service.
    pub service: String,
    /// The plan.
    pub plan: String,
    /// The scenario that an operator declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What the operator said with it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Region that was left.
    pub from: String,
    /// Region that was activated.
    pub to: String,
    /// The fencing token.
    pub epoch: u64,
    /// `automatic`, or the operator's name.
    pub trigger: String,
    /// Why, where an operator started it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether that operator accepted a loss of data.
    pub accepts_data_loss: bool,
    /// Its state.
    pub state: String,
    /// Its state as a sentence.
    pub outcome: String,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The story in a few sentences.
    pub story: Vec<String>,
}

/// The report of an execution.
#[must_use]
pub fn report(execution: &Execution, sources: &Sources) -> Report {
    let about = |entry: &&AuditEntry| entry.execution.as_ref() == Some(&execution.id);
    let entries: Vec<&AuditEntry> = sources.audit.iter().filter(about).collect();
    let steps = steps(execution, &entries);
    let measured = measured(execution);
    let decision = decision(execution, &sources.audit);
    let refused =
        |entry: &&AuditEntry| decision.refusals.iter().any(|refused| refused.sequence == entry.sequence);
    let used: Vec<&AuditEntry> =
        sources.audit.iter().filter(|entry| about(entry) || refused(entry)).collect();
    Report {
        report: "execution",
        summary: summary(execution, &measured, &decision),
        timeline: timeline(execution, &steps, &entries, &sources.at),
        communications: communications(execution, &entries, sources.notified, &sources.at),
        paperwork: paperwork(execution, sources.returned.as_deref(), &sources.at),
        lessons: LESSONS.to_vec(),
        made: Made::of(sources, Some(&execution.policy_hash), used),
        measured,
        decision,
        steps,
    }
}

fn summary(execution: &Execution, measured: &Measured, decision: &Decision) -> Summary {
    let story = [
        drilled(execution),
        Some(begun(execution)),
        declared(execution),
        approved(decision),
        failing(execution),
        Some(ended(execution, measured)),
        exceptions(execution),
        lost(execution, measured),
        objectives(execution),
    ];
    Summary {
        execution: execution.id.clone(),
        service: execution.service.clone(),
        plan: execution.plan.clone(),
        scenario: execution.scenario.clone(),
        inputs: execution.inputs.clone(),
        from: execution.from.clone(),
        to: execution.to.clone(),
        epoch: execution.epoch,
        trigger: execution.trigger.clone(),
        reason: execution.reason.clone(),
        accepts_data_loss: execution.accepts_data_loss,
        state: execution.state.clone(),
        outcome: execution.summary.clone(),
        ended_at: execution.ended_at.clone(),
        story: story.into_iter().flatten().collect(),
    }
}

/// What was only rehearsed must not be read as what happened.
fn drilled(execution: &Execution) -> Option<String> {
    let of = execution.drill.as_ref()?;
    let part = if of.part == "drill" { String::new() } else { format!("the {} of ", of.part) };
    Some(format!("This was a drill: {part}{}, {}.", of.drill, of.mode))
}

fn begun(execution: &Execution) -> String {
    let Execution { service, from, to, plan, decided_at, .. } = execution;
    let what = if from == to {
        format!("to recover {service} in {from}")
    } else {
        format!("to move {service} from {from} to {to}")
    };
    if execution.trigger == "automatic" {
        return format!("At {decided_at} the agents decided by themselves {what}, by plan {plan}.");
    }
    let why =
        if execution.reason.is_empty() { String::new() } else { format!(", because: {}", execution.reason) };
    let accepts = if execution.accepts_data_loss { ", accepting a loss of data," } else { "" };
    format!("At {decided_at} {} ordered{accepts} {what}, by plan {plan}{why}.", execution.trigger)
}

fn declared(execution: &Execution) -> Option<String> {
    let scenario = execution.scenario.as_ref()?;
    let inputs: Vec<String> =
        execution.inputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let with = if inputs.is_empty() { String::new() } else { format!(", with {}", inputs.join(", ")) };
    Some(format!("The declared scenario was {scenario}{with}."))
}

fn approved(decision: &Decision) -> Option<String> {
    let approval = decision.approved.as_ref()?;
    let waited = between(&decision.decided_at, &approval.at).map(duration)?;
    Some(format!("{} approved it {waited} later: {}.", approval.by, approval.reason.trim_end_matches('.')))
}

fn failing(execution: &Execution) -> Option<String> {
    let failing = between(&execution.failing_since, &execution.decided_at).filter(|ms| *ms > 0)?;
    let agreed = between(&execution.agreed_at, &execution.decided_at).unwrap_or_default();
    let agreed = if agreed > 0 {
        format!("; the agents had agreed on that for {}", duration(agreed))
    } else {
        String::new()
    };
    Some(format!(
        "{} had been failing for {} then, since {}{agreed}.",
        execution.from,
        duration(failing),
        execution.failing_since
    ))
}

fn ended(execution: &Execution, measured: &Measured) -> String {
    let after = execution.ended_at.as_ref().and_then(|ended| between(&execution.decided_at, ended));
    let after = after.map_or_else(String::new, |after| format!(" {} after the decision", duration(after)));
    let said = execution.summary.strip_prefix(&execution.state).unwrap_or_default();
    match (execution.state.as_str(), measured.recovery_time.total_ms) {
        ("succeeded", Some(total)) => {
            let objective = measured.recovery_time.objective_ms.unwrap_or_default();
            let met = if total <= objective { "within" } else { "longer than" };
            format!(
                "{} was recovered in {}, {met} the objective of {}.",
                execution.service,
                duration(total),
                duration(objective)
            )
        }
        ("aborted", _) => format!("It was aborted{after}{said}. It did not recover the service."),
        ("stopped", _) => {
            format!(
                "It stopped{said}. Nothing more is begun until an operator aborts it; the service is not recovered."
            )
        }
        (_, _) if execution.ended_at.is_some() => format!("It ended{after}: {}.", execution.summary),
        (_, _) => format!("It has not ended: it {}.", execution.summary),
    }
}

/// A plan may go on without a step; the report does not go on without saying so.
fn exceptions(execution: &Execution) -> Option<String> {
    let failed = |state: &str| matches!(state, "failed" | "unknown");
    let names: Vec<String> = execution
        .steps
        .iter()
        .filter(|step| failed(&step.state))
        .map(|step| format!("{} ({})", step.name, step.state))
        .collect();
    (!names.is_empty()).then(|| format!("Steps that did not succeed: {}.", names.join(", ")))
}

fn lost(execution: &Execution, measured: &Measured) -> Option<String> {
    if measured.losses.is_empty() {
        let promotes = execution.steps.iter().any(|step| !step.reversible);
        return promotes.then(|| "No window of data loss was measured: nothing was promoted.".to_owned());
    }
    let each = measured.losses.iter().map(|loss| {
        let objective = duration(loss.objective_ms);
        match loss.met {
            Some(true) => format!("{}: {}, within the objective of {objective}", loss.step, loss.measured),
            Some(false) => {
                format!("{}: {}, MORE than the objective of {objective}", loss.step, loss.measured)
            }
            None => format!(
                "{}: {}, so NOT KNOWN to be within the objective of {objective}",
                loss.step, loss.measured
            ),
        }
    });
    Some(format!("Data loss of {}.", each.collect::<Vec<_>>().join("; ")))
}

/// Objectives are kept with the policy, not with the execution.
fn objectives(execution: &Execution) -> Option<String> {
    let later = &execution.objectives.as_ref()?.policy_hash;
    let other = !later.is_empty() && !execution.policy_hash.is_empty() && *later != execution.policy_hash;
    other.then(|| "The objectives are those of the policy in force now, which is a later one.".to_owned())
}
