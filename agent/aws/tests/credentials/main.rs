//! The standard credential chain with sources that hang, refuse and answer. The chain reads the environment, which
//! cannot be set safely within a process, so each test runs itself again as a child with an environment of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;
mod endpoint;
mod sources;
