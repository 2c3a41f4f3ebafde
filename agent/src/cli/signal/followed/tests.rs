//! What the documents must say before a signal can be set up.

use super::*;
use quorate_policies::document;

const AGENT: &str = "\
name: a
region: us-east-1
members:
  a: {region: us-east-1, address: '10.0.0.1:7951', signal: 'a.agents.example.com:7952'}
  b: {region: us-west-2, address: '10.0.0.2:7951', signal: '[2001:db8::1]:7952'}
  c: {region: eu-west-1, address: '10.0.0.3:7951', signal: '203.0.113.3:7952'}
tls: {ca: a, certificate: b, key: c}
operator_token_file: d
";

const RECORD: &str =
    "{region: '{to}', record: {zone: Z1, name: www.example.com, alias: '{to.alb}', alias_zone: '{to.zone}'}}";

/// A policy of two regions with these steps in its plan.
fn policy(steps: &str) -> Policy {
    let text = format!(
        "service: shop\n\
         objectives: {{rto: 5m, rpo: 1m}}\n\
         regions:\n\
        \x20 us-east-1: {{role: primary, vars: {{alb: east.example.com, zone: ZE}}}}\n\
        \x20 us-west-2: {{role: standby, vars: {{alb: west.example.com, zone: ZW}}}}\n\
         components: {{web: {{priority: critical}}}}\n\
         probes: {{web: {{component: web, http: 'https://{{alb}}/health'}}}}\n\
         agreement: {{min_vantages: 1}}\n\
         scenarios: {{loss: {{when: {{region: primary, is: down}}, run: failover, mode: observe}}}}\n\
         plans:\n\
        \x20 failover:\n\
        \x20   steps:\n{steps}\n"
    );
    document::read_policy("policy.yaml", &text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

fn step(name: &str, signal: &str) -> String {
    format!("      {name}: {{route53.signal: {signal}}}\n")
}

fn agent(text: &str) -> AgentFile {
    document::read_agent_file("agent.yaml", text).unwrap()
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Goal: the record leads to the primary's answer at rest and to the standby's when signalled, and every agent is asked
/// where it is reached. Method: a policy that writes its answer by the region's variables.
#[test]
fn what_the_documents_say_is_wanted() {
    let found = followed(&policy(&step("signal", RECORD)), &agent(AGENT)).unwrap();
    let [Followed { wanted, role: None }] = found.as_slice() else { panic!("{found:#?}") };
    let alias =
        |name: &str, zone: &str| SetAnswer::Alias { name: name.into(), zone: zone.into(), evaluate: false };
    let site = |region: &str, answer| Site { region: region.into(), answer };
    assert_eq!(wanted.primary, site("us-east-1", alias("east.example.com", "ZE")));
    assert_eq!(wanted.standby, site("us-west-2", alias("west.example.com", "ZW")));
    let agents: Vec<_> = wanted.agents.iter().map(|a| (a.name.as_str(), a.host.as_str(), a.port)).collect();
    let at = [("a", "a.agents.example.com", 7952), ("b", "2001:db8::1", 7952), ("c", "203.0.113.3", 7952)];
    assert_eq!(agents, at);
}

/// Goal: a record that several steps name alike is one record, several records are all set up, and the step's role goes
/// with its record. Method: three steps.
#[test]
fn each_record_once() {
    let role = "      api: {route53.signal: {region: '{to}', record: {zone: Z1, name: api.example.com, values: ['{to.alb}'], type: CNAME}}, \
                role: {arn: 'arn:aws:iam::123456789012:role/dns'}}\n";
    let steps = [step("one", RECORD), step("two", RECORD), role.into()];
    let found = followed(&policy(&steps.concat()), &agent(AGENT)).unwrap();
    let mut names: Vec<_> = found.iter().map(|f| (f.wanted.record.as_str(), f.role.is_some())).collect();
    names.sort_unstable();
    assert_eq!(names, [("api.example.com", true), ("www.example.com", false)]);
    let values = |values: &str| SetAnswer::Values { values: vec![values.into()], ttl_s: 60 };
    let api = found.iter().find(|f| f.wanted.record == "api.example.com").unwrap();
    assert_eq!(api.wanted.standby.answer, values("west.example.com"));
}

/// Goal: what is missing or contradicts itself is told with its place and its mend, from both documents at once.
/// Method: one slip each.
#[test]
fn what_is_not_said() {
    let silent = AGENT.replace(", signal: '203.0.113.3:7952'", "");
    let unsaid = followed(&policy(&step("signal", "{region: '{to}'}")), &agent(&silent)).unwrap_err();
    insta::assert_snapshot!([lines(&unsaid.policy), lines(&unsaid.agent)].concat().join("\n"));

    let wrong = |steps: &str| {
        let unsaid = followed(&policy(steps), &agent(AGENT)).unwrap_err();
        assert!(unsaid.agent.is_empty());
        lines(&unsaid.policy).join("\n")
    };
    let table = [
        wrong("      promote: {rds.promote_read_replica: {region: '{to}', instance: a}}"),
        wrong(&step("signal", &RECORD.replace("'{to}'", "us-west-2"))),
        wrong(&step("signal", &RECORD.replace("{to.alb}", "x.example.com").replace("{to.zone}", "Z9"))),
        wrong(&step("signal", &RECORD.replace("www.example.com", "'{to.alb}'"))),
        wrong(&[step("one", RECORD), step("two", &RECORD.replace("{to.alb}", "x-{to.alb}"))].concat()),
    ];
    insta::assert_snapshot!(table.join("\n"));
}
