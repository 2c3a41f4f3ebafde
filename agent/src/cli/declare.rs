//! `quorate declare`: says that a scenario is the case which nothing detects, asks, orders, and follows. Every safety rule is the
//! agents'; this file only makes sure that the operator means it.

use super::{
    confirm,
    connection::{Connection, Output, Session, note, reason},
    exit::{Exit, Failure},
    follow,
};
use clap::Args;
use quorate_api::{Changed, request::Declare};
use quorate_policies::Millis;
use std::collections::BTreeMap;

/// `quorate declare`.
#[derive(Debug, Args)]
pub struct DeclareArgs {
    /// The service.
    service: String,
    /// The scenario, as the policy names it.
    scenario: String,
    /// What the scenario asks for; once for each.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, String)>,
    /// Why; it stands in the audit and in the report.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// The region to activate, if the plan moves the service [default: the first healthy standby].
    #[arg(long, value_name = "REGION")]
    to: Option<String>,
    /// The service's name once more, where nobody can be asked: a plan may do what cannot be undone.
    #[arg(long, value_name = "SERVICE")]
    confirm: Option<String>,
    /// Promote a replica also when nobody knows how far it is behind, or when it is too far behind.
    #[arg(long)]
    accept_data_loss: bool,
    /// How long to follow the execution.
    #[arg(long, value_name = "DURATION", default_value_t = follow::WAIT_DEFAULT, value_parser = Millis::parse)]
    wait: Millis,
    /// Do not follow the execution.
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Declares a scenario.
///
/// # Errors
/// When it is not confirmed, an input is said twice, no agent answers, or the agents refuse.
pub async fn declare(args: &DeclareArgs) -> Result<Exit, Failure> {
    let confirmed = confirm::confirmed("declaration", &args.service, args.confirm.as_deref())?;
    let inputs = inputs(&args.inputs)?;
    let session = Session::changing(&args.connection, args.output)?;
    if !confirmed {
        let what = format!(
            "This declares `{}` of {} and runs its plan. What it does may be impossible to undo.",
            args.scenario, args.service
        );
        confirm::typed(&what, &args.service)?;
    }
    let order = Declare {
        scenario: args.scenario.clone(),
        inputs,
        to: args.to.clone(),
        reason: args.reason.clone(),
        confirm: args.service.clone(),
        accept_data_loss: args.accept_data_loss,
    };
    let changed =
        session.client.post::<Changed>(&["services", &args.service, "declare"], &order).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    follow::ordered(&session, &id, (!args.no_wait).then_some(args.wait)).await
}

fn input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() {
        Err("the name is missing".to_owned())
    } else {
        Ok((name.to_owned(), value.to_owned()))
    }
}

fn inputs(said: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut inputs = BTreeMap::new();
    for (name, value) in said {
        if inputs.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::Usage(format!(
                "--input {name} is given twice: which one counts is not said"
            )));
        }
    }
    Ok(inputs)
}
