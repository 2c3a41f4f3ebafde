//! The signature of a webhook: HMAC-SHA256 over the time of sending, a dot and the body. The receiver recomputes it,
//! compares in constant time, and refuses what is older than some minutes, so that nobody can replay an old event.

use hmac::{Hmac, KeyInit as _, Mac as _};
use quorate_policies::Timestamp;
use sha2::Sha256;
use std::fmt::Write as _;

/// The header that carries it.
pub const SIGNATURE: &str = "quorate-signature";

/// The header's value: `t=SECONDS,v1=HEX`.
#[must_use]
pub fn sign(secret: &[u8], at: Timestamp, body: &[u8]) -> String {
    let seconds = at.0 / 1_000;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold(format!("t={seconds},v1="), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a receiver in any language computes the same. Method: a value computed by
    /// `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_plain_hmac() {
        let signature = sign(b"secret", Timestamp(1_700_000_000_999), br#"{"a":1}"#);
        assert_eq!(
            signature,
            "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
        );
    }

    /// Goal: secret, time and body all count. Method: change each.
    #[test]
    fn everything_counts() {
        let signature = sign(b"secret", Timestamp(1_000), b"body");
        for other in [
            sign(b"Secret", Timestamp(1_000), b"body"),
            sign(b"secret", Timestamp(2_000), b"body"),
            sign(b"secret", Timestamp(1_000), b"bodY"),
        ] {
            assert_ne!(signature, other);
        }
    }
}
