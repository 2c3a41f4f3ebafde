//! What this agent sees of a service's backups.

use crate::shell::BackupCheck;
use quorate_api::{BackupView, Backups};
use quorate_core::{Node, node::Now};
use quorate_policies::{BackupName, ServiceName, guard::Refusal, policy::Backup};
use std::collections::BTreeMap;

/// `GET /v1/services/{service}/backups`.
///
/// # Errors
/// When there is no such service.
pub(in crate::http) fn backups(
    node: &Node,
    now: Now,
    service: &ServiceName,
    checks: &BTreeMap<(ServiceName, BackupName), BackupCheck>,
) -> Result<Backups, Refusal> {
    let unknown = || Refusal::UnknownService { service: service.clone() };
    let state = node.cluster().services.get(service).ok_or_else(unknown)?;
    let views = state.policy.backups.iter().map(|(name, backup)| {
        let check = checks.get(&(service.clone(), name.clone()));
        let test_restore = super::drill::test_restore(state, name, now);
        let view = if backup.looked_at_from(&node.settings().region) {
            check.map_or_else(
                || blank(name, backup, "unseen", "not looked at yet".to_owned()),
                |check| seen(name, backup, check, now),
            )
        } else {
            let region = backup.region.as_ref().map_or_else(String::new, ToString::to_string);
            blank(name, backup, "elsewhere", format!("the agents in {region} look at it: ask one of them"))
        };
        BackupView { test_restore, ..view }
    });
    let agent = node.settings().name.to_string();
    Ok(Backups { service: service.to_string(), agent, backups: views.collect() })
}

fn blank(name: &BackupName, backup: &Backup, state: &str, detail: String) -> BackupView {
    let source = backup.source();
    BackupView {
        backup: name.to_string(),
        component: backup.component.as_ref().map(ToString::to_string),
        kind: source.map_or("none", |source| source.kind()).to_owned(),
        place: source.map_or_else(String::new, |source| source.place()),
        state: state.to_owned(),
        detail,
        fresh_within_ms: backup.fresh_within.0,
        newest: None,
        age_ms: None,
        size_bytes: None,
        oldest_ms: None,
        notes: Vec::new(),
        looked_ms_ago: None,
        test_restore: None,
    }
}

fn seen(name: &BackupName, backup: &Backup, check: &BackupCheck, now: Now) -> BackupView {
    let BackupCheck { at, judgement } = check;
    let ago = now.wall.since(*at);
    BackupView {
        newest: judgement.name.clone(),
        age_ms: judgement.age.map(|age| age.plus(ago).0),
        size_bytes: judgement.size,
        oldest_ms: judgement.oldest.map(|oldest| oldest.0),
        notes: judgement.notes.clone(),
        looked_ms_ago: Some(ago.0),
        ..blank(name, backup, judgement.state.word(), judgement.state.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;
    use quorate_core::{Cluster, Input};
    use quorate_policies::health::Verdict;
    use std::sync::Arc;

    /// Goal: a backup is shown as it was seen here, as not seen yet, or as somebody else's to see; and a service that is not
    /// there has none. Method: a policy with one of each.
    #[test]
    fn each_backup_is_shown() {
        let (mut node, now) = sample::node(Verdict::Healthy, Verdict::Healthy, &["a", "b", "c"]);
        let mut cluster = Cluster::clone(node.cluster());
        let files = r#"{"files": {"path": "/srv/uploads/**"}, "fresh_within": "6h"}"#;
        let backup: Backup = serde_json::from_str(files).unwrap();
        let west = Backup { region: Some("us-west-2".parse().unwrap()), ..backup.clone() };
        let name = |text: &str| text.parse::<BackupName>().unwrap();
        let shop: ServiceName = "shop".parse().unwrap();
        cluster.services.get_mut(&shop).unwrap().policy.backups =
            [(name("database"), backup.clone()), (name("unseen"), backup), (name("west"), west)].into();
        node.step(now, Input::Applied(Arc::new(cluster)));
        let checks = BTreeMap::from([((shop.clone(), name("database")), sample::backup_check())]);
        let shown = backups(&node, now, &shop, &checks).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
        assert!(backups(&node, now, &"other".parse().unwrap(), &checks).is_err());
    }
}
