//! The replicated state machine and the local node, sans-IO. Pure: no clock, socket, randomness, environment, file
//! or hash map. `Cluster::apply` folds committed commands; `Node::step` takes what one agent sees and says what it
//! should do; `StepRun` drives one step of a plan. `executor` and `leasing` are the loops between them and the
//! world, over whatever `Surroundings` the caller has: the agent's shell, or a simulated one.
#![deny(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cluster;
pub mod command;
pub mod executor;
pub mod leasing;
pub mod membership;
pub mod node;
pub mod step_run;
pub mod surroundings;
pub mod telling;

pub use cluster::{
    Cluster,
    audit::{AuditEntry, AuditEvent},
    execution::{Execution, ExecutionState, StepProgress, StepState},
    members::{ChangeOutcome, Changing, Roster, Seat},
    service::{LeaseRecord, ServiceState},
    told::{Acknowledged, Heard, Mark, Sent, Told},
};
pub use command::{Actor, Body, Command, CommandId, ExecutionId, LeaseProof, Response, StepOutcome};
pub use node::{Input, Node, NodeSettings, Output, Standing};
pub use step_run::{StepEvent, StepRun, StepWork};
pub use surroundings::{LeaseWanted, StepNews, Surroundings};
