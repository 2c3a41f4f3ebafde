//! Where everything of a running sandbox is reached. Only addresses and names: it is what a configuration
//! file is written from, so it must stay serializable and must not change while the sandbox runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every address of one running sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Base URL of the control API, without a trailing slash.
    pub control: String,
    /// How the world looks from each place, by region; `internet` is where clients are.
    pub vantages: BTreeMap<String, Vantage>,
    /// The service under protection.
    pub service: Service,
}

/// How the world is reached from one place. Each address passes a relay that can be cut, but for `internet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vantage {
    /// The DNS server to ask, `address:port`, UDP and TCP. Its answers lead through this vantage's relays.
    pub resolver: String,
    /// The same for one that remembers each answer for as long as it lives, as most resolvers of clients do.
    pub caching_resolver: String,
    /// The endpoint URL of all regional AWS APIs, by region: RDS, ECS, Application Auto Scaling, Elastic Load
    /// Balancing, CloudWatch, STS and IAM.
    pub aws: BTreeMap<String, String>,
    /// Route 53 endpoint URL.
    pub route53: String,
    /// Base URL of the status page's API; paths begin with `/v1/pages`.
    pub statuspage: String,
    /// Base URL of the webhook sink; append `/` and any name.
    pub webhook: String,
}

/// The service and the names of its resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// Region that served at the start.
    pub primary: String,
    /// Region that stood by at the start.
    pub standby: String,
    /// Port of the application in every region and behind every name.
    pub port: u16,
    /// Health endpoint of one region; `{region}` stands for the region.
    pub health_url_template: String,
    /// What clients use.
    pub public_url: String,
    /// The hosted zone's id.
    pub zone: String,
    /// The hosted zone's name, without the trailing dot.
    pub zone_name: String,
    /// The public record, without the trailing dot.
    pub record: String,
    /// What the record points at for each region.
    pub aliases: BTreeMap<String, Alias>,
    /// The RDS instance of each region.
    pub instances: BTreeMap<String, String>,
    /// The ECS cluster, of the same name in each region.
    pub cluster: String,
    /// The ECS service, of the same name in each region.
    pub ecs_service: String,
    /// ARN of the load balancer's target group of each region.
    pub target_groups: BTreeMap<String, String>,
    /// The security group of the databases, which lets the application in.
    pub security_group: String,
    /// A security group without any ingress rule.
    pub quarantine_group: String,
    /// The Aurora global cluster, if there is one.
    pub global_cluster: Option<String>,
    /// The status page's id.
    pub page: String,
    /// The id of the page's component.
    pub component: String,
    /// The key that the status page accepts.
    pub statuspage_key: String,
}

/// The alias target of one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// DNS name of the region's load balancer, without the trailing dot.
    pub target: String,
    /// The load balancer's own hosted zone id.
    pub zone: String,
}
