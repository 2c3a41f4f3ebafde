//! The fence's table: what was read, what was noted, what comes next.

use super::*;
use crate::rds::word;

fn fence(stop: bool) -> RdsFence {
    RdsFence {
        region: "us-east-1".into(),
        instance: "prod".into(),
        quarantine_groups: vec!["sg-quarantine".into()],
        stop,
    }
}

fn prod(status: &str, groups: &[&str]) -> Instance {
    Instance::seen("prod", status).with_groups(groups)
}

fn noted(restarted: Option<&str>) -> Before {
    Before::Fenced { groups: vec!["sg-app".into()], restarted: restarted.map(str::to_owned) }
}

fn see(stop: bool, instance: &Instance, newest: Option<&str>, noted: Option<&Before>) -> Observed {
    standing(&fence(stop), instance, newest.map(str::to_owned), noted)
}

/// Goal: the parts come in their order, each only when the one before it is proven. Method: walk through the states.
#[test]
fn parts_in_order() {
    let (open, shut) = (prod("available", &["sg-app"]), prod("available", &["sg-quarantine"]));
    let part = |observed: &Observed| {
        if let Observed::NotDone { part, .. } = observed { Some(*part) } else { None }
    };
    let note = noted(Some("monday"));
    assert_eq!(part(&see(true, &open, Some("monday"), None)), Some(GROUPS));
    assert_eq!(part(&see(true, &open, Some("tuesday"), Some(&note))), Some(GROUPS));
    assert_eq!(part(&see(true, &shut, Some("monday"), Some(&note))), Some(REBOOT));
    assert_eq!(part(&see(true, &shut, None, Some(&note))), Some(REBOOT), "no restart is no proof");
    assert_eq!(part(&see(true, &shut, Some("tuesday"), None)), Some(REBOOT), "nothing noted, nothing proven");
    assert_eq!(part(&see(true, &shut, Some("tuesday"), Some(&note))), Some(STOP));
    assert_eq!(word(&see(false, &shut, Some("tuesday"), Some(&note))), "done");
    assert_eq!(word(&see(false, &shut, Some("tuesday"), Some(&noted(None)))), "done");
}

/// Goal: what stood before is noted with the first part, whichever that is, and never again. Method: read the notes.
#[test]
fn the_note_is_taken_once() {
    let before = |observed: Observed| {
        let Observed::NotDone { before, .. } = observed else { panic!("{observed:?}") };
        before
    };
    let open = prod("available", &["sg-app", "sg-admin"]);
    let groups = vec!["sg-app".to_owned(), "sg-admin".to_owned()];
    let expected = Before::Fenced { groups, restarted: Some("monday".into()) };
    assert_eq!(before(see(false, &open, Some("monday"), None)), Some(expected));
    let shut = prod("available", &["sg-quarantine"]);
    assert!(before(see(false, &shut, None, None)).is_some());
    assert_eq!(before(see(false, &open, Some("tuesday"), Some(&noted(Some("monday"))))), None);
}

/// Goal: an instance that replicates is not stopped, and the text says what is done and what is not. Method: read it.
#[test]
fn a_source_is_not_stopped() {
    let source = Instance { replicas: vec!["dr".into()], ..prod("available", &["sg-quarantine"]) };
    let Observed::InProgress { detail } = see(true, &source, Some("tuesday"), Some(&noted(None))) else {
        panic!("not in progress");
    };
    assert!(detail.contains("replaced by sg-quarantine and rebooted"), "{detail}");
    assert!(detail.ends_with("not stopped: still the source of dr"), "{detail}");
    assert_eq!(word(&see(false, &source, Some("tuesday"), Some(&noted(None)))), "done");
    let replica = Instance { source: Some("other".into()), ..prod("available", &["sg-quarantine"]) };
    assert_eq!(word(&see(true, &replica, Some("tuesday"), Some(&noted(None)))), "in progress");
}

/// Goal: a stopped instance is fenced, but the text warns of the start after seven days and of what it starts with.
/// Method: with and without the quarantine groups, with and without RDS's own date.
#[test]
fn a_stopped_instance_comes_back() {
    let text = |instance: &Instance| {
        let Observed::Done { detail } = see(true, instance, None, None) else { panic!("{instance:?}") };
        detail
    };
    let shut = text(&prod("stopped", &["sg-quarantine"]));
    assert!(shut.contains("after seven days") && shut.contains("behind quarantine"), "{shut}");
    let dated = Instance { starts_by_itself: Some("sunday".into()), ..prod("stopped", &["sg-app"]) };
    let open = text(&dated);
    assert!(open.contains("at sunday") && open.contains("sg-app: clients come back"), "{open}");
}

/// Goal: what moves is waited for, what is stuck or not understood is said so (R7). Method: a table.
#[test]
fn other_states() {
    let table = [
        (prod("modifying", &["sg-app"]), "in progress"),
        (prod("rebooting", &["sg-quarantine"]), "in progress"),
        (prod("stopping", &["sg-quarantine"]), "in progress"),
        (prod("available", &["sg-quarantine:adding", "sg-app:removing"]), "in progress"),
        (prod("failed", &["sg-app"]), "impossible"),
        (prod("transmogrifying", &["sg-app"]), "unknown"),
        (Instance { cluster: Some("aurora".into()), ..prod("available", &["sg-app"]) }, "impossible"),
    ];
    for (instance, expected) in table {
        assert_eq!(word(&see(true, &instance, None, None)), expected, "{instance:?}");
    }
    let nothing = RdsFence { quarantine_groups: Vec::new(), ..fence(false) };
    assert_eq!(word(&standing(&nothing, &prod("available", &[]), None, None)), "impossible");
}
