//! What looks at both servers mean for a switchover.

use super::*;

fn primary(timeline: u32, written: u64) -> Database {
    Database::new(timeline, DatabaseRole::Primary { written: Lsn(written) })
}

fn standby(received: Option<u64>, replayed: Option<u64>) -> Database {
    let (received, replayed) = (received.map(Lsn), replayed.map(Lsn));
    Database::new(1, DatabaseRole::Standby { received, replayed, streaming: Some(true) })
}

fn context() -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt: 1,
        from: "east".to_owned(),
        to: "west".to_owned(),
        before: None,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

/// Goal: a standby is promoted only when it has received and replayed all of its primary's log on the same timeline; in
/// doubt it is not. Method: a table of positions.
#[test]
fn what_a_standby_lacks() {
    let told = |standby: &Database| lacks_nothing(&primary(1, 0x100), standby);
    for (received, replayed, expected) in [
        (Some(0x100), Some(0x100), None),
        (Some(0x180), Some(0x140), None),
        // It replays from an archive.
        (None, Some(0x100), None),
        (Some(0xFF), Some(0xFF), Some("1 bytes are not received")),
        (Some(0x100), Some(0xF0), Some("16 bytes are not replayed")),
        (Some(0x100), None, Some("nothing is replayed")),
        (None, None, Some("nothing is received")),
    ] {
        let lacks = told(&standby(received, replayed)).err();
        let as_expected = match (&lacks, expected) {
            (None, None) => true,
            (Some(told), Some(part)) => told.starts_with(part),
            (Some(_), None) | (None, Some(_)) => false,
        };
        assert!(as_expected, "{received:?} {replayed:?}: {lacks:?}");
    }
    let full = standby(Some(0x100), Some(0x100));
    assert!(lacks_nothing(&primary(2, 0x100), &full).unwrap_err().contains("not of one timeline"));
    assert!(lacks_nothing(&full, &full).unwrap_err().contains("is no primary"));
    assert!(told(&primary(1, 0x100)).unwrap_err().contains("is no standby"));
}

/// Goal: the record says that nothing is lost and by which positions; whatever is missing is not done and leaves no record.
/// Method: a standby with everything, one that lags, and a primary that takes writes.
#[test]
fn what_is_noted() {
    let full = standby(Some(0x100), Some(0x100));
    let shown = lacks_nothing(&primary(1, 0x100), &full).map_err(Obstacle::NotYet);
    let Observed::NotDone { part: 0, before: Some(before), .. } = judge(shown, &full, &context()) else {
        panic!("it may be promoted")
    };
    assert_eq!(
        before.to_string(),
        "replica of east, 0s behind, as measured 0s before by positions: the log of the fenced primary ended at 0/100, \
         received and replayed to 0/100"
    );
    let lagging = judge(Err(Obstacle::NotYet("16 bytes".to_owned())), &full, &context());
    assert_eq!(lagging, Observed::not_done("16 bytes".to_owned()));
    let open = judge(Err(Obstacle::Never("writes".to_owned())), &full, &context());
    assert_eq!(open, Observed::Impossible { reason: "writes".to_owned() });
}

/// Goal: before the note silence is not done, because the act refuses; after it silence is unknown (R7), a server that shuts
/// its sessions out is at work, and a primary is the result. Before it a primary is not ours (R24). Method: each answer,
/// with and without the note.
#[test]
fn what_a_look_at_the_standby_means() {
    let seen = |reason: Option<FailureReason>, role: Option<Database>| {
        let mut result = ProbeResult::cancelled("database/west".to_owned().try_into().unwrap());
        result.outcome = match reason {
            Some(reason) => Outcome::Failure { reason, detail: "why".to_owned() },
            None => Outcome::Success,
        };
        result.database = role;
        result
    };
    let word = |seen: &ProbeResult, noted| match standing(seen, noted) {
        Standing::Standby(_) => "a standby",
        Standing::Known(Observed::Done { .. }) => "done",
        Standing::Known(Observed::InProgress { .. }) => "in progress",
        Standing::Known(Observed::NotDone { part: 0, before: None, .. }) => "not done",
        Standing::Known(Observed::NotDone { .. }) => "another part",
        Standing::Known(Observed::Impossible { .. }) => "impossible",
        Standing::Known(Observed::Broken { .. }) => "broken",
        Standing::Known(Observed::Unknown { .. }) => "unknown",
    };
    for (seen, before, after) in [
        (seen(Some(FailureReason::TtfbTimeout), None), "not done", "unknown"),
        (seen(Some(FailureReason::NotAccepting), None), "not done", "in progress"),
        (seen(None, Some(primary(2, 1))), "impossible", "done"),
        (seen(None, Some(standby(None, Some(1)))), "a standby", "a standby"),
    ] {
        assert_eq!((word(&seen, false), word(&seen, true)), (before, after), "{:?}", seen.outcome);
    }
}
