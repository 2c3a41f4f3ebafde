//! `quorate job`: the runner of one program, as the agent starts it. It is no verb for people.

use clap::Args;
use std::path::PathBuf;

/// `quorate job`.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The attempt's folder in the agent's journal.
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,
}

/// Runs it; does not return.
pub fn job(args: &JobArgs) -> ! {
    crate::jobs::runner::main(args.record.as_deref())
}
