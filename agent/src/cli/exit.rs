//! How a command ends. The exit codes are part of the interface: scripts branch on them. Everything that can go
//! wrong becomes one [`Failure`], which knows its code; nothing here prints.

use super::{client::ClientError, held::HeldError, signal::SignalFailure, token::TokenError};
use crate::{init::InitError, record::place::PlaceError};
use quorate_api::Problem;
use std::{path::PathBuf, process::ExitCode};

/// How a command ends, as the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It failed, or files differ, or a file has errors.
    Failed = 1,
    /// The command line was wrong, or a confirmation was missing.
    Usage = 2,
    /// A guard refused; the reason was printed.
    Refused = 3,
    /// The execution was still running when the wait ended.
    StillRunning = 4,
    /// No agent was reached.
    NoAgent = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// The operator said no.
    #[error("not confirmed: nothing was done")]
    NotConfirmed,
    /// The agent refused, failed or was not reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The operator token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The directory cannot be set up.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The signal was not set up or checked.
    #[error(transparent)]
    Signal(#[from] SignalFailure),
    /// The audit is of no use here.
    #[error(transparent)]
    Held(#[from] HeldError),
    /// A file was not written.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file cannot be read.
    #[error("cannot read {file}: {detail}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why not.
        detail: String,
    },
    /// Findings that were collected, one to a line.
    #[error("{}", .0.join("\n"))]
    Findings(Vec<String>),
    /// The terminal or the pipe behind standard output failed.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// A value cannot be shown in the chosen format.
    #[error("cannot show the answer as {format}: {detail}")]
    Format {
        /// Which format.
        format: &'static str,
        /// Why not.
        detail: String,
    },
    /// The agent, the sandbox or the demo ended with an error.
    #[error("{0:#}")]
    Run(anyhow::Error),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Client(error) => error.exit(),
            // The reader of a pipe that has seen enough, as in `quorate history | head`, is no failure.
            Failure::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
            Failure::NotConfirmed
            | Failure::Token(_)
            | Failure::Init(_)
            | Failure::Signal(_)
            | Failure::Held(_)
            | Failure::Place(_)
            | Failure::Read { .. }
            | Failure::Findings(_)
            | Failure::Output(_)
            | Failure::Format { .. }
            | Failure::Run(_) => Exit::Failed,
        }
    }

    /// What is printed on standard error: one line that begins with `quorate: `, and findings below it. Empty when
    /// there is nothing to say.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            Failure::Client(ClientError::Problem(problem)) => report_problem(problem),
            Failure::Findings(findings) => findings.join("\n"),
            other if other.exit() == Exit::Done => String::new(),
            other => format!("quorate: {other}"),
        }
    }
}

/// A problem document as `quorate: TITLE: DETAIL`, its findings below.
#[must_use]
pub fn report_problem(problem: &Problem) -> String {
    let mut lines = vec![format!("quorate: {}: {}", problem.title, problem.detail)];
    lines.extend(problem.findings.iter().map(|finding| format!("  {finding}")));
    if let Some(guard) = &problem.guard {
        lines.push(format!("  refused by the guard `{guard}`; `quorate explain SERVICE` shows all guards"));
    }
    if let Some(execution) = &problem.execution {
        lines.push(format!("  it concerns execution {execution}: quorate history --execution {execution}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a problem prints as one line of title and detail, with findings, guard and execution below.
    /// Method: a problem with all of them.
    #[test]
    fn a_problem_prints_with_its_findings() {
        let problem = Problem {
            guard: Some("cooldown".into()),
            execution: Some("shop-3".into()),
            findings: vec!["shop.yaml:3:1: regions: no standby; add one".into()],
            ..Problem::new(409, "refused", "Refused by a guard", "cooling down: 12m left of 1h")
        };
        insta::assert_snapshot!(report_problem(&problem), @r"
        quorate: Refused by a guard: cooling down: 12m left of 1h
          shop.yaml:3:1: regions: no standby; add one
          refused by the guard `cooldown`; `quorate explain SERVICE` shows all guards
          it concerns execution shop-3: quorate history --execution shop-3
        ");
    }

    /// Goal: each failure has the documented exit code. Method: one of each kind.
    #[test]
    fn failures_have_their_exit_codes() {
        let problem = |guard: Option<&str>| {
            let problem = Problem { guard: guard.map(str::to_owned), ..Problem::new(409, "x", "X", "x") };
            Failure::from(ClientError::Problem(Box::new(problem))).exit()
        };
        assert_eq!(problem(Some("hold")), Exit::Refused);
        assert_eq!(problem(None), Exit::Failed);
        assert_eq!(Failure::Usage(String::new()).exit(), Exit::Usage);
        assert_eq!(Failure::NotConfirmed.exit(), Exit::Failed);
        let unreached =
            ClientError::NoAgent { address: "http://127.0.0.1:1".into(), detail: "refused".into() };
        assert_eq!(Failure::from(unreached).exit(), Exit::NoAgent);
        let pipe = Failure::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!((pipe.exit(), pipe.report()), (Exit::Done, String::new()));
    }
}
