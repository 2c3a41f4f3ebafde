//! Reads what another service ran, often in the region that is gone: one attempt each at CloudWatch and ECS, both at
//! once, so that a dead region costs one attempt's time. Only calls and converts; `wanted` decides.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode};
use quorate_policies::plan::action::PercentOf;

use super::goal::short_name;
use super::tasks;
use super::wanted::Elsewhere;
use crate::clients::Place;
use crate::fault::{Call, Fault};

/// A day: it holds the daily peak, and what ran before the trouble began.
const LOOK_BACK: Duration = Duration::from_secs(24 * 3_600);
/// One hour for each point: 24 points, far below CloudWatch's limit, and the maximum stays what it is.
const PERIOD_S: i32 = 3_600;
/// Any name will do for the one query.
const QUERY: &str = "running";

/// Reads both, once.
pub(super) async fn read(place: &Place<'_>, share: &PercentOf) -> Elsewhere {
    let (most, desired) = tokio::join!(most(place, share), desired(place, share));
    Elsewhere { most, desired }
}

fn call(operation: &'static str, share: &PercentOf) -> Call {
    let id = format!("{}/{}", share.cluster, share.service);
    Call { operation, region: share.region.clone(), id }
}

/// The most tasks that Container Insights saw running within the last day.
async fn most(place: &Place<'_>, share: &PercentOf) -> Result<u32, String> {
    let call = call("cloudwatch:GetMetricData", share);
    let now = SystemTime::now();
    let once = aws_sdk_cloudwatch::config::Builder::default().retry_config(RetryConfig::disabled());
    let request = place
        .cloudwatch()
        .get_metric_data()
        .start_time(DateTime::from(now - LOOK_BACK))
        .end_time(DateTime::from(now))
        .scan_by(ScanBy::TimestampDescending)
        .metric_data_queries(query(share));
    let sent = request.customize().config_override(once).send().await;
    let reply = sent.map_err(|error| Fault::new(call.clone(), &error).to_string())?;
    let Some(result) = reply.metric_data_results().iter().find(|result| result.id() == Some(QUERY)) else {
        return Err(format!("{call}: no result"));
    };
    if matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden)) {
        return Err(format!("{call}: {}", result.status_code().map_or("", StatusCode::as_str)));
    }
    largest(result.values()).ok_or_else(|| format!("{call}: no datapoint within 24 h"))
}

fn query(share: &PercentOf) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace("ECS/ContainerInsights")
        .metric_name("RunningTaskCount")
        .dimensions(dimension("ClusterName", short_name(&share.cluster)))
        .dimensions(dimension("ServiceName", short_name(&share.service)))
        .build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD_S).stat("Maximum").build();
    MetricDataQuery::builder().id(QUERY).metric_stat(stat).return_data(true).build()
}

/// The largest value as a count; a value that is no number is none.
fn largest(values: &[f64]) -> Option<u32> {
    let most = values.iter().copied().filter(|value| value.is_finite() && *value >= 0.0).reduce(f64::max)?;
    // The cast saturates, and counts of tasks are far below its limit.
    Some(most.ceil() as u32)
}

/// The other service's desired count as it is now.
async fn desired(place: &Place<'_>, share: &PercentOf) -> Result<u32, String> {
    let call = call("ecs:DescribeServices", share);
    let once = aws_sdk_ecs::config::Builder::default().retry_config(RetryConfig::disabled());
    let request = place.ecs().describe_services().cluster(&share.cluster).services(&share.service);
    let sent = request.customize().config_override(once).send().await;
    let reply = sent.map_err(|error| Fault::new(call.clone(), &error).to_string())?;
    let found = reply.services().iter().map(tasks::facts).find(|tasks| tasks.is_named(&share.service));
    found.map(|tasks| tasks.desired).ok_or_else(|| format!("{call}: no such service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the largest number counts, and nothing is not zero. Method: rows.
    #[test]
    fn the_largest_point_counts() {
        assert_eq!(largest(&[3.0, 9.2, 8.0]), Some(10));
        assert_eq!(largest(&[0.0]), Some(0));
        assert_eq!(largest(&[f64::NAN, 2.0, -1.0]), Some(2));
        assert_eq!(largest(&[]), None);
        assert_eq!(largest(&[f64::NAN]), None);
    }
}
