//! ECS through the SDK: every operation, and every refusal by its wire code.

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::operation::RequestId;

use crate::bench::{Bench, EAST, WEST, WITNESS, until};

/// Goal: known services are described with their counts, unknown ones are failures with reason MISSING.
/// Method: ask for one of each by name, and for the known one by its ARN.
#[tokio::test]
async fn services_are_described() {
    let bench = Bench::start().await;
    let client = bench.ecs(WITNESS, EAST);
    let found =
        client.describe_services().cluster("shop").services("web").services("api").send().await.unwrap();
    let [service] = found.services() else { panic!("{found:?}") };
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (10, 10, 0));
    assert_eq!(service.status(), Some("ACTIVE"));
    let [missing] = found.failures() else { panic!("{found:?}") };
    let arn = "arn:aws:ecs:us-east-1:111122223333:service/shop/api";
    assert_eq!((missing.reason(), missing.arn()), (Some("MISSING"), Some(arn)));
    let by_arn = client
        .describe_services()
        .cluster(service.cluster_arn().unwrap())
        .services(service.service_arn().unwrap());
    assert_eq!(by_arn.send().await.unwrap().services().len(), 1);
    bench.sandbox.shutdown().await;
}

/// Goal: the desired count is taken at once and the running count follows over time, up and down.
/// Method: scale the standby to 6, watch the counts, scale it to 0.
#[tokio::test]
async fn the_running_count_follows() {
    let bench = Bench::start().await;
    let client = bench.ecs(WEST, WEST);
    let scale = |count| client.update_service().cluster("shop").service("web").desired_count(count).send();
    let ordered = scale(6).await.unwrap();
    let service = ordered.service().unwrap();
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (6, 2, 4));
    let reach = |count: i32| {
        let client = &client;
        until("the running count", move || async move {
            let found = client.describe_services().cluster("shop").services("web").send().await.unwrap();
            (found.services()[0].running_count() == count).then_some(())
        })
    };
    reach(6).await;
    scale(0).await.unwrap();
    reach(0).await;
    bench.sandbox.shutdown().await;
}

/// Goal: refusals carry ECS's wire code and a request id.
/// Method: unknown cluster and service in both operations, a bad count, and an operation that is not there.
#[tokio::test]
async fn refusals_have_wire_codes() {
    let bench = Bench::start().await;
    let client = bench.ecs(EAST, EAST);
    let cluster = client.describe_services().cluster("other").services("web").send().await.unwrap_err();
    assert_eq!(cluster.code(), Some("ClusterNotFoundException"));
    assert!(cluster.as_service_error().unwrap().is_cluster_not_found_exception());
    assert!(cluster.request_id().is_some());
    let update = |cluster: &str, service: &str, count| {
        client.update_service().cluster(cluster).service(service).desired_count(count).send()
    };
    let service = update("shop", "api", 1).await.unwrap_err();
    assert_eq!(service.code(), Some("ServiceNotFoundException"));
    assert!(service.as_service_error().unwrap().is_service_not_found_exception());
    assert_eq!(service.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(update("other", "web", 1).await.unwrap_err().code(), Some("ClusterNotFoundException"));
    assert_eq!(update("shop", "web", -1).await.unwrap_err().code(), Some("InvalidParameterException"));
    let listing = client.list_clusters().send().await.unwrap_err();
    assert_eq!(listing.code(), Some("UnknownOperationException"));
    bench.sandbox.shutdown().await;
}
