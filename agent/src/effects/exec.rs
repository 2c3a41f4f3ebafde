//! `exec`: runs a program of the agent's own file, as a job of this attempt. It only asks and converts: `judge` decides,
//! `allowed` says what may run, and `jobs` runs it.
//!
//! - **Called on:** this host. No shell reads the arguments; the agent's file names every program.
//! - **The fence:** none by itself. A command is told the epoch (`QUORATE_EPOCH`) and may pass it on. One attempt begins
//!   its program once; the program ends with the attempt, at the latest with this agent.
//! - **Unknown after an act:** a program that was ended in its midst, or whose host lost its power. The policy's `observe`
//!   decides then, or its `idempotent`, or nobody but a human.
//! - **Cannot be undone:** what takes a command back is another command, in a plan of its own.

mod allowed;
pub(super) mod judge;

use crate::jobs::{
    Job, Jobs, StartError,
    journal::Attempt,
    order::{End, How},
    output::last_line,
};
pub(crate) use allowed::runnable;
use allowed::{Allowed, NotAllowed};
use judge::{Past, Sight, asks, judge};
use quorate_policies::{
    Millis, RegionName,
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::action::{Exec, ExecObserve},
    readiness::{Finding, FindingSeverity},
};
use regex::Regex;
use std::{path::Path, sync::Arc};

/// How long a look may take. With its runner's start it stays within the longest call (12 s).
const LOOK_MAX: Millis = Millis::from_secs(10);

/// The room.
pub struct Execs {
    allowed: Option<Allowed>,
    region: RegionName,
    jobs: Arc<Jobs>,
}

impl Execs {
    /// By the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path, jobs: Arc<Jobs>) -> Self {
        Self { allowed: Allowed::of(file, base), region: file.region.clone(), jobs }
    }

    /// Looks at the attempt's job, and at the world where the policy says how.
    pub async fn observe(&self, action: &Exec, context: &EffectContext) -> Observed {
        let job = match self.jobs.look(&Attempt::of(context)).await {
            Ok(job) => job,
            Err(error) => return Observed::Unknown { reason: format!("the journal of this agent: {error}") },
        };
        if matches!(job, Job::None { .. })
            && let Err(refusal) = self.order(&action.command, action, context).await
        {
            return Observed::Impossible { reason: refusal.to_string() };
        }
        let past = past(action, context, job);
        let sight = match action.observe.as_ref().filter(|_| asks(&past)) {
            Some(observe) => Some(self.sight(observe, action, context).await),
            None => None,
        };
        judge(past, context.unheard, action.idempotent, sight)
    }

    /// Begins the job.
    pub async fn act(&self, action: &Exec, context: &EffectContext) -> Acted {
        let order = match self.order(&action.command, action, context).await {
            Ok(order) => order,
            // Waiting would not mend it, and a person who is told at once can.
            Err(refusal) => return Acted::Refused { reason: refusal.to_string(), retryable: false },
        };
        match self.jobs.begin(&Attempt::of(context), &order).await {
            Ok(()) => Acted::Accepted { detail: format!("{} runs", name(&action.command)) },
            Err(StartError::NotBegun { reason, retryable }) => Acted::Refused { reason, retryable },
            Err(StartError::Unknown(reason)) => Acted::Unknown { reason },
        }
    }

    /// Ends the attempt's job, if it runs.
    pub async fn let_go(&self, attempt: &Attempt) {
        self.jobs.let_go(attempt).await;
    }

    /// What stands in the way, as far as this host tells.
    pub async fn check(&self, action: &Exec, context: &EffectContext) -> Vec<Finding> {
        // Steps run in the regions of the plan; what an agent elsewhere lacks matters only when no other is left.
        let near = [&context.from, &context.to].into_iter().any(|region| *region == self.region.as_str());
        let severity = if near { FindingSeverity::Blocking } else { FindingSeverity::Warning };
        let mut findings: Vec<Finding> = Vec::new();
        for command in [Some(&action.command), action.observe.as_ref().map(|observe| &observe.command)] {
            let Some(command) = command else { continue };
            if let Err(NotAllowed { what, mend }) = self.order(command, action, context).await {
                findings.push(Finding::new(severity, what, mend));
            }
        }
        findings.dedup();
        findings
    }

    async fn order(
        &self,
        command: &[String],
        action: &Exec,
        context: &EffectContext,
    ) -> Result<crate::jobs::order::Order, NotAllowed> {
        let Some(allowed) = self.allowed.clone() else {
            let what = "this agent's file has no `exec` section: it runs no command".to_owned();
            let mend = "add `exec: {programs: {NAME: /PATH}, dir: /DIR}` to it".to_owned();
            return Err(NotAllowed { what, mend });
        };
        let (command, action, context) = (command.to_vec(), action.clone(), context.clone());
        let deadline = context.timeout;
        let order = move || allowed.order(&command, &action, &context, deadline);
        tokio::task::spawn_blocking(order).await.unwrap_or_else(|error| {
            let (what, mend) = (error.to_string(), "look at this agent's log".to_owned());
            Err(NotAllowed { what, mend })
        })
    }

    /// Runs the policy's own look.
    async fn sight(&self, observe: &ExecObserve, action: &Exec, context: &EffectContext) -> Sight {
        let context = EffectContext { timeout: LOOK_MAX, ..context.clone() };
        let order = match self.order(&observe.command, action, &context).await {
            Ok(order) => order,
            Err(refusal) => return Sight::Unclear(format!("the look: {refusal}")),
        };
        let what = name(&observe.command);
        match self.jobs.glance(&order).await {
            Err(why) => Sight::Unclear(format!("the look: {why}")),
            Ok(end) => match &end.how {
                How::Exited { code: 0 } => match unmatched(observe.stdout.as_deref(), &end.stdout) {
                    None => Sight::Stands(seen(what, &end)),
                    Some(why) => Sight::Absent(format!("{what} {why}: {}", last_line(&end.stdout))),
                },
                How::Exited { .. } => Sight::Absent(seen(what, &end)),
                How::Killed { .. } | How::TimedOut { .. } | How::Stopped { .. } | How::NotBegun { .. } => {
                    Sight::Unclear(seen(what, &end))
                }
            },
        }
    }
}

/// What is remembered, as the decision takes it.
fn past(action: &Exec, context: &EffectContext, job: Job) -> Past {
    let what = name(&action.command);
    match job {
        // An attempt that goes on and was never looked at here: its disk is not the one that it began on.
        Job::None { certain } => Past::Untouched { certain: certain || !context.resumed },
        Job::Runs { since: Some(since), line } if line.is_empty() => {
            Past::AtWork { detail: format!("{what} has run for {}", whole(since)) }
        }
        Job::Runs { since: Some(since), line } => {
            Past::AtWork { detail: format!("{what} has run for {}: {line}", whole(since)) }
        }
        Job::Runs { since: None, .. } => {
            Past::AtWork { detail: format!("{what} was begun before this agent started, and is being ended") }
        }
        Job::Lost { own } => {
            let reason = format!("{what} had begun, and how it ended was not written down: nobody knows");
            Past::Interrupted { reason, own }
        }
        Job::Ended { end, own } => ended(action, what, &end, own),
    }
}

fn ended(action: &Exec, what: &str, end: &End, own: bool) -> Past {
    match &end.how {
        How::Exited { code } => {
            let wanted = u8::try_from(*code).is_ok_and(|code| action.success.codes.contains(&code));
            match unmatched(action.success.stdout.as_deref(), &end.stdout).filter(|_| wanted) {
                Some(why) => Past::Badly { reason: format!("{}; {why}", seen(what, end)) },
                None if wanted => Past::Well { detail: seen(what, end) },
                None => Past::Badly { reason: seen(what, end) },
            }
        }
        How::Killed { .. } | How::TimedOut { .. } => Past::Badly { reason: seen(what, end) },
        How::Stopped { .. } => Past::Interrupted { reason: seen(what, end), own },
        How::NotBegun { .. } => Past::Untouched { certain: true },
    }
}

/// Why an output is not the one that is wanted. The check has seen that the expression compiles.
fn unmatched(pattern: Option<&str>, output: &str) -> Option<String> {
    let pattern = pattern?;
    match Regex::new(pattern) {
        // The newline that ends an output is no part of what is said: `^3$` means a 3.
        Ok(regex) if regex.is_match(output.trim_end_matches(['\r', '\n'])) => None,
        Ok(_) => Some(format!("its output does not match `{pattern}`")),
        Err(_) => Some(format!("`{pattern}` is no regular expression")),
    }
}

/// How a program ended, and what it said last.
fn seen(what: &str, end: &End) -> String {
    let (how, took, words) = (&end.how, whole(end.took), end.last_words());
    let after = if matches!(how, How::TimedOut { .. }) { String::new() } else { format!(" after {took}") };
    if words.is_empty() { format!("{what} {how}{after}") } else { format!("{what} {how}{after}: {words}") }
}

/// A program's name, as the policy calls it.
fn name(command: &[String]) -> &str {
    command.first().map_or("the command", String::as_str)
}

/// A length as a person reads it: no milliseconds behind seconds.
fn whole(length: Millis) -> Millis {
    if length < Millis::from_secs(1) { length } else { Millis(length.0 / 1_000 * 1_000) }
}
