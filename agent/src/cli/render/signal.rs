//! `quorate signal`: what would be changed, as sentences, as commands of the AWS CLI and as a document, and what was
//! found. Pure.

use crate::cli::screen::{Screen, Tone};
use quorate_aws::signal::{Change, Wanted, cli, leaving_needed};
use quorate_policies::{
    effect::AssumeRole,
    readiness::{Finding, FindingSeverity},
};
use serde_json::{Value, json};

/// What is to be changed for one record.
#[derive(Debug)]
pub struct Planned<'a> {
    /// What shall stand.
    pub wanted: &'a Wanted,
    /// The role in which it is changed.
    pub role: Option<&'a AssumeRole>,
    /// The changes, in their order.
    pub changes: Vec<Change>,
}

/// What was found about one record.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What shall stand.
    pub wanted: &'a Wanted,
    /// What is wrong with what stands.
    pub findings: Vec<Finding>,
}

/// The changes as sentences.
#[must_use]
pub fn changes(planned: &[Planned<'_>]) -> String {
    let mut lines = Vec::new();
    for Planned { wanted, changes, .. } in planned {
        lines.push(heading(wanted));
        if changes.is_empty() {
            lines.push("  It is set up; there is nothing to change.".to_owned());
        }
        lines.extend(numbered(changes).map(|line| format!("  {}", line.replace('\n', "\n  "))));
    }
    lines.join("\n")
}

/// The changes as a script of the AWS CLI, each command under the sentence that says what it does.
#[must_use]
pub fn commands(planned: &[Planned<'_>]) -> String {
    let mut lines =
        vec!["# Nothing was changed. `quorate signal setup` without --print does what follows.".to_owned()];
    let made = planned.iter().flat_map(|planned| &planned.changes);
    if made.clone().any(|change| matches!(change, Change::CreateCheck { .. })) {
        lines.push(
            "# <id of REFERENCE> is the `Id` that the command with that `CallerReference` prints.".to_owned(),
        );
    }
    for Planned { wanted, role, changes } in planned {
        lines.push(String::new());
        lines.push(format!("# {}", heading(wanted)));
        if let Some(role) = role {
            lines.push(format!("# In the role {}.", role.arn));
        }
        if changes.is_empty() {
            lines.push("# It is set up; there is nothing to change.".to_owned());
        }
        for (line, change) in numbered(changes).zip(changes) {
            lines.push(String::new());
            lines.push(format!("# {}", line.replace('\n', "\n# ")));
            lines.extend(match cli(change) {
                Some((command, input)) => {
                    vec![format!("aws route53 {command} --cli-input-json {}", quoted(&input))]
                }
                None => {
                    vec!["# Look with: aws route53 get-health-check-status --health-check-id ID".to_owned()]
                }
            });
        }
    }
    lines.join("\n")
}

/// The changes for programs.
#[must_use]
pub fn planned_document(service: &str, planned: &[Planned<'_>], applied: bool) -> Value {
    let change = |change: &Change| {
        let (command, input) = cli(change).unzip();
        json!({ "what": change.to_string(), "command": command, "input": input })
    };
    let record = |planned: &Planned<'_>| {
        let mut value = named(planned.wanted);
        value["changes"] = planned.changes.iter().map(change).collect();
        value
    };
    json!({ "service": service, "applied": applied, "records": planned.iter().map(record).collect::<Vec<_>>() })
}

/// What was found, for people.
#[must_use]
pub fn findings(screen: Screen, judged: &[Judged<'_>]) -> String {
    let mut lines = Vec::new();
    for Judged { wanted, findings } in judged {
        lines.push(heading(wanted));
        lines.extend(findings.iter().map(|finding| {
            let tone = match finding.severity {
                FindingSeverity::Blocking => Tone::Bad,
                FindingSeverity::Warning | FindingSeverity::Unknown => Tone::Doubtful,
                FindingSeverity::Note => Tone::Plain,
            };
            let mend =
                if finding.mend.is_empty() { String::new() } else { format!("\n      {}", finding.mend) };
            format!("  {} {}{mend}", screen.toned(finding.severity.as_str(), tone), finding.what)
        }));
        let grave = |severity| findings.iter().any(|finding| finding.severity == severity);
        let (verdict, tone) = match (grave(FindingSeverity::Blocking), grave(FindingSeverity::Warning)) {
            (true, _) => ("Not sound: a signal would not move traffic as it should.", Tone::Bad),
            (false, true) => ("It works, with the warnings above.", Tone::Doubtful),
            (false, false) => ("Sound.", Tone::Good),
        };
        lines.push(format!("  {}", screen.toned(verdict, tone)));
    }
    lines.join("\n")
}

/// What was found, for programs.
#[must_use]
pub fn findings_document(service: &str, judged: &[Judged<'_>]) -> Value {
    let finding = |finding: &Finding| json!({ "severity": finding.severity, "what": finding.what, "mend": finding.mend });
    let record = |judged: &Judged<'_>| {
        let mut value = named(judged.wanted);
        value["findings"] = judged.findings.iter().map(finding).collect();
        value
    };
    json!({ "service": service, "records": judged.iter().map(record).collect::<Vec<_>>() })
}

fn named(wanted: &Wanted) -> Value {
    json!({
        "record": wanted.record, "type": wanted.kind.as_str(), "zone": wanted.zone,
        "primary": wanted.primary.region, "standby": wanted.standby.region,
        "agents": wanted.agents.len(), "agents_needed": leaving_needed(wanted.agents.len()),
    })
}

fn heading(wanted: &Wanted) -> String {
    let Wanted { zone, record, kind, primary, standby, agents, .. } = wanted;
    format!(
        "{record} {} in zone {zone} goes from {} to {} when {} of {} agents say so.",
        kind.as_str(),
        primary.region,
        standby.region,
        leaving_needed(agents.len()),
        agents.len()
    )
}

fn numbered(changes: &[Change]) -> impl Iterator<Item = String> {
    changes.iter().zip(1..).map(|(change, number)| format!("{number}. {change}"))
}

/// JSON as one word of a POSIX shell.
fn quoted(value: &Value) -> String {
    format!("'{}'", value.to_string().replace('\'', "'\\''"))
}
