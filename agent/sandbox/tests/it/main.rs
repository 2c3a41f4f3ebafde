//! The sandbox through real sockets and real clients: the AWS SDK, a DNS resolver and plain HTTP. One binary,
//! so that the SDK is linked once.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its bench up has failed")]

mod application;
mod aurora;
mod aws;
mod balancing;
mod bench;
mod breaks;
mod control;
mod dns;
mod ecs;
mod health;
mod links;
mod metrics;
mod permissions;
mod rds;
mod rds_recovery;
mod route53;
mod scaling;
mod status_page;
mod tokens;
