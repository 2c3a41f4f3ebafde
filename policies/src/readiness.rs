//! What stands in the way of a plan, found before it is needed (R21). A finding is a value with its mend; the plan is
//! ready when none of them is blocking. What could not be looked at is a finding of its own, never silence (R7).

use crate::name::StepName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// The step would fail.
    Blocking,
    /// The step may fail, take longer, or leave a service that is worse than before.
    Warning,
    /// It could not be looked at: whether the step would work is not known.
    Unknown,
    /// Good to know.
    Note,
}

impl FindingSeverity {
    /// All of them, the gravest first.
    pub const ALL: [FindingSeverity; 4] = [
        FindingSeverity::Blocking,
        FindingSeverity::Warning,
        FindingSeverity::Unknown,
        FindingSeverity::Note,
    ];

    /// The severity in one word: a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FindingSeverity::Blocking => "blocking",
            FindingSeverity::Warning => "warning",
            FindingSeverity::Unknown => "unknown",
            FindingSeverity::Note => "note",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: FindingSeverity,
    /// Which step it concerns; none for the plan as a whole.
    pub step: Option<StepName>,
    /// What was found.
    pub what: String,
    /// What to do about it; empty for a note.
    pub mend: String,
}

impl Finding {
    /// A finding that belongs to no step yet.
    #[must_use]
    pub fn new(severity: FindingSeverity, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity, step: None, what: what.into(), mend: mend.into() }
    }

    /// The step would fail.
    #[must_use]
    pub fn blocking(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(FindingSeverity::Blocking, what, mend)
    }

    /// The step may fail or leave a service that is worse than before.
    #[must_use]
    pub fn warning(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(FindingSeverity::Warning, what, mend)
    }

    /// It could not be looked at.
    #[must_use]
    pub fn unknown(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(FindingSeverity::Unknown, what, mend)
    }

    /// Good to know.
    #[must_use]
    pub fn note(what: impl Into<String>) -> Self {
        Self::new(FindingSeverity::Note, what, "")
    }

    /// The same, of a step.
    #[must_use]
    pub fn of(self, step: &StepName) -> Self {
        Self { step: Some(step.clone()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.severity.as_str())?;
        if let Some(step) = &self.step {
            write!(f, ", step {step}")?;
        }
        write!(f, ": {}", self.what)?;
        if self.mend.is_empty() { Ok(()) } else { write!(f, "; {}", self.mend) }
    }
}

/// Whether nothing known stands in the plan's way.
#[must_use]
pub fn ready(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity != FindingSeverity::Blocking)
}
