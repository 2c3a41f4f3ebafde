//! What the actions say that make a database of a backup: which file, and where it goes. How much of a policy's word is
//! followed here, each agent's own file says in its section `backups`.

use super::postgres::port;
use crate::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `postgres.restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresRestore {
    /// The server's region, usually `{to}`: the agents there have the dump.
    pub region: String,
    /// The dump.
    pub dump: RestoreFile,
    /// The server's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database that is filled. It is there already.
    pub database: String,
    /// Who restores: owns the database, and may make what the dump makes.
    pub user: String,
    /// What may be there before.
    #[serde(default)]
    pub over: Over,
}

/// Which file a restore is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreFile {
    /// An absolute path, in which `*`, `?` and `[...]` stand for parts of a name and `**` for any folders. The newest file
    /// by modification time is taken.
    pub path: String,
    /// How old it may be; a restore of what is older is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Millis>,
}

/// What a restore may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Nothing: a database that has tables is refused.
    #[default]
    Refuse,
    /// Whatever is in the database: it is dropped, in the same transaction in which the dump takes its place.
    Primary,
}

/// Fields of `redis.restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisRestore {
    /// The region of the agent on whose host Redis keeps its data, usually `{to}`.
    pub region: String,
    /// The snapshot.
    pub rdb: RestoreFile,
    /// Redis's host. An earlier step has stopped it: nothing is put in place while somebody answers there.
    #[serde(default = "own_host")]
    pub host: String,
    /// Its port.
    #[serde(default = "redis_port")]
    pub port: u16,
    /// Its data directory, on the agent's own host.
    pub dir: String,
    /// The name that Redis gives its snapshot there (`dbfilename`).
    #[serde(default = "dump_name")]
    pub file: String,
}

fn own_host() -> String {
    "127.0.0.1".to_owned()
}

const fn redis_port() -> u16 {
    6379
}

fn dump_name() -> String {
    "dump.rdb".to_owned()
}
