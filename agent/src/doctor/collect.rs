//! The looks at the world, each in a file of its own, run side by side where one does not need another. Each has a deadline;
//! what does not answer in time is a fact like any other. They judge nothing.

mod answers;
mod certificates;
mod clock;
mod disk;
mod files;
mod names;
mod peers;
mod plans;
mod targets;

use super::facts::{Documents, Facts, Installation, Local, Many, PolicyFile};
use crate::cli::check::{Checked, check_texts};
use crate::shell;
use futures_util::{StreamExt as _, stream};
use quorate_policies::{
    AgentName, Policy, RegionName,
    agreement::policy_hash,
    document::{self, AgentFile},
};
use quorate_probes::Prober;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long all names, and all targets, may be looked at together. Eight at a time this is a hundred targets that do not answer,
/// and whoever waits for the doctor still waits; the rest is named as not looked at.
const LOOKS_MAX: Duration = Duration::from_secs(30);

/// What is asked of the doctor: texts with the names by which findings call them.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The agent's file: its name and its text; or why it cannot be read.
    pub config: (PathBuf, Result<String, String>),
    /// Policies, each likewise.
    pub policies: Vec<(PathBuf, Result<String, String>)>,
}

/// Where the looks begin.
struct Scene {
    file: AgentFile,
    base: PathBuf,
    prober: Result<Arc<Prober>, String>,
    /// What the policies are: those in force, or those of the files.
    policies: Result<Vec<Policy>, String>,
    local: Local,
}

/// Looks at everything. Must be called within a tokio runtime.
pub async fn collect(asked: &Asked) -> Facts {
    let wall = shell::clock::Clock::start().now().wall;
    let (documents, checked) = documents(asked);
    let Some(file) = agent_file(asked) else { return Facts { documents, installation: None } };
    let base = asked.config.0.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let files = policy_files(&checked);
    let (local, in_force) = answers::ask(&file).await;
    let given: Vec<Policy> = checked.policies.into_iter().map(|(_, policy)| policy).collect();
    let policies = match in_force {
        Some(policies) => policies,
        None if given.is_empty() => {
            Err("no policy is known: the agent does not run, and no policy file was given".to_owned())
        }
        None => Ok(given),
    };
    // The trust roots, resolvers and passwords of the agent's own probes.
    let prober = shell::prober(&file, &base).map_err(|error| format!("{error:#}"));
    let scene = Scene { file, base, prober, policies, local };
    Facts { documents, installation: Some(installation(scene, files, wall).await) }
}

async fn installation(
    scene: Scene,
    policies: Vec<PolicyFile>,
    wall: quorate_policies::Timestamp,
) -> Installation {
    let file = &scene.file;
    // The writes are timed before the looks that keep the host busy.
    let disk = disk::look(scene.base.join(&file.data_dir)).await;
    let ((peers, names), (targets, plans), synchronized) = tokio::join!(
        async { tokio::join!(peers::visit_all(&scene), names::resolve_all(&scene)) },
        async { tokio::join!(targets::probe_all(&scene), plans::look_at_all(&scene)) },
        clock::synchronized(),
    );
    let timing = shell::timing(file.timing);
    Installation {
        name: file.name.clone(),
        cluster: file.cluster.clone(),
        members: regions(file),
        heartbeat: timing.heartbeat,
        election_min: timing.election_min,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        wall,
        user: files::user(),
        policies,
        data: files::data_directory(scene.base.join(&file.data_dir)),
        files: files::held(file, &scene.base),
        programs: files::programs(file, &scene.base),
        disk,
        synchronized,
        names,
        certificates: certificates::read(file, &scene.base, wall),
        peers,
        targets,
        plans,
        local: scene.local,
    }
}

/// Makes many looks, so many at a time, until their deadline.
async fn many<T>(looks: Vec<impl Future<Output = T>>, at_once: usize) -> Many<T> {
    let all = looks.len();
    let ended = stream::iter(looks).buffer_unordered(at_once).take_until(tokio::time::sleep(LOOKS_MAX));
    let seen: Vec<T> = ended.collect().await;
    Many { left: all - seen.len(), seen }
}

fn regions(file: &AgentFile) -> BTreeMap<AgentName, RegionName> {
    file.members.iter().map(|(name, member)| (name.clone(), member.region.clone())).collect()
}

/// As `quorate check` does it, and what could not even be read.
fn documents(asked: &Asked) -> (Documents, Checked) {
    let given = std::iter::once(&asked.config).chain(&asked.policies);
    let mut texts = Vec::new();
    let mut unread = Vec::new();
    for (path, text) in given {
        match text {
            Ok(text) => texts.push((path.display().to_string(), text.clone())),
            Err(why) => unread.push(files::unread(path, why)),
        }
    }
    let mut checked = check_texts(&texts);
    unread.append(&mut checked.problems);
    (Documents { good: checked.good.clone(), problems: unread }, checked)
}

fn agent_file(asked: &Asked) -> Option<AgentFile> {
    let (path, text) = &asked.config;
    document::read_agent_file(&path.display().to_string(), text.as_ref().ok()?).ok()
}

fn policy_files(checked: &Checked) -> Vec<PolicyFile> {
    let each = checked.policies.iter().map(|(file, policy)| PolicyFile {
        service: policy.service.clone(),
        file: file.clone(),
        hash: policy_hash(policy),
    });
    each.collect()
}
