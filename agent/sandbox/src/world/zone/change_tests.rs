//! Tests of ChangeResourceRecordSets: one for each of Route 53's rules that a failover relies on.

use super::super::tests::{alias, values, zone};
use super::*;

use ChangeAction::{Create, Delete, Upsert};

const EPOCH: &str = "_epoch.shop.test.";

fn change(
    zone: &mut Zone,
    now_ms: u64,
    changes: &[(ChangeAction, RecordSet)],
) -> Result<(ChangeInfo, bool), Refusal> {
    let changes = changes.iter().map(|(action, set)| Change { action: *action, set: set.clone() }).collect();
    zone.change(&ChangeBatch { comment: None, changes }, format!("C{now_ms}"), now_ms)
}

fn refused(zone: &mut Zone, changes: &[(ChangeAction, RecordSet)]) -> (String, String) {
    let before = zone.all();
    let refusal = change(zone, 1, changes).unwrap_err();
    assert_eq!(zone.all(), before, "a refused batch changed the zone");
    (refusal.code, refusal.message)
}

fn message(zone: &mut Zone, changes: &[(ChangeAction, RecordSet)]) -> String {
    let (code, message) = refused(zone, changes);
    assert_eq!(code, "InvalidChangeBatch");
    message
}

fn epoch(value: &str) -> RecordSet {
    values(EPOCH, "TXT", 5, &[value])
}

/// Goal: DELETE old, CREATE new and UPSERT in one batch is compare-and-set: the first of two identical
/// batches wins and the second leaves nothing behind.
/// Method: send it twice, and read the zone after each.
#[test]
fn the_epoch_batch_is_compare_and_set() {
    let mut zone = zone();
    change(&mut zone, 0, &[(Create, epoch("\"1 a\""))]).unwrap();
    let stale = [
        (Upsert, alias("www.shop.test.", "us-west-2")),
        (Delete, epoch("\"1 a\"")),
        (Create, epoch("\"2 b\"")),
    ];
    assert!(change(&mut zone, 1, &stale).unwrap().1);
    let expected = "[Tried to delete resource record set [name='_epoch.shop.test.', type='TXT'] \
                    but the values provided do not match the current values, ";
    let message = message(&mut zone, &stale);
    assert!(message.starts_with(expected), "{message}");
}

/// Goal: a DELETE must repeat TTL, values and alias target exactly; the order of values does not count.
/// Method: vary one of them at a time.
#[test]
fn delete_must_match_the_current_set() {
    let mut zone = zone();
    change(&mut zone, 0, &[(Create, values("m.shop.test", "A", 60, &["192.0.2.1", "192.0.2.2"]))]).unwrap();
    let mismatch = "but the values provided do not match the current values]";
    for set in [
        values("m.shop.test", "A", 61, &["192.0.2.1", "192.0.2.2"]),
        values("m.shop.test", "A", 60, &["192.0.2.1"]),
        alias("www.shop.test.", "us-west-2"),
    ] {
        assert!(message(&mut zone, &[(Delete, set)]).ends_with(mismatch));
    }
    let missing = message(&mut zone, &[(Delete, values("x.shop.test", "A", 60, &["192.0.2.1"]))]);
    assert_eq!(
        missing,
        "[Tried to delete resource record set [name='x.shop.test.', type='A'] but it was not found]"
    );
    change(&mut zone, 1, &[(Delete, values("M.shop.test.", "A", 60, &["192.0.2.2", "192.0.2.1"]))]).unwrap();
    change(&mut zone, 2, &[(Delete, alias("www.shop.test", "us-east-1"))]).unwrap();
}

/// Goal: CREATE over an existing set is refused, UPSERT replaces it, and an UPSERT of the same changes
/// nothing.
/// Method: do each in turn.
#[test]
fn create_is_exclusive_and_upsert_is_not() {
    let mut zone = zone();
    let refused = message(&mut zone, &[(Create, alias("www.shop.test", "us-west-2"))]);
    assert_eq!(
        refused,
        "[Tried to create resource record set [name='www.shop.test.', type='A'] but it already exists]"
    );
    let upsert = [(Upsert, alias("www.shop.test", "us-west-2"))];
    assert!(change(&mut zone, 1, &upsert).unwrap().1);
    assert!(!change(&mut zone, 2, &upsert).unwrap().1);
}

/// Goal: one bad change refuses the whole batch, with every reason.
/// Method: a good change between two bad ones; `refused` compares the zone before and after.
#[test]
fn a_batch_is_all_or_nothing() {
    let mut zone = zone();
    let batch = [
        (Delete, epoch("\"none\"")),
        (Upsert, alias("www.shop.test.", "us-west-2")),
        (Create, values("www.elsewhere.test", "A", 5, &["192.0.2.1"])),
    ];
    let message = message(&mut zone, &batch);
    assert!(
        message
            .contains("it was not found, RRSet with DNS name www.elsewhere.test. is not permitted in zone")
    );
}

/// Goal: the same set may come twice only as DELETE, then CREATE.
/// Method: two deletes, two upserts, create then delete, and the allowed pair.
#[test]
fn a_set_twice_in_a_batch_is_refused() {
    let mut zone = zone();
    change(&mut zone, 0, &[(Create, epoch("\"1\""))]).unwrap();
    let invalid =
        "The request contains an invalid set of changes for a resource record set 'TXT _epoch.shop.test.'";
    for pair in [(Delete, Delete), (Upsert, Upsert), (Upsert, Delete), (Delete, Upsert)] {
        let message = message(&mut zone, &[(pair.0, epoch("\"1\"")), (pair.1, epoch("\"1\""))]);
        assert!(message.contains(invalid), "{pair:?}: {message}");
    }
    change(&mut zone, 1, &[(Delete, epoch("\"1\"")), (Create, epoch("\"1\""))]).unwrap();
}

/// Goal: a set has either an alias or a TTL with values.
/// Method: give both, neither, and half.
#[test]
fn alias_and_values_exclude_each_other() {
    let mut zone = zone();
    let with_ttl = RecordSet { ttl_s: Some(60), ..alias("www.shop.test", "us-west-2") };
    let (code, text) = refused(&mut zone, &[(Upsert, with_ttl)]);
    assert_eq!(code, "InvalidInput");
    assert!(text.contains("but found more than one in Change with [Action=UPSERT"), "{text}");
    let without_values = values("v.shop.test", "A", 60, &[]);
    assert!(refused(&mut zone, &[(Upsert, without_values)]).1.contains("but found none"));
    let without_ttl = RecordSet { ttl_s: None, ..values("v.shop.test", "A", 60, &["192.0.2.1"]) };
    assert!(refused(&mut zone, &[(Upsert, without_ttl)]).1.contains("but found none"));
}

/// Goal: values are checked by type, and TXT must be quoted.
/// Method: one bad value for each type, and good TXT values.
#[test]
fn values_are_checked() {
    let mut zone = zone();
    let mut of =
        |kind: &str, value: &str| message(&mut zone, &[(Create, values("v.shop.test", kind, 5, &[value]))]);
    assert!(
        of("TXT", "bare").contains("InvalidCharacterString (Value should be enclosed in quotation marks)")
    );
    assert!(of("TXT", "\"open").contains("InvalidCharacterString"));
    assert!(of("A", "1.2.3").contains("ARRDATAIllegalIPv4Address"));
    assert!(of("AAAA", "1.2.3.4").contains("AAAARRDATAIllegalIPv6Address"));
    assert!(of("CNAME", "a..b").contains("DomainLabelEmpty"));
    assert_eq!(answer_strings(r#""a \"b\"" "c""#), Some(vec!["a \"b\"".to_owned(), "c".to_owned()]));
    assert_eq!(answer_strings(&format!("\"{}\"", "x".repeat(256))), None);
}

/// Goal: an alias names a load balancer by that balancer's own zone.
/// Method: the other region's zone, an unknown zone, an unknown name, and a set of the own zone.
#[test]
fn alias_targets_must_exist() {
    let mut zone = zone();
    let mut with = |target_zone: &str, target: &str| {
        let mut set = alias("new.shop.test", "us-west-2");
        set.alias =
            Some(AliasTarget { zone: target_zone.into(), name: target.into(), evaluate_target_health: true });
        change(&mut zone, 1, &[(Upsert, set)]).map(drop).map_err(|refusal| refusal.message)
    };
    assert!(
        with("Z35SXDOTRQ7X7K", "alb.us-west-2.shop.test").unwrap_err().contains("that target was not found")
    );
    assert!(
        with("ZUNKNOWN", "alb.us-west-2.shop.test")
            .unwrap_err()
            .contains("does not lie within the target zone")
    );
    assert!(with("ZSHOP", "nothing.shop.test").unwrap_err().contains("that target was not found"));
    assert_eq!(with("ZSHOP", "www.shop.test"), Ok(()));
    assert_eq!(with("Z1H1FL5HABSF5", "ALB.us-west-2.shop.test."), Ok(()));
}

/// Goal: a CNAME is alone under its name and never at the apex.
/// Method: create one beside an A record, at the apex, and an A record beside it.
#[test]
fn a_cname_is_alone() {
    let mut zone = zone();
    let cname = |name: &str| values(name, "CNAME", 5, &["www.shop.test."]);
    assert!(message(&mut zone, &[(Create, cname("www.shop.test"))]).contains("conflicts with other records"));
    assert!(message(&mut zone, &[(Create, cname("shop.test"))]).contains("not permitted at apex"));
    change(&mut zone, 1, &[(Create, cname("c.shop.test"))]).unwrap();
    let beside = values("c.shop.test", "A", 5, &["192.0.2.1"]);
    assert!(message(&mut zone, &[(Create, beside)]).contains("conflicts with other records"));
}

/// Goal: a change is PENDING until its time and DNS answers change at that time; unknown ids are refused.
/// Method: look just before and at the moment.
#[test]
fn answers_follow_insync() {
    let mut zone = zone();
    let (info, _) = change(&mut zone, 1_000, &[(Create, epoch("\"1\""))]).unwrap();
    assert_eq!(zone.change_info(&info.id).unwrap().insync_ms, 1_500);
    let mut served = |now| {
        zone.advance(now);
        zone.served.contains_key(&epoch("").key())
    };
    assert!(!served(1_499));
    assert!(served(1_500));
    assert_eq!(zone.change_info("C404").unwrap_err().code, "NoSuchChange");
}

/// Goal: Route 53's limits of a batch hold, and an UPSERT counts double.
/// Method: 600 values pass as CREATE and are too many as UPSERT.
#[test]
fn batches_are_bounded() {
    let mut zone = zone();
    let addresses: Vec<String> = (0..600).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let set = values("many.shop.test", "A", 5, &addresses);
    assert!(message(&mut zone, &[(Upsert, set.clone())]).contains("limit of 1000 exceeded"));
    change(&mut zone, 1, &[(Create, set)]).unwrap();
    assert_eq!(refused(&mut zone, &[]).0, "InvalidInput");
}

/// Goal: the apex keeps its NS and SOA records.
/// Method: delete them with their exact values.
#[test]
fn the_apex_keeps_its_own_records() {
    let mut zone = zone();
    let own: Vec<RecordSet> =
        zone.all().into_iter().filter(|set| ["NS", "SOA"].contains(&set.kind.as_str())).collect();
    assert_eq!(own.len(), 2);
    for set in own {
        assert!(message(&mut zone, &[(Delete, set)]).contains("A HostedZone must contain"));
    }
}
