//! The policy language and every rule that decides. Pure: no clock, socket, randomness, environment, file or
//! hash map; time and facts come in as arguments, a "no" goes out as a typed [`guard::Refusal`].
//!
//! `document` reads policies; `health` turns probe results into verdicts; `agreement` folds the reports of all
//! agents into one opinion; `guard` says whether that opinion may act; `plan` expands what would be done;
//! `effect` holds the words in which actions tell what they saw and did; `postgres` what a database says of itself;
//! `backup` what a look at a backup says; `membership` which change of the agents may be made; `drill` when one is due; `renewal` what a lease leaves to those who write under it.
#![deny(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod agreement;
pub mod backup;
pub mod document;
pub mod drill;
pub mod effect;
pub mod feature_level;
pub mod guard;
pub mod health;
pub mod membership;
pub mod name;
pub mod plan;
pub mod policy;
pub mod postgres;
pub mod readiness;
pub mod renewal;
pub mod time;

pub use feature_level::{FEATURE_LEVEL, FeatureLevel};
pub use name::{
    AgentName, BackupName, ChannelName, CheckName, ComponentName, ContactName, DrillName, EnvironmentName,
    InputName, ItemName, MessageName, PlanName, RegionName, ServiceName, StepName, TargetName,
};
pub use policy::Policy;
pub use time::{Millis, Monotonic, Timestamp};
