//! One HTTP or HTTPS endpoint to be probed, from its URL and its public name.

use super::{Endpoint, TargetError};
use http::{HeaderValue, uri::PathAndQuery};
use quorate_policies::{
    health::FailureReason,
    name::TargetName,
    policy::{Expect, HttpProbe},
    time::Millis,
};
use rustls_pki_types::ServerName;
use url::{Host, Url};

/// One HTTP or HTTPS endpoint, ready to be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTarget {
    name: TargetName,
    url: Url,
    pub(crate) endpoint: Endpoint,
    pub(crate) port: u16,
    pub(crate) path: PathAndQuery,
    /// The Host header and, over HTTP/2, the authority.
    pub(crate) host: HeaderValue,
    /// The name that the certificate must carry; none on plain HTTP.
    pub(crate) tls: Option<ServerName<'static>>,
    pub(crate) expect: Expect,
    pub(crate) timeout: Millis,
}

impl HttpTarget {
    pub(super) fn new(name: TargetName, probe: &HttpProbe, timeout: Millis) -> Result<Self, TargetError> {
        let target = || name.clone();
        let url = probe.url.as_str();
        if url.contains(['{', '}']) {
            return Err(TargetError::Template { target: target(), url: url.to_owned() });
        }
        let parsed = Url::parse(url).map_err(|source| TargetError::Url {
            target: target(),
            url: url.to_owned(),
            source,
        })?;
        let scheme = || TargetError::Scheme { target: target(), url: url.to_owned() };
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(scheme());
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(TargetError::Credentials { target: target() });
        }
        let endpoint = match parsed.host().ok_or_else(scheme)? {
            Host::Domain(name) => Endpoint::Name(name.to_owned()),
            Host::Ipv4(address) => Endpoint::Address(address.into()),
            Host::Ipv6(address) => Endpoint::Address(address.into()),
        };
        // The public name replaces the whole authority: the endpoint's own port is no part of the public name.
        let authority = match (&probe.host, parsed.host_str(), parsed.port()) {
            (Some(public), ..) => public.clone(),
            (None, Some(host), Some(port)) => format!("{host}:{port}"),
            (None, host, _) => host.unwrap_or_default().to_owned(),
        };
        let (host, server_name) = public_name(&name, &authority)?;
        let path = PathAndQuery::try_from(&parsed[url::Position::BeforePath..url::Position::AfterQuery])
            .map_err(|_| scheme())?;
        Ok(Self {
            endpoint,
            port: parsed.port_or_known_default().ok_or_else(scheme)?,
            path,
            host,
            tls: (parsed.scheme() == "https").then_some(server_name),
            expect: probe.expect.clone(),
            timeout,
            url: parsed,
            name,
        })
    }

    /// The target's name.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// The URL that is probed.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a status is a redirect that this target does not expect, a wrong status, or fine.
    pub(crate) fn judge_status(&self, status: http::StatusCode, redirects: bool) -> Option<FailureReason> {
        match self.expect.status.contains(status.as_u16()) {
            true => None,
            false if status.is_redirection() && redirects => Some(FailureReason::Redirect),
            false => Some(FailureReason::Status),
        }
    }
}

/// The Host header and the TLS server name of an authority (`name`, `name:port`, `[address]:port`).
fn public_name(
    target: &TargetName,
    authority: &str,
) -> Result<(HeaderValue, ServerName<'static>), TargetError> {
    let wrong = || TargetError::PublicName { target: target.clone(), host: authority.to_owned() };
    let parsed = http::uri::Authority::try_from(authority).map_err(|_| wrong())?;
    if authority.contains('@') {
        return Err(wrong());
    }
    // A final dot makes a name absolute for resolvers; certificates and SNI are written without it.
    let bare = parsed.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let server_name = ServerName::try_from(bare.to_owned()).map_err(|_| wrong())?;
    let header = HeaderValue::from_str(authority).map_err(|_| wrong())?;
    Ok((header, server_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, host: Option<&str>) -> Result<HttpTarget, TargetError> {
        let probe =
            HttpProbe { url: url.to_owned(), host: host.map(str::to_owned), expect: Expect::default() };
        HttpTarget::new(TargetName::try_from("api/us-east-1".to_owned()).unwrap(), &probe, Millis(800))
    }

    /// Goal: endpoint, port, path, Host and server name follow from the URL. Method: a table of URLs.
    #[test]
    fn a_url_becomes_its_parts() {
        for (url, port, path, host, tls) in [
            ("http://api.example.com", 80, "/", "api.example.com", None),
            (
                "https://api.example.com/health?deep=1#x",
                443,
                "/health?deep=1",
                "api.example.com",
                Some("api.example.com"),
            ),
            ("https://api.example.com.:8443/h", 8443, "/h", "api.example.com.:8443", Some("api.example.com")),
            ("http://127.0.0.1:8080/", 8080, "/", "127.0.0.1:8080", None),
            ("https://[::1]:8443/", 8443, "/", "[::1]:8443", Some("::1")),
        ] {
            let target = target(url, None).unwrap();
            assert_eq!(
                (target.port, target.path.as_str(), target.host.to_str().unwrap()),
                (port, path, host),
                "{url}"
            );
            let name = target.tls.map(|name| name.to_str().into_owned());
            assert_eq!(name.as_deref(), tls, "{url}");
        }
        assert_eq!(
            target("http://[::1]/", None).unwrap().endpoint,
            Endpoint::Address("::1".parse().unwrap())
        );
    }

    /// Goal: the public name replaces Host and server name and leaves the endpoint. Method: one URL with a name.
    #[test]
    fn the_public_name_is_sent_instead() {
        let target = target("https://10.0.0.7:8443/health", Some("shop.example.com")).unwrap();
        assert_eq!(target.endpoint, Endpoint::Address("10.0.0.7".parse().unwrap()));
        assert_eq!(target.host, "shop.example.com");
        assert_eq!(target.tls.unwrap().to_str(), "shop.example.com");
    }

    /// Goal: every unusable input has its own error. Method: one input for each.
    #[test]
    fn what_cannot_be_probed_is_refused() {
        assert!(matches!(
            target("https://api.{region}.example.com/", None),
            Err(TargetError::Template { .. })
        ));
        assert!(matches!(target("api.example.com/health", None), Err(TargetError::Url { .. })));
        assert!(matches!(target("tcp://api.example.com:80", None), Err(TargetError::Scheme { .. })));
        assert!(matches!(
            target("http://me:secret@example.com/", None),
            Err(TargetError::Credentials { .. })
        ));
        assert!(matches!(
            target("http://example.com/", Some("not a name")),
            Err(TargetError::PublicName { .. })
        ));
        let secret = target("http://me:secret@example.com/", None).unwrap_err().to_string();
        assert!(!secret.contains("secret"), "{secret}");
    }
}
