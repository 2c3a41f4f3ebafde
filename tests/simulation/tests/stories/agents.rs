//! Agents that lose their quorum, come and go, or speak another version.

use crate::tell::Story;
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Operation},
    fault::Fault::*,
};

/// Goal: F12, the quorum is lost and then the primary dies: freeze; a human's word works once there is a quorum again.
/// Method: two of three agents lose power, then the region dies. When they are back they have never seen it healthy, so
/// nothing is done until an operator says so; and as they cannot know for how long it has failed, he must accept the loss.
#[test]
fn f12_the_quorum_is_lost_and_then_the_primary_dies() {
    let told = Story::of(F12)
        .at(20, PowerCut(1))
        .at(20, PowerCut(2))
        .at(25, RegionDies(EAST))
        .at(60, Boot(1))
        .at(60, Boot(2))
        .at(85, Operate(2, SHOP, Operation::Failover { accept_data_loss: false }))
        .at(95, Operate(2, SHOP, Operation::Failover { accept_data_loss: true }))
        .lasts(150)
        .told();
    assert!(
        told.refused("already_red_at_start") && told.refused("replica_lag_too_high"),
        "{}",
        told.golden()
    );
    assert_eq!((told.automatic(), told.decisions(), told.succeeded()), (0, 1, 1), "{}", told.golden());
    assert!(told.when(" decided, epoch 2") >= 95.0, "only by the human:\n{}", told.golden());
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F24, one agent speaks another version: it abstains, and the others suffice. Method: no report of one agent can be
/// read, nor can it read the others'; then the region dies. The old agent is not a real one of an earlier release: only
/// that messages cannot be read is told here; the real older formats are the business of the fuzzing corpus.
#[test]
fn f24_one_agent_speaks_another_version() {
    let told = Story::of(F24).at(20, Foreign(2, true)).at(30, RegionDies(EAST)).told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F24, where versions are mixed so far that no majority understands itself, nothing is done: unknown is not down.
/// Method: two of three agents cannot be read, the region dies, and the upgrade is finished later.
#[test]
fn f24_no_majority_understands_itself() {
    let told = Story::of(F24)
        .at(20, Foreign(1, true))
        .at(20, Foreign(2, true))
        .at(30, RegionDies(EAST))
        .at(60, Foreign(1, false))
        .at(60, Foreign(2, false))
        .lasts(120)
        .told();
    assert!(told.when(" decided, epoch 2") >= 60.0, "{}", told.golden());
    told.failed_over_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F28, agents go during a failure: the quorum never shrinks silently. Method: the region dies, and before the dwell
/// is over two of three agents lose power; the one that is left counts three members still and does nothing until one is
/// back, and then leaves it to a human, as that one has never seen the region healthy.
#[test]
fn f28_agents_go_during_a_failure() {
    let told = Story::of(F28)
        .at(20, RegionDies(EAST))
        .at(22, PowerCut(1))
        .at(22, PowerCut(2))
        .at(50, Boot(1))
        .at(70, Operate(0, SHOP, Operation::Failover { accept_data_loss: true }))
        .lasts(120)
        .told();
    assert!(told.refused("already_red_at_start"), "{}", told.golden());
    assert_eq!((told.automatic(), told.decisions()), (0, 1), "only the human's:\n{}", told.golden());
    assert!(told.when(" decided, epoch 2") >= 70.0, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F28, a dead agent is replaced, and the new one counts: the quorum is that of the agents whom the log names. Method: the
/// third agent loses power for good, an operator puts another in its place, and the active region dies with its own agent:
/// without the new one there would be no quorum.
#[test]
fn f28_a_dead_agent_is_replaced_and_the_region_dies() {
    let told = Story::of(F28)
        .at(20, PowerCut(2))
        .at(24, Joins(Some(2)))
        .at(40, RegionDies(EAST))
        .at(41, PowerCut(0))
        .lasts(120)
        .told();
    assert_eq!(
        told.count("agents: replace noa by sol in sa-east-1 done, 3 agents decide"),
        1,
        "{}",
        told.golden()
    );
    assert_eq!(told.decisions(), 1, "{}", told.golden());
    insta::assert_snapshot!(told.golden());
}

/// Goal: F28, who was removed counts no more, and the others decide without it. Method: a fourth agent is added, another is
/// removed while its process goes on, and the region dies.
#[test]
fn f28_one_comes_and_another_goes() {
    let told =
        Story::of(F28).at(20, Joins(None)).at(26, Leaves(2)).at(40, RegionDies(EAST)).lasts(120).told();
    assert_eq!(told.count("agents: remove noa done, 3 agents decide"), 1, "{}", told.golden());
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}

/// Goal: F31, churn near the quorum: safe always, and live as long as there is a quorum. Method: of five agents two are
/// always down, others each time, while the region dies.
#[test]
fn f31_agents_stop_and_start_around_the_quorum() {
    let mut story = Story::of(F31).agents(5).at(18, PowerCut(3)).at(18, PowerCut(4)).at(30, RegionDies(EAST));
    let turns = [(24.0, 3, 2), (33.0, 2, 1), (39.0, 4, 3), (45.0, 1, 2), (52.0, 3, 4)];
    for (at, comes, goes) in turns {
        story = story.at(at, Boot(comes)).at(at + 2.0, PowerCut(goes));
    }
    let told = story.lasts(150).told();
    told.failed_over_once();
    told.writes_moved_once();
    insta::assert_snapshot!(told.golden());
}
