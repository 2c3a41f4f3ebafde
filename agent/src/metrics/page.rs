//! Gauges of one scrape, written down as they are found. Nothing is kept: the next scrape begins with an empty page.

use super::declared::{Kind, Metric};
use prometheus::proto;
use std::collections::BTreeMap;

/// The gauges of one scrape.
#[derive(Debug, Default)]
pub(super) struct Page {
    families: BTreeMap<&'static str, (&'static Metric, Vec<proto::Metric>)>,
}

impl Page {
    /// Writes one value; `values` are those of the metric's labels, in their order.
    pub(super) fn set(&mut self, metric: &'static Metric, values: &[&str], value: f64) {
        assert!(
            metric.kind == Kind::Gauge && metric.labels.len() == values.len(),
            "{} is declared otherwise",
            metric.name
        );
        let pair = |(label, value): (&super::declared::Label, &&str)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name(label.name.to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        let mut pairs: Vec<proto::LabelPair> = metric.labels.iter().zip(values).map(pair).collect();
        // As the registry has them, so that all metrics are written alike.
        pairs.sort_by(|a, b| a.name().cmp(b.name()));
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        let mut written = proto::Metric::from_label(pairs);
        written.set_gauge(gauge);
        self.families.entry(metric.name).or_insert_with(|| (metric, Vec::new())).1.push(written);
    }

    /// Writes a state: each of its values, of which one is 1, or none.
    pub(super) fn state(&mut self, metric: &'static Metric, of: &[&str], states: &[&str], now: Option<&str>) {
        let mut values = of.to_vec();
        for state in states {
            values.push(state);
            self.set(metric, &values, super::gauges::flag(now == Some(*state)));
            values.pop();
        }
    }

    /// All that was written.
    pub(super) fn families(self) -> impl Iterator<Item = proto::MetricFamily> {
        self.families.into_values().map(|(metric, written)| {
            let mut family = proto::MetricFamily::default();
            family.set_name(metric.name.to_owned());
            family.set_help(metric.help.to_owned());
            family.set_field_type(proto::MetricType::GAUGE);
            family.set_metric(written);
            family
        })
    }
}
