//! An agent's file with some scripts, and a room for its commands. It decides nothing.

use quorate::{
    effects::exec::Execs,
    jobs::{Jobs, journal::Attempt, runner::Runner},
};
use quorate_policies::{
    Millis,
    document::{AgentFile, read_agent_file},
    effect::{Acted, EffectContext, Observed},
    plan::{Action, action::Exec},
    policy::StepTemplate,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A machine that builds beside the tests starts a process in half a second; what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(30);
/// What must not be seen anywhere.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";

pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) execs: Execs,
}

/// The runner of the binary under test: a test is not that binary.
pub(crate) fn runner() -> Runner {
    Runner { program: env!("CARGO_BIN_EXE_quorate").into(), arguments: vec!["job".to_owned()] }
}

/// An agent's file with this beside what every one has.
pub(crate) fn agent(more: &str) -> AgentFile {
    let text = format!(
        "name: a\nregion: west\nmembers: {{a: {{region: west, address: '127.0.0.1:7951'}}}}\n\
         tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n{more}\n"
    );
    read_agent_file("agent.yaml", &text).unwrap()
}

/// A file that only its owner may read.
pub(crate) fn secret(home: &Path, name: &str) {
    fs::write(home.join(name), format!("{SECRET}\n")).unwrap();
    fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

impl Bench {
    /// An agent whose programs are these shell scripts, by name.
    pub(crate) fn new(scripts: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("dr/sub")).unwrap();
        secret(home.path(), "token");
        let mut programs = Vec::new();
        for (name, script) in scripts {
            let path = home.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            programs.push(format!("{name}: {}", path.display()));
        }
        let exec = format!(
            "exec: {{programs: {{{}}}, dir: dr, policy_env: [DUMP], secrets: {{TOKEN: token}}}}",
            programs.join(", ")
        );
        let (jobs, execs) = room(home.path(), &exec);
        Self { home, jobs, execs }
    }

    /// The same agent after a restart: nothing but its disk is left.
    pub(crate) fn restarted(&mut self, scripts: &[&str]) {
        let path = |name: &&str| format!("{name}: {}", self.home.path().join(name).display());
        let programs: Vec<String> = scripts.iter().map(path).collect();
        let exec = format!("exec: {{programs: {{{}}}, dir: dr}}", programs.join(", "));
        (self.jobs, self.execs) = room(self.home.path(), &exec);
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("dr")
    }

    /// What a script has written.
    pub(crate) fn written(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir().join(name)).ok().filter(|text| text.ends_with('\n'))
    }

    /// Looks, and acts where a look allows it, until a look says anything but "at work".
    pub(crate) async fn run(&self, action: &Exec, context: &EffectContext) -> Observed {
        let began = Instant::now();
        let mut acted = false;
        loop {
            match self.execs.observe(action, context).await {
                Observed::NotDone { .. } if !acted => {
                    acted = true;
                    let said = self.execs.act(action, context).await;
                    assert!(matches!(said, Acted::Accepted { .. }), "{said:?}");
                }
                Observed::InProgress { .. } => {}
                other => return other,
            }
            assert!(began.elapsed() < PATIENCE, "it never ends");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Begins it and returns while it runs.
    pub(crate) async fn begin(&self, action: &Exec, context: &EffectContext) {
        let seen = self.execs.observe(action, context).await;
        assert!(matches!(seen, Observed::NotDone { .. }), "{seen:?}");
        let said = self.execs.act(action, context).await;
        assert!(matches!(said, Acted::Accepted { .. }), "{said:?}");
    }

    pub(crate) async fn let_go(&self, context: &EffectContext) {
        self.execs.let_go(&Attempt::of(context)).await;
    }
}

fn room(home: &Path, exec: &str) -> (Arc<Jobs>, Execs) {
    let jobs = Arc::new(Jobs::new(home.join("data/jobs"), runner()));
    let execs = Execs::new(&agent(exec), home, Arc::clone(&jobs));
    (jobs, execs)
}

/// A step as a policy writes it.
pub(crate) fn exec(yaml: &str) -> Exec {
    match serde_saphyr::from_str::<StepTemplate>(&format!("exec: {yaml}")).unwrap().action {
        Action::Exec(exec) => exec,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn context() -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-7".to_owned(),
        epoch: 7,
        attempt: 1,
        from: "east".to_owned(),
        to: "west".to_owned(),
        before: None,
        role: None,
        step: "restore".to_owned(),
        timeout: Millis::from_secs(60),
        unheard: false,
        resumed: false,
    }
}

/// Waits for something that must come.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "{what} never comes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process runs. One that has ended and that nobody has waited for does not.
pub(crate) fn runs(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !matches!(rest.trim().chars().next(), None | Some('Z' | 'X')))
}
