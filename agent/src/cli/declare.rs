//! `quorate declare`: says that a scenario is the case which nothing detects, asks, orders, and follows. Every safety rule is the
//! agents'; this file only makes sure that the operator means it.

use super::{
    confirm,
    connection::note,
    exit::{Exit, Failure},
    order::OrderArgs,
};
use clap::Args;
use quorate_api::{Changed, request::Declare};
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
    #[command(flatten)]
    order: OrderArgs,
}

/// Declares a scenario.
///
/// # Errors
/// When it is not confirmed, an input is said twice, no agent answers, or the agents refuse.
pub async fn declare(args: &DeclareArgs) -> Result<Exit, Failure> {
    let order = &args.order;
    let confirmed = confirm::confirmed("declaration", &args.service, order.confirm.as_deref())?;
    let inputs = inputs(&args.inputs)?;
    let session = order.session()?;
    if !confirmed {
        let what = format!(
            "This declares `{}` of {} and runs its plan. What it does may be impossible to undo.",
            args.scenario, args.service
        );
        confirm::typed(&what, &args.service)?;
    }
    let asked = Declare {
        scenario: args.scenario.clone(),
        inputs,
        to: order.to.clone(),
        reason: order.reason.clone(),
        confirm: args.service.clone(),
        accept_data_loss: order.accept_data_loss,
        ungraceful: order.ungraceful,
    };
    let changed =
        session.client.post::<Changed>(&["services", &args.service, "declare"], &asked).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    order.follow(&session, &id).await
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
