//! Simulates years of bad days; see `quorate_simulation`.

fn main() -> std::process::ExitCode {
    quorate_simulation::command::main()
}
