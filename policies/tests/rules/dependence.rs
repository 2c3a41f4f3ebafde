//! What steps need from outside, and what becomes of a plan when a region is gone.

use crate::shop::*;
use quorate_policies::{
    Policy,
    plan::{
        Plan,
        dependence::{Usable, dependences, losses, usable_without, verdict},
        expand::{Inputs, expand},
    },
    policy::{OnError, StepTemplate},
};
use std::fmt::Write as _;

/// One step of every action.
const EVERY_ACTION: &str = r#"
promote: {rds.promote_read_replica: {region: "{to}", instance: shop}}
restore: {rds.restore_to_point_in_time: {region: "{to}", source: shop, instance: shop-2}}
rebuild: {rds.create_cross_region_replica: {region: "{from}", instance: shop, source_region: "{to}", source: shop}}
fence: {rds.fence: {region: "{from}", instance: shop, quarantine_groups: [sg-1]}}
unfence: {rds.unfence: {region: "{from}", instance: shop, security_groups: [sg-1]}}
reboot: {rds.reboot: {region: "{from}", instance: shop}}
switch: {aurora.switchover: {region: "{to}", global_cluster: shop, target: "arn:aws:rds:us-west-2:1:cluster:shop"}}
move: {aurora.failover: {region: "{to}", global_cluster: shop, target: "arn:aws:rds:us-west-2:1:cluster:shop", allow_data_loss: true}}
fence-server: {postgres.fence: {region: "{from}", host: db.east.example.com, user: quorate}}
unfence-server: {postgres.unfence: {region: "{from}", host: db.east.example.com, user: quorate}}
switch-server: {postgres.switchover: {region: "{to}", probe: database, host: db.west.example.com, user: quorate, from: {host: db.east.example.com}}}
rejoin-server: {postgres.rejoin: {region: "{to}", host: db.west.example.com, user: quorate, slot: east}}
promote-server: {postgres.promote: {region: "{to}", probe: database, host: db.west.example.com, user: quorate}}
scale: {ecs.scale: {region: "{to}", cluster: shop, service: web, desired: 4}}
share: {ecs.scale: {region: "{to}", cluster: shop, service: web, percent_of: {region: "{from}", cluster: shop, service: web, at_least: 2}}}
repoint: {route53.repoint: {zone: Z1, record: shop.example.com, values: [192.0.2.1]}}
signal: {route53.signal: {region: "{to}"}}
update: {dns.update: {server: 192.0.2.53, zone: example.com, name: shop.example.com, values: [192.0.2.1], key: quorate.example.com}}
converge: {dns.converged: {record: shop.example.com, values: [192.0.2.1]}}
run: {exec: {region: "{to}", command: [kubectl, apply, -f, k8s]}}
run-somewhere: {exec: {command: [restore]}}
call: {http: {region: "{from}", url: "https://search.example.com/a"}}
call-somewhere: {http: {url: "https://hooks.example.com/a"}}
tell: {statuspage.incident: {page: P1, status: monitoring}}
verify: {verify.probes: {through: "https://shop.example.com"}}
hand-over: {notify: {channels: [ops], message: moved}}
ask: {approval: {ask: "Is it there?"}}
wait: {wait: {for: 5m}}
pass: {gate: {succeeded: [ask]}}
restore-server: {postgres.restore: {region: "{to}", dump: {path: "/backups/*.dump"}, host: db.west.example.com, database: shop, user: quorate}}
restore-cache: {redis.restore: {region: "{to}", rdb: {path: /backups/dump.rdb}, dir: /var/lib/redis}}
fetch: {s3.sync: {region: "{to}", from: {region: us-east-1, bucket: backups, prefix: a/}, to: {dir: /backups/a}}}
copy: {s3.sync: {region: "{to}", from: {region: us-west-2, bucket: backups}, to: {region: us-east-1, bucket: copies}}}
look: {verify.sql: {region: "{to}", host: db.west.example.com, user: quorate, checks: {users: {query: SELECT 1, expect: {at_least: 1}}}}}
"#;

fn expanded(policy: &Policy) -> Plan {
    expand(policy, &plan_name("failover"), &region(EAST), &region(WEST), &Inputs::new()).unwrap()
}

/// The shop with these steps instead of its own.
fn with_steps(yaml: &str) -> Policy {
    let mut policy = policy();
    let steps: std::collections::BTreeMap<_, StepTemplate> = serde_saphyr::from_str(yaml).unwrap();
    policy.plans.get_mut("failover").unwrap().steps = steps;
    policy
}

/// Goal: what each action needs is said once and readable, and so is what becomes of it when a region is gone.
/// Method: one step of every action; the table.
#[test]
fn every_action() {
    let plan = expanded(&with_steps(EVERY_ACTION));
    let kinds: std::collections::BTreeSet<&str> =
        plan.steps.values().map(|step| step.action.kind()).collect();
    assert_eq!(kinds.len(), quorate_policies::plan::Action::KINDS.len(), "every action has a row");
    let mut text = String::new();
    for (name, usable) in usable_without(&plan, &region(EAST)) {
        let step = &plan.steps[&name];
        let needs: Vec<String> = dependences(&plan, step).iter().map(ToString::to_string).collect();
        writeln!(text, "{}: {}\n  without us-east-1: {usable}", step.action.kind(), needs.join(", "))
            .unwrap();
    }
    insta::assert_snapshot!(text);
}

/// Goal: a plan that signals instead of repointing can be used when us-east-1 is gone. Method: the shop's own plan and the
/// same with a signal; the fence that cannot be reached is what it does without.
#[test]
fn a_signal_does_without_us_east_1() {
    let repointing = expanded(&policy());
    let because =
        "step `repoint` needs the Route 53 control plane in us-east-1 (`route53.signal` does not)".to_owned();
    assert_eq!(verdict(&repointing, &region(EAST)), Usable::No { because: vec![because] });

    let mut signalling = policy();
    let steps = &mut signalling.plans.get_mut("failover").unwrap().steps;
    let signal = with_steps("repoint: {route53.signal: {region: '{to}'}, needs: [promote, scale]}");
    steps.insert(step("repoint"), signal.plans["failover"].steps["repoint"].clone());
    match verdict(&expanded(&signalling), &region(EAST)) {
        Usable::Degraded { because } => {
            assert!(because[0].starts_with("step `fence` needs ECS in us-east-1"), "{because:?}")
        }
        other => panic!("{other}"),
    }
}

/// Goal: what waits for a step that fails is never begun; what waits for one that the plan goes on without is. Method:
/// the shop's plan, its fence once with and once without `on_error: continue`.
#[test]
fn what_waits_for_a_failing_step_is_never_begun() {
    let word = |policy: &Policy, name: &str| {
        let steps = usable_without(&expanded(policy), &region(EAST));
        steps.into_iter().find(|(step, _)| step.as_str() == name).unwrap().1
    };
    let mut policy = policy();
    assert_eq!((word(&policy, "fence").word(), word(&policy, "promote").word()), ("degraded", "yes"));
    assert_eq!(
        word(&policy, "verify").to_string(),
        "no, because step `verify` is never begun: it needs step `repoint`"
    );
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.get_mut("fence").unwrap().on_error = OnError::Stop;
    assert_eq!((word(&policy, "fence").word(), word(&policy, "promote").word()), ("no", "no"));
    assert_eq!(word(&policy, "scale").word(), "yes", "it waits for nothing");
}

/// Goal: the loss of the region that is activated is nobody's question, and Route 53's control plane stands where its
/// partition has it. Method: pairs of regions in each partition.
#[test]
fn losses_are_those_that_matter() {
    let losses = |from: &str, to: &str| {
        let plan = expanded(&policy());
        let plan = Plan { from: region(from), to: region(to), ..plan };
        losses(&plan).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(losses(EAST, WEST), "us-east-1");
    assert_eq!(losses(WEST, EAST), "us-west-2", "us-east-1 is where it goes");
    assert_eq!(losses("eu-west-1", "eu-central-1"), "eu-west-1 us-east-1");
    assert_eq!(losses("cn-north-1", "cn-northwest-1"), "cn-north-1");
    assert_eq!(losses("us-gov-east-1", "us-gov-west-1"), "us-gov-east-1");
}

/// Goal: a plan that loses nothing it needs is usable as if nothing were gone. Method: a third region.
#[test]
fn an_unrelated_region_changes_nothing() {
    let plan = expanded(&policy());
    assert_eq!(verdict(&plan, &region(NORTH)), Usable::Yes);
    assert!(usable_without(&plan, &region(NORTH)).iter().all(|(_, usable)| *usable == Usable::Yes));
}
