//! Making metrics. A metric that cannot be made is a mistake in this crate, which its first test finds.

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, core::Collector};

/// Every metric begins with it.
fn name(name: &str) -> String {
    format!("quorate_{name}")
}

pub(super) fn register(registry: &Registry, metric: impl Collector + 'static) {
    registry.register(Box::new(metric)).expect("every metric is registered once");
}

pub(super) fn counter(registry: &Registry, metric: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let vec = IntCounterVec::new(Opts::new(name(metric), help), labels).expect("names and labels are valid");
    register(registry, vec.clone());
    vec
}

pub(super) fn gauge(registry: &Registry, metric: &str, help: &str, labels: &[&str]) -> GaugeVec {
    let vec = GaugeVec::new(Opts::new(name(metric), help), labels).expect("names and labels are valid");
    register(registry, vec.clone());
    vec
}

pub(super) fn histogram(
    registry: &Registry,
    metric: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> HistogramVec {
    let options = HistogramOpts::new(name(metric), help).buckets(buckets.to_vec());
    let vec = HistogramVec::new(options, labels).expect("names, labels and buckets are valid");
    register(registry, vec.clone());
    vec
}
