//! Tests of the instances: what takes time, what is refused, and what replication survives.

use super::change::Modification;
use super::event::EventQuery;
use super::promotion::Promotion;
use super::replica::NewReplica;
use super::restore::Restore;
use super::*;
use crate::options::Options;

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";

fn databases() -> Databases {
    let timing = Timing {
        promote_modifying_ms: 200,
        promote_rebooting_ms: 100,
        create_ms: 100,
        backup_ms: 50,
        modify_ms: 40,
        rename_ms: 30,
        reboot_ms: 60,
        stop_ms: 70,
        start_ms: 80,
        restorable_lag_ms: 5,
        session_ms: 500,
        ..Timing::default()
    };
    crate::world::World::new(&Options { timing, ..Options::default() }, 0).databases
}

fn promotion(identifier: &str) -> Promotion {
    Promotion { instance: identifier.into(), ..Promotion::default() }
}

fn groups(database: &Database) -> Vec<(&str, &str)> {
    database.security_groups.iter().map(|group| (group.id.as_str(), group.status.as_str())).collect()
}

fn find(databases: &mut Databases, region: &str, identifier: &str, now: u64) -> Option<Database> {
    databases.advance(now);
    databases.describe(region, Some(identifier)).ok().map(|mut found| found.remove(0))
}

fn status(databases: &mut Databases, region: &str, identifier: &str, now: u64) -> &'static str {
    find(databases, region, identifier, now).map_or("gone", |database| database.status.as_str())
}

fn messages(databases: &Databases, region: &str, source: &str, now: u64) -> Vec<String> {
    let query = EventQuery {
        source: Some(source.into()),
        source_type: Some("db-instance".into()),
        ..EventQuery::default()
    };
    let (events, _) = databases.events(region, &query, now).unwrap();
    events.into_iter().map(|event| event.message).collect()
}

/// Goal: a promotion is `modifying`, then `rebooting`, then a writable instance without a source; at no
/// earlier moment does it take writes, and its source forgets it at the end.
/// Method: look at each moment around each boundary.
#[test]
fn promotion_takes_time_and_writes_only_at_the_end() {
    let mut databases = databases();
    databases.promote(WEST, &promotion("shop-replica"), 1_000).unwrap();
    let mut look = |now: u64| {
        let found = find(&mut databases, WEST, "shop-replica", now).unwrap();
        (found.status, found.source.is_some(), databases.write(WEST, now).is_some())
    };
    assert_eq!(look(1_000), (DatabaseStatus::Modifying, true, false));
    assert_eq!(look(1_199), (DatabaseStatus::Modifying, true, false));
    assert_eq!(look(1_200), (DatabaseStatus::Rebooting, true, false));
    assert_eq!(look(1_299), (DatabaseStatus::Rebooting, true, false));
    assert_eq!(look(1_300), (DatabaseStatus::Available, false, true));
    assert!(databases.describe(EAST, None).unwrap()[0].replicas.is_empty());
    let said = messages(&databases, WEST, "shop-replica", 1_300);
    let expected = [
        "DB instance shutdown",
        "DB instance restarted",
        "Promoted DB read replica to stand-alone DB instance",
    ];
    assert_eq!(said, expected);
}

/// Goal: RDS's own refusals: unknown id, another region's id, not a replica, busy, backing up, promoted
/// already.
/// Method: ask for each and compare status and wire code.
#[test]
fn promotion_is_refused_as_rds_refuses() {
    let mut databases = databases();
    databases.back_up(WEST, "shop-replica", 100, 0).unwrap();
    let mut refusal = |region: &str, identifier: &str, now: u64| {
        databases.advance(now);
        databases.promote(region, &promotion(identifier), now).err().map(|no| (no.status, no.code))
    };
    let not_found = Some((404, "DBInstanceNotFound".to_owned()));
    let bad_state = Some((400, "InvalidDBInstanceState".to_owned()));
    assert_eq!(refusal(WEST, "nothing", 0), not_found);
    assert_eq!(refusal(EAST, "shop-replica", 0), not_found);
    assert_eq!(refusal(EAST, "shop-primary", 0), bad_state);
    assert_eq!(refusal(WEST, "shop-replica", 99), bad_state, "it backs up");
    assert_eq!(refusal(WEST, "Shop-Replica", 100), None);
    assert_eq!(refusal(WEST, "shop-replica", 150), bad_state);
    assert_eq!(refusal(WEST, "shop-replica", 900), bad_state);
}

/// Goal: a retention above RDS's limit is refused and changes nothing.
/// Method: ask for 36 days and read the status back.
#[test]
fn retention_is_bounded() {
    let mut databases = databases();
    let asked = Promotion { backup_retention_days: Some(36), ..promotion("shop-replica") };
    assert_eq!(databases.promote(WEST, &asked, 0).unwrap_err().code, "InvalidParameterValue");
    assert_eq!(databases.describe(WEST, None).unwrap()[0].status, DatabaseStatus::Available);
}

/// Goal: the promoted instance goes on counting from what it had replicated when the promotion began.
/// Method: write three times, promote, write on the old side once more, compare both sides.
#[test]
fn positions_diverge_at_promotion() {
    let mut databases = databases();
    for now in 0..3 {
        databases.write(EAST, now);
    }
    databases.promote(WEST, &promotion(&arn(WEST, "shop-replica")), 10).unwrap();
    assert_eq!(databases.write(EAST, 11), Some(4));
    databases.advance(10_000);
    assert_eq!(databases.write(WEST, 10_000), Some(4));
    let positions: Vec<u64> = databases.all().iter().map(|database| database.sequence).collect();
    assert_eq!(positions, [4, 4]);
}

/// Goal: a quarantine group keeps new connections out, open sessions live on, and a reboot ends them; the
/// application has no way in afterwards, and gets one back with its old group.
/// Method: change the groups, write at each moment, reboot, write again, change the groups back.
#[test]
fn a_quarantine_needs_a_reboot() {
    let mut databases = databases();
    let quarantine = |group: &str| Modification {
        instance: "shop-primary".into(),
        security_groups: vec![group.into()],
        ..Modification::default()
    };
    let (changing, changed) = databases.modify(EAST, &quarantine("sg-quarantine"), 0).unwrap();
    assert_eq!(groups(&changing), [("sg-application", "removing"), ("sg-quarantine", "adding")]);
    assert_eq!((changing.status, changed), (DatabaseStatus::Modifying, true));
    let writes = |databases: &mut Databases, now| {
        databases.advance(now);
        databases.write(EAST, now).is_some()
    };
    assert!(writes(&mut databases, 39));
    assert!(writes(&mut databases, 40), "open sessions live on");
    let settled = find(&mut databases, EAST, "shop-primary", 41).unwrap();
    assert_eq!((groups(&settled), settled.open), (vec![("sg-quarantine", "active")], false));
    databases.reboot(EAST, "shop-primary", false, 50).unwrap();
    assert_eq!(databases.reboot(EAST, "shop-primary", false, 51).unwrap_err().code, "InvalidDBInstanceState");
    assert!(!writes(&mut databases, 109));
    assert!(!writes(&mut databases, 200), "it is back and lets nobody in");
    let said = messages(&databases, EAST, "shop-primary", 200);
    assert_eq!(said, ["DB instance shutdown", "DB instance restarted"]);
    databases.modify(EAST, &quarantine("sg-application"), 300).unwrap();
    assert!(writes(&mut databases, 340));
}

/// Goal: without a reboot the sessions end in their own time.
/// Method: change the groups and write before and after that time.
#[test]
fn sessions_end_in_their_own_time() {
    let mut databases = databases();
    let asked = Modification {
        instance: "shop-primary".into(),
        security_groups: vec!["sg-quarantine".into()],
        ..Modification::default()
    };
    databases.modify(EAST, &asked, 0).unwrap();
    databases.advance(539);
    assert!(databases.write(EAST, 539).is_some());
    databases.advance(540);
    assert!(databases.write(EAST, 540).is_none());
}

/// Goal: an instance stops only when it neither has nor is a replica, and starts again by order or after
/// seven days.
/// Method: try at each stage of a failover, then wait a week.
#[test]
fn stop_is_refused_while_replication_is_there() {
    let mut databases = databases();
    let code = |result: Result<Database, Refusal>| result.unwrap_err().code;
    assert_eq!(code(databases.stop(EAST, "shop-primary", 0)), "InvalidDBInstanceState");
    assert_eq!(code(databases.stop(WEST, "shop-replica", 0)), "InvalidDBInstanceState");
    databases.promote(WEST, &promotion("shop-replica"), 0).unwrap();
    databases.advance(299);
    assert_eq!(code(databases.stop(EAST, "shop-primary", 299)), "InvalidDBInstanceState");
    databases.advance(300);
    databases.stop(EAST, "shop-primary", 300).unwrap();
    assert_eq!(code(databases.start(EAST, "shop-primary", 301)), "InvalidDBInstanceState");
    assert_eq!(status(&mut databases, EAST, "shop-primary", 369), "stopping");
    assert!(databases.write(EAST, 369).is_none());
    assert_eq!(status(&mut databases, EAST, "shop-primary", 370), "stopped");
    databases.start(EAST, "shop-primary", 400).unwrap();
    assert_eq!(status(&mut databases, EAST, "shop-primary", 480), "available");
    databases.stop(EAST, "shop-primary", 500).unwrap();
    let week_ms = 7 * 24 * 60 * 60 * 1_000;
    assert_eq!(status(&mut databases, EAST, "shop-primary", 569 + week_ms), "stopped");
    assert_eq!(status(&mut databases, EAST, "shop-primary", 570 + week_ms), "starting");
    assert!(find(&mut databases, EAST, "shop-primary", 650 + week_ms).unwrap().writable, "a zombie writer");
}

/// Goal: a rename shows `renaming`, then only the new name exists, in both ends of each replication; without
/// ApplyImmediately it waits.
/// Method: rename the primary both ways, and look for both names.
#[test]
fn a_rename_leaves_only_the_new_name() {
    let mut databases = databases();
    let mut asked = Modification {
        instance: "shop-primary".into(),
        new_identifier: Some("Shop-Old".into()),
        ..Modification::default()
    };
    let (waiting, _) = databases.modify(EAST, &asked, 0).unwrap();
    assert_eq!(
        (waiting.status, waiting.pending.id.as_deref()),
        (DatabaseStatus::Available, Some("shop-old"))
    );
    asked.apply_immediately = true;
    databases.modify(EAST, &asked, 10).unwrap();
    assert_eq!(status(&mut databases, EAST, "shop-primary", 39), "renaming");
    assert_eq!(status(&mut databases, EAST, "shop-old", 39), "gone");
    assert_eq!(status(&mut databases, EAST, "shop-primary", 40), "gone");
    assert_eq!(status(&mut databases, EAST, "shop-old", 40), "available");
    let replica = find(&mut databases, WEST, "shop-replica", 40).unwrap();
    assert_eq!(replica.source, Some(arn(EAST, "shop-old")));
    assert!(databases.write(EAST, 41).is_none(), "the application connects to the old name");
    let taken = Modification { instance: "shop-old".into(), ..asked };
    let taken = Modification { new_identifier: Some("shop-old".into()), ..taken };
    assert!(!databases.modify(EAST, &taken, 50).unwrap().1, "its own name is no change");
}

/// Goal: the redundancy is rebuilt across regions as after a failover: rename, replicate under the old name.
/// Method: promote, rename the old primary, replicate back, and look at both ends.
#[test]
fn a_replica_is_made_under_the_old_name() {
    let mut databases = databases();
    databases.promote(WEST, &promotion("shop-replica"), 0).unwrap();
    databases.advance(300);
    let asked = NewReplica {
        wishes: Wishes { instance: "shop-primary".into(), ..Wishes::default() },
        source: arn(WEST, "shop-replica"),
        ..NewReplica::default()
    };
    let code = |result: Result<Database, Refusal>| result.unwrap_err().code;
    assert_eq!(code(databases.create_replica(EAST, &asked, 300)), "DBInstanceAlreadyExists");
    let rename = Modification {
        instance: "shop-primary".into(),
        new_identifier: Some("shop-old".into()),
        apply_immediately: true,
        ..Modification::default()
    };
    databases.modify(EAST, &rename, 300).unwrap();
    databases.advance(330);
    let missing = NewReplica { source: arn(WEST, "none"), ..asked.clone() };
    assert_eq!(code(databases.create_replica(EAST, &missing, 330)), "DBInstanceNotFound");
    let made = databases.create_replica(EAST, &asked, 330).unwrap();
    assert_eq!((made.status, groups(&made)), (DatabaseStatus::Creating, vec![("sg-default", "active")]));
    let replica = find(&mut databases, EAST, "shop-primary", 430).unwrap();
    assert_eq!(replica.source, Some(arn(WEST, "shop-replica")));
    let source = find(&mut databases, WEST, "shop-replica", 430).unwrap();
    assert_eq!(
        (source.replicas, replica.status),
        (vec![arn(EAST, "shop-primary")], DatabaseStatus::Available)
    );
    assert_ne!(replica.resource_id, find(&mut databases, EAST, "shop-old", 430).unwrap().resource_id);
}

/// Goal: a source without backups cannot be replicated, and an encrypted one asks for a key and a signed URL
/// abroad.
/// Method: ask for each.
#[test]
fn a_source_must_be_fit_to_be_replicated() {
    let options = Options { encrypted: true, ..Options::default() };
    let mut databases = crate::world::World::new(&options, 0).databases;
    let mut asked = NewReplica {
        wishes: Wishes { instance: "third".into(), ..Wishes::default() },
        source: arn(WEST, "shop-replica"),
        ..NewReplica::default()
    };
    let mut refused = |asked: &NewReplica| databases.create_replica(EAST, asked, 0).err().map(|no| no.code);
    assert_eq!(refused(&asked).as_deref(), Some("InvalidDBInstanceState"), "a replica keeps no backups");
    asked.source = arn(EAST, "shop-primary");
    let mut databases = crate::world::World::new(&options, 0).databases;
    let mut refused = |asked: &NewReplica| databases.create_replica(WEST, asked, 0).err().map(|no| no.code);
    assert_eq!(refused(&asked).as_deref(), Some("InvalidParameterCombination"));
    asked.kms_key = Some(options.kms_key(EAST));
    assert_eq!(refused(&asked).as_deref(), Some("KMSKeyNotAccessibleFault"));
    asked.kms_key = Some(options.kms_key(WEST));
    assert_eq!(refused(&asked).as_deref(), Some("InvalidParameterCombination"));
    asked.presigned = true;
    assert_eq!(refused(&asked), None);
    asked.wishes.instance = "4th".into();
    assert_eq!(refused(&asked).as_deref(), Some("InvalidParameterValue"));
}

/// Goal: a restore is a new instance that is created, backed up and available, in the VPC's default group;
/// each refusal has its code.
/// Method: restore the latest moment, then ask for what cannot be.
#[test]
fn a_restore_is_a_new_instance() {
    let mut databases = databases();
    databases.advance(1_000);
    databases.write(EAST, 1_000);
    let asked = |name: &str| Restore {
        wishes: Wishes { instance: name.into(), ..Wishes::default() },
        source: "shop-primary".into(),
        at_ms: None,
        latest: true,
    };
    databases.restore(EAST, &asked("copy"), 1_000).unwrap();
    assert_eq!(status(&mut databases, EAST, "copy", 1_099), "creating");
    assert_eq!(status(&mut databases, EAST, "copy", 1_100), "backing-up");
    let copy = find(&mut databases, EAST, "copy", 1_150).unwrap();
    assert_eq!((copy.status, copy.sequence, copy.source.is_none()), (DatabaseStatus::Available, 1, true));
    assert_eq!(
        (groups(&copy), copy.parameter_group.as_str()),
        (vec![("sg-default", "active")], DEFAULT_PARAMETER_GROUP)
    );
    let mut code = |region: &str, asked: &Restore| databases.restore(region, asked, 1_200).unwrap_err().code;
    assert_eq!(code(EAST, &asked("copy")), "DBInstanceAlreadyExists");
    assert_eq!(code(EAST, &Restore { source: "none".into(), ..asked("new") }), "DBInstanceNotFound");
    let replica = Restore { source: "shop-replica".into(), ..asked("new") };
    assert_eq!(code(WEST, &replica), "PointInTimeRestoreNotEnabled");
    let both = Restore { at_ms: Some(1_000), ..asked("new") };
    assert_eq!(code(EAST, &both), "InvalidParameterCombination");
    let future = Restore { at_ms: Some(1_200), latest: false, ..asked("new") };
    assert_eq!(code(EAST, &future), "InvalidRestoreFault");
}

/// Goal: changes that may wait do so, and those that never do are applied.
/// Method: one modification without ApplyImmediately.
#[test]
fn a_modification_is_divided() {
    let mut databases = databases();
    let asked = Modification {
        instance: "shop-primary".into(),
        multi_az: Some(true),
        backup_retention_days: Some(3),
        ..Modification::default()
    };
    databases.modify(EAST, &asked, 0).unwrap();
    let found = find(&mut databases, EAST, "shop-primary", 100).unwrap();
    assert_eq!((found.multi_az, found.pending.multi_az, found.backup_retention_days), (false, Some(true), 3));
    let mut code = |asked: Modification| databases.modify(EAST, &asked, 200).unwrap_err().code;
    let none = Modification { backup_retention_days: Some(0), ..asked.clone() };
    assert_eq!(code(none), "InvalidParameterCombination", "it has a replica");
    let unknown = Modification { security_groups: vec!["sg-none".into()], ..asked };
    assert_eq!(code(unknown), "InvalidParameterValue");
    assert_eq!(
        databases.reboot(EAST, "shop-primary", true, 200).unwrap_err().code,
        "InvalidParameterCombination"
    );
}

/// Goal: events are told by source, time and page, and a source without its type is refused.
/// Method: reboot many times and read them back in several ways.
#[test]
fn events_are_told_by_time_and_page() {
    let mut databases = databases();
    for round in 0..15 {
        databases.reboot(EAST, "shop-primary", false, round * 60_000).unwrap();
        databases.advance(round * 60_000 + 60);
    }
    let now = 14 * 60_000 + 60;
    let query = |minutes, max_records, marker| EventQuery {
        source_type: Some("db-instance".into()),
        source: Some("Shop-Primary".into()),
        minutes,
        max_records,
        marker,
        ..EventQuery::default()
    };
    let read =
        |query: &EventQuery| databases.events(EAST, query, now).map(|(events, next)| (events.len(), next));
    assert_eq!(read(&query(None, None, None)), Ok((30, None)));
    assert_eq!(read(&query(None, Some(20), None)), Ok((20, Some(20))));
    assert_eq!(read(&query(None, Some(20), Some(20))), Ok((10, None)));
    assert_eq!(read(&query(Some(1), None, None)), Ok((3, None)));
    let untyped = EventQuery { source_type: None, ..query(None, None, None) };
    assert_eq!(read(&untyped).unwrap_err().code, "InvalidParameterCombination");
    assert_eq!(databases.events(WEST, &query(None, None, None), now).unwrap().0.len(), 0);
}

/// Goal: tags are kept by ARN, and a repeated tag changes nothing.
/// Method: set, repeat, read and remove one.
#[test]
fn tags_are_kept() {
    let mut databases = databases();
    let resource = arn(EAST, "shop-primary");
    let tags: Tags = [("renamedBy".to_owned(), "quorate".to_owned())].into();
    assert_eq!(databases.tag(EAST, &resource, &tags), Ok(true));
    assert_eq!(databases.tag(EAST, &resource, &tags), Ok(false));
    assert_eq!(databases.tags(EAST, &resource).unwrap()["renamedBy"], "quorate");
    assert_eq!(databases.untag(EAST, &resource, &["renamedBy".to_owned()]), Ok(true));
    assert_eq!(databases.tags(EAST, &resource).unwrap().len(), 1);
    assert_eq!(databases.tags(WEST, &resource).unwrap_err().code, "DBInstanceNotFound");
    assert_eq!(databases.tags(EAST, "shop-primary").unwrap_err().code, "InvalidParameterValue");
}
