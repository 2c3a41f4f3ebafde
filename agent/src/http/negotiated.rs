//! What a scraper accepts, by its headers. Pure: texts go in, a choice comes out; whatever cannot be read is as good as absent.

use crate::metrics::Format;
use axum::http::{HeaderMap, HeaderName, header};

/// Versions of OpenMetrics whose readers read what is written here.
const OPENMETRICS: [&str; 2] = ["1.0.0", "0.0.1"];

/// The form that is liked best; the plain text where both are liked alike only if OpenMetrics is not asked for.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut open, mut text) = (0.0_f32, 0.0_f32);
    for (range, parameters) in ranges(headers, &header::ACCEPT) {
        let quality = quality(&parameters);
        let version = parameters.iter().find_map(|(name, value)| (name == "version").then_some(value));
        match range.as_str() {
            "application/openmetrics-text"
                if version.is_none_or(|version| OPENMETRICS.contains(&version.as_str())) =>
            {
                open = open.max(quality);
            }
            "text/plain" | "text/*" | "*/*" => text = text.max(quality),
            _ => {}
        }
    }
    if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

/// Whether the answer may be packed with gzip.
pub(super) fn gzip(headers: &HeaderMap) -> bool {
    let named = |wanted: &str| {
        let mut found =
            ranges(headers, &header::ACCEPT_ENCODING).into_iter().filter(|(name, _)| name == wanted);
        found.next().map(|(_, parameters)| quality(&parameters) > 0.0)
    };
    named("gzip").or_else(|| named("*")).unwrap_or(false)
}

type Parameters = Vec<(String, String)>;

/// The parts of a header's list, in lower case, with what follows each.
fn ranges(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, Parameters)> {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let part = |text: &str| {
        let mut pieces = text.split(';').map(|piece| piece.trim().to_ascii_lowercase());
        let name = pieces.next().unwrap_or_default();
        let parameter = |piece: String| {
            let (name, value) = piece.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        };
        (name, pieces.filter_map(parameter).collect())
    };
    texts.flat_map(|text| text.split(',')).map(part).collect()
}

/// 1 unless something else is said.
fn quality(parameters: &[(String, String)]) -> f32 {
    let said = parameters.iter().find(|(name, _)| name == "q").map(|(_, value)| value.parse::<f32>());
    match said {
        None => 1.0,
        Some(value) => value.ok().filter(|value| (0.0..=1.0).contains(value)).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    /// Goal: who asks for OpenMetrics gets it, and a person gets text. Method: what Prometheus 2.42, Prometheus 3, curl, a browser and
    /// odd clients send.
    #[test]
    fn the_form_is_negotiated() {
        use Format::{OpenMetrics, Text};
        for (accept, format) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Text,
            ),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.3", Text),
            ("application/openmetrics-text;q=nonsense", Text),
            ("", Text),
        ] {
            assert_eq!(super::format(&asked(header::ACCEPT, accept)), format, "{accept}");
        }
        assert_eq!(super::format(&HeaderMap::new()), Text);
    }

    /// Goal: nothing is packed that was not asked for. Method: the forms of the header.
    #[test]
    fn gzip_is_asked_for() {
        for (accept, packed) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("br", false),
        ] {
            assert_eq!(gzip(&asked(header::ACCEPT_ENCODING, accept)), packed, "{accept}");
        }
        assert!(!gzip(&HeaderMap::new()));
    }
}
