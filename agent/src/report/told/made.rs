//! The section about how a report was made, and how to check it.

use crate::report::{
    document::{Block, Cell, Section, Tone},
    made::Made,
};

pub(super) fn told(made: &Made) -> Option<Section> {
    let row = |what: &str, is: Cell| vec![Cell::text(what), is];
    let mut rows = vec![
        row("Made", Cell::text(format!("{} by quorate {}", made.at, made.version))),
        row(
            "From the memory of",
            Cell::text(format!("agent {}, version {}", made.agent, made.agent_version)),
        ),
    ];
    rows.extend(
        made.policy_hash
            .as_ref()
            .map(|hash| row("Hash of the policy that was followed", Cell::code(&**hash))),
    );
    let mut blocks = Vec::new();
    match &made.rests_on {
        Some(range) => {
            let entries = if range.entries == 1 { "entry" } else { "entries" };
            let which = format!("{} {entries} of {} to {}", range.entries, range.first, range.last);
            rows.push(row("Rests on the audit", Cell::text(which)));
            rows.push(row("Hash of the last of them", Cell::code(&*range.last_hash)));
            blocks.push(Block::Words("To check that the audit still says the same:".to_owned()));
            blocks.push(Block::Commands(vec![format!("quorate audit verify --holds {}", range.last_hash)]));
        }
        None => {
            let none = "The agent holds no entry about it any more: attempts, refusals and notifications are missing. \
                        Give an agent's audit.jsonl with --audit.";
            blocks.push(Block::Words(none.to_owned()));
        }
    }
    let tone = match made.whole {
        Some(true) => Tone::Good,
        Some(false) => Tone::Bad,
        None => Tone::Doubtful,
    };
    rows.push(row("The audit's chain", Cell { text: made.chain.clone(), tone, code: false }));
    blocks.insert(0, Block::Table { head: vec!["What", "Is"], rows });
    Section::of("How this report was made", blocks)
}
