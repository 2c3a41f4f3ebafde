//! What can be chosen about a sandbox before it starts. Only plain values, so that a command line, a test or
//! a training course can set each one. It must not hold anything learned while running: that is `Endpoints`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::world::fault::Fault;

/// Everything that can be chosen. The default is the world of the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Region that serves at the start.
    pub primary: String,
    /// Region that stands by at the start.
    pub standby: String,
    /// Regions from which agents look at the world. `internet`, the clients' vantage, is always added.
    pub vantages: Vec<String>,
    /// Name of the service; names of resources and of the zone are made from it.
    pub service: String,
    /// The hosted zone's name, without the trailing dot.
    pub zone_name: String,
    /// The hosted zone's id.
    pub zone_id: String,
    /// Public names of the zone beside `www`, which point at the primary region at the start.
    pub more_records: Vec<String>,
    /// Name of the ECS service within the cluster, which is named after `service`.
    pub ecs_service: String,
    /// Tasks desired and running in the primary region at the start.
    pub primary_tasks: u32,
    /// Tasks desired and running in the standby region at the start.
    pub standby_tasks: u32,
    /// The security group of the databases, which lets the application in.
    pub security_group: String,
    /// A security group without any ingress rule.
    pub quarantine_group: String,
    /// Whether the databases' storage is encrypted. RDS asks for more then when it replicates across regions.
    pub encrypted: bool,
    /// An Aurora global cluster over both regions, its writer in the primary one; none without it.
    pub global_cluster: Option<String>,
    /// Whether a service follows a scaling minimum that is raised above its desired count. AWS does not say.
    pub scaling_follows_minimum: bool,
    /// Roles that can be assumed, each with the external id that its trust policy asks for; any role, with
    /// any external id, if there is none.
    pub roles: BTreeMap<String, Option<String>>,
    /// The status page's id.
    pub page: String,
    /// The id of the page's one component.
    pub component: String,
    /// The key that the status page accepts as `Authorization: OAuth KEY`.
    pub statuspage_key: String,
    /// First two octets of every address at which agents find the world: loopback, or a private network that exists
    /// in the sandbox's own network namespace alone.
    pub network: [u8; 2],
    /// Where the control API listens. Loopback only; port 0 takes a free one.
    pub control: SocketAddr,
    /// How long AWS takes for things.
    pub timing: Timing,
    /// Route 53 calls accepted per second, 0 for no limit. AWS allows 5 for a whole account.
    pub route53_requests_per_second: u32,
    /// Faults from the start, by region.
    pub faults: BTreeMap<String, Fault>,
    /// Seed of every identifier that the world makes up (request ids, change ids, incident ids).
    pub seed: u64,
}

/// Durations and times to live. The defaults keep AWS's order of events and shorten its minutes to seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// How long a promotion shows `modifying`, in milliseconds.
    pub promote_modifying_ms: u64,
    /// How long it then shows `rebooting`, in milliseconds. The database takes no connection in either state.
    pub promote_rebooting_ms: u64,
    /// How long a new or restored instance shows `creating`, in milliseconds.
    pub create_ms: u64,
    /// How long a restored instance then shows `backing-up`, in milliseconds.
    pub backup_ms: u64,
    /// How long a modified instance shows `modifying`, in milliseconds. Security groups change at its end.
    pub modify_ms: u64,
    /// How long an instance with a new name shows `renaming`, in milliseconds.
    pub rename_ms: u64,
    /// How long a reboot takes, in milliseconds.
    pub reboot_ms: u64,
    /// How long an instance shows `stopping`, in milliseconds.
    pub stop_ms: u64,
    /// How long an instance shows `starting`, in milliseconds.
    pub start_ms: u64,
    /// How far the latest restorable moment lies back, in milliseconds. RDS says five minutes.
    pub restorable_lag_ms: u64,
    /// How long the application's open sessions live on when the security groups let nobody in any more, in
    /// milliseconds: groups decide about new connections alone.
    pub session_ms: u64,
    /// How long a switchover or failover of a global cluster takes, in milliseconds.
    pub handover_ms: u64,
    /// How long a new target shows `initial`, in milliseconds.
    pub target_healthy_ms: u64,
    /// How long it takes until a raised scaling minimum is followed, in milliseconds.
    pub scaling_ms: u64,
    /// Time from the order to the first started task, in milliseconds.
    pub task_start_ms: u64,
    /// Time from the order to the first stopped task, in milliseconds.
    pub task_stop_ms: u64,
    /// Time between two tasks that start or stop, in milliseconds: what makes the running count ramp.
    pub task_stagger_ms: u64,
    /// How long ten seconds of a health check's interval take, in milliseconds.
    pub health_check_ms: u64,
    /// How long a Route 53 change is `PENDING`, in milliseconds. DNS answers change when it ends.
    pub dns_pending_ms: u64,
    /// Time to live of alias answers and of negative answers, in seconds. Real load balancers have 60.
    pub alias_ttl_s: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            promote_modifying_ms: 2_000,
            promote_rebooting_ms: 1_000,
            create_ms: 2_000,
            backup_ms: 800,
            modify_ms: 500,
            rename_ms: 800,
            reboot_ms: 800,
            stop_ms: 800,
            start_ms: 800,
            restorable_lag_ms: 1_000,
            session_ms: 5_000,
            handover_ms: 2_000,
            target_healthy_ms: 300,
            scaling_ms: 1_500,
            task_start_ms: 800,
            task_stop_ms: 300,
            task_stagger_ms: 100,
            health_check_ms: 1_000,
            dns_pending_ms: 1_000,
            alias_ttl_s: 60,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            primary: "us-east-1".into(),
            standby: "us-west-2".into(),
            vantages: vec!["us-east-1".into(), "us-west-2".into(), "eu-west-1".into()],
            service: "shop".into(),
            zone_name: "shop.test".into(),
            zone_id: "ZSHOP4QUORATE7X9K2D".into(),
            more_records: Vec::new(),
            ecs_service: "web".into(),
            primary_tasks: 10,
            standby_tasks: 2,
            security_group: "sg-application".into(),
            quarantine_group: "sg-quarantine".into(),
            encrypted: false,
            global_cluster: None,
            scaling_follows_minimum: true,
            roles: BTreeMap::new(),
            page: "kctbh9vrtdwd".into(),
            component: "8kbf7d35c070".into(),
            statuspage_key: "sandbox-statuspage-key".into(),
            network: [127, 0],
            control: SocketAddr::from(([127, 0, 0, 1], 0)),
            timing: Timing::default(),
            route53_requests_per_second: 0,
            faults: BTreeMap::new(),
            seed: 1,
        }
    }
}

/// Why options cannot make a world.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionsError {
    /// The two regions are one.
    #[error("primary and standby are both `{0}`: a failover needs two regions")]
    SameRegion(String),
    /// A name is used twice or is one of the sandbox's own words.
    #[error("vantage `{0}` is given twice or reserved")]
    Vantage(String),
    /// No hosted zone id is known for the load balancers of this region.
    #[error("region `{0}` is not one whose load balancer zone the sandbox knows")]
    UnknownRegion(String),
    /// A fault is set for a region that has no application.
    #[error("a fault is set for `{0}`, which is neither the primary nor the standby region")]
    FaultRegion(String),
    /// The sandbox would be reachable from other machines.
    #[error("the control address {0} is not on loopback")]
    NotLoopback(SocketAddr),
    /// The world would be reachable from other machines.
    #[error("the network {}.{}.0.0 is neither loopback nor within 10.0.0.0/8", .0[0], .0[1])]
    Network([u8; 2]),
    /// More vantages than the address plan has room for.
    #[error("{0} vantages are more than the {max} that fit", max = VANTAGES_MAX)]
    TooManyVantages(usize),
    /// A name that cannot be part of a DNS name.
    #[error("`{0}` is not a DNS name of lower-case letters, digits, `-` and `.`")]
    Name(String),
}

/// Vantages that are never agents' regions: the clients', and the place of services that have no region.
pub const INTERNET: &str = "internet";
/// The region of services that belong to none: Route 53, the status page and the webhook sink.
pub const GLOBAL: &str = "global";

/// Nine: each vantage owns one /24 of loopback and a handful of listeners, and no cluster has more voters.
const VANTAGES_MAX: usize = 9;

impl Options {
    /// The two regions in which the service can run, primary first.
    #[must_use]
    pub fn regions(&self) -> [&str; 2] {
        [&self.primary, &self.standby]
    }

    /// The regional load balancer's DNS name, without the trailing dot.
    #[must_use]
    pub fn load_balancer(&self, region: &str) -> String {
        format!("alb.{region}.{}", self.zone_name)
    }

    /// Every security group, and whether it lets the application in.
    #[must_use]
    pub fn security_groups(&self) -> BTreeMap<String, bool> {
        let groups = [(&self.security_group, true), (&self.quarantine_group, false)];
        let default = (crate::world::database::DEFAULT_SECURITY_GROUP.to_owned(), false);
        std::iter::once(default).chain(groups.map(|(group, open)| (group.clone(), open))).collect()
    }

    /// The KMS key of a region.
    #[must_use]
    pub fn kms_key(&self, region: &str) -> String {
        let account = crate::world::database::ACCOUNT;
        format!("arn:aws:kms:{region}:{account}:key/0d1f2a3b-4c5d-4e6f-8a9b-{:012}", 1)
    }

    /// Checks everything that could not work.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), OptionsError> {
        if self.primary == self.standby {
            return Err(OptionsError::SameRegion(self.primary.clone()));
        }
        for region in self.regions() {
            load_balancer_zone(region).ok_or_else(|| OptionsError::UnknownRegion(region.into()))?;
        }
        for (index, vantage) in self.vantages.iter().enumerate() {
            let reserved = [INTERNET, GLOBAL, "*", ""].contains(&vantage.as_str());
            if reserved || self.vantages[..index].contains(vantage) {
                return Err(OptionsError::Vantage(vantage.clone()));
            }
        }
        if self.vantages.len() > VANTAGES_MAX {
            return Err(OptionsError::TooManyVantages(self.vantages.len()));
        }
        if let Some(region) = self.faults.keys().find(|region| !self.regions().contains(&region.as_str())) {
            return Err(OptionsError::FaultRegion(region.clone()));
        }
        for name in [&self.zone_name, &self.service].into_iter().chain(&self.more_records) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            if name.is_empty() || !name.chars().all(plain) || name.split('.').any(str::is_empty) {
                return Err(OptionsError::Name(name.clone()));
            }
        }
        // A network of the sandbox's own is one of the private ones; anything else may be somebody's.
        if ![127, 10].contains(&self.network[0]) {
            return Err(OptionsError::Network(self.network));
        }
        if !self.control.ip().is_loopback() {
            return Err(OptionsError::NotLoopback(self.control));
        }
        Ok(())
    }
}

/// The hosted zone id of a region's application and classic load balancers, as AWS publishes them.
#[must_use]
pub fn load_balancer_zone(region: &str) -> Option<&'static str> {
    Some(match region {
        "us-east-1" => "Z35SXDOTRQ7X7K",
        "us-east-2" => "Z3AADJGX6KTTL2",
        "us-west-1" => "Z368ELLRRE2KJ0",
        "us-west-2" => "Z1H1FL5HABSF5",
        "ca-central-1" => "ZQSVJUPU6J1EY",
        "eu-central-1" => "Z215JYRZR1TBD5",
        "eu-west-1" => "Z32O12XQLNTSW2",
        "eu-west-2" => "ZHURV8PSTC4K8",
        "ap-northeast-1" => "Z14GRHDCWA56QT",
        "ap-southeast-1" => "Z1LMS91P8CMLE5",
        "ap-southeast-2" => "Z1GM3OXH4ZPM65",
        "ap-south-1" => "ZP97RAFLXTNZK",
        "sa-east-1" => "Z2P70J7HTTTPLU",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the defaults make a world, and each impossible choice has its own refusal.
    /// Method: break one field at a time.
    #[test]
    fn validation_names_what_is_wrong() {
        let check = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.validate()
        };
        assert_eq!(check(|_| ()), Ok(()));
        assert!(matches!(check(|o| o.standby = o.primary.clone()), Err(OptionsError::SameRegion(_))));
        assert!(matches!(check(|o| o.primary = "mars-1".into()), Err(OptionsError::UnknownRegion(_))));
        assert!(matches!(check(|o| o.vantages.push("eu-west-1".into())), Err(OptionsError::Vantage(_))));
        assert!(matches!(check(|o| o.vantages.push(INTERNET.into())), Err(OptionsError::Vantage(_))));
        assert!(matches!(
            check(|o| o.control = ([10, 0, 0, 1], 1).into()),
            Err(OptionsError::NotLoopback(_))
        ));
        assert_eq!(check(|o| o.network = [192, 168]), Err(OptionsError::Network([192, 168])));
        assert_eq!(check(|o| o.network = [10, 202]), Ok(()));
        assert!(matches!(check(|o| o.zone_name = "Shop..test".into()), Err(OptionsError::Name(_))));
        let fault = |o: &mut Options| o.faults = [("eu-west-1".into(), Fault::Hang)].into();
        assert!(matches!(check(fault), Err(OptionsError::FaultRegion(_))));
        let many = |o: &mut Options| o.vantages = (0..10).map(|n| format!("region-{n}")).collect();
        assert_eq!(check(many), Err(OptionsError::TooManyVantages(10)));
    }
}
