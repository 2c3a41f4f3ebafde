//! `quorate signal` as a process, against the sandbox's Route 53 and agents that only say stay or leave.

use crate::{
    quorate::{Home, Ran},
    server::{Reply, Server},
};
use quorate_sandbox::{Endpoints, Options, Sandbox, Timing};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// What Route 53 keeps apart by name, so that nothing looks at loopback by number.
const AGENTS: &str = "agents.shop.test";

/// A sandbox, three agents, and a home with the files that name them.
struct Bench {
    sandbox: Sandbox,
    home: Home,
    agents: Vec<Server>,
}

impl Bench {
    async fn start() -> Self {
        let timing = Timing { health_check_ms: 60, dns_pending_ms: 100, ..Timing::default() };
        let sandbox = Sandbox::start(Options { timing, ..Options::default() }).await.unwrap();
        let agents = (0..3).map(|_| Server::start(|_, _| Reply::Json(404, "{}".into()))).collect();
        let bench = Self { sandbox, home: Home::new(), agents };
        let set = "<Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>127.0.0.1</Value></ResourceRecord></ResourceRecords>";
        bench.upsert(&format!("<Name>{AGENTS}</Name>{set}"));
        bench.home.write("policy.yaml", &bench.policy());
        bench.home.write("agent.yaml", &bench.agent());
        bench
    }

    fn endpoints(&self) -> &Endpoints {
        self.sandbox.endpoints()
    }

    fn policy(&self) -> String {
        let service = &self.endpoints().service;
        let region = |name: &str, role: &str| {
            let alias = &service.aliases[name];
            format!("  {name}: {{role: {role}, vars: {{alb: {}, zone: {}}}}}\n", alias.target, alias.zone)
        };
        format!(
            "service: shop\n\
             objectives: {{rto: 5m, rpo: 1m}}\n\
             regions:\n{}{}\
             components: {{web: {{priority: critical}}}}\n\
             probes: {{web: {{component: web, http: 'http://{{alb}}/health'}}}}\n\
             agreement: {{min_vantages: 1}}\n\
             scenarios: {{loss: {{when: {{region: primary, is: down}}, run: failover, mode: observe}}}}\n\
             plans:\n\
            \x20 failover:\n\
            \x20   steps:\n\
            \x20     traffic:\n\
            \x20       route53.signal:\n\
            \x20         region: '{{to}}'\n\
            \x20         record: {{zone: {}, name: {}, alias: '{{to.alb}}', alias_zone: '{{to.zone}}'}}\n",
            region("us-east-1", "primary"),
            region("us-west-2", "standby"),
            service.zone,
            service.record
        )
    }

    fn agent(&self) -> String {
        let member = |(index, region): (usize, &str)| {
            let port = self.agents[index].url.rsplit_once(':').unwrap().1;
            format!(
                "  {region}: {{region: {region}, address: '10.0.0.{index}:7951', signal: '{AGENTS}:{port}'}}\n"
            )
        };
        let members: String =
            ["us-east-1", "us-west-2", "eu-west-1"].into_iter().enumerate().map(member).collect();
        format!(
            "name: us-west-2\nregion: us-west-2\nmembers:\n{members}\
             tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n\
             aws: {{endpoints: {{route53: '{}'}}}}\n",
            self.endpoints().vantages["us-west-2"].route53
        )
    }

    /// Runs the binary on the files.
    fn quorate(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(arguments);
        command.args(["--config", "agent.yaml", "--policy", "policy.yaml"]);
        command.env("AWS_ACCESS_KEY_ID", "AKIASANDBOX").env("AWS_SECRET_ACCESS_KEY", "secret");
        command.output().unwrap().into()
    }

    /// Calls Route 53's API, as a colleague with another tool would.
    fn route53(&self, method: &str, path: &str, body: &str) -> String {
        let base = &self.endpoints().vantages["internet"].route53;
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let signed = "AWS4-HMAC-SHA256 Credential=AKIACOLLEAGUE/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0";
        let length = body.len();
        let request = format!(
            "{method} /2013-04-01/{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {signed}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        answer
    }

    /// Changes a record behind the signal's back.
    fn upsert(&self, set: &str) {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
             <Action>UPSERT</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        self.route53("POST", &format!("hostedzone/{}/rrset", self.endpoints().service.zone), &body);
    }

    /// One of the sets of the service's record, with another health check.
    fn watched_by(&self, role: &str, region: &str, check: &str) -> String {
        let service = &self.endpoints().service;
        let alias = &service.aliases[region];
        format!(
            "<Name>{}</Name><Type>A</Type><SetIdentifier>{region}</SetIdentifier><Failover>{role}</Failover>\
             <AliasTarget><HostedZoneId>{}</HostedZoneId><DNSName>{}</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>\
             <HealthCheckId>{check}</HealthCheckId>",
            service.record, alias.zone, alias.target
        )
    }

    /// How many of Route 53's things were changed so far.
    async fn changes(&self) -> usize {
        let base = &self.endpoints().control;
        let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
        stream
            .write_all(b"GET /control/effects HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.matches("\"operation\"").count()
    }
}

/// A text with what differs from run to run by its kind: ports, ids and references, which are made from ports.
fn plain(text: &str) -> String {
    let hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kind = |word: &str| match word.len() {
        36 if word.matches('-').count() == 4 => Some("ID"),
        24 if hex(word) => Some("AGENT"),
        // The ports that a system gives away have five digits.
        5 => word.parse::<u16>().is_ok().then_some("PORT"),
        _ => None,
    };
    let (mut plain, mut word) = (String::new(), String::new());
    for c in text.trim_end().chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            plain.push_str(kind(&word).unwrap_or(&word));
            word.clear();
            plain.push(c);
        }
    }
    plain
}

/// Goal: `--print` tells what would be made, as sentences and as commands of the AWS CLI, and changes nothing; without a
/// terminal and without `--yes` nothing is changed either. Method: both, with the world's own record of changes.
#[tokio::test(flavor = "multi_thread")]
async fn print_changes_nothing() {
    let bench = Bench::start().await;
    let before = bench.changes().await;
    let ran = bench.quorate(&["signal", "setup", "shop", "--print"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!(plain(&ran.out));
    let document = bench.quorate(&["signal", "setup", "shop", "--print", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
    assert_eq!(document["applied"], false);
    let commands: Vec<_> = document["records"][0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["command"].as_str().unwrap_or("-"))
        .collect();
    let create = "create-health-check";
    assert_eq!(commands, [create, create, create, create, "-", "change-resource-record-sets"]);

    let unasked = bench.quorate(&["signal", "setup", "shop"]);
    assert_eq!((unasked.code, unasked.out.as_str()), (2, ""));
    assert!(unasked.err.contains("there is no terminal to ask at; add --yes"), "{}", unasked.err);
    assert_eq!(bench.changes().await, before);
    bench.sandbox.shutdown().await;
}

/// Goal: a setup tells each change and leaves a signal that is sound; a second one changes nothing. Method: set up, check,
/// set up again, with the world's own record of changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_setup_changes_nothing() {
    let bench = Bench::start().await;
    let missing = bench.quorate(&["signal", "check", "shop"]);
    assert_eq!(missing.code, 1, "a simple record follows nothing: {}", missing.out);
    let ran = bench.quorate(&["signal", "setup", "shop", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    insta::assert_snapshot!(plain(&format!("{}--- on standard error\n{}", ran.out, ran.err)));
    let checked = bench.quorate(&["signal", "check", "shop"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    insta::assert_snapshot!(plain(&checked.out));

    let before = bench.changes().await;
    let again = bench.quorate(&["signal", "setup", "shop"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""), "and nobody is asked");
    assert!(again.out.contains("It is set up; there is nothing to change."), "{}", again.out);
    assert_eq!(bench.changes().await, before);
    bench.sandbox.shutdown().await;
}

/// Goal: `check` finds records that flip, and would fail back, by themselves, and `setup` mends them. Method: a colleague
/// gives both sets another health check and lets both aliases evaluate their targets.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_fail_back_by_themselves_are_found() {
    let bench = Bench::start().await;
    assert_eq!(bench.quorate(&["signal", "setup", "shop", "--yes"]).code, 0);
    let listed = bench.route53("GET", "healthcheck", "");
    let checks = listed.split("<HealthCheck>").skip(1);
    let check = checks.into_iter().find(|check| check.contains("<Type>HTTP</Type>")).unwrap();
    let id = check.split("<Id>").nth(1).and_then(|rest| rest.split("</Id>").next()).unwrap();
    bench.upsert(&bench.watched_by("PRIMARY", "us-east-1", id));
    bench.upsert(&bench.watched_by("SECONDARY", "us-west-2", id));

    let found = bench.quorate(&["signal", "check", "shop"]);
    assert_eq!((found.code, found.err.as_str()), (1, ""));
    insta::assert_snapshot!(plain(&found.out));
    let document = bench.quorate(&["signal", "check", "shop", "-o", "json"]);
    assert_eq!(document.code, 1);
    let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
    assert_eq!(
        document["records"][0]["findings"].as_array().unwrap().len(),
        found.out.matches("\n  ").count() / 2
    );

    let mended = bench.quorate(&["signal", "setup", "shop", "--yes"]);
    assert_eq!(mended.code, 0, "{}", mended.err);
    let checked = bench.quorate(&["signal", "check", "shop"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    bench.sandbox.shutdown().await;
}

/// Goal: what the files do not say is told with file, line, field and mend; a setup that would move traffic is refused; and
/// an AWS that is not there is named. Method: one slip each.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told() {
    let bench = Bench::start().await;
    let mut said = Vec::new();
    let mut run = |arguments: &[&str]| {
        let ran = bench.quorate(arguments);
        said.push(format!("{} {}", ran.code, ran.err));
    };
    run(&["signal", "check", "billing"]);
    bench.home.write("agent.yaml", &bench.agent().replace("signal: '", "signal: 'no port "));
    run(&["signal", "check", "shop"]);
    bench.home.write("agent.yaml", &bench.agent().replacen(", signal: ", " } # ", 1));
    bench.home.write("policy.yaml", &bench.policy().replace("          record: ", "          # "));
    run(&["signal", "setup", "shop"]);
    bench.home.write("agent.yaml", &bench.agent());
    let swapped =
        bench.policy().replace("role: primary", "role: X").replace("role: standby", "role: primary");
    bench.home.write("policy.yaml", &swapped.replace("role: X", "role: standby"));
    run(&["signal", "setup", "shop", "--yes"]);
    bench.home.write("policy.yaml", &bench.policy());
    bench.sandbox.shutdown().await;
    let ran =
        bench.home.command(&["signal", "check", "shop", "--config", "agent.yaml", "--policy", "policy.yaml"]);
    let ran: Ran =
        { ran }.env("AWS_ACCESS_KEY_ID", "A").env("AWS_SECRET_ACCESS_KEY", "s").output().unwrap().into();
    assert!(
        ran.code == 1 && ran.err.starts_with("quorate: cannot read what stands for www.shop.test"),
        "{}",
        ran.err
    );
    insta::assert_snapshot!(plain(&said.join("\n")));
}
