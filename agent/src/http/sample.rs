//! A small world for the tests of what people see: one service in two regions, three agents, and a failover in its midst.

use crate::shell::{BackupCheck, PlanCheck, ProbeSeen};
use quorate_core::{
    Body, Cluster, Command, Input, Node, NodeSettings, ServiceState, Standing, StepOutcome,
    node::{Now, explain::Explanation},
};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Millis, Monotonic, Policy, RegionName, Timestamp,
    agreement::{ReplicaLag, Report, ServiceReport, TargetReport, policy_hash},
    backup::{BackupJudgement, BackupState},
    document::{AgentFile, read_agent_file, read_policy},
    guard::{Hold, Trigger},
    health::{FailureReason, Verdict},
    plan::{
        Plan,
        expand::{Inputs, expand},
    },
    postgres::{Database, DatabaseRole, Lsn},
    readiness::{Finding, FindingSeverity},
};
use quorate_probes::{Outcome, Phases, ProbeResult};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// 2023-11-14T22:13:20Z.
const START: u64 = 1_700_000_000_000;

const POLICY: &str = r#"
service: shop
objectives: {rto: 15m, rpo: 1m}
regions:
  us-east-1: {role: primary, vars: {name: east, alb: east.example.com}}
  us-west-2: {role: standby, vars: {name: west, alb: west.example.com}}
probes:
  web: {http: "https://{alb}/health"}
agreement: {min_vantages: 2, dwell: 60s}
scenarios:
  region-loss: {when: {region: primary, is: down}, run: failover, mode: automatic}
plans:
  failover:
    steps:
      announce: {statuspage.incident: {page: abc, status: investigating}, on_error: continue, timeout: 30s}
      fence: {ecs.scale: {region: "{from}", cluster: "{from.name}", service: web, desired: 0}, near: from, retries: 0, on_error: continue}
      promote: {rds.promote_read_replica: {region: "{to}", instance: "{to.name}-db"}, needs: [fence]}
      warm: {ecs.scale: {region: "{to}", cluster: "{to.name}", service: web, desired: 6}, needs: [fence]}
      repoint: {route53.repoint: {zone: Z1, record: shop.example.com, values: [192.0.2.1]}, needs: [promote, warm]}
      verify: {verify.probes: {through: "https://shop.example.com/health"}, needs: [repoint]}
communication:
  webhooks: [{name: ops, url: "https://hooks.example.com/quorate"}]
"#;

const FILE: &str = "
name: a
region: us-east-1
cluster: prod
listen: 127.0.0.1:7950
operator_token_file: token
tls: {ca: ca.pem, certificate: agent.pem, key: agent.key}
members:
  a: {region: us-east-1, address: 127.0.0.1:7951}
  b: {region: us-west-2, address: 127.0.0.1:7961}
  c: {region: eu-west-1, address: 127.0.0.1:7971}
";

pub(crate) fn agent_file() -> AgentFile {
    read_agent_file("agent.yaml", FILE).expect("the sample is an agent's file")
}

pub(crate) fn policy() -> Policy {
    read_policy("policy.yaml", POLICY).expect("the sample is a policy")
}

pub(crate) fn policy_text() -> &'static str {
    POLICY
}

pub(crate) fn plan() -> Plan {
    let (from, to) = ("us-east-1".parse().unwrap(), "us-west-2".parse().unwrap());
    expand(&policy(), &"failover".parse().unwrap(), &from, &to, &Inputs::new()).unwrap()
}

pub(crate) fn hold() -> Hold {
    let until = Some(Timestamp(START + 1_800_000));
    Hold { by: "ann".into(), reason: "maintenance".into(), since: Timestamp(START), until }
}

pub(crate) fn members() -> BTreeMap<AgentName, RegionName> {
    let member = |(agent, region): (&str, &str)| (agent.parse().unwrap(), region.parse().unwrap());
    [("a", "us-east-1"), ("b", "us-west-2"), ("c", "eu-west-1")].into_iter().map(member).collect()
}

/// Applies one command after another, a second apart.
pub(crate) fn apply(cluster: &mut Cluster, body: Body) -> quorate_core::Response {
    let at = Timestamp(cluster.clock.0.max(START) + 1_000);
    let id = format!("test/{}", at.0);
    cluster.apply(&Command::new(id, at, "a".parse().unwrap(), body))
}

/// The members are set and the policy is in force.
pub(crate) fn formed() -> Cluster {
    let mut cluster = Cluster::default();
    apply(&mut cluster, Body::SetMembers { members: members() });
    let actor = quorate_core::Actor { name: "ann".into(), reason: "first policy".into() };
    apply(&mut cluster, Body::apply_policy(policy(), actor));
    cluster
}

/// A node of agent `a`, which leads, in a formed cluster, in which every agent reports these verdicts.
pub(crate) fn node(east: Verdict, west: Verdict, reporting: &[&str]) -> (Node, Now) {
    let now = Now { mono: Monotonic(5_000), wall: Timestamp(START + 10_000) };
    let settings = NodeSettings {
        name: "a".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        members: members(),
        incarnation: 1,
        feature_level: FEATURE_LEVEL,
        report_interval: Millis(1_000),
        lost_after: Millis(2_500),
    };
    let mut node = Node::new(settings, now);
    node.step(now, Input::Applied(Arc::new(formed())));
    let me = Some("a".parse().unwrap());
    node.step(
        now,
        Input::Standing(Standing {
            term: 3,
            leader: me,
            is_leader: true,
            has_quorum: true,
            ..Standing::default()
        }),
    );
    for agent in reporting {
        node.step(now, Input::Heard(report(agent, east, west)));
    }
    (node, now)
}

fn report(agent: &str, east: Verdict, west: Verdict) -> Report {
    let target = |verdict| TargetReport {
        verdict,
        armed: true,
        failing_for: (verdict == Verdict::Down).then_some(Millis(4_000)),
        reason: (verdict == Verdict::Down).then_some(FailureReason::ConnectTimeout),
    };
    let targets = [("web/us-east-1", target(east)), ("web/us-west-2", target(west))];
    let targets =
        targets.into_iter().map(|(name, report)| (name.to_owned().try_into().unwrap(), report)).collect();
    let lags = vec![ReplicaLag {
        replica: "us-west-2/west-db".into(),
        behind: Millis(1_000),
        measured: Millis(20_000),
        bytes: None,
        confirmed: false,
    }];
    let service = ServiceReport { policy_hash: policy_hash(&policy()), targets, lags, looks: Vec::new() };
    Report {
        agent: agent.parse().unwrap(),
        region: members()[agent].clone(),
        // Later than the node's own process, whose report of a moment ago says nothing yet.
        incarnation: 2,
        sequence: 1,
        abstains: None,
        feature_level: FEATURE_LEVEL,
        services: [("shop".parse().unwrap(), service)].into(),
    }
}

/// The primary is down for agents `a` and `b`; `c` is silent.
pub(crate) fn failing() -> (ServiceState, Explanation) {
    let (node, now) = node(Verdict::Down, Verdict::Healthy, &["a", "b"]);
    let service = "shop".parse().unwrap();
    let state = node.cluster().services.get(&service).unwrap().clone();
    (state, node.explain(now, &service).unwrap())
}

/// An operator's failover: the fence ended without an answer, the promotion runs.
pub(crate) fn executing() -> Cluster {
    let mut cluster = formed();
    let (node, now) = node(Verdict::Down, Verdict::Healthy, &["a", "b", "c"]);
    let service = || "shop".parse().unwrap();
    let decide = Body::Decide {
        service: service(),
        to: "us-west-2".parse().unwrap(),
        trigger: Trigger::Operator {
            by: "ann".into(),
            reason: "region lost".into(),
            accept_data_loss: false,
            ungraceful: false,
        },
        evidence: node.evidence_now(now, &service()),
        live: ["a".parse().unwrap()].into(),
    };
    apply(&mut cluster, decide);
    let execution = || "shop-2".to_owned();
    let step = |name: &str| name.parse().unwrap();
    apply(&mut cluster, Body::StartStep { execution: execution(), step: step("fence"), attempt: 1 });
    let outcome = StepOutcome::Unknown { reason: "no answer within 20s".into() };
    apply(
        &mut cluster,
        Body::FinishStep { execution: execution(), step: step("fence"), attempt: 1, outcome },
    );
    let proof = quorate_core::LeaseProof::Expired { waited: Millis(6_300) };
    apply(&mut cluster, Body::ReleaseLease { service: service(), epoch: 2, proof });
    apply(&mut cluster, Body::StartStep { execution: execution(), step: step("promote"), attempt: 1 });
    cluster
}

/// One finding of each severity.
pub(crate) fn plan_check() -> PlanCheck {
    let finding =
        |severity, what: &str, mend: &str| Finding::new(severity, what, mend).of(&"promote".parse().unwrap());
    PlanCheck {
        at: Timestamp(1_700_000_000_000),
        policy_hash: "abc".to_owned(),
        from: "us-east-1".parse().unwrap(),
        findings: vec![
            finding(FindingSeverity::Blocking, "west-db is stopped", "bring the replica back to `available`"),
            finding(
                FindingSeverity::Warning,
                "west-db: the class is small, of east-db large",
                "make it as large",
            ),
            finding(
                FindingSeverity::Unknown,
                "rds:DescribeDBInstances of east-db: no reply",
                "look again later",
            ),
            finding(FindingSeverity::Note, "west-db is backed up within 03:00-03:30 UTC", ""),
        ],
    }
}

/// A look at a backup that is too old.
pub(crate) fn backup_check() -> BackupCheck {
    BackupCheck {
        at: Timestamp(1_700_000_000_000),
        judgement: BackupJudgement {
            state: BackupState::Stale { within: Millis::from_secs(25 * 3_600) },
            name: Some("/backups/shop.dump".to_owned()),
            age: Some(Millis::from_secs(26 * 3_600)),
            size: Some(5_000),
            oldest: Some(Millis::from_secs(9 * 86_400)),
            notes: Vec::new(),
        },
    }
}

/// What a primary says of itself.
pub(crate) fn primary() -> Database {
    Database::new(3, DatabaseRole::Primary { written: Lsn(0x16_B374_D848) })
}

pub(crate) fn failed_probe() -> ProbeSeen {
    let target = quorate_policies::TargetName::try_from("web/us-east-1".to_owned()).unwrap();
    let mut result = ProbeResult::cancelled(target.clone());
    result.outcome =
        Outcome::Failure { reason: FailureReason::Status, detail: "503, expected 200-299".into() };
    result.http_status = Some(503);
    result.address = Some("192.0.2.7".parse().unwrap());
    let ms = |ms| Some(Duration::from_millis(ms));
    result.phases = Phases { connect: ms(2), tls: ms(8), processing: ms(30), ..Phases::default() };
    result.total = Duration::from_millis(40);
    let url = "https://east.example.com/health".to_owned();
    ProbeSeen {
        service: "shop".parse().unwrap(),
        target,
        url,
        result,
        at: Monotonic(5_000),
        certificate_expiry: None,
        timeout: Millis(800),
    }
}
