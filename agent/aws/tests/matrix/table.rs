//! The matrix as a Markdown table, and its place in `deploy/AWS.md`. It must not judge a cell.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cell::{Hit, Ran, Seen};
use crate::fault::Fault;
use crate::matrix::Key;
use crate::subject::Subject;

/// Where it is kept.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/AWS.md");
const BEGIN: &str = "<!-- matrix -->";
const END: &str = "<!-- /matrix -->";
/// Set by `tests/aws-matrix --write`.
const WRITE: &str = "QUORATE_MATRIX_WRITE";

/// The action, what was hit, and what was seen on the sandbox and on strict moto.
type Row<'a> = (usize, Hit, &'a Seen, &'a Seen);

/// One line for all faults with the same result.
pub(crate) fn render(
    subjects: &[Subject],
    sandbox: &BTreeMap<Key, Ran>,
    moto: &BTreeMap<Key, Ran>,
) -> String {
    let mut lines = vec![
        "| Action | What is hit | Fault | Outcome | Changes | Sandbox | Strict moto |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    let mut rows: Vec<(Row, Vec<Fault>)> = Vec::new();
    for (key, ran) in sandbox {
        let (index, hit, fault) = *key;
        let row = (index, hit, &ran.seen, &moto[key].seen);
        match rows.iter_mut().find(|(known, _)| *known == row) {
            Some((_, faults)) => faults.push(fault),
            None => rows.push((row, vec![fault])),
        }
    }
    for ((index, hit, sandbox, moto), faults) in rows {
        let hit = match hit {
            Hit::Changes => "each change",
            Hit::Reads => "the reads",
            Hit::Region => "the region",
        };
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let outcome = if sandbox.outcome == moto.outcome {
            sandbox.outcome.clone()
        } else {
            format!("{}; on strict moto {}", sandbox.outcome, moto.outcome)
        };
        let name = subjects[index].name;
        let name = match name.split_once(", ") {
            Some((action, kind)) => format!("`{action}`, {kind}"),
            None => format!("`{name}`"),
        };
        let changes: Vec<&str> = sandbox.calls.iter().map(|(operation, ..)| *operation).collect();
        let cells = [faults.join(", "), outcome, changes.join(", "), counts(sandbox), counts(moto)];
        lines.push(format!("| {name} | {hit} | {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

/// How often each change was sent and carried out.
fn counts(seen: &Seen) -> String {
    let tell = |(_, sent, carried_out): &(&str, usize, usize)| format!("{sent}/{carried_out}");
    seen.calls.iter().map(tell).collect::<Vec<_>>().join(", ")
}

/// Holds the document to the table, or writes it there when asked to.
///
/// # Panics
/// When the document says something else.
pub(crate) fn hold(table: &str) {
    let path = Path::new(DOCUMENT);
    let document = std::fs::read_to_string(path).unwrap();
    let (head, rest) = document.split_once(BEGIN).unwrap_or_else(|| panic!("no {BEGIN} in {DOCUMENT}"));
    let (said, tail) = rest.split_once(END).unwrap_or_else(|| panic!("no {END} in {DOCUMENT}"));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, format!("{head}{BEGIN}\n{table}\n{END}{tail}")).unwrap();
        return;
    }
    let news: Vec<&str> = table.lines().filter(|line| !said.contains(line)).collect();
    let olds: Vec<&str> = said.trim().lines().filter(|line| !table.contains(line)).collect();
    assert!(
        news.is_empty() && olds.is_empty(),
        "deploy/AWS.md does not say what was seen (`tests/aws-matrix --write` writes it).\nSeen:\n{}\nSaid:\n{}",
        news.join("\n"),
        olds.join("\n"),
    );
}
