//! What `quorate signal` sets up and checks: the records that the policy says follow the signal, and the agents as their
//! own files say Route 53's checkers reach them. Pure: documents in, wishes or problems out.

use quorate_aws::signal::{Agent, SetAnswer, Site, Wanted};
use quorate_policies::{
    PlanName, Policy, RegionName, StepName,
    document::{AgentFile, FieldPath, Problem, Severity},
    effect::AssumeRole,
    plan::{
        Action,
        action::{Route53Signal, SignalRecord},
        expand,
    },
    policy::Role,
};
use std::collections::BTreeMap;

/// One record that follows the signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// What shall stand.
    pub wanted: Wanted,
    /// The role in which the step acts, and the setup with it; none means the caller's own.
    pub role: Option<AssumeRole>,
}

/// What is not said, or not said clearly. Not yet placed in the lines of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsaid {
    /// By the policy.
    pub policy: Vec<Problem>,
    /// By the agent's own file.
    pub agent: Vec<Problem>,
}

/// Every record that follows the signal of a policy, each once, in the order of the plans and steps that say so.
///
/// # Errors
/// Where no step says which record follows, or what it answers in each region, or where an agent cannot be asked.
pub fn followed(policy: &Policy, file: &AgentFile) -> Result<Vec<Followed>, Unsaid> {
    let agents = agents(file);
    let records = records(policy);
    match (records, agents) {
        (Ok(records), Ok(agents)) => Ok(records
            .into_iter()
            .map(|Followed { wanted, role }| Followed {
                wanted: Wanted { agents: agents.clone(), ..wanted },
                role,
            })
            .collect()),
        (records, agents) => {
            Err(Unsaid { policy: records.err().unwrap_or_default(), agent: agents.err().unwrap_or_default() })
        }
    }
}

/// Every member as Route 53's checkers reach it.
fn agents(file: &AgentFile) -> Result<Vec<Agent>, Vec<Problem>> {
    let (mut agents, mut problems) = (Vec::new(), Vec::new());
    for (name, member) in &file.members {
        let place = member.signal.as_deref().and_then(|place| place.rsplit_once(':'));
        match place.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) => {
                let host = host.trim_matches(['[', ']']).to_owned();
                agents.push(Agent { name: name.to_string(), host, port });
            }
            None => {
                let field = FieldPath::from(["members", name.as_str(), "signal"]);
                let message = "where Route 53's health checkers reach this agent's signal is not said";
                let mend =
                    "add `signal: HOST:PORT`, a public address or name that leads to its `signal_listen`";
                problems.push(problem(field, message, mend));
            }
        }
    }
    if problems.is_empty() { Ok(agents) } else { Err(problems) }
}

/// The steps that signal, each with its place in the policy.
fn signals(policy: &Policy) -> Vec<(FieldPath, &PlanName, &StepName, &Route53Signal)> {
    let steps = policy
        .plans
        .iter()
        .flat_map(|(plan, steps)| steps.steps.iter().map(move |(name, step)| (plan, name, &step.action)));
    let signals = steps.filter_map(|(plan, name, action)| {
        let Action::Route53Signal(signal) = action else { return None };
        let field = FieldPath::from(["plans", plan.as_str(), "steps", name.as_str(), action.kind()]);
        Some((field, plan, name, signal))
    });
    signals.collect()
}

/// The records, with no agents yet.
fn records(policy: &Policy) -> Result<Vec<Followed>, Vec<Problem>> {
    const SAY: &str =
        "add `record: {zone: ..., name: ..., alias: \"{to.alb}\", alias_zone: \"{to.alb_zone}\"}`";
    let signals = signals(policy);
    if signals.is_empty() {
        let message = "no step of this policy signals";
        let mend = format!("write a step `route53.signal: {{region: \"{{to}}\"}}`, and {SAY}");
        return Err(vec![problem(FieldPath::from(["plans"]), message, mend)]);
    }
    let (mut records, mut problems) = (Vec::<(FieldPath, Followed)>::new(), Vec::new());
    for (field, plan, step, signal) in &signals {
        if signal.record.is_none() {
            continue;
        }
        let field = field.join("record");
        match record(policy, &field, plan, step) {
            Ok(found) => {
                let same =
                    |(_, other): &&(FieldPath, Followed)| identity(&other.wanted) == identity(&found.wanted);
                match records.iter().find(same) {
                    None => records.push((field, found)),
                    Some((_, other)) if *other == found => {}
                    Some((first, _)) => {
                        let message = format!("{first} says something else about {}", found.wanted.record);
                        problems.push(problem(
                            field,
                            message,
                            "write the same in both places, or in one of them",
                        ));
                    }
                }
            }
            Err(found) => problems.push(found),
        }
    }
    if records.is_empty() && problems.is_empty() {
        let message = "which record follows the signal is not said";
        problems.extend(signals.into_iter().map(|(field, ..)| problem(field, message, SAY)));
    }
    if problems.is_empty() {
        Ok(records.into_iter().map(|(_, record)| record).collect())
    } else {
        Err(problems)
    }
}

fn identity(wanted: &Wanted) -> (&str, String, &str) {
    let name = wanted.record.trim_end_matches('.').to_ascii_lowercase();
    (&wanted.zone, name, wanted.kind.as_str())
}

/// One record, from what its step says in each direction: away from the primary region, and home again.
fn record(policy: &Policy, field: &FieldPath, plan: &PlanName, step: &StepName) -> Result<Followed, Problem> {
    let region = |role: Role| policy.regions.iter().find(|(_, r)| r.role == role).map(|(name, _)| name);
    let (Some(primary), Some(standby)) = (region(Role::Primary), region(Role::Standby)) else {
        let mend = "give one region `role: primary` and the other `role: standby`";
        return Err(problem(
            FieldPath::from(["regions"]),
            "a signal needs a primary and a standby region",
            mend,
        ));
    };
    let mut said = BTreeMap::new();
    let mut role = None;
    for (from, to) in [(standby, primary), (primary, standby)] {
        let expanded = expand::expand(policy, plan, from, to, &expand::example_inputs(policy, plan))
            .map_err(|error| {
                problem(field.clone(), error.to_string(), "correct it, and check the policy again")
            })?;
        if let Some(expanded) = expanded.steps.get(step)
            && let Action::Route53Signal(Route53Signal { region, record: Some(record) }) = &expanded.action
        {
            said.insert(region.clone(), record.clone());
            role.clone_from(&expanded.role);
        }
    }
    let mend =
        "write `region: \"{to}\"`, and the answer with the region's variables, as in `alias: \"{to.alb}\"`";
    let mut of = |region: &RegionName| {
        said.remove(region.as_str()).ok_or_else(|| {
            problem(field.clone(), format!("what the record answers for {region} is not said"), mend)
        })
    };
    let (home, away) = (of(primary)?, of(standby)?);
    let wanted = Wanted {
        service: policy.service.to_string(),
        zone: home.zone.clone(),
        record: home.name.clone(),
        kind: home.kind,
        primary: site(primary, &home),
        standby: site(standby, &away),
        agents: Vec::new(),
    };
    let back =
        Wanted { zone: away.zone.clone(), record: away.name.clone(), kind: away.kind, ..wanted.clone() };
    if identity(&wanted) != identity(&back) {
        let message = format!("it is {} in one direction and {} in the other", home.name, away.name);
        return Err(problem(field.clone(), message, "name one record, with variables in its answer alone"));
    }
    if wanted.primary.answer == wanted.standby.answer {
        let message = format!("{} answers the same in both regions", home.name);
        return Err(problem(field.clone(), message, mend));
    }
    Ok(Followed { wanted, role })
}

fn site(region: &RegionName, record: &SignalRecord) -> Site {
    let answer = match (&record.alias, &record.alias_zone) {
        (Some(name), Some(zone)) => {
            SetAnswer::Alias { name: name.clone(), zone: zone.clone(), evaluate: false }
        }
        // One of both is refused when the policy is read.
        _ => SetAnswer::Values { values: record.values.clone(), ttl_s: record.ttl_s },
    };
    Site { region: region.to_string(), answer }
}

/// Not yet placed in a file.
pub(super) fn problem(field: FieldPath, message: impl Into<String>, mend: impl Into<String>) -> Problem {
    let (message, mend) = (message.into(), mend.into());
    Problem { file: String::new(), line: 0, column: 0, field, severity: Severity::Error, message, mend }
}

#[cfg(test)]
mod tests;
