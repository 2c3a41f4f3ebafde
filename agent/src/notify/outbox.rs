//! Which audit entries become notifications, and what they look like: CloudEvents 1.0 in JSON. Pure. The same entry
//! always gives the same bytes, whichever agent sends it, so that a receiver knows a repetition by `source` and `id`.

use bytes::Bytes;
use quorate_core::{AuditEntry, AuditEvent};
use quorate_policies::ServiceName;
use serde::Serialize;
use serde_json::Value;

/// Every type of event, without prefix and version: also the metric's label.
pub const EVENT_TYPES: [&str; 11] = [
    "failover.awaiting_approval",
    "failover.started",
    "failover.refused",
    "failover.stopped",
    "failover.succeeded",
    "failover.aborted",
    "step.completed",
    "lease.released",
    "override.set",
    "override.cleared",
    "drill.due",
];

/// One event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The audit entry's number.
    pub(super) sequence: u64,
    /// Which service it is about.
    pub(super) service: ServiceName,
    /// One of [`EVENT_TYPES`].
    pub(super) kind: &'static str,
    /// The same for every repetition.
    pub(super) id: String,
    /// The CloudEvent.
    pub(super) body: Bytes,
}

/// The envelope, as CloudEvents 1.0 names its attributes.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<&'a str>,
    sequence: u64,
    actor: &'a str,
    message: String,
    details: Value,
}

/// The event that an entry becomes, if it becomes one.
pub(super) fn event(cluster: &str, entry: &AuditEntry) -> Option<Event> {
    let kind = kind(entry)?;
    let service = entry.service.as_ref()?;
    let sequence = entry.sequence.to_string();
    let incident = entry.execution.as_deref().unwrap_or(&sequence);
    let mut id = format!("quorate/{cluster}/{service}/{incident}/{kind}");
    // Two attempts of one step are two events: the first may have failed and the second not.
    if let AuditEvent::StepFinished { step, attempt, .. } = &entry.event {
        id.push_str(&format!("/{step}/{attempt}"));
    }
    let written = CloudEvent {
        specversion: "1.0",
        id: &id,
        // Without the sender's name: `source` and `id` together name the event, whichever agent leads.
        source: format!("/quorate/{cluster}"),
        kind: format!("io.quorate.{kind}.v1"),
        subject: entry.execution.as_deref().unwrap_or(service.as_str()),
        time: entry.at.to_string(),
        datacontenttype: "application/json",
        data: Data {
            service: service.as_str(),
            execution: entry.execution.as_deref(),
            sequence: entry.sequence,
            actor: &entry.actor,
            message: entry.event.to_string(),
            details: details(&entry.event),
        },
    };
    let body = serde_json::to_vec(&written).ok()?.into();
    Some(Event { sequence: entry.sequence, service: service.clone(), kind, id, body })
}

/// As which of [`EVENT_TYPES`] people are told of an entry, if they are. Assignments and starts of steps are for the audit
/// alone, and what belongs to no service has no receivers.
#[must_use]
pub fn kind(entry: &AuditEntry) -> Option<&'static str> {
    entry.service.as_ref()?;
    match &entry.event {
        AuditEvent::Decided { awaits_approval: true, .. } => Some("failover.awaiting_approval"),
        AuditEvent::Decided { awaits_approval: false, .. } | AuditEvent::Approved { .. } => {
            Some("failover.started")
        }
        AuditEvent::Refused { .. } => Some("failover.refused"),
        AuditEvent::StepFinished { .. } => Some("step.completed"),
        AuditEvent::LeaseReleased { .. } => Some("lease.released"),
        AuditEvent::ExecutionEnded { state, .. } => match state.as_str() {
            "succeeded" => Some("failover.succeeded"),
            "aborted" => Some("failover.aborted"),
            _ => Some("failover.stopped"),
        },
        AuditEvent::Paused { .. } => Some("override.set"),
        AuditEvent::Resumed { .. } => Some("override.cleared"),
        AuditEvent::DrillDue { .. } => Some("drill.due"),
        AuditEvent::MembersSet { .. }
        | AuditEvent::MembersChanging { .. }
        | AuditEvent::MembersChanged { .. }
        | AuditEvent::MembersKept { .. }
        | AuditEvent::FeatureLevelRaised { .. }
        | AuditEvent::Recovered { .. }
        | AuditEvent::PolicyApplied { .. }
        | AuditEvent::Ticked { .. }
        | AuditEvent::StepAssigned { .. }
        | AuditEvent::StepStarted { .. }
        | AuditEvent::StepNoted { .. }
        | AuditEvent::StepResumed { .. }
        | AuditEvent::Signalled { .. }
        | AuditEvent::DryRunMade { .. }
        | AuditEvent::Ungraceful { .. }
        | AuditEvent::Aborting { .. }
        // What was told is no news for those who were told, and neither is that.
        | AuditEvent::Told { .. }
        | AuditEvent::Acknowledged { .. } => None,
    }
}

/// The audit event's own fields; its name is the CloudEvent's type.
fn details(event: &AuditEvent) -> Value {
    let mut fields = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = fields.as_object_mut() {
        object.remove("event");
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::{LeaseProof, StepOutcome};
    use quorate_policies::{FeatureLevel, Millis, Timestamp, guard::Refusal, guard::Trigger};

    fn entry(execution: Option<&str>, event: AuditEvent) -> AuditEntry {
        AuditEntry {
            sequence: 7,
            at: Timestamp(1_700_000_000_123),
            actor: "ann".into(),
            service: Some("shop".parse().unwrap()),
            execution: execution.map(str::to_owned),
            event,
            previous: String::new(),
            hash: String::new(),
        }
    }

    fn every_event() -> Vec<AuditEvent> {
        let region = |name: &str| name.parse().unwrap();
        let step = || "promote".parse().unwrap();
        let reason = || "because".to_owned();
        let change = || quorate_policies::membership::MemberChange::Remove { agent: "c".parse().unwrap() };
        let decided = |awaits_approval| AuditEvent::Decided {
            from: region("us-east-1"),
            to: region("us-west-2"),
            trigger: Trigger::Automatic,
            epoch: 2,
            awaits_approval,
            scenario: None,
            drill: None,
        };
        let ended = |state: &str| AuditEvent::ExecutionEnded { state: state.into(), detail: state.into() };
        vec![
            AuditEvent::MembersSet { members: [].into() },
            AuditEvent::MembersChanging { change: change(), reason: reason() },
            AuditEvent::MembersChanged { change: change(), members: [].into() },
            AuditEvent::MembersKept { change: change(), why: reason() },
            AuditEvent::FeatureLevelRaised { level: FeatureLevel(2) },
            AuditEvent::Recovered { member: "a".parse().unwrap(), lost: [].into(), reason: reason() },
            AuditEvent::PolicyApplied { version: 1, hash: "abc".into(), reason: reason() },
            decided(true),
            AuditEvent::Approved { step: None, reason: reason() },
            decided(false),
            AuditEvent::Refused { refusal: Refusal::NoScenario },
            AuditEvent::StepAssigned { step: step(), agent: "a".parse().unwrap(), attempt: 1 },
            AuditEvent::StepStarted { step: step(), attempt: 1 },
            AuditEvent::StepFinished {
                step: step(),
                attempt: 2,
                outcome: StepOutcome::Unknown { reason: "no answer".into() },
            },
            AuditEvent::LeaseReleased {
                from: region("us-east-1"),
                to: region("us-west-2"),
                epoch: 2,
                proof: LeaseProof::Expired { waited: Millis(6_300) },
            },
            ended("stopped"),
            ended("succeeded"),
            ended("aborted"),
            AuditEvent::Paused { reason: reason(), until: None },
            AuditEvent::Resumed { reason: reason() },
            AuditEvent::Told {
                sent: quorate_core::Sent {
                    channel: "ops".parse().unwrap(),
                    message: "begun".into(),
                    reference: None,
                    given_up: None,
                },
            },
            AuditEvent::Acknowledged { reason: reason() },
            AuditEvent::DrillDue { drill: "move".parse().unwrap(), since: Timestamp(7), overdue: true },
        ]
    }

    /// Goal: what people are told, and in which form, is deliberate. Method: a snapshot of the notification of every
    /// audit event, the silent ones too.
    #[test]
    fn every_event_as_it_is_sent() {
        let told = every_event().into_iter().map(|audit| {
            let name = audit.name();
            let execution =
                (!matches!(name, "refused" | "paused" | "resumed" | "drill_due")).then_some("shop-2");
            match event("prod", &entry(execution, audit)) {
                Some(event) => format!("{name}: {}", String::from_utf8(event.body.to_vec()).unwrap()),
                None => format!("{name}: not told"),
            }
        });
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
    }

    /// Goal: the closed list of types is the one in use. Method: collect the types of all events.
    #[test]
    fn the_list_of_types_is_complete() {
        let told = every_event()
            .into_iter()
            .filter_map(|audit| Some(event("prod", &entry(Some("shop-2"), audit))?.kind));
        let told: std::collections::BTreeSet<&str> = told.collect();
        assert_eq!(told, EVENT_TYPES.into_iter().collect());
    }

    /// Goal: a repetition is the same event, and another attempt another one. Method: ids and bodies compared.
    #[test]
    fn a_repetition_is_the_same_event() {
        let finished = |attempt| {
            let outcome = StepOutcome::Succeeded { detail: "done".into() };
            let audit = AuditEvent::StepFinished { step: "promote".parse().unwrap(), attempt, outcome };
            event("prod", &entry(Some("shop-2"), audit)).unwrap()
        };
        assert_eq!(finished(1), finished(1));
        assert_ne!(finished(1).id, finished(2).id);
        assert_eq!(finished(1).id, "quorate/prod/shop/shop-2/step.completed/promote/1");
    }
}
