//! A policy and the cluster it is for. Only together can they say whether the agents suffice to decide safely: two
//! voters cannot (R12), and no number of agents sees a region from outside if all stand within it (R6).

use super::{
    allowed, plans, rules,
    variables::{self, Scope},
};
use crate::{
    document::{
        agent_file::{AgentFile, Member, PostgresTls},
        nearest,
        problem::{FieldPath, Problem, Severity},
    },
    name::{AgentName, RegionName, StepName},
    plan::{
        Action,
        flat::{self, flat},
        graph, template,
    },
    policy::{Looks, Policy, StepTemplate, Timing},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Fewest voters, and fewest regions with one, for acting without a person (R12).
const VOTERS_MIN: usize = 3;

/// Every problem of a policy with one agent's own file: with the members, and with what the agent itself lacks. They name fields but no lines: [`crate::document::locate`] adds
/// these. Warnings among them do not refuse the policy.
#[must_use]
pub fn check_together(policy: &Policy, agent: &AgentFile) -> Vec<Problem> {
    let mut problems = dangers(policy);
    let members = &agent.members;
    let regions: BTreeSet<&RegionName> = members.values().map(|member| &member.region).collect();
    automation(policy, members.len(), regions.len(), &mut problems);
    agreement(policy, members.len(), &regions, &mut problems);
    fences(policy, &mut problems);
    signals(policy, members, &mut problems);
    databases(policy, agent, &mut problems);
    keys(policy, agent, &mut problems);
    allowed::check(policy, agent, &mut problems);
    timing(policy, agent, &mut problems);
    backups(policy, &regions, &mut problems);
    rules::renewal(policy, &mut problems);
    channels(policy, agent, &mut problems);
    for region in policy.regions.keys().filter(|region| !regions.contains(region)) {
        let message = format!("no agent runs in `{region}`: its steps run from elsewhere");
        let mend = "run an agent there, so that a plan can act from the region that it activates";
        problems.push(Problem::warning(FieldPath::from(["regions", region.as_str()]), message, mend));
    }
    problems
}

/// What is wrong with these agents for a policy that is in force: too few voters or regions, or votes that can never be
/// had. Only errors, each in one sentence.
#[must_use]
pub fn membership_problems(policy: &Policy, members: &BTreeMap<AgentName, RegionName>) -> Vec<String> {
    let regions: BTreeSet<&RegionName> = members.values().collect();
    let mut problems = Vec::new();
    automation(policy, members.len(), regions.len(), &mut problems);
    agreement(policy, members.len(), &regions, &mut problems);
    problems.retain(|problem| problem.severity == Severity::Error);
    problems.into_iter().map(|problem| problem.message).collect()
}

/// Everything that a policy may do and had better not. Warnings that need no agent's file.
#[must_use]
pub fn dangers(policy: &Policy) -> Vec<Problem> {
    let mut problems = Vec::new();
    plans::dangers(policy, &mut problems);
    problems
}

/// Agents that are more patient than the policy: their reports would be silence, and their elections outlast its lease.
fn timing(policy: &Policy, agent: &AgentFile, problems: &mut Vec<Problem>) {
    if policy.timing == Timing::Lan && agent.timing == Timing::Wan {
        let message =
            format!("the policy's lengths are for `timing: lan`, and agent `{}` has `wan`", agent.name);
        let mend = "write `timing: lan` into every agent's file, or take it out of the policy";
        problems.push(Problem::error(FieldPath::from(["timing"]), message, mend));
    }
}

/// A backup that no agent looks at: it would never be known to be fresh.
fn backups(policy: &Policy, regions: &BTreeSet<&RegionName>, problems: &mut Vec<Problem>) {
    for (name, backup) in &policy.backups {
        let Some(region) = backup.region.as_ref().filter(|region| !regions.contains(region)) else {
            continue;
        };
        let message = format!("no agent runs in `{region}`: nobody looks at this backup");
        let mend = nearest::mend(region.as_str(), regions.iter().map(|region| region.as_str()));
        problems.push(Problem::error(FieldPath::from(["backups", name.as_str(), "in"]), message, mend));
    }
}

/// A channel that this agent cannot reach: what is to be sent while it leads is given up. Only a warning, because it stops nothing.
fn channels(policy: &Policy, agent: &AgentFile, problems: &mut Vec<Problem>) {
    for (name, channel) in &policy.communication.channels {
        let field = FieldPath::from(["communication", "channels", name.as_str()]);
        let Some(kind) = channel.kind() else { continue };
        let Some(access) = agent.channels.get(name.as_str()) else {
            let message =
                format!("agent `{}` cannot reach it: nothing is sent there while it leads", agent.name);
            let mend = match nearest::find(name.as_str(), agent.channels.keys().map(String::as_str)) {
                Some(near) => format!("its file has `{near}`; did you mean that?"),
                None => format!("add `channels: {{{name}: {{{}: ...}}}}` to its file", kind.as_str()),
            };
            problems.push(Problem::warning(field, message, mend));
            continue;
        };
        if access.kinds().first() != Some(&kind) {
            let other = access.kinds().first().map_or("nothing", |kind| kind.as_str());
            let message =
                format!("agent `{}` reaches it as {other}, and it is {}", agent.name, kind.as_str());
            problems.push(Problem::error(field.clone(), message, "write the same kind in both"));
        }
        let bot = access.slack.as_ref().is_some_and(|slack| slack.token_file.is_some());
        if bot && channel.slack.as_ref().is_some_and(|slack| slack.channel.is_none()) {
            let message = "a bot posts into a channel, and none is named";
            let mend = "write `channel:` with its id, such as C0123456789";
            problems.push(Problem::error(field.join("slack"), message, mend));
        }
    }
}

/// A promotion before which nothing keeps the old primary from writing (R13): then only the write lease does, and only
/// in applications that ask for it.
fn fences(policy: &Policy, problems: &mut Vec<Problem>) {
    for name in policy.plans.keys() {
        let Ok(flat) = flat(policy, name) else { continue };
        let needs = flat::needs(&flat);
        let fences = |step: &StepName| {
            flat.get(step).map(|step| step.template).is_some_and(|template| {
                let to_zero = matches!(&template.action, Action::EcsScale(scale) if scale.desired == Some(0));
                to_zero || matches!(&template.action, Action::RdsFence(_) | Action::PostgresFence(_))
            })
        };
        let promotes = |template: &StepTemplate| matches!(template.action, Action::RdsPromoteReadReplica(_));
        for (step, _) in flat.iter().filter(|(_, step)| promotes(step.template)) {
            if !graph::ancestors(&needs, step).iter().any(fences) {
                let message = format!(
                    "nothing fences the old primary before `{step}`: only the write lease stops its writes"
                );
                let mend = "put rds.fence, or ecs.scale to 0 near {from}, before it, and name that step in its needs";
                let field = FieldPath::from(["plans", name.as_str(), "steps", step.as_str()]);
                problems.push(Problem::warning(field, message, mend));
            }
        }
    }
}

/// A signal that Route 53 hears from some agents only: the others count as silent, and traffic may not follow.
fn signals(policy: &Policy, members: &BTreeMap<AgentName, Member>, problems: &mut Vec<Problem>) {
    let unheard = members.iter().filter(|(_, member)| member.signal.is_none());
    let unheard: Vec<String> = unheard.map(|(name, _)| format!("`{name}`")).collect();
    if unheard.is_empty() {
        return;
    }
    for (plan, steps) in &policy.plans {
        for (step, template) in &steps.steps {
            let Action::Route53Signal(_) = &template.action else { continue };
            let message = format!("where Route 53 hears the signal of {} is not said", unheard.join(", "));
            let mend =
                "add `signal: HOST:PORT` to these members in the agents' files, and run quorate signal setup";
            let kind = template.action.kind();
            let field = FieldPath::from(["plans", plan.as_str(), "steps", step.as_str(), kind]);
            problems.push(Problem::warning(field, message, mend));
        }
    }
}

/// A `postgres` probe that this agent cannot make: its verdict would stay unknown.
fn databases(policy: &Policy, agent: &AgentFile, problems: &mut Vec<Problem>) {
    let asked = policy.probes.iter().filter_map(|(name, probe)| match &probe.looks {
        Looks::Postgres(postgres) => Some((name, postgres)),
        Looks::Http(_) => None,
    });
    for (name, postgres) in asked {
        let field = FieldPath::from(["probes", name.as_str(), "postgres"]);
        let Some(credentials) = &agent.postgres else {
            let message = format!("the file of agent `{}` has no `postgres` section", agent.name);
            let mend = "add `postgres: {password_file: ..., ca_file: ...}` to it";
            problems.push(Problem::error(field, message, mend));
            continue;
        };
        let hosts = policy
            .regions
            .keys()
            .filter_map(|region| template::resolve(&postgres.host, &policy.probe_variables(region)).ok());
        let own = |host: &String| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let far = hosts.into_iter().find(|host| !own(host));
        if let (PostgresTls::Off, Some(host)) = (credentials.tls, far) {
            let message = format!("agent `{}` has `tls: off`, and `{host}` is not this machine", agent.name);
            let mend = "remove `tls: off` from its file, or name an address such as 127.0.0.1";
            problems.push(Problem::error(field.join("host"), message, mend));
        }
    }
}

/// A `dns.update` that this agent has no key for: it could neither look nor act.
fn keys(policy: &Policy, agent: &AgentFile, problems: &mut Vec<Problem>) {
    for (plan, steps) in &policy.plans {
        for (step, template) in &steps.steps {
            let Action::DnsUpdate(update) = &template.action else { continue };
            let kind = template.action.kind();
            let field = FieldPath::from(["plans", plan.as_str(), "steps", step.as_str(), kind, "key"]);
            // What is wrong with the text itself, the policy alone has been told.
            let names = variables::resolve(policy, Scope::Plan, &field, &update.key, &mut Vec::new())
                .unwrap_or_default();
            if let Some(missing) = names.values().find(|name| !agent.tsig.contains_key(*name)) {
                let message = format!("the file of agent `{}` has no TSIG key `{missing}`", agent.name);
                let mend = match nearest::find(missing, agent.tsig.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add `tsig: {{{missing}: {{secret_file: ...}}}}` to it"),
                };
                problems.push(Problem::error(field, message, mend));
            }
        }
    }
}

fn automation(policy: &Policy, voters: usize, regions: usize, problems: &mut Vec<Problem>) {
    if let Some(scenario) = rules::automatic(policy)
        && !policy.unsafe_topology
        && (voters < VOTERS_MIN || regions < VOTERS_MIN)
    {
        let voters_text = if voters == 2 { "two voters".to_owned() } else { format!("{voters} voter(s)") };
        let message = format!(
            "automatic mode with {voters_text} in {regions} region(s): if they lose each other, neither side may decide"
        );
        let mend = format!(
            "run a witness agent so that {VOTERS_MIN} voters stand in {VOTERS_MIN} regions, or write `mode: approval`"
        );
        problems.push(Problem::error(
            FieldPath::from(["scenarios", scenario.as_str(), "mode"]),
            message,
            mend,
        ));
    }
}

fn agreement(policy: &Policy, voters: usize, regions: &BTreeSet<&RegionName>, problems: &mut Vec<Problem>) {
    // Where the agents detect nothing, nothing has to be agreed.
    if policy.scenarios.values().all(|scenario| scenario.when.is_none()) {
        return;
    }
    let field = FieldPath::from(["agreement"]);
    let rules = &policy.agreement;
    let needed = rules.votes.needed(voters);
    if needed > voters {
        let message =
            format!("{needed} votes are needed, but there are {voters} agents: nothing is ever agreed");
        problems.push(Problem::error(field.join("votes"), message, "write `votes: majority`"));
    }
    if voters > 0 && voters.is_multiple_of(2) {
        let message = format!("{voters} voters survive no more failures than {} would", voters - 1);
        problems.push(Problem::warning(field.clone(), message, "run an odd number of agents"));
    }
    let outside = |down: &RegionName| regions.iter().filter(|region| **region != down).count();
    let fewest = policy.regions.keys().map(|down| (outside(down), down)).min();
    if let Some((outside, down)) = fewest
        && (outside as u64) < u64::from(rules.min_vantages)
    {
        let message = format!(
            "min_vantages is {}, but agents stand in only {outside} region(s) other than `{down}`: it is never agreed to be down",
            rules.min_vantages
        );
        let mend = "lower min_vantages, or run an agent in one more region";
        problems.push(Problem::error(field.join("min_vantages"), message, mend));
    }
}
