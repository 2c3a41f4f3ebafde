//! What servers are asked with: a password or a key's secret, and PostgreSQL's authorities, from the files that an agent's
//! own file names. It reads and hands out; it must not let a secret into a message, a log or a debug print.

use quorate_policies::document::{Postgres, PostgresTls};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Where the secrets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresCredentials {
    /// The file with the password.
    pub password_file: PathBuf,
    /// The authorities whose certificates the servers may have, in PEM; none means the operating system's.
    pub ca_file: Option<PathBuf>,
    /// Whether a server must prove who it is.
    pub tls: PostgresTls,
}

/// Why a file does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct CredentialsError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// A password, or another secret that one file holds. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// Reads the one line of a file. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it is empty.
    pub fn read(file: &Path) -> Result<Self, CredentialsError> {
        let wrong = |why: String| CredentialsError { file: file.to_owned(), why };
        let mode = fs::metadata(file).map_err(|error| wrong(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong(format!("mode {:o} lets others read it; run chmod 600", mode & 0o777)));
        }
        let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            Err(wrong("it is empty".to_owned()))
        } else {
            Ok(Password(password.to_owned()))
        }
    }

    /// The password itself, to be sent and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl PostgresCredentials {
    /// As an agent's own file names them; relative paths are below `base`.
    #[must_use]
    pub fn of(section: &Postgres, base: &Path) -> Self {
        Self {
            password_file: base.join(&section.password_file),
            ca_file: section.ca_file.as_ref().map(|file| base.join(file)),
            tls: section.tls,
        }
    }

    /// Reads the password. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or it is empty.
    pub fn password(&self) -> Result<Password, CredentialsError> {
        Password::read(&self.password_file)
    }

    /// Reads the authorities of the file, if there is one: then these alone are trusted. Blocks on the disk.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn authorities(&self) -> Result<Option<RootCertStore>, CredentialsError> {
        self.ca_file.as_deref().map(authorities).transpose()
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, CredentialsError> {
    let wrong = |why: String| CredentialsError { file: file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for certificate in certificates.map_err(|error| wrong(error.to_string()))? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("it holds no certificate".to_owned())) } else { Ok(roots) }
}
