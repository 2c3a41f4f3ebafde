//! The agent's own copy of the audit: every entry it has applied, one JSON document a line, in `audit.jsonl` below the
//! data directory. The log's state keeps only a tail; this file keeps all. It is written after the fact and never read
//! back but to find its end.

use quorate_core::{Cluster, cluster::audit::AuditEntry};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
};

/// The file and how far it goes.
#[derive(Debug)]
pub struct AuditFile {
    file: File,
    written: u64,
}

impl AuditFile {
    /// Opens the file and finds its end. A last line that a crash cut short is written again.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("audit.jsonl");
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let (mut written, mut whole) = (0, 0u64);
        let mut lines = BufReader::new(&file);
        // Bytes, because a crash may have cut a line within a character.
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            // Only a line that was cut short is dropped. One that this version does not understand is kept: its number is
            // all that is needed.
            if !line.ends_with(b"\n") {
                break;
            }
            let entry: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
            written = entry["sequence"].as_u64().unwrap_or(written).max(written);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        Ok(Self { file, written })
    }

    /// Appends what is new. Returns the new entries, for the log lines and the counters.
    ///
    /// # Errors
    /// When the file cannot be written; the entries are then tried again with the next ones.
    pub fn append<'a>(&mut self, cluster: &'a Cluster) -> io::Result<Vec<&'a AuditEntry>> {
        let new: Vec<&AuditEntry> =
            cluster.audit.entries.iter().filter(|e| e.sequence > self.written).collect();
        let Some(last) = new.last() else { return Ok(new) };
        let mut text = Vec::new();
        for entry in &new {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // Half a line would hide what comes after it.
            self.file.set_len(before)?;
            return Err(error);
        }
        self.written = last.sequence;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a crash may cut a line anywhere, within a character too, and a damaged line may hold anything; the agent starts
    /// all the same and goes on behind the last whole line. Method: both, then a look at the file.
    #[test]
    fn whatever_a_crash_left_the_file_opens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let whole = b"{\"sequence\":1}\n\xff\xfe damaged\n{\"sequence\":3}\n";
        // The first byte of two of an e with a diaeresis.
        std::fs::write(&path, [whole.as_slice(), b"{\"actor\":\"Zo\xc3"].concat()).unwrap();
        let file = AuditFile::open(directory.path()).unwrap();
        assert_eq!(file.written, 3);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}
