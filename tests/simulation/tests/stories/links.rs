//! Links that carry one way only, not everywhere, or hardly anything.

use crate::tell::Story;
use quorate_simulation::{EAST, deed::Deed::*, fault::Fault::*};

/// Goal: F5, a path works one way only: whoever sees the primary healthy vetoes. Method: two of three agents, a majority,
/// do not reach the primary's region; the third stands in it and does.
#[test]
fn f05_a_majority_cannot_reach_the_primary_and_one_can() {
    let told = Story::of(F5).at(20, Dark(1, EAST)).at(20, Dark(2, EAST)).at(80, NetworkRepaired).told();
    assert!(told.refused("dissent"), "{}", told.golden());
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F5, messages go one way only: no flapping of leaders or regions. Method: nothing of the leader reaches the other
/// two, and everything of theirs reaches it.
#[test]
fn f05_the_leader_is_heard_by_nobody_and_hears_all() {
    let told = Story::of(F5).at(20, Cut(0, 1)).at(20, Cut(0, 2)).at(80, NetworkRepaired).told();
    told.nothing_was_done();
    assert!(
        told.last_term() <= 3,
        "a term for the new leader, and one more at the most: {}",
        told.last_term()
    );
    insta::assert_snapshot!(told.golden());
}

/// Goal: F7, a half-dead switch between three agents: no storm of terms, no action. Method: two of them do not reach each
/// other for a minute; both reach the third.
#[test]
fn f07_two_agents_reach_only_the_third() {
    let told = Story::of(F7).at(20, Cut(0, 1)).at(20, Cut(1, 0)).at(80, NetworkRepaired).told();
    told.nothing_was_done();
    assert!(told.last_term() <= 3, "pre-vote was to keep the peace: {}", told.last_term());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F8, heavy loss at one agent: what it alone believes to be down is not down, and the primary keeps its lease.
/// Method: for a minute the agent outside of both regions loses two of three packets.
#[test]
fn f08_one_agent_loses_most_of_its_packets() {
    let told = Story::of(F8).at(20, Lossy(2, 660)).at(80, NetworkRepaired).told();
    told.nothing_was_done();
    assert_eq!(
        told.count("may not write in us-east-1 any more"),
        0,
        "two agents are a quorum:\n{}",
        told.golden()
    );
    insta::assert_snapshot!(told.golden());
}

/// Goal: F8, delay on top of the loss: no failover. The price is that the primary may not write for as long: a lease of 3 s
/// does not outlast elections whose messages are up to a second late each. Method: the same, and every message is up to
/// 900 ms late. Ten seconds, and that at one peer only, cannot be told: congestion is everybody's here.
#[test]
fn f08_one_agent_loses_packets_and_all_messages_are_late() {
    let told = Story::of(F8).at(20, Lossy(2, 660)).at(20, Congested(900)).at(80, NetworkRepaired).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F8, the same at the leader, in the primary's region: no failover, though the lease comes and goes. Method: the
/// leader loses half of its packets.
#[test]
fn f08_the_leader_loses_half_of_its_packets() {
    let told = Story::of(F8).at(20, Lossy(0, 500)).at(80, NetworkRepaired).told();
    told.nothing_was_done();
    insta::assert_snapshot!(told.golden());
}
