//! `s3.sync` on moto's S3, through a proxy that breaks single calls. What came of it is judged by what the bucket, or the
//! folder, holds afterwards, and by the calls that came.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod folder;
#[path = "../contract/moto/server.rs"]
mod moto;
mod objects;
mod proxy;
mod stage;
#[allow(dead_code, reason = "what the proxies of all tests have; S3 has no operations by name")]
#[path = "../against_sandbox/proxy/wire.rs"]
mod wire;
