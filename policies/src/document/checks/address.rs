//! Web addresses: what a probe, a webhook or an endpoint may name.

use url::{ParseError, Url};

/// The mend of every wrong address.
pub(in crate::document) const MEND: &str = "write for example https://api.us-east-1.example.com/health";

/// Whether a text, its variables replaced, is a full HTTP or HTTPS address. Says what is wrong.
pub(in crate::document) fn web(text: &str) -> Result<(), String> {
    let unschemed = || format!("`{text}` does not begin with http:// or https://");
    let url = Url::parse(text).map_err(|error| {
        if error == ParseError::RelativeUrlWithoutBase {
            unschemed()
        } else {
            format!("`{text}` is not a URL: {error}")
        }
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unschemed());
    }
    // The parser forgives a missing host by taking the first part of the path for it.
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    let hosted = after_scheme.strip_prefix("//").is_some_and(|rest| !rest.starts_with(['/', '\\', '?', '#']));
    if !hosted || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("`{text}` names no host"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only full HTTP addresses pass. Method: a table of both.
    #[test]
    fn only_full_http_addresses_pass() {
        for good in ["http://127.0.0.1:8080", "https://a.example.com/health?x=1", "http://[::1]:9/"] {
            assert_eq!(web(good), Ok(()));
        }
        for bad in [
            "",
            "a.example.com/health",
            "ftp://a.example.com",
            "https://",
            "https:///health",
            "http:a",
            "http://a:99999",
        ] {
            assert!(web(bad).is_err(), "{bad}");
        }
    }
}
