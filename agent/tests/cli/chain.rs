//! An agent's audit as a test makes it: real entries, chained as the log chains them, and a server that gives them in pages.

use crate::{
    answers,
    server::{Reply, Server},
};
use quorate_api::{Audit, AuditEntry};
use quorate_core::{AuditEntry as Known, AuditEvent, LeaseProof, StepOutcome};
use quorate_policies::{Millis, Timestamp, guard::Refusal, guard::Trigger, plan::Before, plan::before::Lag};
use serde_json::json;

/// When the first entry was made.
pub(crate) const BEGINS: u64 = 1_800_000_000_000 - 100_000;

/// Lines of an audit: one failover of `shop`, `shop-3`, and as many refusals of `billing` before it as are wanted.
pub(crate) fn lines(refusals: usize) -> Vec<String> {
    let step = || "promote".parse().unwrap();
    let (from, to) = (|| "us-east-1".parse().unwrap(), || "us-west-2".parse().unwrap());
    let lag =
        Lag::Known { behind: Millis(2_000), age: Millis(40_000), by: "CloudWatch".into(), confirmed: false };
    let trigger = Trigger::Operator {
        by: "ada".into(),
        reason: "us-east-1 <loses> packets".into(),
        accept_data_loss: false,
        ungraceful: false,
    };
    let mut events: Vec<(&str, &str, Option<&str>, AuditEvent)> = vec![(
        "us-west-2",
        "shop",
        None,
        AuditEvent::PolicyApplied { version: 1, hash: "ab".repeat(32), reason: "first policy".into() },
    )];
    for _ in 0..refusals {
        events.push(("us-west-2", "billing", None, AuditEvent::Refused { refusal: Refusal::NoScenario }));
    }
    let mut shop = |actor, event| events.push((actor, "shop", Some("shop-3"), event));
    shop(
        "ada",
        AuditEvent::Decided {
            from: from(),
            to: to(),
            trigger,
            epoch: 3,
            awaits_approval: false,
            scenario: None,
            drill: None,
        },
    );
    let proof = LeaseProof::Expired { waited: Millis(6_300) };
    shop("eu-west-1", AuditEvent::LeaseReleased { from: from(), to: to(), epoch: 3, proof });
    shop("log", AuditEvent::StepAssigned { step: step(), agent: "us-west-2".parse().unwrap(), attempt: 1 });
    shop("us-west-2", AuditEvent::StepStarted { step: step(), attempt: 1 });
    let before = Before::Promoted { source: "east-db".into(), lag };
    shop("us-west-2", AuditEvent::StepNoted { step: step(), before });
    let outcome = StepOutcome::Succeeded { detail: "observed as wanted".into() };
    shop("us-west-2", AuditEvent::StepFinished { step: step(), attempt: 1, outcome });
    let detail = "succeeded, recovery time 1m12s".into();
    shop("us-west-2", AuditEvent::ExecutionEnded { state: "succeeded".into(), detail });

    let mut previous = String::new();
    let chained = events.into_iter().zip(1..).map(|((actor, service, execution, event), sequence)| {
        let mut entry = Known {
            sequence,
            at: Timestamp(BEGINS + sequence * 1_000),
            actor: actor.to_owned(),
            service: Some(service.parse().unwrap()),
            execution: execution.map(str::to_owned),
            event,
            previous: previous.clone(),
            hash: String::new(),
        };
        entry.hash = entry.digest();
        previous.clone_from(&entry.hash);
        serde_json::to_string(&entry).unwrap()
    });
    chained.collect()
}

/// An agent that holds these lines, gives at most a hundred at a time, and remembers the execution `shop-3`.
pub(crate) fn agent(lines: &[String], head: Option<&str>) -> Server {
    let held: Vec<AuditEntry> =
        lines.iter().map(|line| quorate::record::Line::read(line).unwrap().entry()).collect();
    let head = head.map_or_else(|| held.last().unwrap().hash.clone(), str::to_owned);
    Server::start(move |seen, _| {
        let after =
            seen.line.strip_prefix("GET /v1/audit?after=").and_then(|after| after.parse::<u64>().ok());
        let answer = match (after, seen.line.as_str()) {
            (Some(after), _) => json!(Audit {
                entries: held.iter().filter(|entry| entry.sequence > after).take(100).cloned().collect(),
                sequence: held.last().unwrap().sequence,
                head: head.clone(),
                verified: true,
                notified: Some(held.last().unwrap().sequence - 1),
            }),
            (_, "GET /v1/status") => json!(answers::status()),
            (_, "GET /v1/executions/shop-3") => json!(answers::execution("succeeded", ["succeeded"; 2])),
            (_, "GET /v1/executions" | "GET /v1/executions?service=shop") => json!(answers::executions()),
            (_, other) => panic!("unexpected request {other}"),
        };
        Reply::Json(200, answer.to_string())
    })
}
