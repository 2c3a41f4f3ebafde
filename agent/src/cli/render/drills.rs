//! `quorate drills`, a dry run, and `quorate failback`.

use super::plan;
use crate::cli::screen::{Screen, Tone, cell, duration, word};
use comfy_table::Cell;
use quorate_api::drill::{DrillPlan, DrillRun, DrillView, Drills, Failback, StepLength};

/// Runs of each drill that are shown: a year of quarterly ones, and a trend is seen.
const RUNS_SHOWN: usize = 4;

/// `quorate drills`.
#[must_use]
pub fn drills(screen: Screen, drills: &Drills) -> String {
    if drills.drills.is_empty() {
        return format!("The policy of {} has no drills.", drills.service);
    }
    let row = |drill: &DrillView| -> [Cell; 6] {
        let last = drill.runs.first();
        [
            cell(&drill.drill),
            cell(&drill.mode),
            cell(drill.every_ms.map_or_else(|| "-".to_owned(), duration)),
            word(&drill.due),
            cell(drill.due_at.clone().unwrap_or_else(|| "-".to_owned())),
            cell(last.map_or_else(|| "never".to_owned(), |run| format!("{} {}", run.state, run.begun_at))),
        ]
    };
    let mut parts =
        vec![screen.table(["DRILL", "MODE", "EVERY", "DUE", "AT", "LAST"], drills.drills.iter().map(row))];
    if let Some(under_way) = &drills.under_way {
        let at = under_way.owed_at.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
        let waits = under_way.waits.as_ref().map_or_else(String::new, |why| format!(", which waits: {why}"));
        parts.push(format!("\nDrill {} has not ended: its {}{at}{waits}.", under_way.drill, under_way.rest));
    }
    for drill in &drills.drills {
        parts.extend(one(screen, drill));
    }
    parts.push(format!("\nAs agent {} sees them.", drills.agent));
    parts.join("\n")
}

fn one(screen: Screen, drill: &DrillView) -> Vec<String> {
    let mut lines = Vec::new();
    if !drill.runs.is_empty() || !drill.blocked.is_empty() {
        lines.push(format!("\n{} ({})", screen.strong(&drill.drill), drill.rehearses));
    }
    lines.extend(drill.blocked.iter().map(|why| format!("  does not begin now: {why}")));
    lines.extend(drill.runs.iter().take(RUNS_SHOWN).map(|run| told(screen, run)));
    let measured = |of: fn(&DrillRun) -> Option<u64>| drill.runs.iter().filter_map(of).collect::<Vec<u64>>();
    lines.extend(trend("RTO to expect", &measured(|run| run.predicted_ms)));
    lines.extend(trend("RTO", &measured(|run| run.rto_ms)));
    lines.extend(trend("RPO", &measured(|run| run.rpo_ms)));
    lines
}

fn told(screen: Screen, run: &DrillRun) -> String {
    let measured = |what: &str, length: Option<u64>, objective: Option<u64>| {
        let (Some(length), Some(objective)) = (length, objective) else { return String::new() };
        let text = format!("{what} {} of {}", duration(length), duration(objective));
        let tone = if length <= objective { Tone::Good } else { Tone::Bad };
        format!(", {}", screen.toned(&text, tone))
    };
    let expected = measured("RTO to expect", run.predicted_ms, run.rto_objective_ms);
    let rto = measured("RTO", run.rto_ms, run.rto_objective_ms);
    let rpo = measured("RPO", run.rpo_ms, run.rpo_objective_ms);
    let then =
        if run.second_outcome.is_empty() { String::new() } else { format!("; then {}", run.second_outcome) };
    let outcome = if run.outcome.is_empty() { &run.state } else { &run.outcome };
    let execution = run.execution.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
    format!("  {} by {}{execution}: {outcome}{expected}{rto}{rpo}{then}", run.begun_at, run.by)
}

/// From the oldest to the newest that was measured; nothing where there are not two.
fn trend(what: &str, measured: &[u64]) -> Option<String> {
    let (newest, oldest) = (*measured.first()?, *measured.last()?);
    if measured.len() < 2 {
        return None;
    }
    let word = match newest.cmp(&oldest) {
        std::cmp::Ordering::Less => "better",
        std::cmp::Ordering::Equal => "the same",
        std::cmp::Ordering::Greater => "WORSE",
    };
    let (oldest, newest, runs) = (duration(oldest), duration(newest), measured.len());
    Some(format!("  {what} over {runs} runs: from {oldest} to {newest}, {word}"))
}

/// A dry run.
#[must_use]
pub fn dry_run(screen: Screen, shown: &DrillPlan) -> String {
    let mut parts = vec![format!(
        "Dry run of drill {} of {}, which is {}: nothing is changed.\n",
        screen.strong(&shown.drill),
        shown.service,
        shown.mode
    )];
    parts.push(plan::steps(screen, &shown.plan));
    if let Some(then) = &shown.then {
        let what = if shown.mode == "live" { "The way back" } else { "The cleanup" };
        parts.push(format!("\n{what}, plan {}:", then.plan));
        parts.push(plan::steps(screen, then));
    }
    if let Some(readiness) = &shown.plan.readiness {
        parts.extend(plan::findings(screen, readiness));
    }
    parts.push("\nHow long it would take, by what was measured here:".to_owned());
    let row = |step: &StepLength| -> [Cell; 4] {
        let length = |length: Option<u64>| length.map_or_else(|| "unknown".to_owned(), duration);
        [
            cell(&step.step),
            cell(step.runs.to_string()),
            cell(length(step.median_ms)),
            cell(length(step.longest_ms)),
        ]
    };
    let rows = shown.detection.iter().chain(&shown.steps).map(row);
    parts.push(screen.table(["STEP", "RUNS", "MEDIAN", "LONGEST"], rows));
    let objective = duration(shown.objective_ms);
    parts.push(match shown.predicted_ms {
        Some(total) => {
            let tone = if total <= shown.objective_ms { Tone::Good } else { Tone::Bad };
            let total = screen.toned(&duration(total), tone);
            format!("Predicted: {total} from the decision to the end; the objective is {objective}.")
        }
        None => format!(
            "Predicted: unknown, because a step was never measured; the objective is {objective}. A drill measures it."
        ),
    });
    let tone = if shown.ready { Tone::Good } else { Tone::Bad };
    parts.push(screen.toned(&format!("\nIt would go like this: {}.", shown.outcome), tone));
    parts.extend(shown.blocked.iter().skip(1).map(|why| format!("  also: {why}")));
    parts.join("\n")
}

/// `quorate failback`.
#[must_use]
pub fn failback(screen: Screen, way: &Failback) -> String {
    let rows = way.stages.iter().map(|stage| -> [Cell; 4] {
        [
            cell(&stage.stage),
            word(&stage.state),
            cell(stage.scenario.clone().unwrap_or_else(|| "-".to_owned())),
            cell(&stage.detail),
        ]
    });
    let table = screen.table(["STAGE", "STATE", "SCENARIO", "WHAT"], rows);
    let next = way.stages.iter().find(|stage| stage.state == "next");
    let hint = match next {
        Some(stage) if stage.scenario.is_some() => {
            format!("\nGo on: quorate failback {} --next --reason WHY", way.service)
        }
        Some(_) => "\nNothing is to be declared until that holds.".to_owned(),
        None => String::new(),
    };
    format!("{}\n{table}{hint}", screen.strong(&way.summary))
}
