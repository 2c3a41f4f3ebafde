//! The command that runs the five written recovery plans: `cargo run -p quorate-plans -- --help`. It parses a few
//! words and prints; everything else is in `quorate_plans`. It is also the plans' stand-in for programs.

use quorate_plans::{Wanted, run, stand_in};
use std::process::ExitCode;

const HELP: &str = "\
Runs every scenario of the five plans in policies/examples on this machine, and prints what each came to.

  --plan NAME        one plan alone, such as visual-dm
  --scenario NAME    one scenario alone, such as database-loss

Needs what tests/run installs: PostgreSQL, Redis and BIND of Debian, and moto; and `cargo build --workspace` before.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == stand_in::WORD) {
        return stand_in::run(&words[1..]);
    }
    match wanted(&words) {
        Ok(wanted) => play(&wanted),
        Err(why) => {
            eprintln!("{why}\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn play(wanted: &Wanted) -> ExitCode {
    let table = run(wanted);
    print!("{table}");
    let well = table.wrong.is_empty() && !table.rows.is_empty();
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wanted(words: &[String]) -> Result<Wanted, String> {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut wanted = Wanted { binary, ..Wanted::default() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let slot = match word.as_str() {
            "--plan" => &mut wanted.plan,
            "--scenario" => &mut wanted.scenario,
            other => return Err(format!("`{other}` is not known")),
        };
        *slot = Some(words.next().ok_or_else(|| format!("{word} wants a name"))?.clone());
    }
    Ok(wanted)
}
