//! Mutations of the safety code: one line taken out or turned round, each of which the simulation must notice. A net
//! with a hole looks like a whole one until something falls through; here something is thrown at every mesh.
//!
//! A mutation names a text that occurs once in a file, and what stands there instead. All are put into a copy of the
//! sources, never into the sources, by [`bench`], as bodies of which one is chosen when the program runs ([`switched`]).

pub mod bench;
mod execution;
mod guards;
mod leases;
mod log;
pub mod switched;
mod votes;

/// One fault put into the code on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    /// What is wrong now, in a few words.
    pub name: &'static str,
    /// The rule that the original serves.
    pub serves: &'static str,
    /// The faults around which it shows; none means that every seed draws its own mix.
    pub drawn: &'static str,
    /// Which file, from the workspace's root.
    pub file: &'static str,
    /// A text that occurs exactly once in it.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Mutation> {
    [guards::ALL, votes::ALL, log::ALL, execution::ALL, leases::ALL].concat()
}

impl Mutation {
    /// The file's text with the fault in it.
    ///
    /// # Errors
    /// When the text to replace is not there, or more than once: the code has moved on, and the mutation must follow.
    pub fn applied(&self, text: &str) -> Result<String, String> {
        match text.matches(self.from).count() {
            1 => Ok(text.replacen(self.from, self.to, 1)),
            count => Err(format!(
                "mutation \"{}\": {} has its text {count} times, not once: mend the mutation in tests/simulation/src/mutation",
                self.name, self.file
            )),
        }
    }
}
