//! The replicated state machine, the node and the step loop as a specification: stories that read as timelines,
//! tables of every transition, and properties over random commands, delays and cuts. No clock but a counter, no
//! network but a list of messages.
// In a test a panic is the failure, and the builders below are part of the tests.
#![allow(clippy::unwrap_used)]

mod audit;
mod checklist;
mod declare;
mod drill;
mod expected;
mod failover;
mod feature_level;
mod jobs;
mod lag;
mod lease;
mod lease_world;
mod log;
mod log_properties;
mod manner;
mod members;
mod node;
mod node_steps;
mod node_world;
mod notes;
mod operators;
mod pair;
mod parts;
mod refusals;
mod shop;
mod signal;
mod step_parts;
mod step_run;
mod steps;
mod telling;
mod transitions;
mod undo;
