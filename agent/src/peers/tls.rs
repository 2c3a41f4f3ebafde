//! Mutual TLS between agents: both sides show a certificate of the cluster's own authority, and the name in it is
//! who they are.

use quorate_policies::{AgentName, Timestamp, document::TlsFiles};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Why the certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{file}: {detail}")]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The files do not fit together.
    #[error("certificate, key and authority do not fit together: {0}")]
    Fit(String),
}

/// The configuration as the files are now. Connections that stand keep theirs; each new one takes the newest.
#[derive(Clone)]
pub struct LiveTls(Arc<Mutex<Tls>>);

impl LiveTls {
    /// Begins with this one.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self(Arc::new(Mutex::new(tls)))
    }

    /// The newest one.
    #[must_use]
    pub fn current(&self) -> Tls {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From here on this one.
    pub fn replace(&self, tls: Tls) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tls;
    }
}

/// Until when the files hold that an agent uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The first to expire of the agent's own certificate and those that came with it.
    pub own: Timestamp,
    /// The first to expire of the authorities that are trusted: with it everything that it has issued is refused.
    pub authority: Timestamp,
}

/// Both sides' configuration.
#[derive(Clone)]
pub struct Tls {
    /// Until when it holds.
    pub expiry: Expiry,
    /// For listening.
    pub server: Arc<ServerConfig>,
    /// For connecting.
    pub client: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the three files; relative paths are below `base`.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not fit together.
    pub fn load(base: &Path, files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |name: &Path| {
            let file = base.join(name);
            let certificates =
                CertificateDer::pem_file_iter(&file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            certificates.map_err(|error| TlsError::File { file, detail: error.to_string() })
        };
        let (authority, chain) = (read(&files.ca)?, read(&files.certificate)?);
        let key_file = base.join(&files.key);
        let key = PrivateKeyDer::from_pem_file(&key_file)
            .map_err(|error| TlsError::File { file: key_file, detail: error.to_string() })?;
        let expiry = Expiry { own: first_to_expire(&chain)?, authority: first_to_expire(&authority)? };
        let mut roots = RootCertStore::empty();
        for certificate in authority {
            roots.add(certificate).map_err(|error| TlsError::Fit(error.to_string()))?;
        }
        Self::build(expiry, Arc::new(roots), chain, key).map_err(|error| TlsError::Fit(error.to_string()))
    }

    fn build(
        expiry: Expiry,
        roots: Arc<RootCertStore>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { expiry, server: Arc::new(server), client: Arc::new(client) })
    }
}

/// When the first of some certificates expires. Without any nobody could be proved anything.
fn first_to_expire(certificates: &[CertificateDer<'_>]) -> Result<Timestamp, TlsError> {
    let expires = |der: &CertificateDer<'_>| {
        let (_, certificate) = x509_parser::parse_x509_certificate(der)
            .map_err(|error| TlsError::Fit(format!("a certificate cannot be read: {error}")))?;
        // One that expired before 1970 has expired.
        let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Timestamp(seconds.saturating_mul(1_000)))
    };
    let all = certificates.iter().map(expires).collect::<Result<Vec<_>, TlsError>>()?;
    all.into_iter().min().ok_or_else(|| TlsError::Fit("a file has no certificate".to_owned()))
}

/// The name under which a peer's certificate is verified: the agent's own, not its address.
///
/// # Errors
/// When the name cannot stand in a certificate.
pub fn server_name(agent: &AgentName) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(agent.to_string())
        .map_err(|error| TlsError::Fit(format!("agent name `{agent}`: {error}")))
}

/// The names that a certificate gives its owner; none if it cannot be read.
#[must_use]
pub fn names(certificate: &CertificateDer<'_>) -> BTreeSet<String> {
    use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return BTreeSet::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return BTreeSet::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(dns).collect()
}
