//! What an agent's own file must mean, beyond its types. Whether its members suffice for a policy is checked with the
//! policy, in `checks::together`.

use super::{
    agent_allowed, agent_channels,
    agent_file::{AgentFile, PostgresTls},
    agent_traces,
    checks::address,
    problem::{FieldPath, Problem},
};
use crate::AgentName;
use std::{collections::BTreeMap, path::Path};

/// Most members. Seven voters tolerate three failures; each more makes every commit wait for one more answer.
pub const MEMBERS_MAX: usize = 7;

/// Every problem of an agent's file, not yet placed.
pub(super) fn check_agent(agent: &AgentFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    members(agent, &mut problems);
    exposure(agent, &mut problems);
    files(agent, &mut problems);
    endpoints(agent, &mut problems);
    agent_allowed::check(agent, &mut problems);
    folders(agent, &mut problems);
    agent_channels::check(&agent.channels, &mut problems);
    agent_traces::check(agent.traces.as_ref(), &mut problems);
    problems
}

fn members(agent: &AgentFile, problems: &mut Vec<Problem>) {
    let members = FieldPath::from(["members"]);
    if !(1..=MEMBERS_MAX).contains(&agent.members.len()) {
        let message = format!("there are {} members", agent.members.len());
        let mend =
            format!("list 1 to {MEMBERS_MAX} voters, this agent included; three in three regions are usual");
        problems.push(Problem::error(members.clone(), message, mend));
    }
    match agent.members.get(&agent.name) {
        None if agent.members.is_empty() => {}
        None => {
            let message = format!("this agent, `{}`, is not among the members", agent.name);
            let mend = format!("add `{}: {{region: {}, address: ...}}`", agent.name, agent.region);
            problems.push(Problem::error(members.clone(), message, mend));
        }
        Some(own) if own.region != agent.region => {
            let message =
                format!("this agent is in `{}`, but as a member it is in `{}`", agent.region, own.region);
            let field = members.join(agent.name.as_str()).join("region");
            problems.push(Problem::error(field, message, "write the same region in both places"));
        }
        Some(_) => {}
    }
    let addresses = agent.members.iter().map(|(name, member)| (name, Some(&member.address)));
    places("address", "10.0.0.1:7951 or a.example.com:7951", addresses, problems);
    let signals = agent.members.iter().map(|(name, member)| (name, member.signal.as_ref()));
    places("signal", "203.0.113.1:7952 or a.example.com:7952", signals, problems);
}

/// Where members are reached: each a host with a port, and each its own.
fn places<'a>(
    key: &str,
    example: &str,
    members: impl Iterator<Item = (&'a AgentName, Option<&'a String>)>,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeMap::new();
    for (name, place) in members {
        let (Some(place), field) = (place, FieldPath::from(["members", name.as_str(), key])) else {
            continue;
        };
        if port_of(place).is_none() {
            let message = format!("`{place}` is not a host with a port");
            problems.push(Problem::error(field.clone(), message, format!("write for example {example}")));
        }
        if let Some(other) = seen.insert(place, name) {
            let message = format!("`{other}` has the same address, `{place}`");
            problems.push(Problem::error(field, message, "give each member its own host and port"));
        }
    }
}

/// What strangers could reach.
fn exposure(agent: &AgentFile, problems: &mut Vec<Problem>) {
    if !agent.listen.ip().is_loopback() && !agent.allow_remote_api {
        let message =
            format!("the API would listen on {}: whoever reaches it can order a failover", agent.listen);
        let mend = "listen on 127.0.0.1 and use a tunnel, or set `allow_remote_api: true`";
        problems.push(Problem::error(FieldPath::from(["listen"]), message, mend));
    }
}

fn files(agent: &AgentFile, problems: &mut Vec<Problem>) {
    let mut named: Vec<(FieldPath, &Path)> = vec![
        (FieldPath::from(["data_dir"]), &agent.data_dir),
        (FieldPath::from(["tls", "ca"]), &agent.tls.ca),
        (FieldPath::from(["tls", "certificate"]), &agent.tls.certificate),
        (FieldPath::from(["tls", "key"]), &agent.tls.key),
        (FieldPath::from(["operator_token_file"]), &agent.operator_token_file),
    ];
    named.extend(agent.probe_ca.iter().map(|path| (FieldPath::from(["probe_ca"]), path.as_path())));
    named.extend(agent.postgres.iter().flat_map(|postgres| {
        let place = FieldPath::from(["postgres"]);
        let ca = postgres.ca_file.as_ref().map(|path| (place.join("ca_file"), path.as_path()));
        [(place.join("password_file"), postgres.password_file.as_path())].into_iter().chain(ca)
    }));
    named.extend(
        agent
            .statuspage
            .iter()
            .map(|page| (FieldPath::from(["statuspage", "token_file"]), page.token_file.as_path())),
    );
    named.extend(
        agent
            .tsig
            .iter()
            .map(|(name, key)| (FieldPath::from(["tsig", name, "secret_file"]), key.secret_file.as_path())),
    );
    named.extend(agent.webhooks.iter().map(|(name, webhook)| {
        (FieldPath::from(["webhooks", name, "secret_file"]), webhook.secret_file.as_path())
    }));
    for (field, path) in named {
        if path.as_os_str().is_empty() {
            problems.push(Problem::error(
                field,
                "the path is empty",
                "write a path, relative to this file or absolute",
            ));
        }
    }
    for name in agent.tsig.keys().filter(|name| !address::host(name)) {
        let mend = "write the key's name as the server has it, for example quorate.example.com";
        problems.push(Problem::error(
            FieldPath::from(["tsig", name]),
            format!("`{name}` is not a name"),
            mend,
        ));
    }
    if agent.postgres.as_ref().is_some_and(|p| p.tls == PostgresTls::Off && p.ca_file.is_some()) {
        let message = "without TLS no certificate is checked";
        let mend = "remove `tls: off`, or `ca_file`";
        problems.push(Problem::error(FieldPath::from(["postgres", "ca_file"]), message, mend));
    }
    if agent.cluster.trim().is_empty() {
        let mend = "write the same name on all members, or leave the key out";
        problems.push(Problem::error(FieldPath::from(["cluster"]), "the cluster's name is empty", mend));
    }
}

/// What may be restored from where is written from the root: it must not depend on where the agent was started.
fn folders(agent: &AgentFile, problems: &mut Vec<Problem>) {
    let Some(backups) = &agent.backups else { return };
    let all = [
        ("restore_from", &backups.restore_from),
        ("redis_dirs", &backups.redis_dirs),
        ("sync_to", &backups.sync_to),
    ];
    for (key, folders) in all {
        let narrow = |path: &Path| path.is_absolute() && path.parent().is_some();
        if let Some(folder) = folders.iter().find(|folder| !narrow(folder)) {
            let message =
                format!("`{}` is not a folder below the root, written from there", folder.display());
            let mend = "write for example /backups";
            problems.push(Problem::error(FieldPath::from(["backups", key]), message, mend));
        }
    }
}

fn endpoints(agent: &AgentFile, problems: &mut Vec<Problem>) {
    let aws = &agent.aws.endpoints;
    let place = FieldPath::from(["aws", "endpoints"]);
    let by_region = |place: FieldPath, urls: &BTreeMap<crate::RegionName, String>| {
        urls.iter().map(|(region, url)| (place.join(region.as_str()), url.clone())).collect::<Vec<_>>()
    };
    let mut urls = by_region(place.join("regional"), &aws.regional);
    for (service, regions) in &aws.services {
        urls.extend(by_region(place.join("services").join(service.as_str()), regions));
    }
    urls.extend(
        aws.route53.iter().map(|url| (FieldPath::from(["aws", "endpoints", "route53"]), url.clone())),
    );
    urls.extend(
        agent.statuspage.iter().map(|page| (FieldPath::from(["statuspage", "url"]), page.url.clone())),
    );
    for (name, webhook) in &agent.webhooks {
        urls.extend(webhook.url.iter().map(|url| (FieldPath::from(["webhooks", name, "url"]), url.clone())));
    }
    for (field, url) in urls {
        if let Err(wrong) = address::web(&url) {
            problems.push(Problem::error(field, wrong, address::MEND));
        }
    }
}

/// The port of `host:port`, if there are both.
#[must_use]
pub fn port_of(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain =
        !host.is_empty() && !host.contains([':', '/', '[', ']', '@']) && !host.contains(char::is_whitespace);
    port.parse().ok().filter(|port| *port > 0 && (bracketed || plain))
}
