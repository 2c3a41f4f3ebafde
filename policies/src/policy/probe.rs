//! One probe of a policy: what it looks at and how often. What it looks at is one of a closed list of kinds; a policy
//! writes the kind's own settings beside the common ones, and `written` turns that into the choice.

mod written;

use super::Expect;
use crate::{
    name::ComponentName,
    plan::template::{self, TemplateError},
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One probe, run from every agent against every region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The component it speaks for; none means the service as a whole, which is critical.
    pub component: Option<ComponentName>,
    /// What it looks at.
    pub looks: Looks,
    /// Time between two probes of one target by one agent.
    pub interval: Millis,
    /// The one deadline of a probe, from resolving to the last byte.
    pub timeout: Millis,
    /// Time between the re-probes by which every agent confirms a first failure.
    pub confirm_interval: Millis,
    /// Consecutive failures until down.
    pub fall: u32,
    /// Consecutive successes until healthy again.
    pub rise: u32,
}

/// What a probe looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looks {
    /// An HTTP or HTTPS endpoint.
    Http(HttpProbe),
    /// A PostgreSQL server.
    Postgres(PostgresProbe),
}

/// An HTTP or HTTPS endpoint and what counts as success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProbe {
    /// The URL, with the region's variables.
    pub url: String,
    /// The public name, sent as Host and SNI, where the endpoint serves by name.
    pub host: Option<String>,
    /// What counts as success.
    pub expect: Expect,
}

/// A PostgreSQL server. It succeeds when the server lets the account in and answers one statement, in whatever role it
/// is. Password and authority are in each agent's own file, section `postgres`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresProbe {
    /// The server's host, a name or an address, with `{region}` and the region's own variables. Name the regional server,
    /// never a name that moves with the primary.
    pub host: String,
    /// The server's port.
    #[serde(default = "port_default")]
    pub port: u16,
    /// The database in which the statement runs.
    #[serde(default = "database_default")]
    pub database: String,
    /// The account. It needs no rights but to connect; with `pg_read_all_stats` it also sees whether a standby streams, and
    /// a standby's new timeline at once.
    pub user: String,
    /// A table with the columns `id` and `at`, such as `quorate_heartbeat`, into which the probe also writes a row when
    /// the server is a primary. A primary that cannot write then counts as failed, and one that waits for its synchronous
    /// standby too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
}

const fn port_default() -> u16 {
    5432
}

/// The database that every server has.
fn database_default() -> String {
    "postgres".to_owned()
}

impl Probe {
    /// A probe of a URL with every other setting at its default.
    #[must_use]
    pub fn http(url: &str) -> Self {
        Self::of(Looks::Http(HttpProbe::new(url)))
    }

    /// A probe of a PostgreSQL server with every other setting at its default.
    #[must_use]
    pub fn postgres(host: &str, user: &str) -> Self {
        Self::of(Looks::Postgres(PostgresProbe {
            host: host.to_owned(),
            port: port_default(),
            database: database_default(),
            user: user.to_owned(),
            write: None,
        }))
    }

    fn of(looks: Looks) -> Self {
        Self {
            component: None,
            looks,
            interval: interval_default(),
            timeout: timeout_default(),
            confirm_interval: confirm_interval_default(),
            fall: fall_default(),
            rise: rise_default(),
        }
    }
}

impl HttpProbe {
    /// An endpoint with every other setting at its default.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), host: None, expect: Expect::default() }
    }
}

impl Looks {
    /// The same with every variable replaced.
    ///
    /// # Errors
    /// When a text uses a variable that is not among them.
    pub fn resolved(&self, variables: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let resolve = |text: &String| template::resolve(text, variables);
        Ok(match self {
            Looks::Http(http) => Looks::Http(HttpProbe {
                url: resolve(&http.url)?,
                host: http.host.as_ref().map(resolve).transpose()?,
                expect: http.expect.clone(),
            }),
            Looks::Postgres(postgres) => Looks::Postgres(PostgresProbe {
                host: resolve(&postgres.host)?,
                database: resolve(&postgres.database)?,
                user: resolve(&postgres.user)?,
                ..postgres.clone()
            }),
        })
    }

    /// Where it looks, for people: the URL, or the server as one, without an account.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Looks::Http(http) => http.url.clone(),
            Looks::Postgres(postgres) => {
                let PostgresProbe { host, port, database, .. } = postgres;
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                format!("postgres://{host}:{port}/{database}")
            }
        }
    }
}

const fn interval_default() -> Millis {
    Millis(1_000)
}
/// Under the interval, so that two probes of one target never overlap.
const fn timeout_default() -> Millis {
    Millis(800)
}
/// Five looks a second confirm in well under one interval and stay below a health endpoint's notice.
const fn confirm_interval_default() -> Millis {
    Millis(200)
}
/// Three: one lost packet or one restarted task is no outage.
const fn fall_default() -> u32 {
    3
}
const fn rise_default() -> u32 {
    2
}
