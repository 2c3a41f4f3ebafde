//! What people were told of an execution: what the log knows of its messages, beside what the policy in force wants.

use quorate_api::told::{Acknowledged, ChannelTold, MessageTold, PeopleTold};
use quorate_core::{Cluster, Execution, Heard};
use quorate_policies::{
    ChannelName, Policy,
    policy::{Channel, Moment},
};

/// None where the policy names neither a channel nor anybody to reach, and nobody said anything.
pub(super) fn told(cluster: &Cluster, record: &Execution) -> Option<PeopleTold> {
    let policy = &cluster.services.get(&record.service)?.policy;
    let communication = &policy.communication;
    let told = cluster.told_of(&record.id);
    let silent = communication.channels.is_empty() && communication.contacts.is_empty();
    if silent && told.acknowledged.is_none() {
        return None;
    }
    let none = Heard::default();
    let channels = communication.channels.iter();
    let started = if record.automatic() { record.failing_since } else { record.decided_at };
    Some(PeopleTold {
        channels: channels
            .map(|(name, channel)| {
                channel_told(policy, record, name, channel, told.channels.get(name).unwrap_or(&none))
            })
            .collect(),
        started_at: started.to_string(),
        first_update_within_ms: communication.first_update_within.map(|length| length.0),
        cadence_ms: communication.cadence.map(|length| length.0),
        acknowledged: told.acknowledged.map(|said| Acknowledged {
            by: said.by,
            reason: said.reason,
            at: said.at.to_string(),
        }),
        contacts: contacts(policy),
    })
}

/// Whom people can reach, each in one line.
pub(super) fn contacts(policy: &Policy) -> Vec<String> {
    policy.communication.contacts.values().map(quorate_policies::policy::Contact::line).collect()
}

fn channel_told(
    policy: &Policy,
    record: &Execution,
    name: &ChannelName,
    channel: &Channel,
    heard: &Heard,
) -> ChannelTold {
    let severity = policy.severity(record.scenario.as_ref());
    let mut messages: Vec<_> = heard.messages.iter().collect();
    messages.sort_by_key(|(key, mark)| (mark.at, *key));
    let postmortem = channel.statuspage.as_ref().and_then(|page| page.postmortem_within);
    ChannelTold {
        name: name.to_string(),
        kind: channel.kind().map_or("", |kind| kind.as_str()).to_owned(),
        updates: policy.communication.hears(name, severity, Moment::Update),
        postmortem_within_ms: postmortem.map(|length| length.0),
        reference: heard.reference.clone(),
        messages: messages
            .into_iter()
            .map(|(key, mark)| MessageTold {
                message: key.clone(),
                at: mark.at.to_string(),
                given_up: mark.given_up.clone(),
            })
            .collect(),
    }
}
