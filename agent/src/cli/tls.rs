//! `quorate tls`: certificates for agents that come later, another authority, and what a certificate says. Nothing here
//! speaks to an agent: a running one takes the files when they have been replaced.

use super::{
    exit::{Exit, Failure},
    screen::Screen,
};
use crate::init::{
    CLUSTER_DEFAULT,
    authority::{Authority, Issued},
};
use clap::{Args, Subcommand};
use quorate_policies::AgentName;
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use x509_parser::pem::Pem;

/// `quorate tls`.
#[derive(Debug, Args)]
pub struct TlsArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make another authority, to take the place of the first.
    #[command(after_help = "Example:\n  quorate tls ca --out new-authority")]
    Ca(CaArgs),
    /// Issue an agent's certificate and key.
    #[command(
        after_help = "Example:\n  quorate tls issue ap-south-1 --host 10.3.0.4 --ca cluster/ca.pem --ca-key cluster/ca.key --out ap-south-1"
    )]
    Issue(IssueArgs),
    /// Show what certificates say: names, issuer, and until when they hold.
    #[command(after_help = "Example:\n  quorate tls show cluster/*.pem")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct CaArgs {
    /// The cluster's name.
    #[arg(long, default_value = CLUSTER_DEFAULT, value_name = "NAME")]
    cluster: String,
    /// Where ca.pem and ca.key are written; files that are there are left alone.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct IssueArgs {
    /// The agent.
    name: AgentName,
    /// A host or address at which the others reach it; may be given again.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// The authority's certificate.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The authority's key.
    #[arg(long, value_name = "FILE")]
    ca_key: PathBuf,
    /// Where NAME.pem and NAME.key are written; files that are there are left alone.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Files with certificates.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Makes or shows certificates.
///
/// # Errors
/// When a file cannot be read or written, or the authority cannot be used.
pub fn tls(args: &TlsArgs) -> Result<Exit, Failure> {
    let now = jiff::Timestamp::now();
    let said = match &args.verb {
        Verb::Ca(args) => {
            let authority = Authority::new(&args.cluster, now)?;
            write(&args.out, "ca.pem", 0o644, &authority.certificate())?;
            write(&args.out, "ca.key", 0o600, &authority.key())?;
            format!(
                "{0}/ca.pem and {0}/ca.key: keep the key offline, who has it can become an agent.",
                args.out.display()
            )
        }
        Verb::Issue(args) => {
            let authority = Authority::load(&read(&args.ca)?, &read(&args.ca_key)?, now)?;
            let hosts: BTreeSet<String> = args.hosts.iter().cloned().collect();
            let Issued { certificate, key } = authority.issue(args.name.as_str(), &hosts)?;
            write(&args.out, &format!("{}.pem", args.name), 0o644, &certificate)?;
            write(&args.out, &format!("{}.key", args.name), 0o600, &key)?;
            let (out, name) = (args.out.display(), &args.name);
            format!("{out}/{name}.pem and {out}/{name}.key: for agent {name} alone.")
        }
        Verb::Show(args) => {
            let each: Result<Vec<_>, _> = args.files.iter().map(|file| shown(file)).collect();
            each?.join("\n\n")
        }
    };
    Screen::detect().print(&said)?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::Read { file: file.to_owned(), detail: error.to_string() })
}

/// A new file, and never one in the place of another: a key that is lost cannot be had again.
fn write(directory: &Path, name: &str, mode: u32, text: &str) -> Result<(), Failure> {
    let file = directory.join(name);
    let failed =
        |error: std::io::Error| Failure::Run(anyhow::anyhow!("cannot write {}: {error}", file.display()));
    fs::create_dir_all(directory).map_err(failed)?;
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&file);
    let mut opened = opened.map_err(failed)?;
    opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).map_err(failed)
}

/// Every certificate of a file, in words.
fn shown(file: &Path) -> Result<String, Failure> {
    let wrong = |detail: String| Failure::Read { file: file.to_owned(), detail };
    let text = read(file)?;
    let mut lines = vec![file.display().to_string()];
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        let pem = pem.map_err(|error| wrong(error.to_string()))?;
        let certificate = pem.parse_x509().map_err(|error| wrong(error.to_string()))?;
        let der = rustls::pki_types::CertificateDer::from(pem.contents.clone());
        let names: Vec<String> = crate::peers::tls::names(&der).into_iter().collect();
        lines.push(format!("  subject  {}", certificate.subject()));
        if !names.is_empty() {
            lines.push(format!("  names    {}", names.join(", ")));
        }
        lines.push(format!("  issuer   {}", certificate.issuer()));
        let validity = certificate.validity();
        lines.push(format!("  holds    from {} to {}", validity.not_before, validity.not_after));
    }
    if lines.len() == 1 {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(lines.join("\n"))
}
