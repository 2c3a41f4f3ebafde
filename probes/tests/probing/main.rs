//! The prober, the schedule and the driver against real sockets on the loopback interface: each reason that a
//! probe can fail for is produced by a server that misbehaves in just that way.
#![allow(clippy::unwrap_used)]

mod certificates;
mod connecting;
mod deadlines;
mod driving;
mod names;
mod postgres;
mod replies;
mod scheduling;
mod servers;

use quorate_policies::{
    TargetName,
    health::FailureReason,
    policy::{HttpProbe, Looks, Probe},
};
use quorate_probes::{Outcome, ProbeResult, Prober, ProberSettings, Target};

/// A probe as a policy gives it, with a deadline that no test meets by accident.
pub(crate) fn probe() -> Probe {
    serde_json::from_str(r#"{"http": "unused", "timeout": "20s"}"#).unwrap()
}

pub(crate) fn name(text: &str) -> TargetName {
    TargetName::try_from(text.to_owned()).unwrap()
}

/// What an HTTP probe looks at.
pub(crate) fn http(probe: &mut Probe) -> &mut HttpProbe {
    match &mut probe.looks {
        Looks::Http(http) => http,
        Looks::Postgres(_) => panic!("no HTTP probe"),
    }
}

/// A probe that also names the host as clients do.
pub(crate) fn by_public_name() -> Probe {
    let mut probe = probe();
    http(&mut probe).host = Some("shop.example.com".to_owned());
    probe
}

pub(crate) fn target(probe: &Probe, url: &str) -> Target {
    let mut probe = probe.clone();
    http(&mut probe).url = url.to_owned();
    Target::new(name("api/us-east-1"), &probe.looks, probe.timeout).unwrap()
}

/// Probes a URL once as a policy would by default.
pub(crate) async fn probe_once(url: &str) -> ProbeResult {
    Prober::new(ProberSettings::default()).unwrap().probe(&target(&probe(), url)).await
}

/// The reason of a failure; panics with the whole result on a success.
pub(crate) fn reason(result: &ProbeResult) -> FailureReason {
    match &result.outcome {
        Outcome::Failure { reason, .. } => *reason,
        Outcome::Success => panic!("no failure: {result:?}"),
    }
}

/// Which phases ended, in their order.
pub(crate) fn phases(result: &ProbeResult) -> Vec<&'static str> {
    let phases = &result.phases;
    [
        ("resolve", phases.resolve),
        ("connect", phases.connect),
        ("tls", phases.tls),
        ("processing", phases.processing),
        ("transfer", phases.transfer),
    ]
    .into_iter()
    .filter_map(|(name, length)| length.map(|_| name))
    .collect()
}
