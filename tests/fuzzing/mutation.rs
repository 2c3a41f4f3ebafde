//! Mutations of seeds for the bounded run: blind byte changes, and changes that keep most of a text's structure, so that
//! what is changed is reached. Deterministic by its seed; it reads no clock.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Largest mutated input, in bytes: above every limit of a document, and far below what slows a run.
const BYTES_MAX: usize = 300 * 1024;
/// Most changes to one input.
const CHANGES_MAX: usize = 4;
/// Most repetitions of one piece: deeper than any reader's limit of nesting.
const REPEAT_MAX: usize = 2_000;

/// Numbers at which counting goes wrong.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65536",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "0.1",
];
/// Texts that mean something to one of the readers.
const TOKENS: [&str; 30] = [
    "null",
    "true",
    "~",
    "[]",
    "{}",
    "\"\"",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!binary ",
    "!x ",
    "|\n",
    ">-\n",
    "- ",
    ": ",
    "# ",
    "\t",
    "\r\n",
    "\0",
    "\u{feff}",
    "\u{e4}",
    "\u{1f4a9}",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "{from}",
    "18446744073709551615ms",
    "213503982334d",
    "undo-",
    "\\u0000",
];
/// What opens one level of nesting.
const OPENINGS: [&str; 5] = ["[", "{\"a\":", "{a: ", "- ", "\"a\":{"];

/// Makes inputs out of seeds.
pub struct Mutator {
    random: StdRng,
}

impl Mutator {
    /// A mutator that makes the same inputs out of the same seeds whenever its own seed is the same.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// One of the seeds, changed in a few ways.
    pub fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.any(seeds);
        for _ in 0..self.random.random_range(1..=CHANGES_MAX) {
            self.change(&mut input, seeds);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn any(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        if seeds.is_empty() {
            return (0..self.random.random_range(0..200)).map(|_| self.random.random()).collect();
        }
        seeds[self.random.random_range(0..seeds.len())].clone()
    }

    fn place(&mut self, input: &[u8]) -> usize {
        self.random.random_range(0..=input.len())
    }

    fn piece(&mut self, input: &[u8]) -> (usize, usize) {
        let (one, other) = (self.place(input), self.place(input));
        (one.min(other), one.max(other))
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        match self.random.random_range(0..11) {
            0 if !input.is_empty() => {
                let at = self.random.random_range(0..input.len());
                input[at] ^= 1 << self.random.random_range(0..8);
            }
            1 if !input.is_empty() => {
                let at = self.random.random_range(0..input.len());
                input[at] = self.random.random();
            }
            2 => input.truncate(self.random.random_range(0..=input.len())),
            3 => {
                let (from, to) = self.piece(input);
                input.drain(from..to.min(from + 64));
            }
            4 => self.insert(input, &TOKENS),
            5 => self.number(input),
            6 => self.line(input),
            7 => self.word(input, seeds),
            8 => self.splice(input, seeds),
            9 => {
                let opening = OPENINGS[self.random.random_range(0..OPENINGS.len())];
                let deep = opening.repeat(self.random.random_range(1..REPEAT_MAX));
                let at = self.place(input);
                input.splice(at..at, deep.bytes());
            }
            _ => {
                let (from, to) = self.piece(input);
                let piece = input[from..to.min(from + 64)].to_vec();
                let piece = piece.repeat(self.random.random_range(1..40));
                input.splice(from..from, piece);
            }
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, texts: &[&str]) {
        let text = texts[self.random.random_range(0..texts.len())];
        let at = self.place(input);
        input.splice(at..at, text.bytes());
    }

    /// Replaces one number by an extreme one.
    fn number(&mut self, input: &mut Vec<u8>) {
        let numbers = runs(input, |byte| byte.is_ascii_digit());
        if numbers.is_empty() {
            return self.insert(input, &NUMBERS);
        }
        let (from, to) = numbers[self.random.random_range(0..numbers.len())];
        let number = NUMBERS[self.random.random_range(0..NUMBERS.len())];
        input.splice(from..to, number.bytes());
    }

    /// Doubles, drops or moves one line.
    fn line(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> =
            input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let at = self.random.random_range(0..lines.len());
        let other = self.random.random_range(0..lines.len());
        match self.random.random_range(0..3) {
            0 => lines.insert(other, lines[at].clone()),
            1 => drop(lines.remove(at)),
            _ => lines.swap(at, other),
        }
        *input = lines.concat();
    }

    /// Replaces one word by another of this input or of another seed: names that refer elsewhere, values of other keys.
    fn word(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let words = runs(input, is_word);
        let from_seed = if self.random.random_bool(0.7) { input.clone() } else { self.any(seeds) };
        let others = runs(&from_seed, is_word);
        if words.is_empty() || others.is_empty() {
            return;
        }
        let (from, to) = words[self.random.random_range(0..words.len())];
        let (start, end) = others[self.random.random_range(0..others.len())];
        input.splice(from..to, from_seed[start..end].iter().copied());
    }

    fn splice(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let other = self.any(seeds);
        let (start, end) = self.piece(&other);
        let at = self.place(input);
        input.splice(at..at, other[start..end].iter().copied());
    }
}

/// The longest pieces of which every byte is meant.
fn runs(input: &[u8], meant: impl Fn(&u8) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut begun = None;
    for (at, byte) in input.iter().enumerate() {
        match (begun, meant(byte)) {
            (None, true) => begun = Some(at),
            (Some(from), false) => {
                found.push((from, at));
                begun = None;
            }
            _ => {}
        }
    }
    found.extend(begun.map(|from| (from, input.len())));
    found
}
