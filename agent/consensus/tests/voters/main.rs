//! Voters on the production runtime, on real files, talking by function call: what a cluster of them does, how they come and
//! go, restart, recover, and work together in two versions. One binary, because openraft's generic code is what takes long to
//! build here; the simulation is another, on a runtime of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helping functions too")]

mod cluster;
mod feature_level;
#[path = "../simulation/ledger.rs"]
mod ledger;
mod membership;
mod recover;
mod restart;
