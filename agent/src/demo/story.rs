//! What the demo tells while it runs: a line for everything that happens, with the time since the fault, and a spinner
//! for what is being waited for. The story goes to standard error; standard output is left for the report.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The narrator.
pub struct Story {
    bar: ProgressBar,
    fault: OnceLock<Instant>,
}

impl Story {
    /// A narrator with a spinner, where there is a terminal.
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, fault: OnceLock::new() }
    }

    /// What is being waited for.
    pub fn waiting(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// What has happened.
    pub fn tell(&self, what: impl AsRef<str>) {
        let line = match self.fault.get() {
            Some(fault) => format!("{:>7.2} s  {}", fault.elapsed().as_secs_f64(), what.as_ref()),
            None => format!("{:>9}  {}", "", what.as_ref()),
        };
        if self.bar.is_hidden() {
            // No terminal: the lines are the whole story.
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// From here on times are told.
    pub fn fault_begins(&self) {
        let _ = self.fault.set(Instant::now());
    }

    /// The story is over.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Default for Story {
    fn default() -> Self {
        Self::new()
    }
}
