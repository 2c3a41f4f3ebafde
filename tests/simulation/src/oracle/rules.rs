//! The rules R1..R31 of the safety reference, one file each. A rule is shown everything that happens and complains in one
//! sentence; it may remember, and it changes nothing.

mod r01;
mod r02;
mod r04;
mod r05;
mod r08;
mod r13;
mod r14;
mod r16;
mod r20;
mod r23;
mod r25;

use super::facts::{Effect, Facts};
use quorate_core::{AuditEntry, Cluster, node::StepOrder};

/// What happens.
pub(crate) enum Seen<'a> {
    /// A replica is the first to have applied an entry.
    State(&'a Cluster),
    /// An entry of the audit, with the state in which it was first seen.
    Audit(&'a AuditEntry, &'a Cluster),
    /// An agent sends a change to the cloud.
    Sent { agent: &'a str, order: &'a StepOrder },
    /// The cloud has applied it.
    Applied(&'a Effect),
    /// An application was told that it may write.
    Promised { service: &'a str, region: &'a str, epoch: u64 },
    /// A client's write was acknowledged.
    Acknowledged { service: &'a str, region: &'a str },
    /// A look at everything, fifty times a second.
    Look,
}

/// A rule.
pub(crate) trait Rule: Send {
    /// Its number.
    fn id(&self) -> &'static str;

    /// Looks; says what is wrong, if anything is.
    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String>;
}

/// All of them.
pub(super) fn all() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(r01::NoEffectWithoutIntent),
        Box::new(r02::OneOpenExecution),
        Box::<r04::OneMeaningOnce>::default(),
        Box::new(r05::NoEffectOfAnOvertakenAttempt),
        Box::new(r08::NoActRightAfterAPause),
        Box::<r13::NoPromiseBesideAnother>::default(),
        Box::new(r14::NoWriteBesideThePromoted),
        Box::new(r16::NoLossBeyondTheLag),
        Box::new(r20::OnlyAfterAnOutageOfTheDwell),
        Box::new(r23::NeverEmptyNeverTheSick),
        Box::new(r25::NoAutomaticFailback),
    ]
}
