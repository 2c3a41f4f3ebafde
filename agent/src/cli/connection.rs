//! How a verb reaches an agent and shows an answer: the options that many verbs share, and the [`Session`] made from
//! them. It decides nothing about any verb.

use super::{
    client::{Client, Fetched},
    exit::Failure,
    screen::Screen,
    token::Search,
};
use clap::{Args, ValueEnum};
use quorate_policies::{AgentName, document};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How an agent is reached.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The agent's address [default: that of --config, else http://127.0.0.1:7950].
    #[arg(long, env = "QUORATE_AGENT", value_name = "URL")]
    pub agent: Option<String>,
    /// An agent's own file, for its address and its operator token.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The file with the operator token [default: ./operator.token, then beside --config, then
    /// ~/.config/quorate/operator.token, then /etc/quorate/operator.token].
    #[arg(long, env = "QUORATE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's document, for programs.
    Json,
    /// The API's document as YAML.
    Yaml,
}

/// The option that every reading verb has.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Output {
    /// How the answer is shown.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
}

/// A client, and where its answers are shown.
#[derive(Debug)]
pub struct Session {
    /// The client.
    pub client: Client,
    /// The terminal.
    pub screen: Screen,
    /// How answers are shown.
    pub format: Format,
}

impl Session {
    /// For a verb that only reads: no token is looked for.
    ///
    /// # Errors
    /// When the address is none, or `--config` cannot be read.
    pub fn reading(connection: &Connection, output: Output) -> Result<Self, Failure> {
        let client = Client::new(&address(connection)?, None, None)?;
        Ok(Self { client, screen: Screen::detect(), format: output.output })
    }

    /// For a verb that changes something: with the operator's name, and the token if one is found.
    ///
    /// # Errors
    /// As [`Session::reading`], or when the token's file is unusable.
    pub fn changing(connection: &Connection, output: Output) -> Result<Self, Failure> {
        let found = Search::usual(connection.token_file.clone(), connection.config.as_deref()).find()?;
        if let Some(warning) = found.as_ref().and_then(|found| found.warning.as_deref()) {
            note(&format!("quorate: warning: {warning}"));
        }
        let client = Client::new(&address(connection)?, found.map(|found| found.token), operator())?;
        Ok(Self { client, screen: Screen::detect(), format: output.output })
    }

    /// Shows an answer in the chosen format; `table` makes the text for people.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show<T>(
        &self,
        answer: &Fetched<T>,
        table: impl FnOnce(Screen, &T) -> String,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Table => table(self.screen, &answer.value),
            Format::Json | Format::Yaml => document_text(self.format, &answer.document)?,
        };
        Ok(self.screen.print(&text)?)
    }

    /// Whether people read the answer.
    #[must_use]
    pub fn for_people(&self) -> bool {
        self.format == Format::Table
    }
}

/// A document as JSON or YAML.
///
/// # Errors
/// When it cannot be written so; no document of the API is such.
pub fn document_text(format: Format, document: &Value) -> Result<String, Failure> {
    match format {
        Format::Yaml => serde_saphyr::to_string(document)
            .map_err(|error| Failure::Format { format: "YAML", detail: error.to_string() }),
        Format::Table | Format::Json => serde_json::to_string_pretty(document)
            .map_err(|error| Failure::Format { format: "JSON", detail: error.to_string() }),
    }
}

/// Tells the operator something beside the answer, on standard error, so that a pipe never sees it.
pub fn note(text: &str) {
    // The terminal may be gone; that must not end a command that follows a failover.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
}

/// Reads a text file for a verb.
///
/// # Errors
/// When it cannot be read as UTF-8.
pub fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Read { file: file.to_owned(), detail: error.to_string() })
}

fn address(connection: &Connection) -> Result<String, Failure> {
    match (&connection.agent, &connection.config) {
        (Some(address), _) => Ok(address.clone()),
        (None, None) => Ok(format!("http://{}", quorate_api::DEFAULT_ADDRESS)),
        (None, Some(file)) => {
            let text = read_text(file)?;
            let agent = document::read_agent_file(&file.display().to_string(), &text)
                .map_err(|problems| Failure::Findings(problems.iter().map(ToString::to_string).collect()))?;
            Ok(format!("http://{}", agent.listen))
        }
    }
}

/// The operator's name for the audit: the login name, where it is a name as the audit knows names.
fn operator() -> Option<String> {
    let login = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    login.and_then(|login| AgentName::try_from(login).ok()).map(String::from)
}

/// Reads the reason of a change.
///
/// # Errors
/// When it is blank: the audit and whoever is woken next need it.
pub fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        Err("the reason is empty; say why, for whoever reads the audit".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
