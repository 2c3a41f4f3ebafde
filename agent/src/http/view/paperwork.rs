//! What a policy asks of people and accounts, and how far an execution's checklist is.

use quorate_api::execution::{ChecklistItem, Control, Cost, Price};
use quorate_core::{Execution as Record, cluster::checklist::Seen};
use quorate_policies::policy::Shown;

/// In the order of a recovery.
pub(super) fn checklist(record: &Record) -> Vec<ChecklistItem> {
    let item = |(phase, name, item, seen): (_, _, &quorate_policies::policy::Item, Seen<'_>)| {
        let known = ChecklistItem {
            name: format!("{name}"),
            phase: format!("{phase}"),
            what: item.what.clone(),
            by: item.by.clone(),
            step: item.step.as_ref().map(ToString::to_string),
            ..ChecklistItem::default()
        };
        told(known, &seen)
    };
    record.checklist().map(item).collect()
}

fn told(item: ChecklistItem, seen: &Seen<'_>) -> ChecklistItem {
    match seen {
        Seen::Open => ChecklistItem { state: "open".to_owned(), ..item },
        Seen::Failed => ChecklistItem { state: "failed".to_owned(), ..item },
        Seen::Done { at } => {
            ChecklistItem { state: "done".to_owned(), at: at.map(|at| at.to_string()), ..item }
        }
        Seen::Ticked(tick) => ChecklistItem {
            state: "ticked".to_owned(),
            ticked_by: Some(tick.by.clone()),
            note: tick.note.clone(),
            at: Some(tick.at.to_string()),
            ..item
        },
    }
}

pub(super) fn cost(record: &Record) -> Option<Cost> {
    let cost = record.paperwork.cost.as_ref()?;
    let of = cost.of.iter().map(|(name, price)| Price {
        name: name.to_string(),
        normal: price.normal,
        active: price.active,
    });
    Some(Cost { currency: cost.currency.clone(), per_hours: cost.per.hours(), of: of.collect() })
}

pub(super) fn controls(record: &Record) -> Vec<Control> {
    let controls = record.paperwork.evidence.iter().map(|control| Control {
        standard: control.standard.clone(),
        control: control.control.clone(),
        requires: control.requires.clone(),
        shown_by: control.shown_by.iter().map(|shown| part(*shown).to_owned()).collect(),
    });
    controls.collect()
}

/// The heading under which a report has it.
const fn part(shown: Shown) -> &'static str {
    match shown {
        Shown::Timeline => "Timeline",
        Shown::Decision => "Decision and evidence",
        Shown::Steps => "Steps",
        Shown::Objectives => "Measured against the objectives",
        Shown::Checklist => "Checklist",
        Shown::Communications => "Communications",
        Shown::Audit => "How this report was made",
    }
}
