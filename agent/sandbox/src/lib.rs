//! A two-region world on one machine, for the demo, for tests and for training: AWS wire endpoints, DNS,
//! applications, links that can be cut, and a status page, all on loopback.
//!
//! Agents run on it with ordinary configuration files; nothing in them knows that it is a sandbox, and
//! nothing here knows the agent. The rules are in [`world`], which is pure; everything else only carries
//! bytes to it.

mod application;
mod aws;
mod checker;
mod clock;
mod control;
mod dns;
pub mod endpoints;
mod gate;
mod network;
pub mod options;
mod places;
mod relay;
mod sandbox;
mod stage;
mod statuspage;
mod webhook;
pub mod world;

pub use endpoints::{Endpoints, Vantage};
pub use options::{Options, Timing};
pub use sandbox::{Sandbox, StartError, serve};
pub use webhook::Hook;
