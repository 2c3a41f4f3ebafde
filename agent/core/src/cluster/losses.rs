//! What an execution loses, step by step: what a promoted replica lacked, and by how much a backup, or the moment of a restore,
//! is older than the failure. It measures nothing: it reads what the log was told before each step acted.

use super::execution::{Execution, StepProgress};
use quorate_policies::{
    Millis, StepName, Timestamp,
    plan::{Action, Before, Lag},
};
use std::fmt;

/// What one step loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// What the promoted replica lacked.
    Behind(Lag),
    /// All that came after a backup, or after the moment that is restored.
    Since {
        /// The backup, or the instance.
        of: String,
        /// When it was taken, or the moment.
        moment: Timestamp,
        /// From then until the failure.
        window: Millis,
    },
    /// The latest moment that the provider has, which it does not tell beforehand.
    Latest {
        /// The instance.
        of: String,
    },
}

impl Lost {
    /// How much time is lost; none if nobody knows, which is not zero (R7).
    #[must_use]
    pub const fn window(&self) -> Option<Millis> {
        match self {
            Lost::Behind(Lag::Known { behind, .. }) => Some(*behind),
            Lost::Since { window, .. } => Some(*window),
            Lost::Behind(Lag::Unknown { .. }) | Lost::Latest { .. } => None,
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Behind(lag) => write!(f, "{lag}"),
            Lost::Since { of, moment, window } => {
                write!(f, "{of} as of {moment}, {window} before the failure")
            }
            Lost::Latest { of } => {
                write!(f, "the latest moment of {of} that can be restored, which is not known beforehand")
            }
        }
    }
}

impl Execution {
    /// What each step loses, by step.
    pub fn losses(&self) -> impl Iterator<Item = (&StepName, Lost)> {
        self.steps.iter().filter_map(|(name, progress)| Some((name, self.lost(name, progress)?)))
    }

    fn lost(&self, name: &StepName, progress: &StepProgress) -> Option<Lost> {
        if let Some(Before::Promoted { lag, .. }) = &progress.before {
            return Some(Lost::Behind(lag.clone()));
        }
        if let Some(Before::Restored { file, taken, .. }) = &progress.before {
            return Some(self.since(file, *taken));
        }
        // The policy says the moment; nothing is lost by a step that never began.
        let Action::RdsRestoreToPointInTime(action) = &self.plan.steps.get(name)?.action else { return None };
        progress.started_at?;
        let of = &action.source;
        Some(match action.at.parse() {
            Ok(moment) => self.since(of, moment),
            Err(_) => Lost::Latest { of: of.clone() },
        })
    }

    /// A declared failure began when it was declared, as far as anybody knows.
    fn since(&self, of: &str, moment: Timestamp) -> Lost {
        Lost::Since { of: of.to_owned(), moment, window: self.failing_since.since(moment) }
    }
}
