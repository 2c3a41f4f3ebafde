//! How a plan is expanded: whole, before it starts, with nothing left to choose; or not at all, with the reason.

use crate::shop::*;
use quorate_policies::{
    Policy,
    document::read_policy,
    plan::{
        Action, Plan,
        expand::{ExpandError, Inputs, expand},
        template::resolve,
    },
    policy::OnError,
};

fn expanded(policy: &Policy) -> Result<Plan, ExpandError> {
    expand(policy, &plan_name("failover"), &region(EAST), &region(WEST), &Inputs::new())
}

/// The shop's policy with one more step.
fn with_step(name: &str, at: &str, needs: &[&str]) -> Policy {
    let mut policy = policy();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.insert(step(name), template(scale(at, 1), needs));
    policy
}

fn why(policy: &Policy) -> String {
    expanded(policy).unwrap_err().to_string()
}

/// Goal: everything that execution needs is written in the expanded plan. Method: the shop's whole plan as text.
#[test]
fn the_whole_plan() {
    insta::assert_yaml_snapshot!(expanded(&policy()).unwrap());
}

/// Goal: the policy that we ship expands, both ways. Method: read it, expand its plans from and to each region.
#[test]
fn the_starter_policy_expands() {
    let text = include_str!("../../examples/starter.yaml");
    let policy = read_policy("starter.yaml", text).unwrap();
    let (name, _) = policy.plans.iter().next().unwrap();
    let (from, to) = (region("us-east-1"), region("us-west-2"));
    let there = expand(&policy, name, &from, &to, &Inputs::new()).unwrap();
    let back = expand(&policy, name, &to, &from, &Inputs::new()).unwrap();
    assert_eq!(there.steps.keys().collect::<Vec<_>>(), back.steps.keys().collect::<Vec<_>>());
    assert!(
        !serde_json::to_string(&[&there, &back]).unwrap().contains("{from"),
        "nothing is left to resolve"
    );
    insta::assert_yaml_snapshot!(there);
}

/// Goal: R4, an expanded plan depends on nothing but its inputs, and the log carries it unchanged.
/// Method: expand twice; through JSON.
#[test]
fn expanding_is_deterministic_and_survives_the_log() {
    let plan = expanded(&policy()).unwrap();
    assert_eq!(expanded(&policy()).unwrap(), plan);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

/// Goal: R13, exactly the promotion cannot be undone. Method: every step of the shop's plan.
#[test]
fn r13_the_promotion_is_the_point_of_no_return() {
    let plan = expanded(&policy()).unwrap();
    let irreversible: Vec<&str> =
        plan.steps.iter().filter(|(_, s)| !s.reversible).map(|(n, _)| n.as_str()).collect();
    assert_eq!(irreversible, ["promote"]);
}

/// Goal: R13, a restore that drops tables is the point of no return, one into an empty database is not; and what it has left is
/// known for its own. Method: both.
#[test]
fn r13_a_restore_over_tables_is_a_point_of_no_return() {
    for (over, reversible) in [("refuse", true), ("primary", false)] {
        let restore = serde_json::json!({"postgres.restore": {
            "region": "{to}", "dump": {"path": "/backups/*.dump"}, "host": "db.example.com", "database": "shop",
            "user": "quorate", "over": over,
        }});
        let mut policy = policy();
        let steps = &mut policy.plans.get_mut(&plan_name("failover")).unwrap().steps;
        steps.insert(step("restore"), template(serde_json::from_value(restore).unwrap(), &[]));
        let restore = &expanded(&policy).unwrap().steps["restore"];
        assert_eq!((restore.reversible, restore.action.knows_its_own()), (reversible, true), "{over}");
    }
}

/// Goal: a step runs near the region that is activated, a fence near the one that is left. Method: both.
#[test]
fn steps_have_a_place() {
    let plan = expanded(&policy()).unwrap();
    assert_eq!(plan.steps["promote"].place.0, region(WEST));
    assert_eq!(
        (&plan.steps["fence"].place.0, plan.steps["fence"].on_error),
        (&region(EAST), OnError::Continue)
    );
}

/// Goal: a plan or region that is not there is named. Method: each.
#[test]
fn what_is_not_there_is_named() {
    let policy = policy();
    let missing =
        expand(&policy, &plan_name("drill"), &region(EAST), &region(WEST), &Inputs::new()).unwrap_err();
    assert_eq!(missing.to_string(), "the policy has no plan `drill`");
    let missing =
        expand(&policy, &plan_name("failover"), &region(EAST), &region(NORTH), &Inputs::new()).unwrap_err();
    assert_eq!(missing.to_string(), "the policy has no region `eu-west-1`");
}

/// Goal: a step that needs an unknown one is refused. Method: one.
#[test]
fn a_need_that_is_not_there_is_named() {
    assert_eq!(
        why(&with_step("warm", "{to}", &["promot"])),
        "step `warm` needs `promot`, which the plan does not have"
    );
}

/// Goal: R30, a plan that waits for itself is refused before it starts. Method: close a circle through two steps.
#[test]
fn r30_a_circle_is_named() {
    let mut policy = with_step("warm", "{to}", &["repoint"]);
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.get_mut("promote").unwrap().needs.push(step("warm"));
    assert_eq!(why(&policy), "steps need each other in a circle: promote -> warm -> repoint");
}

/// Goal: R7, an unknown variable is an error that lists the known ones, never an empty text. Method: a misspelt one.
#[test]
fn r7_an_unknown_variable_is_named() {
    insta::assert_snapshot!(why(&with_step("warm", "{to.clustr}", &[])));
}

/// Goal: a brace without a partner is an error. Method: a table of texts.
#[test]
fn braces_need_a_partner() {
    for text in ["{to", "to}", "{to}}", "{{to}", "a{", "}"] {
        let expected = format!("step `warm`: a brace has no partner in `{text}`");
        assert_eq!(why(&with_step("warm", text, &[])), expected);
    }
    for text in ["{}", "{ to}", "{{{}}}"] {
        assert!(why(&with_step("warm", text, &[])).contains("unknown variable"), "{text}");
    }
}

/// Goal: a doubled brace is a brace, so that JSON and regular expressions can be written. Method: a table of texts.
#[test]
fn doubled_braces_are_braces() {
    let variables = [("to".to_owned(), "west".to_owned())].into();
    for (text, expected) in [
        ("{{}}", "{}"),
        ("{{to}}", "{to}"),
        ("{{{to}}}", "{west}"),
        (r#"{{"a": {{"b": "{to}"}}}}"#, r#"{"a": {"b": "west"}}"#),
        (r"\d{{2,3}}", r"\d{2,3}"),
    ] {
        assert_eq!(resolve(text, &variables).unwrap(), expected);
    }
}

/// Goal: values are put in as they are: they hold no variables of their own. Method: a value with braces.
#[test]
fn values_are_not_expanded_again() {
    let variables = [("a".to_owned(), "{b}".to_owned()), ("b".to_owned(), "x".to_owned())].into();
    assert_eq!(resolve("<{a}|{b}>", &variables).unwrap(), "<{b}|x>");
    assert_eq!(resolve("", &variables).unwrap(), "");
}

/// Goal: the names of a record's sets hold variables like every other text, because after a failover the other set is the
/// one that answers; two that mean the same are refused, because one would be lost. Method: both.
#[test]
fn names_of_sets_hold_variables() {
    let weights = |one: &str, other: &str| {
        let weights = [(one.to_owned(), 100), (other.to_owned(), 0)].into();
        let mut policy = policy();
        let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
        if let Action::Route53Repoint(repoint) = &mut steps.get_mut("repoint").unwrap().action {
            (repoint.alias, repoint.alias_zone, repoint.weights) = (None, None, weights);
        }
        expanded(&policy).map(|plan| plan.steps["repoint"].action.clone())
    };
    match weights("{to.database}", "{from.database}").unwrap() {
        Action::Route53Repoint(repoint) => {
            let expected = [("shop-east".to_owned(), 0), ("shop-west".to_owned(), 100)].into();
            assert_eq!(repoint.weights, expected);
        }
        other => panic!("{}", other.kind()),
    }
    let twice = weights("{to.database}", "shop-west").unwrap_err().to_string();
    assert_eq!(twice, "step `repoint`: `shop-west` stands there twice once its variables are replaced");
}
