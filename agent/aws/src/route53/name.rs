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
pub(crate) fn normal_value(kind: RecordKind, value: &str) -> String {
    let value = value.trim();
    match kind {
        RecordKind::A => value.parse::<Ipv4Addr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string()),
        RecordKind::Aaaa => value.parse::<Ipv6Addr>().map_or_else(|_| value.to_owned(), |ip| ip.to_string()),
        RecordKind::Cname => normal_name(value),
    }
}

/// Whether a name in normal form fits into DNS: labels of 1 to 63 bytes, 253 in all (RFC 1035, section 3.1), and no
/// white space.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |label: &str| (1..=63).contains(&label.len()) && !label.contains(char::is_whitespace);
    name.len() <= 253 && name.split('.').all(fits)
}

/// Whether a name lies in a zone, or is its apex; both in normal form.
pub(crate) fn lies_in(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|front| front.is_empty() || front.ends_with('.'))
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

    /// Goal: what does not fit into DNS is no name, and a zone holds its apex and what is below it alone. Method: tables.
    #[test]
    fn forms_and_places() {
        assert!(is_name("_quorate-epoch.*.example.com") && is_name(&"a".repeat(63)));
        let long = "a.".repeat(127);
        for name in ["", "a..b", ".a", "a b", &"a".repeat(64), &long] {
            assert!(!is_name(name), "{name}");
        }
        assert!(lies_in("example.com", "example.com") && lies_in("api.example.com", "example.com"));
        assert!(!lies_in("notexample.com", "example.com") && !lies_in("com", "example.com"));
    }
}
