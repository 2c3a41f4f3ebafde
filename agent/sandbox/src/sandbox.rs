//! Starting and ending a sandbox: every socket is bound before `start` returns, and every one is closed
//! before `shutdown` does. It prints nothing.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use crate::clock::Clock;
use crate::control::Control;
use crate::endpoints::{Alias, Endpoints, Service, Vantage};
use crate::gate::{self, Gate};
use crate::network::{Behind, Network, bind_one_port};
use crate::options::{GLOBAL, INTERNET, Options, OptionsError, load_balancer_zone};
use crate::places::{Places, vantages};
use crate::stage::Stage;
use crate::webhook::Hooks;
use crate::world::World;
use crate::world::compute::target_group_arn;
use crate::{application, aws, checker, control, dns, statuspage, webhook};

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The options make no world.
    #[error("the sandbox's options are wrong")]
    Options(#[from] OptionsError),
    /// A socket could not be bound.
    #[error("cannot listen on loopback for {what}")]
    Listen {
        /// What was to listen.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

fn listening(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Listen { what, source }
}

/// A running sandbox. Dropping it ends it too, but without waiting for the last socket.
#[derive(Debug)]
pub struct Sandbox {
    stage: Arc<Stage>,
    endpoints: Arc<Endpoints>,
    _stops_on_drop: DropGuard,
}

impl Sandbox {
    /// Starts a world and all its servers.
    ///
    /// # Errors
    /// Options that make no world, or a socket that cannot be bound.
    pub async fn start(options: Options) -> Result<Sandbox, StartError> {
        options.validate()?;
        let clock = Clock::start();
        let stage = Arc::new(Stage::new(World::new(&options, clock.now_ms()), clock));
        // From here on an error drops the guard, which ends what has started already.
        let stops_on_drop = stage.stop.clone().drop_guard();
        let build = Build {
            places: Arc::new(Places::new(&options)),
            network: Network::new(&stage),
            hooks: Arc::default(),
            options,
            stage: Arc::clone(&stage),
        };
        let endpoints = build.run().await?;
        Ok(Sandbox { stage, endpoints, _stops_on_drop: stops_on_drop })
    }

    /// Where everything is reached.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Ends every server, and returns when every socket is closed.
    pub async fn shutdown(self) {
        self.stage.stop.cancel();
        self.stage.tasks.close();
        self.stage.tasks.wait().await;
    }
}

/// Runs a sandbox until `shutdown` completes: `ready` is told where everything is as soon as it listens.
///
/// # Errors
/// As [`Sandbox::start`].
pub async fn serve(
    options: Options,
    ready: impl FnOnce(&Endpoints),
    shutdown: impl Future<Output = ()>,
) -> Result<Endpoints, StartError> {
    let sandbox = Sandbox::start(options).await?;
    ready(sandbox.endpoints());
    shutdown.await;
    let endpoints = sandbox.endpoints().clone();
    sandbox.shutdown().await;
    Ok(endpoints)
}

/// The parts of a sandbox while it is put together.
struct Build {
    options: Options,
    stage: Arc<Stage>,
    places: Arc<Places>,
    network: Arc<Network>,
    hooks: Arc<Hooks>,
}

impl Build {
    async fn run(self) -> Result<Arc<Endpoints>, StartError> {
        let port = self.applications().await.map_err(listening("the applications"))?;
        let global = self.global().await.map_err(listening("global services"))?;
        let mut regional = BTreeMap::new();
        for region in self.options.regions() {
            let address = self.regional(region).await.map_err(listening("a region's AWS endpoints"))?;
            regional.insert(region.to_owned(), address);
        }
        let mut seen = BTreeMap::new();
        for place in vantages(&self.options).chain([INTERNET]) {
            let vantage = self.vantage(place, global, &regional).await.map_err(listening("a vantage"))?;
            seen.insert(place.to_owned(), vantage);
        }
        let control = TcpListener::bind(self.options.control).await.map_err(listening("the control API"))?;
        let address = control.local_addr().map_err(listening("the control API"))?;
        let service = service(&self.options, port);
        let endpoints = Arc::new(Endpoints { control: url(address), vantages: seen, service });
        // Faults from the options hold before anything can be asked.
        self.network.apply().await;
        let Build { stage, places, network, hooks, .. } = self;
        checker::start(&stage, &places);
        let router = control::router(Control {
            stage: Arc::clone(&stage),
            places,
            network,
            hooks,
            endpoints: Arc::clone(&endpoints),
        });
        Gate::start(control, &stage, gate::http(router)).map_err(listening("the control API"))?;
        Ok(endpoints)
    }

    /// The applications and every path to them, all on one port, which is answered.
    async fn applications(&self) -> io::Result<u16> {
        let plan: Vec<(&str, &str, Ipv4Addr)> = self.places.all().collect();
        let addresses: Vec<Ipv4Addr> = plan.iter().map(|(_, _, address)| *address).collect();
        let listeners = bind_one_port(&addresses)?;
        let port = listeners[0].local_addr()?.port();
        for ((place, region, _), listener) in plan.into_iter().zip(listeners) {
            let behind = Behind::Application(region.into());
            if place == INTERNET {
                let router = application::router(&self.stage, region);
                let gate = Gate::start(listener, &self.stage, gate::http(router))?;
                self.network.add_front(behind, gate).await;
            } else {
                let own = self
                    .places
                    .address(INTERNET, region)
                    .expect("the internet has an address for each region");
                self.network.add_path((place, region), behind, listener, (own, port).into()).await?;
            }
        }
        Ok(port)
    }

    /// Route 53, the status page and the webhook sink, on one address.
    async fn global(&self) -> io::Result<SocketAddr> {
        let router = statuspage::router(&self.stage, &self.options.statuspage_key)
            .merge(webhook::router(&self.stage, &self.hooks))
            .fallback_service(aws::global(&self.stage));
        let gate = Gate::start(listen(self.places.home()).await?, &self.stage, gate::http(router))?;
        Ok(self.front(Behind::Other, gate).await)
    }

    async fn regional(&self, region: &str) -> io::Result<SocketAddr> {
        let listener = listen(self.places.home()).await?;
        let gate = Gate::start(listener, &self.stage, gate::http(aws::regional(&self.stage, region)))?;
        Ok(self.front(Behind::ControlPlane(region.into()), gate).await)
    }

    async fn front(&self, behind: Behind, gate: Gate) -> SocketAddr {
        let address = gate.address;
        self.network.add_front(behind, gate).await;
        address
    }

    /// How one place reaches everything: directly for the internet, through relays for all others.
    async fn vantage(
        &self,
        place: &str,
        global: SocketAddr,
        regional: &BTreeMap<String, SocketAddr>,
    ) -> io::Result<Vantage> {
        let mut aws = BTreeMap::new();
        for (region, own) in regional {
            let behind = Behind::ControlPlane(region.clone());
            aws.insert(region.clone(), url(self.path(place, region, behind, *own).await?));
        }
        let global = url(self.path(place, GLOBAL, Behind::Other, global).await?);
        Ok(Vantage {
            resolver: dns::start(&self.stage, &self.places, place).await?.to_string(),
            caching_resolver: dns::start_caching(&self.stage, &self.places, place).await?.to_string(),
            aws,
            route53: global.clone(),
            webhook: format!("{global}/hook"),
            statuspage: global,
        })
    }

    async fn path(&self, from: &str, to: &str, behind: Behind, own: SocketAddr) -> io::Result<SocketAddr> {
        match from {
            INTERNET => Ok(own),
            from => {
                // Beside the region's application, so that an address tells which region a packet is for.
                let address = self.places.address(from, to).unwrap_or_else(|| self.places.home());
                self.network.add_path((from, to), behind, listen(address).await?, own).await
            }
        }
    }
}

async fn listen(address: Ipv4Addr) -> io::Result<TcpListener> {
    TcpListener::bind((address, 0)).await
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn service(options: &Options, port: u16) -> Service {
    let alias = |region: &str| {
        let zone = load_balancer_zone(region).unwrap_or_default().to_owned();
        (region.to_owned(), Alias { target: options.load_balancer(region), zone })
    };
    let [primary, standby] = options.regions();
    let instances = [(primary, "primary"), (standby, "replica")];
    let zone_name = &options.zone_name;
    Service {
        name: options.service.clone(),
        primary: primary.into(),
        standby: standby.into(),
        port,
        health_url_template: format!("http://api.{{region}}.{zone_name}:{port}/health"),
        public_url: format!("http://www.{zone_name}:{port}/"),
        zone: options.zone_id.clone(),
        zone_name: zone_name.clone(),
        record: format!("www.{zone_name}"),
        aliases: options.regions().map(alias).into(),
        instances: instances
            .map(|(region, role)| (region.into(), format!("{}-{role}", options.service)))
            .into(),
        cluster: options.service.clone(),
        ecs_service: options.ecs_service.clone(),
        target_groups: options
            .regions()
            .map(|region| (region.into(), target_group_arn(region, &options.ecs_service)))
            .into(),
        security_group: options.security_group.clone(),
        quarantine_group: options.quarantine_group.clone(),
        global_cluster: options.global_cluster.clone(),
        page: options.page.clone(),
        component: options.component.clone(),
        statuspage_key: options.statuspage_key.clone(),
    }
}
