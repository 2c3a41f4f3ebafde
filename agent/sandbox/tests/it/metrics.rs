//! CloudWatch through the SDK, which speaks CBOR to it.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use serde_json::json;

use crate::bench::{Bench, EAST, WEST, until};

fn query(namespace: &str, name: &str, dimensions: &[(&str, &str)], statistic: &str) -> MetricDataQuery {
    let dimension = |(name, value): &(&str, &str)| Dimension::builder().name(*name).value(*value).build();
    let metric = Metric::builder().namespace(namespace).metric_name(name);
    let metric = metric.set_dimensions(Some(dimensions.iter().map(dimension).collect())).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat(statistic).build();
    MetricDataQuery::builder().id("q1").metric_stat(stat).build()
}

async fn values(client: &Client, query: MetricDataQuery) -> Vec<f64> {
    let now = SystemTime::now();
    let from = now - Duration::from_secs(600);
    let answered = client
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(DateTime::from(from))
        .end_time(DateTime::from(now + Duration::from_secs(60)))
        .send()
        .await
        .unwrap();
    let [result] = answered.metric_data_results() else { panic!("{answered:?}") };
    assert_eq!(result.timestamps().len(), result.values().len());
    assert!(result.timestamps().windows(2).all(|pair| pair[0] > pair[1]), "the newest comes first");
    result.values().to_vec()
}

/// Goal: a replica's lag is what was set: a value, MySQL's -1, or nothing; a primary has none.
/// Method: read after each setting.
#[tokio::test]
async fn a_replicas_lag_is_told() {
    let bench = Bench::start().await;
    let west = bench.metrics(WEST, WEST);
    let lag = |id: &str| query("AWS/RDS", "ReplicaLag", &[("DBInstanceIdentifier", id)], "Maximum");
    let first = values(&west, lag("shop-replica")).await;
    assert!(!first.is_empty() && first.iter().all(|value| *value == 0.0), "{first:?}");
    for seconds in [12.5, -1.0] {
        bench.control("replica_lag", json!({"region": WEST, "id": "shop-replica", "seconds": seconds})).await;
        assert_eq!(values(&west, lag("shop-replica")).await[0], seconds);
    }
    bench.control("replica_lag", json!({"region": WEST, "id": "shop-replica"})).await;
    assert!(values(&west, lag("shop-replica")).await.is_empty());
    assert!(values(&bench.metrics(EAST, EAST), lag("shop-primary")).await.is_empty());
    bench.sandbox.shutdown().await;
}

/// Goal: the greatest count of tasks is remembered after a service was scaled down.
/// Method: scale to zero and read the maximum and the minimum.
#[tokio::test]
async fn running_tasks_are_remembered() {
    let bench = Bench::start().await;
    let (client, ecs) = (bench.metrics(EAST, EAST), bench.ecs(EAST, EAST));
    let count = |statistic| {
        let dimensions = [("ClusterName", "shop"), ("ServiceName", "web")];
        query("ECS/ContainerInsights", "RunningTaskCount", &dimensions, statistic)
    };
    ecs.update_service().cluster("shop").service("web").desired_count(0).send().await.unwrap();
    until("no task", || async { values(&client, count("Minimum")).await.contains(&0.0).then_some(()) }).await;
    let greatest = values(&client, count("Maximum")).await.into_iter().fold(0.0, f64::max);
    assert_eq!(greatest, 10.0);
    let other = query("ECS/ContainerInsights", "RunningTaskCount", &[("ClusterName", "shop")], "Maximum");
    assert!(values(&client, other).await.is_empty(), "all dimensions must match");
    bench.sandbox.shutdown().await;
}

/// Goal: refusals are CBOR with a code that the SDK reads, and the injected ones too.
/// Method: times upside down, and Throttling.
#[tokio::test]
async fn refusals_have_wire_codes() {
    let bench = Bench::start().await;
    let client = bench.metrics(WEST, WEST);
    let now = DateTime::from(SystemTime::now());
    let read = || {
        let lag = query("AWS/RDS", "ReplicaLag", &[("DBInstanceIdentifier", "shop-replica")], "Maximum");
        client.get_metric_data().metric_data_queries(lag).start_time(now).end_time(now).send()
    };
    assert_eq!(read().await.unwrap_err().code(), Some("ValidationError"));
    bench.control("fail", json!({"operation": "GetMetricData", "code": "Throttling"})).await;
    assert_eq!(read().await.unwrap_err().code(), Some("Throttling"));
    bench.sandbox.shutdown().await;
}
