//! The agent's own certificate and its authority, from their files: what they say, and whether the other agents would
//! accept the one by the other. The key is only held against the certificate.

use crate::{
    doctor::facts::{Certificate, Holder, Presented},
    peers::tls::{self, Tls},
};
use quorate_policies::{Timestamp, document::AgentFile};
use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{CertificateDer, UnixTime, pem::PemObject as _},
};
use std::{path::Path, sync::Arc, time::Duration};

/// Reads both.
///
/// # Errors
/// When a file cannot be read as PEM, or key and certificate do not fit together.
pub(super) fn read(file: &AgentFile, base: &Path, wall: Timestamp) -> Result<Vec<Certificate>, String> {
    Tls::load(base, &file.tls).map_err(|error| error.to_string())?;
    let pem = |name: &Path| {
        let path = base.join(name);
        let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        read.map_err(|error| format!("{}: {error}", path.display()))
    };
    let (authorities, chain) = (pem(&file.tls.ca)?, pem(&file.tls.certificate)?);
    let own =
        chain.first().ok_or_else(|| format!("{} holds no certificate", file.tls.certificate.display()))?;
    let unread = |name: &Path| format!("{}: a certificate cannot be read", name.display());
    let mut certificates = vec![Certificate {
        holder: Holder::Own,
        says: presented(own).ok_or_else(|| unread(&file.tls.certificate))?,
        fault: unaccepted(file, &authorities, &chain, wall),
    }];
    for authority in &authorities {
        let says = presented(authority).ok_or_else(|| unread(&file.tls.ca))?;
        certificates.push(Certificate { holder: Holder::Authority, says, fault: None });
    }
    Ok(certificates)
}

/// Why a peer that trusts this authority would not take the certificate for this agent's, if that is so.
fn unaccepted(
    file: &AgentFile,
    authorities: &[CertificateDer<'static>],
    chain: &[CertificateDer<'static>],
    wall: Timestamp,
) -> Option<String> {
    let (own, others) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() {
        Ok(verifier) => verifier,
        Err(error) => return Some(error.to_string()),
    };
    let name = match tls::server_name(&file.name) {
        Ok(name) => name,
        Err(error) => return Some(error.to_string()),
    };
    let now = UnixTime::since_unix_epoch(Duration::from_millis(wall.0));
    let verifier: &dyn rustls::client::danger::ServerCertVerifier = &*verifier;
    verifier.verify_server_cert(own, others, &name, &[], now).err().map(|error| error.to_string())
}

/// What a certificate says; none if it cannot be read.
pub(super) fn presented(certificate: &CertificateDer<'_>) -> Option<Presented> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let at = |seconds: i64| Some(Timestamp(u64::try_from(seconds).ok()?.saturating_mul(1_000)));
    let validity = parsed.validity();
    Some(Presented {
        names: tls::names(certificate).into_iter().collect(),
        from: at(validity.not_before.timestamp())?,
        until: at(validity.not_after.timestamp())?,
    })
}
