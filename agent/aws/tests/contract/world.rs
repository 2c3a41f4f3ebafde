//! One world that a story is told to: real SDK clients, and resources of the same kinds and the same starting state
//! whoever made them. A story asks for what it needs and must not ask which emulator it is.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_rds::config::Credentials;

use crate::live::Live;
use crate::moto::Moto;
pub(crate) use crate::resources::{Balancer, Databases, GlobalDatabase, Place, Tasks, Zone, fresh};
use crate::sandbox::SandboxWorld;

/// Looks at a world before it is given up. With the emulators' pause this is a minute, far more than any of their
/// states lasts; with the live pause it is two hours, as long as a large restore may take.
const LOOKS_MAX: u32 = 1_500;
const EMULATOR_PAUSE: Duration = Duration::from_millis(40);
const LIVE_PAUSE: Duration = Duration::from_secs(5);
/// Only there to turn a hang into a failure.
const CALL_MAX: Duration = Duration::from_secs(30);

/// How long strict moto's states last, in milliseconds: long enough to be seen by a story that looks every 40 ms.
pub(crate) const MOTO_TIMING: [&str; 8] =
    ["--database-ms", "500", "--task-ms", "60", "--health-ms", "400", "--change-ms", "500"];

/// A role that wants an external id.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) region: String,
    pub(crate) arn: String,
    pub(crate) external_id: String,
}

pub(crate) enum Emulator {
    Sandbox(Box<SandboxWorld>),
    Moto(Moto),
    Live(Live),
}

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    /// One configuration for each region.
    configs: BTreeMap<String, SdkConfig>,
    global: SdkConfig,
}

impl World {
    /// The project's own sandbox: a new one for each story.
    pub(crate) async fn sandbox() -> World {
        let sandbox = SandboxWorld::start().await;
        let mut configs = BTreeMap::new();
        for (region, url) in sandbox.regional() {
            configs.insert(region.clone(), config(&region, Some(&url), Some(keys())).await);
        }
        let global = config("us-east-1", Some(&sandbox.route53()), Some(keys())).await;
        World { emulator: Emulator::Sandbox(Box::new(sandbox)), configs, global }
    }

    /// Strict moto: one process for all stories of this test binary, and new names for each.
    pub(crate) async fn moto() -> World {
        let moto = Moto::running();
        let mut configs = BTreeMap::new();
        for region in moto.regions() {
            configs.insert(region.to_owned(), config(region, Some(moto.url()), Some(keys())).await);
        }
        let global = config("us-east-1", Some(moto.url()), Some(keys())).await;
        World { emulator: Emulator::Moto(moto), configs, global }
    }

    /// A real account, whose resources are named by the environment.
    pub(crate) async fn live(live: Live) -> World {
        let mut configs = BTreeMap::new();
        for region in live.regions() {
            configs.insert(region.clone(), config(&region, None, None).await);
        }
        let global = config("us-east-1", None, None).await;
        World { emulator: Emulator::Live(live), configs, global }
    }

    /// A database pair in its starting state.
    pub(crate) async fn databases(&self) -> Databases {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.databases(),
            Emulator::Moto(moto) => moto.databases(self).await,
            Emulator::Live(live) => live.databases(),
        }
    }

    /// A service at rest with this many tasks.
    pub(crate) async fn tasks(&self, count: i32) -> Tasks {
        let tasks = match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.tasks(),
            Emulator::Moto(moto) => moto.tasks(self).await,
            Emulator::Live(live) => live.tasks(),
        };
        let Tasks { region, cluster, service } = &tasks;
        self.ecs(region)
            .update_service()
            .cluster(cluster)
            .service(service)
            .desired_count(count)
            .send()
            .await
            .unwrap();
        self.watch(|| self.counts(&tasks), |(desired, running, _)| *desired == count && *running == count)
            .await;
        tasks
    }

    /// Desired, running and pending tasks.
    pub(crate) async fn counts(&self, tasks: &Tasks) -> (i32, i32, i32) {
        let shown =
            self.ecs(&tasks.region).describe_services().cluster(&tasks.cluster).services(&tasks.service);
        let shown = shown.send().await.unwrap();
        let service = &shown.services()[0];
        (service.desired_count(), service.running_count(), service.pending_count())
    }

    pub(crate) async fn zone(&self) -> Zone {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.zone(),
            Emulator::Moto(moto) => moto.zone(self).await,
            Emulator::Live(live) => live.zone(),
        }
    }

    pub(crate) async fn global_database(&self) -> GlobalDatabase {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.global_database(),
            Emulator::Moto(moto) => moto.global_database(self).await,
            Emulator::Live(live) => live.global_database(),
        }
    }

    pub(crate) async fn role(&self) -> Role {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.role(),
            Emulator::Moto(moto) => moto.role().await,
            Emulator::Live(live) => live.role(),
        }
    }

    /// A security group of the region that lets nobody in.
    pub(crate) async fn quarantine(&self, region: &str) -> String {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.quarantine(),
            Emulator::Moto(moto) => moto.security_group(region).await,
            Emulator::Live(live) => live.quarantine(),
        }
    }

    /// Lets an instance be backed up for a while. It is `backing-up` when this returns.
    pub(crate) async fn back_up(&self, place: &Place) {
        if let Emulator::Sandbox(sandbox) = &self.emulator {
            sandbox.back_up(place).await;
            return;
        }
        let snapshot = self.rds(&place.region).create_db_snapshot().db_instance_identifier(&place.id);
        snapshot.db_snapshot_identifier(fresh("backup")).send().await.unwrap();
        let look = || crate::describe_db_instances::status(self, place);
        self.watch(look, |status| status == "backing-up").await;
    }

    /// Lets the replica's lag be measured as this from now on; nothing measured for `None`.
    pub(crate) async fn set_replica_lag(&self, replica: &Place, seconds: Option<f64>) {
        match &self.emulator {
            Emulator::Sandbox(sandbox) => sandbox.set_replica_lag(replica, seconds).await,
            Emulator::Moto(_) => crate::moto::put_replica_lag(self, replica, seconds).await,
            // A real replica has the lag that it has.
            Emulator::Live(_) => {}
        }
    }

    /// Whether the story may say what happens next, or has to take what it finds.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.emulator, Emulator::Live(_))
    }

    /// Looks again and again until it is as wanted. Returns what was seen, each change once.
    #[track_caller]
    pub(crate) fn watch<T, F>(
        &self,
        mut look: impl FnMut() -> F,
        until: impl Fn(&T) -> bool,
    ) -> impl Future<Output = Vec<T>>
    where
        T: PartialEq + Debug,
        F: Future<Output = T>,
    {
        let caller = std::panic::Location::caller();
        let pause = if self.is_live() { LIVE_PAUSE } else { EMULATOR_PAUSE };
        async move {
            let mut seen: Vec<T> = Vec::new();
            for _ in 0..LOOKS_MAX {
                let now = look().await;
                let done = until(&now);
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
                if done {
                    return seen;
                }
                tokio::time::sleep(pause).await;
            }
            panic!("never as wanted at {caller}: {seen:?}");
        }
    }

    fn config(&self, region: &str) -> &SdkConfig {
        self.configs.get(region).unwrap_or_else(|| panic!("this world has no region {region}"))
    }

    pub(crate) fn rds(&self, region: &str) -> aws_sdk_rds::Client {
        aws_sdk_rds::Client::new(self.config(region))
    }

    pub(crate) fn ecs(&self, region: &str) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(self.config(region))
    }

    pub(crate) fn scaling(&self, region: &str) -> aws_sdk_applicationautoscaling::Client {
        aws_sdk_applicationautoscaling::Client::new(self.config(region))
    }

    pub(crate) fn balancing(&self, region: &str) -> aws_sdk_elasticloadbalancingv2::Client {
        aws_sdk_elasticloadbalancingv2::Client::new(self.config(region))
    }

    pub(crate) fn metrics(&self, region: &str) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(self.config(region))
    }

    pub(crate) fn sts(&self, region: &str) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(self.config(region))
    }

    /// STS of a region, asked as somebody else.
    pub(crate) fn sts_as(&self, region: &str, who: Credentials) -> aws_sdk_sts::Client {
        let config =
            aws_sdk_sts::config::Builder::from(self.config(region)).credentials_provider(who).build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// IAM, whose one control plane stands in us-east-1.
    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(self.config("us-east-1"))
    }

    pub(crate) fn route53(&self) -> aws_sdk_route53::Client {
        aws_sdk_route53::Client::new(&self.global)
    }
}

/// One attempt for each call: a retry would hide the refusal that a story is about.
async fn config(region: &str, endpoint: Option<&str>, keys: Option<Credentials>) -> SdkConfig {
    let limits = TimeoutConfig::builder().operation_timeout(CALL_MAX).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(limits);
    if let Some(url) = endpoint {
        loader = loader.endpoint_url(url);
    }
    if let Some(keys) = keys {
        loader = loader.credentials_provider(keys);
    }
    loader.load().await
}

fn keys() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "contract")
}
