//! Certificates that are replaced under running agents: made as an operator makes them, put into place as one should, and shown
//! to an agent as another agent would show them. It judges nothing.

use crate::{Cluster, binary};
use anyhow::Context as _;
use quorate::{outgoing::HttpClient, peers::tls::Tls};
use quorate_policies::document::TlsFiles;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long a handshake on loopback may take, also on a busy machine.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// A scrape of everything.
const SCRAPE_BYTES_MAX: usize = 4 << 20;
/// What every HTTP/2 client says first, and settings without any change. A server answers with its own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What an agent makes of a caller.
#[derive(Debug, PartialEq, Eq)]
pub enum Welcome {
    /// It speaks to whoever has such a certificate, and has shown this one itself, in DER.
    Taken(Vec<u8>),
    /// It does not.
    Refused(String),
}

/// `quorate tls` with these words.
///
/// # Errors
/// When it fails.
pub fn tls(words: &[&str]) -> anyhow::Result<()> {
    let done = Command::new(binary()).arg("tls").args(words).output()?;
    anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Puts a file into place at once, as an operator should: who reads it finds the old one or the new one.
///
/// # Errors
/// When it cannot be written.
pub fn put(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, content)?;
    fs::rename(beside, path).context("put into place")
}

/// The first certificate of a file, in DER.
///
/// # Errors
/// When there is none.
pub fn first_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = fs::read(path)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(&text)?;
    Ok(pem.contents)
}

impl Cluster {
    /// The three files that an agent works with.
    ///
    /// # Errors
    /// When its own file cannot be read.
    pub fn tls_files(&self, region: &str) -> anyhow::Result<[PathBuf; 3]> {
        let TlsFiles { ca, certificate, key } = self.agent_file(region)?.tls;
        Ok([ca, certificate, key].map(|file| self.files().join(file)))
    }

    /// Calls an agent's port for peers with these files, and trusts what `files.ca` says.
    ///
    /// # Errors
    /// When the files cannot be used, or the agent does not listen.
    pub async fn welcome(&self, region: &str, files: &TlsFiles) -> anyhow::Result<Welcome> {
        let address: SocketAddr = self.agent_file(region)?.peer_listen;
        let connector = tokio_rustls::TlsConnector::from(Tls::load(&self.files(), files)?.client);
        let name = quorate::peers::tls::server_name(&region.parse()?)?;
        let tcp = TcpStream::connect(address).await?;
        let talk = async {
            let mut stream = connector.connect(name, tcp).await?;
            stream.write_all(PREFACE).await?;
            // With TLS 1.3 a client learns only now whether its certificate was taken.
            let read = stream.read(&mut [0; 64]).await?;
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
            std::io::Result::Ok((read, shown))
        };
        Ok(match timeout(HANDSHAKE_MAX, talk).await? {
            Ok((1.., Some(shown))) => Welcome::Taken(shown.to_vec()),
            Ok(_) => Welcome::Refused("it said nothing".to_owned()),
            Err(error) => Welcome::Refused(error.to_string()),
        })
    }

    /// The value of a series as an agent tells it now; none if it has no such series. `series` is the line up to the value.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub async fn metric(&self, region: &str, series: &str) -> anyhow::Result<Option<f64>> {
        let url = format!("{}/metrics", self.agent(region).url).parse::<http::Uri>()?;
        let request = http::Request::get(url).body(Default::default())?;
        let answer = HttpClient::new().send(request, HANDSHAKE_MAX, SCRAPE_BYTES_MAX).await?;
        anyhow::ensure!(answer.status.is_success(), "a scrape answered {}", answer.status);
        let text = String::from_utf8(answer.body.to_vec())?;
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.map(|value| value.parse().with_context(|| format!("{series} {value}"))).transpose()
    }
}
