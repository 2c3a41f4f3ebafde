//! One probe of each target, by the agent's own prober with the agent's own settings: the same phases, the same deadline,
//! the same reasons. What is found is told to nobody else; no verdict is drawn from it.

use super::{Scene, many};
use crate::doctor::facts::{Many, TargetSeen};
use quorate_core::node::targets::{ProbeTarget, of_policy};
use quorate_probes::{Outcome, Prober, Target};

/// Probes that run at once. An agent spreads them over their intervals; a burst of all would measure itself.
const AT_ONCE: usize = 8;

/// Probes all of them, by service and target.
pub(super) async fn probe_all(scene: &Scene) -> Result<Many<TargetSeen>, String> {
    let prober = scene.prober.clone()?;
    let policies = scene.policies.as_ref().map_err(Clone::clone)?;
    // A policy whose targets cannot be made is refused by the check of documents.
    let targets = policies.iter().flat_map(of_policy).filter_map(Result::ok);
    let ready = targets.filter_map(|target| {
        let ready = Target::new(target.name.clone(), &target.looks, target.probe.timeout).ok()?;
        Some(probe(scene, &prober, target, ready))
    });
    let mut targets = many(ready.collect(), AT_ONCE).await;
    targets.seen.sort_by(|a, b| (&a.service, &a.target).cmp(&(&b.service, &b.target)));
    let none = targets.seen.is_empty() && targets.left == 0;
    if none { Err("no policy has a probe".to_owned()) } else { Ok(targets) }
}

async fn probe(scene: &Scene, prober: &Prober, target: ProbeTarget, ready: Target) -> TargetSeen {
    let result = prober.probe(&ready).await;
    let fault = match result.outcome {
        Outcome::Success => None,
        Outcome::Failure { reason, detail } => Some((reason, detail)),
    };
    let name = target.name.to_string();
    TargetSeen {
        place: target.looks.place(),
        fault,
        total: result.total,
        healthy_for: healthy_for(scene, target.service.as_str(), &name),
        service: target.service,
        target: name,
    }
}

/// Which other agents see it healthy, as the agent beside this command has heard them.
fn healthy_for(scene: &Scene, service: &str, target: &str) -> Vec<String> {
    let services = scene.local.status().into_iter().flat_map(|status| &status.services);
    let regions = services.filter(|one| one.name == service).flat_map(|one| &one.regions);
    let votes = regions.flat_map(|region| &region.targets).filter(|votes| votes.target == target);
    let healthy = votes.flat_map(|votes| &votes.healthy);
    healthy.filter(|agent| agent.as_str() != scene.file.name.as_str()).cloned().collect()
}
