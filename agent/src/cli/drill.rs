//! `quorate drill` and `quorate drills`: what is rehearsed, when, and what came of it. Without a mode a drill is only looked at:
//! nothing is changed unless the operator says how far it shall go.

use super::{
    confirm,
    connection::{Connection, Output, Session, note, reason},
    exit::{Exit, Failure},
    follow,
    render::drills as render,
};
use clap::{Args, ValueEnum};
use quorate_api::{
    Changed,
    drill::{DrillPlan, DrillView, Drills},
    request::Drill,
};
use quorate_policies::Millis;

/// `quorate drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The service.
    service: String,
    /// The drill, as the policy names it [default: the only one of that mode].
    name: Option<String>,
    /// How far it goes.
    #[arg(long, value_enum, default_value_t = Mode::DryRun)]
    mode: Mode,
    /// Why; it stands in the audit and in the report. A dry run with a reason is recorded, where the drill is one.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// The service's name once more, where nobody can be asked: a drill runs plans.
    #[arg(long, value_name = "SERVICE")]
    confirm: Option<String>,
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

/// How far a drill goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Everything is looked at, and nothing is changed.
    DryRun,
    /// A plan runs against throwaway targets beside the service.
    Isolated,
    /// The service is moved, stays, and is moved back.
    Live,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Mode::DryRun => "dry-run",
            Mode::Isolated => "isolated",
            Mode::Live => "live",
        }
    }
}

/// `quorate drills`.
#[derive(Debug, Args)]
pub struct DrillsArgs {
    /// The service.
    service: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Shows a service's drills. One that is overdue is a failure, for scripts.
///
/// # Errors
/// When no agent answers, or there is no such service.
pub async fn drills(args: &DrillsArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let answer = session.client.get::<Drills>(&["services", &args.service, "drills"], &[]).await?;
    session.show(&answer, render::drills)?;
    let overdue = answer.value.drills.iter().any(|drill| drill.due == "overdue");
    Ok(if overdue { Exit::Failed } else { Exit::Done })
}

/// Makes a drill, or looks at one.
///
/// # Errors
/// When it is not confirmed, the drill is not said, no agent answers, or the agents refuse.
pub async fn drill(args: &DrillArgs) -> Result<Exit, Failure> {
    let Some(reason) = &args.reason else {
        if args.mode == Mode::DryRun {
            return dry_run(args).await;
        }
        return Err(Failure::Usage(format!("a drill of mode {} needs --reason WHY", args.mode.as_str())));
    };
    let confirmed = confirm::confirmed("drill", &args.service, args.confirm.as_deref())?;
    let session = Session::changing(&args.connection, args.output)?;
    let name = named(&session, args).await?;
    if !confirmed {
        let what = match args.mode {
            Mode::DryRun => format!("This records a dry run of {name}; nothing else is changed."),
            Mode::Isolated => format!("This runs {name} beside {}, and clears it away.", args.service),
            Mode::Live => format!("This moves {} away and back, with drill {name}.", args.service),
        };
        confirm::typed(&what, &args.service)?;
    }
    let order =
        Drill { mode: args.mode.as_str().to_owned(), reason: reason.clone(), confirm: args.service.clone() };
    let path = ["services", &args.service, "drills", &name];
    let changed = session.client.post::<Changed>(&path, &order).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    let exit = follow::ordered(&session, &id, (!args.no_wait).then_some(args.wait)).await?;
    if !args.no_wait {
        note(&format!("What is still to come of it: `quorate drills {}`", args.service));
    }
    Ok(exit)
}

async fn dry_run(args: &DrillArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let name = named(&session, args).await?;
    let path = ["services", &args.service, "drills", &name];
    let answer = session.client.get::<DrillPlan>(&path, &[]).await?;
    session.show(&answer, render::dry_run)?;
    Ok(if answer.value.ready { Exit::Done } else { Exit::Failed })
}

/// The drill that is meant: a dry run can be made of any, the others only of their own kind.
async fn named(session: &Session, args: &DrillArgs) -> Result<String, Failure> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let drills =
        session.client.get::<Drills>(&["services", &args.service, "drills"], &[]).await?.value.drills;
    let any = args.mode == Mode::DryRun && args.reason.is_none();
    let fits = |drill: &&DrillView| any || drill.mode == args.mode.as_str();
    let names: Vec<&str> = drills.iter().filter(fits).map(|drill| drill.drill.as_str()).collect();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(Failure::Usage(format!(
            "the policy of {} has no such drill; `quorate plan {}` looks at its failover",
            args.service, args.service
        ))),
        _ => Err(Failure::Usage(format!("say which drill: {}", names.join(", ")))),
    }
}
