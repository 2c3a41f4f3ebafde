//! `quorate audit` against an agent with a real chain, and against files that were good once.

use crate::{
    answers,
    chain::{agent, lines},
    quorate::{Home, Ran, quorate},
    server::Server,
};
use quorate::record::Line;
use quorate_api::Audit;
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;

fn asked(server: &Server, arguments: &[&str]) -> Ran {
    quorate(&[&["audit"], arguments, &["--agent", &server.url]].concat())
}

/// Goal: the latest entries are shown, oldest of them first, and only those that are wanted. Method: each filter, each form.
#[test]
fn what_is_wanted_is_shown() {
    let server = agent(&lines(250), None);
    let shown = asked(&server, &["show", "--service", "shop", "-n", "3"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let rows: Vec<&str> = shown.out.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{}", shown.out);
    assert!(rows[0].contains("2s behind") && rows[2].contains("execution succeeded"), "{}", shown.out);

    let shown = asked(&server, &["show", "--execution", "shop-3", "-o", "json"]);
    let document: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(document["entries"].as_array().unwrap().len(), 7);
    let shown = asked(&server, &["show", "--since", "2027-01-15T08:02:32Z", "-o", "yaml"]);
    let document: Value = serde_saphyr::from_str(&shown.out).unwrap();
    assert_eq!(document["entries"][0]["sequence"], 252);

    let shown = asked(&server, &["show", "--until", "2027-01-15T07:58:23Z", "-o", "jsonl"]);
    assert_eq!(shown.out, lines(250)[..2].join("\n") + "\n");
    assert!(asked(&server, &["show", "--until", "90d"]).out.starts_with("No such entry"));
    assert_eq!(asked(&server, &["show", "--since", "yesterday"]).code, 2);
}

/// Goal: the agent's chain is proven from its first entry to its head, page by page. Method: three pages; then one edited
/// entry, an end that was cut off, and an agent that gives no lines.
#[test]
fn an_agents_chain() {
    let whole = lines(250);
    let server = agent(&whole, None);
    let ran = asked(&server, &["verify"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("whole: 258 entries, 1 to 258, 2027-01-15T07:58:21.000Z to"), "{}", ran.out);
    assert_eq!(server.seen().len(), 3);

    let mut edited = whole.clone();
    edited[140] = edited[140].replace("no_scenario", "no_quorum");
    let ran = asked(&agent(&edited, None), &["verify"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("BROKEN: entry 141 was changed") && ran.out.contains("140 entries, 1 to 140"),
        "{}",
        ran.out
    );

    let head = Line::read(&whole[257]).unwrap().hash;
    let ran = asked(&agent(&whole[..200], Some(&head)), &["verify", "-o", "json"]);
    assert_eq!(ran.code, 1);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&document["whole"], &document["proven"]["last"]["sequence"]),
        (&Value::from(false), &Value::from(200))
    );

    let older = Audit {
        entries: vec![answers::audit_entry()],
        sequence: 41,
        head: "11".into(),
        verified: true,
        notified: None,
    };
    let ran = asked(&Server::always(200, &older), &["verify"]);
    assert!(ran.code == 1 && ran.err.contains("audit.jsonl"), "{}", ran.err);
}

/// Goal: a file is judged offline, and the first broken place is named. Method: a good chain, its tail, a cut line, an edited
/// and a reordered chain, an end that only a known hash gives away, and entries that are missing by right.
#[test]
fn a_file_offline() {
    let home = Home::new();
    let whole = lines(3);
    let verify = |lines: &[String], arguments: &[&str]| {
        home.write("audit.jsonl", &(lines.join("\n") + "\n"));
        let ran = home.run(&[&["audit", "verify", "audit.jsonl"], arguments].concat());
        (ran.code, ran.out + &ran.err)
    };
    let (code, out) = verify(&whole, &[]);
    assert!(code == 0 && out.contains("whole: 11 entries, 1 to 11"), "{out}");
    let (code, out) = verify(&whole[4..], &[]);
    assert!(code == 0 && out.contains("Begins with entry 5"), "{out}");

    let cut = |line: &String| line[..line.len() / 2].to_owned();
    let torn: Vec<String> = whole[..6].iter().cloned().chain([cut(&whole[6])]).collect();
    let (code, out) = verify(&torn, &[]);
    assert!(code == 1 && out.contains("line 7 is no entry") && out.contains("6 entries, 1 to 6"), "{out}");
    let mut edited = whole.clone();
    edited[5] = edited[5].replace("us-east-1", "us-east-9");
    let (code, out) = verify(&edited, &[]);
    assert!(code == 1 && out.contains("entry 6 was changed"), "{out}");
    let mut reordered = whole.clone();
    reordered.swap(7, 8);
    let (code, out) = verify(&reordered, &[]);
    assert!(
        code == 1 && out.contains("entry 9 stands where entry 8 must stand") && out.contains("--gaps"),
        "{out}"
    );

    let last = Line::read(&whole[10]).unwrap().hash;
    assert_eq!(verify(&whole, &["--holds", &last]).0, 0);
    let (code, out) = verify(&whole[..10], &["--holds", &last]);
    assert!(code == 1 && out.contains("the end was cut off"), "{out}");
    let shop: Vec<String> = whole.iter().filter(|line| !line.contains("billing")).cloned().collect();
    assert_eq!(verify(&shop, &[]).0, 1);
    let (code, out) = verify(&shop, &["--gaps"]);
    assert!(code == 0 && out.contains("3 between them are not here"), "{out}");
    assert_eq!(home.run(&["audit", "verify", "none.jsonl"]).code, 1);
}

/// Goal: an export is what was chained, never half a file, and never in the place of another one unless that is asked for.
/// Method: export twice, then with force, then to where nothing can be written.
#[test]
fn an_export_of_lines() {
    let home = Home::new();
    let server = agent(&lines(250), None);
    let export = |arguments: &[&str]| {
        home.run(&[&["audit", "export", "--format", "jsonl", "--agent", &server.url], arguments].concat())
    };
    let ran = export(&["--out", "audit.jsonl"]);
    assert!(ran.code == 0 && ran.err.contains("258 entries, 1 to 258"), "{}", ran.err);
    let text = || std::fs::read_to_string(home.path().join("audit.jsonl")).unwrap();
    assert_eq!(text(), lines(250).join("\n") + "\n");
    assert_eq!(home.run(&["audit", "verify", "audit.jsonl"]).code, 0);

    let again = export(&["--out", "audit.jsonl", "--service", "shop"]);
    assert!(again.code == 1 && again.err.contains("--force"), "{}", again.err);
    assert_eq!(text().lines().count(), 258);
    assert_eq!(export(&["--out", "audit.jsonl", "--service", "shop", "--force"]).code, 0);
    assert_eq!(text().lines().count(), 8);
    assert_eq!(home.run(&["audit", "verify", "audit.jsonl", "--gaps"]).code, 0);
    assert_eq!(export(&["--out", "nowhere/audit.jsonl"]).code, 1);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "something was left behind");
}

/// A query's first column.
fn column(file: &Path, query: &str) -> Vec<String> {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare(query).unwrap();
    let texts = statement.query_map([], |row| row.get(0)).unwrap();
    texts.map(Result::unwrap).collect()
}

/// Goal: the database has the columns that plans ask for, one row for each entry, and the end of an execution is a FAILOVER
/// with what was measured. Method: queries as an auditor writes them; then the chain, from the database itself.
#[test]
fn an_export_as_a_database() {
    let home = Home::new();
    let server = agent(&lines(3), None);
    let ran =
        home.run(&["audit", "export", "--format", "sqlite", "--out", "audit.db", "--agent", &server.url]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let file = home.path().join("audit.db");
    let columns = column(&file, "SELECT CAST(name AS TEXT) FROM pragma_table_info('dr_audit_log')");
    let wanted =
        "id event_type event_description initiated_by timestamp duration_minutes success metrics notes";
    assert_eq!(columns.join(" "), wanted);
    let told = column(
        &file,
        "SELECT format('%s|%s|%s|%s|%s|%s|%s|%s|%s', event_type, event_description, initiated_by, strftime('%H:%M:%S', \
         timestamp), duration_minutes, success, metrics->>'rto', metrics->>'rpo', notes) \
         FROM dr_audit_log WHERE event_type IN ('FAILOVER', 'REFUSED') ORDER BY id DESC LIMIT 2",
    );
    assert_eq!(
        told,
        [
            "FAILOVER|failover us-east-1 -> us-west-2 of shop, execution shop-3: succeeded, recovery time 1m12s|ada|\
             07:58:31|1|1|72.0|2.0|us-east-1 <loses> packets",
            "REFUSED|refused (no_scenario): no scenario of the policy runs a plan when the active region is down|us-west-2|07:58:24||0|||",
        ]
    );
    assert_eq!(
        column(&file, "SELECT CAST(count(*) AS TEXT) FROM dr_audit_log NATURAL JOIN dr_audit_chain"),
        ["11"]
    );
    let ran = home.run(&["audit", "verify", "audit.db"]);
    assert!(ran.code == 0 && ran.out.contains("11 entries, 1 to 11"), "{}{}", ran.out, ran.err);
}

/// Goal: an agent's own file is exported without an agent; a chain that is broken is exported, and said to be. Method: such
/// files, and nobody to ask.
#[test]
fn an_export_of_a_file() {
    let home = Home::new();
    let mut lines = lines(3);
    home.write("audit.jsonl", &(lines.join("\n") + "\n"));
    let export = |out: &str| {
        home.run(&[
            "audit",
            "export",
            "--format",
            "sqlite",
            "--from",
            "audit.jsonl",
            "--out",
            out,
            "--agent",
            "127.0.0.1:1",
        ])
    };
    let ran = export("good.db");
    assert_eq!(ran.code, 0, "{}", ran.err);
    // What only an agent knows is not known.
    let told = "SELECT coalesce(metrics->>'rto', 'not known') || ' ' || (metrics->>'rpo') FROM dr_audit_log WHERE event_type = 'FAILOVER'";
    assert_eq!(column(&home.path().join("good.db"), told), ["not known 2.0"]);
    lines[4] = lines[4].replace("ada", "eve");
    home.write("audit.jsonl", &(lines.join("\n") + "\n"));
    let ran = export("bad.db");
    assert!(
        ran.code == 1 && ran.err.contains("the audit's chain is broken: entry 5 was changed"),
        "{}",
        ran.err
    );
    assert_eq!(home.run(&["audit", "verify", "bad.db"]).code, 1);
}

/// Goal: what the document says about checking the chain without us is true. Method: its program, on a good export and on an
/// edited one.
#[test]
fn the_documents_own_program_agrees() {
    let document = include_str!("../../../deploy/RECORD.md");
    let program = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let home = Home::new();
    home.write("check.py", program);
    let check = |lines: &[String]| {
        home.write("audit.jsonl", &(lines.join("\n") + "\n"));
        let mut python = std::process::Command::new("python3");
        let output = python.args(["check.py", "audit.jsonl"]).current_dir(home.path()).output().unwrap();
        Ran::from(output)
    };
    let mut lines = lines(3);
    let good = check(&lines);
    assert!(good.code == 0 && good.out.contains("11 entries, 1 to 11"), "{}{}", good.out, good.err);
    lines[5] = lines[5].replace("us-east-1", "us-east-9");
    let bad = check(&lines);
    assert!(bad.code == 1 && bad.err.contains("entry 6"), "{}{}", bad.out, bad.err);
}
