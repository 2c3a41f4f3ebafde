//! The TSIG keys of the agent's own file. A secret is read for each conversation, so that a new one needs no restart; it
//! must not get into an error, a log or a metric.

use data_encoding::BASE64;
use hickory_proto::rr::{Name, TSigner, rdata::tsig::TsigAlgorithm};
use quorate_policies::document::{self, AgentFile};
use quorate_probes::Password;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How far the server's clock may be from this one's, in seconds: what RFC 8945 recommends (section 10).
pub(super) const FUDGE_S: u16 = 300;
/// A shorter secret can be guessed: 128 bits.
const SECRET_BYTES_MIN: usize = 16;

/// Which keys there are.
pub(super) struct Keys(BTreeMap<String, Key>);

#[derive(Clone)]
struct Key {
    algorithm: TsigAlgorithm,
    file: PathBuf,
}

/// Why nothing can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// The agent's file does not know the key.
    #[error("the agent's file has no TSIG key `{0}`")]
    Missing(String),
    /// What it says of it does not serve.
    #[error("the TSIG key `{key}`: {why}")]
    Unusable {
        /// Which key.
        key: String,
        /// What is wrong.
        why: String,
    },
}

impl Keys {
    /// By the agent's own file; relative paths are below `base`.
    pub(super) fn new(file: &AgentFile, base: &Path) -> Self {
        let key = |key: &document::TsigKey| Key {
            algorithm: match key.algorithm {
                document::TsigAlgorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
                document::TsigAlgorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
            },
            file: base.join(&key.secret_file),
        };
        Self(file.tsig.iter().map(|(name, section)| (name.clone(), key(section))).collect())
    }

    /// What signs with a key.
    ///
    /// # Errors
    /// When there is no such key, or its file does not hold a secret that only this agent can read.
    pub(super) async fn signer(&self, name: &str) -> Result<TSigner, KeyError> {
        let key = self.0.get(name).cloned().ok_or_else(|| KeyError::Missing(name.to_owned()))?;
        let unusable = |why: String| KeyError::Unusable { key: name.to_owned(), why };
        let wire = Name::from_ascii(name).map_err(|error| unusable(error.to_string()))?;
        let file = key.file.clone();
        let secret = tokio::task::spawn_blocking(move || secret(&file)).await;
        let secret = secret.map_err(|error| unusable(error.to_string()))?.map_err(unusable)?;
        TSigner::new(secret, key.algorithm, wire, FUDGE_S).map_err(|error| unusable(error.to_string()))
    }
}

/// Reads a secret. What is wrong with it is told without any of it.
fn secret(file: &Path) -> Result<Vec<u8>, String> {
    let text = Password::read(file).map_err(|error| error.to_string())?;
    let wrong = |why: &str| format!("{}: {why}", file.display());
    let bytes = BASE64
        .decode(text.reveal().trim().as_bytes())
        .map_err(|_| wrong("it is not base64; put the secret alone into it, without quotes"))?;
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(wrong(&format!(
            "it holds fewer than {SECRET_BYTES_MIN} bytes; make one with tsig-keygen"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    /// Goal: only a file that holds a whole secret and that nobody else may read serves, and what is wrong with it is told
    /// without a letter of it. Method: good ones, and each way to be bad.
    #[test]
    fn secrets() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("secret");
        let told = |text: &str, mode: u32| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            secret(&file)
        };
        assert_eq!(told("c2VjcmV0IHNlY3JldCBzZWNyZXQ=\n", 0o600).unwrap(), b"secret secret secret");
        for (text, mode, why) in [
            ("c2VjcmV0IHNlY3JldCBzZWNyZXQ=", 0o644, "chmod 600"),
            ("\"c2VjcmV0IHNlY3JldCBzZWNyZXQ=\"", 0o600, "not base64"),
            ("c2VjcmV0IHNlY3JldCBz", 0o600, "fewer than 16"),
            ("", 0o600, "empty"),
        ] {
            let error = told(text, mode).unwrap_err();
            assert!(error.contains(why) && !error.contains("c2V"), "{error}");
        }
        assert!(secret(&home.path().join("none")).unwrap_err().contains("No such file"));
    }
}
