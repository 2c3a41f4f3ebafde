//! Each kind of source of the standard chain, hung, refusing and answering: no call waits longer than its budget, a call
//! without credentials counts as not sent, and what was fetched is used.

use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use quorate_aws::{Aws, AwsAction, AwsSettings, Timeouts};
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::Action;
use quorate_policies::plan::action::RdsPromoteReadReplica;

use crate::child;
use crate::endpoint::Endpoint;

/// What a source does, for the child's assertions.
const EXPECT: &str = "QUORATE_TEST_EXPECT";
const NONE: &str = "none";
const SOME: &str = "some";

fn action() -> Action {
    Action::RdsPromoteReadReplica(RdsPromoteReadReplica {
        region: "us-west-2".into(),
        instance: "shop-replica".into(),
        writable: None,
        heartbeat: None,
    })
}

fn context() -> EffectContext {
    EffectContext {
        service: "shop".into(),
        execution: "execution-1".into(),
        epoch: 1,
        attempt: 1,
        from: "us-east-1".into(),
        to: "us-west-2".into(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

/// The child: looks and acts with the chain's credentials, or without.
async fn look_and_act() {
    let rds = Endpoint::answers("{}");
    let ms = Duration::from_millis;
    let timeouts = Timeouts::new(ms(400), ms(1_500), ms(3_000)).unwrap();
    let mut settings = AwsSettings { timeouts, ..AwsSettings::new("eu-west-1") };
    settings.endpoints.regional.insert("us-west-2".parse().unwrap(), rds.url());
    let begun = Instant::now();
    let aws = Aws::load(settings).await;
    assert!(begun.elapsed() < timeouts.credentials(), "loading waits for nobody");
    let (action, context) = (action(), context());
    let action = AwsAction::try_from(&action).unwrap();
    let begun = Instant::now();
    let seen = aws.observe(action, &context).await;
    assert!(begun.elapsed() < timeouts.operation(), "{seen:?}");
    let Observed::Unknown { reason } = &seen else { panic!("{seen:?}") };
    let begun = Instant::now();
    let acted = aws.act(action, 0, &context).await;
    assert!(begun.elapsed() < timeouts.attempt(), "{acted:?}");
    let state = aws.credentials();
    if std::env::var(EXPECT).unwrap() == SOME {
        assert!(rds.taken() > 0 && state.held && state.failure.is_none(), "{seen:?}, {state:?}");
        assert!(state.expires_in.is_some_and(|left| left > ms(1_000)), "{state:?}");
        return;
    }
    assert!(reason.contains("not sent"), "{reason}");
    let Acted::Refused { reason, retryable: true } = &acted else { panic!("nothing was sent: {acted:?}") };
    assert!(reason.contains("not sent") && !reason.contains("hush"), "{reason}");
    assert_eq!(rds.taken(), 0);
    assert!(!state.held && state.expires_in.is_none(), "{state:?}");
}

/// Runs the calling test as a child with this source, or is that child.
fn with(test: &str, environment: &[(&str, &str)], expect: &str) {
    let mut all = vec![(EXPECT, expect)];
    // Sources that a test does not name are not there.
    if !environment.iter().any(|(name, _)| name.starts_with("AWS_EC2")) {
        all.push(("AWS_EC2_METADATA_DISABLED", "true"));
    }
    all.extend_from_slice(environment);
    child::run(&format!("sources::{test}"), &all);
}

/// Credentials as a task-role endpoint writes them.
fn task_credentials() -> String {
    let end = aws_smithy_types::DateTime::from(SystemTime::now() + Duration::from_secs(3_600));
    let end = end.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
    format!(r#"{{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"hush","Token":"hush","Expiration":"{end}"}}"#)
}

/// Goal: an instance metadata service that hangs or refuses delays no call beyond its budget. Method: both, as a child.
#[tokio::test]
async fn instance_metadata() {
    if child::is_child() {
        return look_and_act().await;
    }
    for url in [Endpoint::hangs().url(), Endpoint::nobody()] {
        with("instance_metadata", &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)], NONE);
    }
}

/// Goal: a task-role endpoint that hangs or refuses delays no call beyond its budget, and one that answers is used.
/// Method: each, as a child.
#[tokio::test]
async fn task_role() {
    if child::is_child() {
        return look_and_act().await;
    }
    let good = Endpoint::answers(task_credentials()).url();
    for (url, expect) in [(Endpoint::hangs().url(), NONE), (Endpoint::nobody(), NONE), (good, SOME)] {
        with("task_role", &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)], expect);
    }
}

/// Goal: a web identity whose STS hangs or refuses delays no call beyond its budget. Method: both, as a child.
#[tokio::test]
async fn web_identity() {
    if child::is_child() {
        return look_and_act().await;
    }
    let mut token = tempfile::NamedTempFile::new().unwrap();
    token.write_all(b"hush").unwrap();
    let hung = Endpoint::hangs();
    for url in [hung.url(), Endpoint::nobody()] {
        let environment = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.path().to_str().unwrap()),
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/agent"),
            ("AWS_ENDPOINT_URL_STS", &url),
        ];
        with("web_identity", &environment, NONE);
    }
    assert!(hung.taken() > 0, "STS was asked");
}

/// Goal: no source at all is told at once, not waited for. Method: an empty environment, as a child.
#[tokio::test]
async fn no_source() {
    if child::is_child() {
        return look_and_act().await;
    }
    with("no_source", &[], NONE);
}
