//! Asking an operator at the terminal. What is asked, and whether it must be, is each verb's business.

use super::exit::Failure;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether there is somebody to ask.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Whether the command line confirms. Where it does not and nobody can be asked, nothing is even looked up.
///
/// # Errors
/// When it confirms something else, or there is no terminal to ask at.
pub fn confirmed(what: &str, name: &str, said: Option<&str>) -> Result<bool, Failure> {
    match said {
        Some(same) if same == name => Ok(true),
        Some(other) => Err(Failure::Usage(format!(
            "--confirm names `{other}`, but the {what} is of `{name}`: nothing was done"
        ))),
        None if can_ask() => Ok(false),
        None => Err(Failure::Usage(format!(
            "a {what} cannot be undone, and there is no terminal to ask at: add --confirm {name}"
        ))),
    }
}

/// Tells what is about to happen, and waits for the name of what it happens to.
///
/// # Errors
/// When something else is typed.
pub fn typed(what: &str, name: &str) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "\n{what}\nType {name} to go on: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == name { Ok(()) } else { Err(Failure::NotConfirmed) }
}
