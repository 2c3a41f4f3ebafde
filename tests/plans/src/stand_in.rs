//! One program in the place of kubectl, terraform and the scripts that a plan runs. A table says which argument lists are right,
//! in which state, what each prints and what it changes; everything else is refused as the real one refuses it, with an exit
//! code. It writes down every call, and a test judges by that record. It is no emulator: it knows no object that no plan names.

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

/// The first argument that makes the binary a stand-in.
pub const WORD: &str = "stand-in";
/// How often one that waits for the test looks again.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What refuses says so with the code that kubectl and terraform have for every error.
const REFUSED: u8 = 1;

const CALLS: &str = "calls.json";
const STATE: &str = "state.json";
const RECORD: &str = "record.jsonl";
const LOCK: &str = "lock";

/// What the world of a plan is, as far as its programs know: a word for each thing.
pub type State = BTreeMap<String, String>;

/// One call that is right.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Call {
    line: String,
    needs: State,
    sets: State,
    prints: String,
    looks: bool,
    until: Option<(String, String)>,
}

/// The program and its arguments, with a space between each two.
#[must_use]
pub fn call(line: &str) -> Call {
    Call { line: line.to_owned(), ..Call::default() }
}

impl Call {
    /// It is right only in this state.
    #[must_use]
    pub fn needs(mut self, name: &str, value: &str) -> Self {
        self.needs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What it changes.
    #[must_use]
    pub fn sets(mut self, name: &str, value: &str) -> Self {
        self.sets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What it prints; `{name}` is what the state says of that name.
    #[must_use]
    pub fn prints(self, text: &str) -> Self {
        Self { prints: text.to_owned(), ..self }
    }

    /// It only looks, as often as somebody likes.
    #[must_use]
    pub fn looks(self) -> Self {
        Self { looks: true, ..self }
    }

    /// It takes until the test says so.
    #[must_use]
    pub fn until(self, name: &str, value: &str) -> Self {
        Self { until: Some((name.to_owned(), value.to_owned())), ..self }
    }
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    line: String,
    what: What,
    why: String,
    /// The attempt that the agent said it belongs to.
    attempt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Begun,
    Ended,
    Refused,
}

/// The stand-ins of one plan.
#[derive(Debug, Clone)]
pub struct StandIns {
    home: PathBuf,
}

impl StandIns {
    /// Writes the table, the first state, and a program for each name.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn make(
        home: &Path,
        binary: &Path,
        programs: &[&str],
        calls: &[Call],
        state: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(home)?;
        let own = Self { home: home.to_owned() };
        fs::write(home.join(CALLS), serde_json::to_vec(calls)?)?;
        own.begin(state)?;
        for program in programs {
            let file = home.join(program);
            // The binary finds its table and its name among the arguments: an agent passes no environment on.
            let text = format!(
                "#!/bin/sh\nexec '{}' {WORD} '{}' {program} \"$@\"\n",
                binary.display(),
                home.display()
            );
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        Ok(own)
    }

    /// Where one of them is.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A state to begin with, and an empty record.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn begin(&self, state: &[(&str, &str)]) -> anyhow::Result<()> {
        let _held = held(&self.home)?;
        let state: State = state.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        write_state(&self.home, &state)?;
        fs::write(self.home.join(RECORD), "")?;
        Ok(())
    }

    /// What the state says of a name; nothing if it knows none.
    #[must_use]
    pub fn says(&self, name: &str) -> String {
        read_state(&self.home).ok().and_then(|mut state| state.remove(name)).unwrap_or_default()
    }

    /// Whether the state says all of this.
    #[must_use]
    pub fn is(&self, wanted: &[(String, String)]) -> bool {
        wanted.iter().all(|(name, value)| self.says(name) == *value)
    }

    /// Changes the state, as the world does by itself.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let _held = held(&self.home)?;
        let mut state = read_state(&self.home)?;
        state.insert(name.to_owned(), value.to_owned());
        write_state(&self.home, &state)
    }

    /// How often a call was begun.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn begun(&self, line: &str) -> anyhow::Result<usize> {
        let of = |one: &&Line| one.what == What::Begun && one.line == line;
        Ok(record(&self.home)?.iter().filter(of).count())
    }

    /// Exactly these calls came to their end, each as often as it stands here; all of them in this order where `in_order`; and
    /// nothing was refused.
    ///
    /// # Errors
    /// What is missing, was done twice, or was refused.
    pub fn did(&self, wanted: &[&str]) -> anyhow::Result<()> {
        let record = record(&self.home)?;
        let refused: Vec<String> = record
            .iter()
            .filter(|one| one.what == What::Refused)
            .map(|one| format!("{} ({})", one.line, one.why))
            .collect();
        ensure!(refused.is_empty(), "refused: {}", refused.join("; "));
        let lines = |what: What| {
            let mut lines: Vec<&str> =
                record.iter().filter(|one| one.what == what).map(|one| one.line.as_str()).collect();
            lines.sort_unstable();
            lines
        };
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        let ended = lines(What::Ended);
        ensure!(
            ended == wanted,
            "these calls came to their end:\n  {}\nand not these:\n  {}",
            ended.join("\n  "),
            wanted.join("\n  ")
        );
        Ok(())
    }
}

/// Held while the table's files are read and written.
fn held(home: &Path) -> anyhow::Result<File> {
    let file = File::create(home.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

fn read_state(home: &Path) -> anyhow::Result<State> {
    Ok(serde_json::from_slice(&fs::read(home.join(STATE))?)?)
}

/// Whole or not at all: the test reads it without the lock.
fn write_state(home: &Path, state: &State) -> anyhow::Result<()> {
    let new = home.join("state.new");
    fs::write(&new, serde_json::to_vec(state)?)?;
    Ok(fs::rename(new, home.join(STATE))?)
}

fn record(home: &Path) -> anyhow::Result<Vec<Line>> {
    let text = fs::read_to_string(home.join(RECORD))?;
    text.lines().map(|line| serde_json::from_str(line).context("the record")).collect()
}

fn note(home: &Path, line: &str, what: What, why: &str) -> anyhow::Result<()> {
    let said = |name: &str| env::var(name).unwrap_or_default();
    let attempt =
        format!("{} {} {}", said("QUORATE_EXECUTION"), said("QUORATE_STEP"), said("QUORATE_ATTEMPT"));
    let line = Line { line: line.to_owned(), what, why: why.to_owned(), attempt };
    let mut file = File::options().create(true).append(true).open(home.join(RECORD))?;
    Ok(file.write_all(format!("{}\n", serde_json::to_string(&line)?).as_bytes())?)
}

/// What the binary does when it is one: `stand-in FOLDER PROGRAM ARGUMENT…`.
#[must_use]
pub fn run(words: &[String]) -> ExitCode {
    let [home, program, arguments @ ..] = words else {
        eprintln!("a stand-in wants its folder and its name");
        return ExitCode::from(REFUSED);
    };
    match act(Path::new(home), program, arguments) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why:#}");
            ExitCode::from(REFUSED)
        }
    }
}

fn act(home: &Path, program: &str, arguments: &[String]) -> anyhow::Result<String> {
    let line = [std::slice::from_ref(&program.to_owned()), arguments].concat().join(" ");
    let known = {
        let _held = held(home)?;
        let calls: Vec<Call> = serde_json::from_slice(&fs::read(home.join(CALLS))?)?;
        let right = right(&calls, &line, &read_state(home)?);
        match &right {
            Ok(call) if call.looks => {}
            Ok(_) => note(home, &line, What::Begun, "")?,
            Err(why) => note(home, &line, What::Refused, &why.to_string())?,
        }
        right?
    };
    if let Some((name, value)) = &known.until {
        while read_state(home)?.get(name) != Some(value) {
            thread::sleep(LOOK_EVERY);
        }
    }
    let _held = held(home)?;
    let mut state = read_state(home)?;
    state.extend(known.sets.clone());
    write_state(home, &state)?;
    if !known.looks {
        note(home, &line, What::Ended, "")?;
    }
    let said =
        state.iter().fold(known.prints, |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    Ok(if said.is_empty() { said } else { said + "\n" })
}

fn right(calls: &[Call], line: &str, state: &State) -> anyhow::Result<Call> {
    let known: Vec<&Call> = calls.iter().filter(|call| call.line == line).collect();
    let call = known.first().with_context(|| format!("unknown command: `{line}`"))?;
    let missing = |call: &Call| {
        call.needs.iter().find(|(name, value)| state.get(*name) != Some(value)).map(|(name, value)| {
            format!("{name} is `{}`, not `{value}`", state.get(name).map_or("", String::as_str))
        })
    };
    match known.iter().find(|call| missing(call).is_none()) {
        Some(call) => Ok((*call).clone()),
        None => anyhow::bail!("{}", missing(call).unwrap_or_default()),
    }
}
