//! The two kinds of document as their writers meet them. Bad inputs are files in `invalid/`, each one case with the
//! expected text beside it; good ones are the examples.
#![expect(clippy::disallowed_methods, reason = "the cases are files; only the crate itself reads none")]
#![expect(clippy::unwrap_used, reason = "in a test a failed unwrap is the finding")]

use proptest::prelude::*;
use quorate_policies::{
    document::{self, Problem},
    policy::Policy,
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// All YAML files of a folder of this crate, by name, without the `.agent.yaml` companions.
fn cases(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".agent.yaml"))
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

/// What a bad input is told. The name says what the file is.
fn problems_of(name: &str, text: &str) -> Vec<Problem> {
    let file = format!("{name}.yaml");
    match name.split_once('-').unwrap().0 {
        "policy" => document::read_policy(&file, text).expect_err(name),
        "agent" => document::read_agent_file(&file, text).expect_err(name),
        "together" => {
            let agent = format!("{}/tests/invalid/{name}.agent.yaml", env!("CARGO_MANIFEST_DIR"));
            let agent = document::read_agent_file("agent.yaml", &fs::read_to_string(agent).unwrap()).unwrap();
            let policy = document::read_policy(&file, text).unwrap();
            document::locate(&file, text, document::check_together(&policy, &agent))
        }
        other => panic!("{name}: no kind of case is called {other}"),
    }
}

/// Goal: every mistake is told with its place, what is wrong and a mend. Method: one file for each mistake, compared
/// with the text that a person would read.
#[test]
fn every_bad_input_is_told_where_what_and_how_to_mend_it() {
    for (name, text) in cases("tests/invalid") {
        let problems = problems_of(&name, &text);
        assert!(!problems.is_empty(), "{name} has no problem");
        let lines = text.lines().count().max(1) as u64;
        for problem in &problems {
            assert!(
                (1..=lines + 1).contains(&problem.line) && problem.column > 0,
                "{name}: {problem} has no place"
            );
            assert!(!problem.mend.is_empty() && !problem.message.is_empty(), "{name}: {problem} has no mend");
        }
        assert!(
            problems.is_sorted_by_key(|problem| (problem.line, problem.column)),
            "{name} is out of order"
        );
        let told = problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n");
        insta::with_settings!({
            snapshot_path => "invalid", prepend_module_to_snapshot => false, omit_expression => true,
        }, { insta::assert_snapshot!(name, told) });
    }
}

/// Goal: each bad input has the one mistake that its name says. Method: nearly all name exactly one problem; the few
/// that show several at once are listed.
#[test]
fn each_bad_input_has_one_mistake() {
    let several = [
        "agent-traces",
        "policy-many-problems",
        "policy-fall-and-rise-zero",
        "policy-webhook",
        "policy-verify-url",
        "together-two-voters",
    ];
    for (name, text) in cases("tests/invalid") {
        let count = problems_of(&name, &text).len();
        assert_eq!(count > 1, several.contains(&name.as_str()), "{name} has {count} problems");
    }
}

/// Goal: a document larger than the limit is refused before it is read. Method: one byte too many, of comments.
#[test]
fn a_huge_document_is_refused() {
    let text = "#".repeat(document::DOCUMENT_BYTES_MAX + 1);
    let problems = document::read_policy("huge.yaml", &text).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "huge.yaml:1:1: the document has 262145 bytes, more than 262144; split it into one policy for each service"
    );
}

/// Goal: deep nesting and aliases that multiply are refused, not followed. Method: the two classic attacks.
#[test]
fn attacks_by_nesting_and_aliases_are_refused() {
    let laughs: String =
        (1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    for text in
        ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000), format!("a0: &a0 [x]\n{laughs}")]
    {
        assert_eq!(document::read_policy("attack.yaml", &text).unwrap_err().len(), 1);
    }
}

/// Goal: every example reads without a problem and suits the three agents that its comments speak of. Method: read all.
#[test]
fn every_example_is_sound() {
    let agents = document::read_agent_file("agent.yaml", AGENT).unwrap();
    let examples = cases("examples");
    assert!(examples.iter().any(|(name, _)| name == "starter"));
    for (name, text) in examples {
        let policy = document::read_policy(&name, &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        if name == "starter" {
            assert_eq!(document::check_together(&policy, &agents), []);
        }
    }
}

/// Goal: what deploy/EXEC.md shows is what the parser reads, and its agent's file allows all of its steps. Method: every block
/// as it stands there, the steps together in one plan.
#[test]
fn the_ready_made_commands_are_sound() {
    let text = include_str!("../../deploy/EXEC.md");
    let mut blocks = text.split("```yaml").skip(1).map(|block| block.split_once("\n```").unwrap().0);
    let agent = blocks.next().unwrap().strip_prefix(" agent\n").unwrap();
    let own: String = AGENT
        .lines()
        .filter(|l| !l.starts_with("exec:") && !l.starts_with("http:"))
        .map(|l| format!("{l}\n"))
        .collect();
    let agent = document::read_agent_file("agent.yaml", &format!("{own}{agent}\n")).unwrap();
    let steps: String = blocks.flat_map(str::lines).map(|line| format!("      {line}\n")).collect();
    assert!(steps.matches("exec:").count() >= 8 && steps.contains("http:"));
    let policy = include_str!("../examples/starter.yaml");
    let (head, _) = policy.split_once("\nscenarios:").unwrap();
    let scenario =
        "scenarios:\n  region-loss: {when: {region: primary, is: down}, run: failover, mode: observe}\n";
    let policy = format!("{head}\n{scenario}plans:\n  failover:\n    steps:\n{steps}");
    let policy =
        document::read_policy("exec.yaml", &policy).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(document::check_together(&policy, &agent), []);
}

/// Goal: what the starter shows in a comment can be taken into use as it stands. Method: take the comment's signs away, and name the
/// channels in the agent's file.
#[test]
fn the_starters_channels_are_sound() {
    let starter = include_str!("../examples/starter.yaml");
    let shown: Vec<&str> = starter.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let shown: String =
        shown.iter().skip_while(|line| **line != "channels:").map(|line| format!("  {line}\n")).collect();
    let written = starter.replace("communication:\n", &format!("communication:\n{shown}"));
    let policy =
        document::read_policy("starter.yaml", &written).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let of = &policy.communication;
    assert_eq!((of.channels.len(), of.tell.len(), of.escalation.len()), (2, 1, 1));
}

/// Goal: the option that the example shows in a comment is one. Method: take the comment's sign away.
#[test]
fn the_examples_heartbeat_is_sound() {
    let (name, text) = cases("examples").into_iter().find(|(name, _)| name == "aws").unwrap();
    let shown = text.replace("# heartbeat: {", "heartbeat: {");
    assert_ne!(shown, text);
    let policy = document::read_policy(&name, &shown).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let written = serde_json::to_string(&policy).unwrap();
    assert!(
        written.contains(r#""port":5432"#) && written.contains(r#""table":"quorate_heartbeat""#),
        "{written}"
    );
}

/// An agent's file with every key.
const AGENT: &str = r#"
name: us-east-1-a
region: us-east-1
data_dir: data
listen: 127.0.0.1:7950
allow_remote_api: false
signal_listen: "0.0.0.0:7952"
peer_listen: 0.0.0.0:7951
cluster: quorate
members:
  us-east-1-a: {region: us-east-1, address: "10.0.0.1:7951", signal: "203.0.113.1:7952"}
  us-west-2-a: {region: us-west-2, address: "[2001:db8::1]:7951"}
  eu-west-1-a: {region: eu-west-1, address: "witness.example.com:7951"}
timing: wan
tls: {ca: ca.pem, certificate: agent.pem, key: agent-key.pem}
operator_token_file: operator.token
resolvers: ["127.0.0.1:5353"]
probe_ca: ca.pem
aws:
  endpoints: {regional: {us-east-1: "http://127.0.0.1:5000"}, services: {rds: {us-east-1: "http://127.0.0.1:5001"}}, route53: "http://127.0.0.1:5000"}
postgres: {password_file: postgres.password, ca_file: rds.pem, tls: verify-full}
backups: {programs: /usr/lib/postgresql/15/bin, restore_from: [/backups], redis_dirs: [/var/lib/redis], sync_to: [/backups/recovered]}
tsig: {quorate.example.com: {algorithm: hmac-sha512, secret_file: tsig.secret}}
exec: {programs: {kubectl: /usr/bin/kubectl}, dir: /srv/dr, pass_env: [PATH], policy_env: [DUMP], secrets: {TOKEN: a.token}}
http: {servers: {"https://search.example.com:9200": {secrets: {AUTH: search.auth}}}}
statuspage: {url: "https://api.statuspage.io", token_file: statuspage.token}
channels: {chat: {slack: {url: "https://slack.com/api", token_file: a, webhook_file: b}}, on-call: {pagerduty: {url: "https://events.pagerduty.com", key_file: a}}, mail: {smtp: {host: smtp.example.com, port: 587, tls: implicit, ca_file: a, user: q, password_file: b}}, alerts: {alertmanager: {urls: ["http://127.0.0.1:9093"], token_file: a}}, page: {statuspage: {url: "https://api.statuspage.io", token_file: a}}, events: {webhook: {secret_file: a, url: "https://h.example.com"}}}
webhooks: {ops: {secret_file: ops.secret, url: "http://127.0.0.1:9"}}
log: {format: json, level: debug}
traces: {endpoint: "https://collector.example.com:4318/v1/traces", headers: {authorization: otlp.header}}
"#;

/// Goal: an agent's file keeps what it says and fills in what it does not. Method: one with every key, through JSON and
/// back, and the smallest one.
#[test]
fn an_agent_file_keeps_what_it_says() {
    let agent = document::read_agent_file("agent.yaml", AGENT).unwrap();
    let written = serde_json::to_string(&agent).unwrap();
    assert_eq!(document::read_agent_file("agent.json", &written), Ok(agent));
    let smallest = "name: a\nregion: r\nmembers: {a: {region: r, address: '127.0.0.1:7951'}}\n\
                    tls: {ca: a, certificate: b, key: c}\noperator_token_file: d\n";
    let smallest = document::read_agent_file("agent.yaml", smallest).unwrap();
    assert_eq!(smallest.listen.to_string(), "127.0.0.1:7950");
    assert_eq!(smallest.timing, quorate_policies::policy::Timing::Wan);
}

/// Checks a document against a schema: known and required names, single values where one is meant, words of a list.
fn conforms(root: &Value, node: &Value, value: &Value, place: &str) {
    if let Some(choices) = node["anyOf"].as_array() {
        return conforms(root, &choices[0], value, place);
    }
    if let Some(reference) = node["$ref"].as_str() {
        return conforms(root, root.pointer(&reference[1..]).unwrap(), value, place);
    }
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let known = node["properties"].get(key).or_else(|| {
                    node["additionalProperties"].as_object().map(|_| &node["additionalProperties"])
                });
                let known = known.unwrap_or_else(|| panic!("{place}.{key} is not in the schema"));
                conforms(root, known, field, &format!("{place}.{key}"));
            }
            for required in node["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(required.as_str().unwrap()), "{place} lacks {required}");
            }
        }
        Value::Array(items) => items.iter().for_each(|item| conforms(root, &node["items"], item, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let words = node["oneOf"]
                .as_array()
                .map(|words| words.iter().map(|word| word["const"].clone()).collect());
            let words: Option<Vec<Value>> = words.or_else(|| node["enum"].as_array().cloned());
            assert!(
                words.is_none_or(|words| words.contains(value)),
                "{place}: {value} is not a word of the schema"
            );
            assert!(
                node["type"] != "object" && node["type"] != "array",
                "{place}: {value} is a single value"
            );
        }
    }
}

/// Goal: an editor that follows the schemas accepts what the reader accepts. Method: every example and its explained
/// form, where every setting occurs, and an agent's file with every key.
#[test]
fn the_schemas_know_what_the_reader_knows() {
    let schema = document::schema_policy();
    assert_eq!(schema["title"], "Quorate policy");
    for (name, text) in cases("examples") {
        let policy = document::read_policy(&name, &text).unwrap();
        for text in [text, document::explain(&policy)] {
            conforms(&schema, &schema, &serde_saphyr::from_str(&text).unwrap(), &name);
        }
    }
    let schema = document::schema_agent();
    let agent: Value = serde_saphyr::from_str(AGENT).unwrap();
    conforms(&schema, &schema, &agent, "agent");
    let names =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&schema["properties"]), names(&agent), "the sample has every key of the schema");
}

/// Goal: every setting in the schemas is described, because the mends quote the descriptions. Method: walk both.
#[test]
fn every_setting_is_described() {
    for schema in [document::schema_policy(), document::schema_agent()] {
        let mut open = vec![&schema];
        while let Some(node) = open.pop() {
            for (key, setting) in node["properties"].as_object().into_iter().flatten() {
                let target =
                    setting["$ref"].as_str().map(|reference| schema.pointer(&reference[1..]).unwrap());
                let described = setting
                    .get("description")
                    .or_else(|| target.and_then(|target| target.get("description")));
                assert!(described.is_some(), "{key} is not described");
            }
            open.extend(node["$defs"].as_object().into_iter().flat_map(|definitions| definitions.values()));
        }
    }
}

/// Goal: checking stays quick for any text that is small enough to be read. Method: documents that multiply (regions by
/// probes, long words, long chains of needs) give few problems, or one.
#[test]
fn large_documents_give_few_problems() {
    let head = "service: s\nscenarios: {}\n";
    let regions: String = (0..3_000).map(|n| format!("  r{n}: {{role: standby}}\n")).collect();
    let probes: String = (0..3_000).map(|n| format!("  p{n}: {{http: \"https://{{x}}/\"}}\n")).collect();
    let wide = format!("{head}plans: {{}}\nregions:\n{regions}probes:\n{probes}");
    let steps: String = (1..3_000)
        .map(|n| format!("      s{n}: {{verify.probes: {{through: 'http://a'}}, needs: [s{}]}}\n", n - 1))
        .collect();
    let deep = format!("{head}regions: {{}}\nprobes: {{}}\nplans:\n  p:\n    steps:\n{steps}");
    let long = format!(
        "{head}plans: {{}}\nregions: {{a: {{role: primary, vars: {{{}: x}}}}}}\nprobes: {{p: {{http: '{{{}}}'}}}}\n",
        "v".repeat(100_000),
        "w".repeat(100_000)
    );
    for text in [wide, deep, long] {
        let problems = document::read_policy("large", &text).unwrap_err();
        assert!(problems.len() < 10, "{} problems", problems.len());
    }
}

/// Goal: what is explained says everything and reads back. Method: the starter as text, and every example back again.
#[test]
fn an_explained_policy_reads_back_equal() {
    for (name, text) in cases("examples") {
        let policy = document::read_policy(&name, &text).unwrap();
        let explained = document::explain(&policy);
        assert_eq!(document::read_policy(&name, &explained).as_ref(), Ok(&policy));
        if name == "starter" {
            insta::assert_snapshot!(explained);
        }
    }
}

/// A sound policy with settings of all kinds, some of which need quotes in YAML.
fn policies() -> impl Strategy<Value = Policy> {
    let text = prop_oneof![
        "[a-zA-Z0-9 :#'\"\\\\!&*|>%@~,.-]{1,20}",
        Just("yes".to_owned()),
        Just("1e3".to_owned()),
        Just("null".to_owned()),
        Just("a\nb\n".to_owned()),
        Just(" \t".to_owned()),
    ];
    let mode = prop_oneof![Just("observe"), Just("approval"), Just("automatic")];
    ((text.clone(), text, 1u64..5_000, 1u64..900), (1u32..9, 0u32..9, mode, proptest::option::of(1u32..9), any::<bool>()))
        .prop_map(|((var, body, seconds, timeout), (fall, retries, mode, votes, unsafe_topology))| {
            let policy = serde_json::json!({
                "service": "shop",
                "regions": {
                    "a": { "role": "primary", "vars": { "x": var } },
                    "b": { "role": "standby", "vars": { "x": var } },
                },
                "probes": { "p": {
                    "http": "https://{region}.example.com", "timeout": format!("{timeout}ms"), "fall": fall,
                    "expect": { "body": body, "status": 200 },
                } },
                "agreement": {
                    "votes": votes.map_or(serde_json::json!("majority"), |votes| serde_json::json!(votes + 1)),
                },
                "guards": { "cooldown": format!("{seconds}s") },
                "scenarios": { "s": { "when": { "region": "primary", "is": "down" }, "run": "f", "mode": mode } },
                "plans": { "f": { "steps": { "v": {
                    "verify.probes": { "through": "https://{to}.example.com" }, "retries": retries,
                } } } },
                "unsafe_topology": unsafe_topology,
            });
            serde_json::from_value(policy).unwrap()
        })
}

proptest! {
    /// Goal: no text makes the reader panic, and every "no" has a place. Method: arbitrary text, and the starter with
    /// arbitrary text put into it, because a text that is nearly right goes further.
    #[test]
    fn no_text_makes_reading_panic(text in ".{0,200}", at in 0usize..6_000, length in 0usize..80) {
        let starter = include_str!("../examples/starter.yaml");
        let start = starter.floor_char_boundary(at);
        let end = starter.floor_char_boundary(start + length);
        let nearly = format!("{}{text}{}", &starter[..start], &starter[end..]);
        for text in [&text, &nearly] {
            for problems in [document::read_policy("f", text).err(), document::read_agent_file("f", text).err()] {
                for problem in problems.into_iter().flatten() {
                    prop_assert!(problem.line > 0 && problem.column > 0, "{problem}");
                }
            }
        }
    }

    /// Goal: explaining loses nothing. Method: policies with texts that YAML would misread without quotes.
    #[test]
    fn every_explained_policy_reads_back_equal(policy in policies()) {
        let explained = document::explain(&policy);
        prop_assert_eq!(document::read_policy("f", &explained), Ok(policy), "{}", explained);
    }
}

/// Goal: what deploy/COMMUNICATION.md shows is what is read, and both sides fit. Method: its sections and its step as one policy,
/// its agent's section in an agent's file, checked together.
#[test]
fn the_pages_on_communication_are_read() {
    let page = include_str!("../../deploy/COMMUNICATION.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [communication, step, channels] = blocks.as_slice() else { panic!("{}", blocks.len()) };
    let policy = format!(
        "service: shop\nregions: {{us-east-1: {{role: primary}}, us-west-2: {{role: standby}}}}\n\
         components: {{orders: {{}}, search: {{}}}}\nprobes: {{web: {{http: 'http://a.example.com/'}}}}\n\
         agreement: {{min_vantages: 1}}\n{communication}scenarios:\n  loss: {{when: {{region: primary, is: down}}, run: failover}}\n\
         plans:\n  failover:\n    steps:\n      promote: {{verify.probes: {{through: 'http://a'}}}}\n      {step}"
    );
    let read =
        document::read_policy("page.yaml", &policy).unwrap_or_else(|problems| panic!("{policy}{problems:?}"));
    assert_eq!(read.communication.channels.len(), 6);
    let own: Vec<&str> = AGENT.lines().filter(|line| !line.starts_with("channels:")).collect();
    let agent = document::read_agent_file("page.yaml", &format!("{}\n{channels}", own.join("\n"))).unwrap();
    let unfit = document::check_together(&read, &agent);
    let unfit: Vec<String> = unfit.iter().map(|problem| problem.field.to_string()).collect();
    assert!(!unfit.iter().any(|field| field.starts_with("communication")), "{unfit:?}");
    insta::assert_snapshot!(read.communication.explained().join("\n"));
}

/// Goal: what deploy/BACKUPS.md shows is what is read. Method: its sections and steps together as one policy, and its agent's
/// section in an agent's file.
#[test]
fn the_pages_on_backups_are_read() {
    let page = include_str!("../../deploy/BACKUPS.md");
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let agents = blocks.iter().filter(|block| block.contains("restore_from"));
    let agents: String = agents.copied().collect();
    let watch = blocks.iter().find(|block| block.contains("fresh_within")).unwrap();
    let steps = blocks.iter().filter(|block| block.contains("region: \"{to}\""));
    let steps: String = steps.flat_map(|block| block.lines()).map(|line| format!("      {line}\n")).collect();
    assert_eq!(steps.matches("restore:\n").count() + steps.matches(".sql:\n").count(), 4, "{steps}");
    let policy = format!(
        "service: shop\nregions:\n  us-east-1: {{role: primary, vars: {{db: db.east.example.com}}}}\n  \
         us-west-2: {{role: standby, vars: {{db: db.west.example.com}}}}\ncomponents: {{database: {{}}}}\n\
         probes: {{web: {{http: 'http://{{db}}/'}}}}\nagreement: {{min_vantages: 1}}\n{watch}\
         scenarios:\n  loss: {{when: {{region: primary, is: down}}, run: failover}}\n\
         plans:\n  failover:\n    steps:\n      stop-redis: {{verify.probes: {{through: 'http://a'}}}}\n{steps}"
    );
    let read =
        document::read_policy("page.yaml", &policy).unwrap_or_else(|problems| panic!("{policy}{problems:?}"));
    assert_eq!((read.backups.len(), read.plans.values().next().unwrap().steps.len()), (5, 5));
    let file = AGENT.lines().filter(|line| !line.starts_with("backups:")).collect::<Vec<_>>().join("\n");
    document::read_agent_file("page.yaml", &format!("{file}\n{agents}")).unwrap();
}
