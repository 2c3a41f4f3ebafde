//! The section about who was told what.

use crate::cli::screen::duration;
use crate::report::{
    communications::Communications,
    document::{Block, Cell, Section},
    execution::Report,
    people::People,
};

pub(super) fn told(report: &Report) -> Option<Section> {
    let Communications { receivers, notifications, published, people } = &report.communications;
    let mut blocks = people.as_ref().map(told_people).unwrap_or_default();
    if receivers.is_empty() && people.is_some() {
        // Everything that was told stands above.
    } else if receivers.is_empty() {
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

/// What people were told, beside what the policy wants.
fn told_people(people: &People) -> Vec<Block> {
    let length = |ms: Option<u64>| Cell::code(ms.map_or_else(|| "-".to_owned(), duration));
    let mut wanted = Vec::new();
    let first = match people.first.met {
        Some(_) => Cell::met(people.first.met),
        None => Cell::text("no limit"),
    };
    wanted.push(vec![
        Cell::text("First word, since it began"),
        length(people.first.after_ms),
        length(people.first.within_ms),
        first,
    ]);
    wanted.extend(people.silences.iter().map(|silence| {
        vec![
            Cell::text(format!("Longest silence on {}", silence.channel)),
            length(Some(silence.longest_ms)),
            length(Some(silence.cadence_ms)),
            Cell::met(Some(silence.kept)),
        ]
    }));
    wanted.extend(people.postmortems.iter().map(|draft| {
        vec![
            Cell::text(format!("Draft of the post-mortem on {}, since the end", draft.channel)),
            length(draft.after_ms),
            length(Some(draft.within_ms)),
            Cell::met(draft.met),
        ]
    }));
    let mut blocks = vec![
        Block::Heading("What people were told".to_owned()),
        Block::Table { head: vec!["Measured", "Took", "Limit", "Met"], rows: wanted },
    ];
    if !people.messages.is_empty() {
        let rows = people.messages.iter().map(|told| {
            let became = match &told.given_up {
                None => Cell::word("delivered"),
                Some(why) => Cell::text(format!("given up: {why}")),
            };
            vec![
                Cell::moment(&told.at),
                Cell::code(&*told.channel),
                Cell::text(&*told.kind),
                Cell::code(&*told.message),
                became,
            ]
        });
        let head = vec!["When", "Channel", "Kind", "Message", "Became of it"];
        blocks.push(Block::Table { head, rows: rows.collect() });
    }
    blocks.push(Block::Words(match &people.acknowledged {
        Some(said) => {
            format!("Acknowledged at {} by {}: {}.", said.at, said.by, said.reason.trim_end_matches('.'))
        }
        None => "Nobody acknowledged it by saying so.".to_owned(),
    }));
    if !people.contacts.is_empty() {
        let rows = people.contacts.iter().map(|contact| vec![Cell::text(&**contact)]);
        blocks.push(Block::Table { head: vec!["Whom to reach"], rows: rows.collect() });
    }
    blocks
}
