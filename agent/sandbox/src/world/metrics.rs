//! CloudWatch's GetMetricData for the two metrics that a failover reads: a replica's lag, which the control
//! API sets, and the tasks of a service, which the world remembers.

use serde::{Deserialize, Serialize};

use super::World;
use super::call::operations;
use super::refusal::Refusal;

/// One call of CloudWatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MetricsCall {
    /// Reads series.
    GetMetricData {
        /// One for each series.
        queries: Vec<MetricQuery>,
        /// From this moment on, in milliseconds.
        from_ms: u64,
        /// Before this moment, in milliseconds.
        to_ms: u64,
        /// Whether the oldest comes first.
        ascending: bool,
    },
}

operations!(MetricsCall {
    MetricsCall::GetMetricData { .. } => "GetMetricData",
});

/// One metric over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricQuery {
    /// The caller's name of the series.
    pub id: String,
    /// The caller's label.
    pub label: Option<String>,
    /// Such as `AWS/RDS`.
    pub namespace: String,
    /// Such as `ReplicaLag`.
    pub metric: String,
    /// Names and values, all of which must match.
    pub dimensions: Vec<(String, String)>,
    /// Length of a period, in seconds.
    pub period_s: u64,
    /// Such as `Average`.
    pub statistic: String,
    /// Whether it is answered at all.
    pub returned: bool,
}

/// The answer to one query.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The caller's name of the series.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Start of each period in milliseconds, and its value.
    pub points: Vec<(u64, f64)>,
}

/// How far a replica is behind, as CloudWatch tells it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaLag {
    /// So many seconds; -1 is MySQL's word for a replication that does not run.
    Seconds(f64),
    /// Nothing is told at all.
    #[default]
    Missing,
}

/// One minute: how often both metrics are measured.
const MINUTE_MS: u64 = 60_000;
/// 100,800 points: CloudWatch's own limit of one call.
const POINTS_MAX: u64 = 100_800;
/// 500 queries: CloudWatch's own limit of one call.
const QUERIES_MAX: usize = 500;
const STATISTICS: [&str; 5] = ["Average", "Minimum", "Maximum", "Sum", "SampleCount"];

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("ValidationError", message)
}

impl World {
    /// The reply to a call of CloudWatch.
    pub(super) fn call_metrics(
        &self,
        region: &str,
        call: &MetricsCall,
        now_ms: u64,
    ) -> Result<Vec<Series>, Refusal> {
        let MetricsCall::GetMetricData { queries, from_ms, to_ms, ascending } = call;
        if from_ms >= to_ms {
            return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        if queries.is_empty() || queries.len() > QUERIES_MAX {
            return Err(invalid("The parameter MetricDataQueries must hold 1 to 500 queries."));
        }
        let mut points = 0;
        for query in queries {
            check(query)?;
            points += (to_ms - from_ms) / (query.period_s * 1_000);
        }
        if points > POINTS_MAX {
            return Err(invalid("You have requested more datapoints than the limit of 100,800."));
        }
        let series = |query: &MetricQuery| {
            let mut points = self.points(region, query, (*from_ms, *to_ms), now_ms);
            if !ascending {
                points.reverse();
            }
            let label = query.label.clone().unwrap_or_else(|| query.metric.clone());
            Series { id: query.id.clone(), label, points }
        };
        Ok(queries.iter().filter(|query| query.returned).map(series).collect())
    }

    /// The periods between two moments that have any measurement, oldest first.
    fn points(
        &self,
        region: &str,
        query: &MetricQuery,
        (from_ms, to_ms): (u64, u64),
        now_ms: u64,
    ) -> Vec<(u64, f64)> {
        let period_ms = query.period_s * 1_000;
        let first_ms = from_ms / period_ms * period_ms;
        let value = |start_ms: u64| {
            let end_ms = (start_ms + period_ms).min(now_ms + 1);
            let samples = self.samples(region, query, start_ms, end_ms);
            statistic(&query.statistic, &samples).map(|value| (start_ms, value))
        };
        let periods = (first_ms..to_ms.min(now_ms + 1)).step_by(period_ms.try_into().unwrap_or(usize::MAX));
        periods.filter_map(value).collect()
    }

    /// What was measured in a period, minute by minute.
    fn samples(&self, region: &str, query: &MetricQuery, start_ms: u64, end_ms: u64) -> Vec<f64> {
        let dimension = |name: &str| {
            let mut found = query.dimensions.iter().filter(|(known, _)| known == name);
            found.next().map(|(_, value)| value.as_str())
        };
        let minutes = (start_ms..end_ms).step_by(MINUTE_MS as usize);
        match (query.namespace.as_str(), query.metric.as_str(), query.dimensions.len()) {
            ("AWS/RDS", "ReplicaLag", 1) => {
                match dimension("DBInstanceIdentifier").map(|id| self.databases.lag(region, id)) {
                    Some(ReplicaLag::Seconds(lag)) => minutes.map(|_| lag).collect(),
                    Some(ReplicaLag::Missing) | None => Vec::new(),
                }
            }
            ("ECS/ContainerInsights", "RunningTaskCount", 2) => {
                let Some(service) = self.fleet.service(region) else { return Vec::new() };
                let named = dimension("ClusterName") == Some(service.cluster.as_str())
                    && dimension("ServiceName") == Some(service.service.as_str());
                if !named {
                    return Vec::new();
                }
                let history: Vec<(u64, u32)> = self.fleet.history(region).collect();
                let before =
                    |at_ms: u64| history.iter().rfind(|(from, _)| *from <= at_ms).map(|(_, count)| *count);
                let within = history.iter().filter(|(from, _)| (start_ms..end_ms).contains(from));
                minutes.filter_map(before).chain(within.map(|(_, count)| *count)).map(f64::from).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn check(query: &MetricQuery) -> Result<(), Refusal> {
    let begins = query.id.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !query.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(invalid(format!(
            "The value {} for parameter MetricDataQueries.member.1.Id is not matching the expected pattern \
             ^[a-z][a-zA-Z0-9_]*$.",
            query.id
        )));
    }
    if query.period_s == 0 || !query.period_s.is_multiple_of(60) {
        return Err(invalid(format!(
            "Invalid value for parameter Period: {}. It must be a multiple of 60.",
            query.period_s
        )));
    }
    if !STATISTICS.contains(&query.statistic.as_str()) {
        return Err(invalid(format!("The value {} for parameter Stat is not supported.", query.statistic)));
    }
    Ok(())
}

fn statistic(name: &str, samples: &[f64]) -> Option<f64> {
    let count = u32::try_from(samples.len()).ok().filter(|count| *count > 0).map(f64::from)?;
    let sum: f64 = samples.iter().sum();
    Some(match name {
        "Minimum" => samples.iter().copied().fold(f64::INFINITY, f64::min),
        "Maximum" => samples.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "Sum" => sum,
        "SampleCount" => count,
        _ => sum / count,
    })
}
