//! Secrets from the operating system's randomness. Everywhere else randomness comes from a seed that is passed in;
//! a secret that could be replayed would be none.

/// Bytes of a secret: 256 bits cannot be guessed by anybody.
const SECRET_BYTES: usize = 32;

/// Fills bytes that nobody can guess.
pub fn fill(bytes: &mut [u8]) {
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(bytes).expect("the operating system always has randomness once it has started");
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new secret of 256 random bits, as one line of text for a file.
#[must_use]
pub fn line() -> String {
    let mut bytes = [0; SECRET_BYTES];
    fill(&mut bytes);
    format!("{}\n", hex(&bytes))
}
