//! Who may ask at all. A page of the web can make a browser on this machine send requests here under a name that the
//! page's owner points at 127.0.0.1 (DNS rebinding); the Host header then carries that name. So only a name that
//! nobody else can own is served. An IP address as such is never the product of a rebinding.

use axum::http::{Request, header};
use std::net::{IpAddr, SocketAddr};

/// Whether a request names this agent in a way that a foreign page cannot: a loopback address, `localhost`, or the
/// address on which the agent was told to listen. The port does not matter: tunnels change it.
pub(super) fn host_allowed<B>(request: &Request<B>, listen: SocketAddr) -> bool {
    let hosts: Vec<_> = request.headers().get_all(header::HOST).iter().collect();
    // Two Host headers are read differently by different readers.
    if hosts.len() > 1 {
        return false;
    }
    let header = hosts.first().map(|value| value.to_str().unwrap_or_default());
    // An absolute request target overrides the header, so both must be right.
    let target = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let named: Vec<&str> = header.into_iter().chain(target).collect();
    !named.is_empty() && named.into_iter().all(|authority| authority_allowed(authority, listen))
}

fn authority_allowed(authority: &str, listen: SocketAddr) -> bool {
    let Some(host) = host_of(authority) else { return false };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    // An agent that listens on every address cannot know which of them are its own.
    address.is_loopback() || address == listen.ip() || listen.ip().is_unspecified()
}

/// The host of `host`, `host:port` or `[v6]:port`; none if the rest is not a port.
fn host_of(authority: &str) -> Option<&str> {
    let end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    let port = rest.strip_prefix(':').unwrap_or("0");
    let proper = (rest.is_empty() || rest.starts_with(':')) && port.bytes().all(|b| b.is_ascii_digit());
    proper.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: &str, listen: &str) -> bool {
        let request = Request::builder().uri("/").header(header::HOST, host).body(()).unwrap();
        host_allowed(&request, listen.parse().unwrap())
    }

    /// Goal: only names that a foreign page cannot own are served. Method: the hosts that people and attackers write.
    #[test]
    fn only_own_names_are_served() {
        let loopback = "127.0.0.1:7950";
        for host in [
            "127.0.0.1:7950",
            "127.0.0.1",
            "127.9.9.9:1",
            "localhost",
            "LOCALHOST:8080",
            "[::1]:7950",
            "[::1]",
        ] {
            assert!(allowed(host, loopback), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7950",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "localhost:80@evil.example",
            "[::1]evil.example",
            "10.0.0.5:7950",
            "[::1",
            "",
        ] {
            assert!(!allowed(host, loopback), "{host}");
        }
    }

    /// Goal: the configured address is served, and with no particular one any address, but never a name. Method: both.
    #[test]
    fn the_listen_address_is_served() {
        assert!(allowed("10.0.0.5:7950", "10.0.0.5:7950"));
        assert!(!allowed("10.0.0.6:7950", "10.0.0.5:7950"));
        assert!(allowed("10.0.0.6:7950", "0.0.0.0:7950"));
        assert!(!allowed("agent.example:7950", "0.0.0.0:7950"));
    }

    /// Goal: a request cannot name two hosts. Method: no header, two headers, and a target that differs.
    #[test]
    fn one_host_and_one_only() {
        let listen = "127.0.0.1:7950".parse().unwrap();
        let none = Request::builder().uri("/").body(()).unwrap();
        assert!(!host_allowed(&none, listen));
        let two = Request::builder()
            .uri("/")
            .header("host", "localhost")
            .header("host", "evil.example")
            .body(())
            .unwrap();
        assert!(!host_allowed(&two, listen));
        let target =
            Request::builder().uri("http://evil.example/").header("host", "localhost").body(()).unwrap();
        assert!(!host_allowed(&target, listen));
    }
}
