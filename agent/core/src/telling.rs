//! What people are to be told now: a pure function of the execution, the policy's `communication`, what has been told, and the
//! moment. For each channel it names at most one message, the first that is missing, so that a channel hears the story in
//! its order. It sends nothing, and what it leaves out it will name again.

mod letter;

pub use letter::{Facts, Letter, letter};

use crate::cluster::{
    Cluster,
    execution::{Execution, ExecutionState, StepState},
    told::{Heard, MARKS_MAX, Told},
};
use quorate_policies::{
    ChannelName, Millis, Policy, StepName, Timestamp,
    plan::Action,
    policy::{Announce, Audience, Channel, ChannelKind, EscalationLevel, Moment, Severity},
};

/// How long after its end an execution is told of that nobody heard of before: a channel that a policy gets later is not told
/// old stories.
const LATE_MAX: Millis = Millis::from_secs(3_600);
/// How long after its end anything is told of an execution: what could not be said within a day is in its report.
const OVER: Millis = Millis::from_secs(24 * 3_600);
/// Most updates of one execution by one channel: four days of half hours. One that stands longer is nobody's news.
const UPDATES_MAX: usize = 200;

/// Why a message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A moment of the execution; an update with its number, from 1.
    Moment(Moment, usize),
    /// A step asks for an operator's approval.
    Question(StepName),
    /// A step of the plan hands a message over.
    Step(StepName),
    /// Nobody has acknowledged; the level's place in the policy, from 0.
    Escalation(usize),
    /// Somebody has acknowledged.
    Acknowledged,
    /// A draft of the post-mortem.
    Postmortem,
}

impl Why {
    /// The message's name among those of one execution and channel: the same for every repetition.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Why::Moment(Moment::Update, number) => format!("update-{number}"),
            Why::Moment(moment, _) => moment.as_str().to_owned(),
            Why::Question(step) => format!("approval-{step}"),
            Why::Step(step) => format!("step-{step}"),
            Why::Escalation(level) => format!("escalation-{}", level + 1),
            Why::Acknowledged => "acknowledged".to_owned(),
            Why::Postmortem => "postmortem".to_owned(),
        }
    }

    /// Of which kind it is: a metric's label.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Why::Moment(moment, _) => moment.as_str(),
            Why::Question(_) => Moment::Approval.as_str(),
            Why::Step(_) => "step",
            Why::Escalation(_) => "escalation",
            Why::Acknowledged => "acknowledged",
            Why::Postmortem => "postmortem",
        }
    }
}

/// Every kind of message: the metric's labels.
pub const KINDS: [&str; 9] =
    ["approval", "begun", "update", "failed", "ended", "step", "escalation", "acknowledged", "postmortem"];

/// One message that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which channel.
    pub channel: ChannelName,
    /// Why.
    pub why: Why,
    /// Its name among those of the execution and the channel.
    pub key: String,
    /// What the channel calls what it already holds of this execution.
    pub reference: Option<String>,
    /// What it says.
    pub letter: Letter,
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The execution.
    pub execution: &'a Execution,
    /// The policy in force.
    pub policy: &'a Policy,
    /// What was told of it.
    pub told: &'a Told,
    /// Whether somebody has taken it up.
    pub acknowledged: bool,
    /// Whether customers may hear of it: a drill is no news for them.
    pub public: bool,
}

impl<'a> Occasion<'a> {
    /// The occasion of one execution, if its service has a policy with channels.
    #[must_use]
    pub fn of(cluster: &'a Cluster, execution: &'a Execution, none: &'a Told) -> Option<Self> {
        let policy = &cluster.services.get(&execution.service)?.policy;
        if policy.communication.channels.is_empty() {
            return None;
        }
        let told = cluster.told.get(&execution.id).unwrap_or(none);
        let acknowledged = cluster.acknowledged(&execution.id);
        // A drill is no news for customers, unless it says so.
        let public = execution.drill.as_ref().is_none_or(|drill| drill.announce == Announce::Public);
        Some(Self { execution, policy, told, acknowledged, public })
    }

    /// How grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.policy.severity(self.execution.scenario.as_ref())
    }
}

/// The messages that are due: at most one for each channel.
#[must_use]
pub fn due(occasion: &Occasion<'_>, now: Timestamp) -> Vec<Message> {
    if occasion.execution.ended_at.is_some_and(|ended| now.since(ended) > OVER) {
        return Vec::new();
    }
    let none = Heard::default();
    let channels = occasion.policy.communication.channels.iter();
    let messages = channels.filter_map(|(name, channel)| {
        let heard = occasion.told.channels.get(name).unwrap_or(&none);
        let why = missing(occasion, name, channel, heard, now)?;
        Some(Message {
            channel: name.clone(),
            key: why.key(),
            reference: heard.reference.clone(),
            letter: letter(occasion, name, &why, now),
            why,
        })
    });
    messages.collect()
}

/// The alerts that stand open: what an Alertmanager has to be told again before it forgets them.
#[must_use]
pub fn standing(occasion: &Occasion<'_>, now: Timestamp) -> Vec<Message> {
    if occasion.execution.state.ended() {
        return Vec::new();
    }
    let channels = occasion.policy.communication.channels.iter();
    let open = channels.filter(|(name, channel)| {
        channel.kind() == Some(ChannelKind::Alertmanager)
            && occasion.told.channels.get(*name).is_some_and(Heard::anything)
    });
    let why = if matches!(occasion.execution.state, ExecutionState::Stopped { .. }) {
        Why::Moment(Moment::Failed, 0)
    } else {
        Why::Moment(Moment::Begun, 0)
    };
    open.map(|(name, _)| Message {
        channel: name.clone(),
        key: why.key(),
        reference: None,
        letter: letter(occasion, name, &why, now),
        why: why.clone(),
    })
    .collect()
}

/// The first message that a channel lacks.
fn missing(
    occasion: &Occasion<'_>,
    name: &ChannelName,
    channel: &Channel,
    heard: &Heard,
    now: Timestamp,
) -> Option<Why> {
    let kind = channel.kind()?;
    let public = occasion.policy.communication.audience(name, occasion.severity()) == Audience::Customers;
    if heard.messages.len() >= MARKS_MAX || (public && !occasion.public) {
        return None;
    }
    let told = |why: &Why| heard.messages.contains_key(&why.key());
    let mut due = handed_over(occasion, name);
    if occasion.execution.state.ended() {
        due.extend(at_the_end(occasion, name, channel, kind, heard, now));
    } else {
        // What has begun first, then what a plan says, then what is missing of an answer, and the pace last.
        let steps = std::mem::replace(&mut due, so_far(occasion, name));
        due.extend(steps);
        due.extend(escalated(occasion, name, now));
        due.extend(heeded(occasion, kind, heard));
    }
    due.into_iter().find(|why| !told(why)).or_else(|| update(occasion, name, heard, now))
}

/// What has happened of an execution that has not ended.
fn so_far(occasion: &Occasion<'_>, name: &ChannelName) -> Vec<Why> {
    let execution = occasion.execution;
    let hears = |moment| occasion.policy.communication.hears(name, occasion.severity(), moment);
    let mut due = Vec::new();
    match &execution.state {
        ExecutionState::AwaitingApproval if hears(Moment::Approval) => {
            due.push(Why::Moment(Moment::Approval, 0))
        }
        ExecutionState::AwaitingApproval => {}
        ExecutionState::Running
        | ExecutionState::Stopped { .. }
        | ExecutionState::Undoing { .. }
        | ExecutionState::Succeeded { .. }
        | ExecutionState::Aborted { .. } => {
            if hears(Moment::Begun) {
                due.push(Why::Moment(Moment::Begun, 0));
            }
        }
    }
    if hears(Moment::Approval) && execution.state == ExecutionState::Running {
        due.extend(questions(execution).map(|step| Why::Question(step.clone())));
    }
    if matches!(execution.state, ExecutionState::Stopped { .. }) && hears(Moment::Failed) {
        due.push(Why::Moment(Moment::Failed, 0));
    }
    due
}

/// Steps that wait for an operator's answer.
fn questions(execution: &Execution) -> impl Iterator<Item = &StepName> {
    execution.plan.steps.iter().filter_map(|(name, step)| {
        let progress = execution.steps.get(name)?;
        let asked = matches!(progress.state, StepState::Started { .. }) && progress.approved_by.is_none();
        (asked && matches!(step.action, Action::Approval(_))).then_some(name)
    })
}

/// What steps have handed over to this channel.
fn handed_over(occasion: &Occasion<'_>, name: &ChannelName) -> Vec<Why> {
    let execution = occasion.execution;
    let steps = execution.plan.steps.iter().filter_map(|(step, planned)| {
        let Action::Notify(notify) = &planned.action else { return None };
        let progress = execution.steps.get(step)?;
        let stands = matches!(progress.state, StepState::Succeeded { .. });
        let late =
            execution.ended_at.is_some_and(|ended| ended.since(progress.ended_at.unwrap_or(ended)) > OVER);
        (stands && !late && notify.channels.contains(name))
            .then(|| (progress.ended_at, Why::Step(step.clone())))
    });
    let mut steps: Vec<(Option<Timestamp>, Why)> = steps.collect();
    steps.sort_by_key(|(at, _)| *at);
    steps.into_iter().map(|(_, why)| why).collect()
}

/// The levels that are due while nobody has taken it up.
fn escalated(occasion: &Occasion<'_>, name: &ChannelName, now: Timestamp) -> Vec<Why> {
    if occasion.acknowledged {
        return Vec::new();
    }
    let (severity, waited) = (occasion.severity(), now.since(occasion.execution.decided_at));
    let applies = |level: &EscalationLevel| {
        let grave = level.severities.is_empty() || level.severities.contains(&severity);
        grave && waited >= level.after && level.channels.contains(name)
    };
    let levels = occasion.policy.communication.escalation.iter().enumerate();
    levels.filter(|(_, level)| applies(level)).map(|(index, _)| Why::Escalation(index)).collect()
}

/// Whoever was called is told that somebody has taken it up, and an open alert is acknowledged.
fn heeded(occasion: &Occasion<'_>, kind: ChannelKind, heard: &Heard) -> Option<Why> {
    let called = heard.delivered("escalation-") || (kind == ChannelKind::PagerDuty && heard.anything());
    (occasion.acknowledged && called).then_some(Why::Acknowledged)
}

/// An update, when the last word is a cadence ago. A channel that was told nothing yet hears the first one well before it is
/// owed, so that it can be tried again.
fn update(occasion: &Occasion<'_>, name: &ChannelName, heard: &Heard, now: Timestamp) -> Option<Why> {
    let told = &occasion.policy.communication;
    let cadence = told.cadence?;
    let hears = told.hears(name, occasion.severity(), Moment::Update);
    if !hears || occasion.execution.state.ended() {
        return None;
    }
    let wait = match told.first_update_within {
        Some(within) if heard.messages.is_empty() => Millis(within.0 / 4 * 3).min(cadence),
        Some(_) | None => cadence,
    };
    let since = heard.latest().unwrap_or(occasion.execution.decided_at);
    let number = heard.messages.keys().filter(|key| key.starts_with("update-")).count() + 1;
    (now.since(since) >= wait && number <= UPDATES_MAX).then_some(Why::Moment(Moment::Update, number))
}

/// The last word, and the draft of a post-mortem.
fn at_the_end(
    occasion: &Occasion<'_>,
    name: &ChannelName,
    channel: &Channel,
    kind: ChannelKind,
    heard: &Heard,
    now: Timestamp,
) -> Vec<Why> {
    let execution = occasion.execution;
    let late = execution.ended_at.is_none_or(|ended| now.since(ended) > LATE_MAX);
    let hears = occasion.policy.communication.hears(name, occasion.severity(), Moment::Ended);
    // What was opened is closed, and whoever was called is told that it is over.
    let open = heard.anything() && (kind.opens() || heard.delivered("escalation-"));
    let fresh = !kind.opens() && hears && (!late || heard.anything());
    let mut due = Vec::new();
    if open || fresh {
        due.push(Why::Moment(Moment::Ended, 0));
    }
    let drafts = channel.statuspage.as_ref().is_some_and(|page| page.postmortem_within.is_some());
    let resolved = matches!(execution.state, ExecutionState::Succeeded { .. });
    if drafts && resolved && heard.delivered(Moment::Ended.as_str()) {
        due.push(Why::Postmortem);
    }
    due
}
