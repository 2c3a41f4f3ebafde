//! `s3.sync`: objects are copied under another prefix or into a folder, and every one is compared by its SHA-256.
//!
//! - **IAM:** `s3:ListBucket` and `s3:GetObject` on both sides; `s3:PutObject` and `s3:AbortMultipartUpload` on the other
//!   bucket, and `s3:DeleteObject` with `delete`.
//! - **Called in:** both buckets' regions. Every object goes through this host, so that what is recorded is what was read: S3
//!   copies by itself only without telling a SHA-256 of the whole.
//! - **[`Syncer::survey`]** is the look: what is at the source, what its content is, and which of it is there already. A
//!   checksum that S3 keeps is believed; what has none is read. It changes nothing, and may take long.
//! - **[`Syncer::copy`]** is the act: whatever is missing is copied, each object whole or not at all, and only the content that
//!   the look saw. What was copied by an earlier attempt is there at the next look. Last of all is deleted.
//! - **Unknown after an act:** every call without an answer; the object itself is looked at then.
//! - **Cannot be undone:** what was replaced or deleted, unless the bucket keeps versions.

mod copy;
mod folder;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use quorate_policies::Timestamp;
use quorate_policies::effect::EffectContext;
use quorate_policies::plan::action::S3Prefix;
use sha2::{Digest as _, Sha256};

use self::folder::Folder;
use super::sums::Sum;
use super::{Object, Objects, Trouble};
use crate::clients::Aws;

/// How many objects one step copies: a backup of a day, ten calls to list it, and minutes to compare it. A larger bucket is
/// for S3's own replication.
pub const OBJECTS_MAX: usize = 10_000;
/// How many objects are compared at once: each is one small call.
const COMPARED_AT_ONCE: usize = 8;
/// How many are copied at once: each holds one part of 8 MB in memory, or two.
const COPIED_AT_ONCE: usize = 4;
/// Whoever waits for a copy looks every two seconds, and a look is over at once; after so long there is nobody.
const LEFT_AFTER: Duration = Duration::from_secs(60);

/// What is to be copied, and what may become of what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Where the objects are.
    pub from: S3Prefix,
    /// Where they shall be.
    pub to: Target,
    /// Whether what is there with another content is replaced.
    pub replace: bool,
    /// Whether what is there and not at the source is deleted.
    pub delete: bool,
}

/// Where objects are copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Under a prefix.
    Objects(S3Prefix),
    /// Into a folder of this host, which the agent's file allows.
    Folder(PathBuf),
}

/// One object at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// As S3 lists it.
    pub object: Object,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

/// What stands at both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// What is at the source, by name.
    pub items: BTreeMap<String, Item>,
    /// What of it is not there.
    pub missing: BTreeSet<String>,
    /// What of it is there with another content.
    pub other: BTreeSet<String>,
    /// What is there and not at the source.
    pub extra: BTreeSet<String>,
}

/// How far a survey or a copy has come, and whether anybody still waits for it.
#[derive(Debug)]
pub struct Progress {
    bytes: AtomicU64,
    looked: Mutex<Instant>,
}

/// Copies objects, and remembers what it has read: a content that stays as it is is read once.
#[derive(Debug, Default)]
pub struct Syncer {
    sums: Mutex<BTreeMap<String, Sum>>,
}

/// One side that is written to.
#[derive(Debug, Clone)]
enum Side {
    Objects(Objects),
    Folder(Folder),
}

impl Survey {
    /// Their sizes together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.items.values().map(|item| item.object.bytes).sum()
    }

    /// The date of the newest; none where there is nothing.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.items.values().map(|item| item.object.changed).max()
    }

    /// The list of all, as `sha256sum` prints it, sorted by name.
    #[must_use]
    pub fn list(&self) -> String {
        self.items.iter().map(|(name, item)| format!("{}  {name}\n", item.sha256)).collect()
    }

    /// The SHA-256 of that list, in hexadecimal digits.
    #[must_use]
    pub fn list_sha256(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.list()))
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), looked: Mutex::new(Instant::now()) }
    }
}

impl Progress {
    /// How many bytes were read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Somebody looks: whoever is at work goes on.
    pub fn look(&self) {
        *lock(&self.looked) = Instant::now();
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether somebody still waits for it: a process that was stopped for a while must not go on as if nothing had been.
    fn wanted(&self) -> Result<(), Trouble> {
        if lock(&self.looked).elapsed() < LEFT_AFTER {
            return Ok(());
        }
        let why = format!("nobody has looked at it for {LEFT_AFTER:?}, so its attempt has ended");
        Err(Trouble::Unread(why))
    }
}

impl Syncer {
    /// Looks at both sides.
    ///
    /// # Errors
    /// When one of them cannot be read, or holds what cannot be copied.
    pub async fn survey(
        &self,
        aws: &Aws,
        order: &Order,
        context: &EffectContext,
        progress: &Progress,
    ) -> Result<Survey, Trouble> {
        let (from, to) = sides(aws, order, context);
        survey::survey(self, &from, &to, progress).await
    }

    /// Copies what is missing, and what is another content if the order says so; then deletes, if it says that.
    ///
    /// # Errors
    /// At the first object that could not be copied; what was copied before it stays.
    pub async fn copy(
        &self,
        aws: &Aws,
        order: &Order,
        context: &EffectContext,
        survey: &Survey,
        progress: &Progress,
    ) -> Result<(), Trouble> {
        let (from, to) = sides(aws, order, context);
        copy::copy(self, order, &from, &to, survey, progress).await
    }

    /// What a content is, where it was read before.
    fn known(&self, key: &str) -> Option<Sum> {
        lock(&self.sums).get(key).cloned()
    }

    fn keep(&self, key: String, sum: &Sum) {
        let mut sums = lock(&self.sums);
        // Both sides of the largest step; whatever is forgotten is read again.
        if sums.len() >= 2 * OBJECTS_MAX {
            sums.clear();
        }
        sums.insert(key, sum.clone());
    }
}

fn sides(aws: &Aws, order: &Order, context: &EffectContext) -> (Objects, Side) {
    let objects = |at: &S3Prefix| Objects::new(&aws.place(&at.region, context), at);
    let to = match &order.to {
        Target::Objects(at) => Side::Objects(objects(at)),
        Target::Folder(root) => Side::Folder(Folder::new(root.clone())),
    };
    (objects(&order.from), to)
}

/// Work on the disk and on long contents, apart from the tasks of this thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

/// A lock whose holder has panicked still guards a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
