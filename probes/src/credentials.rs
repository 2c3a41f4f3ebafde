//! What servers are asked with: a password or a key's secret, and PostgreSQL's authorities, from the files that an agent's
//! own file names. It reads and hands out; it must not let a secret into a message, a log or a debug print.

use quorate_policies::document::{Postgres, PostgresTls};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    fmt, fs,
    os::unix::fs::MetadataExt as _,
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
        let facts = fs::metadata(file).map_err(|error| wrong(error.to_string()))?;
        if let Some(mode) = too_open(&facts) {
            return Err(wrong(format!("mode {mode:o} lets others read it; run chmod 600")));
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

/// The mode of a secret's file, if others than its owner may read or write it. A file of root's may be readable by its
/// group: so systemd hands credentials and Kubernetes secrets to a service that is not root, and who could put somebody
/// else into that group is root already.
#[must_use]
pub fn too_open(file: &fs::Metadata) -> Option<u32> {
    let allowed = if file.uid() == 0 { 0o740 } else { 0o700 };
    let mode = file.mode() & 0o777;
    (mode & !allowed != 0).then_some(mode)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    /// Goal: a secret that others can read is refused, and one that root hands to a service is not. Method: every mode of
    /// owner, group and others, as this user's file; as root also as a stranger's file and as root's own.
    #[test]
    fn a_secret_is_its_owners_or_one_that_root_hands_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = |owner: Option<u32>, mode: u32| {
            if let Some(owner) = owner {
                chown(file.path(), Some(owner), None).unwrap();
            }
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            too_open(&fs::metadata(file.path()).unwrap())
        };
        let root = fs::metadata(file.path()).unwrap().uid() == 0;
        let owners: &[(Option<u32>, u32)] =
            if root { &[(Some(1), 0o700), (Some(0), 0o740)] } else { &[(None, 0o700)] };
        for (owner, allowed) in owners {
            for mode in 0..=0o777 {
                let expected = (mode & !allowed != 0).then_some(mode);
                assert_eq!(open(*owner, mode), expected, "owner {owner:?}, mode {mode:o}");
            }
        }
    }
}
