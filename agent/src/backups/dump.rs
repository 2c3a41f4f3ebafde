//! Whether a file is a whole dump of a PostgreSQL database. A dump of the custom format is read by `pg_restore --list`, and
//! must end as pg_dump ends it; plain SQL begins and ends with pg_dump's own words, and what gzip has packed is unpacked to
//! its end. What stands between is proved by a restore alone.
//!
//! The custom format has its list of contents at its head, so that `pg_restore --list` also reads one that was cut off; but
//! each block of data ends with an empty piece, and nothing follows the last block (pg_backup_custom.c, `_EndData`).

use super::{LOOK_MAX, Programs, Wrong, in_time};
use flate2::read::MultiGzDecoder;
use quorate_sidecar::program;
use std::{
    fs::File,
    io::{Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Instant,
};

/// The custom format's first letters.
const CUSTOM: &[u8] = b"PGDMP";
/// Those of a file that gzip has packed.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// An empty piece: a sign and a length of four bytes, all zero.
const LAST_PIECE: [u8; 5] = [0; 5];
/// In so many first bytes a plain dump says that it is one; a note of who made it may stand before.
const HEAD_BYTES: usize = 4 * 1024;
/// In so many last bytes a plain dump says that it is complete; newer versions add a line after that.
const TAIL_BYTES: usize = 4 * 1024;
/// What is unpacked at once.
const PIECE: usize = 256 * 1024;
const BEGINS: &[u8] = b"PostgreSQL database dump";
const ENDS: &[u8] = b"PostgreSQL database dump complete";
/// The dump of a whole server: accounts, and databases that are made anew.
const WHOLE_SERVER: &[u8] = b"PostgreSQL database cluster dump";

/// How a dump is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpKind {
    /// pg_dump's custom format.
    Custom,
    /// SQL.
    Plain,
    /// SQL, packed by gzip.
    Gzip,
}

/// Reads a dump as far as its kind can be checked.
///
/// # Errors
/// When it is none, is not whole, or could not be read in time.
pub async fn check(path: &Path, programs: &Programs, deadline: Instant) -> Result<DumpKind, Wrong> {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || begin(&file, deadline)).await;
    let (kind, has_end) = read.map_err(|error| Wrong::Unread(error.to_string()))??;
    if kind == DumpKind::Custom {
        let contents = list(path, programs, deadline).await?;
        let data = contents.lines().any(|line| line.contains(" TABLE DATA ") || line.contains(" BLOBS"));
        if data && !has_end {
            return Err(Wrong::Broken(
                "it ends within its data: it was cut off, or is still being written".to_owned(),
            ));
        }
    }
    Ok(kind)
}

/// How a file is written, by its first letters; what is neither packed nor of the custom format may be SQL.
///
/// # Errors
/// When it cannot be read.
pub fn kind(path: &Path) -> Result<DumpKind, Wrong> {
    let mut first = [0; CUSTOM.len()];
    let count = read_up_to(&mut File::open(path)?, &mut first)?;
    let begins = |letters: &[u8]| first[..count].starts_with(letters);
    Ok(if begins(CUSTOM) {
        DumpKind::Custom
    } else if begins(GZIP) {
        DumpKind::Gzip
    } else {
        DumpKind::Plain
    })
}

/// The kind; plain ones are read as far as they can be checked. Of a custom one, whether it has the end that data have.
fn begin(path: &Path, deadline: Instant) -> Result<(DumpKind, bool), Wrong> {
    let kind = kind(path)?;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if kind == DumpKind::Custom {
        let mut last = [0; LAST_PIECE.len()];
        file.seek(SeekFrom::Start(length.saturating_sub(last.len() as u64)))?;
        file.read_exact(&mut last)?;
        return Ok((kind, last == LAST_PIECE));
    }
    if kind == DumpKind::Gzip {
        let (head, tail) = unpack(MultiGzDecoder::new(file), deadline)?;
        return said(&head, &tail).map(|()| (kind, true));
    }
    let mut head = vec![0; HEAD_BYTES];
    let count = read_up_to(&mut file, &mut head)?;
    head.truncate(count);
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES as u64)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES as u64).read_to_end(&mut tail)?;
    said(&head, &tail).map(|()| (kind, true))
}

/// What the head and the end of plain SQL say.
fn said(head: &[u8], tail: &[u8]) -> Result<(), Wrong> {
    let has = |text: &[u8], words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if has(head, WHOLE_SERVER) {
        return Err(Wrong::Broken(
            "it is the dump of a whole server (pg_dumpall), not of one database".to_owned(),
        ));
    }
    if !has(head, BEGINS) {
        return Err(Wrong::Broken("it is no dump: pg_dump's words are not at its head".to_owned()));
    }
    if !has(tail, ENDS) {
        let why = "it does not end with pg_dump's words: it was cut off, or is still being written";
        return Err(Wrong::Broken(why.to_owned()));
    }
    Ok(())
}

/// Unpacks everything; the first and the last bytes. A broken piece, or an end that comes too early, is broken.
fn unpack(mut packed: impl Read, deadline: Instant) -> Result<(Vec<u8>, Vec<u8>), Wrong> {
    let broken = |error: std::io::Error| Wrong::Broken(format!("gzip cannot unpack it: {error}"));
    let mut head = vec![0; HEAD_BYTES];
    let count = read_up_to(&mut packed, &mut head).map_err(broken)?;
    head.truncate(count);
    let (mut tail, mut piece) = (head.clone(), vec![0; PIECE]);
    loop {
        in_time(deadline)?;
        let count = packed.read(&mut piece).map_err(broken)?;
        if count == 0 {
            return Ok((head, tail));
        }
        tail.extend_from_slice(&piece[..count]);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
    }
}

/// Fills as much of a buffer as there is.
fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// A custom dump's list of contents.
async fn list(path: &Path, programs: &Programs, deadline: Instant) -> Result<String, Wrong> {
    let tool: PathBuf = programs.path("pg_restore");
    let mut command = program::command(&tool);
    command.arg("--list").arg("--").arg(path);
    let left = deadline.saturating_duration_since(Instant::now()).min(LOOK_MAX);
    program::run(&mut command, left).await.map_err(|error| {
        // Without the program's word nothing is known of the file.
        let silent = error.is::<std::io::Error>() || error.is::<tokio::time::error::Elapsed>();
        let why = format!("{error:#}");
        if silent { Wrong::Unread(why) } else { Wrong::Broken(why) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::{fs, io::Write as _, time::Duration};

    const PLAIN: &str = "--\n-- PostgreSQL database dump\n--\n\nSET x = 1;\n\n--\n-- PostgreSQL database dump complete\n--\n\n";

    async fn checked(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        match check(file.path(), &Programs::default(), deadline).await {
            Ok(kind) => format!("{kind:?}"),
            Err(wrong) => wrong.to_string(),
        }
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Goal: plain dumps are known by their head and their end, packed or not, and one that was cut off is refused wherever
    /// that was. Method: a small dump, whole and cut.
    #[tokio::test]
    async fn a_plain_dump_is_whole_or_refused() {
        assert_eq!(checked(PLAIN.as_bytes()).await, "Plain");
        let whole = packed(PLAIN);
        assert_eq!(checked(&whole).await, "Gzip");
        for cut in [1, 9, 40] {
            let text = &PLAIN[..PLAIN.len() - 10 - cut];
            assert!(checked(text.as_bytes()).await.contains("does not end with pg_dump's words"), "{cut}");
            assert!(checked(&packed(text)).await.contains("does not end with pg_dump's words"), "{cut}");
            assert!(checked(&whole[..whole.len() - cut]).await.contains("gzip cannot unpack it"), "{cut}");
        }
        assert!(checked(b"hello").await.contains("it is no dump"));
        assert!(checked(b"").await.contains("it is no dump"));
        let server = PLAIN.replace("database dump", "database cluster dump");
        assert!(checked(server.as_bytes()).await.contains("whole server"));
    }
}
