//! `quorate doctor`: what an installation lacks, seen from one agent's host. Collectors look at the world and write down
//! facts; one pure judge makes findings of them, each with what was found and how to mend it.
//!
//! What it must not do: change anything, but for one temporary file in the data directory that is removed; decide
//! anything about a failover; hold or tell a secret.

pub mod collect;
pub mod facts;
pub mod finding;
pub mod judge;

pub use collect::{Asked, collect};
pub use facts::Facts;
pub use finding::{Area, Diagnosis, Finding, Status};
pub use judge::judge;
