//! Probers that observe health endpoints, and the schedule by which they do so.
//!
//! A [`Prober`] makes one attempt at one [`Target`] over a fresh connection and answers with a
//! [`ProbeResult`]; a failed probe is a value, not an error. The [`schedule`] decides when which target is due
//! and is pure; the [`driver`] is the thin async shell around both. Nothing here draws a verdict: that is the
//! business of `quorate_policies::health`.
#![deny(clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod credentials;
pub mod driver;
pub mod prober;
pub mod result;
pub mod schedule;
pub mod target;

pub use credentials::{CredentialsError, Password, PostgresCredentials};
pub use driver::{Clock, Command, Driver, DriverError, DriverHandle, Figures, Probed};
pub use prober::{BODY_BYTES_MAX, Prober, ProberError, ProberSettings};
pub use result::{HttpVersion, Outcome, Phases, ProbeResult, TlsSeen};
pub use schedule::{Cadence, Confirmation, Counters, Schedule, ScheduleSettings, Start};
pub use target::{HttpTarget, PostgresTarget, Target, TargetError};
