//! `exec` and `http` as an agent carries them out: real programs under the real runner, and a local server.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod bench;
mod calls;
mod commands;
mod endings;
