//! `s3.sync`: objects are copied under another prefix or into a folder of this host. This file looks, starts and ends the work;
//! `quorate_aws::s3::sync` does it, and `judge` says what a look means.
//!
//! - **A look is work, too:** both sides are listed and compared in the background, and until that is over the answer is "at
//!   work". So no call is long, however much there is.
//! - **What is copied is noted first:** how much, how old, and the SHA-256 of the list of all checksums, are in the log before
//!   anything is written. The list itself is in this host's journal (`sha256` in the attempt's folder).
//! - **It ends with its attempt,** and at the latest with this process. What is there by then is not copied again.
//! - **Where it may write on this host** is said by the agent's own file, `backups.sync_to`.

mod judge;
#[cfg(test)]
mod tests;

use super::restore::{reading::below, wall};
use crate::jobs::journal::{Attempt, Journal, write_end};
use judge::{Past, judge};
use quorate_aws::{
    Aws,
    s3::{
        Trouble,
        sync::{OBJECTS_MAX, Order, Progress, Survey, Syncer, Target},
    },
};
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::{
        Before,
        action::{S3Sync, SyncTarget},
    },
    readiness::Finding,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::task::JoinHandle;

/// How many attempts are remembered: an execution has a few such steps, and looks ask for the latest attempt alone.
const KEPT_MAX: usize = 16;

/// The room.
pub(super) struct Syncs {
    region: String,
    allowed: Vec<PathBuf>,
    journal: Journal,
    syncer: Arc<Syncer>,
    own: Mutex<BTreeMap<Attempt, Own>>,
}

/// What is known of one attempt.
#[derive(Default)]
struct Own {
    looking: Option<Work<Survey>>,
    /// The latest survey that said that something is to be done.
    seen: Option<Survey>,
    copying: Option<Work<()>>,
    /// It has copied, and it ended well.
    copied: bool,
}

/// What goes on in the background, and how it ended.
struct Work<T> {
    task: JoinHandle<()>,
    progress: Arc<Progress>,
    ended: Arc<Mutex<Option<Result<T, Trouble>>>>,
}

/// How a copy ended, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl Syncs {
    pub(super) fn new(file: &AgentFile, journal: Journal) -> Self {
        Self {
            region: file.region.to_string(),
            allowed: file.backups.as_ref().map(|backups| backups.sync_to.clone()).unwrap_or_default(),
            journal,
            syncer: Arc::default(),
            own: Mutex::default(),
        }
    }

    pub(super) fn observe(&self, aws: &Aws, action: &S3Sync, context: &EffectContext) -> Observed {
        let order = match self.order(action) {
            Ok(order) => order,
            Err(reason) => return Observed::Impossible { reason },
        };
        let mut all = lock(&self.own);
        forget_old(&mut all);
        let own = all.entry(Attempt::of(context)).or_default();
        if let Some(copying) = own.copying.take() {
            match copying.outcome() {
                None => {
                    let detail = format!("{} bytes are copied", copying.progress.bytes());
                    own.copying = Some(copying);
                    return Observed::InProgress { detail };
                }
                Some(Ok(())) => own.copied = true,
                Some(Err(trouble)) => return failed(trouble),
            }
        }
        let Some(looking) = own.looking.take() else {
            own.looking = Some(self.look(aws, order, context));
            return Observed::InProgress { detail: "both sides are being compared".to_owned() };
        };
        match looking.outcome() {
            None => {
                let detail =
                    format!("both sides are being compared, {} bytes are read", looking.progress.bytes());
                own.looking = Some(looking);
                Observed::InProgress { detail }
            }
            Some(Err(Trouble::Unread(reason))) => Observed::Unknown { reason },
            Some(Err(Trouble::Cannot(reason))) => Observed::Impossible { reason },
            Some(Ok(survey)) => {
                let past = Past { noted: context.before.as_ref(), copied: own.copied };
                let observed = judge(action, &survey, past, wall());
                own.seen = matches!(observed, Observed::NotDone { .. }).then_some(survey);
                observed
            }
        }
    }

    /// Begins the copy and returns; from then on looks tell.
    pub(super) async fn act(&self, aws: &Aws, action: &S3Sync, context: &EffectContext) -> Acted {
        let not = |reason: String, retryable| Acted::Refused { reason, retryable };
        let order = match self.order(action) {
            Ok(order) => order,
            Err(reason) => return not(reason, false),
        };
        let attempt = Attempt::of(context);
        let seen = lock(&self.own).get_mut(&attempt).and_then(|own| own.seen.take());
        let Some(survey) = seen else { return not("nothing was compared yet".to_owned(), true) };
        let noted =
            matches!(&context.before, Some(Before::Synced { list, .. }) if *list == survey.list_sha256());
        if !noted {
            return not("nothing was copied: what there is, is not noted".to_owned(), false);
        }
        let (journal, key, list) = (self.journal.clone(), attempt.clone(), survey.list());
        let begun = tokio::task::spawn_blocking(move || begin(&journal, &key, &list)).await;
        let (folder, held) = match begun.map_err(io::Error::other).and_then(|begun| begun) {
            Ok(begun) => begun,
            Err(error) => return not(format!("the journal cannot be written: {error}"), true),
        };
        let detail =
            format!("{} of {} objects are being copied", judge::wanted(action, &survey), survey.items.len());
        let (syncer, aws, context) = (Arc::clone(&self.syncer), aws.clone(), context.clone());
        let work = Work::begin(move |progress| async move {
            let copied = syncer.copy(&aws, &order, &context, &survey, &progress).await;
            let end =
                End { bytes: progress.bytes(), trouble: copied.as_ref().err().map(ToString::to_string) };
            if let Err(error) = write_end(&folder, &end) {
                tracing::warn!(%error, "the end of a copy is not in the journal");
            }
            drop(held);
            copied
        });
        if let Some(own) = lock(&self.own).get_mut(&attempt) {
            own.copying = Some(work);
        }
        Acted::Accepted { detail }
    }

    /// Ends whatever an attempt has at work; returns when nothing of it is. A thread that is just putting a whole file in its
    /// place comes to its end: what it puts there is what the attempt was to put there.
    pub(super) async fn let_go(&self, attempt: &Attempt) {
        let own = lock(&self.own).remove(attempt);
        let Some(Own { looking, copying, .. }) = own else { return };
        for task in [looking.map(|work| work.task), copying.map(|work| work.task)].into_iter().flatten() {
            task.abort();
            let _ = task.await;
        }
    }

    /// What stands in the way, as far as one list tells.
    pub(super) async fn check(&self, aws: &Aws, action: &S3Sync, context: &EffectContext) -> Vec<Finding> {
        if action.region != self.region {
            return vec![Finding::note(format!("objects are copied by the agents in {}", action.region))];
        }
        let order = match self.order(action) {
            Ok(order) => order,
            Err(why) => return vec![Finding::blocking(why, "allow it in the agent's file")],
        };
        let mut findings = Vec::new();
        match aws.objects(&order.from, context.role.as_ref(), OBJECTS_MAX).await {
            Ok(objects) => findings.push(judge::finding(action, &objects, wall())),
            Err(trouble) => findings.push(unlisted(trouble)),
        }
        if let Target::Objects(to) = &order.to
            && let Err(trouble) = aws.objects(to, context.role.as_ref(), OBJECTS_MAX).await
        {
            findings.push(unlisted(trouble));
        }
        findings
    }

    fn look(&self, aws: &Aws, order: Order, context: &EffectContext) -> Work<Survey> {
        let (syncer, aws, context) = (Arc::clone(&self.syncer), aws.clone(), context.clone());
        Work::begin(move |progress| async move { syncer.survey(&aws, &order, &context, &progress).await })
    }

    /// What is to be done, if this agent may do it.
    fn order(&self, action: &S3Sync) -> Result<Order, String> {
        let to = match action.to.target() {
            Some(SyncTarget::Objects(to)) => Target::Objects(to),
            Some(SyncTarget::Folder(folder)) => {
                self.allows(Path::new(folder))?;
                Target::Folder(folder.into())
            }
            None => return Err("where to is not said".to_owned()),
        };
        Ok(Order { from: action.from.clone(), to, replace: action.replace, delete: action.delete })
    }

    /// Whether this agent may write there, wherever links lead. The folder itself need not be there yet.
    fn allows(&self, folder: &Path) -> Result<(), String> {
        let shown = folder.display();
        let climbs = folder.components().any(|part| matches!(part, Component::ParentDir));
        if climbs || !folder.is_absolute() {
            return Err(format!("{shown} is not written from the root, without `..`"));
        }
        let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(folder);
        let real = fs::canonicalize(there).map_err(|error| format!("{}: {error}", there.display()))?;
        if below(&real, &self.allowed) {
            Ok(())
        } else {
            Err(format!("{shown} is not below a folder of `backups.sync_to` in the agent's file"))
        }
    }
}

impl<T: Clone + Send + 'static> Work<T> {
    fn begin<F>(work: impl FnOnce(Arc<Progress>) -> F) -> Self
    where
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let (progress, ended) = (Arc::<Progress>::default(), Arc::new(Mutex::new(None)));
        let (result, working) = (Arc::clone(&ended), work(Arc::clone(&progress)));
        let task = tokio::spawn(async move {
            let outcome = working.await;
            *lock(&result) = Some(outcome);
        });
        Self { task, progress, ended }
    }

    /// How it ended; none while it goes on. Whoever asks, waits for it.
    fn outcome(&self) -> Option<Result<T, Trouble>> {
        self.progress.look();
        lock(&self.ended).clone()
    }
}

/// An attempt that is gone on with tries again; what cannot be done by asking again is told as such.
fn failed(trouble: Trouble) -> Observed {
    match trouble {
        Trouble::Unread(why) => {
            Observed::Broken { reason: format!("not everything was copied: {why}"), again: true }
        }
        Trouble::Cannot(why) => Observed::Impossible { reason: format!("not everything was copied: {why}") },
    }
}

fn unlisted(trouble: Trouble) -> Finding {
    match trouble {
        Trouble::Cannot(why) => {
            Finding::blocking(why, "make the bucket, or attach the policy that `quorate iam` prints")
        }
        Trouble::Unread(why) => Finding::unknown(why, "look again later"),
    }
}

/// Writes down that the attempt begins and what it copies; its lock is held until it ends.
fn begin(journal: &Journal, attempt: &Attempt, list: &str) -> io::Result<(PathBuf, File)> {
    let folder = journal.begin(attempt)?;
    fs::write(folder.join("sha256"), list)?;
    let held = File::open(folder.join("lock"))?;
    held.try_lock().map_err(io::Error::other)?;
    Ok((folder, held))
}

/// Attempts end by [`Syncs::let_go`]; what is left of others is let go of here.
fn forget_old(all: &mut BTreeMap<Attempt, Own>) {
    while all.len() > KEPT_MAX {
        let Some((_, old)) = all.pop_first() else { return };
        for task in
            [old.looking.map(|work| work.task), old.copying.map(|work| work.task)].into_iter().flatten()
        {
            task.abort();
        }
    }
}

/// A lock whose holder has panicked still guards a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
