//! `quorate man`: the manual pages, written from the command line's own description. For packages; people have `--help`.

use super::{
    Cli,
    exit::{Exit, Failure},
};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use std::path::PathBuf;

/// `quorate man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The directory, which must exist; one page for each verb is written into it.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes the pages of section 1.
///
/// # Errors
/// When a page cannot be written.
pub fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let written = clap_mangen::generate_to(Cli::command(), &args.directory);
    let place = || format!("cannot write the pages into {}", args.directory.display());
    written.with_context(place).map_err(Failure::Run)?;
    Ok(Exit::Done)
}
