//! This project's own sandbox, in this process, and where its resources are. A new one for each story, so that no
//! story sees another's.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::rt::TokioIo;
use quorate_sandbox::{Endpoints, Options, Sandbox, Timing};
use tokio::net::TcpStream;

use crate::world::{Balancer, Databases, GlobalDatabase, Place, Role, Tasks, Zone};

/// The account of everything in the sandbox.
const ROLE: &str = "arn:aws:iam::123456789012:role/failover";
const EXTERNAL_ID: &str = "contract-external-id";
const GLOBAL_CLUSTER: &str = "world";
/// Long enough for a call to arrive while it lasts.
const BACKUP_MS: u64 = 1_500;
/// From where the world is looked at: directly, without relays.
const VANTAGE: &str = "internet";

pub(crate) struct SandboxWorld {
    _sandbox: Sandbox,
    endpoints: Endpoints,
}

/// States that last long enough to be seen by a story that looks every 40 ms.
fn timing() -> Timing {
    Timing {
        promote_modifying_ms: 500,
        promote_rebooting_ms: 300,
        task_start_ms: 200,
        task_stop_ms: 200,
        task_stagger_ms: 60,
        dns_pending_ms: 500,
        create_ms: 500,
        backup_ms: 300,
        modify_ms: 500,
        rename_ms: 500,
        reboot_ms: 500,
        stop_ms: 500,
        start_ms: 500,
        handover_ms: 500,
        target_healthy_ms: 400,
        scaling_ms: 300,
        ..Timing::default()
    }
}

impl SandboxWorld {
    pub(crate) async fn start() -> SandboxWorld {
        let options = Options {
            timing: timing(),
            global_cluster: Some(GLOBAL_CLUSTER.into()),
            roles: BTreeMap::from([(ROLE.to_owned(), Some(EXTERNAL_ID.to_owned()))]),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = sandbox.endpoints().clone();
        SandboxWorld { _sandbox: sandbox, endpoints }
    }

    /// The endpoint of each region.
    pub(crate) fn regional(&self) -> BTreeMap<String, String> {
        self.endpoints.vantages[VANTAGE].aws.clone()
    }

    pub(crate) fn route53(&self) -> String {
        self.endpoints.vantages[VANTAGE].route53.clone()
    }

    pub(crate) fn databases(&self) -> Databases {
        let service = &self.endpoints.service;
        let place = |region: &String| Place { region: region.clone(), id: service.instances[region].clone() };
        Databases { primary: place(&service.primary), replica: place(&service.standby) }
    }

    pub(crate) fn tasks(&self) -> Tasks {
        let service = &self.endpoints.service;
        Tasks {
            region: service.standby.clone(),
            cluster: service.cluster.clone(),
            service: service.ecs_service.clone(),
        }
    }

    pub(crate) fn zone(&self) -> Zone {
        let service = &self.endpoints.service;
        let balancer = |region: &String| {
            let alias = &service.aliases[region];
            Balancer { name: alias.target.clone(), zone: alias.zone.clone() }
        };
        let balancers = [balancer(&service.primary), balancer(&service.standby)];
        Zone { id: service.zone.clone(), name: service.zone_name.clone(), balancers }
    }

    pub(crate) fn global_database(&self) -> GlobalDatabase {
        GlobalDatabase { id: GLOBAL_CLUSTER.into(), standby: self.endpoints.service.standby.clone() }
    }

    pub(crate) fn role(&self) -> Role {
        let region = self.endpoints.service.standby.clone();
        Role { region, arn: ROLE.into(), external_id: EXTERNAL_ID.into() }
    }

    pub(crate) fn quarantine(&self) -> String {
        self.endpoints.service.quarantine_group.clone()
    }

    pub(crate) async fn back_up(&self, place: &Place) {
        let order = serde_json::json!({ "region": place.region, "id": place.id, "ms": BACKUP_MS });
        self.control("/control/backup", &order).await;
    }

    pub(crate) async fn set_replica_lag(&self, replica: &Place, seconds: Option<f64>) {
        let lag = serde_json::json!({ "region": replica.region, "id": replica.id, "seconds": seconds });
        self.control("/control/replica_lag", &lag).await;
    }

    /// One order to the sandbox's control API.
    async fn control(&self, path: &str, order: &serde_json::Value) {
        let address = self.endpoints.control.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(path).header("host", address).header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(order.to_string()))).unwrap();
        let status = sender.send_request(request).await.unwrap().status();
        assert!(status.is_success(), "{path}: {status}");
    }
}
