//! What the agent and a job's runner say to each other, one JSON line each: the order on the runner's standard input, the
//! news on its standard output. An order holds secrets: it is never printed, logged or kept, and so it has no `Debug`.

use quorate_policies::Millis;
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf};

/// What is to run.
#[derive(Clone, Serialize, Deserialize)]
pub struct Order {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs.
    pub dir: PathBuf,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// What is masked in all that it says.
    pub secrets: Vec<String>,
    /// How long it may run.
    pub deadline: Millis,
}

/// What the runner tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "news")]
pub enum News {
    /// It holds the record, and waits for the order.
    Ready,
    /// The program runs.
    Runs {
        /// The number of its process, and of its group.
        process: i32,
    },
    /// The program's last line.
    Line {
        /// The line.
        text: String,
    },
    /// Nothing of it runs any more.
    Ended {
        /// What became of it.
        end: End,
    },
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How it ended.
    pub how: How,
    /// How long it ran.
    pub took: Millis,
    /// When it ended, in milliseconds since 1970, by the host's clock.
    pub at_ms: u64,
    /// The end of its standard output.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
    /// Whether one of them was longer.
    pub cut: bool,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum How {
    /// By itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// By a signal that was not the runner's.
    Killed {
        /// Which.
        signal: i32,
    },
    /// It was ended at its deadline.
    TimedOut {
        /// The deadline.
        after: Millis,
    },
    /// It was ended in its midst.
    Stopped {
        /// Why.
        why: String,
    },
    /// It never began.
    NotBegun {
        /// Why.
        why: String,
    },
}

impl End {
    /// One that never began.
    #[must_use]
    pub fn not_begun(why: impl Into<String>) -> Self {
        let (took, at_ms) = (Millis::ZERO, now_ms());
        let (stdout, stderr) = (String::new(), String::new());
        Self { how: How::NotBegun { why: why.into() }, took, at_ms, stdout, stderr, cut: false }
    }

    /// What it said last: where it complains, or else what it reports.
    #[must_use]
    pub fn last_words(&self) -> String {
        let complaint = super::output::last_line(&self.stderr);
        if complaint.is_empty() || self.how == (How::Exited { code: 0 }) {
            let report = super::output::last_line(&self.stdout);
            return if report.is_empty() { complaint } else { report };
        }
        complaint
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Exited { code } => write!(f, "ended with exit code {code}"),
            How::Killed { signal } => write!(f, "was killed by signal {signal}"),
            How::TimedOut { after } => write!(f, "was not done after {after}, and was ended then"),
            How::Stopped { why } => write!(f, "was ended in its midst: {why}"),
            How::NotBegun { why } => write!(f, "did not begin: {why}"),
        }
    }
}

/// The host's clock. Only told, never compared.
#[must_use]
pub(super) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
