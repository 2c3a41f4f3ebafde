//! A visit to each of the other agents, as this agent would reach them: at the addresses of its file, with its certificate.

use super::{Scene, certificates::presented};
use crate::{
    doctor::facts::Peer,
    peers::{
        tls::Tls,
        visit::{Unanswered, connect, visit},
    },
};
use futures_util::future::join_all;
use quorate_policies::AgentName;
use rustls::ClientConfig;
use std::{collections::BTreeMap, sync::Arc};

/// Visits all of them at once: there are at most six.
pub(super) async fn visit_all(scene: &Scene) -> Vec<Peer> {
    // Why it cannot be used is told where the certificates are.
    let config = Tls::load(&scene.base, &scene.file.tls).ok().map(|tls| tls.client);
    let visits =
        addresses(scene).into_iter().map(|(name, address)| one(scene, name, address, config.clone()));
    join_all(visits).await
}

async fn one(scene: &Scene, name: AgentName, address: String, config: Option<Arc<ClientConfig>>) -> Peer {
    let signal = scene.file.members.get(&name).and_then(|member| member.signal.clone());
    let signal = async {
        let address = signal?;
        let connected = connect(&address).await.map(|(_, took)| took);
        Some((address, connected))
    };
    let visited = async {
        match config {
            Some(config) => {
                let visit = visit(&name, &address, config).await;
                (visit.connected, visit.presented.first().and_then(presented), visit.told)
            }
            None => (connect(&address).await.map(|(_, took)| took), None, Err(Unanswered::Unreached)),
        }
    };
    let ((connected, presented, told), signal) = tokio::join!(visited, signal);
    Peer { name, address, connected, presented, told, signal }
}

/// Where the others are reached: those that the log names, if somebody tells them, at the addresses of the file where it has
/// them.
fn addresses(scene: &Scene) -> BTreeMap<AgentName, String> {
    let listed = scene.file.members.iter().map(|(name, member)| (name.clone(), member.address.clone()));
    let mut addresses: BTreeMap<AgentName, String> = listed.collect();
    if let Some(status) = scene.local.status() {
        let seated: BTreeMap<AgentName, String> = status
            .members
            .iter()
            .filter_map(|member| {
                Some((AgentName::try_from(member.name.clone()).ok()?, member.address.clone()))
            })
            .collect();
        addresses.retain(|name, _| seated.contains_key(name));
        for (name, address) in seated {
            addresses.entry(name).or_insert(address);
        }
    }
    addresses.remove(&scene.file.name);
    addresses
}
