//! The dashboards: no finding of the lint, nothing asked for that no agent has, and a lint that does notice.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_watch::{
    dashboard::{Dashboard, here, list, word},
    declared::Declared,
    expression::Expression,
    lint::{EXCLUSIONS, RULES, excuse, lint},
    rules, text,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Labels that Prometheus and its histograms bring.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

fn one(name: &str) -> Dashboard {
    here().into_iter().find(|dashboard| dashboard.name == name).unwrap()
}

/// Goal: the dashboards keep every rule, but for what is excluded. Method: the lint.
#[test]
fn no_rule_is_broken() {
    let declared = Declared::here();
    let names: Vec<String> = here().into_iter().map(|dashboard| dashboard.name).collect();
    assert_eq!(names, ["failover", "fleet", "probes", "service"]);
    for dashboard in here() {
        let found = lint(&dashboard, &declared);
        assert!(found.is_empty(), "{}: {found:#?}", dashboard.name);
    }
}

/// Goal: no exclusion outlives its cause. Method: each excuses some query from its rule.
#[test]
fn every_exclusion_is_needed() {
    let selectors = here()
        .into_iter()
        .flat_map(|dashboard| dashboard.targets())
        .flat_map(|target| Expression::read(&target.expr).unwrap().selectors);
    let used: BTreeSet<usize> = selectors
        .filter(|selector| !selector.matchers.contains(&("instance".to_owned(), "=~$instance".to_owned())))
        .filter_map(|selector| excuse("target-instance-rule", &selector))
        .collect();
    assert_eq!(used.len(), EXCLUSIONS.len());
}

/// Sets something of a copy of the fleet dashboard, and says which rules it then breaks.
fn broken(pointer: &str, value: Value) -> BTreeSet<&'static str> {
    let mut dashboard = one("fleet");
    *dashboard.json.pointer_mut(pointer).unwrap_or_else(|| panic!("the dashboard has no {pointer}")) = value;
    lint(&dashboard, &Declared::here()).into_iter().map(|finding| finding.rule).collect()
}

/// Goal: the lint notices what breaks each of its rules. Method: one fault at a time, put into a good dashboard.
#[test]
fn every_rule_notices_what_breaks_it() {
    let expr = "/panels/1/targets/0/expr";
    let faults = [
        ("template-datasource-rule", "/templating/list/0/query", json!("loki")),
        ("template-job-rule", "/templating/list/1/multi", json!(false)),
        ("template-instance-rule", "/templating/list/2/allValue", json!(".*")),
        ("template-label-promql-rule", "/templating/list/1/query/query", json!("label_values(a{, job)")),
        ("template-on-time-change-reload-rule", "/templating/list/1/refresh", json!(1)),
        ("panel-datasource-rule", "/panels/1/datasource/uid", json!("prometheus")),
        ("panel-title-description-rule", "/panels/1/description", json!("")),
        ("panel-units-rule", "/panels/1/fieldConfig/defaults/unit", json!("")),
        ("panel-no-targets-rule", "/panels/1/targets", json!([])),
        ("target-promql-rule", expr, json!("sum(up{")),
        (
            "target-rate-interval-rule",
            expr,
            json!("rate(quorate_elections_total{job=~\"$job\", instance=~\"$instance\"}[5m])"),
        ),
        ("target-job-rule", expr, json!("up{instance=~\"$instance\"}")),
        ("target-instance-rule", expr, json!("up{job=~\"$job\"}")),
        (
            "target-counter-agg-rule",
            expr,
            json!("quorate_elections_total{job=~\"$job\", instance=~\"$instance\"}"),
        ),
        ("uneditable-dashboard-rule", "/editable", json!(true)),
    ];
    let listed: Vec<&str> = faults.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(listed, RULES);
    for (rule, pointer, value) in faults {
        assert_eq!(broken(pointer, value), BTreeSet::from([rule]), "{rule}");
    }
}

/// Goal: dashboards name no metric that no longer exists, and choose by no label that it lacks. Method: every selector of every panel, annotation
/// and variable against the declarations.
#[test]
fn every_metric_and_label_is_declared() {
    let declared = Declared::here();
    let recorded: BTreeSet<String> = rules::here().into_iter().filter_map(|rule| rule.record).collect();
    for dashboard in here() {
        let targets = dashboard.targets().into_iter().map(|target| target.expr);
        let variables = dashboard.variables().filter_map(|one| {
            let inner =
                word(one, "/query/query").strip_prefix("label_values(")?.strip_suffix(')')?.to_owned();
            inner.rsplit_once(',').map(|(series, _)| series.to_owned())
        });
        for expr in targets.chain(dashboard.annotations()).chain(variables) {
            for selector in Expression::read(&expr).unwrap().selectors {
                if recorded.contains(&selector.name) || selector.name == "up" {
                    continue;
                }
                let family = declared.family(&selector.name);
                let family =
                    family.unwrap_or_else(|| panic!("{}: {} is not declared", dashboard.name, selector.name));
                for (label, _) in &selector.matchers {
                    let known = family.labels.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
                    assert!(known, "{}: {} has no label {label}", dashboard.name, selector.name);
                }
            }
        }
    }
}

/// Goal: what Grafana cannot show is not in the files: two panels of one id, panels over each other, two dashboards of one address. Method: compare.
#[test]
fn ids_places_and_addresses_are_apart() {
    let mut addresses = BTreeSet::new();
    for dashboard in here() {
        assert!(addresses.insert(word(&dashboard.json, "/uid").to_owned()), "{} twice", dashboard.name);
        assert!(dashboard.json["schemaVersion"].as_u64().unwrap() >= 39, "{}", dashboard.name);
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard.json, "/panels") {
            let title = word(panel, "/title");
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: id of {title}", dashboard.name);
            let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{}: {title} is too wide", dashboard.name);
            for (x, y) in
                (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(taken.insert((x, y)), "{}: {title} lies over another panel", dashboard.name);
            }
        }
        let annotations = dashboard.annotations().count();
        assert_eq!(annotations, 2, "{}: executions are shown as they begin and end", dashboard.name);
    }
}

/// Goal: Grafana finds the dashboards and the data source by the files beside them. Method: read both as Grafana does.
#[test]
fn the_provisioning_leads_to_the_dashboards() {
    let read = |file: &str| -> Value { serde_saphyr::from_str(&text(file)).unwrap() };
    let sources = read("grafana/provisioning/datasources/quorate.yaml");
    let source = &sources["datasources"][0];
    assert_eq!((word(source, "/type"), word(source, "/uid")), ("prometheus", "quorate-prometheus"));
    let providers = read("grafana/provisioning/dashboards/quorate.yaml");
    let provider = &providers["providers"][0];
    assert_eq!((word(provider, "/type"), &provider["allowUiUpdates"]), ("file", &Value::Bool(false)));
    assert!(word(provider, "/options/path").ends_with("/dashboards"), "{provider}");
}
