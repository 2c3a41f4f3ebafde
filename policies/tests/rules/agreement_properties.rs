//! Agreement over random votes: what must hold whatever the agents say. The expected count is made here a second
//! time, in another way than in the crate.

use crate::shop::*;
use proptest::{collection::vec, prelude::*, sample::select};
use quorate_policies::{
    AgentName, Millis, Policy, RegionName,
    agreement::{Ballot, Opinion, Vote, opinion_of_region, tally_region},
    health::Verdict,
    policy::Votes,
};
use std::collections::{BTreeMap, BTreeSet};

const FIVE: [(&str, &str); 5] = [(EVE, EAST), (WES, WEST), (NOA, NORTH), ("sue", "sa-east-1"), ("wim", WEST)];

fn five() -> BTreeMap<AgentName, RegionName> {
    FIVE.map(|(name, at)| (agent(name), region(at))).into()
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    select(vec![Verdict::Healthy, Verdict::Suspect, Verdict::Down, Verdict::Down, Verdict::Unknown])
}

/// A vote of one of five agents or of a stranger, on either of two checks, mostly countable.
fn any_vote() -> impl Strategy<Value = Vote> {
    let who = select(vec![EVE, WES, NOA, "sue", "wim", "mallory"]);
    let check = select(vec!["api", "api", "api", "cart"]);
    let mostly = || prop::bool::weighted(0.85);
    (who, check, any_verdict(), mostly(), mostly(), mostly(), mostly()).prop_map(
        |(who, check, verdict, armed, fresh, policy_matches, votes)| Vote {
            armed,
            age: Millis(if fresh { 3_000 } else { 3_001 }),
            policy_matches,
            abstains: !votes,
            ..on(check, vote(who, EAST, verdict))
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let votes = prop_oneof![Just(Votes::Majority), (1u32..=5).prop_map(Votes::Count)];
    (votes, 0u32..=3, 0u32..=2).prop_map(|(votes, min_vantages, dissent_max)| {
        let mut policy = policy();
        policy.probes.insert("cart".try_into().unwrap(), probe(None));
        policy.agreement.votes = votes;
        policy.agreement.min_vantages = min_vantages;
        policy.agreement.dissent_max = dissent_max;
        policy
    })
}

fn opinion(policy: &Policy, votes: &[Vote]) -> Opinion {
    tally_region(policy, &five(), &region(EAST), votes).opinion
}

/// Who is validly for down on one check, counted the plain way.
fn for_down(policy: &Policy, votes: &[Vote], check: &str) -> BTreeSet<AgentName> {
    votes
        .iter()
        .filter(|v| v.target.check.as_str() == check && v.verdict == Verdict::Down)
        .filter(|v| v.armed && v.policy_matches && !v.abstains && v.age <= policy.agreement.freshness)
        .filter(|v| five().contains_key(&v.agent))
        .map(|v| v.agent.clone())
        .collect()
}

proptest! {
    /// Goal: the opinion that an agent forms ten times a second is the one that the guards judge by. Method: random votes under
    /// random rules, counted with names and without.
    #[test]
    fn the_opinion_is_the_same_with_names_and_without(policy in any_policy(), votes in vec(any_vote(), 0..16)) {
        let ballots: Vec<Ballot<'_>> = votes.iter().map(Vote::ballot).collect();
        let without = opinion_of_region(&policy, &five(), &region(EAST), &ballots);
        prop_assert_eq!(without, opinion(&policy, &votes));
        let again: Vec<Vote> = ballots.into_iter().map(Vote::from).collect();
        prop_assert_eq!(again, votes);
    }

    /// Goal: R6, down means that on one target enough distinct, fresh, armed, configured agents agree, from enough
    /// other regions. Method: random votes under random rules; whenever down comes out, count again.
    #[test]
    fn r6_down_needs_enough_distinct_agents_and_vantages(policy in any_policy(), votes in vec(any_vote(), 0..16)) {
        if opinion(&policy, &votes) == Opinion::Down {
            let needed = policy.agreement.votes.needed(FIVE.len());
            let vantages = |agents: &BTreeSet<AgentName>| -> BTreeSet<RegionName> {
                agents.iter().map(|name| five()[name].clone()).filter(|at| *at != region(EAST)).collect()
            };
            let agreed = ["api", "cart"].map(|check| for_down(&policy, &votes, check));
            let enough = |agents: &BTreeSet<AgentName>| {
                agents.len() >= needed && vantages(agents).len() >= policy.agreement.min_vantages as usize
            };
            prop_assert!(agreed.iter().any(enough), "down by {agreed:?}, needed {needed}");
        }
    }

    /// Goal: R7, R9, one more vote that is not for down never takes a region down.
    /// Method: random votes that do not, one more healthy, suspect or unknown vote.
    #[test]
    fn r7_a_vote_that_is_not_for_down_never_takes_a_region_down(
        policy in any_policy(),
        votes in vec(any_vote(), 0..16),
        more in any_vote(),
        verdict in select(vec![Verdict::Healthy, Verdict::Suspect, Verdict::Unknown]),
    ) {
        if opinion(&policy, &votes) != Opinion::Down {
            let more = [votes, vec![Vote { verdict, ..more }]].concat();
            prop_assert_ne!(opinion(&policy, &more), Opinion::Down);
        }
    }

    /// Goal: R6, R8, a vote that may not count changes nothing: stale, abstaining, of a stranger.
    /// Method: random votes with and without one such vote.
    #[test]
    fn r6_a_vote_that_may_not_count_changes_nothing(
        policy in any_policy(),
        votes in vec(any_vote(), 0..16),
        more in any_vote(),
        flaw in 0..3,
    ) {
        let more = match flaw {
            0 => Vote { age: Millis(3_001), ..more },
            1 => Vote { abstains: true, ..more },
            _ => Vote { agent: agent("mallory"), ..more },
        };
        let with = [votes.clone(), vec![more]].concat();
        prop_assert_eq!(opinion(&policy, &votes), opinion(&policy, &with));
    }

    /// Goal: replicas agree: the order in which votes stand in the evidence does not matter.
    /// Method: random votes, and the same in another order.
    #[test]
    fn the_order_of_votes_does_not_matter(
        policy in any_policy(),
        (votes, shuffled) in vec(any_vote(), 0..16).prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle())),
    ) {
        let tally = |votes: &[Vote]| tally_region(&policy, &five(), &region(EAST), votes);
        prop_assert_eq!(tally(&votes), tally(&shuffled));
    }
}
