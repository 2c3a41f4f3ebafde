//! Clients of the services: they look a name up, keep the answer for its time to live, and write. What was acknowledged
//! they remember; whether it is still there is for the oracle to ask.

use super::{EAST, cloud::Cloud, cloud::World, network::Network, now};
use quorate_policies::ServiceName;
use std::time::Duration;

/// How long a resolver keeps an answer.
const TTL: Duration = Duration::from_secs(20);
/// How much longer a bad one does.
const STALE: u32 = 10;
/// Between two writes of one client.
const WRITE_EVERY: Duration = Duration::from_millis(400);
/// Outside of all regions of the service.
const OUTSIDE: &str = "eu-west-1";

struct Client {
    name: &'static str,
    service: ServiceName,
    at: &'static str,
    answer: Option<(String, Duration)>,
    next: Duration,
}

/// All clients of all services.
pub(super) struct Clients {
    clients: Vec<Client>,
    written: u64,
}

impl Clients {
    pub(super) fn new(services: &[&'static str]) -> Self {
        let client = |name: &'static str, at, first| Client {
            name,
            service: super::service(name),
            at,
            answer: None,
            next: Duration::from_millis(first),
        };
        let both = services.iter().flat_map(|name| [client(name, OUTSIDE, 5_000), client(name, EAST, 5_200)]);
        Self { clients: both.collect(), written: 0 }
    }

    /// Everybody whose turn it is writes once.
    pub(super) fn write(&mut self, cloud: &Cloud, network: &Network) {
        for client in &mut self.clients {
            if now() < client.next {
                continue;
            }
            client.next = now() + WRITE_EVERY;
            let Some(region) = client.resolve(cloud, network) else { continue };
            if network.parted(client.at, &region) || !may_write(client, network, &region) {
                continue;
            }
            self.written += 1;
            if cloud.write(client.name, &region, self.written) {
                network.oracle().acknowledged(client.name, &region, client.at);
            }
        }
    }
}

impl Client {
    fn resolve(&mut self, cloud: &Cloud, network: &Network) -> Option<String> {
        let kept = self.answer.as_ref().filter(|(_, until)| now() < *until);
        if kept.is_none() && !network.parted(self.at, "everywhere else") {
            let (target, stale) =
                cloud.with(|world| (world.record(self.name).targets.first().cloned(), world.stale_resolvers));
            let keep = if stale { TTL * STALE } else { TTL };
            self.answer = target.map(|target| (target, now() + keep));
        }
        let (target, _) = self.answer.as_ref()?;
        target.split_once('.').map(|(region, _)| region.to_owned())
    }
}

/// Whether the application there takes the write: one that honours the lease asks the agent beside it first (R13).
fn may_write(client: &Client, network: &Network, region: &str) -> bool {
    let beside = || network.hosts().into_iter().find(|host| host.region.as_str() == region);
    let promised = |service: &ServiceName| {
        beside().and_then(|host| host.promise(service)).is_some_and(|(_, until)| now() < until)
    };
    !World::honours_lease(client.name) || promised(&client.service)
}
