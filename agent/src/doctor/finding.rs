//! What the doctor says: the document of `quorate doctor -o json`, whose schema `quorate schema doctor` prints. Fields are
//! only ever added; a reader ignores what it does not know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How one check ended, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It could not be looked at, or there is nothing to look at; `found` says why.
    Skipped,
    /// It works, and somebody should look.
    Warning,
    /// It does not work, or will not when it is needed.
    Failed,
}

impl Status {
    /// All of them, the gravest first.
    pub const ALL: [Status; 4] = [Status::Failed, Status::Warning, Status::Skipped, Status::Ok];

    /// The status in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Skipped => "skipped",
            Status::Warning => "warning",
            Status::Failed => "failed",
        }
    }
}

/// What a check is about, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The agent's file, policies, secrets and programs on this host.
    Files,
    /// Free space, and how long a synced write takes.
    Disk,
    /// The wall clock.
    Clock,
    /// The agent beside this command.
    Agent,
    /// Names and their addresses.
    Dns,
    /// The agents' certificates.
    Certificates,
    /// The other agents.
    Peers,
    /// The targets of the health checks.
    Targets,
    /// What the plans need: permissions, programs, servers.
    Plans,
}

impl Area {
    /// The heading under which its findings stand.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Area::Files => "Files",
            Area::Disk => "Disk",
            Area::Clock => "Clock",
            Area::Agent => "Agent",
            Area::Dns => "DNS",
            Area::Certificates => "Certificates",
            Area::Peers => "Peers",
            Area::Targets => "Health-check targets",
            Area::Plans => "Plans",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Which check: a word that stays the same from version to version, for scripts.
    pub check: String,
    /// What was looked at: an agent, a file, a name, a target.
    pub subject: String,
    /// How it ended.
    pub status: Status,
    /// What was found, with figures; of a skipped check why it was.
    pub found: String,
    /// What to do about it; empty where there is nothing to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mend: String,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(area: Area, check: &str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(area, check, subject, Status::Ok, found, "")
    }

    /// Not looked at, and why.
    #[must_use]
    pub fn skipped(area: Area, check: &str, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(area, check, subject, Status::Skipped, why, "")
    }

    /// Somebody should look.
    #[must_use]
    pub fn warning(
        area: Area,
        check: &str,
        subject: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(area, check, subject, Status::Warning, found, mend)
    }

    /// It does not work.
    #[must_use]
    pub fn failed(
        area: Area,
        check: &str,
        subject: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::new(area, check, subject, Status::Failed, found, mend)
    }

    fn new(
        area: Area,
        check: &str,
        subject: impl Into<String>,
        status: Status,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (subject, found, mend) = (subject.into(), found.into(), mend.into());
        Self { area, check: check.to_owned(), subject, status, found, mend }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The agent whose file was given; absent if the file cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The version of this command.
    pub version: String,
    /// The agent's file.
    pub config: String,
    /// Whether the agent answered.
    pub running: bool,
    /// When, as RFC 3339.
    pub at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The gravest status of all findings; `skipped` counts as `ok` here.
    pub outcome: Status,
    /// By area, and within it in the order in which they were looked at.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How many findings have a status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

/// The gravest status: what was skipped says nothing about the installation.
#[must_use]
pub fn outcome(findings: &[Finding]) -> Status {
    let said = findings.iter().map(|finding| finding.status).filter(|status| *status != Status::Skipped);
    said.max().unwrap_or(Status::Ok)
}

/// The JSON Schema (draft 2020-12) of [`Diagnosis`].
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Diagnosis).to_value();
    schema["title"] = "Quorate diagnosis".into();
    schema["description"] = "What `quorate doctor -o json` prints.".into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the outcome is the gravest finding, and what was skipped worsens nothing. Method: a table of mixtures.
    #[test]
    fn the_outcome_is_the_gravest() {
        let of = |statuses: &[Status]| {
            let finding = |status| Finding::new(Area::Files, "x", "x", status, "x", "x");
            outcome(&statuses.iter().map(|status| finding(*status)).collect::<Vec<_>>())
        };
        let (ok, skipped, warning, failed) = (Status::Ok, Status::Skipped, Status::Warning, Status::Failed);
        assert_eq!(of(&[]), ok);
        assert_eq!(of(&[skipped]), ok);
        assert_eq!(of(&[skipped, ok]), ok);
        assert_eq!(of(&[ok, warning, skipped]), warning);
        assert_eq!(of(&[failed, warning, ok]), failed);
    }

    /// Goal: the schema describes every field of the document. Method: the keys of one that has them all.
    #[test]
    fn the_schema_knows_every_field() {
        let finding = Finding::failed(Area::Dns, "resolves", "host", "no address", "correct it");
        let document = Diagnosis {
            agent: Some("a".into()),
            region: Some("r".into()),
            version: "0.1.0".into(),
            config: "a.yaml".into(),
            running: true,
            at: "2026-11-22T00:00:00Z".into(),
            took_ms: 1,
            outcome: Status::Failed,
            findings: vec![finding],
        };
        let (document, schema) = (serde_json::to_value(document).unwrap(), schema());
        for key in document.as_object().unwrap().keys() {
            assert!(schema["properties"][key]["description"].is_string(), "{key}");
        }
        for key in document["findings"][0].as_object().unwrap().keys() {
            assert!(schema["$defs"]["Finding"]["properties"][key].is_object(), "{key}");
        }
    }
}
