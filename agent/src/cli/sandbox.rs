//! `quorate sandbox`: the sandbox alone, for trying agents and policies by hand. It starts no agent.

use super::{
    connection::{Format, document_text, note, read_text},
    exit::{Exit, Failure},
    screen::{Screen, cell},
};
use clap::Args;
use quorate_sandbox::{Endpoints, Options};
use std::{net::SocketAddr, path::PathBuf};

/// `quorate sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// All options as YAML; the other options here go before it.
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,
    /// The region that serves at the start.
    #[arg(long, value_name = "REGION")]
    primary: Option<String>,
    /// The region that stands by at the start.
    #[arg(long, value_name = "REGION")]
    standby: Option<String>,
    /// The regions from which agents look, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "REGIONS")]
    vantages: Vec<String>,
    /// The service's name.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Where the control API listens, on loopback; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// Seed of every identifier that the sandbox makes up.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the options, with every default written out, and end.
    #[arg(long)]
    print_options: bool,
    /// How the endpoints are shown.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Runs a sandbox until Ctrl-C.
///
/// # Errors
/// When the options make no world, or a socket cannot be bound.
pub async fn sandbox(args: &SandboxArgs) -> Result<Exit, Failure> {
    let options = options(args)?;
    let screen = Screen::detect();
    if args.print_options {
        screen.print(&document_text(Format::Yaml, &as_document(&options)?)?)?;
        return Ok(Exit::Done);
    }
    let format = args.output;
    let mut shown = Ok(());
    let ready = |endpoints: &Endpoints| shown = show(screen, format, endpoints);
    let stop = async {
        // Where no signal can be awaited, ending at once is better than never.
        let _ = tokio::signal::ctrl_c().await;
    };
    let ended = quorate_sandbox::serve(options, ready, stop).await;
    shown?;
    ended.map_err(|error| Failure::Run(error.into()))?;
    note("The sandbox has ended.");
    Ok(Exit::Done)
}

fn options(args: &SandboxArgs) -> Result<Options, Failure> {
    let mut options = match &args.options {
        None => Options::default(),
        Some(file) => serde_saphyr::from_str(&read_text(file)?)
            .map_err(|error| Failure::Findings(vec![format!("{}: {error}", file.display())]))?,
    };
    let set = |value: &mut String, given: &Option<String>| {
        if let Some(given) = given {
            value.clone_from(given);
        }
    };
    set(&mut options.primary, &args.primary);
    set(&mut options.standby, &args.standby);
    set(&mut options.service, &args.service);
    if !args.vantages.is_empty() {
        options.vantages.clone_from(&args.vantages);
    }
    options.control = args.control.unwrap_or(options.control);
    options.seed = args.seed.unwrap_or(options.seed);
    Ok(options)
}

fn show(screen: Screen, format: Format, endpoints: &Endpoints) -> Result<(), Failure> {
    let text = match format {
        Format::Table => table(screen, endpoints),
        Format::Json | Format::Yaml => document_text(format, &as_document(endpoints)?)?,
    };
    Ok(screen.print(&text)?)
}

/// Where everything is, for people.
#[must_use]
pub fn table(screen: Screen, endpoints: &Endpoints) -> String {
    let service = &endpoints.service;
    let mut rows = vec![
        [cell("control"), cell("-"), cell(&endpoints.control)],
        [cell("health"), cell("{region}"), cell(&service.health_url_template)],
        [cell("public name"), cell("internet"), cell(&service.public_url)],
    ];
    for (place, view) in &endpoints.vantages {
        rows.push([cell("DNS"), cell(place), cell(&view.resolver)]);
        rows.push([cell("DNS, caching"), cell(place), cell(&view.caching_resolver)]);
        rows.push([cell("Route 53"), cell(place), cell(&view.route53)]);
        rows.extend(
            view.aws.iter().map(|(region, url)| [cell(format!("AWS of {region}")), cell(place), cell(url)]),
        );
        rows.push([cell("status page"), cell(place), cell(&view.statuspage)]);
        rows.push([cell("webhooks"), cell(place), cell(&view.webhook)]);
    }
    let heading = format!(
        "Sandbox of {}: {} serves, {} stands by. Ctrl-C ends it.",
        service.name, service.primary, service.standby
    );
    format!("{heading}\n\n{}", screen.table(["WHAT", "SEEN FROM", "ADDRESS"], rows))
}

fn as_document(value: &impl serde::Serialize) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::Format { format: "JSON", detail: error.to_string() })
}
