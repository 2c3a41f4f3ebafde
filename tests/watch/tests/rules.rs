//! The alerts: Prometheus' own tool runs their tests, and nothing about them is left out: firing, quiet, explained, declared.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate_watch::{
    dashboard,
    declared::Declared,
    expression::Expression,
    files, path,
    rules::{anchor, headings, here, tests_here},
    text,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Output},
    thread,
};

/// Labels that Prometheus and its histograms bring.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

fn run(folder: &Path, program: &str, words: &[&str]) -> Output {
    let run = Command::new(program).args(words).current_dir(folder).output();
    run.unwrap_or_else(|error| {
        panic!(
            "{program} is missing ({error}): apt-get install prometheus prometheus-alertmanager, or tests/run"
        )
    })
}

fn ok(folder: &Path, program: &str, words: &[&str]) {
    let run = run(folder, program, words);
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && !said.contains("FAILED"), "{program} {}:\n{said}", words.join(" "));
}

/// Goal: every alert does what its tests say. Method: `promtool test rules`, each file in a thread of its own.
#[test]
fn promtool_runs_every_test() {
    let folder = path("deploy/prometheus/tests");
    ok(&folder, "promtool", &["check", "rules", "../rules.yml"]);
    let all = files("deploy/prometheus/tests", "yml");
    assert!(all.len() >= 4, "{all:?}");
    thread::scope(|threads| {
        for file in &all {
            let (folder, name) = (&folder, file.file_name().unwrap().to_string_lossy().into_owned());
            threads.spawn(move || ok(folder, "promtool", &["test", "rules", &name]));
        }
    });
}

/// Goal: a test that expects something else fails. Method: one expectation of a copy is changed.
#[test]
fn a_wrong_expectation_is_noticed() {
    let (folder, file) = (path("deploy/prometheus/tests"), path("deploy/prometheus/tests/agents.yml"));
    let right = std::fs::read_to_string(&file).unwrap();
    let wrong = right.replace("The agent usw2 does not answer", "The agent use1 does not answer");
    assert_ne!(right, wrong);
    let copy = std::env::temp_dir().join(format!("quorate-watch-{}.yml", std::process::id()));
    std::fs::write(
        &copy,
        wrong.replace("../rules.yml", &path("deploy/prometheus/rules.yml").display().to_string()),
    )
    .unwrap();
    let tested = run(&folder, "promtool", &["test", "rules", copy.to_str().unwrap()]);
    std::fs::remove_file(&copy).unwrap();
    assert!(!tested.status.success());
}

/// Goal: no alert is without a proof that it fires and that it is quiet. Method: count both among the tests.
#[test]
fn every_alert_fires_and_is_quiet_in_a_test() {
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for test in tests_here() {
        let (fires, quiet) = seen.entry(test.alertname).or_default();
        *(if test.exp_alerts.is_empty() { quiet } else { fires }) += 1;
    }
    let alerts: Vec<String> = here().into_iter().filter_map(|rule| rule.alert).collect();
    for alert in &alerts {
        let (fires, quiet) = seen.get(alert).copied().unwrap_or_default();
        assert!(fires > 0 && quiet > 0, "{alert} fires in {fires} tests and is quiet in {quiet}");
    }
    let unknown: Vec<_> = seen.keys().filter(|name| !alerts.contains(name)).collect();
    assert!(unknown.is_empty(), "tests of no alert: {unknown:?}");
}

/// Goal: whoever is woken reads a sentence, knows how bad it is, and finds what to do; and the runbook explains nothing that cannot fire.
/// Method: annotations, labels, and the runbook's headings below `Alerts`.
#[test]
fn every_alert_is_explained_and_nothing_else_is() {
    let book = text("deploy/RUNBOOK.md");
    let alerts_part = book.split("\n# Operations").next().unwrap();
    let sections: BTreeSet<String> = headings(alerts_part, 3).into_iter().collect();
    let mut of_alerts = BTreeSet::new();
    for rule in here() {
        let Some(alert) = rule.alert else { continue };
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{alert}: {severity:?}");
        let (summary, description) = (&rule.annotations["summary"], &rule.annotations["description"]);
        let begins =
            |text: &str| text.starts_with("{{") || text.chars().next().is_some_and(char::is_uppercase);
        assert!(begins(summary) && summary.ends_with('.') && summary.contains(' '), "{alert}: {summary}");
        assert!(description.ends_with('.'), "{alert}: {description}");
        let link = &rule.annotations["runbook_url"];
        let place = link.split_once("RUNBOOK.md#").expect("the link leads into the runbook").1;
        assert_eq!(place, anchor(&alert), "{alert}");
        assert!(sections.contains(&alert), "the runbook has no section {alert}");
        of_alerts.insert(alert);
    }
    let idle: Vec<_> = sections.difference(&of_alerts).collect();
    assert!(idle.is_empty(), "sections of no alert: {idle:?}");
}

/// Goal: each section says the five things that one needs at night. Method: look for their words.
#[test]
fn every_section_of_the_runbook_is_whole() {
    let book = text("deploy/RUNBOOK.md");
    let alerts_part = book.split("\n# Operations").next().unwrap();
    for section in alerts_part.split("\n### ").skip(1) {
        let name = section.lines().next().unwrap();
        for word in ["**Means:**", "**Quorate by itself:**", "**Look at:**", "**Do:**", "**Over when:**"] {
            assert!(section.contains(word), "{name} lacks {word}");
        }
    }
}

/// Goal: each waiting time has a reason beside it. Method: the line before every `for:` is a comment.
#[test]
fn every_waiting_time_has_its_reason() {
    let rules = text("deploy/prometheus/rules.yml");
    let lines: Vec<&str> = rules.lines().map(str::trim).collect();
    let mut waits = 0;
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with("for: ")) {
        assert!(pair[0].starts_with("# "), "no reason before {} after {}", pair[1], pair[0]);
        waits += 1;
    }
    assert_eq!(waits, here().iter().filter(|rule| rule.waits.is_some()).count());
    assert!(here().iter().all(|rule| rule.alert.is_none() || rule.waits.is_some()), "an alert without `for`");
}

/// Goal: no rule asks for a metric, or by a label, that no agent has. Method: every selector against the declarations and what is recorded.
#[test]
fn every_metric_and_label_of_a_rule_is_declared() {
    let declared = Declared::here();
    assert!(declared.count() > 50, "METRICS.md was not understood");
    let recorded: BTreeSet<String> = here().into_iter().filter_map(|rule| rule.record).collect();
    for rule in here() {
        let name = rule.alert.or(rule.record).unwrap();
        let expression = Expression::read(&rule.expr).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert!(!expression.selectors.is_empty(), "{name} asks for nothing");
        for selector in expression.selectors {
            if recorded.contains(&selector.name) || selector.name == "up" {
                continue;
            }
            let family = declared.family(&selector.name);
            let family =
                family.unwrap_or_else(|| panic!("{name} asks for {}, which no agent has", selector.name));
            for (label, _) in &selector.matchers {
                let known = family.labels.contains(label) || OF_PROMETHEUS.contains(&label.as_str());
                assert!(known, "{name}: {} has no label {label}", selector.name);
            }
            assert!(
                !declared.counts(&selector.name) || selector.by_growth(),
                "{name} asks for the counter {} itself",
                selector.name
            );
        }
    }
}

/// Goal: nothing is recorded for nobody. Method: every recorded series is asked for by an alert, another rule or a dashboard.
#[test]
fn every_recorded_series_is_used() {
    let rules = here().into_iter().map(|rule| rule.expr);
    let panels = dashboard::here().into_iter().flat_map(|one| one.targets()).map(|target| target.expr);
    let asked: BTreeSet<String> = rules
        .chain(panels)
        .flat_map(|expr| Expression::read(&expr).unwrap().selectors)
        .map(|selector| selector.name)
        .collect();
    let idle: Vec<_> =
        here().into_iter().filter_map(|rule| rule.record).filter(|name| !asked.contains(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

/// Goal: the examples of Prometheus' and Alertmanager's files are files that they take, and critical alerts reach the pager. Method: their own
/// tools; certificates are not looked for.
#[test]
fn the_examples_are_accepted() {
    let folder = path("deploy/prometheus");
    ok(&folder, "promtool", &["check", "config", "--syntax-only", "prometheus.yml"]);
    ok(&folder, "promtool", &["check", "config", "--syntax-only", "--agent", "sidecar.yml"]);
    ok(&folder, "amtool", &["check-config", "alertmanager.yml"]);
    let routed = |severity: &str| {
        let label = format!("severity={severity}");
        let words = ["config", "routes", "test", "--config.file=alertmanager.yml", &label];
        String::from_utf8(run(&folder, "amtool", &words).stdout).unwrap().trim().to_owned()
    };
    assert_eq!((routed("critical"), routed("warning")), ("pager".to_owned(), "channel".to_owned()));
    let alerts: BTreeSet<String> = here().into_iter().filter_map(|rule| rule.alert).collect();
    let file = text("deploy/prometheus/alertmanager.yml");
    let named = file
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.starts_with("Quorate") && word.len() > 12);
    for word in named.filter(|word| !word.starts_with("QuorateServiceBudgetBurn")) {
        assert!(alerts.contains(word), "alertmanager.yml names {word}, which is no alert");
    }
}
