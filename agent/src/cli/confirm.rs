//! Asking an operator at the terminal. What is asked, and whether it must be, is each verb's business.

use super::exit::Failure;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether there is somebody to ask.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Tells what is about to happen, and waits for the service's name.
///
/// # Errors
/// When something else is typed.
pub fn typed(what: &str, service: &str) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "\n{what}\nType the service's name to go on: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == service { Ok(()) } else { Err(Failure::NotConfirmed) }
}
