//! What is read about one RDS instance, in plain facts, and what its status means for a change. Pure: it converts
//! the SDK's words and calls nothing. `None` is "not said".

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::DbInstance;
use aws_smithy_types::DateTime;

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Instance {
    /// The DB instance identifier.
    pub(super) id: String,
    /// Its ARN.
    pub(super) arn: Option<String>,
    /// The status in the API's words.
    pub(super) status: Option<String>,
    /// What it replicates from: it is a replica as long as this is there.
    pub(super) source: Option<String>,
    /// What replicates from it.
    pub(super) replicas: Vec<String>,
    /// The cluster that it belongs to.
    pub(super) cluster: Option<String>,
    /// State of the replication in the API's words.
    pub(super) replication: Option<String>,
    /// Its VPC security groups, each with its state in the API's words.
    pub(super) groups: Vec<Group>,
    /// When RDS starts it by itself, where it is stopped.
    pub(super) starts_by_itself: Option<String>,
    /// Its tags.
    pub(super) tags: BTreeMap<String, String>,
    /// The latest moment to which its backups can restore it.
    pub(super) restorable: Option<DateTime>,
    /// What a copy of it takes over.
    pub(super) settings: Settings,
}

/// What makes an instance like another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings {
    pub(super) class: Option<String>,
    pub(super) subnet_group: Option<String>,
    pub(super) parameter_group: Option<String>,
    pub(super) option_group: Option<String>,
    pub(super) kms_key: Option<String>,
    pub(super) multi_az: Option<bool>,
    pub(super) public: Option<bool>,
}

/// One VPC security group of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Its id.
    pub(super) id: String,
    /// Its state, such as `active`, `adding`, `removing`.
    pub(super) state: String,
}

/// What a status means for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// At rest and serving.
    Settled,
    /// RDS is at work and will be done by itself.
    Working,
    /// Stopped: at rest and not serving.
    Stopped,
    /// Only a human gets it out of this.
    Stuck,
    /// Not a status that this version knows, or none.
    Unheard,
}

/// Statuses as RDS documents them. `storage-optimization` can last for a day and the instance serves meanwhile.
fn phase(status: &str) -> Phase {
    match status {
        "available" | "storage-optimization" => Phase::Settled,
        "stopped" => Phase::Stopped,
        "backing-up"
        | "configuring-associated-roles"
        | "configuring-enhanced-monitoring"
        | "configuring-iam-database-auth"
        | "configuring-log-exports"
        | "converting-to-vpc"
        | "creating"
        | "maintenance"
        | "modifying"
        | "moving-to-vpc"
        | "promoting"
        | "rebooting"
        | "renaming"
        | "resetting-master-credentials"
        | "starting"
        | "stopping"
        | "storage-config-upgrade"
        | "storage-initialization"
        | "upgrading" => Phase::Working,
        "delete-precheck"
        | "deleting"
        | "failed"
        | "inaccessible-encryption-credentials"
        | "inaccessible-encryption-credentials-recoverable"
        | "incompatible-create"
        | "incompatible-credentials"
        | "incompatible-network"
        | "incompatible-option-group"
        | "incompatible-parameters"
        | "incompatible-restore"
        | "insufficient-capacity"
        | "restore-error"
        | "storage-full" => Phase::Stuck,
        _ => Phase::Unheard,
    }
}

impl Instance {
    /// The instance of that name. RDS keeps identifiers in lower case whatever was written.
    pub(super) fn named(id: &str, instances: Vec<Self>) -> Option<Self> {
        instances.into_iter().find(|instance| instance.id.eq_ignore_ascii_case(id))
    }

    /// What its status means.
    pub(super) fn phase(&self) -> Phase {
        self.status.as_deref().map_or(Phase::Unheard, phase)
    }

    /// Its status, for texts.
    pub(super) fn status(&self) -> &str {
        self.status.as_deref().unwrap_or("without a status")
    }

    /// Ids of its security groups that will stay: those that are not on their way out.
    pub(super) fn group_ids(&self) -> Vec<String> {
        self.groups.iter().filter(|group| group.state != "removing").map(|group| group.id.clone()).collect()
    }

    /// Whether a change of its security groups is on its way.
    pub(super) fn groups_move(&self) -> bool {
        self.groups.iter().any(|group| group.state != "active")
    }

    /// Whether its security groups are these, in any order.
    pub(super) fn has_groups(&self, wanted: &[String]) -> bool {
        let has: BTreeSet<&str> = self.groups.iter().map(|group| group.id.as_str()).collect();
        has == wanted.iter().map(String::as_str).collect::<BTreeSet<_>>()
    }
}

impl From<&DbInstance> for Instance {
    fn from(instance: &DbInstance) -> Self {
        let replication =
            instance.status_infos().iter().find(|info| info.status_type() == Some("read replication"));
        let group = |group: &aws_sdk_rds::types::VpcSecurityGroupMembership| Group {
            id: group.vpc_security_group_id().unwrap_or_default().to_owned(),
            state: group.status().unwrap_or_default().to_owned(),
        };
        let tag = |tag: &aws_sdk_rds::types::Tag| {
            Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))
        };
        Instance {
            id: text(instance.db_instance_identifier()).unwrap_or_default(),
            arn: text(instance.db_instance_arn()),
            status: text(instance.db_instance_status()),
            source: text(instance.read_replica_source_db_instance_identifier())
                .or_else(|| text(instance.read_replica_source_db_cluster_identifier())),
            replicas: instance.read_replica_db_instance_identifiers().to_vec(),
            cluster: text(instance.db_cluster_identifier()),
            replication: replication.and_then(|info| text(info.status())),
            groups: instance.vpc_security_groups().iter().map(group).collect(),
            starts_by_itself: instance.automatic_restart_time().map(ToString::to_string),
            tags: instance.tag_list().iter().filter_map(tag).collect(),
            restorable: instance.latest_restorable_time().copied(),
            settings: settings(instance),
        }
    }
}

fn settings(instance: &DbInstance) -> Settings {
    let parameters = instance.db_parameter_groups().first();
    let options = instance.option_group_memberships().first();
    Settings {
        class: text(instance.db_instance_class()),
        subnet_group: instance.db_subnet_group().and_then(|group| text(group.db_subnet_group_name())),
        parameter_group: parameters.and_then(|group| text(group.db_parameter_group_name())),
        option_group: options.and_then(|group| text(group.option_group_name())),
        kms_key: text(instance.kms_key_id()),
        multi_az: instance.multi_az(),
        public: instance.publicly_accessible(),
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
impl Instance {
    /// An instance at rest in that status, for the judges' tables.
    pub(super) fn seen(id: &str, status: &str) -> Self {
        Instance { id: id.into(), status: Some(status.into()), ..Instance::default() }
    }

    /// The same with these security groups, each `id` or `id:state`.
    pub(super) fn with_groups(mut self, groups: &[&str]) -> Self {
        let group = |text: &&str| {
            let (id, state) = text.split_once(':').unwrap_or((text, "active"));
            Group { id: id.into(), state: state.into() }
        };
        self.groups = groups.iter().map(group).collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each status means one thing, and one that is not known means nothing (R7). Method: one of each phase.
    #[test]
    fn statuses_have_phases() {
        let table = [
            ("available", Phase::Settled),
            ("storage-optimization", Phase::Settled),
            ("backing-up", Phase::Working),
            ("stopping", Phase::Working),
            ("stopped", Phase::Stopped),
            ("storage-full", Phase::Stuck),
            ("transmogrifying", Phase::Unheard),
        ];
        for (status, expected) in table {
            assert_eq!(Instance::seen("db", status).phase(), expected, "{status}");
        }
        assert_eq!(Instance::default().phase(), Phase::Unheard);
    }

    /// Goal: security groups are compared as a set, and one that comes or goes is not at rest. Method: a table.
    #[test]
    fn groups_are_a_set() {
        let wanted = ["b".to_owned(), "a".to_owned()];
        let with = |groups: &[&str]| Instance::seen("db", "available").with_groups(groups);
        assert!(with(&["a", "b"]).has_groups(&wanted) && !with(&["a", "b"]).groups_move());
        assert!(!with(&["a"]).has_groups(&wanted) && !with(&["a", "b", "c"]).has_groups(&wanted));
        assert!(with(&["a", "b:adding"]).groups_move());
        assert_eq!(with(&["a", "b:removing"]).group_ids(), ["a"]);
    }
}
