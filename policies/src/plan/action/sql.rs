//! What `verify.sql` says: which PostgreSQL server is asked, and what the answers must be.

use super::postgres::{database, port};
use crate::{name::CheckName, time::Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fields of `verify.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifySql {
    /// The server's region, usually `{to}`.
    pub region: String,
    /// The server's host, as the agents reach it and as its certificate names it.
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database that is asked.
    #[serde(default = "database")]
    pub database: String,
    /// Who asks: needs `SELECT` on what is asked, and no more.
    pub user: String,
    /// What is asked, by a name for the report.
    pub checks: BTreeMap<CheckName, SqlCheck>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// One statement that gives one row; the row's first column is what is judged. It runs in a transaction that may only
    /// read, and all checks together may take 10 s.
    pub query: String,
    /// What the answer must be.
    pub expect: SqlExpect,
}

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlExpect {
    /// This text, as PostgreSQL writes the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// A number, this one or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// A number, this one or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// A moment, at most so long ago by the server's own clock. One without a time zone is taken as UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_than: Option<Millis>,
}
