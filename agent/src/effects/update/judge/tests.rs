//! The epoch fence's rules as tables.

use super::{
    super::{aim::tests::action, message::Held},
    *,
};
use hickory_proto::rr::{
    RData,
    rdata::{A, TXT},
};

const OURS: Option<&str> = Some("192.0.2.2");
const OTHER: Option<&str> = Some("192.0.2.1");

fn aim() -> Aim {
    Aim::new(&action()).unwrap()
}

fn mark(epoch: u64, execution: &str, attempt: u32) -> EpochMark {
    EpochMark::new(epoch, execution, attempt).unwrap()
}

fn own() -> EpochMark {
    mark(5, "e5", 2)
}

fn world(fence: Option<&str>, value: Option<&str>) -> World {
    let held = |value: RData| Held { values: vec![value], ttl_s: 30 };
    World {
        record: value.map(|value| held(RData::A(A(value.parse().unwrap())))).unwrap_or_default(),
        alias: None,
        fence: fence.map(|text| held(RData::TXT(TXT::new(vec![text.to_owned()])))).unwrap_or_default(),
    }
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Barred(_) => "barred",
        Standing::Applied(_) => "applied",
        Standing::Open(_) => "open",
    }
}

/// Goal: the epoch decides before the answer does, and only our own mark with our answer is applied (R4). Method: cross
/// every kind of mark with every answer.
#[test]
fn the_epoch_comes_first() {
    let table = [
        (None, ["open", "open", "open"]),
        (Some("epoch=4 execution=e4 attempt=1"), ["open", "open", "open"]),
        (Some("epoch=5 execution=e5 attempt=2"), ["applied", "open", "open"]),
        (Some("epoch=5 execution=e5 attempt=1"), ["applied", "open", "open"]),
        (Some("epoch=5 execution=other attempt=2"), ["barred", "barred", "barred"]),
        (Some("epoch=6 execution=e6 attempt=1"), ["barred", "barred", "barred"]),
        (Some("hello"), ["barred", "barred", "barred"]),
    ];
    for (fence, expected) in table {
        let seen = [OURS, OTHER, None].map(|value| word(&standing(&aim(), &own(), &world(fence, value))));
        assert_eq!(seen, expected, "{fence:?}");
    }
}

/// Goal: each look is told in words that name what stands, and the note is what an undo needs. Method: read them.
#[test]
fn what_a_look_means() {
    let look = |fence, value| observed(&aim(), &own(), &world(fence, value));
    let Observed::Impossible { reason } = look(Some("epoch=6 execution=e6 attempt=1"), OTHER) else {
        panic!("a newer epoch is there")
    };
    assert!(
        reason.starts_with("a newer failover, epoch 6 of execution e6, has already moved www.example.test"),
        "{reason}"
    );
    let Observed::NotDone { before: Some(before), part: 0, .. } = look(None, OTHER) else {
        panic!("it is not done")
    };
    assert_eq!(before.to_string(), "192.0.2.1 for 30 s");
    let Observed::NotDone { before: Some(before), .. } = look(None, None) else { panic!("it is not done") };
    assert_eq!(before.to_string(), "no record");
    let aliased = World { alias: Some("east.example.test".into()), ..world(None, None) };
    assert!(matches!(observed(&aim(), &own(), &aliased), Observed::Impossible { reason }
        if reason.contains("is a CNAME to east.example.test")));
}

/// Goal: refused means that certainly nothing was carried out, and may be tried again only where another look can tell
/// something else; all that is not clear is unknown (R4). Method: every reply, and every world behind a lost race.
#[test]
fn what_a_reply_means() {
    let word = |code| match reply(&aim(), code) {
        Reply::Accepted => "accepted".to_owned(),
        Reply::Moved(code) => format!("moved {code}"),
        Reply::Refused(why) => why.split(':').next().unwrap().to_owned(),
        Reply::Unclear(_) => "unclear".to_owned(),
    };
    for (code, expected) in [
        (ResponseCode::NoError, "accepted"),
        (ResponseCode::NXRRSet, "moved NXRRSET"),
        (ResponseCode::YXRRSet, "moved YXRRSET"),
        (ResponseCode::YXDomain, "moved YXDOMAIN"),
        (ResponseCode::NXDomain, "moved NXDOMAIN"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::NotAuth, "NOTAUTH"),
        (ResponseCode::NotZone, "NOTZONE"),
        (ResponseCode::NotImp, "NOTIMP"),
        (ResponseCode::FormErr, "FORMERR"),
        (ResponseCode::ServFail, "unclear"),
        (ResponseCode::Unknown(99), "unclear"),
    ] {
        assert_eq!(word(code), expected);
    }
    let before = world(Some("epoch=4 execution=e4 attempt=1"), OTHER);
    let lost = |fence, value| match moved(&aim(), &own(), &before, &world(fence, value), "NXRRSET") {
        Acted::Refused { retryable: true, .. } => "look again",
        Acted::Refused { retryable: false, .. } => "refused",
        Acted::Unknown { .. } => "unknown",
        Acted::Accepted { .. } => "accepted",
    };
    assert_eq!(lost(Some("epoch=6 execution=e6 attempt=1"), OURS), "refused");
    assert_eq!(lost(Some("epoch=5 execution=e5 attempt=1"), OURS), "unknown", "an earlier message of ours");
    assert_eq!(lost(Some("epoch=4 execution=e4 attempt=2"), OTHER), "look again");
    assert_eq!(lost(Some("epoch=4 execution=e4 attempt=1"), Some("192.0.2.7")), "look again");
    assert_eq!(lost(Some("epoch=4 execution=e4 attempt=1"), OTHER), "refused", "nobody touched it");
}
