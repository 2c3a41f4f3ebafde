//! What is wrong with a document: always where, what and how to mend it. A problem is a value; nothing here prints.

use serde::{Serialize, Serializer};
use std::fmt;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted; somebody should look.
    Warning,
}

/// The place of a setting in its document, as keys from the outside in: `plans.failover.steps.promote.needs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// The place inside `self` that is called `key`.
    #[must_use]
    pub fn join(&self, key: impl Into<String>) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.into());
        Self(keys)
    }

    /// The place around this one; none around the document.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// The keys, from the outside in. The items of a list are called by their position: `0`, `1`.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.0
    }
}

impl<const N: usize> From<[&str; N]> for FieldPath {
    fn from(keys: [&str; N]) -> Self {
        Self(keys.into_iter().map(str::to_owned).collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong, or doubtful, with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The document, as the caller called it.
    pub file: String,
    /// The line, from 1. Zero only in what [`super::check_policy`] and [`super::check_together`] return about a
    /// policy whose text they were not given; [`super::locate`] fills it in.
    pub line: u64,
    /// The column in characters, from 1; zero with the line.
    pub column: u64,
    /// Which setting; empty for the document as a whole.
    pub field: FieldPath,
    /// Whether the document is refused for it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl Problem {
    /// Something for which a document is refused, not yet placed in a file.
    pub(super) fn error(field: FieldPath, message: impl Into<String>, mend: impl Into<String>) -> Self {
        let (message, mend) = (message.into(), mend.into());
        Self { file: String::new(), line: 0, column: 0, field, severity: Severity::Error, message, mend }
    }

    /// Something that is only doubtful, not yet placed in a file.
    pub(super) fn warning(field: FieldPath, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(field, message, mend) }
    }
}

impl fmt::Display for Problem {
    /// `file:line:column: field: message; mend`, where each part is known. A warning says so before the field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.field.keys().is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.message, self.mend)
    }
}
