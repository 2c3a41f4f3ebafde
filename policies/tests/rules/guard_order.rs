//! The order in which the guards are asked, and which of them an operator passes.

use crate::shop::*;
use quorate_policies::{Millis, Timestamp, agreement::Vote, guard::Trigger, health::Verdict, policy::Mode};
use std::fmt::Write as _;

/// Goal: R31, the list of guards is closed and its order deliberate: what is wrong with the region comes before what
/// is wrong with the way out of it. Method: every guard's name, for automation and for an operator.
#[test]
fn every_guard_in_order() {
    let mut text = String::new();
    for (who, trigger) in [("automation", Trigger::Automatic), ("an operator", operator())] {
        writeln!(text, "{who} is asked:").unwrap();
        for (guard, refusal) in Scene::primary_down().asked(&trigger) {
            assert_eq!(refusal, None);
            writeln!(text, "  {guard}").unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

type Mend = fn(Scene) -> Scene;

/// Goal: R31, the refusal that people read is the first in that order. Method: a situation in which everything is
/// wrong; mend what is named, look again, until the failover passes.
#[test]
fn the_first_refusal_is_told() {
    let mut scene = Scene::primary_down()
        .with(|s| {
            s.to = region(NORTH);
            s.facts.running = Some("shop-2".to_owned());
            s.policy.scenarios.values_mut().for_each(|scenario| scenario.mode = Mode::Observe);
            s.members.remove(NOA);
            s.facts.hold = Some(hold());
            s.facts.last_ended = Some(NOW);
            s.facts.starts = vec![NOW, NOW];
            s.evidence.flaps = 9;
            s.evidence.down_for = Millis::ZERO;
        })
        .seen(WEST, all(WEST, Verdict::Down))
        .seen(
            EAST,
            all(EAST, Verdict::Down).into_iter().map(|v| Vote { policy_matches: false, ..v }).collect(),
        );
    let mends: [(&str, Mend); 18] = [
        ("end the execution", |s| s.with(|s| s.facts.running = None)),
        ("switch to automatic", |s| {
            s.with(|s| s.policy.scenarios.values_mut().for_each(|x| x.mode = Mode::Automatic))
        }),
        ("add a third agent, in the standby region", |s| {
            s.with(|s| drop(s.members.insert(agent(NOA), region(WEST))))
        }),
        ("move it to a third region", |s| s.with(|s| drop(s.members.insert(agent(NOA), region(NORTH))))),
        ("resume", |s| s.with(|s| s.facts.hold = None)),
        ("bring the policies into line; all look at nothing", |s| s.seen(EAST, all(EAST, Verdict::Unknown))),
        ("look; all is well", |s| s.seen(EAST, all(EAST, Verdict::Healthy))),
        ("the region goes up and down", |s| s.seen(EAST, all(EAST, Verdict::Suspect))),
        ("name the standby", |s| s.with(|s| s.to = region(WEST))),
        ("it settles; the agents restart into red", |s| {
            let red = all(EAST, Verdict::Down).into_iter().map(|vote| Vote { armed: false, ..vote });
            s.seen(EAST, red.collect()).with(|s| s.evidence.flaps = 0)
        }),
        ("arm one", |s| s.seen(EAST, vec![down(NOA, EAST), vote(WES, EAST, Verdict::Suspect)])),
        ("one more vote, of the region's own agent", |s| {
            s.seen(EAST, vec![down(NOA, EAST), down(EVE, EAST)])
        }),
        ("that agent changes its mind", |s| {
            s.seen(EAST, vec![healthy(EVE, EAST), down(NOA, EAST), down(WES, EAST)])
        }),
        ("and again", |s| s.seen(EAST, all(EAST, Verdict::Down))),
        ("the standby comes up, not yet for all", |s| s.seen(WEST, vec![healthy(NOA, WEST)])),
        ("wait a minute", |s| s.with(|s| s.evidence.down_for = Millis::from_secs(60))),
        ("wait an hour", |s| s.with(|s| s.facts.last_ended = Some(Timestamp(NOW.0 - 3_600_000)))),
        ("forget the other failovers", |s| s.with(|s| s.facts.starts.clear())),
    ];
    let mut text = String::new();
    for (what, mend) in mends {
        let refusal = scene.automatic().unwrap_err();
        writeln!(text, "{:22} {refusal}\n  -> {what}", refusal.guard()).unwrap();
        scene = mend(scene);
    }
    let refusal = scene.automatic().unwrap_err();
    writeln!(text, "{:22} {refusal}\n  -> the standby is healthy", refusal.guard()).unwrap();
    assert_eq!(scene.seen(WEST, all(WEST, Verdict::Healthy)).automatic(), Ok(()));
    insta::assert_snapshot!(text);
}

/// Goal: R19, an operator passes what keeps automation from being wrong about the region or too quick, and nothing
/// that keeps the service from being torn apart (R2) or sent to where it cannot run (R21).
/// Method: every spoilt situation, asked both ways; the table is the specification.
#[test]
fn r19_what_an_operator_passes() {
    let spoilt: [(&str, Mend); 17] = [
        ("already running", |s| s.with(|s| s.facts.running = Some("shop-2".to_owned()))),
        ("standby not healthy", |s| s.seen(WEST, all(WEST, Verdict::Unknown))),
        ("region unknown", |s| s.with(|s| s.to = region(NORTH)).seen(NORTH, all(NORTH, Verdict::Healthy))),
        ("everything down", |s| s.seen(WEST, all(WEST, Verdict::Down))),
        ("way home", |s| {
            s.with(|s| (s.facts.active, s.to) = (region(WEST), region(EAST)))
                .seen(WEST, all(WEST, Verdict::Down))
                .seen(EAST, all(EAST, Verdict::Healthy))
        }),
        ("dwell", |s| s.with(|s| s.evidence.down_for = Millis::ZERO)),
        ("cooldown", |s| s.with(|s| s.facts.last_ended = Some(NOW))),
        ("velocity", |s| s.with(|s| s.facts.starts = vec![NOW, NOW])),
        ("hold", |s| s.with(|s| s.facts.hold = Some(hold()))),
        ("observe mode", |s| {
            s.with(|s| s.policy.scenarios.values_mut().for_each(|x| x.mode = Mode::Observe))
        }),
        ("two voters", |s| {
            s.with(|s| drop(s.members.remove(NOA))).with(|s| s.policy.agreement.min_vantages = 1)
        }),
        ("flapping", |s| s.with(|s| s.evidence.flaps = 9)),
        ("agreement: healthy", |s| s.seen(EAST, all(EAST, Verdict::Healthy))),
        ("agreement: dissent", |s| s.seen(EAST, vec![healthy(EVE, EAST), down(WES, EAST), down(NOA, EAST)])),
        ("agreement: too few", |s| s.seen(EAST, all(EAST, Verdict::Suspect))),
        ("agreement: no data", |s| s.seen(EAST, vec![])),
        ("agreement: red at start", |s| {
            let red = all(EAST, Verdict::Down).into_iter().map(|vote| Vote { armed: false, ..vote });
            s.seen(EAST, red.collect())
        }),
    ];
    let mut text = format!("{:24} {:22} {}\n", "spoilt", "automation", "an operator");
    for (what, spoil) in spoilt {
        let scene = spoil(Scene::primary_down());
        let operator = scene.operator().map_or_else(|refusal| refusal.guard(), |()| "passes");
        assert_ne!(scene.refused_by(), "nothing", "{what}");
        writeln!(text, "{what:24} {:22} {operator}", scene.refused_by()).unwrap();
    }
    insta::assert_snapshot!(text);
}
