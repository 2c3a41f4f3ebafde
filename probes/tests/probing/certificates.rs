//! TLS: certificates that are good, expired, for another name or from nobody; and the protocols above.

use crate::{
    by_public_name, http, phases, probe, reason,
    servers::{Script, Server, ok},
    target,
};
use http_body_util::Full;
use quorate_policies::{health::FailureReason, time::Timestamp};
use quorate_probes::{Outcome, ProbeResult, Prober, ProberSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{convert::Infallible, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server with a certificate for `name`, valid from 2020 until the start of a year.
    fn server(&self, name: &str, until: i32, protocols: &[&[u8]]) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn prober(&self) -> Prober {
        let extra_ca_pem = Some(self.0.pem().into_bytes());
        Prober::new(ProberSettings { extra_ca_pem, ..ProberSettings::default() }).unwrap()
    }
}

async fn look(prober: &Prober, acceptor: TlsAcceptor) -> (ProbeResult, Server) {
    let server = Server::start_tls(Script::Reply(ok("fine")), acceptor).await;
    (prober.probe(&target(&by_public_name(), &server.url("https", "/"))).await, server)
}

/// Goal: over TLS every phase is there, the server sees the public name, and the expiry is reported. Method: an
/// endpoint by address with a certificate for the public name.
#[tokio::test]
async fn the_public_name_is_verified() {
    let authority = Authority::new();
    let (result, server) = look(&authority.prober(), authority.server("shop.example.com", 2050, &[])).await;
    assert_eq!(result.outcome, Outcome::Success, "{result:?}");
    assert_eq!(phases(&result), ["connect", "tls", "processing", "transfer"]);
    assert_eq!(server.seen().names, [Some("shop.example.com".to_owned())]);
    assert!(server.seen().requests[0].contains("host: shop.example.com\r\n"));
    assert_eq!(result.tls_expiry, Some(Timestamp(date_time_ymd(2050, 1, 1).unix_timestamp() as u64 * 1_000)));
}

/// Goal: each fault of a certificate has its reason. Method: one certificate for each.
#[tokio::test]
async fn a_bad_certificate_has_its_reason() {
    let authority = Authority::new();
    let prober = authority.prober();
    let (expired, _) = look(&prober, authority.server("shop.example.com", 2021, &[])).await;
    assert_eq!(reason(&expired), FailureReason::TlsCertExpired, "{expired:?}");
    let expiry = date_time_ymd(2021, 1, 1).unix_timestamp() as u64 * 1_000;
    assert_eq!(expired.tls_expiry, Some(Timestamp(expiry)));
    let (misnamed, _) = look(&prober, authority.server("blog.example.com", 2050, &[])).await;
    assert_eq!(reason(&misnamed), FailureReason::TlsCertName, "{misnamed:?}");
    let (untrusted, _) = look(&prober, Authority::new().server("shop.example.com", 2050, &[])).await;
    assert_eq!(reason(&untrusted), FailureReason::TlsCertUntrusted, "{untrusted:?}");
    for result in [expired, misnamed, untrusted] {
        assert_eq!(phases(&result), ["connect"]);
    }
}

/// Goal: an endpoint that does not speak TLS fails in the handshake; one that speaks only TLS fails plain HTTP.
/// Method: both mistakes.
#[tokio::test]
async fn plain_and_encrypted_are_told_apart() {
    let authority = Authority::new();
    let plain = Server::start(Script::Reply(ok(""))).await;
    let mistaken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", mistaken.local_addr().unwrap());
    let greeting = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = mistaken.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let result = authority.prober().probe(&target(&probe(), &url)).await;
    assert_eq!(reason(&result), FailureReason::TlsHandshake, "{result:?}");
    assert_eq!(phases(&result), ["connect"]);
    drop((greeting.await.unwrap(), plain));

    let acceptor = authority.server("shop.example.com", 2050, &[]);
    let encrypted = Server::start_tls(Script::Reply(ok("")), acceptor).await;
    let result = authority.prober().probe(&target(&by_public_name(), &encrypted.url("http", "/"))).await;
    assert!(matches!(reason(&result), FailureReason::Protocol | FailureReason::Reset), "{result:?}");
}

/// Goal: a connection that ends within the handshake is the handshake's failure. Method: accept and close.
#[tokio::test]
async fn an_end_within_the_handshake() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let result = Prober::new(ProberSettings::default()).unwrap().probe(&target(&probe(), &url)).await;
    assert_eq!(reason(&result), FailureReason::TlsHandshake, "{result:?}");
    server.await.unwrap();
}

/// Goal: no session is resumed: each handshake shows the certificate. Method: two probes of one server that
/// hands out tickets; the second still reports the expiry and takes a full handshake.
#[tokio::test]
async fn no_session_is_resumed() {
    let authority = Authority::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let acceptor = authority.server("shop.example.com", 2050, &[]);
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
            // The start of the request is enough to know that it came.
            let _first = stream.read_u8().await.unwrap();
            stream.write_all(&ok("")).await.unwrap();
            stream.flush().await.unwrap();
        }
        kinds
    });
    let prober = authority.prober();
    for _ in 0..2 {
        let result = prober.probe(&target(&by_public_name(), &url)).await;
        assert_eq!(result.outcome, Outcome::Success, "{result:?}");
    }
    assert_eq!(server.await.unwrap(), [rustls::HandshakeKind::Full; 2]);
}

/// Serves HTTP/2, and nothing else, to one connection.
async fn http2_server(
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
    hang: bool,
) -> Option<String> {
    let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
    let (saw, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        saw.send(request.uri().to_string()).unwrap();
        async move {
            if hang {
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(http::Response::new(Full::new(bytes::Bytes::from_static(b"fine"))))
        }
    });
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let _end = hyper::server::conn::http2::Builder::new(executor).serve_connection(io, service).await;
    seen.recv().await
}

/// Goal: an endpoint that speaks only HTTP/2 is probed in it, by its public name; the connection ends with the
/// probe. Method: such an endpoint, whose end is awaited.
#[tokio::test]
async fn http2_is_spoken_where_it_must_be() {
    let authority = Authority::new();
    for (hang, outcome) in [(false, None), (true, Some(FailureReason::TtfbTimeout))] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/health", listener.local_addr().unwrap());
        let acceptor = authority.server("shop.example.com", 2050, &[b"h2"]);
        let server = tokio::spawn(http2_server(listener, acceptor, hang));
        let mut probe = by_public_name();
        http(&mut probe).expect.body = Some("fine".to_owned());
        if hang {
            probe.timeout = quorate_policies::Millis(500);
        }
        let result = authority.prober().probe(&target(&probe, &url)).await;
        match outcome {
            None => assert_eq!(result.outcome, Outcome::Success, "{result:?}"),
            Some(expected) => assert_eq!(reason(&result), expected, "{result:?}"),
        }
        assert_eq!(server.await.unwrap().as_deref(), Some("https://shop.example.com/health"));
    }
}

/// Goal: extra certificates that cannot be read stop the prober, not the probes. Method: no PEM, and broken PEM.
#[tokio::test]
async fn unreadable_extra_certificates_are_refused() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"] {
        let extra_ca_pem = Some(pem.as_bytes().to_vec());
        let error = Prober::new(ProberSettings { extra_ca_pem, ..ProberSettings::default() }).unwrap_err();
        assert!(error.to_string().starts_with("extra certificate authority"), "{error}");
    }
}
