//! What is made of an execution, and how it reaches a collector that answers, refuses, or is silent.

use super::{
    collector::Collector,
    courier::{Courier, Look},
    supported,
};
use crate::{cli::check::doubts, http::sample};
use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value, trace::v1::Span as Received,
};
use prost::Message as _;
use quorate_core::{Body, Cluster, Execution, StepOutcome};
use quorate_policies::{Millis, Timestamp, document::Traces};
use quorate_traces::{Span, Status, Trace, Value, request, trace};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// An operator's failover that has succeeded: a fence that nobody heard the end of, a promotion that took two attempts.
fn ended() -> Cluster {
    let mut cluster = sample::executing();
    let execution = || "shop-2".to_owned();
    let mut finish = |name: &str, attempt, outcome| {
        let step = name.parse().unwrap();
        sample::apply(&mut cluster, Body::FinishStep { execution: execution(), step, attempt, outcome });
    };
    finish("promote", 1, StepOutcome::Failed { reason: "the replica is being backed up".into() });
    for (name, attempt) in [("promote", 2), ("announce", 1), ("warm", 1), ("repoint", 1), ("verify", 1)] {
        let step = || name.parse().unwrap();
        sample::apply(&mut cluster, Body::StartStep { execution: execution(), step: step(), attempt });
        let outcome = StepOutcome::Succeeded { detail: format!("{name} stands") };
        sample::apply(
            &mut cluster,
            Body::FinishStep { execution: execution(), step: step(), attempt, outcome },
        );
    }
    cluster
}

fn execution(cluster: &Cluster) -> &Execution {
    &cluster.executions["shop-2"]
}

fn made(cluster: &Cluster) -> Trace {
    trace("prod", execution(cluster), &cluster.audit.entries).expect("it has ended")
}

/// A trace as a person reads it: seconds from its start, and what it says.
fn written(trace: &Trace) -> String {
    let start = trace.spans[0].start.0;
    let second = |at: Timestamp| (at.0 as f64 - start as f64) / 1_000.0;
    let mut text = format!("trace {} of {}\n", trace.id, trace.cluster);
    for Span { id, parent, name, start, end, attributes, status } in &trace.spans {
        let parent = parent.map_or("none".to_owned(), |parent| parent.to_string());
        writeln!(text, "{name}: {id} in {parent}, {}s to {}s, {status:?}", second(*start), second(*end))
            .unwrap();
        for (key, value) in attributes {
            writeln!(text, "    {key} = {value:?}").unwrap();
        }
    }
    text
}

/// Goal: what a trace says of an execution is read and meant, and its ids stay from version to version. Method: a snapshot.
#[test]
fn an_execution_as_spans() {
    insta::assert_snapshot!(written(&made(&ended())));
}

/// Goal: of one that the agents decided, the failure and the dwell are told, and it begins with the first failed probe. Method: the same
/// execution, had they begun it.
#[test]
fn a_failure_begins_before_its_decision() {
    let mut cluster = ended();
    let execution = cluster.executions.values_mut().next().unwrap();
    let decided = execution.decided_at;
    let before = |ms| Timestamp(decided.0 - ms);
    execution.trigger = quorate_policies::guard::Trigger::Automatic;
    (execution.failing_since, execution.agreed_at) = (before(9_000), before(6_000));
    let trace = made(&cluster);
    assert_eq!(trace.spans[0].start, before(9_000));
    let parts: Vec<_> = trace.spans[1..3].iter().map(|span| (&*span.name, span.start, span.end)).collect();
    assert_eq!(parts, [("detect", before(9_000), before(6_000)), ("decide", before(6_000), decided)]);
}

/// Goal: whoever makes a trace makes the same bytes; no id is there twice and every parent is there; and what the audit has forgotten
/// changes no other span. Method: the state as another agent has it, through a snapshot; then without its audit.
#[test]
fn two_agents_make_one_trace() {
    let cluster = ended();
    let other: Cluster = serde_json::from_slice(&serde_json::to_vec(&cluster).unwrap()).unwrap();
    let (here, there) = (made(&cluster), made(&other));
    assert_eq!(request(&here), request(&there));
    let ids: BTreeSet<_> = here.spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), here.spans.len());
    assert!(here.spans.iter().all(|span| span.parent.is_none_or(|parent| ids.contains(&parent))));
    assert!(here.spans.iter().all(|span| span.start <= span.end));
    let forgetful = trace("prod", execution(&cluster), []).unwrap();
    let kept: Vec<&Span> = here.spans.iter().filter(|span| span.name != "attempt").collect();
    assert_eq!(forgetful.spans.iter().collect::<Vec<_>>(), kept);
    let elsewhere = trace("staging", execution(&cluster), []).unwrap();
    assert_ne!(elsewhere.id, here.id, "another cluster's execution is another trace");
}

/// Goal: nothing is made of what has not ended: a span's end cannot be taken back. Method: a running execution.
#[test]
fn what_runs_has_no_trace_yet() {
    let cluster = sample::executing();
    assert_eq!(trace("prod", execution(&cluster), &cluster.audit.entries), None);
}

/// Goal: an attempt whose agent was lost is told as lost, and ends where the next one begins. Method: the audit without the first
/// attempt's end.
#[test]
fn a_lost_attempt_is_told() {
    let cluster = ended();
    let lost = |entry: &&quorate_core::AuditEntry| !matches!(&entry.event, quorate_core::AuditEvent::StepFinished { step, attempt: 1, .. } if step.as_str() == "promote");
    let trace = trace("prod", execution(&cluster), cluster.audit.entries.iter().filter(lost)).unwrap();
    let first = trace.spans.iter().find(|span| {
        span.name == "attempt"
            && span.attributes.contains(&("quorate.step", Value::Text("promote".into())))
            && span.attributes.contains(&("quorate.attempt", Value::Number(1)))
    });
    let first = first.expect("it began");
    assert_eq!(first.status, Status::Error("nobody heard the end of it".into()));
    let next = cluster.audit.entries.iter().find(|entry| {
        matches!(&entry.event, quorate_core::AuditEvent::StepAssigned { step, attempt: 2, .. } if step.as_str() == "promote")
    });
    assert_eq!(first.end, next.expect("it was assigned again").at);
}

/// What a collector was sent.
type Taken = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A collector on loopback that gives these answers, and then takes everything.
async fn collector(answers: Vec<u16>) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (taken, left) = (Taken::default(), Arc::new(Mutex::new(answers.into_iter())));
    let kept = taken.clone();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        kept.lock().unwrap().push((headers, body));
        axum::http::StatusCode::from_u16(left.lock().unwrap().next().unwrap_or(200)).unwrap()
    };
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async { axum::serve(listener, router).await });
    (endpoint, taken)
}

fn courier(endpoint: &str) -> Courier {
    let traces = Traces { endpoint: endpoint.to_owned(), headers: BTreeMap::new() };
    Courier::new("prod", Collector::new(&traces, "".as_ref()))
}

/// A look by the leader, so long after the execution has ended.
fn look(after: Millis) -> Look {
    let cluster = Arc::new(ended());
    let now = execution(&cluster).ended_at.unwrap().plus(after);
    Look { leads: true, cluster, now }
}

fn spans(body: &Bytes) -> Vec<Received> {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("it is OTLP");
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    let service = resource.attributes[0].value.as_ref().unwrap().value.clone();
    assert_eq!(service, Some(any_value::Value::StringValue("quorate".into())));
    request.resource_spans.into_iter().flat_map(|all| all.scope_spans).flat_map(|all| all.spans).collect()
}

/// Goal: a collector gets every span with its ids, times and outcome, and the header whose value stands in a file; it gets it once from
/// an agent, the same bytes from another that leads later, and nothing from one that does not lead. Method: a receiver that decodes.
#[tokio::test]
async fn a_collector_is_sent_each_trace() {
    let (endpoint, taken) = collector(Vec::new()).await;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("key"), "Bearer s3cret\n").unwrap();
    let headers = BTreeMap::from([("Authorization".to_owned(), "key".into())]);
    let traces = Traces { endpoint: endpoint.clone(), headers };
    let mut one = Courier::new("prod", Collector::new(&traces, directory.path()));
    let now = look(Millis(500));
    assert!(!one.turn(&Look { leads: false, cluster: now.cluster.clone(), now: now.now }).await);
    assert!(one.turn(&now).await);
    assert!(!one.turn(&now).await, "once is enough");
    assert!(courier(&endpoint).turn(&now).await, "another agent cannot know of it");
    let taken = std::mem::take(&mut *taken.lock().unwrap());
    let [(headers, body), (_, again)] = &taken[..] else { panic!("{} requests", taken.len()) };
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["authorization"], "Bearer s3cret");
    assert_eq!(body, again, "and says the same");
    let (made, spans) = (made(&now.cluster), spans(body));
    assert_eq!(spans.len(), made.spans.len());
    for (span, sent) in made.spans.iter().zip(&spans) {
        assert_eq!(sent.trace_id, made.id.0);
        assert_eq!((&sent.name, &sent.span_id[..]), (&span.name, &span.id.0[..]));
        assert_eq!(sent.parent_span_id, span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default());
        assert_eq!(sent.start_time_unix_nano, span.start.0 * 1_000_000);
        assert_eq!(sent.end_time_unix_nano, span.end.0 * 1_000_000);
        assert_eq!(sent.attributes.len(), span.attributes.len());
        let code = match span.status {
            Status::Unset => 0,
            Status::Ok => 1,
            Status::Error(_) => 2,
        };
        assert_eq!(sent.status.as_ref().unwrap().code, code);
    }
}

/// Goal: a collector that has no time is asked again, and not at once; one that refuses is not asked again. Method: its answers, and
/// looks before and after the pause.
#[tokio::test]
async fn what_was_not_taken_is_sent_again() {
    let (endpoint, taken) = collector(vec![503, 429]).await;
    let count = || taken.lock().unwrap().len();
    let mut one = courier(&endpoint);
    for (after, sent, requests) in [
        (0, false, 1),
        (999, false, 1),
        (1_000, false, 2),
        (2_999, false, 2),
        (3_000, true, 3),
        (9_000, false, 3),
    ] {
        assert_eq!((one.turn(&look(Millis(after))).await, count()), (sent, requests), "after {after} ms");
    }
    let (endpoint, taken) = collector(vec![400]).await;
    let mut one = courier(&endpoint);
    for after in [0, 60_000] {
        assert!(!one.turn(&look(Millis(after))).await);
    }
    assert_eq!(taken.lock().unwrap().len(), 1, "it would refuse the same bytes again");
}

/// Goal: a collector that is silent holds up nothing for longer than one deadline, and is asked again later; what has become old is
/// left out. Method: a socket that never answers, and then one that takes everything.
#[tokio::test]
async fn a_silent_collector_is_left() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let traces = Traces { endpoint, headers: BTreeMap::new() };
    let short = || Collector::new(&traces, "".as_ref()).within(Duration::from_millis(50));
    let error = short().take(Vec::new()).await.unwrap_err();
    assert!(error.later && error.to_string().contains("no answer within"), "{error}");
    assert!(!Courier::new("prod", short()).turn(&look(Millis(0))).await);

    let (endpoint, taken) = collector(Vec::new()).await;
    let hour = Millis::from_secs(3_600);
    assert!(!courier(&endpoint).turn(&look(hour.plus(Millis(1)))).await);
    assert!(courier(&endpoint).turn(&look(hour)).await);
    assert_eq!(taken.lock().unwrap().len(), 1);
}

/// Goal: a secret that is missing is told by the header's name, nothing is sent without it, and no secret is told. Method: a file that
/// is not there, and one that is no header's value.
#[tokio::test]
async fn a_header_without_its_secret_is_not_sent() {
    let (endpoint, taken) = collector(Vec::new()).await;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("torn"), "s3c\nret").unwrap();
    for file in ["gone", "torn"] {
        let headers = BTreeMap::from([("authorization".to_owned(), file.into())]);
        let traces = Traces { endpoint: endpoint.clone(), headers };
        let error = Collector::new(&traces, directory.path()).take(Vec::new()).await.unwrap_err();
        let said = error.to_string();
        assert!(error.later && said.contains("authorization") && !said.contains("s3c"), "{said}");
    }
    assert!(taken.lock().unwrap().is_empty());
}

/// Goal: an agent without the feature does not start on a file that asks for traces, and says how to get them; `quorate check` of that
/// build warns of it; without the key every agent starts. Method: both files.
#[test]
fn traces_that_cannot_be_sent_are_refused() {
    let mut file = sample::agent_file();
    assert!(supported(&file).is_ok() && doubts(&file).is_empty());
    file.traces =
        Some(Traces { endpoint: "https://collector.example.com/v1/traces".into(), headers: BTreeMap::new() });
    let refused = supported(&file).err().map(|error| error.to_string());
    let expected = "`traces` is set, but this agent was built without them: build it with `--features otel`, or remove the key";
    assert_eq!(refused.as_deref(), cfg!(not(feature = "otel")).then_some(expected));
    assert_eq!(doubts(&file).len(), usize::from(refused.is_some()));
}
