//! The operator's token: whoever has it can promote a database, so it is never printed, logged or compared in a way
//! that tells how much of it was right.

use sha2::{Digest as _, Sha256};
use std::{fmt, fs, path::Path};

/// Shorter tokens can be guessed: 128 bits as hexadecimal text.
const TOKEN_BYTES_MIN: usize = 32;

/// The token's digest; the token itself is not kept.
pub struct OperatorToken([u8; 32]);

impl OperatorToken {
    /// Reads the token's file, which nobody else may be able to read.
    ///
    /// # Errors
    /// When the file cannot be read, others can read it, or the token is too short.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let problem = |what: String| anyhow::anyhow!("operator token {}: {what}", file.display());
        let facts = fs::metadata(file).map_err(|error| problem(error.to_string()))?;
        if let Some(mode) = quorate_probes::too_open(&facts) {
            return Err(problem(format!("mode {mode:o} lets others read it; run chmod 600")));
        }
        let text = fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
        let token = text.trim();
        if token.len() < TOKEN_BYTES_MIN {
            return Err(problem(format!("it is shorter than {TOKEN_BYTES_MIN} characters")));
        }
        Ok(Self::of(token))
    }

    fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether a text is the token. Digests are compared, so the time says nothing about the token.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let other = Self::of(text);
        self.0.iter().zip(other.0).fold(0u8, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Goal: only the token itself matches, and its file must be private. Method: a file in both modes.
    #[test]
    fn the_token_is_private_and_exact() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(OperatorToken::load(file.path()).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let token = OperatorToken::load(file.path()).unwrap();
        assert!(token.matches("0123456789abcdef0123456789abcdef"));
        assert!(!token.matches("0123456789abcdef0123456789abcdee") && !token.matches(""));
        assert_eq!(format!("{token:?}"), "OperatorToken");
    }
}
