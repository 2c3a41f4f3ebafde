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

/// Fields of `postgres.fence`. Which account, and with which rights: deploy/POSTGRES.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresFence {
    /// The old primary's region, usually `{from}`.
    pub region: String,
    /// The old primary's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to connect to. The whole server is fenced, whichever it is.
    #[serde(default = "database")]
    pub database: String,
    /// Who fences: needs `ALTER SYSTEM` on `default_transaction_read_only`, `EXECUTE` on `pg_reload_conf`, and the roles
    /// `pg_signal_backend` and `pg_monitor`.
    pub user: String,
}

/// Fields of `postgres.unfence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresUnfence {
    /// The server's region.
    pub region: String,
    /// Its host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to connect to.
    #[serde(default = "database")]
    pub database: String,
    /// Who takes the fence away: needs the rights of who puts it there.
    pub user: String,
}

/// Fields of `postgres.switchover`: the standby as `postgres.promote` names it, and the primary that it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresSwitchover {
    /// The standby's region, usually `{to}`.
    pub region: String,
    /// The policy's `postgres` probe of this server and of its primary: a standby that is far behind is not begun with.
    pub probe: CheckName,
    /// The standby's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to connect to, on both servers.
    #[serde(default = "database")]
    pub database: String,
    /// Who asks both servers and promotes: needs `EXECUTE` on `pg_promote` and the role `pg_monitor`.
    pub user: String,
    /// The primary whose place the standby takes. An earlier step stops its writes with `postgres.fence`.
    pub from: PostgresAddress,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresAddress {
    /// The server's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
}

/// Fields of `postgres.rejoin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresRejoin {
    /// The new primary's region, usually `{to}`.
    pub region: String,
    /// The new primary's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database to connect to.
    #[serde(default = "database")]
    pub database: String,
    /// Who asks: needs the attribute `REPLICATION` and the roles `pg_checkpoint` and `pg_monitor`.
    pub user: String,
    /// The physical slot on the new primary that the old one uses, as `--slot` of its guard names it.
    pub slot: String,
    /// The old server follows when it has made durable all but so many bytes.
    #[serde(default = "lag_below_bytes")]
    pub lag_below_bytes: u64,
}

/// One file of the log: less than that is under way on any busy pair.
const fn lag_below_bytes() -> u64 {
    16 << 20
}

pub(super) const fn port() -> u16 {
    5432
}

pub(super) fn database() -> String {
    "postgres".to_owned()
}
