//! What people were told of an execution, measured: how soon somebody was, how long a channel was left without a word, and what
//! could not be said. What a receiver did with a message it has taken nobody here knows.

use crate::record::part::between;
use quorate_api::{
    Execution,
    told::{Acknowledged, ChannelTold, PeopleTold},
};
use serde::Serialize;

/// How much later than the cadence says an update may come: a message is sent when it is due, and takes a moment.
const LATE_MS_MAX: u64 = 60_000;

/// What people were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct People {
    /// Every message, in the order of time.
    pub messages: Vec<Message>,
    /// How soon the first word was delivered.
    pub first: First,
    /// How long each channel that hears updates was left without one.
    pub silences: Vec<Silence>,
    /// The drafts of post-mortems.
    pub postmortems: Vec<Postmortem>,
    /// Who has taken it up by saying so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// Whom people can reach.
    pub contacts: Vec<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// When it was delivered or given up, RFC 3339.
    pub at: String,
    /// By which channel.
    pub channel: String,
    /// Of which kind the channel is.
    pub kind: String,
    /// Which message.
    pub message: String,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// How soon the first word was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct First {
    /// After so many milliseconds; none if nobody was told.
    pub after_ms: Option<u64>,
    /// Within how many it had to be.
    pub within_ms: Option<u64>,
    /// Whether it was.
    pub met: Option<bool>,
}

/// How long one channel was left without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// Which channel.
    pub channel: String,
    /// The longest time without a word while the execution lasted, in milliseconds.
    pub longest_ms: u64,
    /// The policy's cadence.
    pub cadence_ms: u64,
    /// Whether it was kept.
    pub kept: bool,
}

/// The draft of a post-mortem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Postmortem {
    /// By which channel.
    pub channel: String,
    /// So long after the end, in milliseconds; none if there is none.
    pub after_ms: Option<u64>,
    /// Within how many it has to be.
    pub within_ms: u64,
    /// Whether it was; none while there is time.
    pub met: Option<bool>,
}

/// What people were told, if the policy in force has anybody to tell.
#[must_use]
pub fn people(execution: &Execution, now: &str) -> Option<People> {
    let told = execution.people.as_ref()?;
    let mut messages: Vec<Message> = told.channels.iter().flat_map(messages).collect();
    messages.sort_by(|a, b| (&a.at, &a.channel).cmp(&(&b.at, &b.channel)));
    let end = execution.ended_at.as_deref().unwrap_or(now);
    Some(People {
        first: first(told, &messages),
        silences: told.channels.iter().filter_map(|channel| silence(execution, told, channel, end)).collect(),
        postmortems: told.channels.iter().filter_map(|channel| postmortem(execution, channel, now)).collect(),
        acknowledged: told.acknowledged.clone(),
        contacts: told.contacts.clone(),
        messages,
    })
}

fn messages(channel: &ChannelTold) -> impl Iterator<Item = Message> {
    channel.messages.iter().map(|told| Message {
        at: told.at.clone(),
        channel: channel.name.clone(),
        kind: channel.kind.clone(),
        message: told.message.clone(),
        given_up: told.given_up.clone(),
    })
}

fn first(told: &PeopleTold, messages: &[Message]) -> First {
    let delivered = messages.iter().find(|message| message.given_up.is_none());
    let after = delivered.and_then(|message| between(&told.started_at, &message.at));
    let within = told.first_update_within_ms;
    First {
        after_ms: after,
        within_ms: within,
        met: within.map(|within| after.is_some_and(|after| after <= within)),
    }
}

/// From the decision to the end, or to now.
fn silence(execution: &Execution, told: &PeopleTold, channel: &ChannelTold, end: &str) -> Option<Silence> {
    let cadence = told.cadence_ms.filter(|_| channel.updates)?;
    let words = channel.messages.iter().filter(|told| told.given_up.is_none()).map(|told| told.at.as_str());
    // What was said after the end breaks no silence before it.
    let words = words.filter(|at| *at <= end);
    let moments: Vec<&str> =
        std::iter::once(execution.decided_at.as_str()).chain(words).chain(std::iter::once(end)).collect();
    let longest = moments.windows(2).filter_map(|pair| between(pair[0], pair[1])).max()?;
    Some(Silence {
        channel: channel.name.clone(),
        longest_ms: longest,
        cadence_ms: cadence,
        kept: longest <= cadence.saturating_add(LATE_MS_MAX),
    })
}

fn postmortem(execution: &Execution, channel: &ChannelTold, now: &str) -> Option<Postmortem> {
    let within = channel.postmortem_within_ms?;
    let ended = execution.ended_at.as_ref().filter(|_| execution.state == "succeeded")?;
    let draft = channel.messages.iter().find(|told| told.message == "postmortem" && told.given_up.is_none());
    let after = draft.and_then(|draft| between(ended, &draft.at));
    let late = between(ended, now).is_some_and(|since| since > within);
    let met = match after {
        Some(after) => Some(after <= within),
        None => late.then_some(false),
    };
    Some(Postmortem { channel: channel.name.clone(), after_ms: after, within_ms: within, met })
}
