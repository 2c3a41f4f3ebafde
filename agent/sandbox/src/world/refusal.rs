//! A provider's "no", in the provider's own words: HTTP status, wire code, message. The wire modules dress it
//! in each protocol's shape; the rules only choose the words.

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// HTTP status of the answer.
    pub status: u16,
    /// The error code on the wire.
    pub code: String,
    /// The message for people.
    pub message: String,
}

impl Refusal {
    /// A refusal by any status, code and message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Refusal { status, code: code.into(), message: message.into() }
    }

    /// A refusal as 400, which is what most AWS errors are.
    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Refusal::new(400, code, message)
    }
}
