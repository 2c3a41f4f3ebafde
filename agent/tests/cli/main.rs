//! The command line from outside: the binary against a small server that answers what a test tells it, the client's
//! behaviour on the wire, the text that people read, and what `init` writes. One binary, so that it is linked once.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its bench up has failed")]

mod answers;
mod audit;
mod chain;
mod changes;
mod checking;
mod checklist;
mod client;
mod declare;
mod doctor;
mod drill;
mod failover;
mod quorate;
mod reading;
mod rendering;
mod report;
mod server;
mod setup;
mod signal;
mod supervised;
mod tls;
