//! Objects in S3: which there are, for the watch; and [`sync`], which copies them. It must not say which backup is a good one.

mod calls;
mod sums;
pub mod sync;

use quorate_policies::Timestamp;
use quorate_policies::effect::AssumeRole;
use quorate_policies::plan::action::S3Prefix;

use crate::clients::Aws;

pub(crate) use calls::Objects;

/// How many objects a watched prefix may have: six years of hourly backups, fifty calls within a look.
pub const WATCHED_MAX: usize = 50_000;

/// One object, as a list tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, without the prefix that was asked for.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was put there.
    pub changed: Timestamp,
    /// Which content it has: another one has another tag.
    pub etag: String,
    /// Where S3 keeps it, such as `STANDARD`.
    pub storage: String,
}

impl Object {
    /// Whether it has to be brought back from an archive before anybody can read it.
    #[must_use]
    pub fn archived(&self) -> bool {
        matches!(self.storage.as_str(), "GLACIER" | "DEEP_ARCHIVE")
    }
}

/// Why something could not be done with objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody knows: it may be possible later.
    #[error("{0}")]
    Unread(String),
    /// It is certain, and asking again will not help.
    #[error("{0}")]
    Cannot(String),
}

impl Aws {
    /// The objects below a prefix, for whoever watches them.
    ///
    /// # Errors
    /// When they could not be listed, with the reason, and when there are more than `most`.
    pub async fn objects(
        &self,
        of: &S3Prefix,
        role: Option<&AssumeRole>,
        most: usize,
    ) -> Result<Vec<Object>, Trouble> {
        Objects::new(&self.watch(&of.region, role), of).list(most).await
    }
}
