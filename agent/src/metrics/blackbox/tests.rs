//! The names are blackbox_exporter's.

use super::*;
use crate::http::sample;
use quorate_policies::{ServiceName, TargetName, Timestamp};
use quorate_probes::TlsSeen;
use std::collections::BTreeSet;

/// What blackbox_exporter 0.23 served on 2026-11-22 for a page over HTTPS, and 0.27 adds: names with their labels, as recorded.
const RECORDED: &str = include_str!("recorded.txt");

fn https() -> ProbeSeen {
    let mut seen = sample::failed_probe();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters =
        rcgen::CertificateParams::new(vec!["shop.example.com".into(), "www.example.com".into()]).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "Example, Inc");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "shop.example.com");
    let certificate = parameters.self_signed(&key).unwrap();
    seen.result.tls = Some(TlsSeen { version: "TLS 1.3", leaf: certificate.der().to_vec() });
    seen.result.tls_expiry = Some(Timestamp(1_800_000_000_000));
    seen.result.http_version = Some(Version::Http2);
    seen.result.body_bytes = 5;
    seen
}

/// Every name with its labels.
fn shapes(text: &str) -> BTreeSet<String> {
    let label = regex::Regex::new("([a-z0-9_]+)=\"").unwrap();
    let shape = |line: &str| {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels: BTreeSet<&str> =
            label.captures_iter(labels).map(|found| found.get(1).unwrap().as_str()).collect();
        std::iter::once(name).chain(labels).collect::<Vec<_>>().join(" ")
    };
    text.lines().filter(|line| !line.starts_with('#')).map(shape).collect()
}

/// Goal: an HTTPS target has every name that blackbox_exporter has, with its labels, and one more: the age. Method: the recorded list.
#[test]
fn names_and_labels_are_those_recorded() {
    let ours = shapes(&page(&https(), Kind::Http, Millis(1_500), Format::Text));
    let mut recorded: BTreeSet<String> =
        RECORDED.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    recorded.insert("quorate_probe_age_seconds".to_owned());
    assert_eq!(ours, recorded);
}

/// Goal: values are those that blackbox_exporter would tell. Method: a failed HTTPS probe.
#[test]
fn a_failed_page() {
    let text = page(&https(), Kind::Http, Millis(1_500), Format::Text);
    for line in [
        "probe_success 0",
        "probe_duration_seconds 0.04",
        "probe_timeout_seconds 0.8",
        "probe_http_status_code 503",
        "probe_http_version 2",
        "probe_http_ssl 1",
        "probe_http_content_length -1",
        "probe_http_uncompressed_body_length 5",
        "probe_failed_due_to_regex 0",
        "probe_ip_protocol 4",
        "probe_ssl_earliest_cert_expiry 1800000000",
        r#"probe_http_duration_seconds{phase="tls"} 0.008"#,
        r#"probe_http_duration_seconds{phase="resolve"} 0"#,
        r#"probe_tls_version_info{version="TLS 1.3"} 1"#,
        "quorate_probe_age_seconds 1.5",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
    let subject = r#"subject="CN=shop.example.com,O=Example\\, Inc",subjectalternative="shop.example.com,www.example.com""#;
    assert!(text.contains(subject), "{text}");
}

/// Goal: the hash does not change when one program takes over from the other. Method: what blackbox_exporter says of 127.0.0.1.
#[test]
fn an_address_has_the_same_hash() {
    assert_eq!(hash("127.0.0.1".parse().unwrap()), 3_668_918_509.0);
}

fn places() -> Places {
    let place = |service: &str, target: &str, url: &str, kind| {
        let key: (ServiceName, TargetName) =
            (service.parse().unwrap(), TargetName::try_from(target.to_owned()).unwrap());
        (key, Place { url: url.to_owned(), timeout: Millis(800), kind })
    };
    Places::from([
        place("shop", "web/us-east-1", "https://east.example.com/health", Kind::Http),
        place("shop", "web/us-west-2", "https://west.example.com/health", Kind::Http),
        place("shop", "plain/us-east-1", "http://east.example.com/", Kind::Http),
        place("shop", "db/us-east-1", "postgres://db.example.com:5432/shop", Kind::Postgres),
        place("blog", "db/us-east-1", "postgres://[2001:db8::1]:5432/blog", Kind::Postgres),
    ])
}

/// Goal: a target is found by each of its names, and nothing else is a target. Method: a table.
#[test]
fn only_configured_targets_are_found() {
    let places = places();
    let found = |target: &str, module: Option<&str>| match find(&places, target, module) {
        Ok(((service, name), _)) => format!("{service}/{name}"),
        Err(none) => none.to_string(),
    };
    let mut table = String::new();
    for (target, module) in [
        ("https://west.example.com/health", Some("http_2xx")),
        ("https://west.example.com/health", None),
        ("web/us-east-1", Some("http")),
        ("shop/web/us-east-1", Some("http")),
        ("plain", Some("http")),
        ("east.example.com", Some("http")),
        ("http://east.example.com", Some("http")),
        ("db.example.com:5432", Some("tcp_connect")),
        ("postgres://db.example.com:5432/shop", Some("postgres")),
        ("[2001:db8::1]:5432", Some("postgres")),
        ("shop/db", None),
        ("db", Some("postgres")),
        ("web", Some("http")),
        ("https://west.example.com/health?x=1", Some("http")),
        ("http://169.254.169.254/latest/meta-data/", Some("http")),
        ("web/us-east-1", Some("icmp")),
        ("web/us-east-1", Some("postgres")),
        ("", Some("http")),
        ("/", None),
    ] {
        table.push_str(&format!("{target} {}: {}\n", module.unwrap_or("-"), found(target, module)));
    }
    insta::assert_snapshot!(table);
}
