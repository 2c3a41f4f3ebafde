//! The bodies of the targets, by path: they are the tests' own, and this crate builds without the tests' dependencies.

#[path = "../../tests/fuzzing/commands.rs"]
pub mod commands;
#[path = "../../tests/fuzzing/documents.rs"]
pub mod documents;
#[path = "../../tests/fuzzing/messages.rs"]
pub mod messages;
#[path = "../../tests/fuzzing/replies.rs"]
pub mod replies;
#[path = "../../tests/fuzzing/reports.rs"]
pub mod reports;
#[cfg(feature = "shell")]
#[path = "../../tests/fuzzing/resolvers.rs"]
pub mod resolvers;
#[path = "../../tests/fuzzing/rows.rs"]
pub mod rows;
#[cfg(feature = "shell")]
#[path = "../../tests/fuzzing/shell.rs"]
pub mod shell;
#[path = "../../tests/fuzzing/words.rs"]
pub mod words;
#[path = "../../tests/fuzzing/world.rs"]
pub mod world;
