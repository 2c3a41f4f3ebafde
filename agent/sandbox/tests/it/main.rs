//! The sandbox through real sockets and real clients: the AWS SDK, a DNS resolver and plain HTTP. One binary,
//! so that the SDK is linked once.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its bench up has failed")]

mod application;
mod aws;
mod bench;
mod control;
mod dns;
mod ecs;
mod links;
mod rds;
mod route53;
mod status_page;
