//! What scrapers ask for: the forms of an answer, and one target's latest result.

use super::desk::{Desk, get};
use axum::body::Body as Payload;
use flate2::read::GzDecoder;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use std::{io::Read as _, sync::Arc};
use tower::ServiceExt as _;

async fn ask(desk: &Arc<Desk>, request: Request<Payload>) -> (http::response::Parts, Vec<u8>) {
    let (head, body) = desk.router().oneshot(request).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes().to_vec())
}

fn with(path: &str, headers: &[(header::HeaderName, &str)]) -> Request<Payload> {
    let mut request = get(path);
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// Goal: a scraper gets the form and the packing that it asked for, and a person plain text. Method: both headers, for both routes.
#[tokio::test]
async fn answers_are_as_asked_for() {
    let desk = Desk::failing();
    for path in ["/metrics", "/probe?target=web/us-east-1&module=http_2xx"] {
        let (plain, text) = ask(&desk, get(path)).await;
        assert_eq!(plain.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
        assert!(!text.ends_with(b"# EOF\n"), "{path}");
        let accept = [
            (header::ACCEPT, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
            (header::ACCEPT_ENCODING, "gzip"),
        ];
        let (open, packed) = ask(&desk, with(path, &accept)).await;
        assert_eq!(
            open.headers[header::CONTENT_TYPE],
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert_eq!(open.headers[header::CONTENT_ENCODING], "gzip");
        let mut text = String::new();
        GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert!(text.ends_with("# EOF\n"), "{path}");
        assert!(packed.len() < text.len(), "{path}");
    }
}

/// Goal: `HEAD` has the head of `GET` and no body, and is counted with it. Method: one of each.
#[tokio::test]
async fn head_has_no_body() {
    let desk = Desk::failing();
    let mut request = get("/metrics");
    *request.method_mut() = Method::HEAD;
    let (head, body) = ask(&desk, request).await;
    assert_eq!((head.status.as_u16(), body.len()), (200, 0));
    assert_eq!(head.headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let (_, text) = ask(&desk, get("/metrics")).await;
    let counted = r#"quorate_http_requests_total{code="2xx",handler="/metrics",method="GET"} 1"#;
    assert!(String::from_utf8(text).unwrap().lines().any(|line| line == counted));
}

/// Goal: a target is answered for by its name and by its URL, with nothing sent. Method: both, of the target that was probed.
#[tokio::test]
async fn the_latest_result_is_told() {
    let desk = Desk::failing();
    for target in ["web/us-east-1", "https%3A%2F%2Feast.example.com%2Fhealth"] {
        let (head, text) = ask(&desk, get(&format!("/probe?target={target}&module=http"))).await;
        let text = String::from_utf8(text).unwrap();
        assert_eq!(head.status.as_u16(), 200, "{text}");
        for line in ["probe_success 0", "probe_http_status_code 503", "quorate_probe_age_seconds 0"] {
            assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
        }
    }
}

/// Goal: the agent is no way to probe anything else, and says why. Method: a foreign target, an unknown module, a missing one, several
/// meant, a probe on demand, other options of blackbox_exporter, and one that was not probed yet.
#[tokio::test]
async fn nothing_else_is_probed() {
    let desk = Desk::failing();
    let detail = async |query: &str, status: u16, kind: &str| {
        desk.get(&format!("/probe?{query}")).await.problem(status, kind).to_owned()
    };
    for (query, says) in [
        ("target=http://169.254.169.254/&module=http", "only configured targets"),
        ("target=web/us-east-1&module=icmp", "unknown module `icmp`"),
        ("target=web/us-east-1&module=postgres", "is probed by http"),
        ("module=http", "`target` is missing"),
        ("target=web&module=http", "shop/web/us-east-1, shop/web/us-west-2"),
        ("target=web/us-east-1&fresh=1", "fresh"),
        ("target=web/us-east-1&hostname=other.example.com", "hostname"),
        ("target=web/us-east-1&debug=true", "debug"),
    ] {
        let detail = detail(query, 400, "malformed").await;
        assert!(detail.contains(says), "{query}: {detail}");
    }
    let waiting = detail("target=web/us-west-2&module=http", 503, "not_ready").await;
    assert!(waiting.contains("has not been probed"), "{waiting}");
}
