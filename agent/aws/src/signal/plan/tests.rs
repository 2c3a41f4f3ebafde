//! Plans of a signal: applied to a world of plain values, they lead there and then stop.

use quorate_policies::plan::action::RecordKind;

use super::*;
use crate::signal::{Agent, Check, CheckKind};

pub(in crate::signal) fn wanted() -> Wanted {
    let site = |region: &str, target: &str| Site { region: region.into(), answer: alias(target) };
    let agent = |name: &str, host: &str| Agent { name: name.into(), host: host.into(), port: 7400 };
    Wanted {
        service: "shop".into(),
        zone: "Z1".into(),
        record: "www.example.com".into(),
        kind: RecordKind::A,
        primary: site("us-east-1", "alb.us-east-1.example.com"),
        standby: site("us-west-2", "alb.us-west-2.example.com"),
        agents: vec![
            agent("a", "198.51.100.1"),
            agent("b", "198.51.100.2"),
            agent("c", "agent-c.example.net"),
        ],
    }
}

pub(in crate::signal) fn alias(target: &str) -> SetAnswer {
    SetAnswer::Alias { name: target.into(), zone: "Z2".into(), evaluate: false }
}

pub(in crate::signal) fn simple(target: &str) -> Set {
    let (name, answer) = ("WWW.example.com.".to_owned(), alias(target));
    Set { name, kind: RecordKind::A, identifier: None, routing: Routing::Simple, answer, check: None }
}

/// Carries changes out, as Route 53 would.
pub(in crate::signal) fn apply(existing: &mut Existing, changes: &[Change]) {
    let id = |id: &CheckId| match id {
        CheckId::Planned(reference) => CheckId::Standing(format!("id of {reference}")),
        standing @ CheckId::Standing(_) => standing.clone(),
    };
    for change in changes {
        match change {
            Change::CreateCheck { reference, config, .. } => {
                let mut config = config.clone();
                if let CheckKind::Calculated { children, .. } = &mut config.kind {
                    *children = children.iter().map(id).collect();
                }
                let (reference, id) = (reference.clone(), format!("id of {reference}"));
                existing.checks.push(Check { id, reference, config });
            }
            Change::AwaitStay { .. } => {}
            Change::ReplaceSets { deleted, created, .. } => {
                existing.sets.retain(|set| !deleted.contains(set));
                let created = created.iter().cloned();
                existing.sets.extend(created.map(|set| Set { check: set.check.as_ref().map(id), ..set }));
            }
            Change::DeleteCheck { id } => existing.checks.retain(|check| check.id != *id),
        }
    }
}

/// What stands after a setup over a simple record.
pub(in crate::signal) fn set_up() -> Existing {
    let sets = vec![simple("ALB.us-east-1.example.com.")];
    let mut existing = Existing { checks: Vec::new(), sets };
    let changes = plan(&existing, &wanted()).unwrap();
    apply(&mut existing, &changes);
    existing
}

fn text(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("{change}\n")).collect()
}

/// Goal: a simple record becomes the pair in one batch, after the checks were made and believed. Method: read the plan
/// as a person does.
#[test]
fn a_simple_record_becomes_a_pair() {
    let existing = Existing { checks: Vec::new(), sets: vec![simple("alb.us-east-1.example.com.")] };
    insta::assert_snapshot!(text(&plan(&existing, &wanted()).unwrap()), @r#"
    create health check "Quorate shop: a says leave us-east-1" (quorate/33d4fb2bdab11d95/fc83e8c36758037125e495de/1): http://198.51.100.1:7400/v1/signal/shop/us-east-1 every 10 s, turned by 3 looks, inverted
    create health check "Quorate shop: b says leave us-east-1" (quorate/33d4fb2bdab11d95/8fff716cb1d7a94d09cc4ef2/1): http://198.51.100.2:7400/v1/signal/shop/us-east-1 every 10 s, turned by 3 looks, inverted
    create health check "Quorate shop: c says leave us-east-1" (quorate/33d4fb2bdab11d95/e28d3bef93dfb3824bcfdf31/1): http://agent-c.example.net:7400/v1/signal/shop/us-east-1 every 10 s, turned by 3 looks, inverted
    create health check "Quorate shop: a majority says leave us-east-1" (quorate/33d4fb2bdab11d95/majority/1): healthy while 2 of 3 are
    wait until Route 53 has seen all 3 agents say stay
    in one batch in zone Z1:
      delete WWW.example.com. A: alias of alb.us-east-1.example.com.
      create www.example.com A, PRIMARY "us-east-1": alias of alb.us-east-1.example.com, while <id of quorate/33d4fb2bdab11d95/majority/1> is healthy
      create www.example.com A, SECONDARY "us-west-2": alias of alb.us-west-2.example.com
    "#);
}

/// Goal: the commands that are printed are what the AWS command line takes. Method: read them.
#[test]
fn the_changes_as_commands() {
    let existing = Existing { checks: Vec::new(), sets: vec![simple("alb.us-east-1.example.com.")] };
    let changes = plan(&existing, &wanted()).unwrap();
    let commands: Vec<String> = changes
        .iter()
        .filter_map(crate::signal::cli)
        .map(|(command, input)| format!("{command} {input:#}"))
        .skip(2)
        .collect();
    insta::assert_snapshot!(commands.join("\n"), @r#"
    create-health-check {
      "CallerReference": "quorate/33d4fb2bdab11d95/e28d3bef93dfb3824bcfdf31/1",
      "HealthCheckConfig": {
        "Type": "HTTP",
        "FullyQualifiedDomainName": "agent-c.example.net",
        "Port": 7400,
        "ResourcePath": "/v1/signal/shop/us-east-1",
        "RequestInterval": 10,
        "FailureThreshold": 3,
        "Inverted": true
      }
    }
    create-health-check {
      "CallerReference": "quorate/33d4fb2bdab11d95/majority/1",
      "HealthCheckConfig": {
        "Type": "CALCULATED",
        "ChildHealthChecks": [
          "<id of quorate/33d4fb2bdab11d95/8fff716cb1d7a94d09cc4ef2/1>",
          "<id of quorate/33d4fb2bdab11d95/e28d3bef93dfb3824bcfdf31/1>",
          "<id of quorate/33d4fb2bdab11d95/fc83e8c36758037125e495de/1>"
        ],
        "HealthThreshold": 2,
        "Inverted": false
      }
    }
    change-resource-record-sets {
      "HostedZoneId": "Z1",
      "ChangeBatch": {
        "Comment": "Quorate signal",
        "Changes": [
          {
            "Action": "DELETE",
            "ResourceRecordSet": {
              "Name": "WWW.example.com.",
              "Type": "A",
              "AliasTarget": {
                "HostedZoneId": "Z2",
                "DNSName": "alb.us-east-1.example.com.",
                "EvaluateTargetHealth": false
              }
            }
          },
          {
            "Action": "CREATE",
            "ResourceRecordSet": {
              "Name": "www.example.com",
              "Type": "A",
              "SetIdentifier": "us-east-1",
              "Failover": "PRIMARY",
              "AliasTarget": {
                "HostedZoneId": "Z2",
                "DNSName": "alb.us-east-1.example.com",
                "EvaluateTargetHealth": false
              },
              "HealthCheckId": "<id of quorate/33d4fb2bdab11d95/majority/1>"
            }
          },
          {
            "Action": "CREATE",
            "ResourceRecordSet": {
              "Name": "www.example.com",
              "Type": "A",
              "SetIdentifier": "us-west-2",
              "Failover": "SECONDARY",
              "AliasTarget": {
                "HostedZoneId": "Z2",
                "DNSName": "alb.us-west-2.example.com",
                "EvaluateTargetHealth": false
              }
            }
          }
        ]
      }
    }
    "#);
}

/// Goal: a setup that is repeated changes nothing, and one that was interrupted anywhere goes on from there. Method:
/// stop after each change and plan again.
#[test]
fn interrupted_setups_go_on() {
    let start = || Existing { checks: Vec::new(), sets: vec![simple("alb.us-east-1.example.com.")] };
    let whole = plan(&start(), &wanted()).unwrap();
    for made in 0..=whole.len() {
        let mut existing = start();
        apply(&mut existing, &whole[..made]);
        let rest = plan(&existing, &wanted()).unwrap();
        let last_checks = rest.iter().filter(|change| matches!(change, Change::CreateCheck { .. })).count();
        assert_eq!(last_checks, 4_usize.saturating_sub(made), "after {made} changes");
        apply(&mut existing, &rest);
        assert_eq!(existing, set_up_like(&existing), "after {made} changes");
        assert_eq!(plan(&existing, &wanted()), Ok(Vec::new()), "after {made} changes");
    }
}

/// The finished world has four checks and the pair, whatever the way.
fn set_up_like(existing: &Existing) -> Existing {
    assert_eq!((existing.checks.len(), existing.sets.len()), (4, 2));
    let finished = set_up();
    Existing { checks: finished.checks, sets: existing.sets.clone() }
}

/// Goal: with other agents, the record moves to new checks in one batch before the old ones are deleted, and nobody
/// else's are touched. Method: replace one agent beside a stranger's check and another record's signal.
#[test]
fn agents_change() {
    let mut existing = set_up();
    let other = Wanted { record: "api.example.com".into(), ..wanted() };
    let mut beside = Existing::default();
    let changes = plan(&beside, &other).unwrap();
    apply(&mut beside, &changes);
    existing.checks.extend(beside.checks.clone());
    existing.checks.push(Check {
        id: "theirs".into(),
        reference: "console".into(),
        ..existing.checks[0].clone()
    });
    let mut next = wanted();
    next.agents[2] = Agent { name: "d".into(), host: "198.51.100.4".into(), port: 7400 };
    let changes = plan(&existing, &next).unwrap();
    let kinds: Vec<&str> = changes
        .iter()
        .map(|change| match change {
            Change::CreateCheck { .. } => "create",
            Change::AwaitStay { .. } => "await",
            Change::ReplaceSets { .. } => "replace",
            Change::DeleteCheck { .. } => "delete",
        })
        .collect();
    assert_eq!(kinds, ["create", "create", "await", "replace", "delete", "delete"]);
    apply(&mut existing, &changes);
    assert_eq!(existing.checks.len(), 4 + beside.checks.len() + 1);
    assert!(
        beside.checks.iter().all(|check| existing.checks.contains(check)),
        "another record's checks stay"
    );
    assert!(existing.checks.iter().any(|check| check.id == "theirs"));
    assert_eq!(plan(&existing, &next), Ok(Vec::new()));
}

/// Goal: what somebody changed by hand is replaced by a new check under a new reference, because the old reference
/// cannot be used again. Method: disable one agent's check.
#[test]
fn a_check_that_drifted_is_replaced() {
    let mut existing = set_up();
    existing.checks[0].config.disabled = true;
    let changes = plan(&existing, &wanted()).unwrap();
    let Change::CreateCheck { reference, .. } = &changes[0] else { panic!("{changes:?}") };
    assert!(reference.ends_with("/2"), "{reference}");
    apply(&mut existing, &changes);
    assert_eq!(plan(&existing, &wanted()), Ok(Vec::new()));
    assert!(existing.checks.iter().all(|check| !check.config.disabled));
}

/// Goal: a setup never moves traffic, and never guesses. Method: worlds and wishes in which it would.
#[test]
fn what_is_refused() {
    let refused = |sets: Vec<Set>, change: fn(&mut Wanted)| {
        let mut wanted = wanted();
        change(&mut wanted);
        plan(&Existing { checks: Vec::new(), sets }, &wanted).unwrap_err()
    };
    let elsewhere = refused(vec![simple("alb.us-west-2.example.com")], |_| {});
    assert!(matches!(elsewhere, PlanError::MovesTraffic { .. }), "{elsewhere}");
    let mut turned = set_up().sets;
    for set in &mut turned {
        set.routing = if set.routing == Routing::Primary { Routing::Secondary } else { Routing::Primary };
    }
    assert!(matches!(refused(turned, |_| {}), PlanError::MovesTraffic { .. }));
    let alone = set_up().sets.into_iter().filter(|set| set.routing == Routing::Secondary).collect();
    assert!(matches!(refused(alone, |_| {}), PlanError::NoPrimary(_)));
    let weighted = Set { routing: Routing::Other("weighted"), ..simple("alb.us-east-1.example.com") };
    assert!(matches!(refused(vec![weighted], |_| {}), PlanError::Routed { policy: "weighted", .. }));
    assert_eq!(refused(vec![], |w| w.agents.clear()), PlanError::Agents(0));
    assert!(matches!(refused(vec![], |w| w.agents[1].name = "a".into()), PlanError::Twice(_)));
    assert!(matches!(
        refused(vec![], |w| w.agents[1] = Agent { name: "x".into(), ..w.agents[0].clone() }),
        PlanError::Twice(_)
    ));
    assert!(matches!(refused(vec![], |w| w.standby.region = "us-east-1".into()), PlanError::OneRegion(_)));
}

/// Goal: a pair that somebody made keeps its set identifiers, loses what flips by itself, and gets our check. Method: a
/// pair with other names, an evaluated alias and a check on the secondary.
#[test]
fn an_older_pair_is_taken_over() {
    let set = |identifier: &str, routing, target: &str| Set {
        identifier: Some(identifier.into()),
        routing,
        check: Some(CheckId::Standing("theirs".into())),
        answer: SetAnswer::Alias { name: target.into(), zone: "Z2".into(), evaluate: true },
        ..simple(target)
    };
    let pair = vec![
        set("left", Routing::Primary, "alb.us-east-1.example.com."),
        set("right", Routing::Secondary, "alb.us-west-2.example.com."),
    ];
    let mut existing = Existing { checks: Vec::new(), sets: pair };
    let changes = plan(&existing, &wanted()).unwrap();
    apply(&mut existing, &changes);
    let seen: Vec<_> =
        existing.sets.iter().map(|set| (set.identifier.as_deref(), set.check.is_some())).collect();
    assert_eq!(seen, [(Some("left"), true), (Some("right"), false)]);
    assert!(crate::signal::lint(&existing, &wanted()).iter().all(|finding| finding.mend.is_empty()));
}
