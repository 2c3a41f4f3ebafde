//! The command line. Each verb is one function that returns an [`Exit`] or a [`Failure`]; this file names the verbs
//! and calls them. It decides nothing about failovers: it carries what an operator asks to an agent and shows what
//! the agent says.

pub mod audit;
pub mod backups;
pub mod check;
pub mod checklist;
pub mod client;
pub mod confirm;
pub mod connection;
pub mod control;
pub mod declare;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod exit;
pub mod failback;
pub mod failover;
pub mod follow;
pub mod guard;
pub mod healthcheck;
pub mod held;
pub mod iam;
pub mod job;
pub mod man;
pub mod members;
pub mod observe;
pub mod order;
pub mod policy;
pub mod recover;
pub mod render;
pub mod report;
pub mod sandbox;
pub mod screen;
pub mod setup;
pub mod signal;
pub mod tls;
pub mod token;
pub mod unpack;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use exit::{Exit, Failure};
use std::{path::PathBuf, process::ExitCode};

const AFTER_HELP: &str = "\
Begin here:
  quorate demo                          watch a failover on this machine
  quorate init quorate                  set up three agents
  quorate check quorate/*.yaml          check files offline
  quorate status --watch                watch a running cluster

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a guard, 4 still running when the wait ended, 5 no agent reached.";

/// Health checks from several regions, and automatic failover when they agree.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watch one failure, end to end, on this machine.
    #[command(
        after_help = "Examples:\n  quorate demo\n  quorate demo --fault partition\n  quorate demo --kill-agent leader --seed 7"
    )]
    Demo(demo::DemoOptions),
    /// Run a two-region world on this machine: AWS endpoints, DNS, applications and a status page.
    #[command(
        after_help = "Examples:\n  quorate sandbox\n  quorate sandbox --control 127.0.0.1:7900 -o json"
    )]
    Sandbox(sandbox::SandboxArgs),
    /// Set up a cluster: certificates, agents' files, the operator token and a first policy.
    #[command(
        after_help = "Examples:\n  quorate init quorate\n  quorate init quorate --service billing --agents \\\n    east=us-east-1=10.0.0.1,west=us-west-2=10.1.0.1,witness=eu-west-1=10.2.0.1"
    )]
    Init(setup::InitArgs),
    /// Run an agent until it is stopped.
    #[command(after_help = "Example:\n  quorate agent --config quorate/us-east-1.yaml")]
    Agent(AgentArgs),
    /// Say by the exit code whether the agent of this machine works, for containers.
    #[command(
        after_help = "Examples:\n  quorate healthcheck\n  quorate healthcheck --ready --config /etc/quorate/agent.yaml"
    )]
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Check an installation from this host, and say what to mend; exit code 1 when something failed.
    #[command(
        after_help = "Examples:\n  quorate doctor --config quorate/us-east-1.yaml\n  quorate doctor --config quorate/us-east-1.yaml quorate/policy.yaml\n  quorate doctor -o json | jq '.findings[] | select(.status != \"ok\")'"
    )]
    Doctor(doctor::DoctorArgs),
    /// Stand beside a database server, and keep it a primary only under the write lease.
    #[command(
        after_help = "Example:\n  quorate guard postgres --pgdata /var/lib/postgresql/15/main \\\n    --lease-url http://127.0.0.1:7950/v1/lease/shop"
    )]
    Guard(guard::GuardArgs),
    /// Check policies and agents' files offline.
    #[command(
        after_help = "Examples:\n  quorate check policy.yaml\n  quorate check quorate/*.yaml\n  quorate check --explain policy.yaml"
    )]
    Check(check::CheckArgs),
    /// Print the JSON Schema of a kind of file, for editors.
    #[command(after_help = "Example:\n  quorate schema policy > policy.schema.json")]
    Schema(check::SchemaArgs),
    /// Print the IAM policy that a service's plans need.
    #[command(after_help = "Example:\n  quorate iam policy.yaml --account 123456789012 --scope observe")]
    Iam(iam::IamArgs),
    /// Set up, or check, the health checks and records by which traffic follows the agents without AWS's control plane.
    #[command(
        after_help = "Examples:\n  quorate signal setup shop --config quorate/us-east-1.yaml --print\n  quorate signal check shop --config quorate/us-east-1.yaml"
    )]
    Signal(signal::SignalArgs),
    /// Put a policy into force.
    #[command(after_help = "Example:\n  quorate apply policy.yaml --reason \"raise the dwell to 90s\"")]
    Apply(policy::ApplyArgs),
    /// Compare a local policy with the one in force; exit code 1 when they differ.
    #[command(after_help = "Example:\n  quorate diff policy.yaml")]
    Diff(policy::DiffArgs),
    /// Show agents, services, votes, leases and executions.
    #[command(
        after_help = "Examples:\n  quorate status --watch\n  quorate status -o json | jq '.services[].active'"
    )]
    Status(observe::StatusArgs),
    /// Say why a service is, or is not, failed over now.
    #[command(after_help = "Example:\n  quorate explain shop")]
    Explain(observe::ExplainArgs),
    /// Show what a failover would do, step by step, without doing it.
    #[command(after_help = "Examples:\n  quorate plan shop\n  quorate plan shop --to us-west-2")]
    Plan(observe::PlanArgs),
    /// Fail a service over, and follow it.
    #[command(
        after_help = "Examples:\n  quorate failover shop --reason \"us-east-1 loses packets\"\n  quorate failover shop --to us-west-2 --reason \"drill 12\" --confirm shop --no-wait"
    )]
    Failover(failover::FailoverArgs),
    /// Stop automation of a service; detection goes on.
    #[command(after_help = "Example:\n  quorate pause shop --for 30m --reason \"database upgrade\"")]
    Pause(control::PauseArgs),
    /// Let automation of a service go on.
    #[command(after_help = "Example:\n  quorate resume shop --reason \"upgrade done\"")]
    Resume(control::ResumeArgs),
    /// End an execution; past the point of no return only one that has stopped.
    #[command(
        after_help = "Examples:\n  quorate abort shop-3 --reason \"the primary is back\"\n  quorate abort shop-3 --reason \"us-east-1 is lost\" --leave"
    )]
    Abort(control::AbortArgs),
    /// Give the old region up while an execution runs: it goes on without what needs that region.
    #[command(after_help = "Example:\n  quorate ungraceful shop-3 --reason \"us-east-1 stopped answering\"")]
    Ungraceful(control::UngracefulArgs),
    /// Declare a scenario that nothing detects, such as corrupted data, and follow its plan.
    #[command(
        after_help = "Examples:\n  quorate declare shop data-corruption --input until=2026-11-22T03:00:00Z --reason \"orders vanish\"\n  quorate declare shop bad-deployment --reason \"5xx since 4.2\" --confirm shop --no-wait"
    )]
    Declare(declare::DeclareArgs),
    /// Make a drill, or look at one: without --mode nothing is changed.
    #[command(
        after_help = "Examples:\n  quorate drill shop\n  quorate drill shop test-restore --mode isolated --reason \"before the audit\"\n  quorate drill shop move --mode live --reason \"Q4 drill\" --confirm shop"
    )]
    Drill(drill::DrillArgs),
    /// Show the drills: when each is due, what came of them, and the trend; exit code 1 when one is overdue.
    #[command(after_help = "Examples:\n  quorate drills shop\n  quorate drills shop -o json")]
    Drills(drill::DrillsArgs),
    /// Show the way home after a failover, or go its next stage.
    #[command(
        after_help = "Examples:\n  quorate failback shop\n  quorate failback shop --next --reason \"us-east-1 is back\""
    )]
    Failback(failback::FailbackArgs),
    /// Let an execution begin that waits for approval, or answer one of its steps.
    #[command(
        after_help = "Examples:\n  quorate approve shop-3 --reason \"confirmed by phone\"\n  quorate approve shop-3 --step data-complete --reason \"counts match\""
    )]
    Approve(control::ApproveArgs),
    /// Show what people see to around an execution, and tick it.
    #[command(
        after_help = "Examples:\n  quorate checklist shop-3\n  quorate checklist shop-3 --tick team-notified --reason \"all on the call\""
    )]
    Checklist(checklist::ChecklistArgs),
    /// Take an execution up: nobody further is called.
    #[command(after_help = "Example:\n  quorate acknowledge shop-3 --reason \"I am at it\"")]
    Acknowledge(control::ExecutionArgs),
    /// List executions, or show or follow one.
    #[command(
        after_help = "Examples:\n  quorate history\n  quorate history shop -n 5\n  quorate history --execution shop-3\n  quorate history --execution shop-3 --follow"
    )]
    History(observe::HistoryArgs),
    /// Show the audit, prove that nobody changed it, or export it.
    #[command(
        after_help = "Examples:\n  quorate audit show --service shop --since 2h\n  quorate audit verify\n  quorate audit export --format sqlite --out audit.db"
    )]
    Audit(audit::AuditArgs),
    /// Report one execution, or all that happened in a period, for people who were not there.
    #[command(
        after_help = "Examples:\n  quorate report shop-3 > shop-3.md\n  quorate report shop-3 -o html --out shop-3.html\n  quorate report --period 90d --service shop -o html --out shop.html"
    )]
    Report(report::ReportArgs),
    /// Show the latest result of each probe, phase by phase.
    #[command(after_help = "Example:\n  quorate probe shop")]
    Probe(observe::ProbeArgs),
    /// Show whether a restore could be made now: each backup's age, size and state; exit code 1 when one is not fresh.
    #[command(
        after_help = "Examples:\n  quorate backups shop\n  quorate backups shop -o json --agent http://127.0.0.1:7960"
    )]
    Backups(backups::BackupsArgs),
    /// List the agents that vote; add, remove or replace one.
    #[command(
        after_help = "Examples:\n  quorate members\n  quorate members replace eu-west-1 eu-west-1b --address 10.2.0.9:7951 --reason \"its disk is gone\""
    )]
    Members(members::MembersArgs),
    /// Make and show certificates of agents.
    #[command(
        after_help = "Examples:\n  quorate tls issue ap-south-1 --host 10.3.0.4 --ca ca.pem --ca-key ca.key --out ap-south-1\n  quorate tls show cluster/*.pem"
    )]
    Tls(tls::TlsArgs),
    /// Let the last agent go on alone after the others were lost for good.
    #[command(
        after_help = "Example:\n  quorate recover --config us-east-1.yaml --as-only-member --i-know-the-others-are-lost --reason \"both datacentres burnt\""
    )]
    Recover(recover::RecoverArgs),
    /// Copy a stopped agent's data, so that it can be restored without voting twice.
    #[command(after_help = "Example:\n  quorate backup-data --config us-east-1.yaml --out us-east-1.redb")]
    BackupData(recover::BackupDataArgs),
    /// Run one program for the agent that starts this.
    #[command(hide = true)]
    Job(job::JobArgs),
    /// Print the document of all metrics, `grafana/METRICS.md`.
    #[command(hide = true)]
    Metrics,
    /// Write the manual pages into a directory.
    #[command(hide = true)]
    Man(man::ManArgs),
    /// Write environment variables into files, before an agent starts on a platform that hands secrets over so.
    #[command(hide = true)]
    Unpack(unpack::UnpackArgs),
    /// Print the completions of a shell.
    #[command(after_help = "Example:\n  quorate completions bash > /etc/bash_completion.d/quorate")]
    Completions(CompletionsArgs),
}

/// `quorate agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The agent's own file.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

/// `quorate completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Reads the command line, does what it says, and prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure.
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    // It has a runtime of its own, and ends the process itself.
    if let Some(Verb::Job(args)) = &cli.verb {
        job::job(args);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            connection::note(&format!("quorate: cannot start: {error}"));
            return Exit::Failed.into();
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(failure) => {
            let report = failure.report();
            if !report.is_empty() {
                connection::note(&report);
            }
            failure.exit().into()
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// When it is not done.
pub async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Some(verb) = cli.verb else {
        // Somebody who types the bare name asks what there is; a script that forgot its verb must still fail.
        screen::Screen::detect().print(&Cli::command().render_help().to_string())?;
        return Ok(Exit::Usage.into());
    };
    let exit = match verb {
        Verb::Demo(options) => return crate::demo::run(options).await.map_err(Failure::Run),
        Verb::Agent(args) => crate::shell::run(args.config).await.map(|()| Exit::Done).map_err(Failure::Run),
        Verb::Sandbox(args) => sandbox::sandbox(&args).await,
        Verb::Init(args) => setup::init(&args),
        Verb::Healthcheck(args) => healthcheck::healthcheck(&args).await,
        Verb::Doctor(args) => doctor::doctor(&args).await,
        Verb::Guard(args) => guard::guard(args).await,
        Verb::Check(args) => check::check(&args),
        Verb::Schema(args) => check::schema(&args),
        Verb::Iam(args) => iam::iam(&args),
        Verb::Signal(args) => signal::signal(&args).await,
        Verb::Apply(args) => policy::apply(&args).await,
        Verb::Diff(args) => policy::diff(&args).await,
        Verb::Status(args) => observe::status(&args).await,
        Verb::Explain(args) => observe::explain(&args).await,
        Verb::Plan(args) => observe::plan(&args).await,
        Verb::Failover(args) => failover::failover(&args).await,
        Verb::Pause(args) => control::pause(&args).await,
        Verb::Resume(args) => control::resume(&args).await,
        Verb::Abort(args) => control::abort(&args).await,
        Verb::Ungraceful(args) => control::ungraceful(&args).await,
        Verb::Declare(args) => declare::declare(&args).await,
        Verb::Drill(args) => drill::drill(&args).await,
        Verb::Drills(args) => drill::drills(&args).await,
        Verb::Failback(args) => failback::failback(&args).await,
        Verb::Approve(args) => control::approve(&args).await,
        Verb::Checklist(args) => checklist::checklist(&args).await,
        Verb::Acknowledge(args) => control::acknowledge(&args).await,
        Verb::History(args) => observe::history(&args).await,
        Verb::Audit(args) => audit::audit(&args).await,
        Verb::Report(args) => report::report(&args).await,
        Verb::Probe(args) => observe::probe(&args).await,
        Verb::Backups(args) => backups::backups(&args).await,
        Verb::Members(args) => members::members(&args).await,
        Verb::Tls(args) => tls::tls(&args),
        Verb::Recover(args) => recover::recover(&args),
        Verb::BackupData(args) => recover::backup_data(&args),
        Verb::Job(args) => job::job(&args),
        Verb::Metrics => screen::Screen::detect()
            .print(&crate::metrics::document())
            .map(|()| Exit::Done)
            .map_err(Failure::from),
        Verb::Man(args) => man::man(&args),
        Verb::Unpack(args) => unpack::unpack(&args),
        Verb::Completions(args) => completions(&args),
    };
    exit.map(ExitCode::from)
}

fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "quorate", &mut text);
    screen::Screen::detect().print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
