//! OpenMetrics 1.0, of the same families as the text format. The library writes only the older one. What differs: a counter's
//! family is named without `_total`, units have a line, numbers of buckets are floats, and the end is marked.

use super::declared::unit;
use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use std::fmt::Write as _;

/// The content type of an answer.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything in OpenMetrics' format.
pub(super) fn encode(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        let counter = family.get_field_type() == MetricType::COUNTER;
        let full = family.name();
        let name = if counter { full.strip_suffix("_total").unwrap_or(full) } else { full };
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY | MetricType::UNTYPED => "unknown",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if let Some(unit) = unit(full) {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {}", escaped(family.help()));
        for metric in family.get_metric() {
            match family.get_field_type() {
                MetricType::COUNTER => {
                    sample(&mut text, name, "_total", metric, None, metric.get_counter().get_value())
                }
                MetricType::HISTOGRAM => histogram(&mut text, name, metric),
                MetricType::GAUGE => {
                    sample(&mut text, name, "", metric, None, metric.get_gauge().get_value())
                }
                // No metric of ours is one.
                MetricType::SUMMARY | MetricType::UNTYPED => {}
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

fn histogram(text: &mut String, name: &str, metric: &Metric) {
    let histogram = metric.get_histogram();
    let count = histogram.get_sample_count();
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        let end = number(bucket.upper_bound());
        sample(text, name, "_bucket", metric, Some(&end), bucket.cumulative_count() as f64);
    }
    sample(text, name, "_bucket", metric, Some("+Inf"), count as f64);
    sample(text, name, "_sum", metric, None, histogram.get_sample_sum());
    sample(text, name, "_count", metric, None, count as f64);
}

fn sample(text: &mut String, name: &str, suffix: &str, metric: &Metric, end: Option<&str>, value: f64) {
    text.push_str(name);
    text.push_str(suffix);
    let pairs = metric.get_label().iter().map(|pair: &LabelPair| (pair.name(), pair.value()));
    let mut open = false;
    for (label, value) in pairs.chain(end.map(|end| ("le", end))) {
        text.push(if open { ',' } else { '{' });
        open = true;
        let _ = write!(text, "{label}=\"{}\"", escaped(value));
    }
    if open {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A float that looks like one: `1.0`, not `1`.
pub(super) fn number(value: f64) -> String {
    let text = value.to_string();
    if text.contains('.') || !value.is_finite() { text } else { format!("{text}.0") }
}

fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\\', '"', '\n']) {
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into()
    } else {
        text.into()
    }
}
