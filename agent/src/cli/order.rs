//! What every order to run a plan is given with, once: why, where to, how, and how long it is followed. What is ordered
//! is each verb's business.

use super::{
    connection::{Connection, Output, Session, reason},
    exit::{Exit, Failure},
    follow,
};
use clap::Args;
use quorate_policies::Millis;

/// What `quorate failover` and `quorate declare` have in common.
#[derive(Debug, Args)]
pub struct OrderArgs {
    /// Why; it stands in the audit and in the report.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// The region to activate, if the plan moves the service [default: the first healthy standby].
    #[arg(long, value_name = "REGION")]
    pub to: Option<String>,
    /// The service's name once more, where nobody can be asked: a plan may do what cannot be undone.
    #[arg(long, value_name = "SERVICE")]
    pub confirm: Option<String>,
    /// Promote a replica also when nobody knows how far it is behind, or when it is too far behind.
    #[arg(long)]
    pub accept_data_loss: bool,
    /// Give the old region up from the first step on: nothing is asked of it.
    #[arg(long)]
    pub ungraceful: bool,
    /// How long to follow the execution.
    #[arg(long, value_name = "DURATION", default_value_t = follow::WAIT_DEFAULT, value_parser = Millis::parse)]
    wait: Millis,
    /// Do not follow the execution.
    #[arg(long, conflicts_with = "wait")]
    pub no_wait: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

impl OrderArgs {
    /// A connection that may change things.
    ///
    /// # Errors
    /// When the connection's own settings are wrong.
    pub fn session(&self) -> Result<Session, Failure> {
        Session::changing(&self.connection, self.output)
    }

    /// Follows what was ordered, for as long as was asked.
    ///
    /// # Errors
    /// As [`follow::ordered`].
    pub async fn follow(&self, session: &Session, id: &str) -> Result<Exit, Failure> {
        follow::ordered(session, id, (!self.no_wait).then_some(self.wait)).await
    }
}
