//! One test for every reason for which the guards refuse: the situation in which everything else would let the
//! failover pass, spoilt in one thing.

use crate::shop::*;
use quorate_policies::{
    Millis, Timestamp,
    agreement::{Opinion, Vote},
    guard::{After, Ended, Hold, Refusal},
    health::Verdict,
    policy::{Mode, Region, Role},
};

fn unarmed(votes: Vec<Vote>) -> Vec<Vote> {
    votes.into_iter().map(|vote| Vote { armed: false, ..vote }).collect()
}

/// Goal: nothing but the spoilt thing refuses in the tests below. Method: the unspoilt situation.
#[test]
fn a_dead_primary_and_a_healthy_standby_may_fail_over() {
    assert_eq!(Scene::primary_down().automatic(), Ok(()));
    assert_eq!(Scene::primary_down().operator(), Ok(()));
}

/// Goal: only a region of the policy, other than the active one, can be activated, whoever asks.
/// Method: the witness's region and the active one.
#[test]
fn unusable_region() {
    for to in [NORTH, EAST] {
        let scene = Scene::primary_down().with(|s| s.to = region(to)).seen(to, all(to, Verdict::Healthy));
        // The active region is healthy here, which is told first; the witness's is refused as a way out.
        assert_eq!(scene.refused_by(), if to == EAST { "region_healthy" } else { "unusable_region" });
        assert_eq!(scene.operator().unwrap_err().guard(), "unusable_region");
    }
}

/// Goal: R25, P9, failback is never automatic: once the standby serves, its own failure does not send the service to
/// the old primary, whose data are stale. An operator may take it there.
/// Method: the standby is active and down, the old primary answers its probes.
#[test]
fn r25_failback_is_never_automatic() {
    let scene = Scene::primary_down()
        .with(|s| (s.facts.active, s.to) = (region(WEST), region(EAST)))
        .seen(WEST, all(WEST, Verdict::Down))
        .seen(EAST, all(EAST, Verdict::Healthy));
    assert_eq!(scene.refused_by(), "unusable_region");
    assert!(scene.automatic().unwrap_err().to_string().contains("failback"));
    assert_eq!(scene.operator(), Ok(()));
}

/// Goal: R25 forbids the way home, not the way on: a second standby may still take over from the first.
/// Method: three regions, the first standby is active and down.
#[test]
fn r25_a_second_standby_may_take_over() {
    let scene = Scene::primary_down()
        .with(|s| {
            s.policy
                .regions
                .insert(region(NORTH), Region { role: Role::Standby, cold: false, vars: [].into() });
            (s.facts.active, s.to) = (region(WEST), region(NORTH));
            s.policy.agreement.min_vantages = 2;
        })
        .seen(WEST, all(WEST, Verdict::Down))
        .seen(NORTH, all(NORTH, Verdict::Healthy));
    assert_eq!(scene.automatic(), Ok(()));
}

/// Goal: R2, one execution at a time, whoever asks. Method: one is running.
#[test]
fn r2_execution_in_progress() {
    let scene = Scene::primary_down().with(|s| s.facts.running = Some("shop-7".to_owned()));
    let refusal = Refusal::ExecutionInProgress { execution: "shop-7".to_owned() };
    assert_eq!(scene.automatic(), Err(refusal.clone()));
    assert_eq!(scene.operator(), Err(refusal));
}

/// Goal: a policy without a scenario, or in observe mode, lets no agent act; approval mode lets it prepare.
/// Method: the three.
#[test]
fn no_scenario_and_observe_only() {
    assert_eq!(
        Scene::primary_down().with(|s| s.policy.scenarios.clear()).automatic(),
        Err(Refusal::NoScenario)
    );
    let mode = |mode| {
        Scene::primary_down()
            .with(|s| s.policy.scenarios.values_mut().for_each(|scenario| scenario.mode = mode))
    };
    assert_eq!(mode(Mode::Observe).automatic(), Err(Refusal::ObserveOnly));
    assert_eq!(mode(Mode::Approval).automatic(), Ok(()));
}

/// Goal: R10, R21, a cold standby is not asked whether it is healthy, because nothing runs there; but never where the agents would
/// act alone. Method: both regions red, and the standby cold, in each mode.
#[test]
fn r21_a_cold_standby_needs_a_person() {
    let scene = |cold: bool, mode: Mode| {
        Scene::primary_down().seen(WEST, all(WEST, Verdict::Down)).with(|s| {
            s.policy.regions.get_mut(&region(WEST)).unwrap().cold = cold;
            s.policy.scenarios.values_mut().for_each(|scenario| scenario.mode = mode);
        })
    };
    assert_eq!(scene(true, Mode::Approval).automatic(), Ok(()), "an execution that waits for a person");
    assert_eq!(scene(true, Mode::Approval).operator(), Ok(()));
    for (cold, mode) in [(true, Mode::Automatic), (false, Mode::Approval)] {
        assert_eq!(scene(cold, mode).refused_by(), "everything_down");
        assert!(matches!(scene(cold, mode).operator(), Err(Refusal::StandbyNotHealthy { .. })));
    }
}

/// Goal: R12, automatic mode needs three voters. Method: two of them, with and without `unsafe_topology`.
#[test]
fn r12_too_few_voters() {
    let two = Scene::primary_down().with(|s| {
        s.members.remove(NOA);
        s.policy.agreement.min_vantages = 1;
    });
    assert_eq!(two.automatic(), Err(Refusal::TooFewVoters { have: 2, need: 3 }));
    assert_eq!(two.with(|s| s.policy.unsafe_topology = true).automatic(), Ok(()));
}

/// Goal: R12, ... in three regions: five voters in two regions cannot decide safely.
/// Method: the witness and two more live in the standby region.
#[test]
fn r12_too_few_regions() {
    let scene = Scene::primary_down().with(|s| {
        s.members = [EVE, WES, NOA, "sue", "ian"].map(|name| (agent(name), region(WEST))).into();
        s.members.insert(agent(EVE), region(EAST));
    });
    assert_eq!(scene.automatic(), Err(Refusal::TooFewRegions { have: 2, need: 3 }));
}

/// Goal: R26, a hold stops automation until it ends. Method: without an end, before its end, at its end.
#[test]
fn r26_hold() {
    let until = |until| Scene::primary_down().with(|s| s.facts.hold = Some(Hold { until, ..hold() }));
    let held = |until| Refusal::Held { by: "olga".to_owned(), reason: "database work".to_owned(), until };
    assert_eq!(until(None).automatic(), Err(held(None)));
    let later = Some(Timestamp(NOW.0 + 1));
    assert_eq!(until(later).automatic(), Err(held(later)));
    assert_eq!(until(Some(NOW)).automatic(), Ok(()));
}

/// Goal: R29, F24, agents that judge by another policy refuse only where they are missing from a majority.
/// Method: one of three, then two of three.
#[test]
fn r29_policy_mismatch() {
    let mismatched = |names: &[&str]| {
        let votes = all(EAST, Verdict::Down).into_iter();
        let votes = votes.map(|vote| Vote { policy_matches: !names.contains(&vote.agent.as_str()), ..vote });
        Scene::primary_down().seen(EAST, votes.collect())
    };
    assert_eq!(mismatched(&[EVE]).automatic(), Ok(()));
    let agents = agents(&[EVE, WES]);
    assert_eq!(mismatched(&[EVE, WES]).automatic(), Err(Refusal::PolicyMismatch { agents }));
}

/// Goal: R7, R11, agents that say nothing are no evidence. Method: one fresh vote, none, and three that know nothing.
#[test]
fn r7_no_fresh_data() {
    let refused = |fresh| Err(Refusal::NoFreshData { fresh, needed: 2 });
    assert_eq!(Scene::primary_down().seen(EAST, vec![down(NOA, EAST)]).automatic(), refused(1));
    assert_eq!(Scene::primary_down().seen(EAST, vec![]).automatic(), refused(0));
    assert_eq!(Scene::primary_down().seen(EAST, all(EAST, Verdict::Unknown)).automatic(), refused(0));
}

/// Goal: a healthy region is left alone. Method: everybody sees it healthy; and all but one, who is silent.
#[test]
fn region_healthy() {
    let refused = Err(Refusal::RegionHealthy { region: region(EAST) });
    assert_eq!(Scene::primary_down().seen(EAST, all(EAST, Verdict::Healthy)).automatic(), refused);
    let two = vec![healthy(EVE, EAST), healthy(WES, EAST)];
    assert_eq!(Scene::primary_down().seen(EAST, two).automatic(), refused);
}

/// Goal: F17, a region that goes up and down is overloaded, not dead. Method: at the limit, and beyond.
#[test]
fn f17_flapping() {
    let flaps = |flaps| Scene::primary_down().with(|s| s.evidence.flaps = flaps);
    assert_eq!(flaps(4).automatic(), Ok(()));
    let window = Millis::from_secs(300);
    let refusal = Refusal::Flapping { region: region(EAST), changes: 5, max: 4, window };
    assert_eq!(flaps(5).automatic(), Err(refusal));
}

/// Goal: F26, a region that was red when the agents started does not fire. Method: nobody is armed; then enough are.
#[test]
fn f26_already_red_at_start() {
    let scene = Scene::primary_down().seen(EAST, unarmed(all(EAST, Verdict::Down)));
    assert_eq!(scene.automatic(), Err(Refusal::AlreadyRedAtStart { agents: agents(&[EVE, WES, NOA]) }));
    let one_unarmed = [vec![down(WES, EAST), down(NOA, EAST)], unarmed(vec![down(EVE, EAST)])].concat();
    assert_eq!(Scene::primary_down().seen(EAST, one_unarmed).automatic(), Ok(()));
}

/// Goal: R6, too few votes. Method: one agent sees it down, the others are still confirming.
#[test]
fn r6_not_agreed() {
    let suspects = |name| vote(name, EAST, Verdict::Suspect);
    let scene = Scene::primary_down().seen(EAST, vec![suspects(EVE), suspects(WES), down(NOA, EAST)]);
    let refusal = Refusal::NotAgreed { region: region(EAST), down: agents(&[NOA]), needed: 2 };
    assert_eq!(scene.automatic(), Err(refusal));
}

/// Goal: R6, enough votes from too few places. Method: the region's own agent and one other.
#[test]
fn r6_too_few_vantages() {
    let scene = Scene::primary_down().seen(EAST, vec![down(EVE, EAST), down(WES, EAST)]);
    let refusal = Refusal::TooFewVantages { region: region(EAST), have: [region(WEST)].into(), needed: 2 };
    assert_eq!(scene.automatic(), Err(refusal));
}

/// Goal: R9, F5, whoever sees the region healthy vetoes. Method: the region's own agent does.
#[test]
fn r9_dissent() {
    let scene = Scene::primary_down().seen(EAST, vec![healthy(EVE, EAST), down(WES, EAST), down(NOA, EAST)]);
    assert_eq!(scene.automatic(), Err(Refusal::Dissent { region: region(EAST), agents: agents(&[EVE]) }));
}

/// Goal: R10, when both regions are down the fault is shared. Method: both down; and the standby never seen healthy.
#[test]
fn r10_everything_down() {
    let refusal = Refusal::EverythingDown { regions: [region(EAST), region(WEST)].into() };
    let both = Scene::primary_down().seen(WEST, all(WEST, Verdict::Down));
    assert_eq!(both.automatic(), Err(refusal.clone()));
    let never_up = Scene::primary_down().seen(WEST, unarmed(all(WEST, Verdict::Down)));
    assert_eq!(never_up.automatic(), Err(refusal));
}

/// Goal: R20, F3, the agreement must have held for the dwell. Method: a 43-second partition; just short; just enough.
#[test]
fn r20_dwell() {
    let down_for = |down_for| Scene::primary_down().with(|s| s.evidence.down_for = down_for);
    for short in [Millis::from_secs(43), Millis(59_999)] {
        let dwell = Millis::from_secs(60);
        let refusal = Refusal::Dwelling { region: region(EAST), down_for: short, after: None, dwell };
        assert_eq!(down_for(short).automatic(), Err(refusal));
    }
    assert_eq!(down_for(Millis::from_secs(60)).automatic(), Ok(()));
}

/// Goal: R20, a region that a plan took down to restore it is not left because of that. Method: it has been down for a minute, and
/// a plan that moved nothing ended just short of the dwell ago; the dwell ago; before the region went down.
#[test]
fn r20_dwell_counts_from_the_end_of_a_repair() {
    let ended = |ago: u64| {
        let at = Timestamp(NOW.0 - ago);
        Scene::primary_down().with(|s| s.facts.in_place = Some(Ended { execution: "shop-3".to_owned(), at }))
    };
    let after = Some(After::Ended("shop-3".to_owned()));
    let refusal = Refusal::Dwelling {
        region: region(EAST),
        down_for: Millis(59_999),
        after,
        dwell: Millis::from_secs(60),
    };
    assert_eq!(ended(59_999).automatic(), Err(refusal));
    assert_eq!(ended(60_000).automatic(), Ok(()));
    assert_eq!(ended(90_000).automatic(), Ok(()));
}

/// Goal: R10, R20, regions that one cause took down come back one after another: the first to return is no way out before the
/// others have had the dwell to follow. Method: down for two minutes; everything was, until just short of the dwell ago; until the
/// dwell ago; and a repair ended since.
#[test]
fn r10_dwell_counts_from_when_everything_was_down() {
    let scene = |ago: u64| {
        Scene::primary_down().with(|s| {
            s.evidence.down_for = Millis::from_secs(120);
            s.evidence.everything_down_ago = Some(Millis(ago));
        })
    };
    let refusal = |down_for, after| Refusal::Dwelling {
        region: region(EAST),
        down_for: Millis(down_for),
        after: Some(after),
        dwell: Millis::from_secs(60),
    };
    assert_eq!(scene(59_999).automatic(), Err(refusal(59_999, After::EverythingDown)));
    assert_eq!(scene(60_000).automatic(), Ok(()));
    let ended = Ended { execution: "shop-3".to_owned(), at: Timestamp(NOW.0 - 5_000) };
    let repaired = scene(7_000).with(|s| s.facts.in_place = Some(ended.clone()));
    assert_eq!(repaired.automatic(), Err(refusal(5_000, After::Ended("shop-3".to_owned()))));
}

/// Goal: R3, R19, the cool-down counts from the end of the last failover. Method: just within it, and at its end.
#[test]
fn r19_cooldown() {
    let ended = |ago: u64| Scene::primary_down().with(|s| s.facts.last_ended = Some(Timestamp(NOW.0 - ago)));
    let cooldown = Millis::from_secs(3_600);
    let refusal = Refusal::CoolingDown { remaining: Millis(1), cooldown };
    assert_eq!(ended(3_599_999).automatic(), Err(refusal));
    assert_eq!(ended(3_600_000).automatic(), Ok(()));
}

/// Goal: R19, at most so many failovers within the window. Method: two within it; and one that has just left it.
#[test]
fn r19_velocity_cap() {
    let day = 24 * 3_600_000;
    let started = |ago: [u64; 2]| {
        Scene::primary_down().with(|s| s.facts.starts = ago.map(|ago| Timestamp(NOW.0 - ago)).into())
    };
    let refusal = Refusal::VelocityCap { count: 2, max: 2, window: Millis(day) };
    assert_eq!(started([day - 1, day / 2]).automatic(), Err(refusal));
    assert_eq!(started([day, day / 2]).automatic(), Ok(()));
}

/// Goal: R21, nobody moves to a region that is not known to be healthy, not even an operator.
/// Method: unknown, suspected, down.
#[test]
fn r21_standby_not_healthy() {
    for (verdict, opinion) in [
        (Verdict::Unknown, Opinion::Unsure),
        (Verdict::Suspect, Opinion::Unsure),
        (Verdict::Down, Opinion::Down),
    ] {
        let scene = Scene::primary_down().seen(WEST, all(WEST, verdict));
        let refusal = Refusal::StandbyNotHealthy { region: region(WEST), opinion };
        assert_eq!(scene.operator(), Err(refusal.clone()));
        if opinion == Opinion::Unsure {
            assert_eq!(scene.automatic(), Err(refusal));
        }
    }
}

/// Goal: R7, where nothing critical is probed nothing is agreed: the guard itself refuses, and does not leave it to
/// the standby's. Method: a policy whose only component is not critical.
#[test]
fn r7_no_critical_probe_is_no_agreement() {
    let scene = Scene::primary_down().with(|s| {
        let low = component(quorate_policies::policy::Priority::Low);
        s.policy.components.insert("ads".try_into().unwrap(), low);
        s.policy.probes = [("api".try_into().unwrap(), probe(Some("ads")))].into();
    });
    let asked = scene.asked(&quorate_policies::guard::Trigger::Automatic);
    assert!(asked.contains(&("agreement".to_owned(), Some("not_agreed"))), "{asked:?}");
}
