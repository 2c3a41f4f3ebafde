//! The running agent: it reads clocks and sockets, hands what it sees to the node, and does what the node says. No
//! decision about a failover stands here.

mod agent;
pub mod audit_file;
mod backups;
mod certificates;
pub mod clock;
mod dry_run;
mod lags;
mod leases;
mod members;
mod probing;
mod readiness;
pub mod signals;
mod start;
mod steps;
mod store_failures;
mod supervised;
pub mod token;

pub use agent::{Agent, ProbeSeen, ProposeProblem};
pub use backups::BackupCheck;
pub use readiness::PlanCheck;
pub(crate) use readiness::look as look_at_plan;
pub use signals::Signals;
pub use start::{Running, run, start};
pub(crate) use start::{prober, timing};
pub use store_failures::StoreFailures;
pub use token::OperatorToken;
