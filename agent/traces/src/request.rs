//! A trace as the request that a collector takes: OTLP over HTTP, in protobuf.

use crate::spans::{Span, Status, Trace, Value};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span as Sent, Status as SentStatus, span::SpanKind, status::StatusCode,
    },
};
use prost::Message as _;
use quorate_policies::Timestamp;

/// The type of its body.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// What speaks, in every request: not which agent or version, because any of them says the same.
const SPEAKER: &str = "quorate";

/// The body of the request.
#[must_use]
pub fn request(trace: &Trace) -> Vec<u8> {
    let spans = trace.spans.iter().map(|span| sent(trace, span)).collect();
    let scope = InstrumentationScope { name: SPEAKER.to_owned(), ..InstrumentationScope::default() };
    let cluster = Value::Text(trace.cluster.clone());
    let attributes =
        vec![pair("service.name", &Value::Text(SPEAKER.to_owned())), pair("quorate.cluster", &cluster)];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

fn sent(trace: &Trace, span: &Span) -> Sent {
    let (code, message) = match &span.status {
        Status::Unset => (StatusCode::Unset, String::new()),
        Status::Ok => (StatusCode::Ok, String::new()),
        Status::Error(why) => (StatusCode::Error, why.clone()),
    };
    Sent {
        trace_id: trace.id.0.to_vec(),
        span_id: span.id.0.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanoseconds(span.start),
        end_time_unix_nano: nanoseconds(span.end),
        attributes: span.attributes.iter().map(|(key, value)| pair(key, value)).collect(),
        status: Some(SentStatus { message, code: code.into() }),
        ..Sent::default()
    }
}

const fn nanoseconds(at: Timestamp) -> u64 {
    at.0.saturating_mul(1_000_000)
}

fn pair(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.clone()),
        Value::Number(number) => any_value::Value::IntValue(*number),
        Value::Flag(flag) => any_value::Value::BoolValue(*flag),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
