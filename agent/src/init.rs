//! Setting up a cluster: an authority, a certificate and a file for each agent, the operator token and a first
//! policy, all in one new directory. It overwrites nothing and leaves no half-written directory behind; everything
//! it writes passes `quorate check`. For `quorate init`, for the demo and for tests.

mod agent_text;
pub(crate) mod authority;
mod directory;
mod policy_text;
mod seats;
pub mod secrets;

pub use seats::{Place, plans};

use agent_text::Webhook;
use authority::Authority;
use directory::{Entry, Privacy};
use quorate_policies::{
    AgentName, Policy, ServiceName,
    document::{self, AgentFile, Problem, Severity},
    name::NameError,
    policy::Timing,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The cluster's name unless told otherwise.
pub const CLUSTER_DEFAULT: &str = "quorate";

/// The policy's file.
const POLICY_FILE: &str = "policy.yaml";

/// Names that an agent cannot have, because the directory's own files have them.
const RESERVED: [&str; 3] = ["ca", "policy", "operator"];

/// What to set up.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The cluster's name; agents of another cluster are refused.
    pub cluster: String,
    /// The service of the first policy.
    pub service: String,
    /// The agents.
    pub agents: Vec<AgentPlan>,
    /// The first policy as YAML; none means the starter policy, fitted to the service and the agents' regions.
    pub policy: Option<String>,
    /// How patient elections are.
    pub timing: Timing,
}

impl InitOptions {
    /// Three agents in three regions, all on this machine, for one service.
    #[must_use]
    pub fn for_service(service: &str) -> Self {
        Self {
            cluster: CLUSTER_DEFAULT.to_owned(),
            service: service.to_owned(),
            agents: plans(&Place::usual()),
            policy: None,
            timing: Timing::default(),
        }
    }
}

/// One agent to be set up.
#[derive(Debug, Clone)]
pub struct AgentPlan {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Where it serves its API.
    pub listen: SocketAddr,
    /// Where it listens for its peers.
    pub peer_listen: SocketAddr,
    /// Where it serves the signal, and as what host and port Route 53's checkers reach it; none without a signal.
    pub signal: Option<(SocketAddr, String)>,
    /// How it reaches each agent, itself included, as host and port by name. An agent that is not named here is
    /// reached where it listens for its peers.
    pub addresses: BTreeMap<String, String>,
    /// DNS servers for probes and verification; none means those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// Addresses of AWS by region, where they are not its own.
    pub regional: BTreeMap<String, String>,
    /// Addresses of S3 by region, where they are others than the region's.
    pub s3: BTreeMap<String, String>,
    /// The address of Route 53, where it is not AWS's own.
    pub route53: Option<String>,
    /// The status page's address and its key; the key goes into a file of its own.
    pub statuspage: Option<(String, String)>,
}

/// What was set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The directory.
    pub directory: PathBuf,
    /// Each agent's own file, by the agent's name.
    pub agent_files: BTreeMap<String, PathBuf>,
    /// The operator token.
    pub token_file: PathBuf,
    /// The first policy.
    pub policy_file: PathBuf,
    /// The authority's certificate, which every agent needs.
    pub authority_file: PathBuf,
    /// The authority's key, which no agent needs.
    pub authority_key_file: PathBuf,
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The directory holds something.
    #[error("{0} is not empty; quorate init only fills a new directory")]
    NotEmpty(PathBuf),
    /// A file or directory cannot be written.
    #[error("cannot write {file}: {source}")]
    Write {
        /// Which one.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An agent's name cannot be used.
    #[error("no agent can be called `{name}`: {why}")]
    AgentName {
        /// Which name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A certificate cannot be made.
    #[error("cannot make the certificate of {subject}: {detail}")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why not.
        detail: String,
    },
    /// A file cannot be put into words.
    #[error("cannot write the file of agent {agent} as YAML: {detail}")]
    Yaml {
        /// Which agent's.
        agent: String,
        /// Why not.
        detail: String,
    },
    /// What would be written would be refused, for example because two agents cannot decide.
    #[error("the agents and the policy do not fit together:\n{}", .0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Problem>),
}

/// Sets up a directory.
///
/// # Errors
/// When the directory is not empty, a name cannot be used, or what would be written would be refused. Nothing is then
/// left behind.
pub fn write(directory: &Path, options: &InitOptions) -> Result<InitReport, InitError> {
    directory::refuse_used(directory)?;
    let service = ServiceName::try_from(options.service.as_str())?;
    for (index, agent) in options.agents.iter().enumerate() {
        usable_name(&agent.name, &options.agents[..index])?;
    }
    let policy_text = match &options.policy {
        Some(text) => text.clone(),
        None => policy_text::starter(&service, &options.agents),
    };
    let policy = document::read_policy(POLICY_FILE, &policy_text).map_err(InitError::Refused)?;
    let entries = entries(options, &policy, policy_text)?;
    directory::write(directory, &entries)?;
    let at = |name: &str| directory.join(name);
    Ok(InitReport {
        directory: directory.to_owned(),
        agent_files: options
            .agents
            .iter()
            .map(|agent| (agent.name.clone(), at(&agent_text::file(&agent.name))))
            .collect(),
        token_file: at(crate::cli::token::TOKEN_FILE),
        policy_file: at(POLICY_FILE),
        authority_file: at(authority::CERTIFICATE_FILE),
        authority_key_file: at(authority::KEY_FILE),
    })
}

fn usable_name(name: &str, before: &[AgentPlan]) -> Result<(), InitError> {
    AgentName::try_from(name)?;
    let refuse = |why| Err(InitError::AgentName { name: name.to_owned(), why });
    if RESERVED.contains(&name) {
        return refuse("a file of the directory is called so");
    }
    if before.iter().any(|other| other.name == name) {
        return refuse("another agent is called so");
    }
    if rustls::pki_types::DnsName::try_from(name).is_err() {
        return refuse("it cannot stand in a certificate; use letters, digits and hyphens");
    }
    Ok(())
}

/// Every file, with the agents' files checked against the policy as `quorate check` would.
fn entries(options: &InitOptions, policy: &Policy, policy_text: String) -> Result<Vec<Entry>, InitError> {
    let authority = Authority::new(&options.cluster, jiff::Timestamp::now())?;
    let webhooks: Vec<Webhook> =
        policy.communication.webhooks.iter().map(|webhook| Webhook::of(&webhook.name)).collect();
    let mut entries = vec![
        Entry::new(authority::CERTIFICATE_FILE, Privacy::Public, authority.certificate()),
        Entry::new(authority::KEY_FILE, Privacy::Secret, authority.key()),
        Entry::new(crate::cli::token::TOKEN_FILE, Privacy::Secret, secrets::line()),
        Entry::new(POLICY_FILE, Privacy::Public, policy_text.clone()),
    ];
    entries
        .extend(webhooks.iter().map(|webhook| Entry::new(&webhook.file, Privacy::Secret, secrets::line())));
    for agent in &options.agents {
        let file = agent_text::agent_file(agent, options, &webhooks)?;
        let text = agent_text::text(&file, agent, options)?;
        refuse_wrong(&text, agent, policy, &policy_text)?;
        let issued = authority.issue(&agent.name, &hosts_of(&agent.name, &options.agents))?;
        entries.push(Entry::new(&agent_text::file(&agent.name), Privacy::Public, text));
        entries.push(Entry::new(
            &agent_text::certificate_file(&agent.name),
            Privacy::Public,
            issued.certificate,
        ));
        entries.push(Entry::new(&agent_text::key_file(&agent.name), Privacy::Secret, issued.key));
        if let Some((_, key)) = &agent.statuspage {
            entries.push(Entry::new(
                &agent_text::statuspage_file(&agent.name),
                Privacy::Secret,
                format!("{key}\n"),
            ));
        }
    }
    Ok(entries)
}

fn refuse_wrong(text: &str, agent: &AgentPlan, policy: &Policy, policy_text: &str) -> Result<(), InitError> {
    let file: AgentFile =
        document::read_agent_file(&agent_text::file(&agent.name), text).map_err(InitError::Refused)?;
    let mut problems = document::check_together(policy, &file);
    problems.retain(|problem| problem.severity == Severity::Error);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(InitError::Refused(document::locate(POLICY_FILE, policy_text, problems)))
    }
}

/// Every host at which some agent reaches this one: its certificate names them all.
fn hosts_of(name: &str, agents: &[AgentPlan]) -> BTreeSet<String> {
    let addresses = agents.iter().flat_map(|viewer| viewer.addresses.get(name).cloned());
    let own = agents.iter().filter(|agent| agent.name == name && !agent.peer_listen.ip().is_unspecified());
    let hosts = addresses.chain(own.map(|agent| agent.peer_listen.to_string()));
    hosts
        .filter_map(|address| {
            address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned())
        })
        .collect()
}
