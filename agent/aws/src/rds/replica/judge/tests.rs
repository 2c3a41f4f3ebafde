//! The table of the rebuilding: what was read, what was noted, what comes next.

use super::*;
use crate::rds::word;

const SOURCE_ARN: &str = "arn:aws:rds:us-west-2:111122223333:db:dr";

fn action() -> RdsCreateCrossRegionReplica {
    RdsCreateCrossRegionReplica {
        region: "us-east-1".into(),
        instance: "prod".into(),
        source_region: "us-west-2".into(),
        source: "dr".into(),
        kms_key: None,
        security_groups: Vec::new(),
    }
}

fn source() -> Instance {
    Instance { arn: Some(SOURCE_ARN.into()), ..Instance::seen("dr", "available") }
}

fn see(here: Option<&Instance>, old: Option<&Instance>, noted: Option<&Before>) -> Observed {
    standing(&action(), 7, &Scene { source: &source(), here, old }, noted)
}

fn part(observed: &Observed) -> Option<u8> {
    if let Observed::NotDone { part, .. } = observed { Some(*part) } else { None }
}

fn noted() -> Before {
    Before::Renamed { old: "prod".into(), new: "prod-before-7".into() }
}

/// Goal: rename, tag, create, in this order, each when the one before it is seen; the rename is noted once. Method:
/// walk through the states.
#[test]
fn parts_in_order() {
    let primary = Instance::seen("prod", "available");
    let first = see(Some(&primary), None, None);
    assert!(matches!(&first, Observed::NotDone { part: RENAME, before: Some(note), .. } if *note == noted()));
    let renaming = Instance::seen("prod", "renaming");
    assert_eq!(word(&see(Some(&renaming), None, Some(&noted()))), "in progress");
    assert_eq!(word(&see(None, None, Some(&noted()))), "unknown", "neither name shows");
    let mut old = Instance::seen("prod-before-7", "available");
    assert_eq!(part(&see(None, Some(&old), Some(&noted()))), Some(TAG));
    old.tags.insert(RENAMED_TAG.into(), "execution".into());
    assert_eq!(part(&see(None, Some(&old), Some(&noted()))), Some(CREATE));
    let moving = Instance { status: Some("rebooting".into()), ..old.clone() };
    assert_eq!(word(&see(None, Some(&moving), Some(&noted()))), "in progress");
    let replica = |status| Instance { source: Some(SOURCE_ARN.into()), ..Instance::seen("prod", status) };
    assert_eq!(word(&see(Some(&replica("creating")), Some(&old), Some(&noted()))), "in progress");
    assert_eq!(word(&see(Some(&replica("available")), Some(&old), Some(&noted()))), "done");
    assert_eq!(word(&see(Some(&replica("failed")), Some(&old), Some(&noted()))), "impossible");
}

/// Goal: without an old primary only the creation is left. Method: nothing is there, nothing was noted.
#[test]
fn no_old_primary() {
    assert_eq!(part(&see(None, None, None)), Some(CREATE));
}

/// Goal: nothing is renamed that is not an old primary, and nothing before the new primary is one. Method: a replica of
/// something else, a cluster's member, a stopped one, a source that still replicates or is not at rest.
#[test]
fn what_forbids_it() {
    let elsewhere = Instance { source: Some("other".into()), ..Instance::seen("prod", "available") };
    assert_eq!(word(&see(Some(&elsewhere), None, None)), "impossible");
    let member = Instance { cluster: Some("aurora".into()), ..Instance::seen("prod", "available") };
    assert_eq!(word(&see(Some(&member), None, None)), "impossible");
    assert_eq!(word(&see(Some(&Instance::seen("prod", "stopped")), None, None)), "impossible");
    let primary = Instance::seen("prod", "available");
    let from = |source: Instance| {
        word(&standing(&action(), 7, &Scene { source: &source, here: Some(&primary), old: None }, None))
    };
    assert_eq!(from(Instance { source: Some("prod".into()), ..source() }), "impossible");
    let busy = Instance { status: Some("modifying".into()), ..source() };
    let scene = Scene { source: &busy, here: None, old: None };
    assert_eq!(word(&standing(&action(), 7, &scene, None)), "in progress");
    let long = RdsCreateCrossRegionReplica { instance: "p".repeat(60), ..action() };
    let scene = Scene { source: &source(), here: Some(&primary), old: None };
    assert_eq!(word(&standing(&long, 7, &scene, None)), "impossible");
}

/// Goal: an encrypted source needs a key of the replica's region, seen before anything is renamed. Method: no key, the
/// old primary's, the policy's, and a partition that wants more.
#[test]
fn encryption_needs_a_key() {
    let key = || Some("arn:aws:kms:us-east-1:111122223333:key/1".to_owned());
    let mut encrypted = source();
    encrypted.settings.kms_key = key();
    let (plain, mut keyed) = (Instance::seen("prod", "available"), Instance::seen("prod", "available"));
    keyed.settings.kms_key = key();
    let see = |action: &RdsCreateCrossRegionReplica, here: &Instance| {
        part(&standing(action, 7, &Scene { source: &encrypted, here: Some(here), old: None }, None))
    };
    assert_eq!(see(&action(), &plain), None);
    assert_eq!(see(&action(), &keyed), Some(RENAME));
    let named = RdsCreateCrossRegionReplica { kms_key: key(), ..action() };
    assert_eq!(see(&named, &plain), Some(RENAME));
    let china = RdsCreateCrossRegionReplica { region: "cn-north-1".into(), ..named };
    assert_eq!(see(&china, &plain), None);
}

/// Goal: the policy's security groups go before the old primary's, which may be the quarantine ones. Method: both.
#[test]
fn whose_groups() {
    let old = Instance::seen("prod-before-7", "available").with_groups(&["sg-quarantine"]);
    assert_eq!(groups(&action(), Some(&old)), ["sg-quarantine"]);
    let named = RdsCreateCrossRegionReplica { security_groups: vec!["sg-app".into()], ..action() };
    assert_eq!(groups(&named, Some(&old)), ["sg-app"]);
    assert!(groups(&action(), None).is_empty());
}
