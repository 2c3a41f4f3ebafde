//! Every action on AWS through every fault of the wire, on two emulators that share no code: this project's sandbox, in
//! this process, and moto made strict (`tests/emulators`), a child process. Each is judged by what the emulator shows
//! afterwards and by the calls that the proxy let through, never by what the action says of itself.
//!
//! An action is carried out as an agent does: `quorate_core::StepRun` decides, attempt after attempt, with what stood
//! before kept, and another agent goes on where one is killed. `tests/aws-matrix` prints what was seen.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../contract/moto.rs"]
mod moto;
#[path = "../contract/resources.rs"]
mod resources;
#[path = "../against_sandbox/proxy/wire.rs"]
mod wire;

mod bench;
mod cell;
mod driver;
mod failover;
mod fault;
mod matrix;
mod outage;
mod permissions;
mod proxy;
mod sandbox;
mod subject;
mod table;
mod world;
