//! Two buckets in two regions, and a syncer that reaches them through the proxy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use quorate_aws::s3::Trouble;
use quorate_aws::s3::sync::{Order, Progress, Survey, Syncer, Target};
use quorate_aws::{Aws, AwsSettings, StaticCredentials};
use quorate_policies::Millis;
use quorate_policies::document::AwsEndpoints;
use quorate_policies::effect::EffectContext;
use quorate_policies::plan::action::S3Prefix;

use crate::proxy::{self, Script};

pub(crate) const EAST: &str = "us-east-1";
pub(crate) const WEST: &str = "us-west-2";
/// One part and a bit: what is put by parts.
pub(crate) const LARGE: usize = (8 << 20) + 1_000;

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Stage {
    pub(crate) script: Arc<Script>,
    pub(crate) aws: Aws,
    pub(crate) syncer: Syncer,
    pub(crate) client: aws_sdk_s3::Client,
    pub(crate) from: S3Prefix,
    pub(crate) to: S3Prefix,
}

impl Stage {
    /// The source has nothing yet, and neither has the other bucket.
    pub(crate) async fn new() -> Self {
        let url = crate::moto::url(&[]);
        let script = Arc::<Script>::default();
        let proxied = proxy::start(url, &script).await;
        let regional = [EAST, WEST].map(|region| (region.parse().unwrap(), proxied.clone())).into();
        let credentials = StaticCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        };
        let settings = AwsSettings {
            endpoints: AwsEndpoints { regional, ..AwsEndpoints::default() },
            credentials: Some(credentials),
            ..AwsSettings::new(WEST)
        };
        let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "stage");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(WEST))
            .endpoint_url(url)
            .force_path_style(true)
            .credentials_provider(keys);
        let client = aws_sdk_s3::Client::from_conf(config.build());
        let name = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let [from, to] = [format!("backups-{name}"), format!("copies-{name}")];
        for bucket in [&from, &to] {
            let place = CreateBucketConfiguration::builder();
            let place = place.location_constraint(BucketLocationConstraint::UsWest2).build();
            client.create_bucket().bucket(bucket).create_bucket_configuration(place).send().await.unwrap();
        }
        let prefix = |region: &str, bucket: String, prefix: &str| S3Prefix {
            region: region.to_owned(),
            bucket,
            prefix: Some(prefix.to_owned()),
        };
        Self {
            script,
            aws: Aws::load(settings).await,
            syncer: Syncer::default(),
            client,
            from: prefix(EAST, from, "day/"),
            to: prefix(WEST, to, "restored/"),
        }
    }

    pub(crate) fn order(&self) -> Order {
        Order { from: self.from.clone(), to: Target::Objects(self.to.clone()), replace: false, delete: false }
    }

    pub(crate) async fn put(&self, at: &S3Prefix, name: &str, content: impl Into<Vec<u8>>) {
        let key = format!("{}{name}", at.prefix());
        let put = self.client.put_object().bucket(&at.bucket).key(key).content_type("text/x-story");
        put.metadata("of", name).body(ByteStream::from(content.into())).send().await.unwrap();
    }

    /// Everything in a bucket: names and contents, and the content's kind.
    pub(crate) async fn all(&self, at: &S3Prefix) -> BTreeMap<String, Vec<u8>> {
        let listed = self.client.list_objects_v2().bucket(&at.bucket).send().await.unwrap();
        let mut all = BTreeMap::new();
        for object in listed.contents() {
            let key = object.key().unwrap();
            let got = self.client.get_object().bucket(&at.bucket).key(key).send().await.unwrap();
            let content = got.body.collect().await.unwrap().to_vec();
            all.insert(key.to_owned(), content);
        }
        all
    }

    pub(crate) async fn survey(&self, order: &Order) -> Result<Survey, Trouble> {
        self.syncer.survey(&self.aws, order, &context(), &Progress::default()).await
    }

    /// A look and a copy of what it saw.
    pub(crate) async fn copy(&self, order: &Order) -> Result<Survey, Trouble> {
        let survey = self.survey(order).await?;
        self.syncer.copy(&self.aws, order, &context(), &survey, &Progress::default()).await?;
        Ok(survey)
    }
}

/// What is missing, different and too much.
pub(crate) fn counts(survey: &Survey) -> (usize, usize, usize) {
    (survey.missing.len(), survey.other.len(), survey.extra.len())
}

pub(crate) fn context() -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt: 1,
        from: EAST.to_owned(),
        to: WEST.to_owned(),
        before: None,
        role: None,
        step: "fetch".to_owned(),
        timeout: Millis::from_secs(600),
        unheard: false,
        resumed: false,
    }
}

pub(crate) fn large() -> Vec<u8> {
    (0..LARGE).map(|place| (place % 251) as u8).collect()
}

/// What could not be done, and that it is certain.
pub(crate) fn cannot<T: std::fmt::Debug>(outcome: Result<T, Trouble>) -> String {
    match outcome {
        Err(Trouble::Cannot(why)) => why,
        other => panic!("{other:?}"),
    }
}
