//! DNS names and values in one form, so that what Route 53 answers can be compared with what a plan says: it adds
//! the trailing dot, writes `*` as `\052`, and keeps letters as they came (P5).

use std::net::{Ipv4Addr, Ipv6Addr};

use quorate_policies::plan::action::RecordKind;

/// A name in lower case, without the trailing dot, with octal escapes of visible characters resolved.
pub(crate) fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    let mut rest = name.trim();
    while let Some(first) = rest.chars().next() {
        let escaped = rest
            .strip_prefix('\\')
            .and_then(|tail| tail.get(..3))
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
            .filter(u8::is_ascii_graphic);
        let (letter, length) = escaped.map_or((first, first.len_utf8()), |byte| (char::from(byte), 4));
        normal.push(letter.to_ascii_lowercase());
        rest = &rest[length..];
    }
    normal.truncate(normal.trim_end_matches('.').len());
    normal
}

/// A record's value in one form: an address as its type prints it, a name as above.
pub(super) fn normal_value(kind: RecordKind, value: &str) -> String {
    let value = value.trim();
    match kind {
        RecordKind::A => value.parse::<Ipv4Addr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string()),
        RecordKind::Aaaa => value.parse::<Ipv6Addr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string()),
        RecordKind::Cname => normal_name(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names that DNS holds equal compare equal, others do not. Method: a table.
    #[test]
    fn names() {
        let table = [
            ("API.Example.com.", "api.example.com"),
            ("api.example.com", "api.example.com"),
            (" api.example.com. ", "api.example.com"),
            ("\\052.example.com.", "*.example.com"),
            ("*.example.com", "*.example.com"),
            ("a\\046b.example.com", "a&b.example.com"),
            ("odd\\", "odd\\"),
            ("odd\\9", "odd\\9"),
            ("odd\\000x", "odd\\000x"),
            ("", ""),
        ];
        for (name, normal) in table {
            assert_eq!(normal_name(name), normal);
        }
    }

    /// Goal: addresses compare by what they mean. Method: two spellings of one IPv6 address.
    #[test]
    fn values() {
        assert_eq!(
            normal_value(RecordKind::Aaaa, "2001:DB8:0:0::1"),
            normal_value(RecordKind::Aaaa, "2001:db8::1")
        );
        assert_eq!(normal_value(RecordKind::A, " 192.0.2.1 "), "192.0.2.1");
        assert_eq!(normal_value(RecordKind::Cname, "DR.example.com."), "dr.example.com");
    }
}
