//! Secrets in what a program says are replaced before anything of it is kept or shown, also where one comes in two pieces.
//! What a program makes of a secret, such as its base64, cannot be known here.

/// What stands in a secret's place.
const MASK: &[u8] = b"***";

/// Masks a stream.
#[derive(Default)]
pub struct Masker {
    secrets: Vec<Vec<u8>>,
    /// The end of what came, which may be the beginning of a secret.
    held: Vec<u8>,
}

impl Masker {
    /// One for these secrets.
    #[must_use]
    pub fn new(secrets: &[String]) -> Self {
        let mut secrets: Vec<Vec<u8>> = secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .map(|secret| secret.clone().into_bytes())
            .collect();
        // Of two that begin alike the longer one counts.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets, held: Vec::new() }
    }

    /// Takes what came next and gives what can be kept by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        self.release(false)
    }

    /// Gives what is left at the stream's end.
    pub fn end(&mut self) -> Vec<u8> {
        self.release(true)
    }

    fn release(&mut self, last: bool) -> Vec<u8> {
        let (mut masked, mut from) = (Vec::with_capacity(self.held.len()), 0);
        while from < self.held.len() {
            let rest = &self.held[from..];
            let begun = |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if !last && self.secrets.iter().any(begun) {
                break;
            }
            match self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                Some(secret) => {
                    masked.extend_from_slice(MASK);
                    from += secret.len();
                }
                None => {
                    masked.push(rest[0]);
                    from += 1;
                }
            }
        }
        self.held.drain(..from);
        masked
    }
}

/// A whole text, masked.
#[must_use]
pub fn masked(text: &str, secrets: &[String]) -> String {
    let mut masker = Masker::new(secrets);
    let mut bytes = masker.push(text.as_bytes());
    bytes.extend(masker.end());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a secret is masked however it is cut into pieces, and nothing else is changed. Method: every cut of a text into
    /// three pieces, with secrets of which one begins like another.
    #[test]
    fn secrets_in_pieces() {
        let secrets = ["hunter2".to_owned(), "hunter2000".to_owned(), "abab".to_owned(), String::new()];
        let text = "a hunter2, hunter2000; hunte ababab hunter20 hun";
        let expected = "a ***, ***; hunte ***ab ***0 hun";
        assert_eq!(masked(text, &secrets), expected);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut masker = Masker::new(&secrets);
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let mut bytes: Vec<u8> =
                    pieces.iter().flat_map(|piece| masker.push(piece.as_bytes())).collect();
                bytes.extend(masker.end());
                assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{first} {second}");
            }
        }
    }

    /// Goal: what cannot be a secret's beginning is given at once, so that the last line shows. Method: a line without one.
    #[test]
    fn nothing_is_held_without_reason() {
        let mut masker = Masker::new(&["secret".to_owned()]);
        assert_eq!(masker.push(b"12 of 40 restored"), b"12 of 40 restored");
        assert_eq!(masker.push(b" s"), b" ");
        assert_eq!(masker.push(b"o"), b"so");
    }
}
