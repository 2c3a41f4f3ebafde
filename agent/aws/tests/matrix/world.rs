//! One world of either emulator: resources in their starting state, and real SDK clients that go to the emulator
//! itself, past the proxy, to prepare it and to see what became of it.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_rds::config::Credentials;

use crate::moto::{Moto, put_replica_lag};
use crate::resources::{Databases, GlobalDatabase, Tasks, Zone};
use crate::sandbox::SandboxWorld;

/// How long strict moto's states last, in milliseconds: short, but long enough to be passed through.
pub(crate) const MOTO_TIMING: [&str; 8] =
    ["--database-ms", "120", "--task-ms", "10", "--health-ms", "60", "--change-ms", "150"];
/// What a replica is behind at the start, in seconds.
const LAG: f64 = 1.0;
/// Pause between two looks while a world is prepared.
const PAUSE: Duration = Duration::from_millis(30);
/// Looks before a preparation is given up: a minute and a half, on a busy machine.
const LOOKS_MAX: u32 = 3_000;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Sandbox,
    Moto,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Sandbox => "sandbox",
            Kind::Moto => "strict moto",
        })
    }
}

enum Emulator {
    Sandbox(Box<SandboxWorld>),
    Moto(Moto),
}

pub(crate) struct World {
    emulator: Emulator,
    configs: BTreeMap<String, SdkConfig>,
    global: SdkConfig,
}

impl World {
    /// A sandbox of its own, or new names in the one strict moto of this test.
    pub(crate) async fn start(kind: Kind) -> World {
        let emulator = match kind {
            Kind::Sandbox => Emulator::Sandbox(Box::new(SandboxWorld::start().await)),
            Kind::Moto => Emulator::Moto(Moto::running()),
        };
        let global = config("us-east-1", emulator.route53()).await;
        let mut world = World { emulator, configs: BTreeMap::new(), global };
        for region in world.regions() {
            world.configs.insert(region.clone(), config(&region, world.regional(&region)).await);
        }
        world
    }

    /// The two regions, the one that serves first.
    pub(crate) fn regions(&self) -> [String; 2] {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.regions().map(str::to_owned),
            Emulator::Moto(moto) => moto.regions().map(str::to_owned),
        }
    }

    /// The emulator's own endpoint of a region.
    pub(crate) fn regional(&self, region: &str) -> &str {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.regional(region),
            Emulator::Moto(moto) => moto.url(),
        }
    }

    /// The emulator's own endpoint of Route 53.
    pub(crate) fn route53_endpoint(&self) -> &str {
        self.emulator.route53()
    }

    /// A primary and its replica, which is a second behind.
    pub(crate) async fn databases(&self) -> Databases {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => {
                let databases = sandbox.databases();
                sandbox.set_replica_lag(&databases.replica, LAG).await;
                databases
            }
            Emulator::Moto(moto) => {
                let databases = moto.databases(self).await;
                put_replica_lag(self, &databases.replica, Some(LAG)).await;
                databases
            }
        }
    }

    /// A service at rest with this many tasks.
    pub(crate) async fn tasks(&self, count: i32) -> Tasks {
        let tasks = match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.tasks(),
            Emulator::Moto(moto) => moto.tasks(self).await,
        };
        let update = self.ecs(&tasks.region).update_service().desired_count(count);
        update.cluster(&tasks.cluster).service(&tasks.service).send().await.unwrap();
        let describe =
            self.ecs(&tasks.region).describe_services().cluster(&tasks.cluster).services(&tasks.service);
        let running = || async {
            let shown = describe.clone().send().await.unwrap();
            shown.services()[0].running_count()
        };
        self.watch(running, |running| *running == count).await;
        tasks
    }

    pub(crate) async fn zone(&self) -> Zone {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.zone(),
            Emulator::Moto(moto) => moto.zone(self).await,
        }
    }

    pub(crate) async fn global_database(&self) -> GlobalDatabase {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.global_database(),
            Emulator::Moto(moto) => moto.global_database(self).await,
        }
    }

    /// A security group of the region that lets nobody in.
    pub(crate) async fn quarantine(&self, region: &str) -> String {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.quarantine(),
            Emulator::Moto(moto) => moto.security_group(region).await,
        }
    }

    /// Looks again and again until it is as wanted.
    pub(crate) async fn watch<T: Debug, F: Future<Output = T>>(
        &self,
        mut look: impl FnMut() -> F,
        until: impl Fn(&T) -> bool,
    ) {
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            let seen = look().await;
            if until(&seen) {
                return;
            }
            last = Some(seen);
            tokio::time::sleep(PAUSE).await;
        }
        panic!("never as wanted: {last:?}");
    }

    pub(crate) fn rds(&self, region: &str) -> aws_sdk_rds::Client {
        aws_sdk_rds::Client::new(&self.configs[region])
    }

    pub(crate) fn ecs(&self, region: &str) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.configs[region])
    }

    pub(crate) fn scaling(&self, region: &str) -> aws_sdk_applicationautoscaling::Client {
        aws_sdk_applicationautoscaling::Client::new(&self.configs[region])
    }

    pub(crate) fn balancing(&self, region: &str) -> aws_sdk_elasticloadbalancingv2::Client {
        aws_sdk_elasticloadbalancingv2::Client::new(&self.configs[region])
    }

    pub(crate) fn metrics(&self, region: &str) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(&self.configs[region])
    }

    pub(crate) fn route53(&self) -> aws_sdk_route53::Client {
        aws_sdk_route53::Client::new(&self.global)
    }
}

impl Emulator {
    fn route53(&self) -> &str {
        match self {
            Emulator::Sandbox(sandbox) => sandbox.route53(),
            Emulator::Moto(moto) => moto.url(),
        }
    }
}

/// One attempt for each call: what prepares and what looks is not what is tested.
async fn config(region: &str, endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "matrix"))
        .load()
        .await
}
