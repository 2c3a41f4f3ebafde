//! Tests of the health checks: what results amount to, and what is refused.

use super::*;

fn endpoint(path: &str) -> HealthCheckConfig {
    HealthCheckConfig {
        ip_address: Some("127.0.0.1".into()),
        port: Some(8_080),
        r#type: "HTTP".into(),
        resource_path: Some(path.into()),
        request_interval: Some(10),
        ..HealthCheckConfig::default()
    }
}

fn calculated(threshold: u32, children: &[&str]) -> HealthCheckConfig {
    let child_health_check = children.iter().map(|id| (*id).to_owned()).collect();
    HealthCheckConfig {
        r#type: "CALCULATED".into(),
        health_threshold: Some(threshold),
        child_health_checks: Some(Children { child_health_check }),
        ..HealthCheckConfig::default()
    }
}

fn create(checks: &mut HealthChecks, id: &str, config: &HealthCheckConfig) {
    assert!(checks.create(id, config, id.into(), 0).unwrap().1);
}

fn fail(checks: &mut HealthChecks, id: &str, times: u32) {
    (0..times).for_each(|_| checks.count(id, Err("refused".into()), 1));
}

/// Goal: a new check is healthy, an inverted one is not; three results in a row turn the status either way,
/// and one that differs begins the count anew.
/// Method: count results one by one.
#[test]
fn as_many_results_as_the_threshold_says_turn_the_status() {
    let mut checks = HealthChecks::new(1_000);
    create(&mut checks, "plain", &endpoint("/a"));
    create(&mut checks, "inverted", &HealthCheckConfig { inverted: Some(true), ..endpoint("/b") });
    let both = |checks: &HealthChecks| (checks.statuses()["plain"], checks.statuses()["inverted"]);
    assert_eq!(both(&checks), (true, false));
    fail(&mut checks, "plain", 2);
    checks.count("plain", Ok("HTTP Status Code 200, OK".into()), 2);
    fail(&mut checks, "plain", 2);
    assert_eq!(both(&checks), (true, false));
    fail(&mut checks, "plain", 1);
    fail(&mut checks, "inverted", 3);
    assert_eq!(both(&checks), (false, true));
    (0..3).for_each(|_| checks.count("plain", Ok("HTTP Status Code 200, OK".into()), 3));
    assert!(checks.statuses()["plain"]);
    assert_eq!(checks.get("plain").unwrap().last, Some(("Success: HTTP Status Code 200, OK".into(), 3)));
}

/// Goal: a calculated check counts its healthy children against its threshold; zero always passes, more than
/// there are never does; a disabled check counts as healthy, and inverted as unhealthy.
/// Method: one child fails of two.
#[test]
fn children_are_counted() {
    let mut checks = HealthChecks::new(1_000);
    create(&mut checks, "a", &endpoint("/a"));
    create(&mut checks, "b", &endpoint("/b"));
    for threshold in 0..4 {
        create(&mut checks, &format!("of-{threshold}"), &calculated(threshold, &["a", "b"]));
    }
    let inverted = HealthCheckConfig { inverted: Some(true), ..calculated(2, &["a", "b"]) };
    create(&mut checks, "not-both", &inverted);
    create(&mut checks, "off", &HealthCheckConfig { disabled: Some(true), ..endpoint("/c") });
    let off = HealthCheckConfig { disabled: Some(true), inverted: Some(true), ..endpoint("/d") };
    create(&mut checks, "off-inverted", &off);
    fail(&mut checks, "b", 3);
    let statuses = checks.statuses();
    let of = |id: &str| statuses[id];
    assert_eq!([of("of-0"), of("of-1"), of("of-2"), of("of-3")], [true, true, false, false]);
    assert_eq!([of("not-both"), of("off"), of("off-inverted")], [true, true, false]);
}

/// Goal: a repeated call finds its check, another configuration under the same reference is refused, and a
/// reference that was used stays used.
/// Method: create, repeat, vary, delete, repeat.
#[test]
fn a_reference_names_one_check() {
    let mut checks = HealthChecks::new(1_000);
    create(&mut checks, "one", &endpoint("/a"));
    let (again, new) = checks.create("one", &endpoint("/a"), "other".into(), 5).unwrap();
    assert_eq!((again.id.as_str(), new), ("one", false));
    let refused = checks.create("one", &endpoint("/b"), "other".into(), 5).unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (409, "HealthCheckAlreadyExists"));
    checks.delete("one").unwrap();
    assert_eq!(checks.delete("one").unwrap_err().code, "NoSuchHealthCheck");
    let used = checks.create("one", &endpoint("/a"), "other".into(), 5).unwrap_err();
    assert_eq!(used.code, "HealthCheckAlreadyExists");
}

/// Goal: what cannot be checked is refused.
/// Method: vary one field at a time.
#[test]
fn bad_checks_are_refused() {
    let mut checks = HealthChecks::new(1_000);
    let nowhere = HealthCheckConfig { ip_address: None, ..endpoint("/") };
    let private = HealthCheckConfig { ip_address: Some("10.0.0.1".into()), ..endpoint("/") };
    let interval = HealthCheckConfig { request_interval: Some(20), ..endpoint("/") };
    let threshold = HealthCheckConfig { failure_threshold: Some(11), ..endpoint("/") };
    let tcp = HealthCheckConfig { r#type: "TCP".into(), port: None, resource_path: None, ..endpoint("/") };
    let search = HealthCheckConfig { r#type: "HTTP_STR_MATCH".into(), ..endpoint("/") };
    let mixed = HealthCheckConfig { port: Some(80), ..calculated(1, &[]) };
    let orphan = calculated(1, &["none"]);
    let endless = HealthCheckConfig { health_threshold: None, ..calculated(1, &[]) };
    for config in [nowhere, private, interval, threshold, tcp, search, mixed, orphan, endless] {
        let refused = checks.create("x", &config, "x".into(), 0).unwrap_err();
        assert_eq!(refused.code, "InvalidInput", "{config:?}");
    }
    assert!(checks.all().is_empty());
}

/// Goal: a check is due at once and then by its interval; calculated and disabled ones never are.
/// Method: take what is due at several moments.
#[test]
fn checks_are_due_by_their_interval() {
    let mut checks = HealthChecks::new(1_000);
    create(&mut checks, "fast", &endpoint("/a"));
    create(&mut checks, "slow", &HealthCheckConfig { request_interval: Some(30), ..endpoint("/b") });
    create(&mut checks, "off", &HealthCheckConfig { disabled: Some(true), ..endpoint("/c") });
    create(&mut checks, "sum", &calculated(1, &["fast"]));
    let mut due = |now| checks.take_due(now).into_iter().map(|errand| errand.id).collect::<Vec<_>>();
    assert_eq!(due(0), ["fast", "slow"]);
    assert_eq!(due(999), Vec::<String>::new());
    assert_eq!(due(1_000), ["fast"]);
    assert_eq!(due(3_000), ["fast", "slow"]);
    assert_eq!(checks.next_due_ms(), Some(4_000));
}

/// Goal: a listing is cut into pages that join.
/// Method: three checks in pages of two.
#[test]
fn checks_are_listed_in_pages() {
    let mut checks = HealthChecks::new(1_000);
    for id in ["a", "b", "c"] {
        create(&mut checks, id, &endpoint("/"));
    }
    let ids = |checks: &[HealthCheck]| checks.iter().map(|check| check.id.clone()).collect::<Vec<_>>();
    let (first, next) = checks.list(None, Some(2));
    assert_eq!((ids(&first), next.as_deref()), (vec!["a".to_owned(), "b".to_owned()], Some("c")));
    let (second, next) = checks.list(next.as_deref(), Some(2));
    assert_eq!((ids(&second), next), (vec!["c".to_owned()], None));
}
