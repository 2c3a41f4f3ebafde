//! The audit: its entries, and what was proven of its chain.

use crate::cli::{
    held::Proof,
    screen::{Screen, Tone, cell},
};
use quorate_api::AuditEntry;

/// `quorate audit show`.
#[must_use]
pub fn entries(screen: Screen, entries: &[AuditEntry]) -> String {
    if entries.is_empty() {
        return "No such entry; an agent holds the latest thousand, and its audit.jsonl all of them."
            .to_owned();
    }
    let rows = entries.iter().map(|entry| {
        let about = entry.execution.as_deref().or(entry.service.as_deref()).unwrap_or_default();
        [
            cell(entry.sequence.to_string()),
            cell(&entry.at),
            cell(&entry.actor),
            cell(about),
            cell(&entry.message),
        ]
    });
    screen.table(["ENTRY", "AT", "WHO", "ABOUT", "WHAT"], rows)
}

/// `quorate audit verify`.
#[must_use]
pub fn proof(screen: Screen, source: &str, proof: &Proof, gaps: bool) -> String {
    let chain = match proof {
        Proof::Whole(chain) => chain,
        Proof::Broken(broken) => {
            let word = screen.toned("BROKEN", Tone::Bad);
            let mut lines = vec![
                format!("{source}: {word}: {broken}"),
                format!("Proven before it: {}", broken.before.sentence()),
            ];
            if !gaps && matches!(broken.fault, crate::record::Fault::Number { .. }) {
                lines.push(
                    "An export of one service or execution lacks entries by right: add --gaps.".to_owned(),
                );
            }
            return lines.join("\n");
        }
        Proof::NotTold => return format!("{source}: cannot be checked from afar"),
    };
    let word = screen.toned("whole", Tone::Good);
    let mut lines = vec![format!("{source}: {word}: {}", chain.sentence())];
    if let Some(first) = chain.first.as_ref().filter(|first| first.sequence > 1) {
        lines.push(format!("Begins with entry {}: what was before it is not here.", first.sequence));
    }
    if let Some(last) = &chain.last {
        lines.push(format!("The hash of entry {}: {}", last.sequence, last.hash));
    }
    lines.join("\n")
}
