//! A report as a document: figures, then sections of blocks. Every text in it is plain: what it may contain is the renderers'
//! worry, and they escape all of it. No markup is ever put into a text here.

use super::timeline::Timeline;

/// A document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// What somebody in a hurry looks for.
    pub figures: Vec<Figure>,
    /// The rest.
    pub sections: Vec<Section>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The figure.
    pub value: String,
    /// What it is measured against.
    pub note: String,
    /// What it tells.
    pub tone: Tone,
}

/// A section.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// A block.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A paragraph.
    Words(String),
    /// A small heading.
    Heading(String),
    /// A table.
    Table {
        /// Titles of the columns.
        head: Vec<&'static str>,
        /// Its rows.
        rows: Vec<Vec<Cell>>,
    },
    /// An execution in time.
    Chart(Timeline),
    /// Questions, with room for an answer below each.
    Form(Vec<String>),
    /// Commands, one a line.
    Commands(Vec<String>),
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// What it tells.
    pub tone: Tone,
    /// Whether it is a name, a hash or a number, whose letters should line up.
    pub code: bool,
}

/// What a text tells.
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

impl Cell {
    /// A plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, code: false }
    }

    /// A name, a hash or a number.
    pub fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, code: true }
    }

    /// A moment of the API, with a space in which a line may be broken.
    #[must_use]
    pub fn moment(at: &str) -> Self {
        Self::code(at.replacen('T', " ", 1))
    }

    /// A word that tells something by itself, such as a state.
    pub fn word(word: &str) -> Self {
        Self { text: word.to_owned(), tone: Tone::of(word), code: false }
    }

    /// Whether an objective was met.
    #[must_use]
    pub fn met(met: Option<bool>) -> Self {
        let (text, tone) = match met {
            Some(true) => ("within", Tone::Good),
            Some(false) => ("MISSED", Tone::Bad),
            None => ("not known", Tone::Doubtful),
        };
        Self { text: text.to_owned(), tone, code: false }
    }
}

impl Tone {
    /// What a word of the API tells.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "succeeded" | "healthy" => Tone::Good,
            "failed" | "impossible" | "down" => Tone::Bad,
            "stopped" | "aborted" | "unknown" | "started" | "running" | "undoing" | "awaiting_approval"
            | "suspect" => Tone::Doubtful,
            _ => Tone::Plain,
        }
    }
}

impl Section {
    /// A section, unless nothing stands in it.
    #[must_use]
    pub fn of(title: &str, blocks: Vec<Block>) -> Option<Self> {
        (!blocks.is_empty()).then(|| Self { title: title.to_owned(), blocks })
    }
}
