//! `quorate report` against an agent with a real chain: what it asks, where it writes, and what it refuses. What reports say
//! is tested beside them.

use crate::{
    chain::{agent, lines},
    quorate::{Home, quorate},
};
use quorate::record::Line;
use serde_json::Value;

/// Goal: each form of the report of one execution is written, and can be checked against the audit. Method: all three, and
/// the command that the report itself names.
#[test]
fn one_execution() {
    let lines = lines(3);
    let server = agent(&lines, None);
    let report =
        |arguments: &[&str]| quorate(&[&["report", "shop-3", "--agent", &server.url], arguments].concat());
    let text = report(&[]);
    assert_eq!(text.code, 0, "{}", text.err);
    for words in
        ["# Execution shop-3 of shop", "recovered in 1m12s, within", "us-east-1 &lt;loses&gt; packets"]
    {
        assert!(text.out.contains(words), "{words} is missing in:\n{}", text.out);
    }
    let last = Line::read(lines.last().unwrap()).unwrap().hash;
    assert!(text.out.contains(&format!("quorate audit verify --holds {last}")), "{}", text.out);
    assert_eq!(quorate(&["audit", "verify", "--holds", &last, "--agent", &server.url]).code, 0);
    let page = report(&["-o", "html"]);
    assert!(page.out.starts_with("<!DOCTYPE html>") && page.out.contains("&lt;loses&gt;"), "{}", page.out);
    let value: Value = serde_json::from_str(&report(&["-o", "json"]).out).unwrap();
    assert_eq!(
        (&value["made"]["whole"], &value["made"]["rests_on"]["last"]),
        (&Value::from(true), &Value::from(11))
    );
    assert_eq!(value["steps"][0]["tries"][0]["outcome"], "succeeded");
}

/// Goal: a report of a period covers what it says, and an agent's file fills in what the agent no longer holds. Method: an
/// agent that holds only the end, without and with the file; then with a file that does not reach it.
#[test]
fn a_period() {
    let home = Home::new();
    let lines = lines(3);
    let server = agent(&lines[5..], None);
    let since = ["report", "--since", "2027-01-15", "--until", "2027-01-16", "--agent", &server.url];
    let report = |arguments: &[&str]| home.run(&[&since, arguments].concat());
    let late = report(&[]);
    assert_eq!(late.code, 0, "{}", late.err);
    assert!(
        late.out.contains("What this report does not cover") && late.out.contains("shop-3"),
        "{}",
        late.out
    );
    home.write("audit.jsonl", &(lines[..7].join("\n") + "\n"));
    let covered = report(&["--audit", "audit.jsonl"]);
    assert!(!covered.out.contains("What this report does not cover"), "{}{}", covered.out, covered.err);
    assert!(covered.out.contains("no\\_scenario") || covered.out.contains("no_scenario"), "{}", covered.out);
    assert!(covered.out.contains("whole: 11 entries, 1 to 11"), "{}", covered.out);
    home.write("audit.jsonl", &(lines[..3].join("\n") + "\n"));
    let apart = report(&["--audit", "audit.jsonl"]);
    assert!(apart.code == 1 && apart.err.contains("ends with entry 3"), "{}", apart.err);
    let shop = report(&["--service", "shop", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&shop.out).unwrap()["service"], "shop");
}

/// Goal: a report is written whole into a file of its own, and what is asked for must be one thing. Method: `--out` twice,
/// and arguments that do not fit together.
#[test]
fn into_a_file() {
    let home = Home::new();
    let server = agent(&lines(3), None);
    let arguments = ["report", "shop-3", "-o", "html", "--out", "shop-3.html", "--agent", &server.url];
    let ran = home.run(&arguments);
    assert!(ran.code == 0 && ran.out.is_empty(), "{}{}", ran.out, ran.err);
    assert!(std::fs::read_to_string(home.path().join("shop-3.html")).unwrap().ends_with("</html>\n"));
    assert!(home.run(&arguments).err.contains("--force"));
    assert_eq!(home.run(&[&arguments[..], &["--force"]].concat()).code, 0);
    for wrong in [&["report"][..], &["report", "shop-3", "--period", "90d"], &["report", "--period", "90"]] {
        assert_eq!(quorate(wrong).code, 2, "{wrong:?}");
    }
}
