//! What PostgreSQL is told by name: hosts that TLS can be asked for, names that are sent apart from any statement, and
//! names that stand within one and must not end it.

use super::address;
use std::net::IpAddr;

/// PostgreSQL cuts longer names off.
const NAME_MAX: usize = 63;

/// The mend of a wrong table.
pub(super) const TABLE_MEND: &str =
    "write letters, digits and `_`, a schema and a dot before it if need be: ops.quorate_heartbeat";

/// The mend of a wrong name.
pub(super) const NAME_MEND: &str = "write 1 to 63 characters without spaces";

/// A host.
pub(super) fn host(text: &str) -> Result<(), String> {
    let named = address::host(text) || text.parse::<IpAddr>().is_ok();
    if named { Ok(()) } else { Err(format!("`{text}` is not a host name or an IP address")) }
}

/// A table, with or without its schema.
pub(super) fn table(text: &str) -> Result<(), String> {
    let named = text.split('.').count() <= 2 && text.split('.').all(identifier);
    if named { Ok(()) } else { Err(format!("`{text}` is not the name of a table")) }
}

/// A name that stands in a statement: nothing in it can end the name.
pub(super) fn identifier(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(letter)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// A replication slot, whose name PostgreSQL keeps narrower than others.
pub(super) fn slot(text: &str) -> Result<(), String> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let named = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(letter);
    if named { Ok(()) } else { Err(format!("`{text}` is not the name of a replication slot")) }
}

/// A name that is sent apart from any statement.
pub(super) fn name(text: &str) -> Result<(), String> {
    let plain = text.chars().all(|letter| !letter.is_control() && !letter.is_whitespace());
    if plain && (1..=NAME_MAX).contains(&text.len()) {
        Ok(())
    } else {
        Err(format!("`{}` is not a name that PostgreSQL keeps", text.escape_debug()))
    }
}
