//! Faults on real processes and a network that is really cut: agents in network namespaces, packets that are dropped,
//! SIGKILL and SIGSTOP, a full disk, other clocks. Each test is named by the faults of safety.md that it brings about; the
//! judge is the sandbox's own record, and at the end of each story the agents must agree and no two regions may ever
//! have held the write lease. They take turns, and are skipped, loudly, where namespaces cannot be made.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod networks;

use quorate_api::Execution;
use quorate_tests::{
    namespaces::{Lab, PRIMARY, REGIONS, STANDBY, Setting, WITNESS, story},
    until,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than the usual dwell and the probes together: what has not happened by then is not happening.
const QUIET: Duration = Duration::from_secs(4);

fn gone() -> Value {
    json!({"kind": "kill", "control_plane": true})
}

/// The longest pause of a host that is reckoned with: a migration of a virtual machine.
const MINUTE: Duration = Duration::from_secs(60);

async fn hold_promotion(lab: &Lab, applies: &str, ms: u64) -> anyhow::Result<()> {
    let body = json!({"operation": "PromoteReadReplica", "region": STANDBY, "ms": ms, "applies": applies});
    lab.cluster.stage.control.post("/control/hold", &body).await.map(drop)
}

/// Waits until a step is under way, and says who does it.
async fn step_under_way(lab: &Lab, of: &str, name: &str, but: Option<&str>) -> anyhow::Result<String> {
    until(&format!("{of} knows who does {name}"), async || {
        let executions = lab.cluster.executions(of).await?.executions;
        let steps = executions.into_iter().flat_map(|execution: Execution| execution.steps);
        let started = steps.filter(|step| step.name == name && step.state == "started");
        Ok(started.filter_map(|step| step.agent).find(|agent| Some(agent.as_str()) != but))
    })
    .await
}

/// Some agent that is not this one.
fn other_than(region: &str) -> &'static str {
    REGIONS.into_iter().rev().find(|other| *other != region).unwrap()
}

async fn leader(lab: &Lab) -> anyhow::Result<String> {
    until("somebody leads", async || Ok(lab.cluster.stage.leader().await)).await
}

/// Goal: F1, a region dies with all that is in it: exactly one failover, in the right order. Method: its application and
/// AWS endpoints refuse, and its agent is SIGKILLed.
#[test]
fn f01_a_whole_region_is_killed() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.kill(PRIMARY).await;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await?;
        lab.nothing_by(PRIMARY).await
    })
}

/// Goal: F2, an agent that does not run loses its lease and its lead, and nothing else happens; awake, it abstains until
/// it has looked around; a leader that sleeps through a failover does nothing to it afterwards. Method: SIGSTOP to the
/// primary region's agent, then, with the region dead, to the leader; SIGCONT.
#[test]
fn f02_paused_agents_wake_up_careful() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.pause(PRIMARY)?;
        lab.quiet(Duration::from_secs(6)).await?;
        lab.wake(PRIMARY)?;
        until("the woken agent abstains", async || Ok(lab.status(PRIMARY).await?.abstains)).await?;
        lab.until_all_green().await?;
        lab.untouched().await?;

        let sleeper = leader(lab).await?;
        lab.pause(&sleeper)?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.cluster.failed_over(other_than(&sleeper)).await?;
        lab.failed_over_once().await?;
        lab.wake(&sleeper)?;
        until("the old leader abstains", async || Ok(lab.status(&sleeper).await?.abstains)).await?;
        lab.quiet(QUIET).await?;
        lab.nothing_by(&sleeper).await
    })
}

/// Goal: F2, an agent that sleeps for a minute, through its own region's death and the whole failover, wakes up to a service that has moved:
/// it does nothing, grants nothing and learns where the service is. Method: SIGSTOP to the agent of the region that dies, SIGCONT
/// sixty seconds later.
#[test]
fn f02_an_agent_sleeps_for_a_minute() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.pause(PRIMARY)?;
        let asleep = Instant::now();
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await?;
        lab.quiet(MINUTE.saturating_sub(asleep.elapsed())).await?;
        lab.wake(PRIMARY)?;
        until("the woken agent abstains", async || Ok(lab.status(PRIMARY).await?.abstains)).await?;
        until("the woken agent knows who is active", async || {
            let service = lab.cluster.service(PRIMARY).await?;
            Ok((service.active == STANDBY).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.nothing_by(PRIMARY).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F9, an executor that dies after its effect and before its report is succeeded by another, which looks first:
/// every effect once. Method: the promotion's reply is held back, and the agent that asked for it is SIGKILLed.
#[test]
fn f09_the_executor_is_killed_in_the_middle_of_a_step() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        hold_promotion(lab, "before", 60_000).await?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        until("the promotion is applied", async || {
            Ok((lab.cluster.effects("PromoteReadReplica").await? > 0).then_some(()))
        })
        .await?;
        let executor = step_under_way(lab, STANDBY, "promote", None).await?;
        lab.kill(&executor).await;
        hold_promotion(lab, "before", 0).await?;
        let execution = lab.cluster.failed_over(other_than(&executor)).await?;
        let promote = execution.steps.iter().find(|step| step.name == "promote").unwrap();
        assert!(promote.attempt > 1 && promote.agent.as_deref() != Some(&executor), "{promote:#?}");
        lab.failed_over_once().await?;
        lab.start(&executor)
    })
}

/// Goal: F10, an executor that is cut off from the agents in the middle of a step, and whose call arrives late, together
/// with its successor's: one promotion, its report is refused, and it does nothing more. Method: every promotion waits at
/// AWS before it is applied; both are let go at once; then the network is healed.
#[test]
fn f10_a_cut_off_executor_goes_on_late() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        hold_promotion(lab, "after", 60_000).await?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        let old = step_under_way(lab, STANDBY, "promote", None).await?;
        lab.sever(&lab.agent(&old), &lab.other_agents(&old))?;
        let watcher = other_than(&old);
        let new = step_under_way(lab, watcher, "promote", Some(&old)).await?;
        assert_ne!(old, new);
        hold_promotion(lab, "after", 0).await?;
        lab.cluster.failed_over(watcher).await?;
        lab.failed_over_once().await?;
        let repoints = lab.changes().await?;
        let by_old = format!("SANDBOX{}", old.to_uppercase().replace('-', ""));
        let repoint = repoints.iter().find(|e| e.operation == "ChangeResourceRecordSets").unwrap();
        assert_ne!(repoint.caller, by_old, "a cut-off agent moved traffic");
        lab.heal()?;
        lab.quiet(QUIET).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F12, R11, without a majority nothing is done, whatever dies; when it is back, agents that start in front of a
/// red region leave it to a human, whose word then works. Method: two agents are SIGKILLed, the region dies, they start
/// again, and an operator asks.
#[test]
fn f12_a_lost_quorum_freezes_and_a_human_goes_on() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.kill(STANDBY).await;
        lab.kill(WITNESS).await;
        lab.cluster.fault(PRIMARY, gone()).await?;
        until("the agent that is left says why it does nothing", async || {
            Ok((lab.cluster.refusal(PRIMARY).await?.as_deref() == Some("no_quorum")).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.start(STANDBY)?;
        lab.start(WITNESS)?;
        until("it was red when they started", async || {
            Ok((lab.cluster.refusal(STANDBY).await?.as_deref() == Some("already_red_at_start")).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.untouched().await?;
        let ask = json!({"reason": "the region is gone", "confirm": "shop", "to": STANDBY});
        lab.cluster.agent(WITNESS).api.post("/v1/services/shop/failover", &ask).await?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F13, an agent whose disk is full stops rather than promise what it cannot keep; the others go on without it, and
/// with room again it catches up, and tells what had ended it. Method: its data directory is a small disk that is filled; an operator's commands make
/// it write; the region dies; room is made, and it is started again.
#[test]
fn f13_a_full_disk_stops_one_agent() -> anyhow::Result<()> {
    let setting = Setting { small_disk: Some(WITNESS), ..Setting::default() };
    story(setting, async |lab: &mut Lab| {
        lab.fill_disk()?;
        until("the agent with the full disk has ended", async || {
            let api = &lab.cluster.agent(STANDBY).api;
            api.post("/v1/services/shop/pause", &json!({"reason": "to write something", "for": "1h"}))
                .await?;
            api.post("/v1/services/shop/resume", &json!({"reason": "written"})).await?;
            Ok(lab.process(WITNESS)?.is_none().then_some(()))
        })
        .await?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await?;
        lab.empty_disk()?;
        lab.kill(WITNESS).await;
        lab.start(WITNESS)?;
        until("it knows what happened meanwhile", async || {
            let known = lab.cluster.executions(WITNESS).await?.executions;
            Ok(known.iter().any(|execution| execution.state == "succeeded").then_some(()))
        })
        .await?;
        let told = async |series| lab.cluster.metric(WITNESS, series).await;
        assert_eq!(
            told("quorate_store_failures_total").await?,
            Some(1.0),
            "its end is told by its successor"
        );
        assert!(told("quorate_store_last_failure_timestamp_seconds").await? > Some(0.0));
        lab.quiet(QUIET).await
    })
}

/// Goal: F14, nothing that is kept or said depends on where a machine's monotonic clocks stand: agents that come back with
/// clocks far ahead and far behind hold and give up leases as before, change nothing, and fail over once when it is
/// needed. Method: time namespaces, the primary region's agent ten days ahead and the witness hours behind. A jump of the
/// wall clock would be the whole machine's, so that is left to the simulation.
#[test]
fn f14_other_clocks_after_a_restart() -> anyhow::Result<()> {
    const TEN_DAYS: i64 = 10 * 86_400;
    story(Setting::default(), async |lab: &mut Lab| {
        // A clock cannot stand before its beginning.
        let up = std::fs::read_to_string("/proc/uptime")?;
        let up: i64 = up.split('.').next().unwrap().parse()?;
        for (region, seconds) in [(PRIMARY, TEN_DAYS), (WITNESS, -up / 2)] {
            lab.kill(region).await;
            lab.shift_clocks(region, seconds)?;
            lab.start(region)?;
            lab.until_all_green().await?;
        }
        until("the primary region may write again", async || {
            let lease =
                lab.cluster.agent(PRIMARY).api.try_get::<quorate_api::Lease>("/v1/lease/shop").await?;
            Ok(lease.ok())
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.untouched().await?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F22, R23, Route 53 out of reach in the middle of a failover, with the status page and the webhooks: DNS stays as
/// it was and never empty, the plan waits, and then changes it once. Method: what is global is cut from all agents before
/// the region dies, and healed when the change of DNS is under way.
#[test]
fn f22_route53_out_of_reach_is_waited_for() -> anyhow::Result<()> {
    story(Setting::default(), async |lab: &mut Lab| {
        lab.sever(&lab.agents(), &lab.global())?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        step_under_way(lab, STANDBY, "repoint", None).await?;
        assert_eq!(lab.leads_to().await?, PRIMARY, "traffic has not moved");
        assert_eq!(lab.cluster.effects("PromoteReadReplica").await?, 1);
        lab.quiet(Duration::from_secs(3)).await?;
        lab.heal()?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F26, F31, churn near the quorum changes nothing, nor does a cold start of all agents in any order; with a quorum
/// a region that dies is then failed over, once. Method: agents drawn by a seed are SIGKILLed and started again, or
/// stopped and woken, some of them two at a time; then all are killed, and started one by one.
#[test]
fn f26_f31_churn_and_a_cold_start() -> anyhow::Result<()> {
    story(Setting { dwell: "0s", ..Setting::default() }, async |lab: &mut Lab| {
        let mut random = StdRng::seed_from_u64(31);
        for _ in 0..4 {
            let first = REGIONS[random.random_range(0..REGIONS.len())];
            let second = REGIONS[random.random_range(0..REGIONS.len())];
            lab.kill(first).await;
            if second != first {
                lab.pause(second)?;
            }
            lab.quiet(Duration::from_millis(random.random_range(200..1_500))).await?;
            lab.start(first)?;
            if second != first {
                lab.wake(second)?;
            }
            lab.quiet(Duration::from_millis(random.random_range(200..1_500))).await?;
        }
        for region in REGIONS {
            lab.kill(region).await;
        }
        for region in [WITNESS, PRIMARY, STANDBY] {
            lab.start(region)?;
            lab.quiet(Duration::from_secs(1)).await?;
        }
        lab.until_all_green().await?;
        lab.untouched().await?;
        lab.cluster.fault(PRIMARY, gone()).await?;
        lab.cluster.failed_over(STANDBY).await?;
        lab.failed_over_once().await
    })
}

/// Goal: F30, R26, a pause holds through a partition, on both sides of it, and the failover comes when it is resumed.
/// Method: paused on the witness; the primary region is isolated for longer than the dwell; resumed on the standby's.
#[test]
fn f30_a_pause_holds_through_a_partition() -> anyhow::Result<()> {
    story(Setting { dwell: "0s", ..Setting::default() }, async |lab: &mut Lab| {
        let pause = json!({"reason": "a change of routes", "for": "1h"});
        lab.cluster.agent(WITNESS).api.post("/v1/services/shop/pause", &pause).await?;
        lab.sever(&lab.primary_site(), &lab.rest())?;
        until("the majority explains the hold", async || {
            let summary = lab.cluster.explain(STANDBY).await?.summary;
            let down = lab.opinion(STANDBY, PRIMARY).await? == "down";
            Ok((down && summary.contains("a change of routes")).then_some(()))
        })
        .await?;
        lab.quiet(QUIET).await?;
        lab.untouched().await?;
        lab.cluster.agent(STANDBY).api.post("/v1/services/shop/resume", &json!({"reason": "done"})).await?;
        lab.cluster.failed_over(WITNESS).await?;
        lab.failed_over_once().await?;
        lab.nothing_by(PRIMARY).await
    })
}
