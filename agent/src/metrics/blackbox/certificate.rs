//! What a certificate says of itself, written as Go's library writes it, which is what people's queries compare with.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use x509_parser::{extensions::GeneralName, parse_x509_certificate, x509::X509Name};

/// The target's own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) fingerprint: String,
    pub(super) issuer: String,
    pub(super) serial: String,
    pub(super) subject: String,
    pub(super) alternatives: String,
}

impl Leaf {
    /// Reads it; none if it is no certificate, which the handshake would have found.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        let dns = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
        // A leading zero is the sign of the number, and no part of it.
        let serial = certificate.raw_serial();
        let serial = &serial[serial.iter().take_while(|byte| **byte == 0).count()..];
        Some(Self {
            fingerprint: HEXLOWER.encode(&Sha256::digest(der)),
            issuer: distinguished(certificate.issuer()),
            serial: HEXLOWER.encode(serial),
            subject: distinguished(certificate.subject()),
            alternatives: dns.collect::<Vec<_>>().join(","),
        })
    }
}

/// The parts of a name that Go's library knows, in the order in which it writes them, whatever theirs is in the certificate.
const PARTS: [(&str, &str); 9] = [
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.6", "C"),
];

/// A name in the form of RFC 2253. Parts that are not in the list are left out.
fn distinguished(name: &X509Name<'_>) -> String {
    let part = |(oid, key): &(&str, &str)| {
        let attributes =
            name.iter_attributes().filter(|attribute| attribute.attr_type().to_id_string() == *oid);
        let values: Vec<String> = attributes
            .filter_map(|attribute| Some(format!("{key}={}", escaped(attribute.as_str().ok()?))))
            .collect();
        (!values.is_empty()).then(|| values.join("+"))
    };
    PARTS.iter().filter_map(part).collect::<Vec<_>>().join(",")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let edge = (at == 0 && matches!(letter, ' ' | '#')) || (at + 1 == text.len() && letter == ' ');
        if edge || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
