//! `quorate recover`: two of three agents are lost for good, and the one that is left goes on alone. And `quorate
//! backup-data`, from which an agent can be restored. Both work on the files of a stopped agent, and on nothing else.
//!
//! Whether the others are lost is a person's word, and the only thing on which this rests. So the command knocks at their
//! doors first, says what it will do, and the agent acts on nothing until three agents are there again.

use super::{
    connection::reason,
    exit::{Exit, Failure},
    screen::Screen,
};
use clap::Args;
use quorate_consensus::{Left, Seat, copy, left, open_database, recover as write_recovery};
use quorate_core::{Actor, Body, Cluster, Command};
use quorate_policies::{
    AgentName, FEATURE_LEVEL, Timestamp,
    document::{self, AgentFile},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Read as _},
    net::{TcpStream, ToSocketAddrs as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long each of the others is given to answer: a connection across an ocean, with a retransmission.
const KNOCK_MAX: Duration = Duration::from_secs(3);
/// How long an open door is listened at. An agent waits for the caller to speak first; what stands before a dead one, such as
/// a load balancer, takes the connection and closes it as soon as it finds nobody behind itself.
const LISTEN_MAX: Duration = Duration::from_secs(1);
/// The name of the database in an agent's data directory.
const DATABASE: &str = "log.redb";

type Runtime = openraft_rt_tokio::TokioRuntime;

/// `quorate recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The stopped agent's own file.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// The agent becomes the only member; others are added afterwards.
    #[arg(long, required = true)]
    as_only_member: bool,
    /// You know that the other agents are gone for good: their disks are destroyed, or they are switched off and will be
    /// wiped. If a majority of them lives, you make a second cluster.
    #[arg(long, required = true)]
    i_know_the_others_are_lost: bool,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
}

/// `quorate backup-data`.
#[derive(Debug, Args)]
pub struct BackupDataArgs {
    /// The stopped agent's own file.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// The copy; a file that is there is left alone.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Copies a stopped agent's data, so that the copy can be started without voting twice.
///
/// # Errors
/// When the agent runs, or a file cannot be read or written.
pub fn backup_data(args: &BackupDataArgs) -> Result<Exit, Failure> {
    let (file, base) = read(&args.config)?;
    let path = base.join(&file.data_dir).join(DATABASE);
    if !path.is_file() {
        return Err(Failure::Read {
            file: path,
            detail: "there is no such file: nothing to copy".to_owned(),
        });
    }
    if args.out.exists() {
        return Err(Failure::Usage(format!("{} is there already: name a new file", args.out.display())));
    }
    let database = open_database(&path).map_err(|error| Failure::Run(error.into()))?;
    if let Err(error) = copy(&database, &args.out) {
        // Half a copy is none.
        let _ = fs::remove_file(&args.out);
        return Err(Failure::Run(error.into()));
    }
    let said = format!(
        "{} holds what {} knew. To restore it, put it into an empty data directory as {DATABASE}; the agent then hears every other voter before it votes.",
        args.out.display(),
        file.name
    );
    Screen::detect().print(&said)?;
    Ok(Exit::Done)
}

/// Lets a stopped agent go on alone.
///
/// # Errors
/// When the agent runs, its data cannot be used, or another agent answers.
pub fn recover(args: &RecoverArgs) -> Result<Exit, Failure> {
    let (file, base) = read(&args.config)?;
    let path = base.join(&file.data_dir).join(DATABASE);
    if !path.is_file() {
        return Err(Failure::Read {
            file: path,
            detail: "there is no such file: nothing to recover".to_owned(),
        });
    }
    // It is locked while its agent runs.
    let database = open_database(&path).map_err(|error| Failure::Run(error.into()))?;
    let seat = Seat { name: file.name.to_string(), region: file.region.to_string() };
    let left: Left<Cluster> = left::<Cluster, Runtime>(&database, &seat, FEATURE_LEVEL.0)
        .map_err(|error| Failure::Run(error.into()))?;
    let answering = knock(&doors(&file, &left.machine));
    if !answering.is_empty() {
        return Err(Failure::Findings(answering));
    }
    let actor = Actor { name: operator(), reason: args.reason.clone() };
    let command = |recoveries| {
        Command::new(
            format!("recover/{recoveries}"),
            Timestamp(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()),
            file.name.clone(),
            Body::Recover { member: file.name.clone(), region: file.region.clone(), recoveries, actor },
        )
    };
    write_recovery::<Cluster, Runtime>(&database, &seat, FEATURE_LEVEL.0, command)
        .map_err(|error| Failure::Run(error.into()))?;
    Screen::detect().print(&said(&file, &left, &args.config))?;
    Ok(Exit::Done)
}

fn read(config: &Path) -> Result<(AgentFile, PathBuf), Failure> {
    let text = fs::read_to_string(config)
        .map_err(|error| Failure::Read { file: config.to_owned(), detail: error.to_string() })?;
    let file = document::read_agent_file(&config.display().to_string(), &text)
        .map_err(|problems| Failure::Findings(problems.iter().map(ToString::to_string).collect()))?;
    Ok((file, config.parent().map_or_else(PathBuf::new, Path::to_path_buf)))
}

/// Whoever may still be there, and where.
fn doors(file: &AgentFile, cluster: &Cluster) -> BTreeMap<AgentName, String> {
    let listed = file.members.iter().map(|(name, member)| (name.clone(), member.address.clone()));
    let added = cluster.seated().into_keys().filter_map(|name| {
        let address = cluster.address_of(&name)?.clone();
        Some((name, address))
    });
    added.chain(listed).filter(|(name, _)| *name != file.name).collect()
}

/// One line for each that answers.
fn knock(doors: &BTreeMap<AgentName, String>) -> Vec<String> {
    let answers = |address: &str| {
        let places = address.to_socket_addrs().into_iter().flatten();
        places.into_iter().any(|place| TcpStream::connect_timeout(&place, KNOCK_MAX).is_ok_and(stays_open))
    };
    let line = |(name, address): (&AgentName, &String)| {
        format!(
            "quorate: something answers at {address}, where agent `{name}` is reached: it is not lost. Stop it for good, \
             or start a majority and change nothing"
        )
    };
    doors.iter().filter(|(_, address)| answers(address)).map(line).collect()
}

/// Whether somebody is there. In doubt somebody is.
fn stays_open(mut door: TcpStream) -> bool {
    if door.set_read_timeout(Some(LISTEN_MAX)).is_err() {
        return true;
    }
    match door.read(&mut [0]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Who does this, for the audit: nobody has been asked for a token, so it is whoever may write the agent's files.
fn operator() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".to_owned())
}

fn said(file: &AgentFile, left: &Left<Cluster>, config: &Path) -> String {
    let lost: Vec<String> = left
        .machine
        .seated()
        .into_keys()
        .filter(|name| *name != file.name)
        .map(|name| name.to_string())
        .collect();
    let services: Vec<&str> = left.machine.services.keys().map(|name| name.as_str()).collect();
    let (name, (term, index)) = (&file.name, left.last);
    let mut lines = vec![
        format!("{name} goes on alone from entry {index} of term {term}; given up: {}.", lost.join(", ")),
        "What the others had committed behind that entry is lost: compare with their backups, the audit files, and the world."
            .to_owned(),
        String::new(),
        "Next:".to_owned(),
        format!("  quorate agent --config {}", config.display()),
        "  Wipe the data directories of the lost agents before they are ever started again.".to_owned(),
        "  Give new agents empty data directories and certificates, start them, and add each:".to_owned(),
        "    quorate members add NAME --region REGION --address HOST:PORT --reason \"after the loss\"".to_owned(),
        "  With three agents, leases are granted again. Look at each service, then let automation go on:".to_owned(),
    ];
    lines.extend(
        services.iter().map(|service| format!("    quorate resume {service} --reason \"looked at it\"")),
    );
    lines.join("\n")
}
