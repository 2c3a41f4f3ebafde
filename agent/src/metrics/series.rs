//! Metrics that are kept, made of their declarations. One that cannot be made is a mistake in this crate, which its first
//! test finds.

use super::declared::{Kind, Metric};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
};

pub(super) fn register(registry: &Registry, metric: impl Collector + 'static) {
    registry.register(Box::new(metric)).expect("every metric is registered once");
}

fn labels(metric: &Metric) -> Vec<&'static str> {
    metric.labels.iter().map(|label| label.name).collect()
}

pub(super) fn counter(registry: &Registry, metric: &Metric) -> IntCounterVec {
    assert_eq!(metric.kind, Kind::Counter, "{} is declared otherwise", metric.name);
    let vec = IntCounterVec::new(Opts::new(metric.name, metric.help), &labels(metric));
    let vec = vec.expect("names and labels are valid");
    register(registry, vec.clone());
    vec
}

/// A counter without labels.
pub(super) fn single(registry: &Registry, metric: &Metric) -> IntCounter {
    counter(registry, metric).with_label_values::<&str>(&[])
}

/// A gauge that is kept, because it changes where things happen; those of a look at the node stand in `gauges`.
pub(super) fn gauge(registry: &Registry, metric: &Metric) -> IntGaugeVec {
    assert_eq!(metric.kind, Kind::Gauge, "{} is declared otherwise", metric.name);
    let vec = IntGaugeVec::new(Opts::new(metric.name, metric.help), &labels(metric));
    let vec = vec.expect("names and labels are valid");
    register(registry, vec.clone());
    vec
}

pub(super) fn histogram(registry: &Registry, metric: &Metric) -> HistogramVec {
    let Kind::Histogram(buckets) = metric.kind else { panic!("{} is declared otherwise", metric.name) };
    let options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    let vec = HistogramVec::new(options, &labels(metric)).expect("names, labels and buckets are valid");
    register(registry, vec.clone());
    vec
}
