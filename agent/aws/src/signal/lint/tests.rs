//! The lint: nothing to say of a fresh setup, and one finding for each way in which it can go bad.

use quorate_policies::readiness::FindingSeverity;

use super::*;
use crate::signal::plan::tests::{set_up, simple, wanted};

/// What is found of a setup after one thing was changed, notes left out.
fn found(change: impl FnOnce(&mut Existing)) -> Vec<Finding> {
    let mut existing = set_up();
    change(&mut existing);
    let findings = lint(&existing, &wanted());
    findings.into_iter().filter(|finding| finding.severity != FindingSeverity::Note).collect()
}

/// Changes the health check at that place: 0 to 2 hear the agents, 3 is calculated over them.
fn check(at: usize, change: fn(&mut CheckConfig)) -> Vec<Finding> {
    found(|existing| change(&mut existing.checks[at].config))
}

/// Changes the set of that role.
fn set(role: Routing, change: impl FnOnce(&mut Set)) -> Vec<Finding> {
    found(|existing| change(existing.sets.iter_mut().find(|set| set.routing == role).unwrap()))
}

fn over(config: &mut CheckConfig, to: u32) {
    if let CheckKind::Calculated { threshold, .. } = &mut config.kind {
        *threshold = to;
    }
}

fn http(config: &mut CheckConfig, change: fn(&mut String, &mut String, &mut u32)) {
    if let CheckKind::Http { host, path, interval_s, .. } = &mut config.kind {
        change(host, path, interval_s);
    }
}

/// Goal: a fresh setup has nothing to mend, and says what an alias cannot be given. Method: lint it.
#[test]
fn a_fresh_setup_is_sound() {
    assert_eq!(found(|_| {}), []);
    let notes = lint(&set_up(), &wanted());
    assert!(notes.len() == 1 && notes[0].what.contains("60 s"), "{notes:?}");
}

/// Goal: every way in which the records do not follow the signal, or move by themselves, is found. Method: one change
/// each.
#[test]
fn records() {
    let evaluated = |set: &mut Set| {
        if let SetAnswer::Alias { evaluate, .. } = &mut set.answer {
            *evaluate = true;
        }
    };
    let slow =
        |set: &mut Set| set.answer = SetAnswer::Values { values: vec!["192.0.2.1".into()], ttl_s: 300 };
    let theirs = || Some(CheckId::Standing("theirs".into()));
    let table = [
        (found(|e| e.sets.clear()), "no record of type A"),
        (found(|e| e.sets = vec![simple("alb.us-east-1.example.com")]), "still a simple record"),
        (found(|e| e.sets[0].routing = Routing::Secondary), "a secondary set alone"),
        (found(|e| e.sets.retain(|set| set.routing == Routing::Primary)), "a primary set alone"),
        (
            found(|e| e.sets.iter_mut().for_each(|set| set.routing = Routing::Other("weighted"))),
            "routing policy (weighted)",
        ),
        (set(Routing::Primary, evaluated), "primary alias evaluates its target's health"),
        (set(Routing::Secondary, evaluated), "secondary alias evaluates its target's health"),
        (set(Routing::Primary, |set| set.check = None), "has no health check"),
        (set(Routing::Primary, |set| set.check = theirs()), "theirs is gone"),
        (set(Routing::Secondary, |set| set.check = theirs()), "traffic goes back by itself"),
        (set(Routing::Secondary, slow), "remembered for 300 s"),
        (set(Routing::Secondary, slow), "the secondary set answers 192.0.2.1"),
    ];
    for (findings, what) in table {
        assert!(findings.iter().any(|finding| finding.what.contains(what)), "{what}: {findings:?}");
        assert!(findings.iter().all(|finding| !finding.mend.is_empty()), "{findings:?}");
    }
}

/// Goal: every way in which the checks hear too few agents, none, or the wrong ones is found. Method: one change each.
#[test]
fn health_checks() {
    let first_set = |e: &mut Existing| {
        let id = e.checks[0].id.clone();
        let primary = e.sets.iter_mut().find(|set| set.routing == Routing::Primary).unwrap();
        primary.check = Some(CheckId::Standing(id));
    };
    let table = [
        (check(0, |c| c.disabled = true), "disabled and always counts as unhealthy"),
        (check(3, |c| c.disabled = true), "disabled and always counts as healthy"),
        (check(0, |c| c.inverted = false), "is not inverted"),
        (check(3, |c| c.inverted = true), "is inverted"),
        (check(3, |c| over(c, 3)), "1 of 3 agents, a minority, could move traffic"),
        (check(3, |c| over(c, 1)), "3 of 3 agents must say leave"),
        (check(3, |c| over(c, 0)), "always healthy"),
        (check(3, |c| over(c, 4)), "always unhealthy"),
        (
            check(0, |c| http(c, |host, _, _| *host = "198.51.100.77".into())),
            "no agent of this cluster any more",
        ),
        (
            check(0, |c| http(c, |host, _, _| *host = "198.51.100.77".into())),
            "agent a (198.51.100.1:7400) is not heard",
        ),
        (check(0, |c| http(c, |host, _, _| *host = "10.0.0.1".into())), "checkers cannot reach"),
        (check(0, |c| http(c, |_, path, _| *path = "/health".into())), "asks for /health"),
        (check(0, |c| http(c, |_, _, interval| *interval = 30)), "every 30 s"),
        (check(0, |c| c.kind = CheckKind::Other("TCP".into())), "hears no agent"),
        (found(|e| drop(e.checks.remove(0))), "which is gone"),
        (found(first_set), "flips, and fails back, by itself"),
    ];
    for (findings, what) in table {
        assert!(findings.iter().any(|finding| finding.what.contains(what)), "{what}: {findings:?}");
        assert!(findings.iter().all(|finding| !finding.mend.is_empty()), "{findings:?}");
    }
}

/// Goal: a cluster in which one agent may move traffic alone is warned about. Method: one agent.
#[test]
fn few_agents() {
    let mut one = wanted();
    one.agents.truncate(1);
    let findings = lint(&set_up(), &one);
    assert!(findings.iter().any(|finding| finding.what.contains("follows 1 of 1 agents")), "{findings:?}");
}
