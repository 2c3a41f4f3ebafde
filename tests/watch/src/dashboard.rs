//! Grafana's dashboards as JSON, and what is asked for on them.

use serde_json::Value;

/// A dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its file's name without the ending.
    pub name: String,
    /// All of it.
    pub json: Value,
}

/// One query of a panel.
#[derive(Debug, Clone)]
pub struct Target {
    /// The panel's title.
    pub panel: String,
    /// The panel's type.
    pub kind: String,
    /// The expression as it is written.
    pub expr: String,
}

/// The dashboards of the checkout.
///
/// # Panics
/// When one is no JSON.
#[must_use]
pub fn here() -> Vec<Dashboard> {
    let read = |file: std::path::PathBuf| {
        let text = std::fs::read_to_string(&file).expect("the file was listed");
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Dashboard { name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(), json }
    };
    super::files("grafana/dashboards", "json").into_iter().map(read).collect()
}

/// The members of a list, or nothing.
pub fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A text, or an empty one.
#[must_use]
pub fn word<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Dashboard {
    /// Its panels without the rows.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/panels").filter(|panel| word(panel, "/type") != "row")
    }

    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/templating/list")
    }

    /// The expressions of its panels.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        let of = |panel: &Value| {
            let (title, kind) = (word(panel, "/title").to_owned(), word(panel, "/type").to_owned());
            list(panel, "/targets")
                .map(|target| Target {
                    panel: title.clone(),
                    kind: kind.clone(),
                    expr: word(target, "/expr").to_owned(),
                })
                .collect::<Vec<_>>()
        };
        self.panels().flat_map(of).collect()
    }

    /// The expressions of its annotations from Prometheus.
    pub fn annotations(&self) -> impl Iterator<Item = String> {
        list(&self.json, "/annotations/list").filter_map(|one| Some(one.get("expr")?.as_str()?.to_owned()))
    }
}
