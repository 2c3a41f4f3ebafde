//! `quorate plan`: the dry run. Every step with its resolved fields, and where the point of no return lies.

use super::dependence;
use crate::cli::screen::{Screen, Tone, cell};
use comfy_table::Cell;
use quorate_api::{
    PlanView,
    service::{PlannedStep, Readiness},
};
use serde_json::Value;

/// What stands before the first step that nothing undoes: from there on no abort is taken.
const NO_RETURN: &str = "--- point of no return ---";

/// `quorate plan`.
#[must_use]
pub fn plan(screen: Screen, plan: &PlanView) -> String {
    let mut parts = vec![
        format!(
            "Plan {} of {}: {} -> {}. A dry run: nothing is done.",
            screen.strong(&plan.plan),
            screen.strong(&plan.service),
            plan.from,
            plan.to
        ),
        String::new(),
    ];
    parts.push(steps(screen, plan));
    let no_return = plan.steps.iter().position(|step| !step.reversible);
    parts.push(String::new());
    parts.push(match no_return.and_then(|index| plan.steps.get(index)) {
        Some(step) => {
            format!(
                "Until `{}` begins, an abort ends it; from then on the plan only goes forward.",
                step.name
            )
        }
        // Nobody knows the way back from a command.
        None if plan.steps.iter().any(|step| matches!(step.action.as_str(), "exec" | "http")) => {
            "An abort can always end it; what its commands and requests did stays.".to_owned()
        }
        None => "Every step can be undone: an abort can always end it.".to_owned(),
    });
    parts.extend([String::new(), "What its steps need, and what it can do without:".to_owned()]);
    parts.extend(dependence::lines(plan));
    if let Some(readiness) = &plan.readiness {
        parts.extend(findings(screen, readiness));
    }
    parts.push(String::new());
    parts.push(match &plan.refusal {
        Some(check) => screen.toned(
            &format!("An operator's failover would be refused now ({}): {}", check.guard, check.reason),
            Tone::Bad,
        ),
        None => format!("Run it: quorate failover {} --to {} --reason WHY", plan.service, plan.to),
    });
    parts.join("\n")
}

/// The steps in an order in which they can run, and where the point of no return lies.
#[must_use]
pub fn steps(screen: Screen, plan: &PlanView) -> String {
    let mut rows: Vec<[Cell; 7]> = Vec::new();
    let no_return = plan.steps.iter().position(|step| !step.reversible);
    for (index, step) in plan.steps.iter().enumerate() {
        if no_return == Some(index) {
            rows.push(["", NO_RETURN, "", "", "", "", ""].map(Cell::new));
        }
        rows.push([
            cell(name(step)),
            cell(action(&step.action, &step.fields)),
            cell(step.needs.join(", ")),
            cell(&step.near),
            cell(&step.timeout),
            cell(step.retries.to_string()),
            cell(&step.on_error),
        ]);
    }
    screen.table(["STEP", "ACTION", "NEEDS", "RUN NEAR", "TIMEOUT", "RETRIES", "ON ERROR"], rows)
}

/// What stands in the plan's way, as far as reading tells.
pub fn findings(screen: Screen, readiness: &Readiness) -> Vec<String> {
    let count = |severity: &str| readiness.findings.iter().filter(|f| f.severity == severity).count();
    let verdict = match (readiness.ready, count("unknown")) {
        (true, 0) => screen.toned("Ready", Tone::Good),
        (true, _) => screen.toned("Ready, as far as could be looked at", Tone::Doubtful),
        (false, _) => screen.toned("Not ready", Tone::Bad),
    };
    let mut lines = vec![String::new(), format!("{verdict} (looked at {}).", readiness.checked_at)];
    lines.extend(readiness.findings.iter().map(|finding| {
        let tone = match finding.severity.as_str() {
            "blocking" => Tone::Bad,
            "warning" | "unknown" => Tone::Doubtful,
            _ => Tone::Plain,
        };
        let step = finding.step.as_deref().map_or_else(String::new, |step| format!("{step}: "));
        let mend = if finding.mend.is_empty() { String::new() } else { format!("\n      {}", finding.mend) };
        format!("  {} {step}{}{mend}", screen.toned(&finding.severity, tone), finding.what)
    }));
    lines
}

/// The step's name, and in which executions alone it runs.
fn name(step: &PlannedStep) -> String {
    match &step.only {
        Some(only) => format!("{}\n  ({only} only)", step.name),
        None => step.name.clone(),
    }
}

/// The action and its fields, one to a line.
fn action(action: &str, fields: &Value) -> String {
    let mut lines = vec![action.to_owned()];
    if let Value::Object(fields) = fields {
        lines.extend(fields.iter().map(|(key, value)| format!("  {key}: {}", plain(value))));
    }
    lines.join("\n")
}

/// A value without the quotes of JSON where it is one word.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
