//! Prints and draws how fast our detector is against how often it is wrong, beside a fixed threshold.

fn main() -> std::process::ExitCode {
    quorate_simulation::curve::command::main()
}
