//! Communication: that every name means something, that what is told can be heard, and that a message's variables exist.

use super::address;
use crate::{
    document::{
        nearest,
        problem::{FieldPath, Problem},
    },
    name::{ChannelName, ContactName, MessageName},
    plan::{
        Action,
        action::Notify,
        template::{self, TemplateError},
    },
    policy::{Channel, ChannelKind, Communication, Moment, Policy, Tell, VARIABLES},
    time::Millis,
};
use std::collections::BTreeMap;

/// Shortest cadence: a channel that is told more often is muted by its readers, and Slack and Statuspage slow it down.
const CADENCE_MIN: Millis = Millis::from_secs(60);

/// Most channels, messages, rules and levels each: many times what people can keep in mind.
const ENTRIES_MAX: usize = 50;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    let all = &policy.communication;
    let field = FieldPath::from(["communication"]);
    let sizes = [
        ("channels", all.channels.len()),
        ("messages", all.messages.len()),
        ("tell", all.tell.len()),
        ("escalation", all.escalation.len()),
        ("contacts", all.contacts.len()),
    ];
    for (key, count) in sizes.into_iter().filter(|(_, count)| *count > ENTRIES_MAX) {
        let message = format!("there are {count} entries, more than {ENTRIES_MAX}");
        problems.push(Problem::error(field.join(key), message, "keep those that somebody reads"));
    }
    for (name, channel) in &all.channels {
        channel_of(policy, &field.join("channels").join(name.as_str()), channel, problems);
    }
    for (name, message) in &all.messages {
        let place = field.join("messages").join(name.as_str());
        text(&place.join("subject"), &message.subject, problems);
        text(&place.join("text"), &message.text, problems);
    }
    for (index, tell) in all.tell.iter().enumerate() {
        rule(all, &field.join("tell").join(index.to_string()), tell, problems);
    }
    pace(all, &field, problems);
    escalation(all, &field, problems);
    for (name, contact) in &all.contacts {
        let place = field.join("contacts").join(name.as_str());
        if contact.role.trim().is_empty() {
            problems.push(Problem::error(place.join("role"), "`role` is empty", "write what they do"));
        }
        if contact.reach.iter().all(|way| way.trim().is_empty()) {
            let mend = "write an address or a number";
            problems.push(Problem::error(place.join("reach"), "nobody could reach them", mend));
        }
    }
    affects(policy, problems);
    for (plan, steps) in &policy.plans {
        for (step, template) in &steps.steps {
            if let Action::Notify(notify) = &template.action {
                let place = FieldPath::from(["plans", plan.as_str(), "steps", step.as_str(), "notify"]);
                handed_over(all, &place, notify, problems);
            }
        }
    }
}

fn channel_of(policy: &Policy, field: &FieldPath, channel: &Channel, problems: &mut Vec<Problem>) {
    if channel.kind().is_none() {
        let known: Vec<&str> = ChannelKind::ALL.into_iter().map(ChannelKind::as_str).collect();
        let message = "a channel is of exactly one kind";
        problems.push(Problem::error(field.clone(), message, format!("write one of {}", known.join(", "))));
        return;
    }
    let empty = |place: FieldPath, problems: &mut Vec<Problem>| {
        let key = place.keys().last().cloned().unwrap_or_default();
        problems.push(Problem::error(place, format!("`{key}` is empty"), "write its value"));
    };
    if let Some(smtp) = &channel.smtp {
        let place = field.join("smtp");
        if smtp.to.is_empty() {
            empty(place.join("to"), problems);
        }
        let all = std::iter::once(("from", &smtp.from)).chain(smtp.to.iter().map(|to| ("to", to)));
        for (key, address) in all.filter(|(_, address)| !mailbox(address)) {
            let message = format!("`{address}` is not a mail address");
            problems.push(Problem::error(place.join(key), message, "write for example ops@example.com"));
        }
    }
    if let Some(page) = &channel.statuspage {
        let place = field.join("statuspage");
        if page.page.trim().is_empty() {
            empty(place.join("page"), problems);
        }
        for component in page.components.keys().filter(|name| !policy.components.contains_key(*name)) {
            let mend = nearest::mend(component.as_str(), policy.components.keys().map(AsRef::as_ref));
            let message = format!("there is no component `{component}`");
            problems.push(Problem::error(place.join("components"), message, mend));
        }
    }
    if let Some(webhook) = &channel.webhook
        && let Err(wrong) = address::web(&webhook.url)
    {
        let mend = "write for example https://hooks.example.com/quorate";
        problems.push(Problem::error(field.join("webhook").join("url"), wrong, mend));
    }
}

/// Whether a text can be an address: something, one `@`, and a host.
fn mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
    plain(local) && plain(domain) && !local.contains(['<', '>', ',', ';'])
}

fn text(field: &FieldPath, written: &str, problems: &mut Vec<Problem>) {
    if written.trim().is_empty() {
        problems.push(Problem::error(
            field.clone(),
            "the message says nothing",
            "write what people shall read",
        ));
        return;
    }
    let values: BTreeMap<String, String> =
        VARIABLES.iter().map(|name| ((*name).to_owned(), String::new())).collect();
    match template::resolve(written, &values) {
        Ok(_) => {}
        Err(TemplateError::Unknown { name, .. }) => {
            let message = format!("a message has no variable `{{{name}}}`");
            problems.push(Problem::error(field.clone(), message, nearest::mend(&name, VARIABLES)));
        }
        Err(TemplateError::Brace { .. } | TemplateError::Twice { .. }) => {
            let mend = "close it, or write it twice if it stands for itself";
            problems.push(Problem::error(field.clone(), "a brace has no partner", mend));
        }
    }
}

fn rule(all: &Communication, field: &FieldPath, tell: &Tell, problems: &mut Vec<Problem>) {
    channels(all, field, &tell.channels, problems);
    for (moment, name) in &tell.messages {
        message(all, &field.join("messages").join(moment.as_str()), name, problems);
        if !tell.moments.is_empty() && !tell.moments.contains(moment) {
            let word = moment.as_str();
            let wrong = format!("nobody is told of `{word}` by this entry");
            problems.push(Problem::error(
                field.join("messages").join(word),
                wrong,
                format!("add `{word}` to its moments, or remove the message"),
            ));
        }
    }
    for moment in &tell.moments {
        let deaf = tell.channels.iter().find_map(|name| {
            let kind = all.channels.get(name).and_then(Channel::kind)?;
            (!kind.hears(*moment)).then_some((name, kind))
        });
        if let Some((name, kind)) = deaf {
            let (word, kind) = (moment.as_str(), kind.as_str());
            let message = format!("channel `{name}` is of kind {kind}, which has no use for `{word}`");
            let mend = format!("remove `{word}`, or give `{name}` an entry of its own");
            problems.push(Problem::error(field.join("moments"), message, mend));
        }
        if *moment == Moment::Update && all.cadence.is_none() {
            let message = "there are no updates without a `cadence`";
            let mend = "write for example `cadence: 30m` under `communication`";
            problems.push(Problem::error(field.join("moments"), message, mend));
        }
    }
}

fn pace(all: &Communication, field: &FieldPath, problems: &mut Vec<Problem>) {
    if let Some(cadence) = all.cadence.filter(|cadence| *cadence < CADENCE_MIN) {
        let message = format!("an update every {cadence} is read by nobody");
        problems.push(Problem::error(field.join("cadence"), message, format!("write {CADENCE_MIN} or more")));
    }
    if all.first_update_within.is_some_and(|within| within.is_zero()) {
        let message = "nobody can be told before it happens";
        problems.push(Problem::error(field.join("first_update_within"), message, "write for example 5m"));
    }
    if let Some(within) = all.first_update_within
        && all.channels.is_empty()
    {
        let message = format!("somebody must be told within {within}, and there is no channel");
        let mend = "add one under `communication.channels`";
        problems.push(Problem::error(field.join("first_update_within"), message, mend));
    }
}

fn escalation(all: &Communication, field: &FieldPath, problems: &mut Vec<Problem>) {
    let mut before: Option<Millis> = None;
    for (index, level) in all.escalation.iter().enumerate() {
        let place = field.join("escalation").join(index.to_string());
        channels(all, &place, &level.channels, problems);
        if before.is_some_and(|before| level.after < before) {
            let message = format!("`after: {}` comes before the level above it", level.after);
            problems.push(Problem::error(place.join("after"), message, "write the levels in their order"));
        }
        before = Some(level.after);
        for name in level.contacts.iter().filter(|name| !all.contacts.contains_key(*name)) {
            let mend = nearest::mend(name.as_str(), all.contacts.keys().map(ContactName::as_str));
            let message = format!("there is no contact `{name}`");
            problems.push(Problem::error(place.join("contacts"), message, mend));
        }
        if let Some(name) = &level.message {
            message(all, &place.join("message"), name, problems);
        }
        let silent = level.channels.iter().find(|name| {
            all.channels.get(*name).and_then(Channel::kind).is_some_and(|kind| !kind.calls_people())
        });
        if let Some(name) = silent {
            let message = format!("nobody is called by channel `{name}`");
            let mend = "escalate by pagerduty, slack, smtp or a webhook";
            problems.push(Problem::error(place.join("channels"), message, mend));
        }
    }
}

/// A channel is a name of `communication.channels`, and there is at least one.
fn channels(all: &Communication, field: &FieldPath, names: &[ChannelName], problems: &mut Vec<Problem>) {
    if names.is_empty() {
        problems.push(Problem::error(field.join("channels"), "there is no channel", "name one or more"));
    }
    for name in names.iter().filter(|name| !all.channels.contains_key(*name)) {
        let mend = nearest::mend(name.as_str(), all.channels.keys().map(ChannelName::as_str));
        let message = format!("there is no channel `{name}`");
        problems.push(Problem::error(field.join("channels"), message, mend));
    }
}

fn message(all: &Communication, field: &FieldPath, name: &MessageName, problems: &mut Vec<Problem>) {
    if !all.messages.contains_key(name) {
        let mend = nearest::mend(name.as_str(), all.messages.keys().map(MessageName::as_str));
        problems.push(Problem::error(field.clone(), format!("there is no message `{name}`"), mend));
    }
}

fn handed_over(all: &Communication, place: &FieldPath, notify: &Notify, problems: &mut Vec<Problem>) {
    channels(all, place, &notify.channels, problems);
    message(all, &place.join("message"), &notify.message, problems);
}

fn affects(policy: &Policy, problems: &mut Vec<Problem>) {
    for (name, scenario) in &policy.scenarios {
        for component in scenario.affects.iter().filter(|one| !policy.components.contains_key(*one)) {
            let mend = nearest::mend(component.as_str(), policy.components.keys().map(AsRef::as_ref));
            let message = format!("there is no component `{component}`");
            let field = FieldPath::from(["scenarios", name.as_str(), "affects"]);
            problems.push(Problem::error(field, message, mend));
        }
    }
}
