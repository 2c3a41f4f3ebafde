//! What a certificate says of itself, written as Go's library writes it, which is what people's queries compare with.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use x509_parser::{
    extensions::GeneralName,
    objects::{oid_registry, oid2sn},
    parse_x509_certificate,
    x509::X509Name,
};

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

/// A name as RFC 2253 writes it: the last part first.
fn distinguished(name: &X509Name<'_>) -> String {
    let parts: Vec<String> = name
        .iter_rdn()
        .map(|part| {
            let attribute = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
                let oid = attribute.attr_type();
                let key = oid2sn(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned);
                format!("{key}={}", escaped(attribute.as_str().unwrap_or_default()))
            };
            part.iter().map(attribute).collect::<Vec<_>>().join("+")
        })
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
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
