//! `quorate signal setup` and `quorate signal check`: the health checks and failover records by which traffic follows what
//! the agents say, made and judged. It turns no signal and moves no traffic; what to change and what is wrong is
//! decided in `quorate_aws::signal`.

pub mod followed;

use super::{
    confirm,
    connection::{Connection, Format, Output, Session, document_text, note, read_text},
    exit::{Exit, Failure},
    render::signal::{self as text, Judged, Planned},
    screen::Screen,
};
use clap::{Args, Subcommand};
use followed::{Followed, Unsaid, followed, problem};
use quorate_api::PolicyView;
use quorate_aws::{
    Aws,
    signal::{PlanError, SignalError, lint, plan},
};
use quorate_policies::{
    document::{self, FieldPath, Problem},
    readiness::FindingSeverity,
};
use std::path::PathBuf;

/// `quorate signal`.
#[derive(Debug, Args)]
pub struct SignalArgs {
    /// What to do.
    #[command(subcommand)]
    verb: SignalVerb,
}

/// What to do about a signal.
#[derive(Debug, Subcommand)]
enum SignalVerb {
    /// Make the health checks and failover records by which traffic follows the agents. Moves no traffic.
    #[command(
        after_help = "What is made: for each agent an inverted health check of its `/v1/signal/SERVICE/PRIMARY`, a calculated check over them that a majority turns, and a failover record of which the primary set has that check. Run it again after every change of agents or records: it changes only what is not as it should be. Credentials are found as by every AWS tool.\n\nExamples:\n  quorate signal setup shop --config quorate/us-east-1.yaml --print\n  quorate signal setup shop --config quorate/us-east-1.yaml\n  quorate signal setup shop --config quorate/us-east-1.yaml --policy policy.yaml --yes -o json"
    )]
    Setup(SetupArgs),
    /// Find what would keep the signal from moving traffic, or would move it without one; exit code 1 when it is blocking.
    #[command(after_help = "Example:\n  quorate signal check shop --config quorate/us-east-1.yaml")]
    Check(CheckArgs),
}

/// `quorate signal setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    what: What,
    /// Print what would be made, with the commands of the AWS CLI that make it, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    print: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// `quorate signal check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    what: What,
}

/// Which signal, and where its settings stand.
#[derive(Debug, Args)]
struct What {
    /// The service.
    service: String,
    /// An agent's own file: its members say where Route 53's checkers reach each agent, and it says how AWS is reached.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// The service's policy [default: the one in force, asked of an agent].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The agent that is asked [default: that of --config].
    #[arg(long, env = "QUORATE_AGENT", value_name = "URL")]
    agent: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Why a signal was not set up or checked.
#[derive(Debug, thiserror::Error)]
pub enum SignalFailure {
    /// What stands cannot be read.
    #[error("cannot read what stands for {record}: {source}")]
    Read {
        /// Which record.
        record: String,
        /// Why not.
        source: SignalError,
    },
    /// The signal would be unsound, or its setup would move traffic.
    #[error("nothing was changed: {0}")]
    Plan(#[from] PlanError),
    /// A change was not made, or it is not known whether it was.
    #[error(
        "{record}: {source}\nWhat was made before stands; run the same command again to go on from there."
    )]
    Apply {
        /// Which record.
        record: String,
        /// Why not.
        source: SignalError,
    },
}

/// Carries out the verb.
///
/// # Errors
/// When a file is wrong, AWS refuses or does not answer, or the operator says no.
pub async fn signal(args: &SignalArgs) -> Result<Exit, Failure> {
    match &args.verb {
        SignalVerb::Setup(args) => setup(args).await,
        SignalVerb::Check(args) => check(args).await,
    }
}

async fn setup(args: &SetupArgs) -> Result<Exit, Failure> {
    let Ready { followed, aws } = ready(&args.what).await?;
    let mut planned = Vec::new();
    for Followed { wanted, role } in &followed {
        let existing = aws.signal_existing(wanted, role.as_ref()).await;
        let existing =
            existing.map_err(|source| SignalFailure::Read { record: wanted.record.clone(), source })?;
        let changes = plan(&existing, wanted).map_err(SignalFailure::Plan)?;
        planned.push(Planned { wanted, role: role.as_ref(), changes });
    }
    let (service, format) = (&args.what.service, args.what.output.output);
    let show = |applied: bool| match format {
        Format::Table => Ok(()),
        Format::Json | Format::Yaml => print(format, &text::planned_document(service, &planned, applied)),
    };
    if args.print {
        show(false)?;
        return if format == Format::Table { said(&text::commands(&planned)) } else { Ok(Exit::Done) };
    }
    if planned.iter().all(|planned| planned.changes.is_empty()) {
        show(false)?;
        return if format == Format::Table { said(&text::changes(&planned)) } else { Ok(Exit::Done) };
    }
    if !args.yes {
        // Programs read standard output, so who is asked sees it on the other one.
        note(&text::changes(&planned));
        ask(service)?;
    } else if format == Format::Table {
        said(&text::changes(&planned))?;
    }
    apply(&aws, &planned).await?;
    show(true)?;
    if format == Format::Table {
        said(&format!("Done. Check it with the same options: quorate signal check {service}"))?;
    }
    Ok(Exit::Done)
}

fn ask(service: &str) -> Result<(), Failure> {
    if !confirm::can_ask() {
        let message =
            "nothing was changed: there is no terminal to ask at; add --yes, or --print to only look";
        return Err(Failure::Usage(message.to_owned()));
    }
    confirm::typed("This changes health checks and records, and moves no traffic.", service)
}

async fn apply(aws: &Aws, planned: &[Planned<'_>]) -> Result<(), Failure> {
    for Planned { wanted, role, changes } in planned {
        let (mut made, all) = (0, changes.len());
        let tell = |change: &_| {
            made += 1;
            note(&format!("{made}/{all} {change}"));
        };
        let applied = aws.signal_apply(changes, *role, tell).await;
        applied.map_err(|source| SignalFailure::Apply { record: wanted.record.clone(), source })?;
    }
    Ok(())
}

async fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let Ready { followed, aws } = ready(&args.what).await?;
    let mut judged = Vec::new();
    for Followed { wanted, role } in &followed {
        let existing = aws.signal_existing(wanted, role.as_ref()).await;
        let existing =
            existing.map_err(|source| SignalFailure::Read { record: wanted.record.clone(), source })?;
        judged.push(Judged { wanted, findings: lint(&existing, wanted) });
    }
    match args.what.output.output {
        Format::Table => drop(said(&text::findings(Screen::detect(), &judged))?),
        format => print(format, &text::findings_document(&args.what.service, &judged))?,
    }
    let mut findings = judged.iter().flat_map(|judged| &judged.findings);
    let blocking = findings.any(|finding| finding.severity == FindingSeverity::Blocking);
    Ok(if blocking { Exit::Failed } else { Exit::Done })
}

/// The way to AWS, and what to look for there.
struct Ready {
    followed: Vec<Followed>,
    aws: Aws,
}

async fn ready(what: &What) -> Result<Ready, Failure> {
    let config = what.config.display().to_string();
    let config_text = read_text(&what.config)?;
    let file = document::read_agent_file(&config, &config_text).map_err(|problems| listed(&problems))?;
    let (policy_name, policy_text) = policy(what).await?;
    let policy = document::read_policy(&policy_name, &policy_text).map_err(|problems| listed(&problems))?;
    let place = |problems| document::locate(&policy_name, &policy_text, problems);
    if policy.service.as_str() != what.service {
        let message = format!("this is the policy of `{}`, not of `{}`", policy.service, what.service);
        let wrong = problem(FieldPath::from(["service"]), message, "name its service, or another file");
        return Err(listed(&place(vec![wrong])));
    }
    let followed = followed(&policy, &file).map_err(|Unsaid { policy, agent }| {
        let agent = document::locate(&config, &config_text, agent);
        listed(&[place(policy), agent].concat())
    })?;
    let aws = Aws::load(crate::effects::aws_settings(&file)).await;
    Ok(Ready { followed, aws })
}

/// The policy, and what problems call it.
async fn policy(what: &What) -> Result<(String, String), Failure> {
    if let Some(file) = &what.policy {
        return Ok((file.display().to_string(), read_text(file)?));
    }
    let connection =
        Connection { agent: what.agent.clone(), config: Some(what.config.clone()), token_file: None };
    let session = Session::reading(&connection, what.output)?;
    let view = session.client.get::<PolicyView>(&["policies", &what.service], &[]).await?.value;
    Ok((format!("the policy in force (version {})", view.version), view.policy))
}

fn listed(problems: &[Problem]) -> Failure {
    Failure::Findings(problems.iter().map(ToString::to_string).collect())
}

fn print(format: Format, document: &serde_json::Value) -> Result<(), Failure> {
    Ok(Screen::detect().print(&document_text(format, document)?)?)
}

fn said(text: &str) -> Result<Exit, Failure> {
    Screen::detect().print(text)?;
    Ok(Exit::Done)
}
