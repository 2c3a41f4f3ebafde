//! `grafana/METRICS.md`, made of the declarations, so that it cannot tell of a metric that is not there. The texts around the
//! tables stand in `document/`. It reads nothing and writes nothing: `quorate metrics` prints it, and a test compares the file.

use super::declared::{FAMILIES, Family, Kind, Label, Metric, There, Values, all, blackbox::BLACKBOX};
use std::{collections::BTreeMap, fmt::Write as _};

const BEGINNING: &str = include_str!("document/beginning.md");
const PROBE: &str = include_str!("document/probe.md");
const END: &str = include_str!("document/end.md");
/// Values of a closed list that are written out; a longer list is counted, and stands in a table of its own.
const SHOWN_MAX: usize = 7;
/// A histogram's series beside its buckets: the last bucket, the sum and the count.
const HISTOGRAM_EXTRA: usize = 3;
/// An example of a configuration: one service in two regions, three agents, and little of everything.
const EXAMPLE: [(&str, usize); 12] = [
    ("backup", 1),
    ("component", 3),
    ("drill", 1),
    ("peer", 2),
    ("plan", 2),
    ("probe of a policy", 5),
    ("region of the service", 2),
    ("region that is called", 2),
    ("replica", 1),
    ("service", 1),
    ("step of the plan", 4),
    ("webhook or channel", 2),
];

/// The whole text.
#[must_use]
pub fn document() -> String {
    let mut text = BEGINNING.to_owned();
    for family in &FAMILIES {
        section(&mut text, family);
    }
    lists(&mut text);
    cardinality(&mut text);
    text.push_str(PROBE);
    section(&mut text, &BLACKBOX);
    text.push_str(END);
    text
}

/// Writing to a text cannot fail.
macro_rules! put {
    ($text:expr, $($what:tt)*) => {{ let _ = writeln!($text, $($what)*); }};
}

fn section(text: &mut String, family: &Family) {
    put!(text, "\n### {}\n\n{}\n", family.title, family.about);
    put!(text, "| Name | Type | Labels | What it says | There |\n|---|---|---|---|---|");
    for metric in family.metrics {
        let labels: Vec<String> = metric.labels.iter().map(label).collect();
        let (name, kind, help, there) = (metric.name, metric.type_word(), metric.help, there(metric.there));
        put!(text, "| `{name}` | {kind} | {} | {help} | {there} |", labels.join(", "));
    }
    let histograms = family.metrics.iter().filter_map(|metric| match metric.kind {
        Kind::Histogram(buckets) => Some((metric.name, buckets)),
        Kind::Counter | Kind::Gauge => None,
    });
    for (index, (name, buckets)) in histograms.enumerate() {
        if index == 0 {
            put!(text, "\nBuckets:\n");
        }
        let ends: Vec<String> = buckets.iter().map(|end| super::openmetrics::number(*end)).collect();
        put!(text, "- `{name}`: {}", ends.join(", "));
    }
}

fn there(there: There) -> String {
    match there {
        There::Always => "always".to_owned(),
        There::Configured => "once configured".to_owned(),
        There::If(when) => format!("if {when}"),
    }
}

fn label(label: &Label) -> String {
    match label.values {
        Values::Named(_) | Values::Of(_) => format!("`{}`", label.name),
        Values::Listed(values) => {
            let values = values();
            let shown =
                if values.len() <= SHOWN_MAX { values.join(" ") } else { format!("{} values", values.len()) };
            format!("`{}` ({shown})", label.name)
        }
    }
}

/// The closed lists that are too long for a table's cell.
fn lists(text: &mut String) {
    put!(text, "\n## Labels\n\nNames of the configuration:\n\n| Label | One value for each |\n|---|---|");
    let mut named = BTreeMap::new();
    let mut listed = BTreeMap::new();
    for (metric, label) in all().flat_map(|metric| metric.labels.iter().map(move |label| (metric, label))) {
        match label.values {
            Values::Named(what) => drop(named.insert((label.name, what), ())),
            Values::Listed(values) if values().len() > SHOWN_MAX => {
                listed.entry((label.name, values())).or_insert_with(Vec::new).push(metric.name);
            }
            Values::Listed(_) | Values::Of(_) => {}
        }
    }
    for (name, what) in named.keys() {
        put!(text, "| `{name}` | {what} |");
    }
    put!(text, "\nClosed lists, which change only with a version:\n");
    for ((name, values), metrics) in listed {
        let metrics: Vec<String> = metrics.into_iter().map(|metric| format!("`{metric}`")).collect();
        put!(text, "- `{name}` of {}: {}.", metrics.join(", "), values.join(", "));
    }
}

/// How many series one combination of configured names brings.
fn series(metric: &Metric) -> usize {
    let listed = metric.labels.iter().filter_map(|label| match label.values {
        Values::Listed(values) => Some(values().len()),
        Values::Named(_) | Values::Of(_) => None,
    });
    let each = match metric.kind {
        Kind::Histogram(buckets) => buckets.len() + HISTOGRAM_EXTRA,
        Kind::Counter | Kind::Gauge => 1,
    };
    each * listed.product::<usize>()
}

/// The configured names of a metric's labels.
fn names(metric: &Metric) -> Vec<&'static str> {
    let named = metric.labels.iter().filter_map(|label| match label.values {
        // One value at a time: they multiply nothing.
        Values::Named("build" | "agent's file") | Values::Listed(_) | Values::Of(_) => None,
        Values::Named(what) => Some(what),
    });
    named.collect()
}

/// How many of these the example has.
fn exemplary(name: &&str) -> usize {
    EXAMPLE.iter().find(|(known, _)| known == name).map_or(1, |(_, count)| *count)
}

fn cardinality(text: &mut String) {
    put!(text, "\n## How many series\n");
    put!(
        text,
        "One agent serves, for each combination of names that its configuration has, at the most so many series (a \
         histogram counts with its buckets). `service, probe of a policy, region of the service` is every target, `service, \
         plan, step of the plan` every step of every plan. Pairs of labels that never meet, such as a webhook and a message's \
         kind, are counted here and not served, so it is a little less.\n"
    );
    let named: Vec<String> = EXAMPLE.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    let total: usize =
        all().map(|metric| series(metric) * names(metric).iter().map(exemplary).product::<usize>()).sum();
    put!(
        text,
        "An example, with {}: about {total} series of each agent, at some 100 bytes of text for each and a tenth of it packed.\n",
        named.join(", ")
    );
    put!(text, "| For each | Series | Most of them |\n|---|---|---|");
    let mut rows: BTreeMap<Vec<&str>, Vec<(usize, &str)>> = BTreeMap::new();
    for metric in all() {
        rows.entry(names(metric)).or_default().push((series(metric), metric.name));
    }
    for (names, mut metrics) in rows {
        let total: usize = metrics.iter().map(|(count, _)| count).sum();
        metrics.sort_by_key(|(count, name)| (std::cmp::Reverse(*count), *name));
        let most: Vec<String> =
            metrics.iter().take(2).map(|(count, name)| format!("`{name}` {count}")).collect();
        let each = if names.is_empty() { "agent".to_owned() } else { names.join(", ") };
        put!(text, "| {each} | {total} | {} |", most.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the document that people read is the one that the declarations make. Method: compare; `quorate metrics` prints what
    /// it must be.
    #[test]
    fn the_document_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../grafana/METRICS.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let same = written == document();
        assert!(same, "grafana/METRICS.md is out of date: quorate metrics > grafana/METRICS.md");
    }

    /// Goal: no query of the document names a metric that is not declared. Method: every word that looks like one.
    #[test]
    fn examples_name_only_what_is_declared() {
        let text = document();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let mut seen = 0;
        for name in text.split(|c| !word(c)).filter(|name| name.starts_with("quorate_")) {
            let base =
                ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let known = all().any(|metric| metric.name == name || metric.name == base);
            let at_probe = BLACKBOX.metrics.iter().any(|metric| metric.name == name);
            assert!(known || at_probe, "{name} is not declared");
            seen += 1;
        }
        assert!(seen > all().count(), "every metric stands in the document");
    }
}
