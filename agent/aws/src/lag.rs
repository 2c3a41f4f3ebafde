//! How far a read replica is behind its source, by CloudWatch's `AWS/RDS ReplicaLag`. Only calls and converts; `judge`
//! decides. It must not hold up whoever asks: one call, one attempt, and whatever goes wrong is an unknown lag.
//!
//! - **IAM:** `cloudwatch:GetMetricData`, which knows no resources.
//! - **Called in:** the replica's region, on CloudWatch's query API.
//! - **What the number is worth:** MySQL and MariaDB say -1 when replication does not run. PostgreSQL says how long ago
//!   the last transaction was replayed, so the lag of an idle source grows with nothing missing. It is measured once
//!   a minute, and its age is told with it, counted from the beginning of its minute by this host's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_smithy_types::DateTime;
use quorate_policies::Timestamp;
use quorate_policies::plan::Lag;

use crate::clients::Place;
use crate::fault::{Call, Fault};

mod judge;

/// Five minutes: the metric comes once a minute and up to two minutes late; what is older says nothing of now.
const LOOK_BACK: Duration = Duration::from_secs(300);
/// The metric's own resolution.
const PERIOD_S: i32 = 60;
/// The worst of each minute: RDS sends one value a minute, so this only matters if that changes.
const STATISTIC: &str = "Maximum";
/// Our name of the series within the call.
const SERIES: &str = "lag";

/// Reads the replica's newest lag.
pub(crate) async fn read(place: &Place<'_>, instance: &str) -> Lag {
    let call = Call {
        operation: "cloudwatch:GetMetricData ReplicaLag",
        region: place.region.to_owned(),
        id: instance.to_owned(),
    };
    let dimension = Dimension::builder().name("DBInstanceIdentifier").value(instance).build();
    let metric = Metric::builder().namespace("AWS/RDS").metric_name("ReplicaLag").dimensions(dimension);
    let stat = MetricStat::builder().metric(metric.build()).period(PERIOD_S).stat(STATISTIC).build();
    let query = MetricDataQuery::builder().id(SERIES).metric_stat(stat).build();
    let now = SystemTime::now();
    let request = place
        .cloudwatch()
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(DateTime::from(now.checked_sub(LOOK_BACK).unwrap_or(UNIX_EPOCH)))
        .end_time(DateTime::from(now))
        .scan_by(ScanBy::TimestampDescending);
    let once = aws_sdk_cloudwatch::config::Builder::default().retry_config(RetryConfig::disabled());
    match request.customize().config_override(once).send().await {
        Ok(reply) => {
            let series = reply.metric_data_results().iter().filter(|series| series.id() == Some(SERIES));
            let points: Vec<(Timestamp, f64)> = series
                .flat_map(|series| series.timestamps().iter().zip(series.values()))
                .filter_map(|(at, value)| Some((timestamp(at)?, *value)))
                .collect();
            judge::newest(&call, &points, wall_clock())
        }
        Err(error) => Lag::Unknown { reason: Fault::new(call, &error).to_string() },
    }
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    at.to_millis().ok().and_then(|ms| u64::try_from(ms).ok()).map(Timestamp)
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
