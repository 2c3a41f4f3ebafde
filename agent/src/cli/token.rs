//! Where the operator token is found. A token is only ever read from a file, never taken from the command line, and
//! never printed: it orders failovers.

use quorate_policies::document;
use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// The token's file, wherever it lies.
pub const TOKEN_FILE: &str = "operator.token";

/// Largest token file, in bytes. Ours hold 65; the room is for tokens that another tool issues.
const TOKEN_BYTES_MAX: u64 = 4 * 1024;

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the operator token in {file}: {source}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds no token.
    #[error("{file} holds no operator token: it must be one line of visible ASCII characters without spaces")]
    Malformed {
        /// Which file.
        file: PathBuf,
    },
}

/// An operator token. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret itself, for the one header that carries it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// A token and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The token.
    pub token: Token,
    /// Its file.
    pub file: PathBuf,
    /// What the operator should mend, if others can read the file.
    pub warning: Option<String>,
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The file that was named; it must be usable.
    pub named: Option<PathBuf>,
    /// Files that are tried in order; one that is missing, or that this user may not read, is passed over.
    pub tried: Vec<PathBuf>,
}

impl Search {
    /// The usual places: `./operator.token`, what the agent's file `config` names, beside `config`, the user's and
    /// the machine's configuration directories.
    #[must_use]
    pub fn usual(named: Option<PathBuf>, config: Option<&Path>) -> Self {
        let mut tried = vec![PathBuf::from(TOKEN_FILE)];
        if let Some(config) = config {
            let beside = config.parent().unwrap_or(Path::new(""));
            tried.extend(named_by(config).map(|file| beside.join(file)));
            tried.push(beside.join(TOKEN_FILE));
        }
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
        tried.extend(user.map(|directory| directory.join("quorate").join(TOKEN_FILE)));
        tried.push(Path::new("/etc/quorate").join(TOKEN_FILE));
        Self { named, tried }
    }

    /// Looks. No token is no error: reading needs none, and an agent may be set up to ask for none.
    ///
    /// # Errors
    /// When the named file cannot be read, or the file that was found holds no token.
    pub fn find(&self) -> Result<Option<Found>, TokenError> {
        if let Some(file) = &self.named {
            return read(file).map(Some);
        }
        for file in &self.tried {
            match read(file) {
                Ok(found) => return Ok(Some(found)),
                Err(TokenError::Read { source, .. }) if passed_over(&source) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn passed_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

/// The token file that an agent's own file names, if the file can be read.
fn named_by(config: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(config).ok()?;
    document::read_agent_file(&config.display().to_string(), &text).ok().map(|file| file.operator_token_file)
}

fn read(file: &Path) -> Result<Found, TokenError> {
    let failed = |source| TokenError::Read { file: file.to_owned(), source };
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(failed)?;
    let warning = readable_by_others(&opened.metadata().map_err(failed)?, file);
    opened.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim_end_matches(['\r', '\n']);
    if token.is_empty()
        || token.len() as u64 > TOKEN_BYTES_MAX
        || !token.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(TokenError::Malformed { file: file.to_owned() });
    }
    Ok(Found { token: Token(token.to_owned()), file: file.to_owned(), warning })
}

#[cfg(unix)]
fn readable_by_others(metadata: &fs::Metadata, file: &Path) -> Option<String> {
    let file = file.display();
    quorate_probes::too_open(metadata)
        .map(|mode| format!("{file} can be read by others (mode {mode:04o}); whoever reads it can order a failover: chmod 600 {file}"))
}

#[cfg(not(unix))]
fn readable_by_others(_: &fs::Metadata, _: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
        let file = directory.join(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// Goal: the first file of the list that exists wins, and none is no error. Method: two directories.
    #[test]
    fn the_first_file_that_exists_wins() {
        let directory = tempfile::tempdir().unwrap();
        let (missing, second) = (directory.path().join("a"), written(directory.path(), "b", "second\n"));
        let third = written(directory.path(), "c", "third\n");
        let search = Search { named: None, tried: vec![missing.clone(), second.clone(), third] };
        let found = search.find().unwrap().unwrap();
        assert_eq!((found.token.secret(), found.file), ("second", second));
        assert_eq!(Search { named: None, tried: vec![missing.clone()] }.find().unwrap(), None);
        let named = Search { named: Some(missing), tried: vec![] }.find();
        assert!(matches!(named, Err(TokenError::Read { .. })), "a named file must exist");
    }

    /// Goal: a file that holds no single word is refused without showing it. Method: the slips that people make.
    #[test]
    fn what_is_no_token_is_refused_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["", "\n", "two words\n", "two\nlines\n", "gr\u{fc}n\n", &"x".repeat(5_000)] {
            let file = written(directory.path(), "token", text);
            let error = Search { named: Some(file), tried: vec![] }.find().unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }), "{text:?}");
            assert!(!error.to_string().contains("words"), "{error}");
        }
        let file = written(directory.path(), "token", "hush\n");
        let found = Search { named: Some(file), tried: vec![] }.find().unwrap().unwrap();
        assert!(!format!("{found:?}").contains("hush"));
    }

    /// Goal: a file that others can read earns a warning with the mend; one of mode 0600 does not. Method: both.
    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), "token", "hush\n");
        let warning = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            Search { named: Some(file.clone()), tried: vec![] }.find().unwrap().unwrap().warning
        };
        assert_eq!(warning(0o600), None);
        let said = warning(0o644).unwrap();
        assert!(said.contains("mode 0644") && said.contains("chmod 600"), "{said}");
    }
}
