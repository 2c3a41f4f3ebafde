//! Beside the real blackbox_exporter: both probe the same local servers, and what `/probe` serves is compared with what that
//! program serves. Needs Debian's `prometheus-blackbox-exporter`, which `tests/run` installs; without it the tests are skipped, loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use quorate::{
    metrics::{
        Format,
        blackbox::{Kind, page},
    },
    outgoing::HttpClient,
    shell::ProbeSeen,
};
use quorate_policies::{
    Millis, Monotonic, TargetName,
    policy::{Expect, HttpProbe, Looks},
};
use quorate_probes::{Prober, ProberSettings, Target};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const PROGRAM: &str = "prometheus-blackbox-exporter";
/// What is ours, or of later versions than Debian's.
const MORE: [&str; 2] = ["probe_timeout_seconds", "quorate_probe_age_seconds"];
/// What cannot be the same twice.
const TIMED: [&str; 4] = [
    "probe_duration_seconds",
    "probe_dns_lookup_time_seconds",
    "probe_http_duration_seconds",
    "probe_timeout_seconds",
];
const REPLY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

/// A running exporter, ended with the test.
struct Exporter {
    process: Child,
    url: String,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has seen.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Exporter {
    /// Starts it with these modules; none if it is not installed.
    async fn start(home: &Path, modules: &str) -> Option<Self> {
        if Command::new(PROGRAM)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            eprintln!("\n*** SKIPPED: {PROGRAM} is not installed; run tests/run once ***\n");
            return None;
        }
        let file = home.join("blackbox.yml");
        std::fs::write(&file, modules).unwrap();
        // Free a moment ago: the exporter takes no listener that is open.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let process = Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address={free}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let exporter = Self { process, url: format!("http://{free}") };
        for _ in 0..400 {
            if TcpStream::connect(free).await.is_ok() {
                return Some(exporter);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{PROGRAM} does not listen");
    }

    async fn probe(&self, module: &str, target: &str) -> String {
        let url = format!("{}/probe?module={module}&target={target}", self.url);
        let request = http::Request::get(url).body(Default::default()).unwrap();
        let answer = HttpClient::new().send(request, Duration::from_secs(20), 1 << 20).await.unwrap();
        assert!(answer.status.is_success(), "{}", answer.status);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }
}

/// Answers every request with the same page, by HTTP or HTTPS, until the test ends.
async fn serve(tls: Option<TlsAcceptor>) -> SocketAddr {
    async fn answer(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                // A probe that only connects.
                Err(_) => return,
            }
        }
        let _ = stream.write_all(REPLY.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => answer(stream).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            answer(stream).await;
                        }
                    }
                }
            });
        }
    });
    address
}

/// An authority, and a server's side of TLS with a certificate of it whose names have all that names can have.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Example Authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["localhost", "shop.example.com", "127.0.0.1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).unwrap();
    for (kind, text) in [
        (DnType::CountryName, "DE"),
        (DnType::OrganizationName, "Example, Inc + Sons"),
        (DnType::CommonName, "localhost"),
    ] {
        params.distinguished_name.push(kind, text);
    }
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// One probe of ours, as `/probe` serves it.
async fn ours(ca: &str, url: &str, kind: Kind) -> String {
    let extra_ca_pem = Some(ca.as_bytes().to_vec());
    let prober = Prober::new(ProberSettings { extra_ca_pem, ..ProberSettings::default() }).unwrap();
    let target = TargetName::try_from("web/us-east-1".to_owned()).unwrap();
    let looks = Looks::Http(HttpProbe { url: url.to_owned(), host: None, expect: Expect::default() });
    let timeout = Millis(10_000);
    let result = prober.probe(&Target::new(target.clone(), &looks, timeout).unwrap()).await;
    let certificate_expiry = result.tls_expiry;
    let (url, at) = (url.to_owned(), Monotonic(0));
    let service = "shop".parse().unwrap();
    let seen = ProbeSeen { service, target, url, result, at, certificate_expiry, timeout };
    page(&seen, kind, Millis(0), Format::Text)
}

/// Every sample: its name and its labels but those that only later versions have, and its value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let later = regex::Regex::new("serialnumber=\"[0-9a-f]*\",?").unwrap();
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (later.replace(series, "").into_owned(), value.parse().unwrap())
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn name(series: &str) -> &str {
    series.split('{').next().unwrap()
}

/// Both serve the same series with the same values, but for times, and ours has some more.
#[track_caller]
fn same(ours: &str, theirs: &str) {
    let (mine, other) = (samples(ours), samples(theirs));
    for (series, value) in &other {
        let found = mine.get(series).unwrap_or_else(|| panic!("{series} is missing in\n{ours}"));
        assert!(TIMED.contains(&name(series)) || found == value, "{series}: {found}, and not {value}");
    }
    for series in mine.keys().filter(|series| !other.contains_key(*series)) {
        assert!(MORE.contains(&name(series)), "{series} is not in\n{theirs}");
    }
    let texts = |text: &str| -> BTreeMap<String, String> {
        let helps = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
        helps.map(|(name, help)| (name.to_owned(), help.to_owned())).collect()
    };
    let mine = texts(ours);
    for (name, help) in texts(theirs) {
        assert_eq!(mine.get(&name), Some(&help), "{name}");
    }
}

/// Goal: a dashboard or an alert that reads blackbox_exporter reads us alike. Method: that program and our prober against the same
/// servers: a page by HTTP, by HTTPS, and one that refuses; names, labels, help texts, and every value but times.
#[tokio::test]
async fn both_tell_the_same_of_http() {
    let home = tempfile::tempdir().unwrap();
    let (ca, tls) = authority();
    let mut file = std::fs::File::create(home.path().join("ca.pem")).unwrap();
    file.write_all(ca.as_bytes()).unwrap();
    let modules = format!(
        "modules:\n  http_2xx: {{prober: http, timeout: 10s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: '{}'}}}}}}\n",
        home.path().join("ca.pem").display()
    );
    let Some(exporter) = Exporter::start(home.path(), &modules).await else { return };
    let (plain, secure) = (serve(None).await, serve(Some(tls)).await);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [
        format!("http://{plain}/"),
        format!("https://localhost:{}/", secure.port()),
        format!("http://{closed}/"),
    ] {
        let (ours, theirs) = (ours(&ca, &url, Kind::Http).await, exporter.probe("http_2xx", &url).await);
        same(&ours, &theirs);
    }
}

/// Goal: what had a TCP module has the same names for a database's probe. Method: that program's TCP prober, with and without TLS,
/// and our form of a probe that is not HTTP, of the same servers.
#[tokio::test]
async fn both_tell_the_same_of_tcp() {
    let home = tempfile::tempdir().unwrap();
    let (ca, tls) = authority();
    let file = home.path().join("ca.pem");
    std::fs::write(&file, &ca).unwrap();
    let modules = format!(
        "modules:\n  tcp_connect: {{prober: tcp, timeout: 10s}}\n  tcp_tls: {{prober: tcp, timeout: 10s, tcp: {{tls: true, tls_config: {{ca_file: '{}', server_name: localhost}}}}}}\n",
        file.display()
    );
    let Some(exporter) = Exporter::start(home.path(), &modules).await else { return };
    let (plain, secure) = (serve(None).await, serve(Some(tls)).await);
    for (module, url, target) in [
        ("tcp_connect", format!("http://{plain}/"), plain),
        ("tcp_tls", format!("https://localhost:{}/", secure.port()), secure),
    ] {
        let ours = ours(&ca, &url, Kind::Postgres).await;
        same(&ours, &exporter.probe(module, &target.to_string()).await);
    }
}
