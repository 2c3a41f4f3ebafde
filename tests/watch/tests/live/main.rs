//! Real Prometheus and Alertmanager of Debian against three real agents: every expression of the rules and dashboards returns data, and alerts
//! reach a webhook and are taken back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod alerts;
mod expressions;
mod runbook;
mod world;
