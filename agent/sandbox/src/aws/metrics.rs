//! CloudWatch's calls and replies in Smithy RPC v2 CBOR: the operation in the path, CBOR both ways.

use http::header::HeaderName;
use minicbor::Encoder;
use minicbor::data::Tag;
use minicbor::encode::Error;
use serde::Deserialize;

use super::cbor;
use crate::world::call::Call;
use crate::world::metrics::{MetricQuery, MetricsCall, Series};
use crate::world::refusal::Refusal;

const PREFIX: &str = "/service/GraniteServiceVersion20100801/operation/";
pub(super) const PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
pub(super) const RPC_V2_CBOR: &str = "rpc-v2-cbor";
/// CBOR's tag for seconds since the Unix epoch.
const EPOCH: Tag = Tag::new(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricData {
    start_time: f64,
    end_time: f64,
    metric_data_queries: Vec<Query>,
    scan_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    id: String,
    label: Option<String>,
    metric_stat: Option<Stat>,
    return_data: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stat {
    metric: Metric,
    period: u64,
    stat: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

/// Reads a call from path and body.
pub(super) fn decode(path: &str, body: &[u8]) -> Result<Call, Refusal> {
    if path.strip_prefix(PREFIX) != Some("GetMetricData") {
        return Err(Refusal::new(404, "UnknownOperationException", ""));
    }
    let malformed = |error: String| Refusal::bad("SerializationException", error);
    let read = cbor::read(body).map_err(|error| malformed(error.to_string()))?;
    let asked: GetMetricData =
        serde_json::from_value(read).map_err(|error| Refusal::bad("ValidationError", error.to_string()))?;
    let queries = asked.metric_data_queries.into_iter().map(query).collect::<Result<_, _>>()?;
    Ok(Call::Metrics(MetricsCall::GetMetricData {
        queries,
        from_ms: milliseconds(asked.start_time),
        to_ms: milliseconds(asked.end_time),
        ascending: asked.scan_by.as_deref() == Some("TimestampAscending"),
    }))
}

fn query(query: Query) -> Result<MetricQuery, Refusal> {
    let Some(Stat { metric, period, stat }) = query.metric_stat else {
        return Err(Refusal::bad("ValidationError", "the sandbox knows no expressions, only MetricStat"));
    };
    Ok(MetricQuery {
        id: query.id,
        label: query.label,
        namespace: metric.namespace,
        metric: metric.metric_name,
        dimensions: metric.dimensions.into_iter().map(|each| (each.name, each.value)).collect(),
        period_s: period,
        statistic: stat,
        returned: query.return_data.unwrap_or(true),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a moment outside u64 is none")]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1_000.0).max(0.0) as u64
}

#[expect(clippy::cast_precision_loss, reason = "a moment has 41 bits of milliseconds")]
fn seconds(at_ms: u64) -> f64 {
    at_ms as f64 / 1_000.0
}

/// Writes a reply.
pub(super) fn encode(series: &[Series]) -> Vec<u8> {
    written(|encoder| {
        encoder.map(2)?.str("MetricDataResults")?.array(series.len() as u64)?;
        for Series { id, label, points } in series {
            encoder.map(5)?.str("Id")?.str(id)?.str("Label")?.str(label)?;
            encoder.str("Timestamps")?.array(points.len() as u64)?;
            for (at_ms, _) in points {
                encoder.tag(EPOCH)?.f64(seconds(*at_ms))?;
            }
            encoder.str("Values")?.array(points.len() as u64)?;
            for (_, value) in points {
                encoder.f64(*value)?;
            }
            encoder.str("StatusCode")?.str("Complete")?;
        }
        encoder.str("Messages")?.array(0)?;
        Ok(())
    })
}

/// Writes a refusal.
pub(super) fn encode_refusal(refusal: &Refusal) -> Vec<u8> {
    let kind = format!("com.amazonaws.cloudwatch.v2010_08_01#{}", refusal.code);
    written(|encoder| {
        encoder.map(2)?.str("__type")?.str(&kind)?.str("message")?.str(&refusal.message)?;
        Ok(())
    })
}

fn written(
    write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<std::convert::Infallible>>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder).expect("a vector takes everything that is written");
    encoder.into_writer()
}
