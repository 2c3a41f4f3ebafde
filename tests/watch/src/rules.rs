//! Prometheus' rules and their tests, as far as they are looked at here. Prometheus' own `promtool` reads all of it.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A file of rules.
#[derive(Debug, Deserialize)]
pub struct RuleFile {
    /// Its groups.
    pub groups: Vec<Group>,
}

/// A group of rules, which are evaluated in order.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// A recording rule or an alert.
#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    /// What a recording rule records.
    pub record: Option<String>,
    /// An alert's name.
    pub alert: Option<String>,
    /// The expression.
    pub expr: String,
    /// How long it must hold.
    #[serde(rename = "for")]
    pub waits: Option<String>,
    /// Labels that are added.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What an alert tells people.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A file of tests.
#[derive(Debug, Deserialize)]
pub struct TestFile {
    /// Its tests.
    pub tests: Vec<Test>,
}

/// One test of rules.
#[derive(Debug, Deserialize)]
pub struct Test {
    /// What is asked of alerts.
    #[serde(default)]
    pub alert_rule_test: Vec<AlertTest>,
}

/// What must be so of an alert at one moment.
#[derive(Debug, Deserialize)]
pub struct AlertTest {
    /// Which.
    pub alertname: String,
    /// What fires; nothing of an alert that must be quiet.
    #[serde(default)]
    pub exp_alerts: Vec<serde_json::Value>,
}

/// The rules of the checkout, in order.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn here() -> Vec<Rule> {
    let file: RuleFile = serde_saphyr::from_str(&super::text("deploy/prometheus/rules.yml"))
        .expect("rules.yml is YAML of rules");
    file.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// Their tests.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn tests_here() -> Vec<AlertTest> {
    let files = super::files("deploy/prometheus/tests", "yml");
    let read = |file: &std::path::PathBuf| -> TestFile {
        let text = std::fs::read_to_string(file).expect("the file was listed");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files.iter().flat_map(|file| read(file).tests).flat_map(|test| test.alert_rule_test).collect()
}

/// The anchor that a Markdown heading gets.
#[must_use]
pub fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

/// The headings of a document at a level.
#[must_use]
pub fn headings(document: &str, level: usize) -> Vec<String> {
    let mark = format!("{} ", "#".repeat(level));
    let mut in_code = false;
    let plain = document.lines().filter(|line| {
        in_code ^= line.trim_start().starts_with("```");
        !in_code
    });
    plain.filter_map(|line| line.strip_prefix(&mark)).map(str::to_owned).collect()
}
