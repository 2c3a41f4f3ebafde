//! From the core's values to those of the API. Pure: a value and a reading of the clocks in, a wire type out. It says
//! what is, in the vocabulary of `quorate-policies`; it judges nothing.

mod agent;
mod audit;
mod backup;
mod drill;
mod execution;
mod explain;
mod failback;
mod order;
mod paperwork;
mod plan;
mod probe;
mod service;
mod told;

pub(super) use agent::{change, members, services, status};
pub(super) use audit::audit;
pub(crate) use audit::entry as audit_entry;
pub(super) use backup::backups;
pub(super) use drill::{drill_plan, drills, looked_at};
pub(crate) use execution::execution;
pub(super) use execution::executions;
pub(super) use explain::explanation;
pub(super) use failback::failback;
pub(crate) use plan::plan_view;
pub(super) use plan::{dry_run, readiness};
pub(super) use probe::probe;
pub(super) use service::service;

use quorate_api::service::Check;
use quorate_policies::{agreement::Opinion, guard::Refusal};

const fn opinion(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Healthy => "healthy",
        Opinion::Down => "down",
        Opinion::Unsure => "unsure",
    }
}

/// A refusal as the answer of the guard that gave it.
fn refused(refusal: &Refusal) -> Check {
    Check { guard: refusal.guard().to_owned(), passes: false, reason: refusal.to_string() }
}
