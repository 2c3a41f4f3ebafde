//! What an agent's own file makes of a policy's command: the program behind its name, the directory, the whole environment.
//! What the file does not name is refused; a policy adds nothing to what this host can be made to do. It runs nothing.

use crate::jobs::order::Order;
use quorate_policies::{
    Millis,
    document::{AgentFile, ExecAllowed},
    effect::EffectContext,
    plan::action::Exec,
};
use quorate_probes::Password;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The section `exec` of the agent's file; relative paths are below the file's folder.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    section: ExecAllowed,
    base: PathBuf,
}

/// Why a command does not run here: the agent's file does not allow it, or the host is not as the file says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {mend}")]
pub(super) struct NotAllowed {
    /// What is in the way.
    pub(super) what: String,
    /// What to do about it.
    pub(super) mend: String,
}

impl NotAllowed {
    fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

impl Allowed {
    pub(super) fn of(file: &AgentFile, base: &Path) -> Option<Self> {
        Some(Self { section: file.exec.clone()?, base: base.to_owned() })
    }

    /// The whole order of a command of this step. Blocks on the disk.
    ///
    /// # Errors
    /// Why it must not, or cannot, run.
    pub(super) fn order(
        &self,
        command: &[String],
        action: &Exec,
        context: &EffectContext,
        deadline: Millis,
    ) -> Result<Order, NotAllowed> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| NotAllowed::new("the command is empty", "write one into the policy"))?;
        let program = self.program(program)?;
        let secrets = self.secrets(action)?;
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        for name in &self.section.pass_env {
            // What is no text cannot be told to the runner, and no variable in use is.
            env.extend(std::env::var(name).ok().map(|value| (name.clone(), value)));
        }
        env.extend(told(context));
        for (name, value) in &action.env {
            if !self.section.policy_env.contains(name) {
                let what = format!("the agent's file lets no policy set the variable `{name}`");
                return Err(NotAllowed::new(what, "add it to `exec.policy_env` there"));
            }
            env.insert(name.clone(), value.clone());
        }
        env.extend(secrets.iter().cloned());
        Ok(Order {
            program,
            arguments: arguments.to_vec(),
            dir: self.dir(action.dir.as_deref())?,
            env: env.into_iter().collect(),
            secrets: secrets.into_iter().map(|(_, value)| value).collect(),
            deadline,
        })
    }

    fn program(&self, name: &str) -> Result<PathBuf, NotAllowed> {
        let path = self.section.programs.get(name).ok_or_else(|| {
            let what = format!("the agent's file does not name the program `{name}`");
            NotAllowed::new(what, "add it to `exec.programs` there")
        })?;
        let unfit = |why: &str| {
            let what = format!("the program `{name}`: {}: {why}", path.display());
            NotAllowed::new(what, "install it, or correct `exec.programs` in the agent's file")
        };
        runnable(path).map_err(|why| unfit(&why))?;
        Ok(path.clone())
    }

    /// The directory, with every link followed: a step's own must lie below the agent's.
    fn dir(&self, own: Option<&str>) -> Result<PathBuf, NotAllowed> {
        let root = self.base.join(&self.section.dir);
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|error| {
                let what = format!("the directory {}: {error}", path.display());
                NotAllowed::new(what, "make it, or correct `exec.dir` in the agent's file")
            })
        };
        let root = real(&root)?;
        let dir = own.map_or(Ok(root.clone()), |own| real(&root.join(own)))?;
        if !dir.starts_with(&root) {
            let what = format!("the directory {} is not below {}", dir.display(), root.display());
            return Err(NotAllowed::new(what, "write one that is"));
        }
        if dir.is_dir() {
            Ok(dir)
        } else {
            Err(NotAllowed::new(format!("{} is no directory", dir.display()), "name one"))
        }
    }

    fn secrets(&self, action: &Exec) -> Result<Vec<(String, String)>, NotAllowed> {
        let read = |name: &String| {
            let file = self.section.secrets.get(name).ok_or_else(|| {
                let what = format!("the agent's file does not name the secret `{name}`");
                NotAllowed::new(what, "add it to `exec.secrets` there")
            })?;
            // The error says nothing of what the file holds.
            let secret = Password::read(&self.base.join(file))
                .map_err(|error| NotAllowed::new(error.to_string(), "mend that file"))?;
            Ok((name.clone(), secret.reveal().to_owned()))
        };
        action.secrets.iter().map(read).collect()
    }
}

/// Whether a file is a program that can be run. Blocks on the disk.
///
/// # Errors
/// Why it is not.
pub(crate) fn runnable(path: &Path) -> Result<(), String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() || found.permissions().mode() & 0o111 == 0 {
        return Err("it is no program that can be run".to_owned());
    }
    Ok(())
}

/// What every command is told of the execution that it serves. A sink that knows fencing takes the epoch.
fn told(context: &EffectContext) -> [(String, String); 7] {
    [
        ("QUORATE_SERVICE", context.service.clone()),
        ("QUORATE_EXECUTION", context.execution.clone()),
        ("QUORATE_STEP", context.step.clone()),
        ("QUORATE_ATTEMPT", context.attempt.to_string()),
        ("QUORATE_EPOCH", context.epoch.to_string()),
        ("QUORATE_FROM", context.from.clone()),
        ("QUORATE_TO", context.to.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}
