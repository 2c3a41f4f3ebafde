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

/// Whether a text is an address that a probe can ask: as above, of a host that can be asked for in TLS, and without a
/// password, which would stand in every log. What is accepted here must not be refused by the prober later.
pub(in crate::document) fn probed(text: &str) -> Result<(), String> {
    web(text)?;
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a probe's URL must not hold a user name or a password".to_owned());
    }
    match url.host() {
        Some(url::Host::Domain(name)) if !host(name) => Err(format!("`{name}` is not a host name")),
        _ => Ok(()),
    }
}

/// Whether a text is a host's name as TLS and certificates know it: labels of 1 to 63 letters, digits, `-` and `_`, none
/// with a `-` at an end, the last one not a number.
pub(in crate::document) fn host(name: &str) -> bool {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let number = bare.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    bare.len() <= 253 && bare.split('.').all(label) && !number
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

    /// Goal: what a probe could not ask is refused, and what it can ask passes. Method: a table of both.
    #[test]
    fn what_a_probe_can_ask() {
        for good in
            ["http://a_b.example.com:80/x", "https://a.example.com./", "http://[::1]:9/", "http://10.0.0.7/"]
        {
            assert_eq!(probed(good), Ok(()));
        }
        let long = format!("http://{}.example.com/", "a".repeat(64));
        for bad in [
            "http://me:secret@a.example.com/",
            "http://me@a/",
            "http://a!b.example.com/",
            "http://-a.example.com/",
            &long,
        ] {
            assert!(probed(bad).is_err(), "{bad}");
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
