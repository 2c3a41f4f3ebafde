//! `redis.restore`: a snapshot is put where a Redis that is stopped reads it when it starts. Stopping and starting it are
//! steps of their own, before and after. The target is a file of this agent's own host, in a folder that its own file names.
//!
//! - **Look:** the SHA-256 of what stands there is that of the snapshot. Nothing else is believed.
//! - **While Redis answers nothing is done:** it would write its own snapshot over ours when it stops.
//! - **With an append-only file nothing is done:** Redis would load that one instead.
//! - **Interrupted:** the new file takes the old one's place by a rename; before that nothing has changed, and the old one is
//!   kept beside it, as `NAME.before-EXECUTION`.

use super::restore::{
    reading::{Chosen, ReadingSeen, Readings, below, choose},
    runs::{Progress, RunSeen, Runs},
    wall,
};
use crate::backups::{Wrong, files, rdb};
use quorate_policies::{
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::{Before, action::RedisRestore},
    readiness::Finding,
};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};

/// Whether somebody answers on this or a near host.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// What is copied at once.
const PIECE: usize = 1 << 20;
/// The append-only file, or the folder of its parts (Redis 7), that Redis would load in place of a snapshot.
const APPEND_ONLY: [&str; 2] = ["appendonlydir", "appendonly.aof"];

/// The room.
pub(super) struct Redises {
    region: String,
    allowed: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    readings: Readings,
    runs: Runs,
}

impl Redises {
    pub(super) fn new(file: &AgentFile) -> Self {
        let backups = file.backups.clone().unwrap_or_default();
        Self {
            region: file.region.to_string(),
            allowed: backups.restore_from,
            folders: backups.redis_dirs,
            readings: Readings::default(),
            runs: Runs::default(),
        }
    }

    pub(super) async fn observe(&self, action: &RedisRestore, context: &EffectContext) -> Observed {
        let target = target(action);
        match self.runs.seen(&key(action, context), context.attempt) {
            Some(RunSeen::Working { bytes }) => {
                return Observed::InProgress { detail: format!("{bytes} bytes are copied") };
            }
            Some(RunSeen::Failed { reason }) => return Observed::Impossible { reason },
            Some(RunSeen::Done) | None => {}
        }
        if let Err(reason) = self.allows(action) {
            return Observed::Impossible { reason };
        }
        // What was noted counts: the snapshot itself may be gone by then.
        let (wanted, not_done) = match &context.before {
            Some(Before::Restored { sha256, .. }) => (sha256.clone(), None),
            _ => match self.chosen(action, context).await {
                Observed::NotDone {
                    detail,
                    part,
                    before: Some(Before::Restored { file, bytes, taken, sha256, there }),
                } => {
                    let wanted = sha256.clone();
                    let before = Some(Before::Restored { file, bytes, taken, sha256, there });
                    (wanted, Some(Observed::NotDone { detail, part, before }))
                }
                other => return other,
            },
        };
        match self.standing(&target) {
            ReadingSeen::Read { sha256 } if sha256 == wanted => {
                return Observed::Done { detail: format!("{} has the SHA-256 {wanted}", target.display()) };
            }
            ReadingSeen::Working => {
                return Observed::InProgress { detail: format!("{} is being read", target.display()) };
            }
            ReadingSeen::Unread(reason) => return Observed::Unknown { reason },
            ReadingSeen::Read { .. } | ReadingSeen::Broken(_) => {}
        }
        if let Some(reason) = in_the_way(action).await {
            return Observed::Impossible { reason };
        }
        match not_done {
            Some(not_done) => not_done,
            None => self.chosen(action, context).await,
        }
    }

    pub(super) fn act(&self, action: &RedisRestore, context: &EffectContext) -> Acted {
        let Some(Before::Restored { file, bytes, taken, .. }) = &context.before else {
            let reason = "nothing was changed: the snapshot is not noted".to_owned();
            return Acted::Refused { reason, retryable: false };
        };
        let chosen = Chosen { path: file.into(), changed: *taken, bytes: *bytes };
        let (target, execution) = (target(action), context.execution.clone());
        let work = move |progress: &Progress| put(&chosen, &target, &execution, progress);
        match self.runs.start(key(action, context), context.attempt, work) {
            Ok(()) => Acted::Accepted { detail: format!("{file} is being copied") },
            Err(reason) => Acted::Refused { reason, retryable: true },
        }
    }

    /// What stands in the way. That Redis runs now is as it should be: an earlier step stops it.
    pub(super) async fn check(&self, action: &RedisRestore) -> Vec<Finding> {
        if action.region != self.region {
            return vec![Finding::note(format!(
                "the snapshot is looked at by the agents in {}",
                action.region
            ))];
        }
        let mut findings = Vec::new();
        if let Err(why) = self.allows(action) {
            findings.push(Finding::blocking(why, "the restore is refused"));
        }
        match choose(&action.rdb, &self.allowed, None, wall()).await {
            Ok(chosen) => findings
                .extend(chosen.first().map(|chosen| Finding::note(format!("{chosen}, would be restored")))),
            Err(Observed::Impossible { reason }) => {
                findings.push(Finding::blocking(reason, "the restore is refused"));
            }
            Err(_) => findings.push(Finding::unknown("the snapshots cannot be listed", "look again later")),
        }
        findings
    }

    /// Whether this agent may write there.
    fn allows(&self, action: &RedisRestore) -> Result<(), String> {
        let dir = &action.dir;
        let real = fs::canonicalize(dir).map_err(|error| format!("{dir}: {error}"))?;
        if below(&real, &self.folders) {
            Ok(())
        } else {
            Err(format!("{dir} is not a folder of `backups.redis_dirs` in the agent's file"))
        }
    }

    /// The snapshot that is to be restored, read to its end.
    async fn chosen(&self, action: &RedisRestore, context: &EffectContext) -> Observed {
        let chosen = match choose(&action.rdb, &self.allowed, context.before.as_ref(), wall()).await {
            Ok(chosen) => chosen,
            Err(refused) => return refused,
        };
        let target = target(action);
        let there = match files::file(&target) {
            Ok(Some(file)) => format!("{} of {}, {} bytes", target.display(), file.changed, file.bytes),
            Ok(None) => format!("no {}", target.display()),
            Err(error) => return Observed::Unknown { reason: format!("{}: {error}", target.display()) },
        };
        let sound = |path: PathBuf, deadline| async move {
            let checked = tokio::task::spawn_blocking(move || rdb::check(&path, deadline)).await;
            match checked {
                // Without a checksum of its own a whole snapshot cannot be told from a spoilt one.
                Ok(checked) => checked,
                Err(error) => Err(Wrong::Unread(error.to_string())),
            }
        };
        self.readings.observe(&chosen, &there, sound)
    }

    /// What the file has that stands where the snapshot is to be.
    fn standing(&self, target: &Path) -> ReadingSeen {
        match files::file(target) {
            Ok(Some(file)) => {
                let file = Chosen { path: file.path, changed: file.changed, bytes: file.bytes };
                self.readings.read(&file, |_: PathBuf, _: Instant| async { Ok(()) })
            }
            Ok(None) => ReadingSeen::Broken("there is none".to_owned()),
            Err(error) => ReadingSeen::Unread(format!("{}: {error}", target.display())),
        }
    }
}

fn key(action: &RedisRestore, context: &EffectContext) -> String {
    format!("{} {}/{}", context.execution, action.dir, action.file)
}

fn target(action: &RedisRestore) -> PathBuf {
    Path::new(&action.dir).join(&action.file)
}

/// Why a snapshot would not be loaded, or not stay.
async fn in_the_way(action: &RedisRestore) -> Option<String> {
    let RedisRestore { host, port, dir, .. } = action;
    let connected = timeout(CONNECT_MAX, TcpStream::connect((host.as_str(), *port))).await;
    if matches!(connected, Ok(Ok(_))) {
        return Some(format!("somebody answers at {host}:{port}: stop Redis in an earlier step"));
    }
    let found = APPEND_ONLY.iter().find(|name| Path::new(dir).join(name).exists())?;
    Some(format!(
        "{dir} has {found}, which Redis loads in place of a snapshot: move it away in an earlier step"
    ))
}

/// Copies a snapshot beside its place, as whose it is to be, and renames it; what stood there is kept under another name.
fn put(chosen: &Chosen, target: &Path, execution: &str, progress: &Progress) -> Result<(), String> {
    chosen.stands()?;
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = |name: String| target.with_file_name(name);
    let (new, old) = (beside(format!(".{name}.quorate")), beside(format!("{name}.before-{execution}")));
    let failed = |error: io::Error| format!("{}: {error}", new.display());
    copy(chosen, &new, progress).map_err(failed)?;
    progress.wanted()?;
    chosen.stands()?;
    own(&new, target).map_err(failed)?;
    // A second attempt must not take the new one for the old.
    if target.exists() && !old.exists() {
        fs::hard_link(target, &old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    fs::rename(&new, target).map_err(failed)?;
    let folder = target.parent().map(File::open);
    folder.map_or(Ok(()), |folder| folder.and_then(|folder| folder.sync_all())).map_err(failed)
}

fn copy(chosen: &Chosen, new: &Path, progress: &Progress) -> io::Result<()> {
    // What an earlier attempt has left is begun anew; a link that somebody put there is not followed.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (mut from, mut to) = (File::open(&chosen.path)?, File::create_new(new)?);
    let mut piece = vec![0; PIECE];
    loop {
        progress.wanted().map_err(io::Error::other)?;
        let count = from.read(&mut piece)?;
        if count == 0 {
            return to.sync_all();
        }
        to.write_all(&piece[..count])?;
        progress.add(count);
    }
}

/// Makes a new file as the old one was; without an old one, the folder's owner's.
fn own(new: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(target);
    let (model, mode) = match fs::metadata(target) {
        Ok(facts) => (facts.clone(), facts.permissions().mode()),
        Err(_) => (fs::metadata(folder)?, 0o640),
    };
    fs::set_permissions(new, fs::Permissions::from_mode(mode & 0o777))?;
    let own = fs::metadata(new)?;
    if (own.uid(), own.gid()) == (model.uid(), model.gid()) {
        return Ok(());
    }
    chown(new, Some(model.uid()), Some(model.gid()))
}
