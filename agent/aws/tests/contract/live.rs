//! The same stories against a real account. Never run where this project is built: nothing here has seen AWS yet, and
//! the first run decides which of our readings of its documentation are right.
//!
//! `QUORATE_LIVE_AWS=1 QUORATE_LIVE_ONLY=get_change,... cargo test -p quorate-aws --test contract real_account -- --nocapture`
//!
//! Credentials come from the SDK's usual chain; resources from the variables below, each asked for when a story first
//! needs it. The stories change, promote, stop and rename what they are given: use an account made for this, give each
//! run fresh databases, and pay attention to the bill. Route 53 allows five calls a second for the whole account.

use crate::world::{Balancer, Databases, GlobalDatabase, Place, Role, Tasks, World, Zone};

const SWITCH: &str = "QUORATE_LIVE_AWS";
/// Operations to run, by file name, separated by commas. All without it.
const ONLY: &str = "QUORATE_LIVE_ONLY";

/// A real account, as the environment describes it.
pub(crate) struct Live {
    primary: String,
    standby: String,
}

fn named(variable: &str, what: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: it names {what}"))
}

impl Live {
    fn from_environment() -> Live {
        Live {
            primary: named("QUORATE_LIVE_PRIMARY_REGION", "the region that serves"),
            standby: named("QUORATE_LIVE_STANDBY_REGION", "the region that stands by"),
        }
    }

    pub(crate) fn regions(&self) -> [String; 2] {
        [self.primary.clone(), self.standby.clone()]
    }

    pub(crate) fn databases(&self) -> Databases {
        let primary =
            named("QUORATE_LIVE_PRIMARY_INSTANCE", "an RDS instance with backups, in the primary region");
        let replica = named("QUORATE_LIVE_REPLICA_INSTANCE", "its replica in the standby region");
        Databases {
            primary: Place { region: self.primary.clone(), id: primary },
            replica: Place { region: self.standby.clone(), id: replica },
        }
    }

    pub(crate) fn tasks(&self) -> Tasks {
        Tasks {
            region: self.standby.clone(),
            cluster: named("QUORATE_LIVE_CLUSTER", "an ECS cluster in the standby region"),
            service: named(
                "QUORATE_LIVE_SERVICE",
                "its service, with a target group and a scaling range of 0 to 20",
            ),
        }
    }

    pub(crate) fn zone(&self) -> Zone {
        Zone {
            id: named("QUORATE_LIVE_ZONE", "a hosted zone's id"),
            name: named("QUORATE_LIVE_ZONE_NAME", "its name"),
            balancers: ["PRIMARY", "STANDBY"].map(|which| Balancer {
                name: named(&format!("QUORATE_LIVE_{which}_BALANCER"), "a load balancer's DNS name"),
                zone: named(&format!("QUORATE_LIVE_{which}_BALANCER_ZONE"), "its hosted zone id"),
            }),
        }
    }

    pub(crate) fn global_database(&self) -> GlobalDatabase {
        GlobalDatabase {
            id: named("QUORATE_LIVE_GLOBAL_CLUSTER", "an Aurora global database of both regions"),
            standby: self.standby.clone(),
        }
    }

    pub(crate) fn role(&self) -> Role {
        Role {
            region: self.standby.clone(),
            arn: named("QUORATE_LIVE_ROLE", "the ARN of a role that may be assumed with an external id"),
            external_id: named("QUORATE_LIVE_EXTERNAL_ID", "that external id"),
        }
    }

    pub(crate) fn quarantine(&self) -> String {
        named("QUORATE_LIVE_QUARANTINE_GROUP", "a security group without rules, in the primary region")
    }
}

macro_rules! tell {
    ($world:expr, $only:expr; $($operation:ident),+ $(,)?) => {$(
        if $only.as_ref().is_none_or(|only| only.split(',').any(|name| name == stringify!($operation))) {
            crate::$operation::live($world).await;
        }
    )+};
}

/// Goal: the documented behaviour is AWS's behaviour. Method: every story, one after the other, what destroys last.
#[tokio::test]
async fn real_account() {
    if std::env::var(SWITCH).as_deref() != Ok("1") {
        println!("not run: {SWITCH} is not 1, so no real account was asked");
        return;
    }
    let only = std::env::var(ONLY).ok();
    let world = World::live(Live::from_environment()).await;
    tell!(&world, only;
        get_caller_identity, assume_role, simulate_principal_policy, describe_account_attributes, get_hosted_zone, list_resource_record_sets, change_resource_record_sets,
        get_change, create_health_check, get_health_check, describe_services, update_service,
        describe_scalable_targets, register_scalable_target, describe_target_health, get_metric_data,
        describe_db_instances, describe_events, reboot_db_instance, restore_db_instance_to_point_in_time,
        create_db_instance_read_replica, describe_global_clusters, switchover_global_cluster, failover_global_cluster,
        modify_db_instance, promote_read_replica, stop_db_instance,
    );
}
