//! The actions against the sandbox's strict AWS endpoints, through a proxy that breaks single calls. They
//! are judged by what the world recorded, never by what the caller believes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod actions;
mod bench;
mod credentials;
mod ecs_scale;
mod ecs_storm;
mod faults;
mod fence;
mod fence_race;
#[path = "../contract/moto/server.rs"]
mod moto;
mod proxy;
mod rds_aurora;
mod rds_bench;
mod rds_faults;
mod rds_fence;
mod rds_lag;
mod rds_rebuild;
mod rds_restore;
mod readiness;
mod route53_routing;
mod signal_setup;
