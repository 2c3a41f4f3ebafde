//! What is asked of IAM, and what each of its answers means.

use quorate_policies::Millis;
use quorate_policies::plan::action::{RdsFence, RdsPromoteReadReplica, RdsRestoreToPointInTime};
use quorate_policies::plan::{Action, Step, StepPlace};
use quorate_policies::policy::OnError;

use super::*;

const OWN: &str = "arn:aws:iam::111111111111:role/quorate";
const OTHER: &str = "arn:aws:iam::222222222222:role/failover";

fn promote() -> Action {
    let (region, instance) = ("us-west-2".into(), "dr".into());
    Action::RdsPromoteReadReplica(RdsPromoteReadReplica { region, instance, writable: None, heartbeat: None })
}

fn restore() -> Action {
    Action::RdsRestoreToPointInTime(RdsRestoreToPointInTime {
        region: "us-west-2".into(),
        source: "prod".into(),
        instance: "new".into(),
        at: "latest".into(),
        class: None,
        subnet_group: None,
        parameter_group: None,
        security_groups: Vec::new(),
    })
}

fn fence() -> Action {
    let (region, instance) = ("us-east-1".into(), "prod".into());
    Action::RdsFence(RdsFence { region, instance, quarantine_groups: vec!["sg-q".into()], stop: false })
}

fn plan(steps: &[(&str, Action, Option<&str>)]) -> Plan {
    let step = |action: &Action, role: &Option<&str>| Step {
        action: action.clone(),
        needs: BTreeSet::new(),
        timeout: Millis(60_000),
        retries: 0,
        on_error: OnError::Stop,
        reversible: action.reversible(),
        place: StepPlace("us-west-2".parse().unwrap()),
        role: role.map(|arn| AssumeRole { arn: arn.to_owned(), external_id: None }),
        delay: Millis(0),
        only: None,
    };
    Plan {
        name: "failover".parse().unwrap(),
        from: "us-east-1".parse().unwrap(),
        to: "us-west-2".parse().unwrap(),
        moves: true,
        steps: steps.iter().map(|(name, action, role)| (name.parse().unwrap(), step(action, role))).collect(),
    }
}

/// Every call that is asked about, with its resources.
fn asked(questions: &[Question]) -> Vec<String> {
    let mut all: Vec<String> = questions
        .iter()
        .flat_map(|question| {
            let on = question
                .resources
                .iter()
                .map(|arn| arn.rsplit(':').next().unwrap())
                .collect::<Vec<_>>()
                .join(" ");
            question.actions.keys().map(move |action| format!("{action} on {on}"))
        })
        .collect();
    all.sort();
    all
}

/// Goal: every change is asked about on what the plan names, a read only where IAM knows no resource for it. Method: a
/// promotion, and a restore, whose declaration also has wildcards.
#[test]
fn what_is_asked() {
    let plan = plan(&[("promote", promote(), None), ("restore", restore(), None)]);
    assert_eq!(callers(&plan).len(), 1);
    assert_eq!(
        asked(&questions(&plan, None, OWN)),
        [
            "cloudwatch:GetMetricData on *",
            "rds:AddTagsToResource on new",
            "rds:DescribeAccountAttributes on *",
            "rds:PromoteReadReplica on dr",
            "rds:RestoreDBInstanceToPointInTime on new prod",
        ]
    );
}

/// Goal: a step that assumes a role is asked about in that role's account, and the agents only whether they may assume
/// it. Method: one step of each kind.
#[test]
fn a_role_is_asked_about_by_itself() {
    let plan = plan(&[("fence", fence(), Some(OTHER)), ("promote", promote(), None)]);
    let role = AssumeRole { arn: OTHER.into(), external_id: None };
    assert_eq!(callers(&plan), BTreeSet::from([None, Some(role.clone())]));
    let own = questions(&plan, None, OWN);
    assert!(asked(&own).contains(&"sts:AssumeRole on role/failover".to_owned()), "{:?}", asked(&own));
    assert!(!asked(&own).iter().any(|call| call.contains("ModifyDBInstance")));
    let others = questions(&plan, Some(&role), OTHER);
    assert_eq!(
        asked(&others),
        [
            "rds:DescribeEvents on *",
            "rds:ModifyDBInstance on prod",
            "rds:RebootDBInstance on prod",
            "rds:StartDBInstance on prod",
        ]
    );
    let accounts = others.iter().flat_map(|question| &question.resources).filter(|arn| *arn != "*");
    assert!(accounts.clone().count() > 0 && accounts.into_iter().all(|arn| arn.contains(":222222222222:")));
    let only = plan_with_roles_only();
    assert_eq!(callers(&only).len(), 2, "the agents themselves assume the role");
}

fn plan_with_roles_only() -> Plan {
    plan(&[("fence", fence(), Some(OTHER))])
}

/// Goal: whoever calls is known to IAM under its own name. Method: a table of what STS answers.
#[test]
fn principals() {
    let table = [
        ("arn:aws:sts::1:assumed-role/quorate/i-0abc", Some("arn:aws:iam::1:role/quorate")),
        ("arn:aws-cn:sts::1:assumed-role/quorate/a/b", Some("arn:aws-cn:iam::1:role/quorate")),
        ("arn:aws:iam::1:user/ops/quorate", Some("arn:aws:iam::1:user/ops/quorate")),
        ("arn:aws:iam::1:root", None),
        ("arn:aws:sts::1:federated-user/quorate", None),
        ("", None),
    ];
    for (arn, expected) in table {
        assert_eq!(principal(arn).as_deref(), expected, "{arn}");
    }
}

/// Goal: each answer has its weight and its words, and belongs to every step that makes the call. Method: a table.
#[test]
fn answers() {
    let question = &questions(&plan(&[("a", promote(), None), ("b", promote(), None)]), None, OWN)
        .into_iter()
        .find(|question| question.actions.contains_key("rds:PromoteReadReplica"))
        .unwrap();
    let answer = |decision: &str| Answer {
        action: "rds:PromoteReadReplica".into(),
        resource: "arn:dr".into(),
        decision: decision.into(),
        missing: Vec::new(),
        outside_organization: false,
        outside_boundary: false,
    };
    let call = "arn:aws:iam::111111111111:role/quorate may not call rds:PromoteReadReplica on arn:dr";
    let no = answer("implicitDeny");
    let table = [
        (answer("explicitDeny"), format!("blocking, step a: {call}: a policy denies it; ")),
        (no.clone(), format!("blocking, step a: {call}: no policy allows it; ")),
        (
            Answer { outside_organization: true, ..no.clone() },
            format!("blocking, step a: {call}: the organization's policies do not allow it; "),
        ),
        (
            Answer { outside_boundary: true, ..no.clone() },
            format!("blocking, step a: {call}: its permissions boundary does not allow it; "),
        ),
        (
            Answer { missing: vec!["aws:SourceIp".into()], ..no.clone() },
            "unknown, step a: IAM cannot say whether ".into(),
        ),
        (answer("maybe"), "unknown, step a: IAM says `maybe` of ".into()),
    ];
    for (answer, expected) in table {
        let found = findings(OWN, question, &answer);
        assert!(found.len() == 2 && found[0].to_string().starts_with(&expected), "{expected}: {found:?}");
        assert_eq!(found[1].step.as_ref().map(StepName::as_str), Some("b"));
    }
    assert!(findings(OWN, question, &answer("allowed")).is_empty());
    let key = Answer { action: "kms:CreateGrant".into(), ..no };
    assert!(findings(OWN, question, &key)[0].to_string().starts_with("warning: "));
}
