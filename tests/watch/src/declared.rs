//! The metrics that there are, from `grafana/METRICS.md`, which is made of the agent's own declarations. Nothing here knows a metric
//! by itself.

use std::collections::{BTreeMap, BTreeSet};

/// One family of metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
}

/// Every family by its name.
#[derive(Debug, Clone, Default)]
pub struct Declared(BTreeMap<String, Family>);

impl Declared {
    /// Those of the checkout.
    #[must_use]
    pub fn here() -> Self {
        Self::read(&super::text("grafana/METRICS.md"))
    }

    /// Those of a document: rows of tables whose first cell is a name in backticks and whose second is a kind.
    #[must_use]
    pub fn read(document: &str) -> Self {
        let mut families = BTreeMap::new();
        for line in document.lines() {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, kind, labels, ..] = cells.as_slice() else { continue };
            if !matches!(*kind, "counter" | "gauge" | "histogram") {
                continue;
            }
            // Every second piece between backticks is a label; what stands in parentheses are its values.
            let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            families.insert(name.trim_matches('`').to_owned(), Family { kind: (*kind).to_owned(), labels });
        }
        Self(families)
    }

    /// The family to which a series of this name belongs.
    #[must_use]
    pub fn family(&self, series: &str) -> Option<&Family> {
        let of_histogram = || {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end))?;
            self.0.get(base).filter(|family| family.kind == "histogram")
        };
        self.0.get(series).or_else(of_histogram)
    }

    /// Whether a series only grows.
    #[must_use]
    pub fn counts(&self, series: &str) -> bool {
        self.family(series).is_some_and(|family| family.kind != "gauge")
    }

    /// How many families there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
