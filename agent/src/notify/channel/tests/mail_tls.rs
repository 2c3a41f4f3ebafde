//! Mail under TLS: STARTTLS and TLS from the first byte, with a certificate that the channel's `ca_file` vouches for, and what is not
//! sent where nobody vouches or TLS is not to be had.

use super::{
    HASTE, House,
    mail::{Mails, Talk, speaking},
};
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{io::Write as _, sync::Arc};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

/// `\0quorate\0the-secret` in base64: what a mail server hears of the password.
const SIGNED_IN: &str = "AUTH PLAIN AHF1b3JhdGUAdGhlLXNlY3JldA==";

/// A certificate for loopback, and whoever speaks under it.
fn certified() -> (NamedTempFile, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (file, TlsAcceptor::from(Arc::new(server)))
}

/// Sends one mail to a server that talks so, by a channel whose file says `access` beside; what the server took, and why it was given
/// up.
async fn sent(talk: Talk, access: &str) -> (Mails, Option<String>) {
    let (address, mails) = speaking(talk, &[]).await;
    let house = House::new(
        "channels: {mail: {smtp: {from: quorate@example.com, to: [ops@example.com]}}}",
        &format!(
            "mail: {{smtp: {{host: 127.0.0.1, port: {}, user: quorate, password_file: SECRET, {access}}}}}",
            address.port()
        ),
    );
    let mut leader = house.leader();
    house.until(&mut leader, "mail", "begun").await;
    let why = house.marks("mail")["begun"].given_up.clone();
    (mails, why)
}

/// Goal: by STARTTLS and by TLS from the first byte a mail arrives whole, and the password is said under TLS alone. Method: a server of
/// each kind, which takes a password only then, with the certificate that `ca_file` names.
#[tokio::test]
async fn mail_goes_under_tls() {
    for implicit in [false, true] {
        let (file, acceptor) = certified();
        let talk = if implicit { Talk::Implicit(acceptor) } else { Talk::Starttls(acceptor) };
        let word = if implicit { "implicit" } else { "starttls" };
        let (mails, why) = sent(talk, &format!("tls: {word}, ca_file: \"{}\"", file.path().display())).await;
        assert_eq!(why, None, "{word}");
        let mails = mails.lock().unwrap();
        assert_eq!(mails.len(), 1, "{word}: {mails:?}");
        assert!(mails[0].starts_with(SIGNED_IN), "{word}: {}", mails[0]);
        assert!(mails[0].contains("To: ops@example.com"), "{word}: {}", mails[0]);
    }
}

/// Goal: neither a mail nor a password goes to a server that nobody vouches for, nor to one that offers no TLS, whoever took the
/// offer out. Method: another authority in `ca_file`, both ways; a server without STARTTLS that would take a password.
#[tokio::test]
async fn nothing_goes_where_tls_is_not_sure() {
    let (other, _) = certified();
    let trusted = format!("ca_file: \"{}\"", other.path().display());
    let ((_, first), (_, second)) = (certified(), certified());
    for (talk, tls) in [
        (Talk::Starttls(first), "starttls"),
        (Talk::Implicit(second), "implicit"),
        (Talk::Stripped, "starttls"),
    ] {
        let (mails, why) = sent(talk, &format!("tls: {tls}, {trusted}")).await;
        let why = why.unwrap();
        let told =
            format!("the mail server cannot be reached, or not trusted, after {} attempts", HASTE.attempts);
        assert_eq!(why, told, "{tls}");
        assert!(mails.lock().unwrap().is_empty(), "{tls}");
    }
}
