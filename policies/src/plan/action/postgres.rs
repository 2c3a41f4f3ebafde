//! What the actions on PostgreSQL servers say: which server, as which account, and by which probe its position is known.

use crate::name::CheckName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `postgres.promote`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresPromote {
    /// The standby's region, usually `{to}`.
    pub region: String,
    /// The policy's `postgres` probe of this server and of its primary: how far the standby is behind is what the agents
    /// see by it.
    pub probe: CheckName,
    /// The standby's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to connect to. The whole server is promoted, whichever it is.
    #[serde(default = "database")]
    pub database: String,
    /// Who promotes: needs `EXECUTE` on `pg_promote`, and no more.
    pub user: String,
}

const fn port() -> u16 {
    5432
}

fn database() -> String {
    "postgres".to_owned()
}
