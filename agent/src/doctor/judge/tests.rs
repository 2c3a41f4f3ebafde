//! The judge's tables: an installation in which all is well, one change to it at a time, and what is said of it.

mod cluster;
mod host;

use super::judge;
use crate::{
    doctor::{
        facts::{
            Certificate, DataDirectory, DataState, Disk, Documents, Facts, HeldFile, Holder, Installation,
            Local, Many, Name, Peer, PlanSeen, PolicyFile, Presented, Program, Synchronized, TargetSeen,
        },
        finding::{Finding, Status},
    },
    peers::{visit::Answered, wire::About},
};
use quorate_api::{Member, Service};
use quorate_policies::{
    AgentName, RegionName, ServiceName, Timestamp,
    document::{FieldPath, Problem, Severity},
};
use std::{collections::BTreeMap, time::Duration};

pub(super) const DAY: u64 = 24 * 60 * 60 * 1_000;
/// Some day: nothing here depends on which.
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn agent(name: &str) -> AgentName {
    name.try_into().unwrap()
}

fn region(name: &str) -> RegionName {
    name.try_into().unwrap()
}

fn shop() -> ServiceName {
    "shop".try_into().unwrap()
}

fn regions() -> BTreeMap<AgentName, RegionName> {
    ["east", "west", "witness"].map(|name| (agent(name), region(name))).into()
}

pub(super) fn presented(name: &str, days: u64) -> Presented {
    Presented {
        names: vec![name.to_owned()],
        from: Timestamp(NOW.0 - DAY),
        until: Timestamp(NOW.0 + days * DAY + 1),
    }
}

fn peer(name: &str) -> Peer {
    let about = About {
        agent: agent(name),
        region: region(name),
        version: "1.4.2".to_owned(),
        cluster: "quorate".to_owned(),
        wall_ms: NOW.0,
        moved_ms: 0,
        members: regions(),
        policies: [(shop(), "c0ffee".to_owned())].into(),
        has_quorum: true,
        leader: Some(agent("west")),
    };
    Peer {
        name: agent(name),
        address: format!("{name}:7951"),
        connected: Ok(ms(20)),
        presented: Some(presented(name, 300)),
        told: Ok(Answered { about, round_trip: ms(21), ahead_ms: 3 }),
        signal: Some((format!("{name}:7952"), Ok(ms(20)))),
    }
}

fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        region: name.to_owned(),
        address: format!("{name}:7951"),
        leader: name == "west",
        me: name == "east",
        place: "voter".to_owned(),
        version: None,
        feature_level: None,
        heard_ms_ago: None,
    }
}

fn status() -> quorate_api::Status {
    let service = Service {
        name: "shop".to_owned(),
        active: "east".to_owned(),
        epoch: 1,
        policy_version: 3,
        policy_hash: "c0ffee".to_owned(),
        mode: "automatic".to_owned(),
        regions: Vec::new(),
        hold: None,
        execution: None,
        refusal: None,
        lease: "held".to_owned(),
    };
    quorate_api::Status {
        agent: "east".to_owned(),
        region: "east".to_owned(),
        version: "1.4.2".to_owned(),
        feature_level: 1,
        has_quorum: true,
        leader: Some("west".to_owned()),
        term: 4,
        abstains: None,
        members: ["east", "west", "witness"].map(member).into(),
        services: vec![service],
    }
}

/// All is well.
pub(super) fn well() -> Installation {
    let own = |holder, name: &str| Certificate { holder, says: presented(name, 300), fault: None };
    Installation {
        name: agent("east"),
        cluster: "quorate".to_owned(),
        members: regions(),
        heartbeat: ms(250),
        election_min: ms(750),
        version: "1.4.2".to_owned(),
        wall: NOW,
        user: 990,
        policies: vec![PolicyFile {
            service: shop(),
            file: "shop.yaml".to_owned(),
            hash: "c0ffee".to_owned(),
        }],
        data: DataDirectory {
            path: "/data".into(),
            state: DataState::There { mode: 0o700, owner: 990, fault: None },
        },
        files: vec![HeldFile { what: "operator token".to_owned(), path: "/token".into(), state: Ok(None) }],
        programs: vec![Program { name: "program tell".to_owned(), path: "/bin/tell".into(), fault: None }],
        disk: Ok(Disk { free_bytes: 50 << 30, writes: 40, median: ms(1), worst: ms(9) }),
        synchronized: Some(Synchronized { yes: true, by: "the kernel".to_owned() }),
        local: Local::Answers { status: Box::new(status()), ready: true },
        names: Many {
            left: 0,
            seen: vec![Name {
                host: "west.example.com".to_owned(),
                uses: vec!["agent west".to_owned()],
                addresses: Ok(2),
                took: ms(12),
            }],
        },
        certificates: Ok(vec![own(Holder::Own, "east"), own(Holder::Authority, "authority")]),
        peers: vec![peer("west"), peer("witness")],
        targets: Ok(Many {
            left: 0,
            seen: vec![TargetSeen {
                service: shop(),
                target: "health/east".to_owned(),
                place: "https://east.example.com/health".to_owned(),
                fault: None,
                total: ms(80),
                healthy_for: vec!["west".to_owned(), "witness".to_owned()],
            }],
        }),
        plans: Ok(vec![PlanSeen {
            service: shop(),
            plan: "failover to west".to_owned(),
            by: "agent east".to_owned(),
            findings: Ok(Vec::new()),
        }]),
    }
}

pub(super) fn judged(installation: Installation) -> Vec<Finding> {
    let documents = Documents { good: vec!["east.yaml".to_owned()], problems: Vec::new() };
    judge(&Facts { documents, installation: Some(installation) })
}

/// What one change to an installation in which all is well comes to.
pub(super) struct Case {
    pub(super) change: fn(&mut Installation),
    /// Which check says so.
    pub(super) check: &'static str,
    pub(super) status: Status,
    /// What its finding or its mend must say.
    pub(super) says: &'static str,
}

/// Judges each case: the check's gravest status is as expected, one such finding says what it must, and whoever is told of a fault is told the mend.
pub(super) fn hold(cases: &[Case]) {
    for Case { change, check, status, says } in cases {
        let mut installation = well();
        change(&mut installation);
        let findings = judged(installation);
        let of_check: Vec<&Finding> = findings.iter().filter(|finding| finding.check == *check).collect();
        let gravest = of_check.iter().map(|finding| finding.status).max();
        let text = |finding: &Finding| format!("{}: {} -> {}", finding.subject, finding.found, finding.mend);
        let said = of_check.iter().any(|one| one.status == *status && text(one).contains(says));
        assert!(said && gravest == Some(*status), "{check}, {says}: {of_check:#?}");
        for finding in &findings {
            let wrong = matches!(finding.status, Status::Warning | Status::Failed);
            assert_eq!(wrong, !finding.mend.is_empty(), "{finding:?}");
        }
    }
}

/// Goal: where all is well nothing else is said. Method: every finding of that installation.
#[test]
fn all_is_well() {
    let findings = judged(well());
    let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.status != Status::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(findings.is_sorted_by_key(|finding| finding.area), "by area");
}

/// Goal: without the agent's file the doctor says what is wrong with it, and that nothing else was looked at. Method: facts
/// of such a file.
#[test]
fn without_the_file_only_the_file_is_judged() {
    let problem = Problem {
        file: "east.yaml".to_owned(),
        line: 2,
        column: 1,
        field: FieldPath::from(["region"]),
        severity: Severity::Error,
        message: "it is missing".to_owned(),
        mend: "write it".to_owned(),
    };
    let facts =
        Facts { documents: Documents { good: Vec::new(), problems: vec![problem] }, installation: None };
    let statuses: Vec<Status> = judge(&facts).iter().map(|finding| finding.status).collect();
    assert_eq!(statuses, [Status::Failed, Status::Skipped]);
}
