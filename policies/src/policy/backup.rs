//! One backup of a policy: what it is, which agents see it, and what makes it one that a restore could be made of. It says
//! nothing of how it is taken.

use crate::{
    effect::AssumeRole,
    name::{ComponentName, RegionName},
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One backup. Exactly one of the sources is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The component whose data it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// Dumps of PostgreSQL in files: of pg_dump's custom format, or plain SQL, also compressed by gzip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres_dump: Option<BackupPath>,
    /// A Redis snapshot in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_rdb: Option<BackupPath>,
    /// Files of any kind, whose content is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BackupPath>,
    /// The automated backups of an RDS instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rds_automated: Option<RdsAutomated>,
    /// The region whose agents look at it; every agent without it.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// How old the newest may be: how much a restore may lose.
    pub fresh_within: Millis,
    /// How long backups are kept. When nothing is as old although there was time for it, that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Millis>,
    /// By how many percent the newest may differ from the usual size, which is the median of the earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_within_percent: Option<u32>,
    /// Objects in S3, whose content is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Objects>,
}

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPath {
    /// An absolute path, in which `*`, `?` and `[...]` stand for parts of a name and `**` for any folders. The newest file
    /// by modification time counts.
    pub path: String,
}

/// An RDS instance with automated backups: it can be restored to its latest restorable time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RdsAutomated {
    /// The instance's region.
    pub region: String,
    /// The DB instance identifier.
    pub instance: String,
}

/// Objects in a bucket of S3. The newest by its date in S3 counts, with its own size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Objects {
    /// The bucket's region.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with, such as `database/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Which of them: the key after the prefix, in which `*`, `?` and `[...]` stand for parts of a name and `**` for any
    /// folders. All of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The role as which the bucket is read, mostly one of another account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<AssumeRole>,
}

/// What a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupSource<'a> {
    /// Dumps of PostgreSQL.
    PostgresDump(&'a str),
    /// A Redis snapshot.
    RedisRdb(&'a str),
    /// Files.
    Files(&'a str),
    /// Automated backups.
    RdsAutomated(&'a RdsAutomated),
    /// Objects in S3.
    S3(&'a S3Objects),
}

impl Backup {
    /// What it is; none when no source is written, which the checks refuse.
    #[must_use]
    pub fn source(&self) -> Option<BackupSource<'_>> {
        let dump = self.postgres_dump.as_ref().map(|at| BackupSource::PostgresDump(&at.path));
        let rdb = self.redis_rdb.as_ref().map(|at| BackupSource::RedisRdb(&at.path));
        let files = self.files.as_ref().map(|at| BackupSource::Files(&at.path));
        let rds = self.rds_automated.as_ref().map(BackupSource::RdsAutomated);
        dump.or(rdb).or(files).or(rds).or(self.s3.as_ref().map(BackupSource::S3))
    }

    /// Whether the agents of a region look at it.
    #[must_use]
    pub fn looked_at_from(&self, region: &RegionName) -> bool {
        self.region.as_ref().is_none_or(|own| own == region)
    }
}

impl BackupSource<'_> {
    /// As the policy writes it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            BackupSource::PostgresDump(_) => "postgres_dump",
            BackupSource::RedisRdb(_) => "redis_rdb",
            BackupSource::Files(_) => "files",
            BackupSource::RdsAutomated(_) => "rds_automated",
            BackupSource::S3(_) => "s3",
        }
    }

    /// Where it is, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            BackupSource::PostgresDump(path) | BackupSource::RedisRdb(path) | BackupSource::Files(path) => {
                (*path).to_owned()
            }
            BackupSource::RdsAutomated(rds) => format!("{} in {}", rds.instance, rds.region),
            BackupSource::S3(S3Objects { region, bucket, prefix, pattern, .. }) => {
                format!("s3://{bucket}/{prefix}{} in {region}", pattern.as_deref().unwrap_or_default())
            }
        }
    }
}
