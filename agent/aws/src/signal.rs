//! What `quorate signal setup` and `quorate signal check` need: Route 53 health checks that watch what the agents say,
//! and a failover record that follows them. Once it stands, traffic is moved by the agents' answers alone, without any
//! AWS control plane. It decides no failover and turns no signal.
//!
//! - **The signal:** each agent answers `GET /v1/signal/SERVICE/PRIMARY` with 200 exactly when traffic shall leave the
//!   primary region, else with 404.
//! - **The checks:** one HTTP check for each agent, *inverted*, so that 200 makes it unhealthy and an agent that cannot
//!   be reached leaves it healthy; and one calculated check over them, which is unhealthy when a majority says "leave".
//! - **The records:** the primary's set with the calculated check, the standby's set without any.
//! - **Nothing is changed in place.** A check that is not as it should be is replaced by a new one, the records are
//!   moved to it in one atomic batch, and only then the old one is deleted. A check belongs to one record of one
//!   service, which its caller reference tells; another's is never touched.
//! - **A new inverted check counts as unhealthy** until it was looked at often enough, so the records wait until every
//!   checker has seen every agent stay: [`Change::AwaitStay`].
//!
//! `plan` and `lint` are pure; `caller` calls. Calls of the setup: `route53:ListHealthChecks`, `CreateHealthCheck`,
//! `DeleteHealthCheck`, `GetHealthCheckStatus`, `ChangeTagsForResource`, `ListResourceRecordSets`,
//! `ChangeResourceRecordSets` and `GetChange`, all in the partition's one Route 53 control plane.

use std::collections::BTreeSet;

use quorate_policies::plan::action::RecordKind;

mod caller;
mod checks;
mod lint;
mod plan;
mod sdk;
mod settle;
mod show;

pub use caller::SignalError;
pub use checks::{leaving_needed, threshold};
pub use lint::lint;
pub use plan::{PlanError, plan};
pub use show::cli;

/// What shall stand for one record of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The service.
    pub service: String,
    /// The hosted zone's id.
    pub zone: String,
    /// The record's name.
    pub record: String,
    /// Its type.
    pub kind: RecordKind,
    /// Where traffic goes while the signal rests.
    pub primary: Site,
    /// Where it goes when a majority says "leave".
    pub standby: Site,
    /// Every agent of the cluster.
    pub agents: Vec<Agent>,
}

/// One region's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The region.
    pub region: String,
    /// What the record answers for it.
    pub answer: SetAnswer,
}

/// One agent, as Route 53's checkers reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// A public address, or a name that resolves to one.
    pub host: String,
    /// The port of its API.
    pub port: u16,
}

/// What stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Existing {
    /// The account's health checks, other people's too.
    pub checks: Vec<Check>,
    /// Every set of the record's name and type.
    pub sets: Vec<Set>,
}

/// A health check that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its id.
    pub id: String,
    /// The caller reference under which it was made.
    pub reference: String,
    /// What it is made of.
    pub config: CheckConfig,
}

/// What a health check is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckConfig {
    /// What it looks at.
    pub kind: CheckKind,
    /// Whether healthy counts as unhealthy, and the other way round.
    pub inverted: bool,
    /// Whether it rests; it then counts as healthy, or unhealthy if inverted.
    pub disabled: bool,
}

/// What a health check looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// An HTTP endpoint.
    Http {
        /// Address or name.
        host: String,
        /// Port.
        port: u16,
        /// Path.
        path: String,
        /// Seconds between two looks of one checker: 10 or 30.
        interval_s: u32,
        /// Results in a row that turn it.
        threshold: u32,
    },
    /// Other checks.
    Calculated {
        /// Which.
        children: BTreeSet<CheckId>,
        /// How many of them must be healthy.
        threshold: u32,
    },
    /// Something that no signal uses, by its type.
    Other(String),
}

/// Which check is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckId {
    /// One that stands, by its id.
    Standing(String),
    /// One that an earlier change makes, by its caller reference.
    Planned(String),
}

/// A record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Name as Route 53 or the plan spells it.
    pub name: String,
    /// Type.
    pub kind: RecordKind,
    /// The set identifier of a routed set.
    pub identifier: Option<String>,
    /// What makes it one of several.
    pub routing: Routing,
    /// What it answers.
    pub answer: SetAnswer,
    /// Its health check.
    pub check: Option<CheckId>,
}

/// A set's routing policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// None: it is the only one.
    Simple,
    /// Failover, answering while its check is healthy.
    Primary,
    /// Failover, answering otherwise.
    Secondary,
    /// Another one, by its name.
    Other(&'static str),
}

/// A set's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetAnswer {
    /// Another name's addresses.
    Alias {
        /// The target's name.
        name: String,
        /// The target's zone.
        zone: String,
        /// Whether Route 53 also looks at the target's health; never in a signal.
        evaluate: bool,
    },
    /// Plain values.
    Values {
        /// The values.
        values: Vec<String>,
        /// Time to live in seconds.
        ttl_s: u32,
    },
}

/// One change towards what is wanted, in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Makes a health check.
    CreateCheck {
        /// Its caller reference: asking again makes no second one.
        reference: String,
        /// Its name for people, as a tag.
        name: String,
        /// What it is made of.
        config: CheckConfig,
    },
    /// Waits until every checker has seen every agent say "stay" as often as turns a check. Changes nothing.
    AwaitStay {
        /// The agents' checks.
        checks: Vec<CheckId>,
    },
    /// Takes these sets away, exactly as they were read, and puts those in their place, in one atomic batch.
    ReplaceSets {
        /// The hosted zone's id.
        zone: String,
        /// What goes.
        deleted: Vec<Set>,
        /// What comes.
        created: Vec<Set>,
    },
    /// Takes a health check away that this record had and needs no more.
    DeleteCheck {
        /// Its id.
        id: String,
    },
}
