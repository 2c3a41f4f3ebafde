//! Plans that stand in one another, laid out: who waits for whom when sub-plans, gates and components have had their say.

use crate::shop::*;
use quorate_policies::{
    Policy,
    document::{check_policy, dangers, read_policy},
    plan::{
        Action,
        expand::{Inputs, expand},
        flat::flat,
    },
    policy::SubPlan,
};
use std::collections::BTreeMap;

fn laid_out() -> Policy {
    read_policy("laid_out.yaml", include_str!("laid_out.yaml")).unwrap()
}

fn steps(policy: &Policy, cause: &str) -> String {
    let inputs = Inputs::from([("cause".try_into().unwrap(), cause.to_owned())]);
    let east = region(EAST);
    let plan = expand(policy, &plan_name("restore-all"), &east, &east, &inputs).unwrap();
    let line = |(name, step): (&quorate_policies::StepName, &quorate_policies::plan::Step)| {
        let needs: Vec<&str> = step.needs.iter().map(|need| need.as_str()).collect();
        let gate = if let Action::Gate(gate) = &step.action {
            let passed: Vec<&str> = gate.succeeded.iter().map(|step| step.as_str()).collect();
            format!("  (gate: {})", passed.join(", "))
        } else {
            String::new()
        };
        format!("{name} <- {}{gate}\n", needs.join(", "))
    };
    plan.steps.iter().map(line).collect()
}

/// Goal: the steps of a sub-plan are steps of the plan, by its name and their own, and whoever needs it needs its last ones. A
/// component comes after what it needs and after the more important ones; one that a critical component needs counts as critical.
/// A gate needs by itself what it names. Method: three plans in one another, as text.
#[test]
fn plans_in_one_another() {
    insta::assert_snapshot!(steps(&laid_out(), "disk"));
}

/// Goal: the condition of a sub-plan is that of each of its steps. Method: the same with another cause.
#[test]
fn a_sub_plan_under_a_condition() {
    insta::assert_snapshot!(steps(&laid_out(), "people"));
}

/// Goal: two ways to promote one standby may stand in one plan if no execution takes both; and a fence that is not there when the
/// writes are handed over stops none. Method: a fixture with both ways, each in a manner of its own; then the fence in the other.
#[test]
fn two_ways_in_two_manners() {
    let text = include_str!("../invalid/policy-postgres-switchover-and-promote.yaml");
    let told = |text: &str| match read_policy("p.yaml", text) {
        Ok(policy) => check_policy(&policy),
        Err(problems) => problems,
    };
    let said = |text: &str| told(text).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(said(text).contains("promotes the same standby"));
    let promote = "      promote:\n";
    let apart = text
        .replace("        retries: 0\n", "        retries: 0\n        only: graceful\n")
        .replace(promote, "      promote:\n        only: ungraceful\n");
    assert_eq!(said(&apart), "");
    let unfenced = apart.replace("      fence:\n", "      fence:\n        only: ungraceful\n");
    assert!(said(&unfenced).contains("nothing stops the writes"), "{}", said(&unfenced));
}

/// Goal: plans cannot stand in themselves, nor grow without end, and both are told. Method: a plan in itself; twenty plans in each of
/// twenty; a name without room.
#[test]
fn what_cannot_be_laid_out() {
    let sub = |run: &str| SubPlan { run: plan_name(run), needs: Vec::new(), when: BTreeMap::new() };
    let why = |policy: &Policy| flat(policy, &plan_name("restore-all")).unwrap_err().to_string();
    let with = |inner: &str, name: &str, run: &str| {
        let mut policy = laid_out();
        policy.plans.get_mut(inner).unwrap().sub_plans.insert(step(name), sub(run));
        policy
    };
    let circle = with("change-the-disk", "again", "restore-all");
    let long = with("change-the-disk", &"x".repeat(60), "restore-data");
    let mut many = laid_out();
    for (outer, inner) in [("restore-all", "restore-data"), ("restore-data", "change-the-disk")] {
        let plan = many.plans.get_mut(outer).unwrap();
        plan.sub_plans.extend((0..19).map(|n| (step(&format!("part{n}")), sub(inner))));
    }
    let told = [why(&circle), why(&long), why(&many)].join("\n");
    insta::assert_snapshot!(told);
    assert!([circle, long, many].iter().all(|policy| !check_policy(policy).is_empty()));
}

/// Goal: traffic before the promotion is refused where agents begin the plan, and told as a danger where a person does. Method: the
/// shop's plan with its repoint first, in both modes.
#[test]
fn traffic_first_is_for_people_and_told() {
    let mut policy = policy();
    let name = plan_name("failover");
    let plan = policy.plans.get_mut(&name).unwrap();
    plan.traffic_first = true;
    plan.steps.get_mut(&step("repoint")).unwrap().needs = vec![step("scale")];
    let told = |policy: &Policy| -> Vec<String> {
        let problems = check_policy(policy).into_iter().chain(dangers(policy));
        problems.map(|problem| format!("{}: {}; {}", problem.field, problem.message, problem.mend)).collect()
    };
    let by_agents = told(&policy);
    for scenario in policy.scenarios.values_mut() {
        scenario.mode = quorate_policies::policy::Mode::Observe;
    }
    insta::assert_yaml_snapshot!([by_agents, told(&policy)]);
}
