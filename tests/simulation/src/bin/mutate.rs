//! `cargo run -p quorate-simulation --bin mutate`: puts faults into a copy of the safety code and sees whether the
//! simulation notices them. Everything is in [`quorate_simulation::mutation::bench`].

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate_simulation::mutation::bench::main()
}
