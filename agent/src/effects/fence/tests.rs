//! What a look at a primary means for its fence and for the fence's end.

use super::{super::writers::tests::fenced as writers, *};

fn action() -> PostgresFence {
    serde_json::from_str(r#"{"region": "east", "host": "10.0.0.1", "user": "quorate"}"#).unwrap()
}

fn unfence() -> PostgresUnfence {
    serde_json::from_str(r#"{"region": "east", "host": "10.0.0.1", "user": "quorate"}"#).unwrap()
}

fn context(before: Option<Before>) -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt: 1,
        from: "east".to_owned(),
        to: "west".to_owned(),
        before,
        role: None,
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

/// A word for what was observed.
fn word(observed: &Observed) -> String {
    match observed {
        Observed::Done { .. } => "done".to_owned(),
        Observed::InProgress { .. } => "in progress".to_owned(),
        Observed::NotDone { part, before, .. } => {
            format!("part {part}, {}", before.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Observed::Impossible { .. } => "impossible".to_owned(),
        Observed::Broken { .. } => "broken".to_owned(),
        Observed::Unknown { .. } => "unknown".to_owned(),
    }
}

/// Goal: the fence acts on what is missing, in order, notes whose setting it is, and leaves a standby alone. Method: one
/// server, further and further on.
#[test]
fn where_a_fence_stands() {
    let open = Writers { read_only: false, file: None, source: "default".to_owned(), older: 9, ..writers() };
    let crowded = Writers { older: 9, writing: 2, ..writers() };
    let rows = [
        (open.clone(), "part 0, writes were allowed"),
        (crowded, "part 1, writes were stopped already"),
        (Writers { writing: 1, ..writers() }, "in progress"),
        (writers(), "done"),
        (Writers { standby: true, ..open }, "impossible"),
        (Writers { sees: false, ..writers() }, "impossible"),
    ];
    for (seen, expected) in rows {
        assert_eq!(word(&fenced(&action(), &seen)), expected, "{seen:?}");
    }
}

/// Goal: a fence is taken away whatever the server's role is, once in any case, and a setting from another place is left
/// alone. Method: before and after the note.
#[test]
fn where_its_end_stands() {
    let told = |seen: &Writers, noted: bool| {
        let before = noted.then_some(Before::WritesStopped { already: true });
        word(&unfenced(&unfence(), seen, &context(before)))
    };
    let open = Writers { read_only: false, file: None, ..writers() };
    assert_eq!(told(&writers(), false), "part 0, writes were stopped already");
    assert_eq!(told(&writers(), true), "part 0, writes were stopped already");
    assert_eq!(told(&Writers { standby: true, ..writers() }, true), "part 0, writes were stopped already");
    assert_eq!(told(&open, false), "part 0, writes were allowed", "it may be written and not loaded");
    assert_eq!(told(&open, true), "done");
    let by_hand = Writers { file: Some("/etc/postgresql.conf".to_owned()), ..writers() };
    assert_eq!(told(&by_hand, true), "done");
    assert_eq!(told(&Writers { file: None, sees: false, ..writers() }, true), "impossible");
}

/// Goal: each missing right is told with the statement that gives it. Method: none of them, and all.
#[test]
fn what_an_account_lacks() {
    let action = action();
    assert_eq!(rights(&server(&action), true, true, true), vec![]);
    let told: Vec<String> =
        rights(&server(&action), false, false, false).iter().map(ToString::to_string).collect();
    let grants = [
        "may not set default_transaction_read_only of 10.0.0.1; GRANT ALTER SYSTEM ON PARAMETER",
        "may not reload 10.0.0.1; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO quorate",
        "may not end sessions of 10.0.0.1; GRANT pg_signal_backend TO quorate",
    ];
    assert_eq!(told.len(), grants.len());
    for (told, grant) in told.iter().zip(grants) {
        assert!(told.contains(grant), "{told}");
    }
}
