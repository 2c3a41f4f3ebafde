//! Connections that break, and refusals in each protocol's words.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use serde_json::json;

use crate::bench::{Bench, EAST, WEST};

/// Goal: a connection that is reset leaves nothing behind, one that is lost and one whose reply is cut leave
/// the change; none of them answers, and the call after them does.
/// Method: each manner on its own scaling, with the count and the kind of the SDK's error.
#[tokio::test]
async fn connections_break_in_three_ways() {
    let bench = Bench::start().await;
    let ecs = bench.ecs(WEST, WEST);
    let scale = |count| ecs.update_service().cluster("shop").service("web").desired_count(count).send();
    for (how, count, applied) in [("reset", 5, false), ("lost", 6, true), ("truncated", 7, true)] {
        bench.control("break", json!({"operation": "UpdateService", "region": WEST, "how": how})).await;
        let before = bench.world().await.compute[1].desired;
        let error = scale(count).await.unwrap_err();
        let unanswered = matches!(error, SdkError::DispatchFailure(_) | SdkError::ResponseError(_));
        assert!(unanswered, "{how}: {error:?}");
        let after = bench.world().await.compute[1].desired;
        assert_eq!(after, if applied { count.try_into().unwrap() } else { before }, "{how}");
        scale(count).await.unwrap();
    }
    assert!(bench.world().await.breaks.is_empty());
    bench.sandbox.shutdown().await;
}

/// Goal: throttling and outages are in each protocol's own words, for every operation of a region at once,
/// and leave other regions alone.
/// Method: one fault for all operations, met through five protocols.
#[tokio::test]
async fn faults_speak_each_protocol() {
    let bench = Bench::start().await;
    let throttle = json!({"operation": "*", "region": WEST, "code": "throttling", "times": 100});
    bench.control("fail", throttle).await;
    let rds = bench.rds(WEST, WEST).describe_db_instances().send().await.unwrap_err();
    assert_eq!(aws_sdk_rds::error::ProvideErrorMetadata::code(&rds), Some("Throttling"));
    let ecs = bench.ecs(WEST, WEST).describe_services().cluster("shop").services("web").send().await;
    assert_eq!(ecs.unwrap_err().code(), Some("ThrottlingException"));
    let sts = bench.sts(WEST, WEST).get_caller_identity().send().await.unwrap_err();
    assert_eq!(aws_sdk_sts::error::ProvideErrorMetadata::code(&sts), Some("Throttling"));
    bench.sts(EAST, EAST).get_caller_identity().send().await.unwrap();
    let busy = json!({"operation": "ChangeResourceRecordSets", "code": "PriorRequestNotComplete"});
    bench.control("fail", busy).await;
    bench.control("fail", json!({"operation": "ListHostedZones", "code": "unavailable"})).await;
    let route53 = bench.route53(EAST);
    let unavailable = route53.list_hosted_zones().send().await.unwrap_err();
    assert_eq!(unavailable.raw_response().unwrap().status().as_u16(), 503);
    route53.list_hosted_zones().send().await.unwrap();
    bench.sandbox.shutdown().await;
}

/// Goal: Route 53's API can go with a region: it answers nobody, and comes back with the region.
/// Method: kill the region with it, ask, heal, ask.
#[tokio::test]
async fn route53_goes_with_its_region() {
    let bench = Bench::start().await;
    let route53 = bench.route53(WEST);
    let kill = json!({"region": EAST, "kind": "kill", "control_plane": true, "route53": true});
    bench.control("fault", kill).await;
    let gone = route53.list_hosted_zones().send().await.unwrap_err();
    assert!(matches!(gone, aws_sdk_route53::error::SdkError::DispatchFailure(_)), "{gone:?}");
    bench.control("fault", json!({"region": EAST, "kind": "none"})).await;
    route53.list_hosted_zones().send().await.unwrap();
    bench.sandbox.shutdown().await;
}
