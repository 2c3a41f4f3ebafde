//! The whole crate in a simulated world, under openraft-rt-sim: thousands of events in a second, and the same
//! seed gives the same run to the last byte on the disks.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helping functions too")]

#[path = "simulation/clients.rs"]
mod clients;
#[path = "simulation/ledger.rs"]
mod ledger;
#[path = "simulation/misfortune.rs"]
mod misfortune;
#[path = "simulation/network.rs"]
mod network;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/world.rs"]
mod world;

use std::time::Duration;

use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use oracle::Oracle;
use world::{Scenario, World};

/// Enough for a dozen misfortunes and several snapshots.
const LENGTH: Duration = Duration::from_secs(120);

fn run(scenario: Scenario) -> Oracle {
    SimRuntime::with_seed(scenario.seed).block_on(async { World::new(scenario).run().await })
}

fn three_members(seed: u64) -> Scenario {
    Scenario { seed, members: 3, length: LENGTH, disk_lies: false, idle: false }
}

/// Runs the seeds and fails with the seed and the last events of the first bad run.
fn check(seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let seen = run(three_members(seed));
        println!(
            "seed {seed}: trace {:016x}, {} acknowledged, {} leaders, {} silences, {} events",
            seen.trace_hash(),
            seen.acknowledged_count(),
            seen.leaders_count(),
            seen.silences_told(),
            seen.events.len()
        );
        let last = seen.events.iter().rev().take(60).rev().cloned().collect::<Vec<_>>().join("\n");
        assert!(
            seen.violations.is_empty(),
            "seed {seed}: {:#?}\nthe last events:\n{last}\nreplay: SEED={seed} cargo test -p quorate-consensus --test simulation one_seed",
            seen.violations
        );
        assert!(
            seen.acknowledged_count() > 50,
            "seed {seed}: only {} commands got through",
            seen.acknowledged_count()
        );
        assert!(
            seen.silences_told() > 0,
            "seed {seed}: no new leader knew how long its predecessors were silent"
        );
    }
}

/// Goal: what was committed never changes, replicas agree, no acknowledged command is lost or has two effects,
/// reads behind a barrier are current, a term has one leader, and no leader proves itself while a successor calls it
/// silent. Method: fixed seeds, in-region timing.
#[test]
fn safety_holds_in_one_region() {
    check((0..20).step_by(2));
}

/// Goal: the same across regions. Method: fixed seeds, wide-area timing and delays.
#[test]
fn safety_holds_across_regions() {
    check((1..20).step_by(2));
}

/// Goal: a seed is a whole description of a run. Method: run it twice and compare the traces, which hold the
/// times of all events and the bytes of all disks.
#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, two) = (run(three_members(7)), run(three_members(7)));
    assert_eq!(one.events, two.events);
    assert_eq!(one.trace_hash(), two.trace_hash());
    assert_ne!(one.trace_hash(), run(three_members(9)).trace_hash());
}

/// Goal: the checks above can fail. Method: disks that acknowledge a sync one too early must be noticed.
#[test]
fn a_lying_disk_is_noticed() {
    let noticed = |seed| !run(Scenario { disk_lies: true, ..three_members(seed) }).violations.is_empty();
    assert!((0..10).any(noticed), "no seed noticed that acknowledged writes were not durable");
}

/// Goal: a leader that is no longer answered is replaced, although its followers still hear it. Method: make
/// the leader deaf for good and see that commands get through again.
#[test]
fn a_deaf_leader_is_replaced() {
    SimRuntime::with_seed(1).block_on(async {
        let mut world = World::new(three_members(1));
        let deaf = world.boot_all().await;
        for other in world.nodes().into_iter().filter(|&other| other != deaf) {
            world.network.cut(other, deaf);
        }
        // Its patience, two silent phases with a sending one between them, and an election.
        SimRuntime::sleep(world.timing().election_max * 10).await;
        let before = world.oracle().acknowledged_count();
        SimRuntime::sleep(world.timing().election_max * 10).await;
        assert!(world.oracle().acknowledged_count() > before, "nobody replaced the deaf leader");
        assert!(world.hosts[&deaf].consensus.confirm_leadership(Duration::from_secs(1)).await.is_err());
        assert_eq!(world.end().await.violations, Vec::<String>::new());
    });
}

/// Goal: a deposed leader that gives its vote counts its own leadership as no silence. Method: the leader proves itself with
/// one follower while the other is cut off; then the first goes, and the leader, silent without a quorum, elects the second,
/// neither of whom has heard an append for long.
#[test]
fn a_former_leader_was_not_silent() {
    SimRuntime::with_seed(4).block_on(async {
        let mut world = World::new(Scenario { idle: true, ..three_members(4) });
        let leader = world.boot_all().await;
        let others: Vec<_> = world.nodes().into_iter().filter(|&other| other != leader).collect();
        let (helper, next) = (others[0], others[1]);
        for other in [leader, helper] {
            world.network.cut(other, next);
            world.network.cut(next, other);
        }
        SimRuntime::sleep(Duration::from_secs(5)).await;
        world.cut_power(helper);
        SimRuntime::sleep(world.timing().election_max * 2).await;
        world.network.repair();
        SimRuntime::sleep(world.timing().election_max * 10).await;
        assert!(
            world.hosts[&next].consensus.standing().is_leader,
            "the one that was cut off did not take over"
        );
        assert_eq!(world.end().await.violations, Vec::<String>::new());
    });
}

/// Goal: a member whose disk was replaced does not help to elect a leader that lacks what it once held.
/// Method: commit without one member, replace the disk of a second, take the third away, and let the two that
/// lack the entries meet. Nothing may be committed until the third is back, and nothing may be lost.
#[test]
fn a_replaced_disk_gives_no_vote_before_it_has_caught_up() {
    SimRuntime::with_seed(2).block_on(async {
        let mut world = World::new(three_members(2));
        let leader = world.boot_all().await;
        let others: Vec<_> = world.nodes().into_iter().filter(|&other| other != leader).collect();
        let (absent, replaced) = (others[0], others[1]);
        world.cut_power(absent);
        SimRuntime::sleep(Duration::from_secs(5)).await;
        world.cut_power(leader);
        world.cut_power(replaced);
        world.replace_disk(replaced);
        SimRuntime::sleep(Duration::from_secs(1)).await;
        let before = world.oracle().acknowledged_count();
        world.boot(absent).await;
        world.boot(replaced).await;
        SimRuntime::sleep(world.timing().election_max * 20).await;
        assert_eq!(
            world.oracle().acknowledged_count(),
            before,
            "a leader was elected that lacks committed entries"
        );
        world.boot(leader).await;
        SimRuntime::sleep(world.timing().election_max * 20).await;
        assert!(world.oracle().acknowledged_count() > before);
        assert!(world.hosts[&replaced].consensus.standing().settled);
        assert_eq!(world.end().await.violations, Vec::<String>::new());
    });
}

/// Goal: a new cluster is not blocked when its first leader is gone before anyone has settled. Method: cut the
/// leader's power as soon as a follower holds its first entry, bring it back, and see commands get through.
#[test]
fn a_new_cluster_survives_the_loss_of_its_first_leader() {
    let mut nobody_had_settled = 0;
    for seed in 0..10 {
        SimRuntime::with_seed(seed).block_on(async {
            let mut world = World::new(three_members(seed));
            for node in world.nodes() {
                world.boot(node).await;
            }
            let first = loop {
                SimRuntime::sleep(Duration::from_millis(1)).await;
                let standings: Vec<_> = world.hosts.values().map(|host| host.consensus.standing()).collect();
                let followed =
                    standings.iter().any(|other| !other.is_leader && other.last_log_index > Some(0));
                if let Some(leader) = standings.iter().find(|other| other.is_leader).filter(|_| followed) {
                    nobody_had_settled += u32::from(standings.iter().all(|standing| !standing.settled));
                    break leader.me;
                }
            };
            world.cut_power(first);
            SimRuntime::sleep(world.timing().election_max).await;
            world.boot(first).await;
            SimRuntime::sleep(world.timing().election_max * 20).await;
            assert_ne!(world.oracle().acknowledged_count(), 0, "seed {seed}");
            assert_eq!(world.end().await.violations, Vec::<String>::new(), "seed {seed}");
        });
    }
    assert_ne!(nobody_had_settled, 0, "no seed met the case");
}

/// Goal: a disk that fails stops the node, which says so, and what it held is not acknowledged. Method: take
/// the disk from under a single running voter.
#[test]
fn a_failed_disk_stops_the_node() {
    SimRuntime::with_seed(3).block_on(async {
        let mut world = World::new(Scenario { members: 1, ..three_members(3) });
        let node = world.boot_all().await;
        world.disks[&node].crash();
        let consensus = world.hosts[&node].consensus.clone();
        assert!(
            consensus.propose(ledger::Note::from("lost".to_owned()), Duration::from_secs(5)).await.is_err()
        );
        let why = consensus.stopped().await.why;
        assert!(why.contains("lost power"), "{why}");
        assert_eq!(consensus.standing().stopped, Some(why));
        assert!(!consensus.standing().has_quorum);
    });
}

/// Goal: replay one seed with its events, or search many. Method: `SEED=7` prints the events of one run,
/// `SEED=100 COUNT=50` runs fifty; without either, one more seed is run.
#[test]
fn one_seed() {
    #[expect(clippy::disallowed_methods, reason = "a developer's switch, not a setting")]
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SEED").unwrap_or(20);
    match number("COUNT") {
        Some(count) => check(seed..seed + count),
        None => {
            run(three_members(seed)).events.iter().for_each(|event| println!("{event}"));
            check([seed]);
        }
    }
}
