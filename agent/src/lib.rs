//! The agent's shell: it wires probes, consensus, the node and the actions together and shows them to people. It
//! decides nothing about failovers; every decision is made in `quorate-policies` and `quorate-core`.

pub mod backups;
pub mod cli;
pub mod demo;
pub mod doctor;
pub mod effects;
pub mod http;
pub mod init;
pub mod jobs;
pub mod metrics;
pub mod notify;
pub mod outgoing;
pub mod peers;
pub mod record;
pub mod report;
pub mod shell;
pub mod traces;
