//! Agents of two versions in one cluster, and an upgrade of the last of them.

use crate::tell::Story;
use quorate_simulation::{
    EAST, SHOP,
    deed::{Deed::*, Operation},
    fault::Fault::*,
};

/// Goal: with two agents of a later version and one of this one, what came later is refused by the name of who holds it back,
/// and they fail over together; the level rises when the last one is upgraded, and then it is done. An agent that goes back
/// to the earlier version does not start, and says which one it needs. Method: one upgrade after another, an operator's
/// command before and after, a dead region between, and a downgrade.
#[test]
fn two_versions_work_together_until_all_are_upgraded() {
    let told = Story::of(F2)
        .at(16, Upgrade(0, 2))
        .at(22, Upgrade(1, 2))
        .at(30, Operate(0, SHOP, Operation::Later))
        .at(35, RegionDies(EAST))
        .at(75, Upgrade(2, 2))
        .at(85, Operate(0, SHOP, Operation::Later))
        .at(95, Upgrade(2, 1))
        .lasts(105)
        .told();
    told.failed_over_once();
    let refused = told.lines("refused (feature_level)");
    assert_eq!(refused.len(), 1, "{}", told.golden());
    assert!(refused[0].contains("`noa` understands 1"), "{}", refused[0]);
    let raised = told.when("agreed on feature level 2");
    assert!(
        told.when("starts as a build of feature level 2") < raised && raised >= 75.0,
        "{}",
        told.golden()
    );
    let stays_down = told.lines("needs feature level 2, and this build understands 1");
    assert!(!stays_down.is_empty(), "{}", told.golden());
}
