//! What is kept of one stream of a program: its end, masked, and its last line as progress. It reads nothing itself.

use super::masking::Masker;
use std::collections::VecDeque;

/// Kept of each stream. Enough for the end of any tool's report, and two of them with their escapes are a small file.
pub const KEPT_BYTES_MAX: usize = 64 << 10;
/// A line is shown in a table's cell and in the log.
const LINE_CHARS_MAX: usize = 200;

/// One stream.
#[derive(Default)]
pub struct Output {
    masker: Masker,
    kept: VecDeque<u8>,
    cut: bool,
}

impl Output {
    /// One in which these secrets are masked.
    #[must_use]
    pub fn new(secrets: &[String]) -> Self {
        Self { masker: Masker::new(secrets), ..Self::default() }
    }

    /// Takes what came next.
    pub fn push(&mut self, bytes: &[u8]) {
        let masked = self.masker.push(bytes);
        self.keep(&masked);
    }

    /// The stream has ended.
    pub fn end(&mut self) {
        let masked = self.masker.end();
        self.keep(&masked);
    }

    fn keep(&mut self, masked: &[u8]) {
        self.kept.extend(masked);
        let over = self.kept.len().saturating_sub(KEPT_BYTES_MAX);
        self.cut |= over > 0;
        self.kept.drain(..over);
    }

    /// What is kept, and whether it is not all.
    #[must_use]
    pub fn kept(&mut self) -> (String, bool) {
        (String::from_utf8_lossy(self.kept.make_contiguous()).into_owned(), self.cut)
    }

    /// The last line with something in it.
    #[must_use]
    pub fn last_line(&mut self) -> String {
        let kept = self.kept.make_contiguous();
        // Enough for a long line of four-byte characters; the whole would be searched for each piece that comes.
        let from = kept.len().saturating_sub(8 * LINE_CHARS_MAX);
        last_line(&String::from_utf8_lossy(&kept[from..]))
    }
}

/// The last line of a text with something in it, without what moves a terminal. A carriage return ends one, too.
#[must_use]
pub fn last_line(text: &str) -> String {
    let plain = |line: &str| {
        let plain: String = line.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect();
        plain.trim().to_owned()
    };
    text.rsplit(['\n', '\r']).map(plain).find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: of a long output the end is kept, and that it is the end is said. Method: one byte too many, in two pieces.
    #[test]
    fn the_end_is_kept() {
        let mut output = Output::new(&[]);
        output.push(&vec![b'a'; KEPT_BYTES_MAX]);
        assert_eq!(output.kept(), ("a".repeat(KEPT_BYTES_MAX), false));
        output.push(b"b");
        let (kept, cut) = output.kept();
        assert!(cut && kept.len() == KEPT_BYTES_MAX && kept.ends_with("ab"));
    }

    /// Goal: progress is the last line that says something, as a person reads it. Method: a table.
    #[test]
    fn the_last_line() {
        for (text, line) in [
            ("", ""),
            ("one\ntwo\n\n", "two"),
            ("one\n 12 %\r 13 %", "13 %"),
            ("a\u{1b}[31mred\u{7}", "a[31mred"),
            ("whole", "whole"),
        ] {
            assert_eq!(last_line(text), line);
            let mut output = Output::new(&[]);
            output.push(text.as_bytes());
            assert_eq!(output.last_line(), line);
        }
        assert_eq!(last_line(&"x".repeat(1_000)).len(), LINE_CHARS_MAX);
    }
}
