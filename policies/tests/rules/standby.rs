//! Where to go, when there are several standbys: to the healthy one that lacks least.

use crate::shop::*;
use quorate_policies::{
    Millis, agreement::lag::replica_name, guard::standby::best, health::Verdict, policy::Role,
};

/// A standby whose name comes first.
const MIDDLE: &str = "ca-central-1";

/// The primary is down; two standbys are healthy, and both lack a second.
fn two_standbys() -> Scene {
    let mut scene = Scene::primary_down();
    let mut middle = scene.policy.regions[&region(WEST)].clone();
    middle.role = Role::Standby;
    middle.vars.insert("database".to_owned(), "shop-middle".to_owned());
    scene.policy.regions.insert(region(MIDDLE), middle);
    scene.evidence.votes.extend(all(MIDDLE, Verdict::Healthy));
    let west = replica_name(WEST, "shop-west");
    let mut read = scene.evidence.lags.clone();
    read.retain(|lag| lag.replica == west);
    read.iter_mut().for_each(|lag| lag.replica = replica_name(MIDDLE, "shop-middle"));
    scene.evidence.lags.extend(read);
    scene
}

fn lag(scene: &mut Scene, at: &str, behind: u64) {
    let of_it = scene.evidence.lags.iter_mut().filter(|lag| lag.replica.starts_with(at));
    of_it.for_each(|lag| lag.behind = Millis(behind));
}

/// Goal: R16, of several healthy standbys the one that lacks least is activated; one of which nobody knows anything comes last,
/// and one that is not healthy is not chosen, whatever it has. Method: a table of what the agents see.
#[test]
fn r16_the_furthest_healthy_standby() {
    type Change = fn(&mut Scene);
    let table: [(&str, Change, &str); 6] = [
        ("equal: the first by name", |_| {}, MIDDLE),
        ("the other is further", |s| lag(s, WEST, 999), WEST),
        ("this one is further", |s| lag(s, MIDDLE, 0), MIDDLE),
        ("this one is unknown", |s| s.evidence.lags.retain(|lag| !lag.replica.starts_with(MIDDLE)), WEST),
        (
            "the further one is down",
            |s| {
                lag(s, MIDDLE, 0);
                let of_it = s.evidence.votes.iter_mut().filter(|vote| vote.target.region == region(MIDDLE));
                of_it.for_each(|vote| vote.verdict = Verdict::Down);
            },
            WEST,
        ),
        (
            "none is healthy: the first by name",
            |s| {
                lag(s, WEST, 0);
                s.evidence.votes.iter_mut().for_each(|vote| vote.verdict = Verdict::Down);
            },
            MIDDLE,
        ),
    ];
    for (case, change, expected) in table {
        let mut scene = two_standbys();
        change(&mut scene);
        assert_eq!(best(&scene.situation()), Some(&region(expected)), "{case}");
    }
}
