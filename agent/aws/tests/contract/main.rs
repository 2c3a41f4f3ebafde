//! What Quorate expects of AWS, one file for each operation that it uses: errors by wire code and status, the states
//! that a change passes through, and what is atomic. The stories go through the real SDK clients and know nothing of
//! `quorate-aws`: they are AWS's half of the agreement.
//!
//! Each story is told to two emulators that share no code: this project's sandbox, in this process, and moto made
//! strict (`tests/emulators`), a child process. Where the two differ, `differences.rs` says so and why. The same
//! stories run against a real account with `QUORATE_LIVE_AWS=1` (`live.rs`); that has not been done yet.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod story;

mod assume_role;
mod change_resource_record_sets;
mod create_db_instance_read_replica;
mod create_health_check;
mod describe_account_attributes;
mod describe_db_instances;
mod describe_events;
mod describe_global_clusters;
mod describe_scalable_targets;
mod describe_services;
mod describe_target_health;
mod differences;
mod failover_global_cluster;
mod get_caller_identity;
mod get_change;
mod get_health_check;
mod get_hosted_zone;
mod get_metric_data;
mod list_resource_record_sets;
mod live;
mod modify_db_instance;
mod moto;
mod moto_role;
mod promote_read_replica;
mod reboot_db_instance;
mod register_scalable_target;
mod resources;
mod restore_db_instance_to_point_in_time;
mod sandbox;
mod simulate_principal_policy;
mod stop_db_instance;
mod switchover_global_cluster;
mod update_service;
mod wire;
mod world;
