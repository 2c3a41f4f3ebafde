//! The replicated state machine and the local node, sans-IO. Pure: no clock, socket, randomness, environment, file
//! or hash map. `Cluster::apply` folds committed commands; `Node::step` takes what one agent sees and says what it
//! should do; `StepRun` drives one step of a plan; the agent's shell does what they say.
#![deny(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cluster;
pub mod command;
pub mod node;
pub mod step_run;

pub use cluster::{
    Cluster,
    audit::{AuditEntry, AuditEvent},
    execution::{Execution, ExecutionState, StepProgress, StepState},
    service::{LeaseRecord, ServiceState},
};
pub use command::{Actor, Body, Command, CommandId, ExecutionId, LeaseProof, Response, StepOutcome};
pub use node::{Input, Node, NodeSettings, Output, Standing};
pub use step_run::{StepEvent, StepRun, StepWork};
