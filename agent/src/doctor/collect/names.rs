//! Every name that the agent would have to resolve, resolved as it would: those of targets by the probes' own resolver,
//! which asks anew each time, all others by the system's.

use super::{Scene, many};
use crate::doctor::facts::{Many, Name};
use quorate_core::node::targets::of_policy;
use quorate_policies::{
    document::{AgentFile, port_of},
    health::FailureReason,
};
use quorate_probes::{Prober, Target};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use url::{Host, Url};

/// How long one name may take: what resolvers themselves wait for a name server.
const RESOLVE_MAX: Duration = Duration::from_secs(5);
/// Names that are resolved at once. More would be a burst that no agent makes, and slow for that reason.
const AT_ONCE: usize = 8;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// The resolver of this host.
    System,
    /// That of the probes: `resolvers` of the agent's file.
    Probes,
}

/// What is to be resolved. A name that is a secret itself is not shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    asked: Asked,
    host: String,
    secret: bool,
}

type Uses = BTreeMap<Wanted, BTreeSet<String>>;

/// Resolves all of them.
pub(super) async fn resolve_all(scene: &Scene) -> Many<Name> {
    let mut uses = Uses::new();
    peers(&scene.file, &mut uses);
    outside(&scene.file, &mut uses);
    for policy in scene.policies.iter().flatten() {
        for target in of_policy(policy).into_iter().filter_map(Result::ok) {
            let ready = Target::new(target.name.clone(), &target.looks, target.probe.timeout);
            if let Some(host) = ready.as_ref().ok().and_then(Target::host_name) {
                let wanted = Wanted { asked: Asked::Probes, host: host.to_owned(), secret: false };
                uses.entry(wanted).or_default().insert(format!("target {} {}", target.service, target.name));
            }
        }
        for (name, channel) in &policy.communication.channels {
            let url = channel.webhook.as_ref().map(|webhook| webhook.url.as_str());
            let overridden = scene
                .file
                .channels
                .get(name.as_str())
                .and_then(|access| access.webhook.as_ref()?.url.as_ref());
            web(&mut uses, url.filter(|_| overridden.is_none()), &format!("channel {name}"), false);
        }
        for webhook in &policy.communication.webhooks {
            let own = scene.file.webhooks.get(webhook.name.as_str()).and_then(|own| own.url.as_ref());
            web(
                &mut uses,
                own.is_none().then_some(webhook.url.as_str()),
                &format!("webhook {}", webhook.name),
                false,
            );
        }
    }
    let prober = scene.prober.as_ref().ok();
    let looks = uses.into_iter().map(|(wanted, uses)| resolve(wanted, uses, prober));
    let mut names = many(looks.collect(), AT_ONCE).await;
    names.seen.sort_by(|a, b| a.host.cmp(&b.host));
    names
}

fn peers(file: &AgentFile, uses: &mut Uses) {
    for (name, member) in &file.members {
        host_and_port(uses, &member.address, &format!("agent {name}"));
        if let Some(signal) = &member.signal {
            host_and_port(uses, signal, &format!("signal of agent {name}"));
        }
    }
}

/// What the agent's own file names beyond the cluster. Addresses that stand there in a policy's place are secrets.
fn outside(file: &AgentFile, uses: &mut Uses) {
    web(uses, file.statuspage.as_ref().map(|page| page.url.as_str()), "status page", false);
    for (name, webhook) in &file.webhooks {
        web(uses, webhook.url.as_deref(), &format!("webhook {name}"), true);
    }
    for (name, access) in &file.channels {
        let channel = format!("channel {name}");
        web(uses, access.slack.as_ref().map(|slack| slack.url.as_str()), &channel, false);
        web(uses, access.pagerduty.as_ref().map(|duty| duty.url.as_str()), &channel, false);
        web(uses, access.statuspage.as_ref().map(|page| page.url.as_str()), &channel, false);
        web(uses, access.webhook.as_ref().and_then(|webhook| webhook.url.as_deref()), &channel, true);
        for url in access.alertmanager.iter().flat_map(|access| &access.urls) {
            web(uses, Some(url), &channel, false);
        }
        if let Some(smtp) = &access.smtp {
            system(uses, &smtp.host, &channel, false);
        }
    }
    for server in file.http.iter().flat_map(|http| http.servers.keys()) {
        web(uses, Some(server), "http steps", false);
    }
    let endpoints = &file.aws.endpoints;
    let regional = endpoints.regional.values().chain(endpoints.services.values().flat_map(BTreeMap::values));
    for url in regional.chain(&endpoints.route53) {
        web(uses, Some(url), "AWS", false);
    }
}

fn web(uses: &mut Uses, url: Option<&str>, what: &str, secret: bool) {
    let url = url.and_then(|url| Url::parse(url).ok());
    if let Some(Host::Domain(host)) = url.as_ref().and_then(Url::host) {
        system(uses, host, what, secret);
    }
}

fn host_and_port(uses: &mut Uses, address: &str, what: &str) {
    if port_of(address).is_some()
        && let Some((host, _)) = address.rsplit_once(':')
    {
        system(uses, host, what, false);
    }
}

fn system(uses: &mut Uses, host: &str, what: &str, secret: bool) {
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
        let wanted = Wanted { asked: Asked::System, host: host.to_owned(), secret };
        uses.entry(wanted).or_default().insert(what.to_owned());
    }
}

async fn resolve(wanted: Wanted, uses: BTreeSet<String>, prober: Option<&Arc<Prober>>) -> Name {
    let began = Instant::now();
    let look = async {
        match (wanted.asked, prober) {
            (Asked::Probes, Some(prober)) => match prober.resolve(&wanted.host).await {
                Ok(found) => Ok(found.len()),
                Err((FailureReason::DnsNxdomain, _)) => Err("there is no such name".to_owned()),
                Err((_, detail)) => Err(detail),
            },
            (Asked::Probes | Asked::System, _) => {
                let found = tokio::net::lookup_host((wanted.host.as_str(), 0)).await;
                let found: BTreeSet<IpAddr> =
                    found.map_err(|error| error.to_string())?.map(|address| address.ip()).collect();
                Ok(found.len())
            }
        }
    };
    let late = || Err(format!("no answer within {} s", RESOLVE_MAX.as_secs()));
    let addresses = tokio::time::timeout(RESOLVE_MAX, look).await.unwrap_or_else(|_| late());
    let host = if wanted.secret { "(a name that is kept secret)".to_owned() } else { wanted.host };
    Name { host, uses: uses.into_iter().collect(), addresses, took: began.elapsed() }
}
