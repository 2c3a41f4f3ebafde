//! Gauges, made anew at each scrape. A state is one series for each of its values, of which one is 1. A time that has
//! not come yet is 0.

use super::{Snapshot, drills, series::gauge};
use prometheus::{Registry, proto::MetricFamily};
use quorate_core::{Cluster, Execution, ServiceState, node::explain::Explanation};
use quorate_policies::{
    CheckName, PlanName, Policy, RegionName, ServiceName, TargetName, Timestamp,
    agreement::{Opinion, TargetTally},
    health::Verdict,
    postgres::DatabaseRole,
    readiness::{FindingSeverity, ready},
};

const VERDICTS: [Verdict; 4] = [Verdict::Healthy, Verdict::Suspect, Verdict::Down, Verdict::Unknown];
const OPINIONS: [(Opinion, &str); 3] =
    [(Opinion::Healthy, "healthy"), (Opinion::Down, "down"), (Opinion::Unsure, "unsure")];

/// The commit that was built, where the build said which.
const REVISION: &str = match option_env!("QUORATE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Every gauge.
pub(super) fn families(snapshot: &Snapshot) -> Vec<MetricFamily> {
    let registry = Registry::new();
    agent(&registry, snapshot);
    peers(&registry, snapshot);
    health(&registry, snapshot);
    databases(&registry, snapshot);
    failovers(&registry, snapshot);
    holds(&registry, snapshot);
    plans(&registry, snapshot);
    backups(&registry, snapshot);
    drills::drills(&registry, snapshot);
    registry.gather()
}

pub(super) fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1_000.0
}

pub(super) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn single(registry: &Registry, name: &str, help: &str, value: f64) {
    gauge(registry, name, help, &[]).with_label_values::<&str>(&[]).set(value);
}

fn agent(registry: &Registry, s: &Snapshot) {
    let build = gauge(registry, "build_info", "The agent's version; always 1.", &["version", "revision"]);
    build.with_label_values(&[env!("CARGO_PKG_VERSION"), REVISION]).set(1.0);
    single(registry, "start_time_seconds", "When this process started.", seconds(s.started_at));
    let ready = s.standing.has_quorum && !s.cluster.members.is_empty();
    single(registry, "ready", "Whether the agent has a quorum and its cluster is formed.", flag(ready));
    let abstains = "Whether this agent abstains from voting and deciding, because it cannot trust itself.";
    single(registry, "abstaining", abstains, flag(s.abstains));
    single(registry, "members", "Configured voters.", s.members.len() as f64);
    let required = s.members.len() / 2 + 1;
    single(registry, "quorum_required", "Voters that make a majority.", required as f64);
    let quorum = "Whether this agent is in contact with a majority; without one nothing is decided.";
    single(registry, "has_quorum", quorum, flag(s.standing.has_quorum));
    single(registry, "is_leader", "Whether this agent leads.", flag(s.standing.is_leader));
    single(registry, "term", "The consensus term, which grows with each election.", s.standing.term as f64);
}

fn peers(registry: &Registry, s: &Snapshot) {
    let up = gauge(registry, "peer_up", "Whether this agent has heard the peer lately.", &["peer"]);
    let help = "When this agent last heard the peer; 0 if never.";
    let seen = gauge(registry, "peer_last_seen_timestamp_seconds", help, &["peer"]);
    for peer in s.members.keys().filter(|peer| **peer != s.agent) {
        let age = s.heard.get(peer);
        up.with_label_values(&[peer.as_str()]).set(flag(age.is_some_and(|age| *age < s.lost_after)));
        let at = age.map_or(Timestamp(0), |age| Timestamp(s.now.0.saturating_sub(age.0)));
        seen.with_label_values(&[peer.as_str()]).set(seconds(at));
    }
}

fn health(registry: &Registry, s: &Snapshot) {
    let check_help = "This agent's own verdict on a target: the series of the verdict is 1.";
    let check = gauge(registry, "check_state", check_help, &["service", "check", "region", "state"]);
    let last_help = "When the latest probe of a target ended, by this agent's clock; 0 if none has.";
    let last = gauge(registry, "probe_last_timestamp_seconds", last_help, &["service", "check", "region"]);
    let votes_help = "How many voters see a critical target so; all together are the configured voters.";
    let votes = gauge(registry, "votes", votes_help, &["service", "check", "region", "vote"]);
    let verdict_help = "What the agents agree on about a region: the series of the verdict is 1.";
    let verdict = gauge(registry, "verdict", verdict_help, &["service", "region", "verdict"]);
    for (name, explanation) in &s.explanations {
        let service = name.as_str();
        let Some(state) = s.cluster.services.get(name) else { continue };
        for target in targets(&state.policy) {
            let own = own_verdict(s, explanation, &target);
            let (name_of_check, region) = (target.check.as_str(), target.region.as_str());
            for state in VERDICTS {
                check
                    .with_label_values(&[service, name_of_check, region, &state.to_string()])
                    .set(flag(state == own));
            }
            let at = s.probed.get(&(name.clone(), target.clone())).copied().unwrap_or_default();
            last.with_label_values(&[service, name_of_check, region]).set(seconds(at));
        }
        for region in &explanation.regions {
            for (opinion, word) in OPINIONS {
                verdict
                    .with_label_values(&[service, region.region.as_str(), word])
                    .set(flag(opinion == region.opinion));
            }
            for tally in &region.targets {
                for (vote, count) in counts(tally) {
                    let labels = [service, tally.target.check.as_str(), region.region.as_str(), vote];
                    votes.with_label_values(&labels).set(count as f64);
                }
            }
        }
    }
}

/// Of the latest probe of each PostgreSQL target that got an answer; a server that does not answer has no series, because
/// its role is not known.
fn databases(registry: &Registry, s: &Snapshot) {
    const TARGET: [&str; 3] = ["service", "check", "region"];
    let primary_help =
        "Whether the PostgreSQL server says that it is a primary; absent while it does not answer.";
    let primary = gauge(registry, "postgres_primary", primary_help, &TARGET);
    let timeline_help = "The timeline of the PostgreSQL server; absent while it does not answer.";
    let timeline = gauge(registry, "postgres_timeline", timeline_help, &TARGET);
    let lsn_help = "How far the server's write-ahead log reaches, in bytes since its beginning.";
    let lsn = gauge(registry, "postgres_lsn_bytes", lsn_help, &["service", "check", "region", "position"]);
    for ((service, target), database) in &s.databases {
        let labels = [service.as_str(), target.check.as_str(), target.region.as_str()];
        primary.with_label_values(&labels).set(flag(database.is_primary()));
        timeline.with_label_values(&labels).set(f64::from(database.timeline));
        let positions = match database.role {
            DatabaseRole::Primary { written } => vec![("written", Some(written))],
            DatabaseRole::Standby { received, replayed, .. } => {
                vec![("received", received), ("replayed", replayed)]
            }
        };
        for (position, at) in positions {
            let Some(at) = at else { continue };
            let [service, check, region] = labels;
            lsn.with_label_values(&[service, check, region, position]).set(at.0 as f64);
        }
    }
}

/// Of each backup that this agent has looked at. One without an age or a size has no such series.
fn backups(registry: &Registry, s: &Snapshot) {
    const BACKUP: [&str; 2] = ["service", "backup"];
    let fresh_help = "Whether a restore could be made of the backup: it is there, whole, young enough and of a usual size.";
    let fresh = gauge(registry, "backup_fresh", fresh_help, &BACKUP);
    let age = gauge(registry, "backup_age_seconds", "How old the newest backup is.", &BACKUP);
    let size = gauge(
        registry,
        "backup_size_bytes",
        "How large the newest backup is; of files, all together.",
        &BACKUP,
    );
    let last_help = "When this agent looked at the backup last.";
    let last = gauge(registry, "backup_last_check_timestamp_seconds", last_help, &BACKUP);
    for ((service, backup), check) in &s.backups {
        let labels = [service.as_str(), backup.as_str()];
        fresh.with_label_values(&labels).set(flag(check.judgement.state.is_fresh()));
        last.with_label_values(&labels).set(seconds(check.at));
        if let Some(length) = check.judgement.age {
            // It has grown older since the look.
            let length = length.plus(s.now.since(check.at));
            age.with_label_values(&labels).set(length.0 as f64 / 1_000.0);
        }
        if let Some(bytes) = check.judgement.size {
            size.with_label_values(&labels).set(bytes as f64);
        }
    }
}

fn targets(policy: &Policy) -> impl Iterator<Item = TargetName> {
    let in_region =
        |check: &CheckName, region: &RegionName| TargetName { check: check.clone(), region: region.clone() };
    policy
        .probes
        .keys()
        .flat_map(move |check| policy.regions.keys().map(move |region| in_region(check, region)))
}

/// What this agent itself says; nothing is unknown.
fn own_verdict(s: &Snapshot, explanation: &Explanation, target: &TargetName) -> Verdict {
    let own = explanation.evidence.votes.iter().find(|vote| vote.agent == s.agent && vote.target == *target);
    own.map_or(Verdict::Unknown, |vote| vote.verdict)
}

/// Each voter once.
fn counts(tally: &TargetTally) -> [(&'static str, usize); 6] {
    [
        ("healthy", tally.healthy.len()),
        ("suspect", tally.suspect.len()),
        ("down", tally.down.len()),
        ("unarmed", tally.unarmed.len()),
        ("mismatched", tally.mismatched.len()),
        ("silent", tally.silent.difference(&tally.mismatched).count()),
    ]
}

fn failovers(registry: &Registry, s: &Snapshot) {
    let active = gauge(registry, "active_region", "The region that serves is 1.", &["service", "region"]);
    let plan = ["service", "plan"];
    let running_help =
        "Whether an execution of the plan was decided and has not ended; one that stopped has not ended.";
    let running = gauge(registry, "failover_in_progress", running_help, &plan);
    let start_help = "When the latest execution was decided; 0 if none was.";
    let start = gauge(registry, "failover_last_start_timestamp_seconds", start_help, &plan);
    let end_help = "When the latest execution ended; 0 if none has.";
    let end = gauge(registry, "failover_last_end_timestamp_seconds", end_help, &plan);
    let cooldown_help = "Until when automation waits after the latest execution; 0 if there was none.";
    let cooldown = gauge(registry, "failover_cooldown_end_timestamp_seconds", cooldown_help, &["service"]);
    for (service, state) in &s.cluster.services {
        let name = service.as_str();
        for region in state.policy.regions.keys() {
            active.with_label_values(&[name, region.as_str()]).set(flag(*region == state.active));
        }
        let cooldown_end =
            state.last_ended.map_or(Timestamp(0), |ended| ended.plus(state.policy.guards.cooldown));
        cooldown.with_label_values(&[name]).set(seconds(cooldown_end));
        for plan in state.policy.plans.keys() {
            let labels = [name, plan.as_str()];
            let in_progress = s.cluster.running(service).is_some_and(|running| running.plan.name == *plan);
            running.with_label_values(&labels).set(flag(in_progress));
            let latest = |time: fn(&Execution) -> Option<Timestamp>| latest(&s.cluster, service, plan, time);
            start.with_label_values(&labels).set(seconds(latest(|execution| Some(execution.decided_at))));
            end.with_label_values(&labels).set(seconds(latest(|execution| execution.ended_at)));
        }
    }
}

fn latest(
    cluster: &Cluster,
    service: &ServiceName,
    plan: &PlanName,
    time: fn(&Execution) -> Option<Timestamp>,
) -> Timestamp {
    let of_plan = cluster.executions.values().filter(|e| e.service == *service && e.plan.name == *plan);
    of_plan.filter_map(time).max().unwrap_or_default()
}

/// Every way out of every active region, also before it was looked at: an alert on a series that is missing never fires.
fn plans(registry: &Registry, s: &Snapshot) {
    let ways = ["service", "to"];
    let ready_help =
        "Whether nothing known stands in the way of the plan that activates the region; 0 until looked at.";
    let ready_gauge = gauge(registry, "plan_ready", ready_help, &ways);
    let checked_help = "When this agent last looked at the plan; 0 if it never did.";
    let checked = gauge(registry, "plan_last_check_timestamp_seconds", checked_help, &ways);
    let findings_help = "What this agent found about the plan last, by severity.";
    let findings = gauge(registry, "plan_findings", findings_help, &["service", "to", "severity"]);
    for (service, state) in &s.cluster.services {
        for to in state.policy.regions.keys().filter(|region| **region != state.active) {
            let check = s.plan_checks.get(&(service.clone(), to.clone()));
            let labels = [service.as_str(), to.as_str()];
            ready_gauge
                .with_label_values(&labels)
                .set(flag(check.is_some_and(|check| ready(&check.findings))));
            let at = check.map_or(Timestamp(0), |check| check.at);
            checked.with_label_values(&labels).set(seconds(at));
            for severity in FindingSeverity::ALL {
                let found = check.map_or(0, |c| c.findings.iter().filter(|f| f.severity == severity).count());
                let labels = [service.as_str(), to.as_str(), severity.as_str()];
                findings.with_label_values(&labels).set(found as f64);
            }
        }
    }
}

fn holds(registry: &Registry, s: &Snapshot) {
    let active_help = "Whether an operator's override stands; the scope is the service.";
    let active = gauge(registry, "override_active", active_help, &["scope", "kind"]);
    let expiry_help = "When the override ends by itself; 0 without one, or if it ends only by hand.";
    let expiry = gauge(registry, "override_expiry_timestamp_seconds", expiry_help, &["scope", "kind"]);
    // The log's clock stands still while nothing is proposed.
    let now = s.cluster.clock.max(s.now);
    for (service, ServiceState { hold, .. }) in &s.cluster.services {
        let hold = hold.as_ref().filter(|hold| hold.active(now));
        let labels = [service.as_str(), "pause"];
        active.with_label_values(&labels).set(flag(hold.is_some()));
        let until = hold.and_then(|hold| hold.until).unwrap_or_default();
        expiry.with_label_values(&labels).set(seconds(until));
    }
}
