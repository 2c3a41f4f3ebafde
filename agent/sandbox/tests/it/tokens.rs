//! STS through the SDK: roles of other accounts, external ids, and what their keys are good for.

use aws_sdk_sts::error::ProvideErrorMetadata;
use quorate_sandbox::Options;

use crate::bench::{Bench, EAST, WEST, quick};

const ROLE: &str = "arn:aws:iam::444455556666:role/failover";

async fn bench() -> Bench {
    let roles = [(ROLE.to_owned(), Some("shop-42".to_owned()))].into();
    Bench::with(Options { roles, ..quick() }).await
}

/// Goal: a role is assumed with its external id alone; without it and for other roles access is denied.
/// Method: ask in each way.
#[tokio::test]
async fn an_external_id_is_asked_for() {
    let bench = bench().await;
    let client = bench.sts(WEST, WEST);
    let assume = |role: &str| client.assume_role().role_arn(role).role_session_name("quorate");
    for refused in
        [assume(ROLE), assume(ROLE).external_id("other"), assume("arn:aws:iam::444455556666:role/none")]
    {
        let refused = refused.send().await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDenied"));
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
    }
    assert_eq!(assume("failover").send().await.unwrap_err().code(), Some("ValidationError"));
    let short = assume(ROLE).external_id("shop-42").duration_seconds(10).send().await.unwrap_err();
    assert_eq!(short.code(), Some("ValidationError"));
    let session = assume(ROLE).external_id("shop-42").send().await.unwrap();
    let user = session.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::444455556666:assumed-role/failover/quorate");
    assert!(session.credentials().unwrap().access_key_id().starts_with("ASIA"));
    bench.sandbox.shutdown().await;
}

/// Goal: a session's keys sign calls everywhere and show in the record with their role; without their token,
/// or made up, they are refused in each protocol's words.
/// Method: act with good keys in another region, then with bad ones in three protocols.
#[tokio::test]
async fn a_sessions_keys_are_good() {
    let bench = bench().await;
    let assumed = bench.sts(WEST, WEST).assume_role().role_arn(ROLE).role_session_name("quorate");
    let assumed = assumed.external_id("shop-42").send().await.unwrap();
    let keys = assumed.credentials().unwrap();
    let credentials = |token: Option<&str>| {
        let (key, secret) = (keys.access_key_id(), keys.secret_access_key());
        aws_sdk_sts::config::Credentials::new(key, secret, token.map(str::to_owned), None, "test")
    };
    let ecs = |token| {
        let config = bench.ecs(EAST, EAST).config().to_builder().credentials_provider(credentials(token));
        aws_sdk_ecs::Client::from_conf(config.build())
    };
    let scale = |client: aws_sdk_ecs::Client| async move {
        client.update_service().cluster("shop").service("web").desired_count(3).send().await
    };
    scale(ecs(Some(keys.session_token()))).await.unwrap();
    let effect = bench.effects().await.remove(0);
    assert_eq!((effect.role.as_str(), effect.caller.as_str()), (ROLE, keys.access_key_id()));
    let refused = scale(ecs(None)).await.unwrap_err();
    assert_eq!(aws_sdk_ecs::error::ProvideErrorMetadata::code(&refused), Some("UnrecognizedClientException"));
    let who = |token| {
        let config = bench.sts(WEST, WEST).config().to_builder().credentials_provider(credentials(token));
        aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send()
    };
    let identity = who(Some(keys.session_token())).await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::444455556666:assumed-role/failover/quorate"));
    assert_eq!(identity.account(), Some("444455556666"));
    assert_eq!(who(Some("made up")).await.unwrap_err().code(), Some("InvalidClientTokenId"));
    let own = bench.sts(WEST, WEST).get_caller_identity().send().await.unwrap();
    assert_eq!(own.account(), Some("111122223333"));
    bench.sandbox.shutdown().await;
}
