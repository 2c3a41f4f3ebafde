//! Answers of the API with fixed values: one service that is being moved from us-east-1 to us-west-2.

use quorate_api::{
    AuditEntry, BackupView, Backups, Check, Execution, ExecutionList, Explanation, Hold, Member, PlanView,
    ProbeView, Probes, RecoveryTime, Region, Service, Status, Step, TargetVotes,
    execution::{DataLoss, Objectives},
    service::{Finding, Loss, PlannedStep, Readiness, StepLoss},
};
use serde_json::json;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn votes(target: &str, opinion: &str, down: &[&str], healthy: &[&str]) -> TargetVotes {
    let reasons = down.iter().map(|agent| ((*agent).to_owned(), "connect_refused".to_owned())).collect();
    TargetVotes {
        target: target.into(),
        opinion: opinion.into(),
        needed: 2,
        down: names(down),
        unarmed: vec![],
        healthy: names(healthy),
        suspect: vec![],
        silent: vec![],
        mismatched: vec![],
        reasons,
    }
}

pub(crate) fn regions() -> Vec<Region> {
    let east = votes("web-health/us-east-1", "down", &["eu-west-1", "us-west-2"], &[]);
    let east = TargetVotes { silent: names(&["us-east-1"]), ..east };
    let west = votes("web-health/us-west-2", "healthy", &[], &["eu-west-1", "us-west-2"]);
    vec![
        Region {
            name: "us-east-1".into(),
            role: "primary".into(),
            opinion: "down".into(),
            targets: vec![east],
        },
        Region {
            name: "us-west-2".into(),
            role: "standby".into(),
            opinion: "healthy".into(),
            targets: vec![west],
        },
    ]
}

pub(crate) fn service() -> Service {
    Service {
        name: "shop".into(),
        active: "us-east-1".into(),
        epoch: 2,
        policy_version: 4,
        policy_hash: "0123456789abcdef0123456789abcdef".into(),
        mode: "automatic".into(),
        regions: regions(),
        hold: Some(Hold {
            by: "ada".into(),
            reason: "database upgrade".into(),
            since: at(0),
            until: Some(at(1_800)),
        }),
        execution: None,
        refusal: Some(Check {
            guard: "hold".into(),
            passes: false,
            reason: "paused by ada: database upgrade".into(),
        }),
        lease: "us-east-1 may hold the write lease, epoch 2".into(),
    }
}

pub(crate) fn status() -> Status {
    let member = |name: &str, port: u16, leader: bool, heard_ms_ago: Option<u64>| Member {
        name: name.into(),
        region: name.into(),
        address: format!("127.0.0.1:{port}"),
        leader,
        place: "voter".into(),
        version: Some("0.1.0".into()),
        feature_level: Some(if leader { 2 } else { 1 }),
        me: heard_ms_ago.is_none() && name == "us-west-2",
        heard_ms_ago,
    };
    Status {
        agent: "us-west-2".into(),
        region: "us-west-2".into(),
        version: "0.1.0".into(),
        feature_level: 1,
        has_quorum: true,
        leader: Some("eu-west-1".into()),
        term: 7,
        abstains: Some("two of three canaries failed".into()),
        members: vec![
            member("eu-west-1", 7971, true, Some(240)),
            member("us-east-1", 7951, false, Some(75_000)),
            member("us-west-2", 7961, false, None),
        ],
        services: vec![service()],
    }
}

pub(crate) fn explanation() -> Explanation {
    let check = |guard: &str, reason: &str| Check {
        guard: guard.into(),
        passes: reason.is_empty(),
        reason: reason.into(),
    };
    Explanation {
        service: "shop".into(),
        agent: "us-west-2".into(),
        active: "us-east-1".into(),
        candidate: Some("us-west-2".into()),
        summary: "No failover now: region `us-east-1` has been down for 12s, the policy waits 1m.".into(),
        would_fail_over: false,
        checks: vec![
            check("no_quorum", ""),
            check("hold", ""),
            check("dwell", "region `us-east-1` has been down for 12s, the policy waits 1m"),
        ],
        regions: regions(),
        down_for_ms: 12_345,
        contacts: vec!["database administrator (db-admin@example.com), for the data".into()],
    }
}

pub(crate) fn plan() -> PlanView {
    let step = |name: &str, action: &str, fields, needs: &[&str], calls: &str, reversible| PlannedStep {
        name: name.into(),
        action: action.into(),
        fields,
        needs: names(needs),
        calls: names(&[calls]),
        timeout: "10m".into(),
        retries: 2,
        on_error: "stop".into(),
        reversible,
        near: "us-west-2".into(),
        only: None,
    };
    PlanView {
        service: "shop".into(),
        plan: "failover".into(),
        from: "us-east-1".into(),
        to: "us-west-2".into(),
        steps: vec![
            step(
                "scale",
                "ecs.scale",
                json!({"region": "us-west-2", "cluster": "shop-west", "desired": 6}),
                &[],
                "ECS in us-west-2",
                true,
            ),
            step(
                "promote",
                "rds.promote_read_replica",
                json!({"region": "us-west-2", "instance": "shop-west"}),
                &[],
                "RDS in us-west-2",
                false,
            ),
            step(
                "verify",
                "verify.probes",
                json!({"through": "https://shop.example.com"}),
                &["promote", "scale"],
                "the service's public name",
                true,
            ),
        ],
        losses: vec![Loss {
            region: "us-east-1".into(),
            usable: "degraded".into(),
            because: names(&["step `scale` cannot ask ECS in us-east-1 and takes `at_least` tasks"]),
            steps: [("scale", "degraded"), ("promote", "yes"), ("verify", "yes")]
                .map(|(step, usable)| StepLoss { step: step.into(), usable: usable.into() })
                .into(),
        }],
        refusal: Some(Check {
            guard: "cooldown".into(),
            passes: false,
            reason: "cooling down: 12m left of 1h".into(),
        }),
        readiness: Some(Readiness {
            checked_at: at(0),
            ready: false,
            findings: vec![
                finding(
                    "blocking",
                    "promote",
                    "shop-west is stopped",
                    "bring the replica back to `available`",
                ),
                finding("note", "promote", "shop-west is backed up within 03:00-03:30 UTC", ""),
            ],
        }),
    }
}

fn finding(severity: &str, step: &str, what: &str, mend: &str) -> Finding {
    Finding { severity: severity.into(), step: Some(step.into()), what: what.into(), mend: mend.into() }
}

/// A time, seconds after the decision.
pub(crate) fn at(seconds: i64) -> String {
    (jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000 + seconds)).to_string()
}

pub(crate) fn step(name: &str, action: &str, state: &str) -> Step {
    let begun = state != "waiting";
    Step {
        name: name.into(),
        action: action.into(),
        needs: vec![],
        reversible: name != "promote",
        state: state.into(),
        before: String::new(),
        detail: if state == "succeeded" { "observed as wanted".into() } else { String::new() },
        agent: begun.then(|| "us-west-2".into()),
        attempt: u32::from(begun),
        started_at: begun.then(|| at(1)),
        resumed_at: None,
        ended_at: (state == "succeeded").then(|| at(4)),
    }
}

pub(crate) fn execution(state: &str, steps: [&str; 2]) -> Execution {
    let done = state == "succeeded";
    Execution {
        id: "shop-3".into(),
        service: "shop".into(),
        plan: "failover".into(),
        scenario: None,
        inputs: std::collections::BTreeMap::new(),
        epoch: 3,
        trigger: "ada".into(),
        from: "us-east-1".into(),
        to: "us-west-2".into(),
        state: state.into(),
        summary: format!("the plan has {state}"),
        manner: String::new(),
        held: false,
        failing_since: at(-63),
        agreed_at: at(-61),
        decided_at: at(0),
        ended_at: done.then(|| at(9)),
        reason: "us-east-1 <loses> packets".into(),
        objectives: Some(Objectives { rto_ms: 900_000, rpo_ms: 60_000, policy_hash: String::new() }),
        data_loss: vec![DataLoss {
            step: "promote".into(),
            behind_ms: Some(2_000),
            objective_ms: 60_000,
            measured: "2s behind, as measured 40s before by CloudWatch ReplicaLag".into(),
        }],
        recovery_time: done.then_some(RecoveryTime {
            detect_ms: 2_000,
            decide_ms: 61_000,
            execute_ms: 4_000,
            converge_ms: 5_000,
            total_ms: 72_000,
            objective_ms: 900_000,
        }),
        steps: vec![
            step("promote", "rds.promote_read_replica", steps[0]),
            step("repoint", "route53.repoint", steps[1]),
        ],
        ..Execution::default()
    }
}

pub(crate) fn executions() -> ExecutionList {
    let older = Execution {
        id: "shop-2".into(),
        trigger: "automatic".into(),
        ..execution("aborted", ["waiting"; 2])
    };
    ExecutionList { executions: vec![execution("succeeded", ["succeeded"; 2]), older] }
}

pub(crate) fn audit_entry() -> AuditEntry {
    AuditEntry {
        sequence: 41,
        at: at(0),
        actor: "ada".into(),
        service: Some("shop".into()),
        execution: Some("shop-3".into()),
        event: "decided".into(),
        message: "failover us-east-1 -> us-west-2 decided, epoch 3".into(),
        fields: json!({}),
        previous: "00".into(),
        hash: "11".into(),
        ..AuditEntry::default()
    }
}

pub(crate) fn backups() -> Backups {
    let backup = |backup: &str, state: &str, detail: &str| BackupView {
        backup: backup.into(),
        component: None,
        kind: "postgres_dump".into(),
        place: "/backups/*.dump".into(),
        state: state.into(),
        detail: detail.into(),
        fresh_within_ms: 90_000_000,
        newest: None,
        age_ms: None,
        size_bytes: None,
        oldest_ms: None,
        notes: Vec::new(),
        looked_ms_ago: None,
        test_restore: None,
    };
    let found = |seen: BackupView, age_ms, size_bytes| BackupView {
        newest: Some("/backups/shop.dump".into()),
        age_ms: Some(age_ms),
        size_bytes: Some(size_bytes),
        looked_ms_ago: Some(4_200),
        ..seen
    };
    let backups = vec![
        found(backup("database", "fresh", "fresh"), 3_600_000, 5_400_000),
        found(backup("old", "stale", "older than 1d1h"), 99_000_000, 17),
        backup("gone", "missing", "there is none"),
        backup("west", "elsewhere", "the agents in us-west-2 look at it: ask one of them"),
    ];
    Backups { service: "shop".into(), agent: "us-east-1".into(), backups }
}

pub(crate) fn probes() -> Probes {
    let probe = |target: &str, success: bool| ProbeView {
        service: "shop".into(),
        target: target.into(),
        url: "https://alb.us-east-1.example.com/health".into(),
        success,
        reason: (!success).then(|| "connect_refused".into()),
        detail: if success { String::new() } else { "connection refused".into() },
        status: success.then_some(200),
        database: None,
        address: Some("10.0.0.7:443".into()),
        phases: [("resolve".to_owned(), 0.001), ("connect".to_owned(), 0.0123)].into(),
        duration_s: 0.0345,
        age_ms: 420,
    };
    Probes { probes: vec![probe("web-health/us-east-1", false), probe("web-health/us-west-2", true)] }
}
