//! R16, F19, P12: a replica of unknown position, or one that is too far behind, is not promoted; an operator may accept
//! the loss for one command.

use crate::shop::*;
use quorate_policies::{
    Millis,
    agreement::Vote,
    guard::{Refusal, Trigger, authorize},
    health::Verdict,
};

/// What the guards say of a scene whose lag readings were changed.
fn said(change: impl FnOnce(&mut Scene), trigger: &Trigger) -> Option<&'static str> {
    let mut scene = Scene::primary_down();
    for vote in scene.evidence.votes.iter_mut().filter(|vote| vote.verdict == Verdict::Down) {
        vote.failing_for = Some(Millis::from_secs(60));
    }
    change(&mut scene);
    authorize(&scene.situation(), trigger, &scene.to.clone()).err().map(|refusal| refusal.guard())
}

fn hour() -> Option<Millis> {
    Some(Millis::from_secs(3_600))
}

fn operator(accept_data_loss: bool) -> Trigger {
    Trigger::Operator {
        by: "olga".into(),
        reason: "no other way".into(),
        accept_data_loss,
        ungraceful: false,
    }
}

/// Goal: each state of the readings opens or closes the gate, for automation and for an operator alike. Method: a table
/// of changes to a scene in which the region has failed for a minute and every agent read a lag of one second before.
#[test]
fn r16_the_gate() {
    type Change = fn(&mut Scene);
    let table: [(&str, Change, Option<&str>); 11] = [
        ("a second behind", |_| {}, None),
        ("nobody has read it", |s| s.evidence.lags.clear(), Some("replica_lag_unknown")),
        (
            "only of another replica",
            |s| s.evidence.lags.retain(|l| l.replica.starts_with(EAST)),
            Some("replica_lag_unknown"),
        ),
        ("at the limit", |s| s.evidence.lags.iter_mut().for_each(|l| l.behind = Millis(30_000)), None),
        (
            "above it",
            |s| s.evidence.lags.iter_mut().for_each(|l| l.behind = Millis(30_001)),
            Some("replica_lag"),
        ),
        ("one agent read more", |s| s.evidence.lags[1].behind = Millis(40_000), Some("replica_lag")),
        (
            "every report is stale",
            |s| s.evidence.lags.iter_mut().for_each(|l| l.age = Millis(3_001)),
            Some("replica_lag_unknown"),
        ),
        (
            "read by another policy",
            |s| s.evidence.lags.iter_mut().for_each(|l| l.policy_matches = false),
            Some("replica_lag_unknown"),
        ),
        (
            "its readers abstain",
            |s| s.evidence.lags.iter_mut().for_each(|l| l.abstains = true),
            Some("replica_lag_unknown"),
        ),
        (
            "read long before the failure",
            |s| s.evidence.lags.iter_mut().for_each(|l| l.measured = Millis(400_000)),
            Some("replica_lag_unknown"),
        ),
        (
            // The primary has been dead for a minute; half of what a reading now shows grew by itself.
            "grown since the failure",
            |s| {
                s.evidence
                    .lags
                    .iter_mut()
                    .for_each(|l| (l.behind, l.measured) = (Millis(61_000), Millis::ZERO))
            },
            None,
        ),
    ];
    for (name, change, expected) in table {
        assert_eq!(said(change, &Trigger::Automatic), expected, "{name}");
        assert_eq!(said(change, &operator(false)), expected, "{name}, by an operator");
        assert_eq!(said(change, &operator(true)), None, "{name}, accepted");
    }
}

/// Goal: R16, where the policy limits bytes, a replica that lacks more, or of which nobody knows it, is not promoted; the most
/// that any agent saw counts, and time is limited as before. Method: a limit of 1,000 bytes and a table of readings.
#[test]
fn r16_the_gate_in_bytes() {
    fn each(scene: &mut Scene, bytes: Option<u64>) {
        scene.policy.guards.max_replica_lag_bytes = Some(1_000);
        scene.evidence.lags.iter_mut().for_each(|lag| lag.bytes = bytes);
    }
    type Change = fn(&mut Scene);
    let table: [(&str, Change, Option<&str>); 9] = [
        ("nobody knows the bytes", |s| each(s, None), Some("replica_lag_bytes_unknown")),
        ("nothing is missing", |s| each(s, Some(0)), None),
        ("at the limit", |s| each(s, Some(1_000)), None),
        ("above it", |s| each(s, Some(1_001)), Some("replica_lag_bytes")),
        (
            "one agent saw more",
            |s| {
                each(s, Some(0));
                s.evidence.lags[1].bytes = Some(1_001);
            },
            Some("replica_lag_bytes"),
        ),
        (
            "... and abstains",
            |s| {
                each(s, Some(0));
                (s.evidence.lags[1].bytes, s.evidence.lags[1].abstains) = (Some(1_001), true);
            },
            None,
        ),
        (
            "one agent does not know",
            |s| {
                each(s, Some(1_000));
                s.evidence.lags[1].bytes = None;
            },
            None,
        ),
        (
            "too old",
            |s| {
                each(s, Some(0));
                s.evidence.lags.iter_mut().for_each(|lag| lag.measured = Millis(400_000));
            },
            Some("replica_lag_unknown"),
        ),
        (
            "too far behind in time",
            |s| {
                each(s, Some(0));
                s.evidence.lags.iter_mut().for_each(|lag| lag.behind = Millis(30_001));
            },
            Some("replica_lag"),
        ),
    ];
    for (name, change, expected) in table {
        assert_eq!(said(change, &Trigger::Automatic), expected, "{name}");
        assert_eq!(said(change, &operator(true)), None, "{name}, accepted");
    }
    let unlimited = |s: &mut Scene| s.evidence.lags.iter_mut().for_each(|lag| lag.bytes = Some(u64::MAX));
    assert_eq!(said(unlimited, &Trigger::Automatic), None, "without a limit");
}

/// Goal: R7, P12, what is taken off a reading for the time since the failure is what every voter can vouch for: one agent
/// that is wrong about how long cannot make a replica look fresh. Method: a reading of 42 s just now, when the region has
/// failed for a minute, is 0 s at the failure; spoil what one agent says of its length.
#[test]
fn p12_one_agent_cannot_take_more_off() {
    type Change = fn(&mut Scene);
    let table: [(&str, u64, Change, Option<&str>); 7] = [
        ("everybody has seen a minute", 42, |_| {}, None),
        ("... and it is more than that", 91, |_| {}, Some("replica_lag")),
        ("one has seen an hour", 91, |s| s.evidence.votes[0].failing_for = hour(), Some("replica_lag")),
        (
            "one has seen five seconds",
            42,
            |s| s.evidence.votes[0].failing_for = Some(Millis(5_000)),
            Some("replica_lag"),
        ),
        (
            "... but began after the failure, so its vote does not count",
            42,
            |s| (s.evidence.votes[0].failing_for, s.evidence.votes[0].armed) = (Some(Millis(5_000)), false),
            None,
        ),
        ("one does not say", 42, |s| s.evidence.votes[0].failing_for = None, Some("replica_lag")),
        (
            "a part that is not critical has failed for an hour",
            91,
            |s| {
                let low = component(quorate_policies::policy::Priority::Low);
                s.policy.components.insert("ads".try_into().unwrap(), low);
                s.policy.probes.insert("ads".try_into().unwrap(), probe(Some("ads")));
                let ads = all(EAST, Verdict::Down).into_iter().map(|vote| on("ads", vote));
                s.evidence.votes.extend(ads.map(|vote| Vote { failing_for: hour(), ..vote }));
            },
            Some("replica_lag"),
        ),
    ];
    for (name, behind, change, expected) in table {
        let read = |scene: &mut Scene| {
            let now = (Millis::from_secs(behind), Millis::ZERO);
            scene.evidence.lags.iter_mut().for_each(|lag| (lag.behind, lag.measured) = now);
            change(scene);
        };
        assert_eq!(said(read, &Trigger::Automatic), expected, "{name}");
    }
}

/// Goal: R16, who accepts the loss of data accepts it for one command: nothing of it is left in the next. Method: the
/// trigger as the log carries it, and one of before there was such a thing.
#[test]
fn r16_the_loss_is_accepted_by_one_command() {
    let text = serde_json::to_string(&operator(true)).unwrap();
    assert_eq!(serde_json::from_str::<Trigger>(&text).unwrap(), operator(true));
    let earlier = r#"{"trigger":"operator","by":"olga","reason":"no other way"}"#;
    assert_eq!(serde_json::from_str::<Trigger>(earlier).unwrap(), operator(false));
}

/// Goal: who accepts the loss of data accepts nothing else. Method: a standby that is down, and a running execution.
#[test]
fn r16_accepting_the_loss_passes_no_other_guard() {
    let running = |s: &mut Scene| s.facts.running = Some("shop-7".to_owned());
    assert_eq!(said(running, &operator(true)), Some("execution_in_progress"));
}

/// Goal: a plan that promotes nothing needs no lag. Method: take the promotion out.
#[test]
fn a_plan_without_promotion_needs_no_lag() {
    let change = |scene: &mut Scene| {
        scene.evidence.lags.clear();
        for plan in scene.policy.plans.values_mut() {
            plan.steps.retain(|name, _| name.as_str() != "promote");
        }
    };
    assert_eq!(said(change, &Trigger::Automatic), None);
}

/// Goal: the refusal says which replica, how far, and how far it may be. Method: one that is too far behind.
#[test]
fn f19_the_refusal_is_told() {
    let mut scene = Scene::primary_down();
    scene.evidence.lags.iter_mut().for_each(|lag| lag.behind = Millis(42_000));
    let refusal = authorize(&scene.situation(), &Trigger::Automatic, &scene.to.clone()).unwrap_err();
    assert!(matches!(refusal, Refusal::ReplicaLagTooHigh { .. }));
    assert_eq!(refusal.to_string(), "replica us-west-2/shop-west is 42s behind, at most 30s may be lost");
}
