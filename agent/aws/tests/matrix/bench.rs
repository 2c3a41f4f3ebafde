//! A world, the proxies in front of its places, and agents that reach it through them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_aws::{Aws, AwsSettings, StaticCredentials, Timeouts};
use tokio::net::TcpSocket;

use crate::fault::Fault;
use crate::proxy::{self, Script};
use crate::world::World;

/// The place that is no region: Route 53's control plane.
pub(crate) const ROUTE53: &str = "route53";
/// Where the agent is: a third region, so that no fault is the agent's own.
const OWN_REGION: &str = "eu-west-1";

/// How long an agent waits for one attempt of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// So that only a call that is held for ever reaches it, on a busy machine too.
    Long,
    /// For calls that nobody answers.
    Short,
}

impl Patience {
    pub(crate) const fn of(fault: Fault) -> Self {
        if fault.hangs() { Patience::Short } else { Patience::Long }
    }

    const fn attempt(self) -> Duration {
        match self {
            Patience::Long => Duration::from_secs(6),
            Patience::Short => Duration::from_secs(1),
        }
    }

    /// The limit of a whole call: as by default, room for two attempts that hang and most of a third.
    pub(crate) fn operation(self) -> Duration {
        self.attempt() * 8 / 3
    }
}

pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) script: Arc<Script>,
    endpoints: BTreeMap<String, String>,
    /// Bound, so that nobody else gets their ports, but not listening.
    _closed: Vec<TcpSocket>,
}

impl Bench {
    /// Puts proxies in front of a world of which these places are gone.
    pub(crate) async fn of(world: World, gone: &[(&str, Fault)]) -> Bench {
        let script = Arc::<Script>::default();
        let (mut endpoints, mut closed) = (BTreeMap::new(), Vec::new());
        let regions = world.regions();
        let upstreams = regions.iter().map(|region| (region.as_str(), world.regional(region)));
        for (place, upstream) in upstreams.chain([(ROUTE53, world.route53_endpoint())]) {
            let fault = gone.iter().find(|(name, _)| *name == place).map(|(_, fault)| *fault);
            let url = if fault == Some(Fault::RegionRefuses) {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
                let url = format!("http://{}", socket.local_addr().unwrap());
                closed.push(socket);
                url
            } else {
                proxy::start(upstream, &script, fault == Some(Fault::RegionHangs)).await
            };
            endpoints.insert(place.to_owned(), url);
        }
        Bench { world, script, endpoints, _closed: closed }
    }

    /// A new agent's way to AWS, through the proxies.
    pub(crate) async fn agent(&self, patience: Patience) -> Aws {
        let mut settings = AwsSettings::new(OWN_REGION);
        let attempt = patience.attempt();
        settings.timeouts = Timeouts::new(attempt / 3, attempt, patience.operation()).unwrap();
        settings.credentials = Some(StaticCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        });
        for (place, url) in &self.endpoints {
            if place == ROUTE53 {
                settings.endpoints.route53 = Some(url.clone());
            } else {
                settings.endpoints.regional.insert(place.parse().unwrap(), url.clone());
            }
        }
        Aws::load(settings).await
    }
}
