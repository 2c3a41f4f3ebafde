//! `quorate checklist`: who sees to what, in the order of a recovery.

use crate::cli::screen::{Screen, cell, word};
use comfy_table::Cell;
use quorate_api::{Execution, execution::ChecklistItem};

/// `quorate checklist`.
#[must_use]
pub fn checklist(screen: Screen, execution: &Execution) -> String {
    if execution.checklist.is_empty() {
        return format!(
            "The policy of {} asks nobody to see to anything in {}.",
            execution.service, execution.id
        );
    }
    let row = |item: &ChecklistItem| -> [Cell; 6] {
        [
            cell(&item.phase),
            cell(&item.name),
            cell(&item.what),
            cell(
                item.by.clone().or_else(|| Some(format!("step {}", item.step.as_ref()?))).unwrap_or_default(),
            ),
            word(&item.state),
            cell(seen(item)),
        ]
    };
    let head = ["WHEN", "ITEM", "WHAT", "BY", "STATE", "SEEN TO"];
    let table = screen.table(head, execution.checklist.iter().map(row));
    let open = execution.checklist.iter().find(|item| matches!(item.state.as_str(), "open" | "failed"));
    let next = open.map(|item| {
        format!(
            "\nTo tick one: quorate checklist {} --tick {} --reason WHAT-YOU-SAW",
            execution.id, item.name
        )
    });
    format!("{table}\n{}{}", tally(&execution.checklist), next.unwrap_or_default())
}

/// How many have been seen to.
#[must_use]
pub fn tally(items: &[ChecklistItem]) -> String {
    let done = items.iter().filter(|item| matches!(item.state.as_str(), "done" | "ticked")).count();
    format!("{done} of {} seen to.", items.len())
}

fn seen(item: &ChecklistItem) -> String {
    let by = item.ticked_by.as_ref().map(|by| format!("{by}: {}", item.note));
    let lines = [by, item.at.clone()];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
