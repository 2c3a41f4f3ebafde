//! Real Prometheus and Alertmanager of Debian against three real agents: every expression of the rules and dashboards returns data, and alerts
//! reach a webhook and are taken back.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod alerts;
mod expressions;
mod picture;
mod runbook;
mod world;

/// One world at a time: three of them on two cores would measure each other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
