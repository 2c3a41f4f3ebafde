//! How votes are counted, rule by rule. Agreement detects; it authorizes nothing.

use crate::shop::*;
use quorate_policies::{
    Millis, Policy, RegionName,
    agreement::{Opinion, RegionTally, TargetTally, Vote, tally_region},
    health::Verdict,
    policy::{Priority, Votes},
};
use std::collections::BTreeMap;

fn tally(policy: &Policy, votes: &[Vote]) -> RegionTally {
    tally_region(policy, &members(), &region(EAST), votes)
}

fn target(votes: &[Vote]) -> TargetTally {
    tally(&policy(), votes).targets.remove(0)
}

fn opinion(votes: &[Vote]) -> Opinion {
    tally(&policy(), votes).opinion
}

/// Goal: three agents that see the region down make it objectively down, three that see it healthy make it healthy.
/// Method: the two clearest cases and every mixture of verdicts in which nobody says healthy.
#[test]
fn clear_cases() {
    assert_eq!(opinion(&all(EAST, Verdict::Down)), Opinion::Down);
    assert_eq!(opinion(&all(EAST, Verdict::Healthy)), Opinion::Healthy);
    assert_eq!(opinion(&all(EAST, Verdict::Suspect)), Opinion::Unsure);
    assert_eq!(opinion(&all(EAST, Verdict::Unknown)), Opinion::Unsure);
    assert_eq!(opinion(&[]), Opinion::Unsure, "no votes are no opinion");
}

/// Goal: P1, a majority is one of the configured agents, never of those that answer.
/// Method: one agent of three is reachable and sees the region down; the other two are silent.
#[test]
fn p1_a_majority_is_of_configured_agents() {
    let mut policy = policy();
    policy.agreement.min_vantages = 1;
    let one = tally(&policy, &[down(NOA, EAST)]);
    assert_eq!((one.opinion, one.targets[0].needed), (Opinion::Unsure, 2));
    assert_eq!(one.targets[0].silent, agents(&[EVE, WES]));
    let two = tally(&policy, &[down(NOA, EAST), down(WES, EAST)]);
    assert_eq!(two.opinion, Opinion::Down);
}

/// Goal: majorities of one to seven configured agents are more than half. Method: the table.
#[test]
fn p1_majority_table() {
    let needed: Vec<usize> = (1..=7).map(|agents| Votes::Majority.needed(agents)).collect();
    assert_eq!(needed, [1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(Votes::Count(2).needed(7), 2);
}

/// Goal: R6, a vote older than the policy's freshness counts for nothing, and the agent is silent.
/// Method: the vote of the second agent outside, just within and just beyond the limit.
#[test]
fn r6_a_stale_vote_counts_for_nothing() {
    let aged = |age| [down(EVE, EAST), down(WES, EAST), Vote { age: Millis(age), ..down(NOA, EAST) }];
    assert_eq!(opinion(&aged(3_000)), Opinion::Down);
    assert_eq!(opinion(&aged(3_001)), Opinion::Unsure);
    assert_eq!(target(&aged(3_001)).silent, agents(&[NOA]));
}

/// Goal: R7, R9, what no longer is fresh cannot veto either. Method: a stale healthy vote beside two fresh ones for
/// down.
#[test]
fn r9_a_stale_healthy_vote_does_not_veto() {
    let stale = Vote { age: Millis(3_001), ..healthy(EVE, EAST) };
    assert_eq!(opinion(&[stale, down(WES, EAST), down(NOA, EAST)]), Opinion::Down);
}

/// Goal: R29, a vote under another policy counts neither way and is named. Method: for down and for healthy.
#[test]
fn r29_a_vote_under_another_policy_counts_neither_way() {
    let other = |vote: Vote| Vote { policy_matches: false, ..vote };
    let votes = [down(EVE, EAST), down(WES, EAST), other(down(NOA, EAST))];
    assert_eq!(opinion(&votes), Opinion::Unsure);
    assert_eq!(target(&votes).mismatched, agents(&[NOA]));
    let votes = [other(healthy(EVE, EAST)), down(WES, EAST), down(NOA, EAST)];
    assert_eq!(opinion(&votes), Opinion::Down);
}

/// Goal: R6, R8, an abstaining agent counts neither as down nor as healthy. Method: for both verdicts.
#[test]
fn r8_an_abstaining_agent_counts_neither_way() {
    let abstains = |vote: Vote| Vote { abstains: true, ..vote };
    let votes = [down(EVE, EAST), down(WES, EAST), abstains(down(NOA, EAST))];
    assert_eq!(opinion(&votes), Opinion::Unsure);
    assert_eq!(target(&votes).silent, agents(&[NOA]));
    assert_eq!(opinion(&[abstains(healthy(EVE, EAST)), down(WES, EAST), down(NOA, EAST)]), Opinion::Down);
}

/// Goal: F26, P21, an agent that never saw the target healthy does not help to take it down.
/// Method: two armed votes and one unarmed; then only one armed.
#[test]
fn f26_an_unarmed_vote_does_not_count() {
    let unarmed = |vote: Vote| Vote { armed: false, ..vote };
    assert_eq!(opinion(&[unarmed(down(EVE, EAST)), down(WES, EAST), down(NOA, EAST)]), Opinion::Down);
    let votes = [down(EVE, EAST), down(WES, EAST), unarmed(down(NOA, EAST))];
    assert_eq!(opinion(&votes), Opinion::Unsure, "the unarmed agent is the second vantage");
    assert_eq!(target(&votes).unarmed, agents(&[NOA]));
    assert_eq!(target(&votes).vantages, [region(WEST)].into());
}

/// Goal: R6, an agent has one vote, however often it appears. Method: the same vote three times, and votes of a
/// stranger.
#[test]
fn r6_an_agent_has_one_vote() {
    let mut policy = policy();
    policy.agreement.min_vantages = 1;
    assert_eq!(tally(&policy, &[down(NOA, EAST), down(NOA, EAST), down(NOA, EAST)]).opinion, Opinion::Unsure);
    let strangers = [down(NOA, EAST), down("mallory", EAST), down("trudy", EAST)];
    assert_eq!(tally(&policy, &strangers).opinion, Opinion::Unsure);
}

/// Goal: R6, a region must be seen down from enough *other* regions; its own agent is no vantage.
/// Method: two votes of which one is the region's own, under both settings; and two agents in one region.
#[test]
fn r6_the_regions_own_agent_is_no_vantage() {
    let own_and_one = [down(EVE, EAST), down(WES, EAST)];
    assert_eq!(opinion(&own_and_one), Opinion::Unsure);
    assert_eq!(target(&own_and_one).vantages, [region(WEST)].into());
    let mut lenient = policy();
    lenient.agreement.min_vantages = 1;
    assert_eq!(tally(&lenient, &own_and_one).opinion, Opinion::Down);

    let crowded: BTreeMap<_, RegionName> =
        [(EVE, EAST), (WES, WEST), ("wim", WEST)].map(|(name, at)| (agent(name), region(at))).into();
    let votes = [down(EVE, EAST), down(WES, EAST), down("wim", EAST)];
    let tally = tally_region(&policy(), &crowded, &region(EAST), &votes);
    assert_eq!(tally.opinion, Opinion::Unsure, "two agents in one region are one vantage");
}

/// Goal: R9, one healthy observer vetoes, and `dissent_max` says how many may be overruled.
/// Method: five agents, four for down and one for healthy, under a tolerance of none and of one.
#[test]
fn r9_a_healthy_observer_vetoes() {
    let five: BTreeMap<_, _> =
        [(EVE, EAST), (WES, WEST), (NOA, NORTH), ("sue", "sa-east-1"), ("ian", "ap-south-1")]
            .map(|(name, at)| (agent(name), region(at)))
            .into();
    let votes = [down(EVE, EAST), down(WES, EAST), down(NOA, EAST), down("sue", EAST), healthy("ian", EAST)];
    let mut policy = policy();
    assert_eq!(tally_region(&policy, &five, &region(EAST), &votes).opinion, Opinion::Unsure);
    policy.agreement.dissent_max = 1;
    assert_eq!(tally_region(&policy, &five, &region(EAST), &votes).opinion, Opinion::Down);
}

/// Goal: F16, an agent that is still confirming is neither for nor against. Method: one suspects, two see it down.
#[test]
fn f16_a_suspicion_is_neither_for_nor_against() {
    let suspects = |name| vote(name, EAST, Verdict::Suspect);
    let votes = [suspects(EVE), down(WES, EAST), down(NOA, EAST)];
    assert_eq!(opinion(&votes), Opinion::Down);
    assert_eq!(target(&votes).suspect, agents(&[EVE]));
    assert_eq!(opinion(&[down(EVE, EAST), suspects(WES), down(NOA, EAST)]), Opinion::Unsure);
}

/// Goal: votes on one region say nothing about another. Method: everybody sees the other region down.
#[test]
fn votes_on_another_region_do_not_count() {
    assert_eq!(opinion(&all(WEST, Verdict::Down)), Opinion::Unsure);
}

/// The shop with a critical database and cart, and recommendations that nobody misses.
fn with_components() -> Policy {
    let mut policy = policy();
    policy.probes.clear();
    for (name, priority) in [
        ("database", Priority::Critical),
        ("cart", Priority::Critical),
        ("ads", Priority::Low),
        ("mail", Priority::High),
    ] {
        policy.components.insert(name.try_into().unwrap(), component(priority));
        policy.probes.insert(name.try_into().unwrap(), probe(Some(name)));
    }
    policy
}

fn see(check: &str, verdict: Verdict) -> Vec<Vote> {
    all(EAST, verdict).into_iter().map(|vote| on(check, vote)).collect()
}

/// Goal: a region is down if any critical component is, healthy if all are, and unsure otherwise; what is not
/// critical does not matter. Method: a table of two critical and two other components.
#[test]
fn a_region_is_folded_from_its_critical_components() {
    use Verdict::{Down, Healthy, Suspect, Unknown};
    let table = [
        (Healthy, Healthy, Down, Down, Opinion::Healthy),
        (Healthy, Healthy, Unknown, Unknown, Opinion::Healthy),
        (Down, Healthy, Healthy, Healthy, Opinion::Down),
        (Healthy, Down, Healthy, Healthy, Opinion::Down),
        (Down, Unknown, Healthy, Healthy, Opinion::Down),
        (Unknown, Healthy, Healthy, Healthy, Opinion::Unsure),
        (Suspect, Healthy, Healthy, Healthy, Opinion::Unsure),
        (Unknown, Unknown, Down, Down, Opinion::Unsure),
    ];
    for (database, cart, ads, mail, expected) in table {
        let votes =
            [see("database", database), see("cart", cart), see("ads", ads), see("mail", mail)].concat();
        let tally = tally(&with_components(), &votes);
        assert_eq!(tally.opinion, expected, "database {database}, cart {cart}, ads {ads}, mail {mail}");
        assert_eq!(tally.targets.len(), 2, "only critical targets are counted");
    }
}

/// Goal: agreement is of one target: half of the agents on one component and half on another agree on nothing.
/// Method: two agents see only the database down, the third only the cart.
#[test]
fn r6_votes_on_different_components_do_not_add_up() {
    let votes =
        [on("database", down(EVE, EAST)), on("database", down(WES, EAST)), on("cart", down(NOA, EAST))];
    assert_eq!(tally(&with_components(), &votes).opinion, Opinion::Unsure);
}

/// Goal: R7, a probe without a component, or of a component that the policy does not describe, is critical; and a
/// region of which nothing critical is probed is unsure. Method: one policy each.
#[test]
fn r7_what_is_not_described_is_critical_and_what_is_not_probed_is_unsure() {
    let mut policy = with_components();
    policy.components.clear();
    assert_eq!(tally(&policy, &see("ads", Verdict::Down)).opinion, Opinion::Down);
    let mut policy = with_components();
    policy.probes.retain(|check, _| check.as_str() == "ads");
    assert_eq!(tally(&policy, &see("ads", Verdict::Healthy)).opinion, Opinion::Unsure);
    assert_eq!(tally(&policy, &see("ads", Verdict::Down)).opinion, Opinion::Unsure);
}
