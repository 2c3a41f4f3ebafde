//! What is judged of the agents together: this one's standing, its peers, and the certificates of all.

use super::{Case, DAY, NOW, hold, judged, ms, presented, well};
use crate::{
    doctor::{
        facts::{Installation, Local},
        finding::Status::{Failed, Ok as Good, Skipped, Warning},
        judge::{certificates::DAYS_LOW, version::too_far},
    },
    peers::{visit::Unanswered, wire::About},
};
use quorate_api::Hold;
use quorate_policies::Timestamp;

fn status(of: &mut Installation, change: impl FnOnce(&mut quorate_api::Status)) {
    if let Local::Answers { status, .. } = &mut of.local {
        change(status);
    }
}

/// Goal: what keeps an agent from acting is said, by its weight. Method: a table of standings.
#[test]
fn standings() {
    hold(&[
        Case {
            change: |of| status(of, |s| s.has_quorum = false),
            check: "standing",
            status: Failed,
            says: "majority of 3",
        },
        Case {
            change: |of| status(of, |s| s.leader = None),
            check: "standing",
            status: Failed,
            says: "no leader",
        },
        Case {
            change: |of| {
                if let Local::Answers { ready, .. } = &mut of.local {
                    *ready = false;
                }
            },
            check: "standing",
            status: Failed,
            says: "not ready",
        },
        Case {
            change: |of| status(of, |s| s.version = "1.4.1".into()),
            check: "running",
            status: Warning,
            says: "restart",
        },
        Case {
            change: |of| status(of, |s| s.agent = "west".into()),
            check: "running",
            status: Failed,
            says: "another agent",
        },
        Case {
            change: |of| status(of, |s| s.abstains = Some("late".into())),
            check: "abstains",
            status: Warning,
            says: "late",
        },
        Case {
            change: |of| status(of, |s| s.services.clear()),
            check: "policy",
            status: Warning,
            says: "quorate apply",
        },
        Case {
            change: |of| {
                let hold =
                    Hold { by: "ada".into(), reason: "upgrade".into(), since: "now".into(), until: None };
                status(of, |s| s.services[0].hold = Some(hold));
            },
            check: "paused",
            status: Warning,
            says: "quorate resume shop",
        },
    ]);
}

fn about(of: &mut Installation, change: impl FnOnce(&mut About)) {
    change(&mut of.peers[0].told.as_mut().unwrap().about);
}

fn down(of: &mut Installation, peer: usize) {
    of.peers[peer].connected = Err("Connection refused".to_owned());
    of.peers[peer].told = Err(Unanswered::Unreached);
    of.peers[peer].presented = None;
}

/// Goal: each way in which a peer can be out of reach has its word, and one that is down leaves a majority
/// while two do not. Method: a table.
#[test]
fn peers() {
    hold(&[
        Case {
            change: |of| down(of, 0),
            check: "reachable",
            status: Failed,
            says: "west:7951: Connection refused",
        },
        Case { change: |of| down(of, 0), check: "majority", status: Good, says: "2 of 3" },
        Case {
            change: |of| [0, 1].into_iter().for_each(|peer| down(of, peer)),
            check: "majority",
            status: Failed,
            says: "1 of 3",
        },
        Case { change: |of| of.peers.clear(), check: "reachable", status: Skipped, says: "no other voter" },
        Case {
            change: |of| of.peers[0].told = Err(Unanswered::Older),
            check: "reachable",
            status: Warning,
            says: "upgrade",
        },
        Case {
            change: |of| of.peers[0].told = Err(Unanswered::Older),
            check: "majority",
            status: Good,
            says: "3 of 3",
        },
        Case {
            change: |of| of.peers[0].told = Err(Unanswered::NoAnswer("alert".into())),
            check: "reachable",
            status: Failed,
            says: "alert",
        },
    ]);
}

/// Goal: the way to a peer is judged by what consensus gives an append. Method: a table on both sides of each limit, with a
/// heartbeat of 250 ms.
#[test]
fn ways() {
    hold(&[
        Case {
            change: |of| of.peers[0].told.as_mut().unwrap().round_trip = ms(124),
            check: "reachable",
            status: Good,
            says: "124 ms",
        },
        Case {
            change: |of| of.peers[0].told.as_mut().unwrap().round_trip = ms(125),
            check: "reachable",
            status: Warning,
            says: "1/2",
        },
        Case {
            change: |of| of.peers[0].told.as_mut().unwrap().round_trip = ms(250),
            check: "reachable",
            status: Failed,
            says: "timing: wan",
        },
    ]);
}

/// Goal: each way in which a peer can be of another mind has its word. Method: a table.
#[test]
fn minds() {
    hold(&[
        Case {
            change: |of| about(of, |a| a.version = "1.6.0".into()),
            check: "version",
            status: Warning,
            says: "1.6.0",
        },
        Case {
            change: |of| about(of, |a| a.version = "dev".into()),
            check: "version",
            status: Skipped,
            says: "dev",
        },
        Case {
            change: |of| about(of, |a| a.cluster = "other".into()),
            check: "members",
            status: Failed,
            says: "`other`",
        },
        Case {
            change: |of| about(of, |a| drop(a.members.remove("witness"))),
            check: "members",
            status: Failed,
            says: "it counts east in east, west in west, and this agent",
        },
        Case {
            change: |of| about(of, |a| a.policies.clear()),
            check: "policies",
            status: Failed,
            says: "shop",
        },
        Case {
            change: |of| about(of, |a| a.has_quorum = false),
            check: "peer_standing",
            status: Warning,
            says: "there",
        },
        Case {
            change: |of| of.peers[0].signal = Some(("w:1".into(), Err("refused".into()))),
            check: "signal",
            status: Warning,
            says: "w:1: refused",
        },
    ]);
}

/// Goal: without a running agent its file is not held against the log, but two peers of different minds are. Method: a list and
/// a policy that differ, with and without a file to compare.
#[test]
fn a_file_is_only_a_file() {
    fn silent(of: &mut Installation) {
        of.local = Local::Silent { address: "here".into(), why: "refused".into() };
    }
    hold(&[
        Case {
            change: |of| {
                silent(of);
                drop(of.members.remove("witness"));
            },
            check: "members",
            status: Warning,
            says: "the log counts",
        },
        Case {
            change: |of| {
                silent(of);
                of.policies[0].hash = "bad".into();
            },
            check: "policies",
            status: Warning,
            says: "this agent's files",
        },
        Case {
            change: |of| {
                silent(of);
                of.policies.clear();
                about(of, |a| a.policies = [("shop".try_into().unwrap(), "bad".to_owned())].into());
            },
            check: "policies",
            status: Failed,
            says: "that of agent west",
        },
    ]);
}

/// Goal: one minor version apart is how an upgrade goes, two are a mistake. Method: a table.
#[test]
fn versions() {
    let table = [
        ("1.4.2", "1.4.0", Some(false)),
        ("1.4.2", "1.5.0", Some(false)),
        ("1.4.2", "1.3.9", Some(false)),
        ("1.4.2", "1.6.0", Some(true)),
        ("1.4.2", "2.4.2", Some(true)),
        ("1.4.2", "1.4", None),
        ("x", "1.4.2", None),
    ];
    for (one, other, expected) in table {
        assert_eq!(too_far(one, other), expected, "{one} {other}");
        assert_eq!(too_far(other, one), expected, "{other} {one}");
    }
}

/// Goal: a certificate is judged by whether it is accepted and by how long it holds. Method: a table on both sides of the limit,
/// for each holder.
#[test]
fn certificates() {
    fn own(of: &mut Installation, index: usize, days: u64) {
        of.certificates.as_mut().unwrap()[index].says = presented("east", days);
    }
    fn expired(of: &mut Installation) {
        let own = &mut of.certificates.as_mut().unwrap()[0];
        own.says.until = Timestamp(NOW.0 - 3 * DAY);
        own.fault = Some("expired".to_owned());
    }
    hold(&[
        Case {
            change: |of| own(of, 0, DAYS_LOW),
            check: "own_certificate",
            status: Good,
            says: "30 more days",
        },
        Case {
            change: |of| own(of, 0, DAYS_LOW - 1),
            check: "own_certificate",
            status: Warning,
            says: "29 more days",
        },
        Case {
            change: |of| own(of, 1, DAYS_LOW - 1),
            check: "authority",
            status: Warning,
            says: "quorate tls ca",
        },
        Case { change: expired, check: "own_certificate", status: Failed, says: "expired 3 days ago" },
        Case {
            change: |of| of.certificates.as_mut().unwrap()[0].says.from = Timestamp(NOW.0 + DAY),
            check: "own_certificate",
            status: Failed,
            says: "only from",
        },
        Case {
            change: |of| of.certificates.as_mut().unwrap()[0].fault = Some("not valid for name".into()),
            check: "own_certificate",
            status: Failed,
            says: "not valid for name",
        },
        Case {
            change: |of| of.certificates = Err("no PEM".into()),
            check: "own_certificate",
            status: Failed,
            says: "no PEM",
        },
        Case {
            change: |of| of.peers[0].presented = Some(presented("west", 5)),
            check: "peer_certificate",
            status: Warning,
            says: "west: names west; holds for 5 more days",
        },
        Case {
            change: |of| {
                of.peers[0].presented = None;
                of.peers[0].told = Err(Unanswered::Handshake("not valid for name".into()));
            },
            check: "peer_certificate",
            status: Failed,
            says: "it must name `west`",
        },
        Case { change: |of| down(of, 0), check: "peer_certificate", status: Skipped, says: "see Peers" },
    ]);
}

/// Goal: a peer that the handshake keeps out counts for no majority. Method: two of them.
#[test]
fn who_is_not_trusted_does_not_count() {
    let mut installation = well();
    for peer in &mut installation.peers {
        (peer.presented, peer.told) = (None, Err(Unanswered::Handshake("unknown issuer".to_owned())));
    }
    let findings = judged(installation);
    let majority = findings.iter().find(|finding| finding.check == "majority").unwrap();
    assert_eq!(majority.status, Failed, "{majority:?}");
}
