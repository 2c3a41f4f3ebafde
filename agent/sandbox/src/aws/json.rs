//! The awsJson1.1 protocol that ECS and Application Auto Scaling share: the operation in a header, JSON in
//! and out.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::refusal::Refusal;

/// Reads a body; an empty one reads as `{}`. What is JSON and not the right structure is refused as
/// `invalid`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8], invalid: &str) -> Result<T, Refusal> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| match error.is_data() {
        true => Refusal::bad(invalid, error.to_string()),
        false => Refusal::bad("SerializationException", error.to_string()),
    })
}

/// An operation that the API does not have.
pub(super) fn unknown_operation() -> Refusal {
    Refusal::bad("UnknownOperationException", "")
}

/// A refusal in JSON.
pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal.message.is_empty() {
        true => json!({"__type": refusal.code}).to_string(),
        false => json!({"__type": refusal.code, "message": refusal.message}).to_string(),
    }
}

/// A moment, in seconds since the Unix epoch with a fraction.
pub(super) fn moment(at_ms: u64) -> Value {
    let (seconds, rest) = (at_ms / 1_000, at_ms % 1_000);
    // Through a text, so that milliseconds stay exact.
    serde_json::from_str(&format!("{seconds}.{rest:03}")).unwrap_or_default()
}
