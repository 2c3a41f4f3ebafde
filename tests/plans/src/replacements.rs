//! What differs between an example as it is written and as it is run here: hosts, ports, paths and addresses, and lengths that
//! would make a run last minutes. Each is said, and each must be found, so that a plan that changes is not run as another one.

use anyhow::ensure;
use std::{fs, path::PathBuf};

/// What is replaced by what, in this order.
#[derive(Debug, Default)]
pub(super) struct Replacements {
    each: Vec<(String, String)>,
    drills: bool,
}

impl Replacements {
    /// One more.
    #[must_use]
    pub(super) fn with(mut self, written: &str, here: impl Into<String>) -> Self {
        self.each.push((written.to_owned(), here.into()));
        self
    }

    /// Its drills begin themselves, as they are written.
    #[must_use]
    pub(super) fn with_drills(self) -> Self {
        Self { drills: true, ..self }
    }

    /// The example with all of them.
    ///
    /// # Errors
    /// When the example cannot be read, or one is not found in it.
    pub(super) fn in_example(&self, name: &str) -> anyhow::Result<String> {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../policies/examples")
            .join(name)
            .with_extension("yaml");
        let mut text = fs::read_to_string(&file)?;
        for (written, here) in &self.each {
            ensure!(text.contains(written), "{}: `{written}` is not there to be replaced", file.display());
            text = text.replace(written, here);
        }
        if self.drills {
            return Ok(text);
        }
        // A drill that its window lets begin would take the slot of what is run here.
        Ok(text.replace("scheduled: true", "scheduled: false"))
    }
}
