//! What an agent's own file allows the policies to run and to call. A policy is replicated, and whoever may apply one must
//! not thereby become able to run anything on every agent's host or to send its secrets anywhere: programs, variables,
//! servers and secrets are named here, on the host itself, and a policy only picks among them.

use super::{
    agent_file::AgentFile,
    checks::address,
    problem::{FieldPath, Problem},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use url::Url;

/// What `exec` steps may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecAllowed {
    /// The programs, by the name that a policy uses: absolute paths. One that runs others, such as a shell, allows all that
    /// it can run.
    pub programs: BTreeMap<String, PathBuf>,
    /// The directory in which commands run. A step's own `dir` lies below it.
    pub dir: PathBuf,
    /// Which variables of the agent's own environment a command gets; nothing else of it.
    #[serde(default = "pass_env_default")]
    pub pass_env: Vec<String>,
    /// Which variables a policy may set. Beware of those by which a program finds others, such as `PATH` or `LD_PRELOAD`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_env: Vec<String>,
    /// Secrets that a step may ask for, by the environment variable that it gets: the files that hold them. Nobody else may
    /// be able to read these; a new secret needs no restart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, PathBuf>,
}

/// Scripts find their programs by it.
fn pass_env_default() -> Vec<String> {
    vec!["PATH".to_owned()]
}

/// What `http` steps may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpAllowed {
    /// The servers, by scheme, host and port: `https://search.example.com:9200`.
    pub servers: BTreeMap<String, HttpServer>,
}

/// One server that may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpServer {
    /// Secrets that may be sent to it, by the name that a policy uses: the files that hold them. Each holds a header's whole
    /// value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, PathBuf>,
}

impl HttpAllowed {
    /// The server of an address, if it may be called.
    #[must_use]
    pub fn server(&self, url: &str) -> Option<&HttpServer> {
        let asked = Url::parse(url).ok()?.origin();
        // An origin that is none, such as that of `data:`, equals no other.
        let same = |name: &str| Url::parse(name).is_ok_and(|named| named.origin() == asked);
        self.servers.iter().find(|(name, _)| same(name)).map(|(_, server)| server)
    }
}

/// Whether a text can name an environment variable, as POSIX has them.
pub(super) fn is_variable(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

pub(super) fn check(agent: &AgentFile, problems: &mut Vec<Problem>) {
    if let Some(exec) = &agent.exec {
        exec_allowed(exec, &FieldPath::from(["exec"]), problems);
    }
    let place = FieldPath::from(["http", "servers"]);
    for (name, server) in agent.http.iter().flat_map(|http| &http.servers) {
        let place = place.join(name);
        let bare = Url::parse(name).is_ok_and(|url| {
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none()
        });
        if let Err(wrong) = address::probed(name) {
            problems.push(Problem::error(
                place.clone(),
                wrong,
                "write for example https://search.example.com:9200",
            ));
        } else if !bare {
            let message = format!("`{name}` is more than a server");
            let mend = "write scheme, host and port alone, for example https://search.example.com:9200";
            problems.push(Problem::error(place.clone(), message, mend));
        }
        for (secret, file) in &server.secrets {
            given(&place.join("secrets").join(secret), file, problems);
        }
    }
}

fn exec_allowed(exec: &ExecAllowed, place: &FieldPath, problems: &mut Vec<Problem>) {
    given(&place.join("dir"), &exec.dir, problems);
    for (name, path) in &exec.programs {
        let place = place.join("programs").join(name);
        if !path.is_absolute() {
            let message = format!("`{}` is no absolute path", path.display());
            let mend = "write where the program is, for example /usr/bin/kubectl";
            problems.push(Problem::error(place, message, mend));
        } else if name.is_empty() || name.contains(['/', '{', '}']) {
            let message = format!("`{name}` is no name");
            problems.push(Problem::error(
                place,
                message,
                "write one without slashes and braces, for example kubectl",
            ));
        }
    }
    for (secret, file) in &exec.secrets {
        given(&place.join("secrets").join(secret), file, problems);
    }
    let passed = exec.pass_env.iter().map(|name| ("pass_env", name));
    let set = exec.policy_env.iter().map(|name| ("policy_env", name));
    let secret = exec.secrets.keys().map(|name| ("secrets", name));
    for (key, name) in passed.chain(set).chain(secret).filter(|(_, name)| !is_variable(name)) {
        let message = format!("`{name}` cannot name an environment variable");
        let mend = "write letters, digits and `_`, no digit first, for example STATUSPAGE_TOKEN";
        problems.push(Problem::error(place.join(key), message, mend));
    }
    for name in exec.policy_env.iter().filter(|name| exec.secrets.contains_key(*name)) {
        let message = format!("`{name}` is a secret, and a policy may set it");
        problems.push(Problem::error(place.join("policy_env"), message, "keep it in one of both"));
    }
}

fn given(place: &FieldPath, path: &std::path::Path, problems: &mut Vec<Problem>) {
    if path.as_os_str().is_empty() {
        let mend = "write a path, relative to this file or absolute";
        problems.push(Problem::error(place.clone(), "the path is empty", mend));
    }
}
