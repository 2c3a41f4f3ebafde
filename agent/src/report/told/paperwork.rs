//! The sections about what people saw to, what the active time costs, and the controls for which the report is evidence.

use crate::{
    cli::screen::duration,
    report::{
        document::{Block, Cell, Section, Tone},
        execution::Report,
        paperwork::ActiveCost,
    },
};
use quorate_api::execution::ChecklistItem;

pub(super) fn checklist(report: &Report) -> Option<Section> {
    let items = &report.paperwork.checklist;
    if items.is_empty() {
        return None;
    }
    let done = items.iter().filter(|item| matches!(item.state.as_str(), "done" | "ticked")).count();
    let head = vec!["When", "What", "By", "State", "Seen to", "At"];
    let blocks = vec![
        Block::Words(format!("{done} of {} seen to.", items.len())),
        Block::Table { head, rows: items.iter().map(item).collect() },
    ];
    Section::of("Checklist", blocks)
}

fn item(item: &ChecklistItem) -> Vec<Cell> {
    let by = item.by.clone().or_else(|| Some(format!("step {}", item.step.as_ref()?))).unwrap_or_default();
    let seen = item.ticked_by.as_ref().map(|by| format!("{by}: {}", item.note)).unwrap_or_default();
    let tone = match item.state.as_str() {
        "done" | "ticked" => Tone::Good,
        "failed" => Tone::Bad,
        _ => Tone::Doubtful,
    };
    vec![
        Cell::text(&*item.phase),
        Cell::text(&*item.what),
        Cell::text(by),
        Cell { text: item.state.clone(), tone, code: false },
        Cell::text(seen),
        Cell::moment(item.at.as_deref().unwrap_or_default()),
    ]
}

pub(super) fn cost(report: &Report) -> Option<Section> {
    let cost = report.paperwork.cost.as_ref()?;
    let each = if cost.per_hours == 1 { "an hour".to_owned() } else { format!("{} hours", cost.per_hours) };
    let mut rows: Vec<Vec<Cell>> =
        cost.of.iter().map(|price| row(&price.name, price.normal, price.active)).collect();
    let sum = |of: fn(&quorate_api::execution::Price) -> u64| cost.of.iter().map(of).sum::<u64>();
    rows.push(row("In all", sum(|price| price.normal), sum(|price| price.active)));
    let head = vec!["Of", "Normal", "Active", "More"];
    let prices = Block::Words(format!("Prices of the policy, in {} for {each}.", cost.currency));
    Section::of(
        "Cost of the active time",
        vec![Block::Words(paid(cost)), prices, Block::Table { head, rows }],
    )
}

fn row(name: &str, normal: u64, active: u64) -> Vec<Cell> {
    let more = i128::from(active) - i128::from(normal);
    let figure = |figure: i128| Cell::code(figure.to_string());
    vec![Cell::text(name), figure(normal.into()), figure(active.into()), figure(more)]
}

fn paid(cost: &ActiveCost) -> String {
    let (Some(ms), Some(more)) = (cost.active_ms, cost.more_hundredths) else {
        return "The service was not moved, so there was no active time.".to_owned();
    };
    let (units, cents) = (more.unsigned_abs() / 100, more.unsigned_abs() % 100);
    let amount = format!("{units}.{cents:02} {}", cost.currency);
    let word = if more < 0 { "less" } else { "more" };
    let end = if cost.goes_on { ", and goes on" } else { "" };
    format!("The other region was active for {}{end}: {amount} {word} than normal.", duration(ms))
}

pub(super) fn controls(report: &Report) -> Option<Section> {
    if report.paperwork.controls.is_empty() {
        return None;
    }
    let rows = report.paperwork.controls.iter().map(|control| {
        vec![
            Cell::text(&*control.standard),
            Cell::code(control.control.clone().unwrap_or_default()),
            Cell::text(&*control.requires),
            Cell::text(control.shown_by.join(", ")),
        ]
    });
    let head = vec!["Standard", "Control", "Requires", "Shown in this report under"];
    Section::of("Evidence for controls", vec![Block::Table { head, rows: rows.collect() }])
}
