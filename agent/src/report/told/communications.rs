//! The section about who was told what.

use crate::report::{
    communications::Communications,
    document::{Block, Cell, Section},
    execution::Report,
};

pub(super) fn told(report: &Report) -> Option<Section> {
    let Communications { receivers, notifications, published } = &report.communications;
    let mut blocks = Vec::new();
    if receivers.is_empty() {
        blocks.push(Block::Words(
            "The policy in force names no webhook: Quorate notified nobody by itself.".to_owned(),
        ));
    } else {
        let to = format!(
            "Signed webhooks of the policy in force: {}. Settled is what each of them has taken, or was given up on.",
            receivers.join(", ")
        );
        blocks.push(Block::Words(to));
        let rows = notifications.iter().map(|told| {
            let settled = match told.settled {
                Some(true) => "yes",
                Some(false) => "not yet",
                None => "not known",
            };
            vec![
                Cell::moment(&told.at),
                Cell::code(&*told.event),
                Cell::text(&*told.message),
                Cell::text(settled),
                Cell::code(told.sequence.to_string()),
            ]
        });
        let head = vec!["When", "Notification", "What it says", "Settled", "Entry"];
        blocks.push(Block::Table { head, rows: rows.collect() });
    }
    if !published.is_empty() {
        let rows = published.iter().map(|told| {
            vec![
                Cell::moment(told.at.as_deref().unwrap_or_default()),
                Cell::code(&*told.step),
                Cell::text(&*told.action),
                Cell::word(&told.state),
                Cell::text(&*told.detail),
            ]
        });
        blocks.push(Block::Heading("Told by steps of the plan".to_owned()));
        blocks.push(Block::Table {
            head: vec!["When", "Step", "Action", "State", "Seen"],
            rows: rows.collect(),
        });
    }
    Section::of("Communications", blocks)
}
