//! Every metric, declared once: its name, help, type, buckets, labels, and when its series are there. The registry, the
//! gauges, the encoders and `grafana/METRICS.md` are all made of this table; nothing is measured here.

mod agents;
pub(super) mod blackbox;
mod exchange;
mod executions;
mod failovers;
mod labels;
mod probes;
mod process;
mod protection;
mod regions;

pub(super) use {
    agents::*, exchange::*, executions::*, failovers::*, labels::*, probes::*, protection::*, regions::*,
};

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The full name, as Prometheus stores it.
    pub name: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// What kind of figure it is.
    pub kind: Kind,
    /// Its labels, in the order in which code gives their values.
    pub labels: &'static [Label],
    /// When its series are there.
    pub there: There,
}

/// What kind of figure a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size: the upper ends of the buckets, without the last, which has none.
    Histogram(&'static [f64]),
}

/// When a metric's series are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// From the first scrape on.
    Always,
    /// For everything that a policy or the agent's file names, as soon as it is known; counters and histograms at zero.
    Configured,
    /// Only if something is known: the text says when.
    If(&'static str),
}

/// A label and where its values come from. There is no label whose values come from anywhere else (P23).
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// Where a label's values come from.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// Names of the configuration: what is named, in the singular.
    Named(&'static str),
    /// A closed list of this version.
    Listed(fn() -> Vec<&'static str>),
    /// One value for each value of another label of the metric.
    Of(&'static str),
}

/// Metrics that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The heading.
    pub title: &'static str,
    /// What there is to know about all of them.
    pub about: &'static str,
    /// The metrics.
    pub metrics: &'static [&'static Metric],
}

/// All of them.
pub const FAMILIES: [Family; 9] = [
    agents::FAMILY,
    regions::FAMILY,
    probes::FAMILY,
    failovers::FAMILY,
    executions::FAMILY,
    protection::FAMILY,
    exchange::FAMILY,
    exchange::CALLS,
    process::FAMILY,
];

/// Every metric.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    FAMILIES.into_iter().flat_map(|family| family.metrics.iter().copied())
}

impl Metric {
    /// The type as Prometheus writes it.
    #[must_use]
    pub const fn type_word(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }

    /// The base unit, which is the last word of the name (OpenMetrics wants it so).
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        unit(self.name)
    }
}

/// The unit that a name ends with.
pub(super) fn unit(name: &str) -> Option<&'static str> {
    let base = name.strip_suffix("_total").unwrap_or(name);
    ["seconds", "bytes"]
        .into_iter()
        .find(|unit| base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
}

/// Writes constants of [`Metric`] and the family of them all.
macro_rules! family {
    ($family:ident, $title:literal, $about:literal, {
        $($name:ident = $kind:expr, $text:literal, [$($label:expr),*], $there:expr, $help:literal;)*
    }) => {
        $(pub(in crate::metrics) const $name: Metric =
            Metric { name: $text, help: $help, kind: $kind, labels: &[$($label),*], there: $there };)*
        pub(in crate::metrics) const $family: Family = Family { title: $title, about: $about, metrics: &[$(&$name),*] };
    };
}
use family;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Goal: names follow Prometheus' conventions, which `promtool` checks only for what is served. Method: every declaration.
    #[test]
    fn names_are_conventional() {
        let mut names = BTreeSet::new();
        for metric in all() {
            let name = metric.name;
            assert!(names.insert(name), "{name} is declared twice");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(name.starts_with("quorate_") || name.starts_with("process_"), "{name}");
            let helped = metric.help.ends_with('.') || name.starts_with("process_");
            assert!(helped && metric.help.is_ascii(), "{name}: {}", metric.help);
            let labels: BTreeSet<&str> = metric.labels.iter().map(|label| label.name).collect();
            assert_eq!(labels.len(), metric.labels.len(), "{name} has a label twice");
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted(), "{name}");
                assert!(!labels.contains("le"), "{name}");
            }
        }
    }

    /// Goal: closed lists name each value once. Method: every label.
    #[test]
    fn lists_have_no_doubles() {
        for label in all().flat_map(|metric| metric.labels) {
            if let Values::Listed(values) = label.values {
                let values = values();
                assert!(!values.is_empty(), "{}", label.name);
                assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len(), "{}", label.name);
            }
        }
    }
}
