//! What the agent's own shell reads: its copy of the audit after a crash, places on the command line, marks that an
//! earlier failover left in DNS. Promised: whatever a crash left in the audit's file, the agent starts and goes on where
//! the whole lines end; a text that is not exactly a mark is none.

use quorate::{
    init::Place,
    peers::wire::{About, Confirm, LeaseReply, LeaseRequest},
    shell::audit_file::AuditFile,
};
use quorate_aws::{EpochMark, epoch_record_name};
use quorate_consensus::{decode, encode};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Debug, fs};

/// What is left in the audit's file when the agent starts.
///
/// # Panics
/// When a promise is broken.
pub fn audit_file(data: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("audit.jsonl");
    fs::write(&path, data).expect("the file can be written");
    drop(AuditFile::open(directory.path()).expect("whatever is in the file, the agent starts"));
    let kept = fs::read(&path).expect("the file can be read");
    let whole = data.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    assert_eq!(kept, data[..whole], "only a last line without its end is dropped");
}

/// One text, read as each kind.
///
/// # Panics
/// When a promise is broken.
pub fn shell_words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(mark) = text.parse::<EpochMark>() {
        // R7: what is not exactly a mark is none; somebody else wrote it.
        assert!(text == mark.to_string() || text == format!("\"{mark}\""), "{text:?} was taken for {mark}");
        assert_eq!(mark.to_string().parse(), Ok(mark));
    }
    let _ = epoch_record_name(&text);
    if let Ok(place) = text.parse::<Place>() {
        let again = format!("{}={}={}", place.name, place.region, place.host);
        assert_eq!(again.parse(), Ok(place));
    }
}

/// A peer's small messages.
///
/// # Panics
/// When a promise is broken.
pub fn small_message(data: &[u8]) {
    same_again::<Confirm>(data);
    same_again::<LeaseRequest>(data);
    same_again::<LeaseReply>(data);
    same_again::<About>(data);
}

fn same_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    let Ok(value) = decode::<T>("message", data) else { return };
    let text = encode("message", &value).expect("what was read can be written");
    assert_eq!(decode::<T>("message", text.as_bytes()).as_ref(), Ok(&value));
}
