//! Messages: a subject and a text with variables. Those that are built in are complete, so that a policy need write none.
//! What customers read says what is known and promises nothing of what is being done.

use super::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a message may name in braces.
pub const VARIABLES: [&str; 17] = [
    "affected",
    "contacts",
    "execution",
    "expected",
    "from",
    "impact",
    "level",
    "next_update",
    "outcome",
    "reason",
    "rto",
    "scenario",
    "service",
    "severity",
    "started",
    "to",
    "way",
];

/// A message with variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// In one line: a mail's subject, an incident's title, an alert's summary.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// For whom a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// For those who run the service.
    Team,
    /// For those who use it: no regions, no names, no causes.
    Customers,
}

/// The message of a moment that is built in.
#[must_use]
pub fn builtin(audience: Audience, moment: Moment) -> Template {
    let (subject, text) = match audience {
        Audience::Team => team(moment),
        Audience::Customers => customers(moment),
    };
    Template { subject: subject.to_owned(), text: text.to_owned() }
}

const fn team(moment: Moment) -> (&'static str, &'static str) {
    match moment {
        Moment::Approval => (
            "[{severity}] {service}: approval asked, {way}",
            "{reason}\nExecution {execution} ({scenario}) waits for an operator: quorate approve {execution} --reason ...\n\
             Affected: {affected}. Since {started}.",
        ),
        Moment::Begun => (
            "[{severity}] {service}: {scenario}, {way}",
            "{reason}\nExecution {execution} has begun. Impact: {impact}. Affected: {affected}. Since {started}.\n\
             Objective: {rto}, to be reached: {expected}. Next update: {next_update}.\n\
             Whoever takes it: quorate acknowledge {execution} --reason ...",
        ),
        Moment::Update => (
            "[{severity}] {service}: {scenario} {outcome}",
            "Execution {execution} {outcome}. Since {started}; expected: {expected}. Next update: {next_update}.",
        ),
        Moment::Failed => (
            "[{severity}] {service}: STOPPED, an operator is needed",
            "Execution {execution} {outcome}.\nNothing more is begun until an operator looks: quorate status, quorate abort \
             {execution}.",
        ),
        Moment::Ended => (
            "[{severity}] {service}: {scenario} {outcome}",
            "Execution {execution} ({scenario}, {way}) {outcome}. It began {started}; the objective was {rto}.\n\
             The whole story: quorate report {execution}",
        ),
    }
}

const fn customers(moment: Moment) -> (&'static str, &'static str) {
    match moment {
        Moment::Approval | Moment::Begun => (
            "Service disruption: {service}",
            "We are currently experiencing a disruption of {service}, and are working on it.\nAffected: {affected}.\n\
             Started: {started}.\nExpected resolution: {expected}.\nNext update: {next_update}.\n\
             We apologize for any inconvenience.",
        ),
        Moment::Update => (
            "Service disruption: {service}",
            "We are still working on the disruption of {service}.\nAffected: {affected}.\nExpected resolution: \
             {expected}.\nNext update: {next_update}.",
        ),
        Moment::Failed => (
            "Service disruption: {service}",
            "The disruption of {service} lasts longer than we expected, and our engineers are at it.\n\
             Affected: {affected}.\nNext update: {next_update}.",
        ),
        Moment::Ended => (
            "Service disruption: {service}",
            "{service} has been restored. The disruption began {started}.\nWe apologize for any inconvenience.",
        ),
    }
}
