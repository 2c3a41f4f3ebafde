//! What the action says that copies objects: from where, to where, and what it may replace or remove. Which folders of a host
//! it may write to, each agent's own file says.

use crate::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `s3.sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Sync {
    /// The region of the agents that carry it out, usually `{to}`: every object goes through one of them. A folder is on its
    /// host.
    pub region: String,
    /// Where the objects are.
    pub from: S3Prefix,
    /// Where they shall be: under a prefix, or in a folder.
    pub to: SyncTo,
    /// How old the newest of them may be; without one as young nothing is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Millis>,
    /// Whether what is there with another content may be replaced. Otherwise the step is refused.
    #[serde(default)]
    pub replace: bool,
    /// Whether what is there and not among the objects is deleted, once all of them are there.
    #[serde(default)]
    pub delete: bool,
}

/// All objects of a bucket whose keys begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3Prefix {
    /// The bucket's region.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with, up to a `/`, such as `2026-11-22/`; the whole bucket without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Where objects are copied to: a bucket with its region, or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncTo {
    /// The bucket's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// What the keys begin with, up to a `/`; the whole bucket without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A folder on the agent's own host, below one of `backups.sync_to` in the agent's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
}

/// Where objects are copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncTarget<'a> {
    /// Under a prefix of a bucket.
    Objects(S3Prefix),
    /// In a folder.
    Folder(&'a str),
}

impl SyncTo {
    /// Which of the two; none when neither is written, or both, which the checks refuse.
    #[must_use]
    pub fn target(&self) -> Option<SyncTarget<'_>> {
        match (&self.region, &self.bucket, &self.dir) {
            (Some(region), Some(bucket), None) => Some(SyncTarget::Objects(S3Prefix {
                region: region.clone(),
                bucket: bucket.clone(),
                prefix: self.prefix.clone(),
            })),
            (None, None, Some(dir)) => self.prefix.is_none().then_some(SyncTarget::Folder(dir)),
            _ => None,
        }
    }
}

impl S3Prefix {
    /// What the keys begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }
}

impl std::fmt::Display for S3Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix())
    }
}
