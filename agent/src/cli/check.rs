//! `quorate check` and `quorate schema`: documents judged offline, by the very rules that the agents apply. Which
//! kind a file is, its own keys say.

use super::{
    connection::{Format, document_text, note, read_text},
    exit::{Exit, Failure},
    render::dependence,
    screen::Screen,
};
use crate::{http::plan_view, traces};
use clap::{Args, ValueEnum};
use quorate_policies::{
    Policy, RegionName,
    document::{self, AgentFile, FieldPath, Problem, Severity},
    plan::expand::every_way,
    policy::Role,
};
use std::{collections::BTreeSet, path::PathBuf};

/// `quorate check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Policies and agents' own files, in any order. Given together, they are also checked against each other.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print each policy with every default written out, and what its plans can do without.
    #[arg(long)]
    explain: bool,
}

/// `quorate schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which kind of document.
    #[arg(value_enum)]
    kind: SchemaKind,
}

/// The kinds of document of which there is a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// One service's policy.
    Policy,
    /// One agent's own file.
    Agent,
    /// What `quorate doctor -o json` prints.
    Doctor,
}

/// The kinds of document that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One service's policy.
    Policy,
    /// One agent's own file.
    Agent,
}

/// What checking some files came to.
#[derive(Debug, Default)]
pub struct Checked {
    /// Every problem, in the order of the files.
    pub problems: Vec<Problem>,
    /// The policies that could be read.
    pub policies: Vec<(String, Policy)>,
    /// The files without an error.
    pub good: Vec<String>,
}

/// Checks files.
///
/// # Errors
/// When a file cannot be opened.
pub fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let texts = args.files.iter().map(|file| Ok((file.display().to_string(), read_text(file)?)));
    let checked = check_texts(&texts.collect::<Result<Vec<_>, Failure>>()?);
    for problem in &checked.problems {
        note(&problem.to_string());
    }
    let screen = Screen::detect();
    for (file, policy) in checked.policies.iter().filter(|_| args.explain) {
        screen.print(&format!("# {file}, every default written out\n{}", document::explain(policy)))?;
        screen.print(&explain_plans(policy))?;
    }
    // What is explained reads back, also when it goes to a file.
    let comment = if args.explain { "# " } else { "" };
    for file in &checked.good {
        screen.print(&format!("{comment}{file}: ok"))?;
    }
    let refused = checked.problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if refused { Exit::Failed } else { Exit::Done })
}

/// Who is told, and what the plans of a policy need from outside and what they can do without, for each way that leads from the primary
/// region to a standby. The lines are comments, so that they may stand below an explained policy and it still reads back.
/// A plan that cannot be expanded is left out: checking the policy names its fault.
#[must_use]
pub fn explain_plans(policy: &Policy) -> String {
    let is = |region: &RegionName, role: Role| policy.regions.get(region).is_some_and(|r| r.role == role);
    let mut lines = vec!["What the plans need, and what they can do without".to_owned()];
    for plan in every_way(policy).filter(|plan| is(&plan.from, Role::Primary)) {
        if plan.moves && !is(&plan.to, Role::Standby) {
            continue;
        }
        let way =
            if plan.moves { format!("{} -> {}", plan.from, plan.to) } else { format!("in {}", plan.to) };
        lines.extend([String::new(), format!("{}, {way}", plan.name)]);
        lines.extend(dependence::lines(&plan_view(&policy.service, &plan, None)));
    }
    let told = policy.communication.explained();
    if !told.is_empty() {
        lines.extend([String::new(), "Who is told".to_owned()]);
        lines.extend(told.into_iter().map(|line| format!("  {line}")));
    }
    let comments = lines.iter().map(|line| format!("# {line}").trim_end().to_owned() + "\n");
    comments.collect()
}

/// Checks texts, each with the name under which problems call it.
#[must_use]
pub fn check_texts(files: &[(String, String)]) -> Checked {
    let mut checked = Checked::default();
    let mut agents: Vec<(String, AgentFile)> = Vec::new();
    for (file, text) in files {
        match kind_of(text) {
            Some(Kind::Policy) => match document::read_policy(file, text) {
                Ok(policy) => checked.policies.push((file.clone(), policy)),
                Err(problems) => checked.problems.extend(problems),
            },
            Some(Kind::Agent) => match document::read_agent_file(file, text) {
                Ok(agent) => agents.push((file.clone(), agent)),
                Err(problems) => checked.problems.extend(problems),
            },
            None => checked.problems.push(unrecognized(file)),
        }
    }
    let text_of =
        |file: &str| files.iter().find(|(name, _)| name == file).map_or("", |(_, text)| text.as_str());
    for (file, policy) in &checked.policies {
        let mut together = document::locate(file, text_of(file), document::dangers(policy));
        for (_, agent) in &agents {
            // Agents of one cluster have the same members, so most problems come once for each of them.
            let problems = document::locate(file, text_of(file), document::check_together(policy, agent));
            together.extend(
                problems.into_iter().filter(|problem| !together.contains(problem)).collect::<Vec<_>>(),
            );
        }
        checked.problems.extend(together);
    }
    for (file, agent) in &agents {
        checked.problems.extend(document::locate(file, text_of(file), doubts(agent)));
    }
    checked.problems.extend(unequal_agents(&agents, &text_of));
    let bad = |file: &str| checked.problems.iter().any(|p| p.file == file && p.severity == Severity::Error);
    checked.good = files.iter().map(|(file, _)| file).filter(|file| !bad(file)).cloned().collect();
    checked
}

/// What this very build would not start on. The agents may be of another one, so it is only doubtful.
pub(crate) fn doubts(agent: &AgentFile) -> Vec<Problem> {
    if traces::supported(agent).is_ok() {
        return Vec::new();
    }
    let message = "an agent of this build sends no traces, and would not start".to_owned();
    let mend = "start agents that were built with `--features otel`, or remove the key";
    vec![Problem { severity: Severity::Warning, ..error("traces", message, mend) }]
}

/// Agents' files that cannot belong to one cluster: other members, another name, or one agent twice.
fn unequal_agents<'a>(agents: &[(String, AgentFile)], text_of: &impl Fn(&str) -> &'a str) -> Vec<Problem> {
    let Some(((first_file, first), others)) = agents.split_first() else { return Vec::new() };
    let mut names = BTreeSet::from([&first.name]);
    let mut problems = Vec::new();
    for (file, agent) in others {
        let mut found = Vec::new();
        let regions = |agent: &AgentFile| -> Vec<_> {
            agent.members.iter().map(|(name, member)| (name.clone(), member.region.clone())).collect()
        };
        if agent.cluster != first.cluster {
            let message =
                format!("the cluster is `{}`, but `{}` in {first_file}", agent.cluster, first.cluster);
            found.push(error("cluster", message, "write the same name in both files"));
        }
        if regions(agent) != regions(first) {
            let message = format!("the members and their regions are not those of {first_file}");
            found.push(error("members", message, "list the same voters in both files"));
        }
        if !names.insert(&agent.name) {
            let message = format!("the agent `{}` has another file already", agent.name);
            found.push(error("name", message, "give each agent one file"));
        }
        problems.extend(document::locate(file, text_of(file), found));
    }
    problems
}

fn error(field: &str, message: String, mend: &str) -> Problem {
    let (file, line, column) = (String::new(), 0, 0);
    Problem {
        file,
        line,
        column,
        field: FieldPath::from([field]),
        severity: Severity::Error,
        message,
        mend: mend.to_owned(),
    }
}

fn unrecognized(file: &str) -> Problem {
    let message = "this is neither a policy nor an agent's own file".to_owned();
    let mend =
        "begin from `quorate init`, or compare it with `quorate schema policy` and `quorate schema agent`";
    let field = FieldPath::default();
    Problem {
        file: file.to_owned(),
        line: 1,
        column: 1,
        field,
        severity: Severity::Error,
        message,
        mend: mend.to_owned(),
    }
}

/// Which kind a text is: the one with more of its keys at the beginning of a line. Also works for a text that is no
/// proper YAML, so that its errors are told in the right words.
#[must_use]
pub fn kind_of(text: &str) -> Option<Kind> {
    let keys: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_once(':').map(|(key, _)| key)).collect();
    let known = |schema: &serde_json::Value| {
        let properties = schema.get("properties").and_then(serde_json::Value::as_object);
        properties.map_or(0, |properties| properties.keys().filter(|key| keys.contains(key.as_str())).count())
    };
    match (known(&document::schema_policy()), known(&document::schema_agent())) {
        (policy, agent) if policy > agent => Some(Kind::Policy),
        (policy, agent) if policy < agent => Some(Kind::Agent),
        _ => None,
    }
}

/// Prints a JSON Schema.
///
/// # Errors
/// When standard output is closed.
pub fn schema(args: &SchemaArgs) -> Result<Exit, Failure> {
    let schema = match args.kind {
        SchemaKind::Policy => document::schema_policy(),
        SchemaKind::Agent => document::schema_agent(),
        SchemaKind::Doctor => crate::doctor::finding::schema(),
    };
    Screen::detect().print(&document_text(Format::Json, &schema)?)?;
    Ok(Exit::Done)
}
