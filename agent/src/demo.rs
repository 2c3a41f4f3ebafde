//! `quorate demo`: one failure, end to end, on one machine: the sandbox, three real agents, a fault, what each stage
//! sees, and a check from outside. It decides nothing that an agent decides; it starts, breaks, follows and verifies.

pub mod agents;
pub mod api;
mod fault;
mod follow;
pub mod leases;
pub mod outcome;
mod outside;
pub mod ports;
pub mod stage;
pub mod story;

use crate::{
    cli::demo::{DemoOptions, KillAgent},
    shell::Signals,
};
use follow::{Follower, wall_ms};
use leases::LeaseWatch;
use outcome::{Outcome, Report, Times, expected};
use outside::{Look, Outside};
use quorate_api::{AuditEntry, Execution};
use stage::{SERVICE, Stage};
use std::process::ExitCode;
use story::Story;

/// Runs the demo. The exit code is 0 only if what should happen happened, and was verified.
///
/// # Errors
/// When something could not be started or reached.
pub async fn run(options: DemoOptions) -> anyhow::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(rand::random);
    // Listening begins before anything is started: whatever was is then stopped and removed.
    let mut signals = Signals::listen()?;
    let story = Story::new();
    let binary = std::env::current_exe()?;
    let mut stage = tokio::select! {
        built = Stage::build(&binary, seed, &story) => built?,
        name = signals.next() => anyhow::bail!("interrupted by {name}"),
    };
    let played = tokio::select! {
        played = play(&mut stage, &options, seed, &story) => played,
        name = signals.next() => Err(anyhow::anyhow!("interrupted by {name}")),
    };
    if options.keep && played.is_ok() {
        keep(&stage, &story);
        signals.next().await;
    }
    story.waiting("stopping the agents and the sandbox");
    stage.tear_down().await;
    story.end();
    let report = played?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, seed);
    }
    let right = report.verified && report.outcome == expected(&options);
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(stage: &mut Stage, options: &DemoOptions, seed: u64, story: &Story) -> anyhow::Result<Report> {
    stage.wait_until_green(if options.bench_decision { "0s" } else { "2s" }, story).await?;
    let apis: Vec<_> = stage.agents.iter().map(|agent| agent.api.clone()).collect();
    let leases = LeaseWatch::start(&apis, SERVICE);
    if options.kill_agent == Some(KillAgent::Executor) {
        stage.hold_promotion(true).await?;
    }
    let mut follower = Follower::from_here(stage).await;
    let fault_at = wall_ms();
    stage.break_region(options.fault, story).await?;
    if let Some(which) = options.kill_agent {
        stage.kill_agents(which, seed, story).await;
    }
    if options.bench_decision {
        let execution = follower.decision(stage, story).await?;
        return Ok(report(stage, Outcome::FailedOver, execution.as_ref(), None, fault_at, 1));
    }
    let report = match expected(options) {
        Outcome::FailedOver => failed_over(stage, options, &mut follower, fault_at, story).await?,
        quiet @ (Outcome::Held | Outcome::Frozen) => {
            unchanged(stage, quiet, &mut follower, fault_at, story).await?
        }
    };
    Ok(judge_leases(report, &leases, story))
}

async fn failed_over(
    stage: &mut Stage,
    options: &DemoOptions,
    follower: &mut Follower,
    fault_at: u64,
    story: &Story,
) -> anyhow::Result<Report> {
    let outside = Outside::new(stage, &stage.endpoints.service.standby)?;
    let followed = follower.failover(stage, &outside, options.kill_agent, story).await?;
    let Some(execution) = followed.execution else {
        let reason = follower.refusals.last().map(|(guard, why)| format!("{guard}: {why}"));
        return Ok(Report { reason, ..report(stage, Outcome::Held, None, None, fault_at, 0) });
    };
    let looks = stage.verify_failed_over(&outside, options.fault).await?;
    let executions = Follower::count(stage).await;
    let mut report =
        report(stage, Outcome::FailedOver, Some(&execution), followed.served, fault_at, executions);
    report.verified = tell(&looks, story) && execution.state == "succeeded" && executions == 1;
    report.reason = (execution.state != "succeeded").then(|| execution.summary.clone());
    report.resumed_s = resumed(follower.killed_at, &execution);
    report.step_overheads_s = overheads(&follower.entries);
    Ok(report)
}

/// From each step's assignment to its committed start, by the audit's stamps; first attempts only.
fn overheads(entries: &[AuditEntry]) -> Vec<f64> {
    let at = |event: &str, step: &str| {
        let fits = |e: &&AuditEntry| e.event == event && e.fields["step"] == step && e.fields["attempt"] == 1;
        entries.iter().find(fits).and_then(|e| ms(&e.at))
    };
    let assigned = entries.iter().filter(|e| e.event == "step_assigned" && e.fields["attempt"] == 1);
    // Milliseconds within a minute: exact in a float.
    #[allow(clippy::cast_precision_loss)]
    let overhead = |entry: &AuditEntry| {
        let started = at("step_started", entry.fields["step"].as_str()?)?;
        Some(started.saturating_sub(ms(&entry.at)?) as f64 / 1_000.0)
    };
    assigned.filter_map(overhead).collect()
}

/// From the executor's death until another agent had begun the step again.
fn resumed(killed_at: Option<u64>, execution: &Execution) -> Option<f64> {
    let step = execution.steps.iter().find(|step| step.name == "promote" && step.attempt > 1)?;
    let ended = ms(step.resumed_at.as_deref()?)?;
    // Milliseconds within a minute: exact in a float.
    #[allow(clippy::cast_precision_loss)]
    Some(ended.saturating_sub(killed_at?) as f64 / 1_000.0)
}

async fn unchanged(
    stage: &mut Stage,
    quiet: Outcome,
    follower: &mut Follower,
    fault_at: u64,
    story: &Story,
) -> anyhow::Result<Report> {
    let executions = follower.nothing(stage, story).await;
    let looks = stage.verify_unchanged().await?;
    // The reason that tells most: what held although the region looked bad, not that it looked well in between.
    let dull = ["region_healthy", "agreement", "no_fresh_data"];
    let telling = follower.refusals.iter().rev().find(|(guard, _)| !dull.contains(&guard.as_str()));
    let reason = telling.or(follower.refusals.last()).map(|(guard, why)| format!("{guard}: {why}"));
    let frozen = follower.refusals.last().is_some_and(|(guard, _)| guard == "no_quorum");
    let outcome = if executions > 0 {
        Outcome::FailedOver
    } else if frozen {
        Outcome::Frozen
    } else {
        Outcome::Held
    };
    if let Some(reason) = &reason {
        story.tell(format!("nothing was done: {reason}"));
    }
    let verified = tell(&looks, story) && outcome == quiet && reason.is_some();
    Ok(Report { reason, verified, ..report(stage, outcome, None, None, fault_at, executions) })
}

fn judge_leases(report: Report, leases: &LeaseWatch, story: &Story) -> Report {
    let finding = leases.finding();
    let look = match &finding.overlap {
        None => Look {
            good: true,
            what: format!("no two regions held the write lease at once ({} looks)", finding.looks),
        },
        Some(overlap) => Look { good: false, what: overlap.clone() },
    };
    let good = tell(&[look], story);
    Report { verified: report.verified && good, ..report }
}

fn tell(looks: &[Look], story: &Story) -> bool {
    for look in looks {
        story.tell(format!("{} {}", if look.good { "verified:" } else { "WRONG:" }, look.what));
    }
    looks.iter().all(|look| look.good)
}

fn report(
    stage: &Stage,
    outcome: Outcome,
    execution: Option<&Execution>,
    served: Option<u64>,
    fault: u64,
    executions: usize,
) -> Report {
    let service = &stage.endpoints.service;
    let times = execution.and_then(|e| times(e, served, fault));
    let to = if execution.is_some() { &service.standby } else { &service.primary };
    Report {
        outcome,
        service: SERVICE.to_owned(),
        from: service.primary.clone(),
        to: to.clone(),
        executions,
        reason: None,
        verified: false,
        detect_s: None,
        decide_s: None,
        execute_s: None,
        converge_s: None,
        total_s: None,
        step_overheads_s: Vec::new(),
        resumed_s: None,
    }
    .timed(times)
}

fn times(execution: &Execution, served: Option<u64>, fault: u64) -> Option<Times> {
    let agreed = ms(&execution.agreed_at)?;
    let decided = ms(&execution.decided_at)?;
    let changing =
        |step: &&quorate_api::Step| !matches!(step.action.as_str(), "verify.probes" | "statuspage.incident");
    let ends = execution.steps.iter().filter(changing).filter_map(|step| ms(step.ended_at.as_deref()?));
    let served = served.unwrap_or(decided);
    // Clients may be served before the last step's end is in the log: the world was faster than the report.
    let executed = ends.max().unwrap_or(decided).min(served);
    Some(Times { fault, agreed, decided, executed, served })
}

fn ms(rfc3339: &str) -> Option<u64> {
    let time: jiff::Timestamp = rfc3339.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

fn keep(stage: &Stage, story: &Story) {
    story.tell(format!("kept: files and logs in {}", stage.directory.path().display()));
    for agent in stage.observers() {
        story.tell(format!("kept: agent {} at {}", agent.name, agent.url));
    }
    story.tell(format!("kept: sandbox control at {}", stage.endpoints.control));
    story.waiting("Ctrl-C ends it");
}

fn print(report: &Report, seed: u64) {
    let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2} s"));
    println!();
    println!(
        "outcome    {}{}",
        report.outcome.as_str(),
        if report.verified { ", verified from outside" } else { ", NOT verified" }
    );
    if let Some(reason) = &report.reason {
        println!("reason     {reason}");
    }
    if report.outcome == Outcome::FailedOver {
        println!(
            "service    {}: {} -> {}, {} execution",
            report.service, report.from, report.to, report.executions
        );
        println!("detect     {}", seconds(report.detect_s));
        println!("decide     {}", seconds(report.decide_s));
        println!("execute    {}", seconds(report.execute_s));
        println!("converge   {}", seconds(report.converge_s));
        println!("RTO        {}", seconds(report.total_s));
    }
    if let Some(resumed) = report.resumed_s {
        println!("resumed    {resumed:.2} s after the executor was killed");
    }
    println!("seed       {seed}");
}
