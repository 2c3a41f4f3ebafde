//! Agents that join a running cluster: a certificate of its authority, a file like that of another agent, and a process.
//! Everything is made as an operator would make it, with the binary under test.

use crate::{Cluster, binary};
use anyhow::Context as _;
use quorate::demo::{agents::AgentProcess, ports};
use quorate_policies::{
    AgentName,
    document::{self, AgentFile, Member},
};
use std::{fs, path::PathBuf, process::Command};

/// A new agent, which has not been started.
pub struct Newcomer {
    /// Its process.
    pub process: AgentProcess,
    /// Where the others reach it.
    pub address: String,
}

impl Cluster {
    /// The directory in which the agents' files lie.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.stage.directory.path().join("cluster")
    }

    /// An agent's own file, as it reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn agent_file(&self, name: &str) -> anyhow::Result<AgentFile> {
        let path = self.files().join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path)?;
        document::read_agent_file(name, &text).map_err(|problems| anyhow::anyhow!("{problems:?}"))
    }

    /// A new agent with an empty data directory. Its file is that of `like`, without the members that are gone, and lists
    /// the agent itself and other newcomers.
    ///
    /// # Errors
    /// When its files cannot be made.
    pub fn newcomer(
        &self,
        like: &str,
        name: &str,
        region: &str,
        gone: &[&str],
        others: &[&Newcomer],
    ) -> anyhow::Result<Newcomer> {
        let (listen, peer) = (ports::reserve()?, ports::reserve()?);
        let address = peer.local_addr()?.to_string();
        let mut file = self.agent_file(like)?;
        file.members.retain(|member, _| !gone.contains(&member.as_str()));
        // Its file says where it listens itself, and a newcomer reaches it there.
        for (member, seat) in &mut file.members {
            seat.address = self.agent_file(member.as_str())?.peer_listen.to_string();
        }
        let member = |region: &str, address: &str| -> anyhow::Result<Member> {
            Ok(Member { region: region.parse()?, address: address.to_owned(), signal: None })
        };
        file.name = name.parse()?;
        file.region = region.parse()?;
        file.members.insert(file.name.clone(), member(region, &address)?);
        for other in others {
            let theirs = self.agent_file(&other.process.name)?;
            file.members.insert(theirs.name, member(theirs.region.as_str(), &other.address)?);
        }
        file.data_dir = PathBuf::from("data").join(name);
        (file.listen, file.peer_listen, file.signal_listen) =
            (listen.local_addr()?, peer.local_addr()?, None);
        file.tls.certificate = PathBuf::from(format!("{name}.pem"));
        file.tls.key = PathBuf::from(format!("{name}.key"));
        self.issue(&file.name)?;
        let config = self.files().join(format!("{name}.yaml"));
        // JSON is YAML.
        fs::write(&config, serde_json::to_string_pretty(&file)?)?;
        let token = fs::read_to_string(self.files().join("operator.token"))?;
        let (url, log) =
            (format!("http://{}", file.listen), self.stage.directory.path().join(format!("{name}.log")));
        let process = AgentProcess::new(&self.stage.client, &binary(), name, url, token.trim(), config, log);
        Ok(Newcomer { process, address })
    }

    /// `quorate tls issue`.
    fn issue(&self, name: &AgentName) -> anyhow::Result<()> {
        let files = self.files();
        let issued = Command::new(binary())
            .args(["tls", "issue", name.as_str(), "--host", "127.0.0.1"])
            .arg("--ca")
            .arg(files.join("ca.pem"))
            .arg("--ca-key")
            .arg(files.join("ca.key"))
            .arg("--out")
            .arg(&files)
            .output()?;
        anyhow::ensure!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
        Ok(())
    }

    /// The members as an agent lists them: name and place, in the names' order.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn members_at(&self, agent: &AgentProcess) -> anyhow::Result<Vec<(String, String)>> {
        let members: quorate_api::Members = agent.api.get("/v1/members").await.context("members")?;
        Ok(members.members.into_iter().map(|member| (member.name, member.place)).collect())
    }
}
