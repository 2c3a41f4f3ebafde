//! The same command without the rest of the workspace behind it, so that a change of the core is tried within seconds.

fn main() -> std::process::ExitCode {
    quorate_simulation::command::main()
}
