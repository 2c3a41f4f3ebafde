//! The TLS handshake: always a full one, verified against the operating system's roots and an extra authority,
//! and the exact reason when the certificate is at fault.

use super::{ProberError, deadline::Deadline, os_error};
use crate::result::{Failure, ProbeResult, TlsSeen};
use quorate_policies::{Timestamp, health::FailureReason};
use rustls::{
    CertificateError, ClientConfig, ProtocolVersion, RootCertStore, client::Resumption, crypto::aws_lc_rs,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{io, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An encrypted connection.
pub(super) type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// Protocols that are offered to an HTTP endpoint, the cheaper one first; one that speaks only HTTP/2 picks that.
pub(super) const HTTP: [&[u8]; 2] = [b"http/1.1", HTTP2];

/// HTTP/2 as the handshake names it.
pub(super) const HTTP2: &[u8] = b"h2";

/// Makes TLS handshakes.
pub(super) struct Secure {
    connector: TlsConnector,
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secure")
    }
}

impl Secure {
    /// Trusts `roots` and offers `protocols`.
    pub(super) fn new(
        roots: impl Into<Arc<RootCertStore>>,
        protocols: &[&[u8]],
    ) -> Result<Self, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        // A resumed session skips the certificate, which is part of what is tested.
        config.resumption = Resumption::disabled();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Shakes hands; the certificate must be for `name`. Notes when the certificate expires, also if that is why the
    /// handshake failed.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        name: &ServerName<'static>,
        deadline: &Deadline,
        seen: &mut ProbeResult,
    ) -> Result<Stream, Failure> {
        let handshake = self.connector.connect(name.clone(), stream);
        let done = deadline.bound(handshake, FailureReason::TlsHandshake, "the TLS handshake").await?;
        let (outcome, expiry) = match done {
            Ok(stream) => {
                let expiry = earliest_expiry(&stream);
                seen.tls = tls_seen(&stream);
                (Ok(stream), expiry)
            }
            Err(error) => {
                let (failure, expiry) = classify(&error);
                (Err(failure), expiry)
            }
        };
        seen.tls_expiry = expiry;
        outcome
    }
}

/// The operating system's roots and the certificates in `extra_ca_pem`.
pub(super) fn roots(extra_ca_pem: Option<&[u8]>) -> Result<RootCertStore, ProberError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "reading the operating system's certificates");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(pem) = extra_ca_pem {
        add_extra(&mut roots, pem)?;
    }
    Ok(roots)
}

fn add_extra(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), ProberError> {
    let wrong = |why: String| ProberError::ExtraCa { why };
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        found += 1;
    }
    match found {
        0 => Err(wrong("it holds no certificate".to_owned())),
        _ => Ok(()),
    }
}

/// The protocol and the target's own certificate, which is presented first.
fn tls_seen(stream: &Stream) -> Option<TlsSeen> {
    let connection = stream.get_ref().1;
    let version = match connection.protocol_version()? {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        // No other is ever agreed on.
        _ => "unknown",
    };
    Some(TlsSeen { version, leaf: connection.peer_certificates()?.first()?.to_vec() })
}

/// When the first of the presented certificates expires.
fn earliest_expiry(stream: &Stream) -> Option<Timestamp> {
    let presented = stream.get_ref().1.peer_certificates()?;
    let expiry = |certificate: &CertificateDer<'_>| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
        Some(Timestamp(seconds.saturating_mul(1_000)))
    };
    presented.iter().filter_map(expiry).min()
}

/// Why a handshake failed, and when the certificate expired if that is why.
fn classify(error: &io::Error) -> (Failure, Option<Timestamp>) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (reason, expiry) = match tls {
        Some(rustls::Error::InvalidCertificate(fault)) => certificate_fault(fault),
        Some(rustls::Error::NoCertificatesPresented) => (FailureReason::TlsCertUntrusted, None),
        None if os_error::is_local(error) => (FailureReason::LocalResource, None),
        // Also a connection that ended within the handshake: the phase says more than "reset" would.
        _ => (FailureReason::TlsHandshake, None),
    };
    (Failure::new(reason, format!("TLS handshake: {error}")), expiry)
}

fn certificate_fault(fault: &CertificateError) -> (FailureReason, Option<Timestamp>) {
    match fault {
        CertificateError::ExpiredContext { not_after, .. } => {
            (FailureReason::TlsCertExpired, Some(Timestamp(not_after.as_secs().saturating_mul(1_000))))
        }
        // Not valid yet is the same fault at the other end of the validity: a renewal or a clock went wrong.
        CertificateError::Expired
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => (FailureReason::TlsCertExpired, None),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (FailureReason::TlsCertName, None)
        }
        // Unknown issuer, bad signature, revoked, wrong purpose, bad encoding: nothing vouches for it.
        _ => (FailureReason::TlsCertUntrusted, None),
    }
}
