//! What a plan needs from outside, and whether it can be used when a region is gone: the same lines for a plan that the
//! agents show (`quorate plan`) and for one that is read from a file (`quorate check --explain`).

use quorate_api::{PlanView, service::Loss};

/// One line for what each step needs, then for each region that the plan may have to do without: whether it can be
/// used, why, and what becomes of each step.
#[must_use]
pub fn lines(plan: &PlanView) -> Vec<String> {
    let width = plan.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    let needs =
        plan.steps.iter().map(|step| format!("  {:width$}  needs {}", step.name, step.calls.join(" and ")));
    needs.chain(plan.losses.iter().flat_map(|loss| without(loss, width))).collect()
}

fn without(loss: &Loss, width: usize) -> Vec<String> {
    let why = match loss.usable.as_str() {
        "yes" => "yes",
        "no" => "no, because",
        _ => "yes, but",
    };
    let verdict = format!("Usable if {} is gone: {why}", loss.region);
    let because = loss.because.iter().map(|reason| format!("    {reason}"));
    let steps = loss.steps.iter().map(|step| format!("  {:width$}  {}", step.step, step.usable));
    std::iter::once(verdict).chain(because).chain(steps).collect()
}
