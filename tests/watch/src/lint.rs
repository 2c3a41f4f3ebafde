//! A lint of dashboards by the rules that Grafana publishes for its own `dashboard-linter`, by the same names. It reports and
//! mends nothing; what is excluded from it stands beside its reason in `EXCLUSIONS`.

use crate::{
    dashboard::{Dashboard, list, word},
    declared::Declared,
    expression::{Expression, Selector},
};
use serde_json::Value;

/// Every rule.
pub const RULES: [&str; 15] = [
    "template-datasource-rule",
    "template-job-rule",
    "template-instance-rule",
    "template-label-promql-rule",
    "template-on-time-change-reload-rule",
    "panel-datasource-rule",
    "panel-title-description-rule",
    "panel-units-rule",
    "panel-no-targets-rule",
    "target-promql-rule",
    "target-rate-interval-rule",
    "target-job-rule",
    "target-instance-rule",
    "target-counter-agg-rule",
    "uneditable-dashboard-rule",
];

/// What need not keep a rule: the rule, the series that excuse a query from it, and why.
pub const EXCLUSIONS: [(&str, &str, &str); 1] = [(
    "target-instance-rule",
    "service:quorate_",
    "recorded of all agents together, so that there is no instance to choose",
)];

/// The units that may stand on a panel here, of Grafana's list.
const UNITS: [&str; 10] = [
    "short",
    "none",
    "s",
    "bytes",
    "percentunit",
    "reqps",
    "ops",
    "bool_yes_no",
    "dateTimeFromNow",
    "dateTimeAsIso",
];
/// How Grafana names the variable of the data source.
const DATASOURCE: &str = "${datasource}";
/// Refreshed when the time range changes: a service that is new is then found.
const ON_TIME_CHANGE: i64 = 2;

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// Where: a panel's title or a variable's name.
    pub place: String,
    /// What.
    pub what: String,
}

/// All findings of one dashboard.
#[must_use]
pub fn lint(dashboard: &Dashboard, declared: &Declared) -> Vec<Finding> {
    let mut found = Vec::new();
    whole(dashboard, &mut found);
    for panel in dashboard.panels() {
        self::panel(panel, &mut found);
        for target in list(panel, "/targets") {
            self::target(word(panel, "/title"), target, declared, &mut found);
        }
    }
    found.sort();
    found
}

fn whole(dashboard: &Dashboard, found: &mut Vec<Finding>) {
    let mut tell =
        |rule, place: &str, what: String| found.push(Finding { rule, place: place.to_owned(), what });
    if dashboard.json["editable"] != Value::Bool(false) {
        tell(
            "uneditable-dashboard-rule",
            "",
            "a provisioned dashboard loses what is edited in it: `editable: false`".to_owned(),
        );
    }
    let named = |name: &str| dashboard.variables().find(|variable| word(variable, "/name") == name);
    match named("datasource") {
        Some(one)
            if word(one, "/type") == "datasource"
                && word(one, "/query") == "prometheus"
                && word(one, "/label") == "Data source" => {}
        _ => tell(
            "template-datasource-rule",
            "datasource",
            "wants a variable `datasource` of Prometheus, `Data source`".to_owned(),
        ),
    }
    for (rule, name, label) in
        [("template-job-rule", "job", "Job"), ("template-instance-rule", "instance", "Instance")]
    {
        let good = named(name).is_some_and(|one| {
            word(one, "/type") == "query"
                && word(one, "/label") == label
                && word(one, "/datasource/uid") == DATASOURCE
                && one["multi"] == Value::Bool(true)
                && word(one, "/allValue") == ".+"
        });
        if !good {
            tell(
                rule,
                name,
                format!("wants a variable `{name}`, `{label}`, of the data source, multi, with `.+` for all"),
            );
        }
    }
    for variable in dashboard.variables().filter(|variable| word(variable, "/type") == "query") {
        let name = word(variable, "/name");
        let query = word(variable, "/query/query");
        let asked = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let series = asked.and_then(|inner| inner.rsplit_once(',')).map(|(series, _)| series);
        if let Some(wrong) = series.map_or(Some("no label_values(SERIES, LABEL)".to_owned()), |series| {
            Expression::read(series).err()
        }) {
            tell("template-label-promql-rule", name, format!("{query}: {wrong}"));
        }
        if variable["refresh"].as_i64() != Some(ON_TIME_CHANGE) {
            tell("template-on-time-change-reload-rule", name, "wants `refresh: 2`".to_owned());
        }
    }
}

fn panel(panel: &Value, found: &mut Vec<Finding>) {
    let title = word(panel, "/title");
    let mut tell =
        |rule, what: &str| found.push(Finding { rule, place: title.to_owned(), what: what.to_owned() });
    if word(panel, "/datasource/uid") != DATASOURCE
        || list(panel, "/targets").any(|one| word(one, "/datasource/uid") != DATASOURCE)
    {
        tell("panel-datasource-rule", "does not ask the data source variable");
    }
    if title.is_empty() || word(panel, "/description").is_empty() {
        tell("panel-title-description-rule", "wants a title and a description");
    }
    if !UNITS.contains(&word(panel, "/fieldConfig/defaults/unit")) {
        tell("panel-units-rule", "wants a unit of the list");
    }
    if list(panel, "/targets").next().is_none() {
        tell("panel-no-targets-rule", "asks for nothing");
    }
}

fn target(title: &str, target: &Value, declared: &Declared, found: &mut Vec<Finding>) {
    let mut tell = |rule, what: String| found.push(Finding { rule, place: title.to_owned(), what });
    let written = word(target, "/expr");
    let expression = match Expression::read(written) {
        Ok(expression) => expression,
        Err(wrong) => return tell("target-promql-rule", wrong),
    };
    for range in written.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
        if !matches!(range, "$__rate_interval" | "$__range") {
            tell(
                "target-rate-interval-rule",
                format!("[{range}] must be [$__rate_interval], or [$__range] for all that is shown"),
            );
        }
    }
    for selector in &expression.selectors {
        for (rule, label) in [("target-job-rule", "job"), ("target-instance-rule", "instance")] {
            let wanted = (label.to_owned(), format!("=~${label}"));
            if !selector.matchers.contains(&wanted) && excuse(rule, selector).is_none() {
                tell(rule, format!("{} wants {label}=~\"${label}\"", selector.name));
            }
        }
        if declared.counts(&selector.name) && !selector.by_growth() {
            tell(
                "target-counter-agg-rule",
                format!("{} is a counter: ask for its rate or increase", selector.name),
            );
        }
    }
}

/// Which exclusion excuses a selector from a rule.
#[must_use]
pub fn excuse(rule: &str, selector: &Selector) -> Option<usize> {
    EXCLUSIONS.iter().position(|(excluded, series, _)| *excluded == rule && selector.name.starts_with(series))
}
