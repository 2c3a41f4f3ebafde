//! SHA-256 as S3 has it: of an object that was put whole the digest of its content, of one that was put in parts the digest of
//! the parts' digests, with their number behind it. Equal words are equal contents; different words of different kinds say
//! nothing. Pure.

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest as _, Sha256};

/// What an object is put by at once, and read by: as the AWS CLI does, so that both give an object the same checksum.
const PART: u64 = 8 << 20;
/// An upload has no more parts.
const PARTS_MAX: u64 = 10_000;
/// Parts of larger objects are whole megabytes.
const MEGABYTE: u64 = 1 << 20;

/// By which parts an object of a size is read and put.
pub(super) fn part_size(bytes: u64) -> u64 {
    bytes.div_ceil(PARTS_MAX).next_multiple_of(MEGABYTE).max(PART)
}

/// What is known of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    /// Its SHA-256, in hexadecimal digits.
    pub(super) whole: String,
    /// Of its parts, as S3 writes it, where it was read by parts.
    pub(super) parts: Option<String>,
}

/// Reads a content part by part.
#[derive(Debug, Default)]
pub(super) struct Summing {
    whole: Sha256,
    parts: Sha256,
    count: usize,
}

impl Summing {
    /// Takes the next part; its own SHA-256 as S3 writes it.
    pub(super) fn add(&mut self, part: &[u8]) -> String {
        self.whole.update(part);
        let own = Sha256::digest(part);
        self.parts.update(own);
        self.count += 1;
        BASE64.encode(&own)
    }

    pub(super) fn sum(self) -> Sum {
        let parts = format!("{}-{}", BASE64.encode(&self.parts.finalize()), self.count);
        Sum { whole: HEXLOWER.encode(&self.whole.finalize()), parts: Some(parts) }
    }
}

/// The SHA-256 of a whole content out of what S3 says of it.
pub(super) fn whole(said: Option<&str>) -> Option<Sum> {
    let digest = BASE64.decode(said?.as_bytes()).ok().filter(|digest| digest.len() == 32)?;
    Some(Sum { whole: HEXLOWER.encode(&digest), parts: None })
}

/// Whether what S3 says of an object is said of this content; none where it does not tell.
pub(super) fn same(said: Option<&str>, sum: &Sum) -> Option<bool> {
    match whole(said) {
        Some(own) => Some(own.whole == sum.whole),
        // By other parts the same content has another word.
        None => (said.is_some() && said == sum.parts.as_deref()).then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(parts: &[&[u8]]) -> Sum {
        let mut summing = Summing::default();
        parts.iter().for_each(|part| drop(summing.add(part)));
        summing.sum()
    }

    /// Goal: S3's words are read as it writes them, and what they cannot tell is not told. Method: a content of one and of two
    /// parts (the words by `openssl dgst -sha256 -binary | base64`), and words of other kinds.
    #[test]
    fn words_of_s3() {
        let abc = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let one = sum(&[b"abc"]);
        assert_eq!(one.whole, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(same(Some(abc), &one), Some(true));
        assert_eq!(same(Some(abc), &sum(&[b"ab", b"c"])), Some(true), "the whole is the same");
        assert_eq!(same(Some(abc), &sum(&[b"abd"])), Some(false));
        let two = sum(&[b"ab", b"c"]);
        assert_eq!(two.whole, one.whole);
        assert_ne!(two.parts, one.parts);
        assert!(two.parts.as_deref().unwrap().ends_with("=-2"));
        assert_eq!(same(two.parts.as_deref(), &two), Some(true));
        assert_eq!(same(two.parts.as_deref(), &one), None, "by other parts it has another word");
        for unknown in [None, Some(""), Some("no checksum"), Some("AAAA")] {
            assert_eq!(same(unknown, &one), None, "{unknown:?}");
        }
    }

    /// Goal: an upload has no more parts than S3 takes, and most have the CLI's. Method: sizes around the limits.
    #[test]
    fn parts() {
        assert_eq!(part_size(0), PART);
        assert_eq!(part_size(PART * PARTS_MAX), PART);
        let large = PART * PARTS_MAX + 1;
        assert_eq!(part_size(large), PART + MEGABYTE);
        let largest = 5 << 40;
        assert!(largest_parts(largest) <= PARTS_MAX);
    }

    fn largest_parts(bytes: u64) -> u64 {
        bytes.div_ceil(part_size(bytes))
    }
}
