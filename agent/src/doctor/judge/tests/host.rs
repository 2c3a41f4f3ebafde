//! What is judged of the host alone: files, disk, clock, names, targets, plans.

use super::{Case, hold, ms};
use crate::doctor::{
    facts::{DataState, Disk, Installation, Local, Synchronized},
    finding::Status::{Failed, Ok as Good, Skipped, Warning},
    judge::{
        clock::{APART_MAX, APART_WARNING, MOVED_WARNING},
        disk::{FREE_LOW, FREE_MIN},
        names::SLOW,
    },
};
use quorate_policies::{health::FailureReason, readiness::Finding};
use std::time::Duration;

fn there(of: &mut Installation, mode: u32, owner: u32, fault: Option<&str>) {
    of.data.state = DataState::There { mode, owner, fault: fault.map(str::to_owned) };
}

/// Goal: each way in which a data directory can be wrong has its word. Method: a table.
#[test]
fn data_directories() {
    hold(&[
        Case {
            change: |of| there(of, 0o777, 990, None),
            check: "data_directory",
            status: Failed,
            says: "chmod 700 /data",
        },
        Case {
            change: |of| there(of, 0o702, 990, None),
            check: "data_directory",
            status: Failed,
            says: "forge",
        },
        Case {
            change: |of| there(of, 0o755, 990, None),
            check: "data_directory",
            status: Warning,
            says: "mode 755",
        },
        Case {
            change: |of| there(of, 0o720, 990, None),
            check: "data_directory",
            status: Warning,
            says: "mode 720",
        },
        Case {
            change: |of| there(of, 0o700, 990, Some("denied")),
            check: "data_directory",
            status: Failed,
            says: "denied",
        },
        Case { change: |of| there(of, 0o700, 0, None), check: "user", status: Warning, says: "sudo -u '#0'" },
        Case {
            change: |of| of.data.state = DataState::Missing { fault: None },
            check: "data_directory",
            status: Good,
            says: "not there yet",
        },
        Case {
            change: |of| of.data.state = DataState::Missing { fault: Some("read-only".into()) },
            check: "data_directory",
            status: Failed,
            says: "read-only",
        },
        Case {
            change: |of| of.data.state = DataState::NoDirectory,
            check: "data_directory",
            status: Failed,
            says: "no directory",
        },
        Case {
            change: |of| of.data.state = DataState::Unreadable("denied".into()),
            check: "data_directory",
            status: Failed,
            says: "denied",
        },
    ]);
}

/// Goal: each way in which a secret, a program or a policy's file can be wrong has its word. Method: a table.
#[test]
fn files() {
    hold(&[
        Case {
            change: |of| of.files[0].state = Ok(Some(0o644)),
            check: "held_file",
            status: Failed,
            says: "chmod 600 /token",
        },
        Case {
            change: |of| of.files[0].state = Err("gone".into()),
            check: "held_file",
            status: Failed,
            says: "gone",
        },
        Case {
            change: |of| of.programs[0].fault = Some("gone".into()),
            check: "exec_program",
            status: Failed,
            says: "/bin/tell",
        },
        Case {
            change: |of| of.policies[0].hash = "bad".into(),
            check: "policy_in_force",
            status: Warning,
            says: "quorate diff",
        },
        Case {
            change: |of| of.policies[0].service = "mail".try_into().unwrap(),
            check: "policy_in_force",
            status: Warning,
            says: "quorate apply shop.yaml",
        },
    ]);
}

fn disk(of: &mut Installation, free_bytes: u64, median: Duration, worst: Duration) {
    of.disk = Ok(Disk { free_bytes, writes: 40, median, worst });
}

/// Goal: the disk is judged by what is free and by what consensus gives a write. Method: a table on both sides of each limit,
/// with a heartbeat of 250 ms and an election of 750 ms.
#[test]
fn disks() {
    hold(&[
        Case {
            change: |of| disk(of, FREE_MIN - 1, ms(1), ms(1)),
            check: "free_space",
            status: Failed,
            says: "63 MiB",
        },
        Case {
            change: |of| disk(of, FREE_MIN, ms(1), ms(1)),
            check: "free_space",
            status: Warning,
            says: "64 MiB",
        },
        Case {
            change: |of| disk(of, FREE_LOW, ms(1), ms(1)),
            check: "free_space",
            status: Good,
            says: "1024 MiB",
        },
        Case {
            change: |of| disk(of, 1 << 40, ms(250), ms(250)),
            check: "synced_write",
            status: Failed,
            says: "comes too late",
        },
        Case {
            change: |of| disk(of, 1 << 40, ms(249), ms(249)),
            check: "synced_write",
            status: Warning,
            says: "1/4",
        },
        Case {
            change: |of| disk(of, 1 << 40, ms(63), ms(70)),
            check: "synced_write",
            status: Warning,
            says: "median 63 ms",
        },
        Case {
            change: |of| disk(of, 1 << 40, ms(62), ms(749)),
            check: "synced_write",
            status: Good,
            says: "worst 749 ms",
        },
        Case {
            change: |of| disk(of, 1 << 40, ms(2), ms(750)),
            check: "synced_write",
            status: Warning,
            says: "stall",
        },
        Case {
            change: |of| of.disk = Err("denied".into()),
            check: "synced_write",
            status: Skipped,
            says: "denied",
        },
    ]);
}

/// The first peer's clock, which its answer of 21 ms leaves unsure by half of that.
fn ahead(of: &mut Installation, ahead: Duration, back: bool) {
    let size = i64::try_from(ahead.as_millis()).unwrap();
    of.peers[0].told.as_mut().unwrap().ahead_ms = if back { -size } else { size };
}

/// Goal: a clock is judged by what is known of it, and the way's delay is not held against it. Method: a table on both sides of
/// each limit.
#[test]
fn clocks() {
    let unsure = ms(11);
    assert!(unsure * 2 > ms(21), "what the table takes for the way's delay is more than half of it");
    hold(&[
        Case {
            change: |of| of.synchronized = None,
            check: "clock_synchronized",
            status: Skipped,
            says: "chronyc",
        },
        Case {
            change: |of| of.synchronized = Some(Synchronized { yes: false, by: "the kernel".into() }),
            check: "clock_synchronized",
            status: Warning,
            says: "not synchronised",
        },
        Case {
            change: |of| ahead(of, APART_WARNING, false),
            check: "clock_apart",
            status: Good,
            says: "500 ms ahead of",
        },
        Case {
            change: |of| ahead(of, APART_WARNING + ms(11), true),
            check: "clock_apart",
            status: Warning,
            says: "behind",
        },
        Case {
            change: |of| ahead(of, APART_MAX, true),
            check: "clock_apart",
            status: Warning,
            says: "5.0 s behind",
        },
        Case {
            change: |of| ahead(of, APART_MAX + ms(11), false),
            check: "clock_apart",
            status: Failed,
            says: "forgives 5.0 s",
        },
        Case {
            change: |of| {
                of.peers[0].told.as_mut().unwrap().about.moved_ms =
                    -1 - i64::try_from(MOVED_WARNING.as_millis()).unwrap()
            },
            check: "clock_moved",
            status: Warning,
            says: "restart that agent",
        },
    ]);
}

/// Goal: a name that does not resolve fails, a slow one is said. Method: a table.
#[test]
fn names() {
    hold(&[
        Case {
            change: |of| of.names.seen[0].addresses = Err("NXDOMAIN".into()),
            check: "resolves",
            status: Failed,
            says: "NXDOMAIN",
        },
        Case {
            change: |of| of.names.seen[0].took = SLOW,
            check: "resolves",
            status: Good,
            says: "2 addresses in 400 ms",
        },
        Case {
            change: |of| of.names.seen[0].took = SLOW + ms(1),
            check: "resolves",
            status: Warning,
            says: "agent west",
        },
        Case { change: |of| of.names.seen.clear(), check: "resolves", status: Skipped, says: "address" },
    ]);
}

fn target_fails(of: &mut Installation, healthy_for: &[&str]) {
    let target = &mut of.targets.as_mut().unwrap().seen[0];
    target.fault = Some((FailureReason::ConnectTimeout, "no answer".to_owned()));
    target.healthy_for = healthy_for.iter().map(ToString::to_string).collect();
}

/// Goal: a target that others see is a matter of the way, and one that nobody sees may be down. Method: a table.
#[test]
fn targets() {
    hold(&[
        Case {
            change: |of| target_fails(of, &["west", "witness"]),
            check: "probe",
            status: Failed,
            says: "west and witness see it",
        },
        Case {
            change: |of| target_fails(of, &[]),
            check: "probe",
            status: Failed,
            says: "look at the target",
        },
        Case {
            change: |of| of.targets.as_mut().unwrap().left = 7,
            check: "probe",
            status: Skipped,
            says: "7 more",
        },
        Case { change: |of| of.names.left = 3, check: "resolves", status: Skipped, says: "3 more" },
        Case {
            change: |of| of.targets = Err("no policy".into()),
            check: "probe",
            status: Skipped,
            says: "no policy",
        },
    ]);
}

fn plan(of: &mut Installation, finding: Finding) {
    of.plans.as_mut().unwrap()[0].findings = Ok(vec![finding]);
}

/// Goal: what readiness found keeps its weight, what could not be looked at is skipped with its reason, and a note is no
/// finding. Method: one of each.
#[test]
fn plans() {
    hold(&[
        Case {
            change: |of| plan(of, Finding::blocking("denied", "allow it")),
            check: "plan",
            status: Failed,
            says: "allow it",
        },
        Case {
            change: |of| plan(of, Finding::warning("slow", "wait")),
            check: "plan",
            status: Warning,
            says: "slow",
        },
        Case {
            change: |of| plan(of, Finding::unknown("no credentials", "give some")),
            check: "plan",
            status: Skipped,
            says: "no credentials; give some",
        },
        Case {
            change: |of| plan(of, Finding::note("by the way")),
            check: "plan",
            status: Good,
            says: "nothing known",
        },
        Case {
            change: |of| of.plans = Err("no policy".into()),
            check: "plan",
            status: Skipped,
            says: "no policy",
        },
    ]);
}

/// Goal: an agent that does not run is no fault of the installation before its first start, and a policy's file is then compared
/// with nobody's. Method: silence.
#[test]
fn an_agent_that_does_not_run_is_skipped() {
    fn silent(of: &mut Installation) {
        of.local = Local::Silent { address: "127.0.0.1:7950".into(), why: "refused".into() };
    }
    hold(&[Case { change: silent, check: "running", status: Skipped, says: "127.0.0.1:7950: refused" }]);
    let mut installation = super::well();
    silent(&mut installation);
    assert!(super::judged(installation).iter().all(|finding| finding.check != "policy_in_force"));
}
