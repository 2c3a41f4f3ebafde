//! The files of this host: whose they are, and who may read them. Secrets are never opened for longer than it takes to
//! see that they can be; no byte of them is read.

use crate::doctor::facts::{DataDirectory, DataState, HeldFile, Program};
use quorate_policies::document::{AgentFile, FieldPath, Problem, Severity};
use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// As whom this command runs.
pub(super) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A document that could not be read, as a problem of it.
pub(super) fn unread(path: &Path, why: &str) -> Problem {
    Problem {
        file: path.display().to_string(),
        line: 1,
        column: 1,
        field: FieldPath::default(),
        severity: Severity::Error,
        message: format!("it cannot be read: {why}"),
        mend: "name a file that this user may read".to_owned(),
    }
}

/// The data directory as it is. Nothing is made.
pub(super) fn data_directory(path: PathBuf) -> DataDirectory {
    let state = match fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let above = path.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new("."));
            DataState::Missing { fault: unwritable(above) }
        }
        Err(error) => DataState::Unreadable(error.to_string()),
        Ok(facts) if !facts.is_dir() => DataState::NoDirectory,
        Ok(facts) => {
            DataState::There { mode: facts.mode() & 0o777, owner: facts.uid(), fault: unwritable(&path) }
        }
    };
    DataDirectory { path, state }
}

/// Why this user cannot write into a directory, by trying it with a file that has no name.
fn unwritable(directory: &Path) -> Option<String> {
    // The empty path is the working directory.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    tempfile::tempfile_in(directory).err().map(|error| error.to_string())
}

/// Every file that the agent's file names, but for the certificates, which are read elsewhere.
pub(super) fn held(file: &AgentFile, base: &Path) -> Vec<HeldFile> {
    let mut held = vec![
        secret(base, "TLS key", &file.tls.key),
        secret(base, "operator token", &file.operator_token_file),
    ];
    held.extend(file.statuspage.iter().map(|page| secret(base, "status page's token", &page.token_file)));
    for (name, webhook) in &file.webhooks {
        held.push(secret(base, &format!("secret of webhook {name}"), &webhook.secret_file));
    }
    for (name, access) in &file.channels {
        for (key, path) in access.clone().files_mut() {
            let what = format!("{key} of channel {name}");
            held.push(if key == "ca_file" { open(base, &what, path) } else { secret(base, &what, path) });
        }
    }
    if let Some(postgres) = &file.postgres {
        held.push(secret(base, "PostgreSQL password", &postgres.password_file));
        held.extend(postgres.ca_file.iter().map(|path| open(base, "PostgreSQL authorities", path)));
    }
    held.extend(file.probe_ca.iter().map(|path| open(base, "authority of HTTPS probes", path)));
    held.extend(
        file.tsig.iter().map(|(name, key)| secret(base, &format!("TSIG key {name}"), &key.secret_file)),
    );
    for (name, path) in file.exec.iter().flat_map(|exec| &exec.secrets) {
        held.push(secret(base, &format!("exec secret {name}"), path));
    }
    for (server, access) in file.http.iter().flat_map(|http| &http.servers) {
        for (name, path) in &access.secrets {
            held.push(secret(base, &format!("secret {name} of {server}"), path));
        }
    }
    held
}

fn secret(base: &Path, what: &str, path: &Path) -> HeldFile {
    let path = base.join(path);
    let state = readable(&path).map(|facts| quorate_probes::too_open(&facts));
    HeldFile { what: what.to_owned(), path, state }
}

/// A file that anybody may read.
fn open(base: &Path, what: &str, path: &Path) -> HeldFile {
    let path = base.join(path);
    let state = readable(&path).map(|_| None);
    HeldFile { what: what.to_owned(), path, state }
}

fn readable(path: &Path) -> Result<fs::Metadata, String> {
    let facts = File::open(path).and_then(|file| file.metadata()).map_err(|error| error.to_string())?;
    if facts.len() == 0 { Err("it is empty".to_owned()) } else { Ok(facts) }
}

/// The programs that `exec` steps may run, and where.
pub(super) fn programs(file: &AgentFile, base: &Path) -> Vec<Program> {
    let Some(exec) = &file.exec else { return Vec::new() };
    let mut programs: Vec<Program> = exec
        .programs
        .iter()
        .map(|(name, path)| {
            let fault = crate::effects::exec::runnable(path).err();
            Program { name: format!("program {name}"), path: path.clone(), fault }
        })
        .collect();
    let path = base.join(&exec.dir);
    let fault = match fs::metadata(&path) {
        Ok(facts) if facts.is_dir() => None,
        Ok(_) => Some("it is no directory".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    programs.push(Program { name: "directory of commands".to_owned(), path, fault });
    programs
}
