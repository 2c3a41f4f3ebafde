//! Whether a file is a whole Redis snapshot: its head, its version, the end mark before the checksum, and the checksum
//! over everything. It reads and keeps nothing.

use super::{Wrong, in_time};
use crc::{CRC_64_REDIS, Crc, Table};
use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Instant,
};

/// Slices of sixteen bytes: some gigabytes a second, at the price of 32 KiB.
const CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);
/// `REDIS` and four digits.
const HEAD: usize = 9;
/// From this version on there is a checksum at the end.
const CHECKSUM_SINCE: u32 = 5;
/// The end mark.
const END: u8 = 0xff;
const CHECKSUM: usize = 8;
/// What is read at once.
const PIECE: usize = 256 * 1024;

/// Reads a snapshot to its end.
///
/// # Errors
/// When it is none, is not whole, or could not be read in time.
pub fn check(path: &Path, deadline: Instant) -> Result<(), Wrong> {
    let broken = |why: &str| Err(Wrong::Broken(why.to_owned()));
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = [0; HEAD];
    if length <= (HEAD + CHECKSUM) as u64
        || file.read_exact(&mut head).is_err()
        || !head.starts_with(b"REDIS")
    {
        return broken("it is no Redis snapshot: it does not begin with REDIS");
    }
    let version = std::str::from_utf8(&head[5..]).ok().and_then(|digits| digits.parse::<u32>().ok());
    match version {
        None => return broken("it is no Redis snapshot: it has no version"),
        Some(version) if version < CHECKSUM_SINCE => {
            return Err(Wrong::Unread(format!("a snapshot of version {version} has no checksum")));
        }
        Some(_) => {}
    }
    file.seek(SeekFrom::Start(0))?;
    let (mut digest, mut left, mut last) = (CRC.digest(), length - CHECKSUM as u64, 0);
    let mut piece = vec![0; PIECE];
    while left > 0 {
        in_time(deadline)?;
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let count = file.read(&mut piece[..most])?;
        let Some(end) = count.checked_sub(1) else { return broken("it became shorter while it was read") };
        digest.update(&piece[..count]);
        last = piece[end];
        left -= count as u64;
    }
    let mut checksum = [0; CHECKSUM];
    file.read_exact(&mut checksum)?;
    if last != END {
        return broken("it ends before its end mark: it was cut off, or is still being written");
    }
    match u64::from_le_bytes(checksum) {
        // `rdbchecksum no`.
        0 => Err(Wrong::Unread("it was written without a checksum".to_owned())),
        written if written == digest.finalize() => Ok(()),
        _ => broken("its checksum does not fit its content"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, time::Duration};

    /// The snapshot of a Redis without keys, as version 7 writes it, without its optional fields.
    fn snapshot() -> Vec<u8> {
        let mut bytes = b"REDIS0010\xfa\x09redis-ver\x057.0.0\xff".to_vec();
        bytes.extend(CRC.checksum(&bytes).to_le_bytes());
        bytes
    }

    fn checked(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let checked = check(file.path(), Instant::now() + Duration::from_secs(60));
        checked.map_or_else(|wrong| format!("{wrong:?}"), |()| "sound".to_owned())
    }

    /// Goal: only a whole snapshot is sound; whatever was cut off or changed is not. Method: one snapshot, spoilt in each way.
    #[test]
    fn only_a_whole_snapshot_is_sound() {
        let whole = snapshot();
        assert_eq!(checked(&whole), "sound");
        for cut in 1..whole.len() {
            assert!(checked(&whole[..cut]).starts_with("Broken"), "{cut}");
        }
        for place in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[place] ^= 1;
            assert!(checked(&spoilt) != "sound", "{place}");
        }
        let mut unchecked = whole.clone();
        let length = unchecked.len();
        unchecked[length - 8..].fill(0);
        assert!(checked(&unchecked).starts_with("Unread"), "{}", checked(&unchecked));
    }
}
