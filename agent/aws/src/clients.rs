//! The handle on AWS: one client for each service, region, role and purpose, built when first needed from one
//! configuration, so that all share the kept credentials and one HTTP client. It routes an action to its module and
//! must not judge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::ResponseChecksumValidation;
use quorate_policies::Timestamp;
use quorate_policies::document::{AwsEndpoints, AwsService};
use quorate_policies::effect::{Acted, AssumeRole, EffectContext, Observed};
use quorate_policies::plan::Lag;

use crate::action::AwsAction;
use crate::calls::{CallWatch, Watching};
use crate::credentials::{Clock, CredentialsState, Kept, Role, Session};
use crate::iam::partition;
use crate::purpose::Purpose;
use crate::route53::memory::Memory;
use crate::route53::zone::ZoneFacts;
use crate::settings::AwsSettings;
use crate::{aurora, ecs, lag, rds, route53};

/// Three attempts fit into the operation limit and outlast one lost packet and one bad host.
const READ_ATTEMPTS_MAX: u32 = 3;
/// A read is wanted now: the SDK's 1 s of first back-off is a fifth of our detection time.
const READ_BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// With three attempts it is hardly reached; it keeps a raised attempt count from sleeping past the limit.
const READ_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The session's name of a role that is assumed to watch, or before any execution.
const NO_EXECUTION: &str = "watch";

/// Carries out the actions on AWS. Clones share clients, credentials and memory.
#[derive(Debug, Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

/// Clients of one service.
type Pool<C> = Mutex<BTreeMap<PoolKey, C>>;

/// Purpose, region and role.
type PoolKey = (Purpose, String, Option<AssumeRole>);

/// The credentials of assumed roles, by role and the region whose STS is asked.
type Roles = Mutex<BTreeMap<(AssumeRole, String), (Kept, Session)>>;

#[derive(Debug)]
struct Inner {
    config: SdkConfig,
    /// The agent's own credentials; `None` if they are written in the settings.
    credentials: Option<Kept>,
    roles: Roles,
    /// How long a call waits for credentials at most.
    credentials_wait_max: Duration,
    own_region: String,
    endpoints: AwsEndpoints,
    route53_memory: Memory,
    watch: Option<Arc<dyn CallWatch>>,
    rds: Pool<aws_sdk_rds::Client>,
    ecs: Pool<aws_sdk_ecs::Client>,
    autoscaling: Pool<aws_sdk_applicationautoscaling::Client>,
    balancing: Pool<aws_sdk_elasticloadbalancingv2::Client>,
    cloudwatch: Pool<aws_sdk_cloudwatch::Client>,
    sts: Pool<aws_sdk_sts::Client>,
    iam: Pool<aws_sdk_iam::Client>,
    route53: Pool<aws_sdk_route53::Client>,
    s3: Pool<aws_sdk_s3::Client>,
}

/// Where, and as whom, a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    aws: &'a Aws,
    /// The region whose control plane is asked.
    pub(crate) region: &'a str,
    role: Option<&'a AssumeRole>,
    purpose: Purpose,
    /// The execution that a role's session is named after, if it is one.
    execution: Option<&'a str>,
}

/// Writes the function that gives a service's client.
macro_rules! client {
    ($(#[$doc:meta])* $name:ident, $sdk:ident, $service:expr) => {
        $(#[$doc])*
        pub(crate) fn $name(&self) -> $sdk::Client {
            let assumed = self.assumed(self.region);
            let mut clients = self.aws.inner.$name.lock().unwrap_or_else(PoisonError::into_inner);
            let build = || {
                let partition =
                    $sdk::config::retry::RetryPartition::custom(self.purpose.retry_partition()).build();
                let mut config =
                    $sdk::config::Builder::from(&self.config(assumed)).retry_partition(partition);
                if let Some(watching) = self.watching() {
                    config.push_interceptor($sdk::config::SharedInterceptor::new(watching));
                }
                if let Some(url) = self.aws.inner.endpoints.of($service, self.region) {
                    config.set_endpoint_url(Some(url.to_owned()));
                }
                $sdk::Client::from_conf(config.build())
            };
            clients.entry(self.key()).or_insert_with(build).clone()
        }
    };
}

impl Place<'_> {
    client!(
        /// RDS of the place.
        rds, aws_sdk_rds, AwsService::Rds
    );
    client!(
        /// ECS of the place.
        ecs, aws_sdk_ecs, AwsService::Ecs
    );
    client!(
        /// Application Auto Scaling of the place.
        autoscaling, aws_sdk_applicationautoscaling, AwsService::ApplicationAutoscaling
    );
    client!(
        /// Elastic Load Balancing of the place.
        balancing, aws_sdk_elasticloadbalancingv2, AwsService::Elasticloadbalancing
    );
    client!(
        /// CloudWatch of the place.
        cloudwatch, aws_sdk_cloudwatch, AwsService::Cloudwatch
    );

    client!(
        /// STS of the place, for asking who calls; roles are assumed by clients of their own.
        sts, aws_sdk_sts, AwsService::Sts
    );

    client!(
        /// IAM, which is global: the place's region is that of its one control plane. It is asked to look at a plan, and
        /// never while one runs.
        iam, aws_sdk_iam, AwsService::Iam
    );

    /// Route 53, which is global: the place's region is that of its one control plane. A role for it is assumed in the
    /// agent's own region, because Route 53 answers from another region when that one is impaired.
    pub(crate) fn route53(&self) -> aws_sdk_route53::Client {
        let assumed = self.assumed(&self.aws.inner.own_region);
        let mut clients = self.aws.inner.route53.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let name = self.purpose.retry_partition();
            let partition = aws_sdk_route53::config::retry::RetryPartition::custom(name).build();
            let mut config =
                aws_sdk_route53::config::Builder::from(&self.config(assumed)).retry_partition(partition);
            if let Some(watching) = self.watching() {
                config.push_interceptor(aws_sdk_route53::config::SharedInterceptor::new(watching));
            }
            if let Some(url) = &self.aws.inner.endpoints.route53 {
                config.set_endpoint_url(Some(url.clone()));
            }
            aws_sdk_route53::Client::from_conf(config.build())
        };
        clients.entry(self.key()).or_insert_with(build).clone()
    }

    /// S3 of the place. At another address than AWS's own a bucket is part of the path: that address has no name for each.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let assumed = self.assumed(self.region);
        let mut clients = self.aws.inner.s3.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let name = self.purpose.retry_partition();
            let partition = aws_sdk_s3::config::retry::RetryPartition::custom(name).build();
            let config = aws_sdk_s3::config::Builder::from(&self.config(assumed)).retry_partition(partition);
            // Contents are read by pieces and compared as a whole; S3's checksum is not of a piece.
            let mut config = config.response_checksum_validation(ResponseChecksumValidation::WhenRequired);
            if let Some(watching) = self.watching() {
                config.push_interceptor(aws_sdk_s3::config::SharedInterceptor::new(watching));
            }
            if let Some(url) = self.aws.inner.endpoints.of(AwsService::S3, self.region) {
                config = config.force_path_style(true);
                config.set_endpoint_url(Some(url.to_owned()));
            }
            aws_sdk_s3::Client::from_conf(config.build())
        };
        clients.entry(self.key()).or_insert_with(build).clone()
    }

    /// The same account and role in another region.
    pub(crate) const fn in_region<'a>(&'a self, region: &'a str) -> Place<'a> {
        Place { aws: self.aws, region, role: self.role, purpose: self.purpose, execution: self.execution }
    }

    /// Who is told of every attempt, if anybody is.
    fn watching(&self) -> Option<Watching> {
        let watch = self.aws.inner.watch.clone()?;
        Some(Watching { watch, region: self.region.to_owned() })
    }

    fn key(&self) -> PoolKey {
        (self.purpose, self.region.to_owned(), self.role.cloned())
    }

    fn config(&self, assumed: Option<Kept>) -> SdkConfig {
        let mut config = self.aws.inner.config.to_builder();
        config.set_region(Region::new(self.region.to_owned()));
        if let Some(assumed) = assumed {
            config.set_credentials_provider(Some(SharedCredentialsProvider::new(assumed)));
        }
        config.build()
    }

    /// The credentials of the place's role, assumed at the STS of `region`. A new execution gives the session its name:
    /// one is fetched in the background, and calls go on with the session that stands, because a failover must not
    /// depend on STS more than it has to.
    fn assumed(&self, region: &str) -> Option<Kept> {
        let (role, inner) = (self.role?, &self.aws.inner);
        let mut roles = inner.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let mut config =
                aws_sdk_sts::config::Builder::from(&inner.config).region(Region::new(region.to_owned()));
            if let Some(url) = inner.endpoints.of(AwsService::Sts, region) {
                config.set_endpoint_url(Some(url.to_owned()));
            }
            let session = Session::new(self.execution.unwrap_or(NO_EXECUTION));
            let client = aws_sdk_sts::Client::from_conf(config.build());
            let source = Role::new(client, region.to_owned(), role.clone(), session.clone());
            let source = SharedCredentialsProvider::new(source);
            let name = format!("{} in {region}", role.arn);
            (Kept::new(name, source, inner.credentials_wait_max, wall_clock()), session)
        };
        let (kept, session) = roles.entry((role.clone(), region.to_owned())).or_insert_with(make);
        if self.execution.is_some_and(|execution| session.rename(execution)) {
            kept.renew();
        }
        Some(kept.clone())
    }
}

/// The region of IAM's control plane in the partition of `own_region`.
fn iam_region(own_region: &str) -> &'static str {
    match partition(own_region) {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// Credentials expire by the wall's clock.
fn wall_clock() -> Clock {
    Arc::new(SystemTime::now)
}

impl Aws {
    /// Prepares the way to AWS, and begins to fetch credentials in the background unless the settings hold some. Waits
    /// for no network.
    pub async fn load(settings: AwsSettings) -> Self {
        Self::load_watched(settings, None).await
    }

    /// The same; `watch` is told of every attempt of every call.
    pub async fn load_watched(settings: AwsSettings, watch: Option<Arc<dyn CallWatch>>) -> Self {
        let limits = settings.timeouts;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(limits.connect())
            .operation_attempt_timeout(limits.attempt())
            .operation_timeout(limits.operation())
            .build();
        // Standard, never adaptive: its client-side limiter stalled a throttled call for 26 s.
        let retries = RetryConfig::standard()
            .with_max_attempts(READ_ATTEMPTS_MAX)
            .with_initial_backoff(READ_BACKOFF_FIRST)
            .with_max_backoff(READ_BACKOFF_MAX);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .timeout_config(timeouts)
            .retry_config(retries)
            // The credentials are kept by `Kept`, which also serves them while their source fails.
            .identity_cache(IdentityCache::no_cache())
            // Replies are small and not streamed; the attempt limit covers their bodies and is the shorter one.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let written = settings.credentials.map(|keys| {
            let (id, secret) = (keys.access_key_id, keys.secret_access_key);
            Credentials::new(id, secret, keys.session_token, None, "quorate-settings")
        });
        if let Some(written) = &written {
            loader = loader.credentials_provider(written.clone());
        }
        let mut config = loader.load().await;
        let source = config.credentials_provider().filter(|_| written.is_none());
        let credentials =
            source.map(|source| Kept::new("the agent's own", source, limits.credentials(), wall_clock()));
        if let Some(kept) = &credentials {
            config = config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(kept.clone()))
                .build();
        }
        let inner = Inner {
            config,
            credentials,
            roles: Mutex::default(),
            credentials_wait_max: limits.credentials(),
            own_region: settings.region,
            endpoints: settings.endpoints,
            route53_memory: Memory::default(),
            watch,
            rds: Mutex::default(),
            ecs: Mutex::default(),
            autoscaling: Mutex::default(),
            balancing: Mutex::default(),
            cloudwatch: Mutex::default(),
            sts: Mutex::default(),
            iam: Mutex::default(),
            route53: Mutex::default(),
            s3: Mutex::default(),
        };
        Aws { inner: Arc::new(inner) }
    }

    /// Reads what the action would change and says where it stands. Changes nothing.
    pub async fn observe(&self, action: AwsAction<'_>, context: &EffectContext) -> Observed {
        match action {
            AwsAction::RdsPromoteReadReplica(promote) => {
                rds::promote::observe(&self.place(&promote.region, context), promote, context).await
            }
            AwsAction::RdsFence(fence) => {
                rds::fence::observe(&self.place(&fence.region, context), fence, context).await
            }
            AwsAction::RdsUnfence(unfence) => {
                rds::unfence::observe(&self.place(&unfence.region, context), unfence).await
            }
            AwsAction::RdsReboot(reboot) => {
                rds::reboot::observe(&self.place(&reboot.region, context), reboot, context).await
            }
            AwsAction::RdsRestoreToPointInTime(restore) => {
                rds::restore::observe(&self.place(&restore.region, context), restore, context).await
            }
            AwsAction::RdsCreateCrossRegionReplica(replica) => {
                rds::replica::observe(&self.place(&replica.region, context), replica, context).await
            }
            AwsAction::AuroraSwitchover(switchover) => {
                aurora::observe_switchover(&self.place(&switchover.region, context), switchover).await
            }
            AwsAction::AuroraFailover(failover) => {
                aurora::observe_failover(&self.place(&failover.region, context), failover).await
            }
            AwsAction::EcsScale(scale) => {
                ecs::observe(&self.place(&scale.region, context), scale, context).await
            }
            AwsAction::Route53Repoint(repoint) => self.repointer(context).observe(repoint, context).await,
        }
    }

    /// Sends one part of the action, once: the SDK's retries are off for it, because a retry of a call whose reply
    /// was lost turns a success into a refusal. `part` is the one that the last observation named.
    pub async fn act(&self, action: AwsAction<'_>, part: u8, context: &EffectContext) -> Acted {
        let acted = match action {
            AwsAction::RdsPromoteReadReplica(promote) => {
                rds::promote::act(&self.place(&promote.region, context), promote).await
            }
            AwsAction::RdsFence(fence) => {
                rds::fence::act(&self.place(&fence.region, context), fence, part).await
            }
            AwsAction::RdsUnfence(unfence) => {
                rds::unfence::act(&self.place(&unfence.region, context), unfence, part).await
            }
            AwsAction::RdsReboot(reboot) => {
                rds::reboot::act(&self.place(&reboot.region, context), reboot).await
            }
            AwsAction::RdsRestoreToPointInTime(restore) => {
                rds::restore::act(&self.place(&restore.region, context), restore, context).await
            }
            AwsAction::RdsCreateCrossRegionReplica(replica) => {
                rds::replica::act(&self.place(&replica.region, context), replica, part, context).await
            }
            AwsAction::AuroraSwitchover(switchover) => {
                aurora::switchover(&self.place(&switchover.region, context), switchover).await
            }
            AwsAction::AuroraFailover(failover) => {
                aurora::failover(&self.place(&failover.region, context), failover).await
            }
            AwsAction::EcsScale(scale) => {
                ecs::act(&self.place(&scale.region, context), scale, part, context).await
            }
            AwsAction::Route53Repoint(repoint) => self.repointer(context).act(repoint, context).await,
        };
        tracing::info!(?action, execution = %context.execution, epoch = context.epoch, ?acted, "acted on AWS");
        acted
    }

    /// How far a read replica is behind its source, by CloudWatch in its region. One call with one attempt: what
    /// cannot be read is [`Lag::Unknown`], within the limit of an attempt.
    pub async fn replica_lag(&self, region: &str, instance: &str, role: Option<&AssumeRole>) -> Lag {
        lag::read(&self.watch(region, role), instance).await
    }

    /// To which moment an instance's automated backups can restore it; none while they can to none.
    ///
    /// # Errors
    /// When there is no such instance, or it could not be read, with the reason.
    pub async fn latest_restorable(&self, region: &str, instance: &str) -> Result<Option<Timestamp>, String> {
        crate::rds::restorable(&self.watch(region, None), instance).await
    }

    /// A region, as the step's role.
    pub(crate) const fn place<'a>(&'a self, region: &'a str, context: &'a EffectContext) -> Place<'a> {
        Place {
            aws: self,
            region,
            role: context.role.as_ref(),
            purpose: Purpose::Execute,
            execution: Some(context.execution.as_str()),
        }
    }

    /// A region to watch, as a role, with clients and retries apart from the executor's.
    pub(crate) const fn watch<'a>(&'a self, region: &'a str, role: Option<&'a AssumeRole>) -> Place<'a> {
        Place { aws: self, region, role, purpose: Purpose::Watch, execution: None }
    }

    /// How the agent's own credentials stand.
    #[must_use]
    pub fn credentials(&self) -> CredentialsState {
        self.inner.credentials.as_ref().map_or_else(CredentialsState::fixed, Kept::state)
    }

    /// Where Route 53's one control plane is, to watch.
    pub(crate) fn watch_control_plane<'a>(&'a self, role: Option<&'a AssumeRole>) -> Place<'a> {
        self.watch(route53::control_region(&self.inner.own_region), role)
    }

    /// Where IAM's one control plane is, to watch; none where other addresses than AWS's own are set and IAM is not among
    /// them: keys of an emulator are no business of AWS's.
    pub(crate) fn watch_permissions<'a>(&'a self, role: Option<&'a AssumeRole>) -> Option<Place<'a>> {
        let region = iam_region(&self.inner.own_region);
        let endpoints = &self.inner.endpoints;
        let elsewhere = !endpoints.regional.is_empty() && endpoints.of(AwsService::Iam, region).is_none();
        (!elsewhere).then(|| self.watch(region, role))
    }

    /// What Route 53 says about a hosted zone: its name servers, and whether its control plane has a second region.
    ///
    /// # Errors
    /// The call and what became of it, where the zone could not be read.
    pub async fn zone_facts(&self, zone: &str, role: Option<&AssumeRole>) -> Result<ZoneFacts, String> {
        let place = self.watch_control_plane(role);
        let (client, memory) = (place.route53(), self.route53_memory());
        let listing = route53::Listing { client: &client, region: place.region, memory, zone };
        listing.facts().await.map_err(|fault| fault.to_string())
    }

    /// What this process remembers about Route 53.
    pub(crate) fn route53_memory(&self) -> &Memory {
        &self.inner.route53_memory
    }

    fn repointer(&self, context: &EffectContext) -> route53::Repointer<'_> {
        let region = route53::control_region(&self.inner.own_region);
        let client = self.place(region, context).route53();
        route53::Repointer { client, region, memory: &self.inner.route53_memory }
    }
}

#[cfg(test)]
mod tests {
    use super::iam_region;

    /// Goal: each partition's IAM is asked where it is. Method: one region of each.
    #[test]
    fn partitions() {
        assert_eq!(iam_region("eu-west-1"), "us-east-1");
        assert_eq!(iam_region("cn-northwest-1"), "cn-north-1");
        assert_eq!(iam_region("us-gov-east-1"), "us-gov-west-1");
    }
}
