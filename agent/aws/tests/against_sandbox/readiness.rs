//! What stands in a plan's way, looked for in a world in which it does: permissions by IAM's simulation, quotas, and
//! resources in the wrong state. Every finding comes from real calls of the SDK.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_aws::Aws;
use quorate_aws::iam::{self, Principal, Purpose, Scope};
use quorate_policies::Millis;
use quorate_policies::effect::{AssumeRole, Observed};
use quorate_policies::plan::action::{EcsScale, Route53Repoint};
use quorate_policies::plan::{Action, Plan, Step, StepPlace};
use quorate_policies::policy::OnError;
use quorate_policies::readiness::{Finding, FindingSeverity};
use serde_json::{Value, json};

use crate::proxy::{ALWAYS, Break};
use crate::rds_bench::{
    EAST, PRIMARY, REPLICA, RdsBench, WEST, context, failover, fence, promote, reboot, rebuild, restore,
    switchover, unfence,
};

/// The sandbox's account, and who everybody is in it who has no session.
const ACCOUNT: &str = "111122223333";
const USER: &str = "arn:aws:iam::111122223333:user/quorate";
const ROLE: &str = "arn:aws:iam::111122223333:role/failover";
const LATEST: &str = "latest";

fn scale(desired: u32) -> Action {
    Action::EcsScale(EcsScale {
        region: WEST.into(),
        cluster: "shop".into(),
        service: "web".into(),
        desired: Some(desired),
        percent_of: None,
        enough_percent: 100,
        scaling: None,
    })
}

fn repoint() -> Action {
    let repoint = json!({"zone": "ZSHOP4QUORATE7X9K2D", "record": "www.shop.test", "values": ["192.0.2.1"]});
    Action::Route53Repoint(serde_json::from_value::<Route53Repoint>(repoint).unwrap())
}

fn every_action() -> Vec<Action> {
    let rds =
        [promote(), fence(true), unfence(), reboot(), restore(LATEST), rebuild(), switchover(), failover()];
    rds.into_iter().chain([scale(4), repoint()]).collect()
}

fn plan(actions: &[Action], role: Option<&str>) -> Plan {
    let step = |action: &Action| Step {
        action: action.clone(),
        needs: BTreeSet::new(),
        timeout: Millis(60_000),
        retries: 0,
        on_error: OnError::Stop,
        reversible: action.reversible(),
        place: StepPlace(WEST.parse().unwrap()),
        role: role.map(|arn| AssumeRole { arn: arn.into(), external_id: None }),
        delay: Millis(0),
        only: None,
    };
    let steps = actions.iter().enumerate();
    Plan {
        name: "failover".parse().unwrap(),
        from: EAST.parse().unwrap(),
        to: WEST.parse().unwrap(),
        moves: true,
        steps: steps.map(|(n, action)| (format!("step-{n}").parse().unwrap(), step(action))).collect(),
    }
}

/// The policy that `quorate iam` prints for the plan, for the sandbox's user in place of a role.
fn written(plan: &Plan, scope: Scope) -> Value {
    let principal = Principal { account: ACCOUNT.into(), role: "quorate".into() };
    let document = iam::document(std::slice::from_ref(plan), scope, &principal).to_string();
    serde_json::from_str(&document.replace(":role/quorate", ":user/quorate")).unwrap()
}

async fn attach(bench: &RdsBench, principal: &str, policy: Value) {
    bench.tell("/control/permissions", json!({"principal": principal, "policy": policy})).await;
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// The one finding, as a text.
fn only(findings: &[Finding]) -> String {
    let [finding] = findings else { panic!("{:#?}", texts(findings)) };
    finding.to_string()
}

async fn check(aws: &Aws, action: &Action) -> Vec<Finding> {
    aws.check(action, &context()).await
}

/// Goal: the policy that Quorate writes is enough for everything that it asks about, action by action. Method: attach it
/// for a plan of every action on AWS.
#[tokio::test]
async fn the_written_policy_is_enough() {
    let bench = RdsBench::start().await;
    let plan = plan(&every_action(), None);
    attach(&bench, USER, written(&plan, Scope::Act)).await;
    let found = bench.agent().await.check_permissions(&plan).await;
    assert!(found.is_empty(), "{:#?}", texts(&found));
}

/// Goal: each call that would be denied is an error that names it, its resource and its step, and no read is among them.
/// Method: the policy of a dry run, which allows to ask and to read; every change of every action is denied.
#[tokio::test]
async fn every_denied_change_is_named() {
    let bench = RdsBench::start().await;
    let plan = plan(&every_action(), None);
    attach(&bench, USER, written(&plan, Scope::DryRun)).await;
    let found = bench.agent().await.check_permissions(&plan).await;
    for (name, step) in &plan.steps {
        let grants =
            iam::grants(&step.action, ACCOUNT).into_iter().filter(|(purpose, _)| *purpose == Purpose::Change);
        for call in grants.flat_map(|(_, grant)| grant.actions) {
            let says = |finding: &&Finding| finding.what.contains(&format!("{USER} may not call {call} on "));
            let named = found.iter().find(|finding| finding.step.as_ref() == Some(name) && says(finding));
            assert!(named.is_some(), "{name}: {call} in {:#?}", texts(&found));
        }
    }
    for finding in &found {
        assert!(finding.severity == FindingSeverity::Blocking && finding.step.is_some(), "{finding}");
        assert!(!finding.what.contains("Describe") && finding.mend.contains("quorate iam"), "{finding}");
    }
    let promotion = "may not call rds:PromoteReadReplica on arn:aws:rds:us-west-2:111122223333:db:shop-replica: no policy allows it";
    assert!(texts(&found).iter().any(|text| text.contains(promotion)), "{:#?}", texts(&found));
}

/// Goal: a policy that denies wins over one that allows, and is told as such. Method: everything but one call.
#[tokio::test]
async fn an_explicit_denial_is_named() {
    let bench = RdsBench::start().await;
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let but = json!({"Effect": "Deny", "Action": "rds:PromoteReadReplica", "Resource": "*"});
    attach(&bench, USER, json!({"Version": "2012-10-17", "Statement": [all, but]})).await;
    let plan = plan(&[promote(), scale(4)], None);
    let found = only(&bench.agent().await.check_permissions(&plan).await);
    assert!(
        found.starts_with("blocking, step step-0: ") && found.contains(": a policy denies it; "),
        "{found}"
    );
}

/// Goal: whoever may not ask IAM is told what the judgement rests on, once, and is not called unready. Method: the policy
/// for watching alone.
#[tokio::test]
async fn who_may_not_ask_is_told() {
    let bench = RdsBench::start().await;
    let plan = plan(&every_action(), None);
    attach(&bench, USER, written(&plan, Scope::Observe)).await;
    let found = bench.agent().await.check_permissions(&plan).await;
    let text = only(&found);
    assert!(text.starts_with("note: permissions were judged by describe calls only: "), "{text}");
    assert!(text.contains("AccessDenied"), "{text}");
    assert!(quorate_policies::readiness::ready(&found));
    assert_eq!(bench.script.arrived("SimulatePrincipalPolicy"), 1, "one refusal tells for all");
}

/// Goal: a plan that calls nothing of AWS asks nobody. Method: look at what arrived.
#[tokio::test]
async fn a_plan_without_calls_asks_nobody() {
    let bench = RdsBench::start().await;
    let verify: Action =
        serde_json::from_value(json!({"verify.probes": {"through": "http://shop.test/"}})).unwrap();
    assert!(bench.agent().await.check_permissions(&plan(&[verify], None)).await.is_empty());
    assert_eq!(bench.script.arrived("GetCallerIdentity"), 0);
}

/// Goal: a us-east-1 that is gone takes IAM with it, which is unknown and no more: what stands in the west is judged as
/// ever, and the promotion there goes through without IAM having been asked. Method: lose the region, look, promote.
#[tokio::test]
async fn iam_is_never_in_the_way() {
    let bench = RdsBench::start().await;
    bench.lose(EAST).await;
    let aws = bench.agent().await;
    let found = only(&aws.check_permissions(&plan(&[promote(), scale(4)], None)).await);
    assert!(found.starts_with("unknown: whether the plan's calls are allowed is not known: "), "{found}");
    assert!(check(&aws, &scale(4)).await.iter().all(|finding| finding.severity != FindingSeverity::Blocking));
    let asked = bench.script.arrived("GetCallerIdentity") + bench.script.arrived("SimulatePrincipalPolicy");
    bench.promoted().await;
    let after = bench.script.arrived("GetCallerIdentity") + bench.script.arrived("SimulatePrincipalPolicy");
    assert_eq!(after, asked);
}

/// Goal: a step in a role is judged by that role's policies, and the agents by whether they may assume it. Method: a role
/// that may nothing but ask, then the agents without leave to assume it.
#[tokio::test]
async fn a_role_is_judged_by_its_own_policies() {
    let bench = RdsBench::start().await;
    let plan = plan(&[promote()], Some(ROLE));
    let aws = bench.agent().await;
    let role = |scope| iam::role_document(std::slice::from_ref(&plan), &iam::Watched::default(), scope, ROLE);
    attach(&bench, ROLE, role(Scope::Act)).await;
    assert!(aws.check_permissions(&plan).await.is_empty());
    attach(&bench, ROLE, role(Scope::DryRun)).await;
    let found = only(&aws.check_permissions(&plan).await);
    assert!(
        found.starts_with(&format!("blocking, step step-0: {ROLE} may not call rds:PromoteReadReplica")),
        "{found}"
    );
    attach(&bench, ROLE, role(Scope::Act)).await;
    let asks = json!({"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"});
    attach(&bench, USER, json!({"Statement": [asks]})).await;
    let found = only(&aws.check_permissions(&plan).await);
    assert!(
        found.starts_with(&format!("blocking, step step-0: {USER} may not call sts:AssumeRole on {ROLE}")),
        "{found}"
    );
}

/// Goal: a call that reading shows not to be allowed is an error as well. Method: refuse a describe.
#[tokio::test]
async fn a_denied_read_is_an_error() {
    let bench = RdsBench::start().await;
    bench.script.set("DescribeDBInstances", Break::Refuse(403, "AccessDenied"), ALWAYS);
    let found = only(&check(&bench.agent().await, &promote()).await);
    assert!(
        found.starts_with(
            "blocking: rds:DescribeDBInstances of shop-replica in us-west-2: HTTP 403, AccessDenied"
        ),
        "{found}"
    );
}

/// Goal: a plan that creates an instance is told when the quota is full, nearly full, or not told. Method: a restore and
/// a new replica in the east, whose quota is set; what else is found about them is the same every time.
#[tokio::test]
async fn quotas() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let set = async |instances: u32| {
        bench.tell("/control/quota", json!({"region": EAST, "instances": instances})).await;
    };
    for action in [restore(LATEST), rebuild()] {
        set(40).await;
        assert!(check(&aws, &action).await.is_empty());
        set(1).await;
        let found = only(&check(&aws, &action).await);
        assert!(found.starts_with("blocking: 1 of at most 1 DB instances are used in us-east-1"), "{found}");
    }
    set(11).await;
    for number in 0..9 {
        bench.tell("/control/database", json!({"region": EAST, "id": format!("other-{number}")})).await;
    }
    let found = only(&check(&aws, &restore(LATEST)).await);
    assert!(found.starts_with("warning: 10 of at most 11 DB instances are used in us-east-1; "), "{found}");
    bench.script.set("DescribeAccountAttributes", Break::InternalError, ALWAYS);
    let found = only(&check(&aws, &restore(LATEST)).await);
    assert!(
        found.starts_with("unknown: rds:DescribeAccountAttributes of the account in us-east-1"),
        "{found}"
    );
}

/// Goal: resources that are missing, in the way, or in the wrong state are found. Method: a table of worlds.
#[tokio::test]
async fn states_of_databases() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    assert!(quorate_policies::readiness::ready(&check(&aws, &promote()).await));
    let restored = || json!({"region": EAST, "id": "shop-restored"});
    bench.tell("/control/database", restored()).await;
    let found = only(&check(&aws, &restore(LATEST)).await);
    assert!(found.starts_with("blocking: an instance `shop-restored` exists"), "{found}");
    bench.tell("/control/backup", json!({"region": WEST, "id": REPLICA, "ms": 60_000})).await;
    let found = texts(&check(&aws, &promote()).await);
    assert!(
        found.iter().any(|text| text.starts_with("warning: shop-replica is being backed up")),
        "{found:#?}"
    );
    let Action::RdsReboot(mut gone) = reboot() else { unreachable!() };
    gone.instance = "nobody".into();
    let found = only(&check(&aws, &Action::RdsReboot(gone)).await);
    assert!(found.starts_with("blocking: rds:DescribeDBInstances of nobody in us-east-1"), "{found}");
    let Action::RdsPromoteReadReplica(mut primary) = promote() else { unreachable!() };
    (primary.region, primary.instance) = (EAST.into(), PRIMARY.into());
    let found = texts(&check(&aws, &Action::RdsPromoteReadReplica(primary)).await);
    assert!(found[0].starts_with("blocking: shop-primary is not a replica"), "{found:#?}");
}

/// Goal: a global cluster and its target are judged as they are. Method: the right target, and the writer as target.
#[tokio::test]
async fn states_of_a_global_cluster() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    assert!(check(&aws, &switchover()).await.is_empty());
    let Action::AuroraFailover(mut writer) = failover() else { unreachable!() };
    writer.target = crate::rds_bench::member(EAST);
    let found = only(&check(&aws, &Action::AuroraFailover(writer)).await);
    assert!(found.contains("is the writer already"), "{found}");
}

/// Goal: a service that cannot grow is found before it has to. Method: no room in the region and a service that is asked
/// for more tasks; more tasks than a service may have.
#[tokio::test]
async fn states_of_a_service() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    assert!(check(&aws, &scale(4)).await.is_empty());
    let many = texts(&check(&aws, &scale(5_001)).await);
    assert!(many.iter().any(|text| text.starts_with("warning: the plan wants 5001 tasks")), "{many:#?}");
    bench.tell("/control/room", json!({"region": WEST, "tasks": 2})).await;
    let mut noting = context();
    let found = loop {
        let seen = crate::bench::observe(&aws, &scale(4), &noting).await;
        assert!(!matches!(seen, Observed::Done { .. }), "done without room");
        if let Observed::NotDone { part, before, .. } = seen {
            noting.before = noting.before.take().or(before);
            crate::bench::act_on(&aws, &scale(4), part, &noting).await;
        }
        let found = texts(&check(&aws, &scale(4)).await);
        if found.iter().any(|text| text.contains("cannot start tasks")) {
            break found;
        }
        // The world's tasks start after some ten milliseconds; there is no event to await.
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    for expected in
        ["warning: service shop/web runs 2 of 4 tasks", "warning: service shop/web cannot start tasks: "]
    {
        assert!(found.iter().any(|text| text.starts_with(expected)), "{expected}: {found:#?}");
    }
}
