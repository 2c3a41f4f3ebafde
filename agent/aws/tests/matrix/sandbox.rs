//! This project's own sandbox, in this process, with states that are short but long enough to be passed through.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::rt::TokioIo;
use quorate_sandbox::{Endpoints, Options, Sandbox, Timing};
use tokio::net::TcpStream;

use crate::resources::{Balancer, Databases, GlobalDatabase, Place, Tasks, Zone};

const GLOBAL_CLUSTER: &str = "world";
/// From where the world is looked at: directly, without relays.
const VANTAGE: &str = "internet";

pub(crate) struct SandboxWorld {
    _sandbox: Sandbox,
    endpoints: Endpoints,
}

fn timing() -> Timing {
    Timing {
        promote_modifying_ms: 120,
        promote_rebooting_ms: 80,
        task_start_ms: 60,
        task_stop_ms: 60,
        task_stagger_ms: 10,
        dns_pending_ms: 150,
        create_ms: 120,
        backup_ms: 80,
        modify_ms: 120,
        rename_ms: 120,
        reboot_ms: 120,
        stop_ms: 120,
        start_ms: 120,
        handover_ms: 120,
        target_healthy_ms: 60,
        ..Timing::default()
    }
}

impl SandboxWorld {
    pub(crate) async fn start() -> SandboxWorld {
        let options = Options {
            timing: timing(),
            global_cluster: Some(GLOBAL_CLUSTER.into()),
            // The count is moved by the action alone, so that each of its calls shows.
            scaling_follows_minimum: false,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let endpoints = sandbox.endpoints().clone();
        SandboxWorld { _sandbox: sandbox, endpoints }
    }

    /// The two regions, the one that serves first.
    pub(crate) fn regions(&self) -> [&str; 2] {
        [&self.endpoints.service.primary, &self.endpoints.service.standby]
    }

    pub(crate) fn regional(&self, region: &str) -> &str {
        &self.endpoints.vantages[VANTAGE].aws[region]
    }

    pub(crate) fn route53(&self) -> &str {
        &self.endpoints.vantages[VANTAGE].route53
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

    pub(crate) fn quarantine(&self) -> String {
        self.endpoints.service.quarantine_group.clone()
    }

    pub(crate) async fn set_replica_lag(&self, replica: &Place, seconds: f64) {
        let lag = serde_json::json!({ "region": replica.region, "id": replica.id, "seconds": seconds });
        let address = self.endpoints.control.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post("/control/replica_lag").header("host", address);
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(lag.to_string()))).unwrap();
        let status = sender.send_request(request).await.unwrap().status();
        assert!(status.is_success(), "/control/replica_lag: {status}");
    }
}
