//! The handle on AWS: one client for each service and region, built when first needed from one configuration, so
//! that all share one credential cache and one HTTP client. It routes an action to its module and must not judge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use quorate_policies::effect::{Acted, EffectContext, Observed};

use crate::action::AwsAction;
use crate::route53::changes::SentChanges;
use crate::settings::{AwsSettings, Endpoints};
use crate::{ecs, rds, route53};

/// Three attempts fit into the operation limit and outlast one lost packet and one bad host.
const READ_ATTEMPTS_MAX: u32 = 3;
/// A read is wanted now: the SDK's 1 s of first back-off is a fifth of our detection time.
const READ_BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// With three attempts it is hardly reached; it keeps a raised attempt count from sleeping past the limit.
const READ_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Carries out the actions on AWS. Clones share clients, credentials and memory.
#[derive(Debug, Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: SdkConfig,
    own_region: String,
    endpoints: Endpoints,
    rds: Mutex<BTreeMap<String, aws_sdk_rds::Client>>,
    ecs: Mutex<BTreeMap<String, aws_sdk_ecs::Client>>,
    route53: Mutex<Option<aws_sdk_route53::Client>>,
    sent: SentChanges,
}

impl Aws {
    /// Prepares the way to AWS. It calls nothing: credentials are fetched when first needed.
    pub async fn load(settings: AwsSettings) -> Self {
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
        // The cache's own 10 s buffer before expiry stays: it refuses still-valid credentials inside it, so a
        // longer one would shorten the outage of the credential source that an agent survives.
        let identities = IdentityCache::lazy().load_timeout(limits.credentials()).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .timeout_config(timeouts)
            .retry_config(retries)
            .identity_cache(identities)
            // Replies are small and not streamed; the attempt limit covers their bodies and is the shorter one.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(keys) = settings.credentials {
            loader = loader.credentials_provider(aws_sdk_rds::config::Credentials::new(
                keys.access_key_id,
                keys.secret_access_key,
                keys.session_token,
                None,
                "quorate-settings",
            ));
        }
        let inner = Inner {
            config: loader.load().await,
            own_region: settings.region,
            endpoints: settings.endpoints,
            rds: Mutex::default(),
            ecs: Mutex::default(),
            route53: Mutex::default(),
            sent: SentChanges::default(),
        };
        Aws { inner: Arc::new(inner) }
    }

    /// Reads what the action would change and says where it stands. Changes nothing. Bounded: at most three
    /// calls, each within the operation limit.
    pub async fn observe(&self, action: AwsAction<'_>, context: &EffectContext) -> Observed {
        match action {
            AwsAction::RdsPromoteReadReplica(promote) => {
                rds::observe(&self.rds(&promote.region), promote).await
            }
            AwsAction::EcsScale(scale) => ecs::observe(&self.ecs(&scale.region), scale).await,
            AwsAction::Route53Repoint(repoint) => self.repointer().observe(repoint, context).await,
        }
    }

    /// Sends the action's one mutating call, once: the SDK's retries are off for it, because a retry of a call
    /// whose reply was lost turns a success into a refusal. `route53.repoint` reads before it sends.
    pub async fn act(&self, action: AwsAction<'_>, context: &EffectContext) -> Acted {
        let acted = match action {
            AwsAction::RdsPromoteReadReplica(promote) => rds::act(&self.rds(&promote.region), promote).await,
            AwsAction::EcsScale(scale) => ecs::act(&self.ecs(&scale.region), scale).await,
            AwsAction::Route53Repoint(repoint) => self.repointer().act(repoint, context).await,
        };
        tracing::info!(?action, execution = %context.execution, epoch = context.epoch, ?acted, "acted on AWS");
        acted
    }

    fn rds(&self, region: &str) -> aws_sdk_rds::Client {
        let mut clients = self.inner.rds.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let mut config = aws_sdk_rds::config::Builder::from(&self.inner.config);
            config.set_region(Some(Region::new(region.to_owned())));
            if let Some(url) = self.inner.endpoints.rds.get(region) {
                config.set_endpoint_url(Some(url.clone()));
            }
            aws_sdk_rds::Client::from_conf(config.build())
        };
        clients.entry(region.to_owned()).or_insert_with(build).clone()
    }

    fn ecs(&self, region: &str) -> aws_sdk_ecs::Client {
        let mut clients = self.inner.ecs.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let mut config = aws_sdk_ecs::config::Builder::from(&self.inner.config);
            config.set_region(Some(Region::new(region.to_owned())));
            if let Some(url) = self.inner.endpoints.ecs.get(region) {
                config.set_endpoint_url(Some(url.clone()));
            }
            aws_sdk_ecs::Client::from_conf(config.build())
        };
        clients.entry(region.to_owned()).or_insert_with(build).clone()
    }

    fn repointer(&self) -> route53::Repointer<'_> {
        let region = route53::control_region(&self.inner.own_region);
        let mut client = self.inner.route53.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let mut config = aws_sdk_route53::config::Builder::from(&self.inner.config);
            config.set_region(Some(Region::new(region)));
            if let Some(url) = &self.inner.endpoints.route53 {
                config.set_endpoint_url(Some(url.clone()));
            }
            aws_sdk_route53::Client::from_conf(config.build())
        };
        let client = client.get_or_insert_with(build).clone();
        route53::Repointer { client, region, sent: &self.inner.sent }
    }
}
