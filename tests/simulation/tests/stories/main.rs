//! The faults F1 to F32 as stories: each is written down deed by deed, ends as its line in the fault table demands, and has
//! a golden timeline beside it that a reader can judge. A timeline that changes is read before it is accepted: not whether
//! it is different, but whether that is what should have happened.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod agents;
mod clocks;
mod cloud;
mod lag;
mod leaders;
mod links;
mod people;
mod regions;
mod restarts;
mod services;
mod tell;
mod upgrades;
