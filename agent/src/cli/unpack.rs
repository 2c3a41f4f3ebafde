//! `quorate unpack`: secrets from the environment into files, for platforms that hand them over in no other way, such as ECS.
//! A container of its own does it before the agent's starts, so that no secret stands in the environment of a process that
//! runs for months. It must not print a value.

use super::exit::{Exit, Failure};
use anyhow::{Context as _, anyhow};
use clap::Args;
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

/// `quorate unpack`.
#[derive(Debug, Args)]
pub struct UnpackArgs {
    /// The directory, which must exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// A file of the directory and the environment variable that holds what goes into it.
    #[arg(required = true, value_name = "FILE=VARIABLE")]
    files: Vec<Packed>,
}

/// One file, and where its contents are.
#[derive(Debug, Clone)]
struct Packed {
    file: String,
    variable: String,
}

impl FromStr for Packed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (file, variable) = text.split_once('=').ok_or("write FILE=VARIABLE")?;
        if file.is_empty() || file.starts_with('.') || file.contains('/') || variable.is_empty() {
            return Err("write FILE=VARIABLE, with a file's name and not a path");
        }
        Ok(Self { file: file.to_owned(), variable: variable.to_owned() })
    }
}

/// Writes each file whole or not at all, for its owner alone.
///
/// # Errors
/// When a variable is not set or empty, or a file cannot be written.
pub fn unpack(args: &UnpackArgs) -> Result<Exit, Failure> {
    for packed in &args.files {
        let value = std::env::var(&packed.variable).ok().filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| anyhow!("the environment variable {} is not set", packed.variable));
        write(&args.directory, &packed.file, &value.map_err(Failure::Run)?).map_err(Failure::Run)?;
    }
    Ok(Exit::Done)
}

fn write(directory: &Path, name: &str, value: &str) -> anyhow::Result<()> {
    let problem = || format!("cannot write {}", directory.join(name).display());
    // Mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(problem)?;
    file.write_all(value.as_bytes()).with_context(problem)?;
    file.persist(directory.join(name)).with_context(problem)?;
    Ok(())
}
