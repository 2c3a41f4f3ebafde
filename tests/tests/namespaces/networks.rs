//! Networks that are cut, lossy or one-way: what they must not move, and the one that must be left.

use super::QUIET;
use quorate_tests::{
    namespaces::{Lab, PRIMARY, REGIONS, STANDBY, Setting, WITNESS, story},
    until,
};
use std::time::Duration;

async fn terms(lab: &Lab) -> anyhow::Result<u64> {
    let mut highest = 0;
    for region in REGIONS {
        highest = highest.max(lab.status(region).await?.term);
    }
    Ok(highest)
}

/// Waits until every agent says that this guard keeps the service where it is.
async fn refused_everywhere(lab: &Lab, guard: &str) -> anyhow::Result<()> {
    until(&format!("everybody explains it by {guard}"), async || {
        let mut all = true;
        for region in REGIONS {
            all &= lab.cluster.refusal(region).await?.as_deref() == Some(guard);
        }
        Ok(all.then_some(()))
    })
    .await
}

/// Goal: F3, a partition shorter than the dwell changes nothing; F17, nor does a path that comes and goes, also when it
/// then stays away. Method: the primary region is cut off both ways until the others agree that it is down, and healed;
/// then the same with the path to its application alone, until the guard speaks, and it stays cut for longer than the
/// dwell.
#[test]
fn f03_f17_short_partitions_are_waited_out() -> anyhow::Result<()> {
    story(Setting { dwell: "5s", ..Setting::default() }, async |lab: &mut Lab| {
        lab.sever(&lab.primary_site(), &lab.rest())?;
        lab.until_seen(STANDBY, PRIMARY, "down").await?;
        lab.heal()?;
        lab.until_seen(STANDBY, PRIMARY, "healthy").await?;
        // Longer than the dwell.
        lab.quiet(Duration::from_secs(6)).await?;
        lab.untouched().await?;

        // The policy lets four pass, and the partition was one.
        for _ in 0..4 {
            lab.sever(&lab.agents(), &lab.service(PRIMARY))?;
            lab.until_seen(STANDBY, PRIMARY, "down").await?;
            lab.heal()?;
            lab.until_seen(STANDBY, PRIMARY, "healthy").await?;
        }
        lab.sever(&lab.agents(), &lab.service(PRIMARY))?;
        until("the guard says so", async || {
            let checks = lab.cluster.explain(STANDBY).await?.checks;
            Ok(checks.iter().any(|check| check.guard == "flapping" && !check.passes).then_some(()))
        })
        .await?;
        // Longer than the dwell.
        lab.quiet(Duration::from_secs(6)).await?;
        lab.untouched().await
    })
}

/// Goal: F4, a region that stays cut off is left, once, after its lease has run out, and its agent inside changes nothing.
/// F20, when it comes back it gets no traffic, no lease, and nothing is changed again. Method: a cut both ways between all
/// that stands in the region and all that does not; then healed.
#[test]
fn f04_f20_an_isolated_region_is_left_and_returns_without_traffic() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.sever(&lab.primary_site(), &lab.rest())?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await?;
        lab.nothing_by(PRIMARY).await?;
        assert!(!lab.status(PRIMARY).await?.has_quorum);
        lab.heal()?;
        until("the returned agent knows who is active", async || {
            let service = lab.cluster.service(PRIMARY).await?;
            Ok((service.active == STANDBY).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        let lease = lab.cluster.agent(PRIMARY).api.try_get::<quorate_api::Lease>("/v1/lease/shop").await?;
        assert!(lease.is_err(), "the old primary holds {lease:?}");
        lab.failed_over_once().await
    })
}

/// Goal: F5, R9, paths that work one way only: no failover and no flapping, because others see the region healthy. F6,
/// primary and standby region cut from each other, both seen by the witness: the same. Method: all that the primary
/// region's agent sends to its peers is lost; then instead all that the standby's agent sends to the primary's
/// application; then all between what stands in the one region and in the other.
#[test]
fn f05_f06_one_way_and_one_sided_cuts_are_outvoted() -> anyhow::Result<()> {
    story(Setting { dwell: "0s", ..Setting::default() }, async |lab: &mut Lab| {
        lab.sever_one_way(&lab.agent(PRIMARY), &lab.other_agents(PRIMARY))?;
        until("the mute agent has no quorum", async || {
            Ok((!lab.status(PRIMARY).await?.has_quorum).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.heal()?;
        lab.until_all_green().await?;
        lab.sever_one_way(&lab.agent(STANDBY), &lab.service(PRIMARY))?;
        until("one agent alone sees it down", async || {
            let service = lab.cluster.service(WITNESS).await?;
            let mut targets = service.regions.iter().flat_map(|region| &region.targets);
            Ok(targets.any(|target| target.down == [STANDBY]).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.untouched().await?;
        lab.heal()?;
        lab.until_all_green().await?;

        lab.sever(&lab.primary_site(), &lab.region(STANDBY).and(lab.agent(STANDBY)))?;
        until("each sees the other down, and is outvoted", async || {
            let service = lab.cluster.service(WITNESS).await?;
            let alone = |region: &str, by: &str| {
                let seen = service.regions.iter().find(|seen| seen.name == region);
                seen.is_some_and(|seen| seen.targets.iter().any(|target| target.down == [by]))
            };
            Ok((alone(PRIMARY, STANDBY) && alone(STANDBY, PRIMARY)).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.untouched().await
    })
}

/// Goal: F7, links between agents that are not transitive, in turn, as a dying switch has them: no storm of terms, no
/// action. F8, packets lost to and from one agent: the agreement does not see the region down. Method: one pair of agents at
/// a time is cut from each other; the kernel drops 40, then 80 of a hundred packets between the witness and everything else.
#[test]
fn f07_f08_bad_networks_move_nothing() -> anyhow::Result<()> {
    /// An election for each cut, and one more for a vote that was split.
    const TERMS_A_CUT: u64 = 2;
    story(Setting { dwell: "0s", ..Setting::default() }, async |lab: &mut Lab| {
        let mut before = terms(lab).await?;
        for (one, other) in [(PRIMARY, STANDBY), (STANDBY, WITNESS), (WITNESS, PRIMARY)] {
            lab.sever(&lab.agent(one), &lab.agent(other))?;
            lab.quiet(QUIET).await?;
            let after = terms(lab).await?;
            assert!(after <= before + TERMS_A_CUT, "{one} cut from {other}: from term {before} to {after}");
            before = after;
            lab.heal()?;
        }

        let (witness, everything) =
            (lab.agent(WITNESS), lab.other_agents(WITNESS).and(lab.region(PRIMARY)).and(lab.region(STANDBY)));
        for percent in [40, 80] {
            lab.heal()?;
            lab.lossy(&witness, &everything, percent)?;
            lab.quiet(QUIET).await?;
        }
        assert_ne!(lab.opinion(STANDBY, PRIMARY).await?, "down");
        lab.untouched().await
    })
}

/// Goal: F18, R10, everything unreachable at once: nothing is moved, and nothing is when one region comes back before the
/// other. Method: the paths from all agents to both regions' applications are cut, while agents see each other, for longer than
/// the dwell; the standby's are healed, and when everybody sees it, the primary's.
#[test]
fn f18_what_fails_together_comes_back_in_turn() -> anyhow::Result<()> {
    /// Longer than a region that answers needs to be seen healthy, also by agents that share two processors.
    const DWELL: Duration = Duration::from_secs(10);
    story(Setting { dwell: "10s", ..Setting::default() }, async |lab: &mut Lab| {
        // The standby first: the primary alone would rightly be left.
        lab.sever(&lab.agents(), &lab.service(STANDBY))?;
        lab.until_seen(WITNESS, STANDBY, "down").await?;
        lab.sever(&lab.agents(), &lab.service(PRIMARY))?;
        refused_everywhere(lab, "everything_down").await?;
        lab.quiet(DWELL + QUIET).await?;
        lab.heal()?;
        lab.sever(&lab.agents(), &lab.service(PRIMARY))?;
        lab.until_seen(WITNESS, STANDBY, "healthy").await?;
        refused_everywhere(lab, "dwell").await?;
        lab.heal()?;
        lab.until_all_green().await?;
        lab.untouched().await
    })
}
