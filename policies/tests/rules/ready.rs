//! R21: what stood in the way of a plan before the failure keeps automation from it; what was found later, long before or
//! by nobody does not. An operator may go on.

use crate::shop::*;
use quorate_policies::{
    Millis,
    agreement::LookVote,
    guard::{Trigger, authorize, ready::LOOK_AGE_MAX},
    health::Verdict,
};

/// The failure began so long before the decision.
const FAILING: Millis = Millis::from_secs(60);

fn look(name: &str, seconds_ago: u64, blocked: bool) -> LookVote {
    LookVote {
        agent: agent(name),
        to: region(WEST),
        blocked: blocked.then(|| "promote: there is no instance shop-west".to_owned()),
        measured: Millis::from_secs(seconds_ago),
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    }
}

/// What the guards say of these looks.
fn said(looks: Vec<LookVote>, trigger: &Trigger, require_ready: bool) -> Option<String> {
    let mut scene = Scene::primary_down();
    for vote in scene.evidence.votes.iter_mut().filter(|vote| vote.verdict == Verdict::Down) {
        vote.failing_for = Some(FAILING);
    }
    scene.evidence.looks = looks;
    scene.policy.guards.require_ready = require_ready;
    let refused = authorize(&scene.situation(), trigger, &scene.to.clone()).err();
    refused.map(|refusal| refusal.guard().to_owned())
}

/// Goal: R21, R7: which look closes the gate. Method: a table of looks; the failure began a minute ago.
#[test]
fn r21_the_gate() {
    let max = LOOK_AGE_MAX.0 / 1_000 + 60;
    let table: [(&str, Vec<LookVote>, bool); 10] = [
        ("nobody has looked", vec![], false),
        ("all was well", vec![look("noa", 600, false)], false),
        ("something was in the way", vec![look("noa", 600, true)], true),
        ("it was mended since, as another saw", vec![look("noa", 600, true), look("wes", 300, false)], false),
        ("it broke since, as another saw", vec![look("noa", 600, false), look("wes", 300, true)], true),
        ("it was found after the failure", vec![look("noa", 59, true)], false),
        ("it was found just before", vec![look("noa", 61, true)], true),
        ("it was found long ago", vec![look("noa", max + 1, true)], false),
        ("by another policy", vec![LookVote { policy_matches: false, ..look("noa", 600, true) }], false),
        ("about another way out", vec![LookVote { to: region(NORTH), ..look("noa", 600, true) }], false),
    ];
    for (name, looks, closed) in table {
        let expected = closed.then(|| "plan_not_ready".to_owned());
        assert_eq!(said(looks, &Trigger::Automatic, true), expected, "{name}");
    }
}

/// Goal: an operator decides for himself, and a policy may leave the gate open. Method: something was in the way.
#[test]
fn r21_who_may_go_on() {
    let operator = Trigger::Operator {
        by: "olga".into(),
        reason: "I know".into(),
        accept_data_loss: false,
        ungraceful: false,
    };
    assert_eq!(said(vec![look("noa", 600, true)], &operator, true), None);
    assert_eq!(said(vec![look("noa", 600, true)], &Trigger::Automatic, false), None);
}
