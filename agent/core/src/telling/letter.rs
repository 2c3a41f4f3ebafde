//! What a message says: the template of its moment with this execution's values, and the facts by which receivers sort it.
//! The same execution gives the same words, whichever agent sends them.

use super::{Occasion, Why};
use crate::cluster::execution::{Execution, ExecutionState};
use quorate_policies::{
    ChannelName, ComponentName, Millis, RegionName, ServiceName, Timestamp,
    guard::Trigger,
    plan::{Action, template},
    policy::{Audience, Moment, Policy, Severity, Template, builtin},
};
use std::collections::BTreeMap;

/// One message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// In one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// What it is about.
    pub facts: Facts,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which execution.
    pub execution: String,
    /// Which service.
    pub service: ServiceName,
    /// The scenario's name.
    pub scenario: String,
    /// The region that is left.
    pub from: RegionName,
    /// The region that is activated.
    pub to: RegionName,
    /// How grave it is.
    pub severity: Severity,
    /// The execution's state in one word.
    pub state: &'static str,
    /// Since when.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What people miss.
    pub affected: Vec<ComponentName>,
}

/// The message of a channel.
#[must_use]
pub fn letter(occasion: &Occasion<'_>, channel: &ChannelName, why: &Why, now: Timestamp) -> Letter {
    let template = template(occasion, channel, why);
    let values = values(occasion, why, now);
    // The policy's check has tried every text; one that cannot be resolved is sent as it is written.
    let fill = |text: &str| template::resolve(text, &values).unwrap_or_else(|_| text.to_owned());
    Letter { subject: fill(&template.subject), text: fill(&template.text), facts: facts(occasion) }
}

fn facts(occasion: &Occasion<'_>) -> Facts {
    let execution = occasion.execution;
    Facts {
        execution: execution.id.clone(),
        service: execution.service.clone(),
        scenario: scenario(occasion),
        from: execution.from().clone(),
        to: execution.to().clone(),
        severity: occasion.severity(),
        state: execution.state.word(),
        started: started(execution),
        ended: execution.ended_at,
        affected: affected(occasion),
    }
}

fn template(occasion: &Occasion<'_>, channel: &ChannelName, why: &Why) -> Template {
    let (told, severity) = (&occasion.policy.communication, occasion.severity());
    // Customers are not told that what was given up is mended.
    let aborted = matches!(occasion.execution.state, ExecutionState::Aborted { .. });
    let unmended = aborted && told.audience(channel, severity) == Audience::Customers;
    let failed = Why::Moment(Moment::Failed, 0);
    let why = if unmended && *why == Why::Moment(Moment::Ended, 0) { &failed } else { why };
    let own = |moment: Moment| told.rule(channel, severity).and_then(|tell| tell.messages.get(&moment));
    let named = match why {
        Why::Moment(moment, _) => own(*moment),
        Why::Question(_) => own(Moment::Approval),
        Why::Step(step) => match occasion.execution.plan.steps.get(step).map(|step| &step.action) {
            Some(Action::Notify(notify)) => Some(&notify.message),
            Some(_) | None => None,
        },
        Why::Escalation(level) => told.escalation.get(*level).and_then(|level| level.message.as_ref()),
        Why::Acknowledged | Why::Postmortem => None,
    };
    if let Some(template) = named.and_then(|name| told.messages.get(name)) {
        return template.clone();
    }
    let plain = |subject: &str, text: &str| Template { subject: subject.to_owned(), text: text.to_owned() };
    match why {
        Why::Moment(moment, _) => builtin(told.audience(channel, severity), *moment),
        Why::Question(_) => plain(
            "[{severity}] {service}: a step of {execution} asks",
            "{reason}\nAnswer it: quorate approve {execution} --step ... --reason ...",
        ),
        // Its message has gone with a later policy.
        Why::Step(_) => builtin(Audience::Team, Moment::Update),
        Why::Escalation(_) => plain(
            "[{severity}] {service}: nobody has acknowledged {execution}, level {level}",
            "{reason}\nExecution {execution} ({scenario}, {way}) {outcome}; since {started}.\n{contacts}\nWhoever \
             takes it: quorate acknowledge {execution} --reason ...",
        ),
        Why::Acknowledged => plain("{service}: {execution} is taken up", "{reason}"),
        Why::Postmortem => plain(
            "Post-mortem: {service}",
            "Summary: {service} was disrupted.\nAffected: {affected}.\nStarted: {started}.\n\nWhat happened:\n\nWhat we did:\n\n\
             What we will change:\n",
        ),
    }
}

fn values(occasion: &Occasion<'_>, why: &Why, now: Timestamp) -> BTreeMap<String, String> {
    let (execution, policy) = (occasion.execution, occasion.policy);
    let objective = execution.objective.unwrap_or_else(|| policy.objective(execution.scenario.as_ref()));
    let level = if let Why::Escalation(level) = why { level + 1 } else { 0 };
    let affected = affected(occasion);
    let affected: Vec<&str> = affected.iter().map(ComponentName::as_str).collect();
    let values = [
        ("affected", if affected.is_empty() { execution.service.to_string() } else { affected.join(", ") }),
        ("contacts", contacts(policy, why)),
        ("execution", execution.id.clone()),
        ("expected", expected(execution, objective.rto, now)),
        ("from", execution.from().to_string()),
        ("impact", impact(occasion)),
        ("level", level.to_string()),
        ("next_update", next_update(occasion, now)),
        ("outcome", execution.state.to_string()),
        ("reason", reason(occasion, why)),
        ("rto", objective.rto.to_string()),
        ("scenario", scenario(occasion)),
        ("service", execution.service.to_string()),
        ("severity", format!("{:?}", occasion.severity())),
        ("started", minute(started(execution))),
        ("to", execution.to().to_string()),
        ("way", way(execution)),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// By when it shall be over; a moment that has passed promises nothing.
fn expected(execution: &Execution, rto: Millis, now: Timestamp) -> String {
    let by = Timestamp(started(execution).0.saturating_add(rto.0));
    let missed = now > by && !execution.state.ended();
    if missed { "as soon as possible".to_owned() } else { minute(by) }
}

/// The scenario that was declared, or the one that the agents detect.
fn scenario(occasion: &Occasion<'_>) -> String {
    let execution = occasion.execution;
    let detected = || occasion.policy.scenarios.iter().find(|(_, scenario)| scenario.when.is_some());
    match (&execution.scenario, detected()) {
        (Some(name), _) | (None, Some((name, _))) => name.to_string(),
        (None, None) => execution.plan.name.to_string(),
    }
}

/// Where it leads, or where it is.
fn way(execution: &Execution) -> String {
    let (from, to) = (execution.from(), execution.to());
    if from == to { format!("in {to}") } else { format!("{from} -> {to}") }
}

/// Since when people are without the service, as far as the agents know.
fn started(execution: &Execution) -> Timestamp {
    if execution.automatic() { execution.failing_since } else { execution.decided_at }
}

fn affected(occasion: &Occasion<'_>) -> Vec<ComponentName> {
    let policy = occasion.policy;
    let scenario = match &occasion.execution.scenario {
        Some(name) => policy.scenarios.get(name),
        None => policy.scenarios.values().find(|scenario| scenario.when.is_some()),
    };
    let own = scenario.map(|scenario| scenario.affects.clone()).unwrap_or_default();
    if own.is_empty() && occasion.execution.plan.moves {
        policy.components.keys().cloned().collect()
    } else {
        own
    }
}

fn impact(occasion: &Occasion<'_>) -> String {
    let execution = occasion.execution;
    let described = execution.scenario.as_ref().and_then(|name| occasion.policy.scenarios.get(name));
    match described.map(|scenario| scenario.description.trim()).filter(|text| !text.is_empty()) {
        Some(description) => description.to_owned(),
        None if execution.automatic() => {
            format!("{} does not answer in {}", execution.service, execution.from())
        }
        None => format!("{} is being recovered", execution.service),
    }
}

fn next_update(occasion: &Occasion<'_>, now: Timestamp) -> String {
    match occasion.policy.communication.cadence {
        Some(_) if occasion.execution.state.ended() => "when there is news".to_owned(),
        Some(cadence) => minute(Timestamp(now.0.saturating_add(cadence.0))),
        None => "when there is news".to_owned(),
    }
}

fn reason(occasion: &Occasion<'_>, why: &Why) -> String {
    let execution = occasion.execution;
    if let Why::Question(step) = why
        && let Some(Action::Approval(approval)) = execution.plan.steps.get(step).map(|step| &step.action)
    {
        return format!("Step {step} asks: {}", approval.ask);
    }
    if *why == Why::Acknowledged {
        return occasion.told.acknowledged.as_ref().map_or_else(
            || "An operator is at it.".to_owned(),
            |said| format!("{} is at it: {}", said.by, said.reason),
        );
    }
    if let ExecutionState::Stopped { step, reason } = &execution.state {
        return format!("Step {step} failed: {reason}");
    }
    match &execution.trigger {
        Trigger::Automatic => format!("The agents agree that {} is down.", execution.from()),
        Trigger::Operator { by, reason, .. } => format!("{by}: {reason}"),
    }
}

/// Those whom the level calls; without any, all that there are.
fn contacts(policy: &Policy, why: &Why) -> String {
    let told = &policy.communication;
    let called = match why {
        Why::Escalation(level) => told.escalation.get(*level).map(|level| level.contacts.clone()),
        Why::Moment(..) | Why::Question(_) | Why::Step(_) | Why::Acknowledged | Why::Postmortem => None,
    };
    let called = called.filter(|names| !names.is_empty());
    let lines: Vec<String> = match called {
        Some(names) => names
            .iter()
            .filter_map(|name| told.contacts.get(name))
            .map(|one| format!("Call: {}", one.line()))
            .collect(),
        None => told.contacts.values().map(|one| format!("Reach: {}", one.line())).collect(),
    };
    lines.join("\n")
}

/// A moment as people read it, to the minute.
fn minute(at: Timestamp) -> String {
    let text = Timestamp(at.0 / Millis::from_secs(60).0 * Millis::from_secs(60).0).to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        (_, _) => text,
    }
}
