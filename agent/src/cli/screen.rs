//! What a table, a word and a duration look like. Pure text: [`Screen::detect`] asks the terminal once, everything
//! else takes its answer, so that tests render for a fixed width. Only [`Screen::print`] writes.

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, TableStyle};
use std::io::{IsTerminal as _, Write as _};

/// Columns between two cells: wide enough to tell cells apart without lines.
const GAP: u16 = 2;

/// Narrowest terminal for which tables are wrapped. A narrower one is mostly a terminal that does not know its width.
const WIDTH_MIN: u16 = 40;

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns of the terminal; none when the output is not a terminal, and lines are then never wrapped, because
    /// another program reads them.
    pub width: Option<u16>,
    /// Whether colours are used.
    pub color: bool,
}

/// What a word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Somebody should look.
    Doubtful,
    /// Not as it should be.
    Bad,
    /// Neither.
    Plain,
}

impl Screen {
    /// Asks the terminal and the environment. `NO_COLOR` (any value but an empty one) turns colours off.
    #[must_use]
    pub fn detect() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: Table::new().width().filter(|width| *width >= WIDTH_MIN),
            color: terminal && !set("NO_COLOR") && !dumb,
        }
    }

    /// Writes to standard output, with a line break at the end.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.trim_end_matches('\n').as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// A word in the colour of what it tells.
    #[must_use]
    pub fn word(self, word: &str) -> String {
        self.toned(word, tone(word))
    }

    /// A text in the colour of a tone.
    #[must_use]
    pub fn toned(self, text: &str, tone: Tone) -> String {
        let color = match tone {
            Tone::Good => AnsiColor::Green,
            Tone::Doubtful => AnsiColor::Yellow,
            Tone::Bad => AnsiColor::Red,
            Tone::Plain => return text.to_owned(),
        };
        self.styled(text, Style::new().fg_color(Some(color.into())))
    }

    /// A text that stands out.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.styled(text, Style::new().bold())
    }

    fn styled(self, text: &str, style: Style) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A table without lines: a header and its rows.
    #[must_use]
    pub fn table<const N: usize>(
        self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [Cell; N]>,
    ) -> String {
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        if self.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        match self.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table.set_header(header.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

/// A cell of plain text; `-` where there is none, so that a script finds every column.
#[must_use]
pub fn cell(text: impl AsRef<str>) -> Cell {
    let text = text.as_ref();
    Cell::new(if text.is_empty() { "-" } else { text })
}

/// A cell in the colour of what its word tells.
#[must_use]
pub fn word(text: &str) -> Cell {
    let color = match tone(text) {
        Tone::Good => Color::Green,
        Tone::Doubtful => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Plain => return cell(text),
    };
    cell(text).fg(color)
}

/// What a word of the API tells. Words that are not listed are plain.
#[must_use]
pub fn tone(word: &str) -> Tone {
    match word {
        "healthy" | "succeeded" | "pass" | "ok" | "fresh" | "done" => Tone::Good,
        "unsure" | "unknown" | "stopped" | "awaiting_approval" | "paused" | "aborted" | "running"
        | "started" | "due" => Tone::Doubtful,
        "down" | "failed" | "refused" | "fail" | "overdue" | "stale" | "missing" | "unreadable"
        | "odd_size" => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// A length of time for people: `850ms`, `12.3s`, `2m5s`. Never more digits than somebody would say.
#[must_use]
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
        _ => quorate_policies::Millis::from_secs(ms / 1_000).to_string(),
    }
}

/// Every line moved to the right by two columns.
#[must_use]
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: lengths of time read like speech. Method: a table around each change of unit.
    #[test]
    fn durations_read_like_speech() {
        let table = [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1.0s"),
            (59_999, "59.9s"),
            (60_000, "1m"),
            (3_725_000, "1h2m5s"),
        ];
        for (ms, text) in table {
            assert_eq!(duration(ms), text);
        }
    }

    /// Goal: without colours no escape sequence is written, with them the bad word is red. Method: both screens.
    #[test]
    fn colours_are_written_only_where_wanted() {
        let rows = || [[word("down"), cell("")]];
        let plain = Screen { width: Some(40), color: false }.table(["STATE", "WHY"], rows());
        assert_eq!(plain, "STATE  WHY\ndown   -");
        let colored = Screen { width: Some(40), color: true }.table(["STATE", "WHY"], rows());
        assert!(colored.contains('\u{1b}') && colored.contains("down"), "{colored:?}");
        assert_eq!(Screen { width: None, color: false }.word("down"), "down");
    }

    /// Goal: a table keeps to the terminal's width, and is never wrapped for a pipe. Method: one long cell.
    #[test]
    fn a_table_keeps_to_the_width() {
        let long = "word ".repeat(40);
        let table = |width| Screen { width, color: false }.table(["A", "B"], [[cell("x"), cell(&long)]]);
        assert!(table(Some(60)).lines().all(|line| line.chars().count() <= 60));
        assert_eq!(table(None).lines().count(), 2);
    }
}
