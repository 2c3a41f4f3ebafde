//! Executions as OpenTelemetry traces: one trace an execution, made of what the replicated log says of it. Pure: it reads no clock,
//! file or socket, and sends nothing; the agent's shell does (its feature `otel`).
//!
//! Nothing here measures. Every time, outcome and reason is the log's, and every id follows from it, so two agents, or one before
//! and after a restart, make the same bytes: a trace that is sent twice says the same thing twice, and never two things.
//!
//! The messages are OpenTelemetry's own (`opentelemetry-proto`). Its exporter crate is left out: it takes headers, protocol and
//! compression from the environment, beside the agent's file, and between two attempts it may put a whole thread to sleep.
#![forbid(unsafe_code)]

mod attempts;
mod ids;
mod request;
mod spans;

pub use ids::{SpanId, TraceId};
pub use request::{CONTENT_TYPE, request};
pub use spans::{Span, Status, Trace, Value, trace};
