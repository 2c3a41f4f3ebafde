//! Bodies of the fuzz targets: each takes bytes, reads them as one part of the agent reads what comes from outside, and
//! panics when a promise is broken. The coverage-guided targets in `fuzz/` and the bounded run in `tests/fuzzing.rs`
//! call the same functions. They must not open anything beyond loopback and a temporary directory, and each file stands
//! by itself, because `fuzz/` builds some of them without the rest.

pub mod commands;
pub mod documents;
pub mod messages;
pub mod mutation;
pub mod recorded;
pub mod replies;
pub mod reports;
pub mod resolvers;
pub mod rows;
pub mod shell;
pub mod words;
pub mod world;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its seeds' folder.
    pub name: &'static str,
    /// What is done with an input.
    pub body: fn(&[u8]),
    /// Folders with more seeds, from the repository's root.
    pub seeds: &'static [&'static str],
    /// How many mutations a bounded run makes. A target that needs sockets or files makes fewer.
    pub mutations: usize,
}

/// Mutations of a target that only computes: a second or a few in a test build.
const MANY: usize = 2_000;
/// Mutations of a target that tells long stories.
const SOME: usize = 500;
/// Mutations of a target with sockets or files, or with the longest stories.
const FEW: usize = 200;

const fn target(
    name: &'static str,
    body: fn(&[u8]),
    seeds: &'static [&'static str],
    mutations: usize,
) -> Target {
    Target { name, body, seeds, mutations }
}

/// Every target.
pub const TARGETS: [Target; 15] = [
    target("policy_file", documents::policy_file, &["policies/examples", "policies/tests/invalid"], MANY),
    target("agent_file", documents::agent_file, &["policies/tests/invalid"], MANY),
    target("api_body", documents::api_body, &[], MANY),
    target("words", words::words, &[], MANY),
    target("cluster_lines", commands::cluster_lines, &[], SOME),
    target("cluster_talk", commands::cluster_talk, &[], FEW),
    target("snapshot", commands::snapshot, &[], FEW),
    target("peer_message", messages::peer_message, &[], MANY),
    target("heard_report", reports::heard_report, &[], FEW),
    target("stored_rows", rows::stored_rows, &[], FEW),
    target("shell_words", shell::shell_words, &[], MANY),
    target("small_message", shell::small_message, &[], MANY),
    target("audit_file", shell::audit_file, &[], FEW),
    target("health_reply", replies::health_reply, &[], FEW),
    target("dns_reply", resolvers::dns_reply, &[], FEW),
];
