//! A document as Markdown that also reads as plain text. Everything that came from outside is escaped: it can be neither
//! markup nor HTML.

use super::{
    document::{Block, Cell, Document, Section},
    scale::{Scale, written},
    timeline::{Bar, Timeline},
};
use crate::cli::screen::duration;

/// Columns of the chart: with the labels and the notes a line stays within what an editor shows.
const COLUMNS: usize = 56;
/// Columns of a chart's labels.
const LABEL_COLUMNS: usize = 16;

/// A document as Markdown.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut parts = vec![format!("# {}", escaped(&document.title)), escaped(&document.subtitle)];
    if !document.figures.is_empty() {
        let rows = document.figures.iter().map(|figure| {
            vec![Cell::text(&*figure.label), Cell::text(&*figure.value), Cell::text(&*figure.note)]
        });
        parts.push(table(&["", "", ""], &rows.collect::<Vec<_>>()));
    }
    parts.extend(document.sections.iter().map(section));
    parts.join("\n\n") + "\n"
}

fn section(section: &Section) -> String {
    let blocks = section.blocks.iter().map(block);
    std::iter::once(format!("## {}", escaped(&section.title))).chain(blocks).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Words(text) => escaped(text),
        Block::Heading(text) => format!("### {}", escaped(text)),
        Block::Table { head, rows } => table(head, rows),
        Block::Chart(timeline) => fenced(&chart(timeline)),
        Block::Form(questions) => {
            let each = questions.iter().map(|question| format!("**{}**\n\n&nbsp;", escaped(question)));
            each.collect::<Vec<_>>().join("\n\n")
        }
        Block::Commands(lines) => {
            fenced(&lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n"))
        }
    }
}

/// A block of code that nothing in it can end.
fn fenced(text: &str) -> String {
    format!("```text\n{}\n```", text.replace("```", "'''"))
}

fn table(head: &[&str], rows: &[Vec<Cell>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        line(head.iter().map(|title| escaped(title)).collect()),
        line(head.iter().map(|_| "---".to_owned()).collect()),
    ];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| escaped(&cell.text)).collect())));
    lines.join("\n")
}

/// The chart in letters: `=` done, `x` failed, `?` unknown, `>` under way, `-` a phase.
fn chart(timeline: &Timeline) -> String {
    let scale = Scale::of(timeline);
    let mut lines = vec![axis(&scale)];
    for row in &timeline.rows {
        let mut cells = vec![' '; COLUMNS];
        for stop in &scale.breaks {
            cells[column(stop.at)] = ':';
        }
        for bar in &row.bars {
            let (from, to) = (column(scale.place(bar.from_ms)), column(scale.place(bar.to_ms)));
            cells[from..=to.saturating_sub(1).max(from)].fill(letter(bar));
        }
        let took: u64 = row.bars.iter().map(|bar| bar.to_ms - bar.from_ms).sum();
        let took = if row.bars.is_empty() { String::new() } else { duration(took) };
        let cells: String = cells.into_iter().collect();
        let label: String = one_line(&row.label).chars().take(LABEL_COLUMNS).collect();
        let line = format!("{label:<LABEL_COLUMNS$} |{cells}| {took} {}", one_line(&row.state));
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push("= done   x failed   ? unknown   > under way   - phase".to_owned());
    let breaks: Vec<String> = scale.breaks.iter().map(|stop| written(stop.length_ms)).collect();
    if !breaks.is_empty() {
        lines.push(format!(": nothing ran for {}", breaks.join(", then for ")));
    }
    lines.join("\n")
}

fn axis(scale: &Scale) -> String {
    let mut line = vec![' '; LABEL_COLUMNS + 2];
    for (ms, place) in scale.ticks(6) {
        let at = LABEL_COLUMNS + 2 + column(place);
        if line.len() <= at {
            line.resize(at, ' ');
            line.extend(written(ms).chars());
            line.push(' ');
        }
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place lies between 0 and 1")]
#[expect(clippy::cast_precision_loss, reason = "a chart has some dozens of columns")]
fn column(place: f64) -> usize {
    ((place * COLUMNS as f64).round() as usize).min(COLUMNS - 1)
}

fn letter(bar: &Bar) -> char {
    match bar.tone {
        "done" => '=',
        "failed" => 'x',
        "running" => '>',
        "phase" => '-',
        _ => '?',
    }
}

/// A text in which nothing is markup, on one line.
fn escaped(text: &str) -> String {
    let text = one_line(text);
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (index, &letter) in letters.iter().enumerate() {
        let within = |at: usize| letters.get(at).is_some_and(|letter| letter.is_alphanumeric());
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Within a word it is only a letter, and names are full of it.
            '_' if index > 0 && within(index - 1) && within(index + 1) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// A text without line breaks and other letters that no reader should obey.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
