//! What all AWS endpoints share: signing scope, the effect record, held and failing operations.

use std::time::Duration;

use aws_sdk_ecs::error::ProvideErrorMetadata;
use http::Method;
use serde_json::json;

use crate::bench::{Bench, EAST, WEST, request, stalls, until};
use quorate_sandbox::world::effect::Outcome;

/// Goal: an unsigned call, and a call signed for another region, are refused as AWS refuses them.
/// Method: plain HTTP without a signature, and clients pointed at the wrong region's endpoint.
#[tokio::test]
async fn the_signing_scope_is_checked() {
    let bench = Bench::start().await;
    let vantage = &bench.sandbox.endpoints().vantages["internet"];
    let unsigned =
        request(Method::POST, &vantage.aws[EAST], &[], "Action=DescribeDBInstances").await.unwrap();
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.text.contains("<Code>MissingAuthenticationToken</Code>"), "{}", unsigned.text);
    assert!(unsigned.headers.contains_key("x-amzn-requestid"));
    let target = [("x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeServices")];
    let unsigned = request(Method::POST, &vantage.aws[EAST], &target, "{}").await.unwrap();
    assert_eq!(unsigned.json()["__type"], "MissingAuthenticationTokenException");
    let config = bench.ecs("internet", EAST).config().to_builder().endpoint_url(&vantage.aws[WEST]).build();
    let refused = aws_sdk_ecs::Client::from_conf(config).describe_services().cluster("shop").services("web");
    assert_eq!(refused.send().await.unwrap_err().code(), Some("InvalidSignatureException"));
    bench.sandbox.shutdown().await;
}

/// Goal: the record tells who asked for what, where, and what became of it; repeated orders are marked.
/// Method: scale twice to the same count and promote what is no replica, then read the record.
#[tokio::test]
async fn mutations_are_recorded() {
    let bench = Bench::start().await;
    let ecs = bench.ecs(WEST, WEST);
    for _ in 0..2 {
        ecs.update_service().cluster("shop").service("web").desired_count(5).send().await.unwrap();
    }
    let promoted = bench.rds(EAST, EAST).promote_read_replica().db_instance_identifier("shop-primary");
    promoted.send().await.unwrap_err();
    let effects = bench.effects().await;
    assert_eq!(effects.iter().map(|effect| effect.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(effects.windows(2).all(|pair| pair[0].at_ms <= pair[1].at_ms));
    assert_eq!((effects[0].no_change, effects[1].no_change), (false, true));
    assert_eq!((effects[0].region.as_str(), effects[0].caller.as_str()), (WEST, "AKIASANDBOX"));
    assert_eq!(effects[0].parameters, json!({"cluster": "shop", "service": "web", "desired": 5}));
    let last = &effects[2];
    assert_eq!((last.service.as_str(), last.operation.as_str()), ("rds", "PromoteReadReplica"));
    assert_eq!(last.outcome, Outcome::Refused);
    assert!(last.detail.starts_with("InvalidDBInstanceState: "));
    bench.sandbox.shutdown().await;
}

/// Goal: a held reply leaves the caller without an answer although the change stands; removing the hold lets
/// it go.
/// Method: hold, call, read the record while the call stalls, remove the hold.
#[tokio::test]
async fn a_held_reply_is_applied_first() {
    let bench = Bench::start().await;
    let hold = |ms: u64| json!({"operation": "UpdateService", "region": WEST, "ms": ms});
    bench.control("hold", hold(600_000)).await;
    let ecs = bench.ecs(WEST, WEST);
    let call = tokio::spawn(ecs.update_service().cluster("shop").service("web").desired_count(5).send());
    until("the effect", || async { (bench.effects().await.len() == 1).then_some(()) }).await;
    assert!(!call.is_finished());
    bench.control("hold", hold(0)).await;
    assert_eq!(call.await.unwrap().unwrap().service().unwrap().desired_count(), 5);
    bench.sandbox.shutdown().await;
}

/// Goal: a call held before it applies is carried out late, even though its caller has died.
/// Method: hold with `after`, abort the caller, remove the hold, wait for the effect.
#[tokio::test]
async fn a_late_call_outlives_its_caller() {
    let bench = Bench::start().await;
    let hold = |ms: u64| json!({"operation": "PromoteReadReplica", "ms": ms, "applies": "after"});
    bench.control("hold", hold(600_000)).await;
    let rds = bench.rds(WEST, WEST);
    let mut call = tokio::spawn(rds.promote_read_replica().db_instance_identifier("shop-replica").send());
    assert!(stalls(&mut call).await);
    assert!(bench.effects().await.is_empty());
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    bench.control("hold", hold(0)).await;
    let effects = until("the late effect", || async {
        let effects = bench.effects().await;
        (!effects.is_empty()).then_some(effects)
    })
    .await;
    assert_eq!(effects[0].outcome, Outcome::Applied);
    bench.sandbox.shutdown().await;
}

/// Goal: injected failures answer their code as many times as asked and change nothing; the SDK sees them by
/// code.
/// Method: fail two calls with Throttling and a third with an internal error.
#[tokio::test]
async fn failures_are_injected_by_code() {
    let bench = Bench::start().await;
    let rule = |code: &str| json!({"operation": "UpdateService", "region": WEST, "code": code, "times": 1});
    let ecs = bench.ecs(WEST, WEST);
    let scale = || ecs.update_service().cluster("shop").service("web").desired_count(5).send();
    let mut twice = rule("ThrottlingException");
    twice["times"] = json!(2);
    bench.control("fail", twice).await;
    for _ in 0..2 {
        assert_eq!(scale().await.unwrap_err().code(), Some("ThrottlingException"));
    }
    bench.control("fail", rule("ServerException")).await;
    let failed = scale().await.unwrap_err();
    assert_eq!(
        (failed.code(), failed.raw_response().unwrap().status().as_u16()),
        (Some("ServerException"), 500)
    );
    assert_eq!(bench.world().await.compute[1].desired, 2);
    scale().await.unwrap();
    let outcomes: Vec<Outcome> = bench.effects().await.into_iter().map(|effect| effect.outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Refused, Outcome::Refused, Outcome::Applied]);
    bench.sandbox.shutdown().await;
}

/// Goal: a promotion whose reply is lost looks, to a client that retries, like a refusal, as it does on AWS.
/// Method: hold the reply past the client's timeout, and send again.
#[tokio::test]
async fn a_lost_reply_makes_the_retry_fail() {
    let bench = Bench::start().await;
    bench.control("hold", json!({"operation": "PromoteReadReplica", "ms": 600_000})).await;
    let rds = bench.rds(WEST, WEST);
    let promote = || rds.promote_read_replica().db_instance_identifier("shop-replica").send();
    assert!(tokio::time::timeout(Duration::from_millis(200), promote()).await.is_err());
    bench.control("hold", json!({"operation": "PromoteReadReplica", "ms": 0})).await;
    let retried =
        aws_sdk_rds::error::ProvideErrorMetadata::code(&promote().await.unwrap_err()).map(str::to_owned);
    assert_eq!(retried.as_deref(), Some("InvalidDBInstanceState"));
    let applied = bench.effects().await.iter().filter(|effect| effect.outcome == Outcome::Applied).count();
    assert_eq!(applied, 1);
    bench.sandbox.shutdown().await;
}
