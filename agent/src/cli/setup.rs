//! `quorate init`: the command line's side of [`crate::init`]: options in, next steps out.

use super::{
    exit::{Exit, Failure},
    screen::Screen,
};
use crate::init::{self, CLUSTER_DEFAULT, InitOptions, InitReport, Place};
use clap::Args;
use quorate_policies::ServiceName;
use std::{net::IpAddr, path::PathBuf};

/// `quorate init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The directory; it must be new or empty.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The agents as name=region=host, separated by commas [default: three on this machine].
    #[arg(long, value_delimiter = ',', value_name = "AGENTS")]
    agents: Vec<Place>,
    /// The cluster's name; agents of another cluster are refused.
    #[arg(long, default_value = CLUSTER_DEFAULT, value_name = "NAME")]
    cluster: String,
    /// The service of the first policy.
    #[arg(long, default_value = "shop", value_name = "SERVICE")]
    service: ServiceName,
}

/// Sets up a cluster's files.
///
/// # Errors
/// When the directory is not empty, or the agents do not suffice.
pub fn init(args: &InitArgs) -> Result<Exit, Failure> {
    let places = if args.agents.is_empty() { Place::usual() } else { args.agents.clone() };
    let options = InitOptions {
        cluster: args.cluster.clone(),
        agents: init::plans(&places),
        ..InitOptions::for_service(args.service.as_str())
    };
    let report = init::write(&args.directory, &options)?;
    Screen::detect().print(&next_steps(&report, &places, args.service.as_str()))?;
    Ok(Exit::Done)
}

/// What was written, and what to do with it.
#[must_use]
pub fn next_steps(report: &InitReport, places: &[Place], service: &str) -> String {
    let local = |place: &Place| {
        place.host == "localhost" || place.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    let directory = report.directory.display();
    let policy = report.policy_file.display();
    let mut lines =
        vec![format!("{directory} holds {} agents' files, a first policy and their secrets.", places.len())];
    lines.push(format!(
        "Keep {} offline: who has it can become an agent. Only new agents need it.",
        report.authority_key_file.display()
    ));
    lines.push("\nNext:".to_owned());
    if places.iter().all(local) {
        lines.push("  Start each agent in a terminal of its own:".to_owned());
        let files = places.iter().filter_map(|place| report.agent_files.get(&place.name));
        lines.extend(files.map(|file| format!("    quorate agent --config {}", file.display())));
    } else {
        lines.push("  Copy to each agent's host, into one directory, and start it there:".to_owned());
        let shared = "ca.pem operator.token webhook-*.secret";
        lines.extend(places.iter().map(|place| {
            let name = &place.name;
            format!("    {}: {name}.yaml {name}.pem {name}.key {shared}\n      quorate agent --config {name}.yaml", place.host)
        }));
    }
    lines.push(format!("  Write your own names into the policy, and check it:\n    quorate check {policy}"));
    let first = places.first().and_then(|place| report.agent_files.get(&place.name));
    let config = first.map(|file| file.display().to_string()).unwrap_or_default();
    lines.push("  Put it into force, from any agent's host:".to_owned());
    lines.push(format!("    export QUORATE_CONFIG={config}"));
    lines.push(format!("    quorate apply {policy} --reason \"first policy\""));
    lines.push(format!("    quorate status\n    quorate explain {service}"));
    lines.join("\n")
}
