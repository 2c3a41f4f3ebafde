//! Which configured target a scraper means. Everything else is refused, with the reason.

use quorate_policies::{Millis, ServiceName, TargetName, policy::Looks};
use std::collections::BTreeMap;

/// Modules that mean an HTTP probe. blackbox_exporter's own example names the second.
const HTTP_MODULES: [&str; 2] = ["http", "http_2xx"];
/// Modules that mean a PostgreSQL probe; the others are what people had for it without one.
const POSTGRES_MODULES: [&str; 3] = ["postgres", "tcp", "tcp_connect"];
/// Targets that an answer names when several are meant: enough to see what to write.
const NAMED_MAX: usize = 4;

/// What kind of probe a target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An HTTP or HTTPS endpoint.
    Http,
    /// A PostgreSQL server.
    Postgres,
}

impl Kind {
    /// Of what a probe looks at.
    #[must_use]
    pub const fn of(looks: &Looks) -> Self {
        match looks {
            Looks::Http(_) => Kind::Http,
            Looks::Postgres(_) => Kind::Postgres,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Postgres => "postgres",
        }
    }
}

/// What is known of a configured target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The URL that is probed, every variable resolved and without an account.
    pub url: String,
    /// How long a probe may take.
    pub timeout: Millis,
    /// What kind of probe it is.
    pub kind: Kind,
}

/// Every configured target.
pub type Places = BTreeMap<(ServiceName, TargetName), Place>;

/// Why no target is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// None was named.
    #[error("`target` is missing: name a probe, as check/region, or the URL that it probes")]
    Missing,
    /// None is so called.
    #[error(
        "no policy probes `{0}`: only configured targets are answered for, by the URL that is probed or as check/region; GET /v1/probes lists them"
    )]
    Unknown(String),
    /// Several are.
    #[error("`{target}` means several targets: say which of {among}")]
    Several {
        /// What was asked for.
        target: String,
        /// What it could mean.
        among: String,
    },
    /// There is no such module.
    #[error("unknown module `{0}`: write http (or http_2xx) or postgres (or tcp_connect)")]
    Module(String),
    /// The target is probed in another way.
    #[error("`{target}` is probed by {kind}, not by the module `{module}`")]
    OtherKind {
        /// What was asked for.
        target: String,
        /// How it is probed.
        kind: &'static str,
        /// How it was asked for.
        module: String,
    },
}

/// The target that is meant.
///
/// # Errors
/// Why there is none.
pub fn find<'a>(
    places: &'a Places,
    target: &str,
    module: Option<&str>,
) -> Result<(&'a (ServiceName, TargetName), &'a Place), NoTarget> {
    let wanted = module.map(kind).transpose()?;
    if target.is_empty() {
        return Err(NoTarget::Missing);
    }
    let mut meant: Vec<_> = places.iter().filter(|(key, place)| means(target, key, place)).collect();
    if meant.is_empty() {
        return Err(NoTarget::Unknown(target.to_owned()));
    }
    if let (Some(wanted), Some(module)) = (wanted, module) {
        let other = meant[0].1.kind.word();
        meant.retain(|(_, place)| place.kind == wanted);
        if meant.is_empty() {
            let (target, module) = (target.to_owned(), module.to_owned());
            return Err(NoTarget::OtherKind { target, kind: other, module });
        }
    }
    if meant.len() > 1 {
        let name =
            |((service, target), _): &(&(ServiceName, TargetName), &Place)| format!("{service}/{target}");
        let among: Vec<String> = meant.iter().take(NAMED_MAX).map(name).collect();
        return Err(NoTarget::Several { target: target.to_owned(), among: among.join(", ") });
    }
    Ok(meant.remove(0))
}

fn kind(module: &str) -> Result<Kind, NoTarget> {
    if HTTP_MODULES.contains(&module) {
        Ok(Kind::Http)
    } else if POSTGRES_MODULES.contains(&module) {
        Ok(Kind::Postgres)
    } else {
        Err(NoTarget::Module(module.to_owned()))
    }
}

/// By its URL, or by as much of its name as is there.
fn means(text: &str, (service, target): &(ServiceName, TargetName), place: &Place) -> bool {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let by_url = match place.kind {
        // Without a scheme blackbox_exporter asks by plain HTTP.
        Kind::Http => bare(text) == bare(&place.url) || format!("http://{}", bare(text)) == bare(&place.url),
        Kind::Postgres => {
            let server = place.url.trim_start_matches("postgres://");
            let server = server.rsplit_once('/').map_or(server, |(server, _)| server);
            text == place.url || text == server
        }
    };
    let (check, region) = (target.check.as_str(), target.region.as_str());
    let mut parts = text.split('/');
    let named = (parts.next(), parts.next(), parts.next(), parts.next());
    let by_name = match named {
        (Some(only), None, None, None) => only == check,
        (Some(first), Some(second), None, None) => {
            (first == check && second == region) || (first == service.as_str() && second == check)
        }
        (Some(first), Some(second), Some(third), None) => {
            first == service.as_str() && second == check && third == region
        }
        _ => false,
    };
    by_url || by_name
}
