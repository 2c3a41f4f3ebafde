//! What the facts about databases mean for a plan that needs them. Pure: no call, no clock.

use quorate_policies::plan::action::RdsFence;
use quorate_policies::readiness::Finding;

/// What was read about one instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) status: Option<String>,
    pub(super) source: Option<String>,
    pub(super) replicas: Vec<String>,
    pub(super) replication: Option<String>,
    pub(super) engine: Option<String>,
    pub(super) engine_version: Option<String>,
    pub(super) class: Option<String>,
    pub(super) parameter_groups: Vec<String>,
    pub(super) multi_az: Option<bool>,
    pub(super) storage_gib: Option<i32>,
    pub(super) backup_days: Option<i32>,
    pub(super) backup_window: Option<String>,
    pub(super) groups: Vec<String>,
}

/// A quota of an account in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) name: String,
    pub(super) used: i64,
    pub(super) max: i64,
}

/// What is named does not exist.
pub(super) fn missing(what: &str) -> Finding {
    Finding::blocking(what, "create it, or correct its name and region in the policy")
}

/// The replica as it is now.
pub(super) fn replica(replica: &Instance) -> Vec<Finding> {
    let id = &replica.id;
    let mut findings = Vec::new();
    if replica.source.is_none() {
        let what = format!("{id} is not a replica: there is nothing to promote");
        findings.push(Finding::blocking(what, "name the replica, or create one"));
    }
    match replica.status.as_deref() {
        Some("available" | "storage-optimization") => {}
        Some("backing-up") => {
            let what = format!("{id} is being backed up: a promotion waits until that ends");
            findings.push(Finding::warning(what, "move its backup window away from the hours that matter"));
        }
        status => {
            let what = format!("{id} is {}", status.unwrap_or("without a status"));
            findings.push(Finding::blocking(what, "bring the replica back to `available`"));
        }
    }
    if replica.replication.as_deref().is_some_and(|state| state != "replicating") {
        let state = replica.replication.as_deref().unwrap_or_default();
        findings.push(Finding::blocking(format!("{id}: replication is {state}"), "mend the replication"));
    }
    if replica.backup_days == Some(0) {
        let what = format!("{id} keeps no backups: once promoted it cannot be restored to a moment");
        findings.push(Finding::warning(what, "set its backup retention period to a day or more"));
    }
    if let Some(window) = &replica.backup_window {
        findings.push(Finding::note(format!(
            "{id} is backed up within {window} UTC, and not promoted meanwhile"
        )));
    }
    findings
}

/// The replica beside what it replaces.
pub(super) fn parity(replica: &Instance, source: &Instance) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut differs = |what: &str, here: Option<String>, there: Option<String>, mend: &str| {
        if here != there && here.is_some() && there.is_some() {
            let (here, there) = (here.unwrap_or_default(), there.unwrap_or_default());
            let text = format!("{}: {what} is {here}, of {} {there}", replica.id, source.id);
            findings.push(Finding::warning(text, mend));
        }
    };
    differs("the engine", replica.engine.clone(), source.engine.clone(), "create the replica anew");
    differs(
        "the engine's version",
        replica.engine_version.clone(),
        source.engine_version.clone(),
        "upgrade both, the replica first",
    );
    differs(
        "the class",
        replica.class.clone(),
        source.class.clone(),
        "make it as large, or be sure that it carries the load",
    );
    differs(
        "Multi-AZ",
        replica.multi_az.map(|on| on.to_string()),
        source.multi_az.map(|on| on.to_string()),
        "set it alike; after the promotion this instance is the only one",
    );
    differs(
        "the storage in GiB",
        replica.storage_gib.map(|size| size.to_string()),
        source.storage_gib.map(|size| size.to_string()),
        "let it grow alike",
    );
    // Names differ between regions by custom; that one has the default group and the other not is what bites.
    let default =
        |instance: &Instance| instance.parameter_groups.iter().any(|group| group.starts_with("default."));
    if default(replica) != default(source) {
        let text = format!(
            "{}: parameter groups {}, of {} {}",
            replica.id,
            replica.parameter_groups.join(", "),
            source.id,
            source.parameter_groups.join(", ")
        );
        findings.push(Finding::warning(text, "give it a group with the same settings"));
    }
    findings
}

/// The instance that would be fenced.
pub(super) fn fence(instance: &Instance, action: &RdsFence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wanted = action.quarantine_groups.clone();
    let mut present = instance.groups.clone();
    wanted.sort();
    present.sort();
    if wanted == present {
        let what = format!("{} has its quarantine groups already: no client reaches it", instance.id);
        findings
            .push(Finding::blocking(what, "give it its own groups back, or name other quarantine groups"));
    }
    if action.stop && !instance.replicas.is_empty() {
        let what = format!("{} is the source of {}", instance.id, instance.replicas.join(", "));
        let mend = "RDS stops it only once the promotion has detached them: let this step need the promotion";
        findings.push(Finding::note(format!("{what}; {mend}")));
    }
    findings
}

/// The source of a restore.
pub(super) fn restorable(source: &Instance) -> Vec<Finding> {
    let none = source.backup_days == Some(0);
    let what = format!("{} keeps no backups: there is no moment to restore", source.id);
    if none { vec![Finding::blocking(what, "set its backup retention period")] } else { Vec::new() }
}

/// The name of the new instance is in use.
pub(super) fn taken(there: &Instance) -> Finding {
    let what = format!("an instance `{}` exists: the restore cannot create it", there.id);
    Finding::blocking(what, "name another one, or remove what an earlier restore left")
}

/// Above so many percent of a quota, somebody else's new instance may take the last room.
const QUOTA_PERCENT_MAX: i64 = 90;

/// Whether there is room for one more instance, whose storage is known or not.
pub(super) fn room(region: &str, quotas: &[Quota], storage_gib: Option<i32>) -> Vec<Finding> {
    let mend = "ask AWS for a higher quota, or remove what is not needed";
    let judge = |name: &str, what: &str, more: i64| {
        let Some(Quota { used, max, .. }) = quotas.iter().find(|quota| quota.name == name) else {
            let what = format!("RDS in {region} does not tell its quota of {what}");
            return Some(Finding::unknown(what, "look it up under Service Quotas"));
        };
        let text = format!("{used} of at most {max} {what} are used in {region}");
        if used.saturating_add(more) > *max {
            Some(Finding::blocking(format!("{text}: there is no room for what this step creates"), mend))
        } else if used.saturating_mul(100) > max.saturating_mul(QUOTA_PERCENT_MAX) {
            Some(Finding::warning(text, mend))
        } else {
            None
        }
    };
    let storage = storage_gib.map_or(0, i64::from);
    let found =
        [judge("DBInstances", "DB instances", 1), judge("AllocatedStorage", "GiB of storage", storage)];
    found.into_iter().flatten().collect()
}

/// A global cluster and its members, by ARN and whether each is the writer.
pub(super) fn global(
    id: &str,
    target: &str,
    status: Option<&str>,
    members: Option<&[(String, bool)]>,
) -> Vec<Finding> {
    let Some(members) = members else { return vec![missing(&format!("there is no global cluster {id}"))] };
    let mut findings = Vec::new();
    match members.iter().find(|(arn, _)| arn == target) {
        None => findings.push(missing(&format!("{target} is no member of global cluster {id}"))),
        Some((_, true)) => findings.push(Finding::blocking(
            format!("{target} is the writer already"),
            "name the cluster that shall become the writer",
        )),
        Some((_, false)) => {}
    }
    if status.is_some_and(|status| status != "available") {
        let what = format!("global cluster {id} is {}", status.unwrap_or_default());
        findings.push(Finding::blocking(what, "wait until it is available"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Instance {
        Instance {
            id: "dr".into(),
            status: Some("available".into()),
            source: Some("arn:aws:rds:us-east-1:123456789012:db:prod".into()),
            replication: Some("replicating".into()),
            engine: Some("postgres".into()),
            engine_version: Some("16.4".into()),
            class: Some("db.r6g.large".into()),
            parameter_groups: vec!["prod-pg16".into()],
            multi_az: Some(true),
            storage_gib: Some(100),
            backup_days: Some(7),
            ..Instance::default()
        }
    }

    fn texts(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    /// Goal: a replica that is fit has nothing against it, and each defect is named with its weight. Method: a table of
    /// single defects.
    #[test]
    fn a_replica_is_fit_or_its_defect_is_named() {
        assert!(replica(&good()).is_empty());
        let table: [(Instance, &str); 6] = [
            (
                Instance { source: None, ..good() },
                "blocking: dr is not a replica: there is nothing to promote",
            ),
            (Instance { status: Some("stopped".into()), ..good() }, "blocking: dr is stopped"),
            (Instance { status: None, ..good() }, "blocking: dr is without a status"),
            (Instance { status: Some("backing-up".into()), ..good() }, "warning: dr is being backed up"),
            (Instance { replication: Some("error".into()), ..good() }, "blocking: dr: replication is error"),
            (Instance { backup_days: Some(0), ..good() }, "warning: dr keeps no backups"),
        ];
        for (instance, expected) in table {
            let found = texts(&replica(&instance));
            assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
        }
    }

    /// Goal: what replaces a source equals it, or each difference is told once. Method: equal, then all different; what
    /// is not known is no difference.
    #[test]
    fn parity_is_told_difference_by_difference() {
        let source = Instance { id: "prod".into(), ..good() };
        assert!(parity(&good(), &source).is_empty());
        assert!(
            parity(&good(), &Instance { parameter_groups: vec!["prod".into()], ..Instance::default() })
                .is_empty()
        );
        let other = Instance {
            id: "prod".into(),
            engine_version: Some("16.3".into()),
            class: Some("db.r6g.4xlarge".into()),
            multi_az: Some(false),
            storage_gib: Some(200),
            parameter_groups: vec!["default.postgres16".into()],
            ..good()
        };
        insta::assert_snapshot!(texts(&parity(&good(), &other)).join("\n"), @r"
        warning: dr: the engine's version is 16.4, of prod 16.3; upgrade both, the replica first
        warning: dr: the class is db.r6g.large, of prod db.r6g.4xlarge; make it as large, or be sure that it carries the load
        warning: dr: Multi-AZ is true, of prod false; set it alike; after the promotion this instance is the only one
        warning: dr: the storage in GiB is 100, of prod 200; let it grow alike
        warning: dr: parameter groups prod-pg16, of prod default.postgres16; give it a group with the same settings
        ");
    }

    /// Goal: a full quota blocks, a nearly full one warns, one that is not told is unknown. Method: a table of instances and
    /// storage, for an instance of 100 GiB.
    #[test]
    fn quotas_have_room_or_not() {
        let quota = |name: &str, used, max| Quota { name: name.into(), used, max };
        let found = |instances: (i64, i64), storage: (i64, i64)| {
            let quotas = [
                quota("DBInstances", instances.0, instances.1),
                quota("AllocatedStorage", storage.0, storage.1),
                quota("DBClusters", 40, 40),
            ];
            texts(&room("us-west-2", &quotas, Some(100)))
        };
        assert!(found((36, 40), (900, 1_000)).is_empty());
        assert_eq!(
            found((40, 40), (0, 1_000)),
            [
                "blocking: 40 of at most 40 DB instances are used in us-west-2: there is no room for what this step creates; \
              ask AWS for a higher quota, or remove what is not needed"
            ]
        );
        assert!(
            found((37, 40), (0, 1_000))[0].starts_with("warning: 37 of at most 40 DB instances are used")
        );
        assert!(found((1, 40), (901, 1_000))[0].starts_with("blocking: 901 of at most 1000 GiB of storage"));
        assert!(found((1, 40), (9_100, 10_000))[0].starts_with("warning: 9100 of at most 10000 GiB"));
        let untold = texts(&room("us-west-2", &[quota("DBInstances", 0, 0)], None));
        assert!(untold[0].starts_with("blocking: 0 of at most 0 DB instances"), "{untold:?}");
        assert!(
            untold[1].starts_with("unknown: RDS in us-west-2 does not tell its quota of GiB"),
            "{untold:?}"
        );
    }

    /// Goal: a fence that stands already is blocking, one that stops too early is told. Method: both.
    #[test]
    fn a_fence_must_have_something_to_fence() {
        let action = RdsFence {
            region: "us-east-1".into(),
            instance: "prod".into(),
            quarantine_groups: vec!["sg-b".into(), "sg-a".into()],
            stop: true,
        };
        let own = Instance { groups: vec!["sg-own".into()], ..good() };
        assert!(fence(&own, &action).is_empty());
        let fenced = Instance { groups: vec!["sg-a".into(), "sg-b".into()], ..good() };
        assert!(
            texts(&fence(&fenced, &action))[0].starts_with("blocking: dr has its quarantine groups already")
        );
        let source = Instance { replicas: vec!["dr".into()], ..own };
        assert!(texts(&fence(&source, &action))[0].starts_with("note: dr is the source of dr"));
    }

    /// Goal: a global cluster's target is a member and not the writer. Method: every case.
    #[test]
    fn a_target_is_a_reader_of_the_global_cluster() {
        let members = [("arn:writer".to_owned(), true), ("arn:reader".to_owned(), false)];
        let found = |target: &str, status| texts(&global("g", target, Some(status), Some(&members)));
        assert!(found("arn:reader", "available").is_empty());
        assert!(found("arn:writer", "available")[0].contains("is the writer already"));
        assert!(found("arn:other", "available")[0].contains("is no member"));
        assert!(found("arn:reader", "failing-over")[0].contains("is failing-over"));
        assert!(texts(&global("g", "arn:reader", None, None))[0].contains("there is no global cluster g"));
    }
}
