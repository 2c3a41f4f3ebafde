//! The section about the decision: who saw what, how far replicas were behind, and what had been refused before.

use crate::{
    cli::screen::duration,
    report::{
        document::{Block, Cell, Section, Tone},
        execution::Report,
    },
};
use quorate_api::execution::{LagSeen, VoteSeen};

pub(super) fn told(report: &Report) -> Option<Section> {
    let decision = &report.decision;
    let mut blocks = Vec::new();
    blocks.push(Block::Words(match decision.down_for_ms {
        Some(0) => "When it was decided, the agents did not agree that the region was down.".to_owned(),
        Some(ms) => format!(
            "When it was decided, the agents had agreed for {} that {} was down.",
            duration(ms),
            report.summary.from
        ),
        None => "The agent does not tell what the agents saw: it is an older one.".to_owned(),
    }));
    if !decision.votes.is_empty() {
        blocks.push(Block::Heading("What each agent saw".to_owned()));
        let head = vec!["Agent", "From", "Target", "Verdict", "For", "Why", "Heard before", "Counted"];
        blocks.push(Block::Table { head, rows: decision.votes.iter().map(vote).collect() });
    }
    if !decision.lags.is_empty() {
        blocks.push(Block::Heading("How far replicas were behind".to_owned()));
        let head = vec!["Replica", "Behind", "Bytes", "Measured before", "By"];
        blocks.push(Block::Table { head, rows: decision.lags.iter().map(lag).collect() });
    }
    if !decision.refusals.is_empty() {
        blocks.push(Block::Heading("What was refused before it".to_owned()));
        if decision.refusals_left_out > 0 {
            blocks.push(Block::Words(format!("{} older ones are not listed.", decision.refusals_left_out)));
        }
        let rows = decision.refusals.iter().map(|refused| {
            vec![
                Cell::moment(&refused.at),
                Cell::code(&*refused.guard),
                Cell::text(&*refused.reason),
                Cell::code(refused.sequence.to_string()),
            ]
        });
        blocks.push(Block::Table { head: vec!["When", "Guard", "Why", "Entry"], rows: rows.collect() });
    }
    Section::of("Decision and evidence", blocks)
}

fn vote(vote: &VoteSeen) -> Vec<Cell> {
    let counted = if vote.not_counted.is_empty() {
        Cell::text("yes")
    } else {
        Cell { text: format!("no: {}", vote.not_counted), tone: Tone::Doubtful, code: false }
    };
    vec![
        Cell::code(&*vote.agent),
        Cell::code(&*vote.vantage),
        Cell::code(&*vote.target),
        Cell::word(&vote.verdict),
        Cell::code(vote.failing_for_ms.map_or_else(String::new, duration)),
        Cell::text(vote.reason.clone().unwrap_or_default()),
        Cell::code(duration(vote.age_ms)),
        counted,
    ]
}

fn lag(lag: &LagSeen) -> Vec<Cell> {
    let behind = if lag.confirmed {
        Cell::text("nothing: every commit waited for it")
    } else {
        Cell::code(duration(lag.behind_ms))
    };
    vec![
        Cell::code(&*lag.replica),
        behind,
        Cell::code(lag.bytes.map_or_else(String::new, |bytes| bytes.to_string())),
        Cell::code(duration(lag.measured_ms_ago)),
        Cell::text(&*lag.agent),
    ]
}
