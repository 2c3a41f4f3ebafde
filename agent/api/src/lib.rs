//! Wire types of the agent's HTTP API, for the server, the command line, the dashboard and tests. It depends on
//! nothing else of the project and decides nothing. Fields are only ever added; a reader ignores what it does not
//! know.

pub mod backup;
pub mod drill;
pub mod execution;
pub mod problem;
pub mod request;
pub mod service;
pub mod status;
pub mod told;

pub use backup::{BackupView, Backups};
pub use execution::{Execution, ExecutionList, RecoveryTime, Step};
pub use problem::Problem;
pub use request::{Abort, ApplyPolicy, Changed, Command, Failover, Pause};
pub use service::{
    Check, Explanation, Hold, Lease, LeaseGivenBack, PlanView, PolicyView, Region, Service, ServiceList,
    TargetVotes,
};
pub use status::{Audit, AuditEntry, Change, DatabaseView, Member, Members, ProbeView, Probes, Status};

/// Version of this API; the first part of every path.
pub const VERSION: &str = "v1";

/// Largest request body that the agent reads, in bytes: the largest policy, with room for its envelope.
pub const BODY_BYTES_MAX: usize = 512 * 1024;

/// Where an agent listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:7950";
