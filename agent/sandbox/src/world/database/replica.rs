//! CreateDBInstanceReadReplica, within a region by the source's identifier and across regions by its ARN.
//! What all new instances have in common is here too.

use serde::Serialize;

use super::course::{Turn, memberships};
use super::event::Said;
use super::{
    CLASS, DEFAULT_OPTION_GROUP, DEFAULT_PARAMETER_GROUP, DEFAULT_SECURITY_GROUP, DEFAULT_SUBNET_GROUP,
    Database, DatabaseStatus, Databases, Pending, Tags, arn, invalid_combination, invalid_state,
    invalid_value, not_found,
};
use crate::world::refusal::Refusal;

/// What may be chosen about any new instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Wishes {
    /// The new identifier.
    pub instance: String,
    /// The class; the source's without it.
    pub class: Option<String>,
    /// The subnet group.
    pub subnet_group: Option<String>,
    /// The parameter group.
    pub parameter_group: Option<String>,
    /// The option group.
    pub option_group: Option<String>,
    /// Security groups; the VPC's default one without any.
    pub security_groups: Vec<String>,
    /// Whether it has a standby in another zone.
    pub multi_az: Option<bool>,
    /// Its tags.
    pub tags: Tags,
}

/// What a new replica asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NewReplica {
    /// The new instance.
    #[serde(flatten)]
    pub wishes: Wishes,
    /// The source's identifier, or its ARN in another region.
    pub source: String,
    /// The KMS key in the replica's region; needed for an encrypted source in another one.
    pub kms_key: Option<String>,
    /// Whether the call holds a URL signed for the source's region. The URL itself is not looked at.
    pub presigned: bool,
}

/// 15: RDS's own limit of replicas of one source.
const REPLICAS_MAX: usize = 15;
/// 63 characters: RDS's own limit of an identifier.
const IDENTIFIER_MAX: usize = 63;

impl Databases {
    /// Begins to make a replica.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `DBInstanceAlreadyExists`, `InvalidDBInstanceState`,
    /// `InvalidParameterCombination`, `KMSKeyNotAccessibleFault` and those of any new instance.
    pub fn create_replica(
        &mut self,
        region: &str,
        asked: &NewReplica,
        now_ms: u64,
    ) -> Result<Database, Refusal> {
        let source_key = match asked.source.starts_with("arn:") {
            true => asked.source.clone(),
            false => arn(region, &asked.source.to_ascii_lowercase()),
        };
        let source = self.by_arn.get(&source_key).ok_or_else(|| not_found(&asked.source))?.database.clone();
        let identifier = self.new_identifier(region, &asked.wishes.instance)?;
        let abroad = source.region != region;
        if !source.status.connects() {
            let message = format!("Instance {} is currently {}.", source.identifier, source.status.as_str());
            return Err(invalid_state(message));
        }
        if source.backup_retention_days == 0 {
            return Err(invalid_state(
                "Automated backups are not enabled for this database instance. To enable automated backups, \
                 use ModifyDBInstance to set the backup retention period to a non-zero value.",
            ));
        }
        if source.replicas.len() >= REPLICAS_MAX {
            return Err(invalid_state("The source has as many read replicas as it can have."));
        }
        let kms_key = replica_key(region, &source, asked, abroad)?;
        let mut wishes = asked.wishes.clone();
        if !abroad {
            wishes.parameter_group.get_or_insert_with(|| source.parameter_group.clone());
            wishes.option_group.get_or_insert_with(|| source.option_group.clone());
            wishes.subnet_group.get_or_insert_with(|| source.subnet_group.clone());
        }
        let mut database = self.new_instance(region, &identifier, &wishes, Some(&source), now_ms)?;
        database.kms_key = kms_key;
        database.source = Some(source_key.clone());
        let (made, made_ms) = (database.clone(), now_ms + self.timing.create_ms);
        self.put(database)
            .then(made_ms, Turn::Say(Said::new("creation", "DB instance created")))
            .then(made_ms, Turn::Say(Said::new("read replica", "Replication for the Read Replica resumed")))
            .then(made_ms, Turn::Show(DatabaseStatus::Available));
        if let Some(source) = self.by_arn.get_mut(&source_key) {
            source.database.replicas.push(made.arn());
        }
        Ok(made)
    }

    /// An identifier that is free.
    pub(super) fn new_identifier(&self, region: &str, identifier: &str) -> Result<String, Refusal> {
        let identifier = identifier.to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let well_formed = identifier.starts_with(|c: char| c.is_ascii_lowercase())
            && identifier.len() <= IDENTIFIER_MAX
            && identifier.chars().all(plain)
            && !identifier.ends_with('-')
            && !identifier.contains("--");
        if !well_formed {
            return Err(invalid_value(
                "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a \
                 letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen \
                 or contain two consecutive hyphens.",
            ));
        }
        let key = arn(region, &identifier);
        let coming = self.by_arn.values().any(|instance| {
            let turn = |(_, turn): &(u64, Turn)| *turn == Turn::Rename(identifier.clone());
            instance.database.region == region && instance.course.iter().any(turn)
        });
        if coming || self.by_arn.contains_key(&key) {
            return Err(Refusal::bad("DBInstanceAlreadyExists", "DB Instance already exists"));
        }
        Ok(identifier)
    }

    /// A new instance that is being made; only names that exist can be chosen.
    pub(super) fn new_instance(
        &mut self,
        region: &str,
        identifier: &str,
        wishes: &Wishes,
        from: Option<&Database>,
        now_ms: u64,
    ) -> Result<Database, Refusal> {
        let [(_, here, max), _] = self.quotas(region);
        if here >= max {
            return Err(Refusal::bad(
                "InstanceQuotaExceeded",
                format!("DB instance quota of {max} exceeded."),
            ));
        }
        self.check_names(wishes)?;
        let groups = match wishes.security_groups.is_empty() {
            true => vec![DEFAULT_SECURITY_GROUP.to_owned()],
            false => wishes.security_groups.clone(),
        };
        self.made += 1;
        let chosen = |wish: &Option<String>, default: &str| wish.clone().unwrap_or_else(|| default.into());
        Ok(Database {
            region: region.into(),
            identifier: identifier.into(),
            resource_id: format!("db-QUORATESANDBOX{:010}", self.made),
            status: DatabaseStatus::Creating,
            class: chosen(&wishes.class, from.map_or(CLASS, |from| &from.class)),
            multi_az: wishes.multi_az.unwrap_or(false),
            source: None,
            replicas: Vec::new(),
            writable: false,
            open: false,
            sessions_until_ms: None,
            security_groups: memberships(&groups),
            subnet_group: chosen(&wishes.subnet_group, DEFAULT_SUBNET_GROUP),
            parameter_group: chosen(&wishes.parameter_group, DEFAULT_PARAMETER_GROUP),
            option_group: chosen(&wishes.option_group, DEFAULT_OPTION_GROUP),
            kms_key: None,
            backup_retention_days: 0,
            backup_window: from.map_or("03:00-03:30", |from| &from.backup_window).into(),
            tags: wishes.tags.clone(),
            pending: Pending::default(),
            created_ms: now_ms,
            restorable_ms: None,
            sequence: from.map_or(0, |from| from.sequence),
            last_write_ms: None,
            promotion_began_ms: None,
        })
    }

    fn check_names(&self, wishes: &Wishes) -> Result<(), Refusal> {
        self.check_groups(&wishes.security_groups)?;
        let missing = |wish: &Option<String>, known: &std::collections::BTreeSet<String>| {
            wish.clone().filter(|name| !known.contains(name))
        };
        if let Some(name) = missing(&wishes.subnet_group, &self.estate.subnet_groups) {
            let message = format!("DBSubnetGroup '{name}' not found.");
            return Err(Refusal::new(404, "DBSubnetGroupNotFoundFault", message));
        }
        if let Some(name) = missing(&wishes.parameter_group, &self.estate.parameter_groups) {
            let message = format!("DBParameterGroup not found: {name}");
            return Err(Refusal::new(404, "DBParameterGroupNotFound", message));
        }
        if let Some(name) = wishes.option_group.as_ref().filter(|name| *name != DEFAULT_OPTION_GROUP) {
            let message = format!("Specified OptionGroupName: {name} not found.");
            return Err(Refusal::new(404, "OptionGroupNotFoundFault", message));
        }
        Ok(())
    }

    /// Checks that security groups exist.
    pub(super) fn check_groups(&self, groups: &[String]) -> Result<(), Refusal> {
        match groups.iter().find(|group| !self.estate.security_groups.contains_key(*group)) {
            Some(group) => {
                Err(invalid_value(format!("Invalid security group , groupId= {group}, groupName=.")))
            }
            None => Ok(()),
        }
    }
}

/// The key of a replica's storage.
fn replica_key(
    region: &str,
    source: &Database,
    asked: &NewReplica,
    abroad: bool,
) -> Result<Option<String>, Refusal> {
    let Some(source_key) = &source.kms_key else {
        return match asked.kms_key {
            Some(_) => {
                Err(invalid_combination("Cannot encrypt a read replica of an unencrypted DB instance."))
            }
            None => Ok(None),
        };
    };
    if !abroad {
        return Ok(Some(source_key.clone()));
    }
    let Some(key) = &asked.kms_key else {
        return Err(invalid_combination(
            "Cannot create a cross region encrypted read replica without specifying a destination KMS key.",
        ));
    };
    if !key.starts_with(&format!("arn:aws:kms:{region}:")) {
        let message =
            format!("The specified KMS key {key} does not exist, is not enabled or you do not have access.");
        return Err(Refusal::bad("KMSKeyNotAccessibleFault", message));
    }
    if !asked.presigned {
        return Err(invalid_combination(
            "PreSignedUrl must be specified for a cross region encrypted read replica.",
        ));
    }
    Ok(Some(key.clone()))
}
