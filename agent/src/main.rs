//! The `quorate` binary: its command line stands in `quorate::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate::cli::main()
}
