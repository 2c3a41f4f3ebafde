//! Addresses: the URLs that a probe, a webhook or an endpoint may name, and the ARNs of AWS.

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

/// The name in an ARN of one service and one kind of resource, such as `rds` and `cluster:`; none if it is no such ARN.
pub(in crate::document) fn arn<'a>(text: &'a str, service: &str, kind: &str) -> Option<&'a str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [scheme, partition, of, _, account, resource] = parts.as_slice() else { return None };
    let sound = *scheme == "arn" && partition.starts_with("aws") && *of == service;
    let numbered = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    resource.strip_prefix(kind).filter(|name| sound && numbered && !name.is_empty())
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

    /// Goal: an ARN of the right kind is told from everything else. Method: a table of both.
    #[test]
    fn arns_have_a_kind() {
        let cluster = "arn:aws:rds:us-west-2:123456789012:cluster:shop";
        assert_eq!(arn(cluster, "rds", "cluster:"), Some("shop"));
        assert_eq!(arn("arn:aws-cn:iam::123456789012:role/a/b", "iam", "role/"), Some("a/b"));
        for bad in
            ["shop", "arn:aws:rds:us-west-2:123456789012:db:shop", "arn:aws:rds:us-west-2::cluster:shop"]
        {
            assert_eq!(arn(bad, "rds", "cluster:"), None, "{bad}");
        }
        assert_eq!(arn(cluster, "iam", "role/"), None);
    }
}
