//! The rules R1..R31 of the safety reference, one file each. A rule is shown everything that happens and complains in one
//! sentence; it may remember, and it changes nothing.

#[cfg(test)]
mod crafted;
mod r01;
mod r02;
mod r03;
mod r04;
mod r04_calls;
mod r05;
mod r06;
mod r07;
mod r08;
mod r09;
mod r10;
mod r11;
mod r12;
mod r13;
mod r14;
mod r15;
mod r16;
mod r17;
mod r18;
mod r19;
mod r20;
mod r21;
mod r22;
mod r23;
mod r24;
mod r25;
mod r26;
mod r27;
mod r28;
mod r29;
mod r30;
mod r31;

use super::facts::{Effect, Facts};
use quorate_core::{AuditEntry, Cluster, node::StepOrder};
use quorate_policies::{RegionName, ServiceName, agreement::Evidence};

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
    /// A client's write was acknowledged. The client's own place is told too.
    Acknowledged { service: &'a str, region: &'a str, client: &'a str },
    /// An agent offers an automatic decision to the log, on this evidence and in the state that is the newest.
    Proposed {
        agent: &'a str,
        state: &'a Cluster,
        service: &'a ServiceName,
        from: &'a RegionName,
        to: &'a RegionName,
        evidence: &'a Evidence,
    },
    /// A second has passed.
    Second,
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
        Box::new(r01::NoEffectWithoutIntent::default()),
        Box::new(r02::OneOpenExecution),
        Box::new(r03::CooledDownAndTakenOver),
        Box::<r04::OneMeaningOnce>::default(),
        Box::new(r04_calls::EveryCallIsAccountedFor),
        Box::new(r05::NoEffectOfAnOvertakenAttempt::default()),
        Box::new(r06::AMajorityHasSeenIt),
        Box::new(r07::TheSilentHaveNoVote),
        Box::new(r08::NoActRightAfterAPause),
        Box::new(r09::TheHealthySightVetoes),
        Box::new(r10::NotWhenAllIsDown),
        Box::new(r11::NothingWithoutAQuorum),
        Box::new(r12::VotersInThreeRegions),
        Box::new(r13::NoPromiseBesideAnother),
        Box::<r14::NoWriteBesideThePromoted>::default(),
        Box::new(r15::AFenceStopsNothing),
        Box::new(r16::NoLossBeyondTheLag),
        Box::new(r17::AllReadingsAgree),
        Box::new(r18::TheOldPrimaryStaysFenced),
        Box::new(r19::CooldownAndCap),
        Box::new(r20::OnlyAfterAnOutageOfTheDwell),
        Box::new(r21::TheStandbyServes),
        Box::new(r22::TasksRunBeforeTraffic),
        Box::new(r23::NeverEmptyNeverTheSick),
        Box::new(r24::TheRightObject),
        Box::new(r25::NoAutomaticFailback),
        Box::new(r26::AHoldIsObeyed),
        Box::new(r27::EverybodyLooksEverywhere),
        Box::new(r28::TellingHoldsNothingUp),
        Box::new(r29::OnePolicy),
        Box::<r30::NothingWaitsForEver>::default(),
        Box::<r31::EverythingIsExplained>::default(),
    ]
}
