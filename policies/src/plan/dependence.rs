//! What the steps of a plan need from outside, and whether the plan can be used when a region is gone. A plan that calls
//! services of the region that it leaves fails when it is needed most, and it is cheaper to read that than to learn it.
//! Static: it asks nobody and knows no more than the plan and what AWS documents of its own control planes.

use super::{Action, Plan, Step};
use crate::{
    name::{RegionName, StepName},
    policy::OnError,
    time::Millis,
};
use std::{collections::BTreeMap, fmt};

/// One thing that a step needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// A service's control plane in one region; without it the step fails.
    Region {
        /// The service, as AWS calls it.
        service: &'static str,
        /// Which region.
        region: String,
    },
    /// The same, and the step makes do without it.
    Helpful {
        /// The service, as AWS calls it.
        service: &'static str,
        /// Which region.
        region: String,
        /// What it does instead.
        instead: &'static str,
    },
    /// Route 53's control plane. There is one in each partition, in a region of its own: without that region no record
    /// and no health check can be changed.
    Route53Control {
        /// Which region.
        region: &'static str,
    },
    /// Route 53's data plane, which answers and checks from everywhere and outlasts its control plane.
    Route53Data,
    /// A majority of the agents.
    Agents,
    /// Something outside AWS, or a name as clients use it.
    Outside {
        /// What.
        what: &'static str,
    },
}

impl Dependence {
    /// Whether it goes when a region goes.
    fn goes_with(&self, gone: &str) -> bool {
        match self {
            Dependence::Region { region, .. } | Dependence::Helpful { region, .. } => region == gone,
            Dependence::Route53Control { region } => *region == gone,
            Dependence::Route53Data | Dependence::Agents | Dependence::Outside { .. } => false,
        }
    }
}

impl fmt::Display for Dependence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dependence::Region { service, region } => write!(f, "{service} in {region}"),
            Dependence::Helpful { service, region, instead } => {
                write!(f, "{service} in {region} if it answers, else {instead}")
            }
            Dependence::Route53Control { region } => write!(f, "the Route 53 control plane in {region}"),
            Dependence::Route53Data => f.write_str("Route 53's data plane"),
            Dependence::Agents => f.write_str("a majority of the agents"),
            Dependence::Outside { what } => f.write_str(what),
        }
    }
}

/// What one step of a plan needs. A role in which it acts is assumed at a regional endpoint and adds nothing.
#[must_use]
pub fn dependences(plan: &Plan, step: &Step) -> Vec<Dependence> {
    let in_region = |service, region: &String| Dependence::Region { service, region: region.clone() };
    match &step.action {
        Action::RdsPromoteReadReplica(action) => vec![in_region("RDS", &action.region)],
        Action::RdsRestoreToPointInTime(action) => vec![in_region("RDS", &action.region)],
        Action::RdsCreateCrossRegionReplica(action) => {
            vec![in_region("RDS", &action.region), in_region("RDS", &action.source_region)]
        }
        Action::RdsFence(action) => vec![in_region("RDS", &action.region)],
        Action::RdsUnfence(action) => vec![in_region("RDS", &action.region)],
        Action::RdsReboot(action) => vec![in_region("RDS", &action.region)],
        // It is called where the present writer is, and loses nothing because that one is asked.
        Action::AuroraSwitchover(action) => {
            vec![in_region("RDS", &action.region), in_region("RDS", &plan.from.to_string())]
        }
        Action::AuroraFailover(action) => vec![in_region("RDS", &action.region)],
        Action::PostgresPromote(action) => vec![in_region("PostgreSQL", &action.region)],
        Action::PostgresFence(action) => vec![in_region("PostgreSQL", &action.region)],
        Action::PostgresUnfence(action) => vec![in_region("PostgreSQL", &action.region)],
        // It loses nothing because the present primary is asked.
        Action::PostgresSwitchover(action) => {
            vec![in_region("PostgreSQL", &action.region), in_region("PostgreSQL", &plan.from.to_string())]
        }
        Action::PostgresRejoin(action) => vec![in_region("PostgreSQL", &action.region)],
        Action::PostgresRestore(action) => vec![in_region("PostgreSQL", &action.region)],
        Action::RedisRestore(action) => vec![in_region("Redis", &action.region)],
        Action::S3Sync(action) => [in_region("S3", &action.from.region)]
            .into_iter()
            .chain(action.to.region.as_ref().map(|region| in_region("S3", region)))
            .collect(),
        Action::VerifySql(action) => vec![in_region("PostgreSQL", &action.region)],
        Action::EcsScale(action) => {
            let share = action.percent_of.as_ref().map(|share| Dependence::Helpful {
                service: "ECS",
                region: share.region.clone(),
                instead: "`at_least` tasks",
            });
            [in_region("ECS", &action.region)].into_iter().chain(share).collect()
        }
        Action::Route53Repoint(_) => {
            vec![Dependence::Route53Control { region: route53_region(&plan.to) }]
        }
        Action::Route53Signal(_) => vec![Dependence::Agents, Dependence::Route53Data],
        Action::DnsConverged(_) => vec![Dependence::Route53Data],
        Action::DnsUpdate(_) => vec![Dependence::Outside { what: "the zone's primary DNS server" }],
        Action::Exec(action) => vec![called(action.region.as_ref(), "what its command calls")],
        Action::Http(action) => vec![called(action.region.as_ref(), "the server that it calls")],
        Action::StatuspageIncident(_) => vec![Dependence::Outside { what: "the status page" }],
        // Handed over is enough: what a receiver does with it holds up nothing.
        Action::Notify(_) => vec![Dependence::Agents],
        Action::Approval(_) => vec![Dependence::Agents, Dependence::Outside { what: "an operator" }],
        Action::Gate(_) | Action::Wait(_) => vec![Dependence::Agents],
        Action::VerifyProbes(_) => vec![Dependence::Outside { what: "the service's public name" }],
    }
}

/// What a step needs whose policy may say where that is.
fn called(region: Option<&String>, what: &'static str) -> Dependence {
    match region {
        Some(region) => Dependence::Region { service: what, region: region.clone() },
        None => Dependence::Outside { what },
    }
}

/// The region in which the Route 53 control plane of a region's partition stands.
fn route53_region(region: &RegionName) -> &'static str {
    let partition = |prefix| region.as_str().starts_with(prefix);
    if partition("cn-") {
        "cn-northwest-1"
    } else if partition("us-gov-") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    }
}

/// Whether something can be used when a region is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usable {
    /// As if nothing were gone.
    Yes,
    /// It comes to its end, with less or later.
    Degraded {
        /// What is missing, one reason each.
        because: Vec<String>,
    },
    /// It does not come to its end.
    No {
        /// What is missing, one reason each.
        because: Vec<String>,
    },
}

impl Usable {
    /// Why not as if nothing were gone; nothing for [`Usable::Yes`].
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        match self {
            Usable::Yes => &[],
            Usable::Degraded { because } | Usable::No { because } => because,
        }
    }

    /// In one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Usable::Yes => "yes",
            Usable::Degraded { .. } => "degraded",
            Usable::No { .. } => "no",
        }
    }
}

impl fmt::Display for Usable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Usable::Yes => f.write_str("yes"),
            Usable::Degraded { because } => write!(f, "yes, but {}", because.join("; ")),
            Usable::No { because } => write!(f, "no, because {}", because.join("; ")),
        }
    }
}

/// Every step of a plan, by name, and whether it can be used when a region is gone.
#[must_use]
pub fn usable_without(plan: &Plan, gone: &RegionName) -> Vec<(StepName, Usable)> {
    let own: BTreeMap<&StepName, Usable> =
        plan.steps.iter().map(|(name, step)| (name, alone(plan, name, step, gone))).collect();
    let first_failing = |name: &StepName| {
        let failing = own.iter().filter(|(_, usable)| matches!(usable, Usable::No { .. }));
        failing.map(|(earlier, _)| *earlier).find(|earlier| plan.comes_after(name, earlier))
    };
    let steps = own.iter().map(|(name, usable)| {
        let usable = match (usable, first_failing(name)) {
            (Usable::No { .. }, _) | (_, None) => usable.clone(),
            (_, Some(earlier)) => {
                let because = format!("step `{name}` is never begun: it needs step `{earlier}`");
                Usable::No { because: vec![because] }
            }
        };
        ((*name).clone(), usable)
    });
    steps.collect()
}

/// A step by itself, without what it waits for.
fn alone(plan: &Plan, name: &StepName, step: &Step, gone: &RegionName) -> Usable {
    let missing: Vec<Dependence> =
        dependences(plan, step).into_iter().filter(|needed| needed.goes_with(gone.as_str())).collect();
    // Of several the gravest tells: one that the step cannot do without.
    let required = missing.iter().find(|needed| !matches!(needed, Dependence::Helpful { .. }));
    match (required, missing.first()) {
        (Some(needed), _) if step.on_error == OnError::Continue => {
            let longest = step.timeout.0.saturating_mul(u64::from(step.retries) + 1);
            let later = Millis(longest);
            let because =
                format!("step `{name}` needs {needed}: the plan goes on without it, up to {later} later");
            Usable::Degraded { because: vec![because] }
        }
        (Some(needed), _) => {
            let control = matches!(needed, Dependence::Route53Control { .. });
            let other = if control { " (`route53.signal` does not)" } else { "" };
            Usable::No { because: vec![format!("step `{name}` needs {needed}{other}")] }
        }
        (None, Some(Dependence::Helpful { service, region, instead })) => {
            let because = format!("step `{name}` cannot ask {service} in {region} and takes {instead}");
            Usable::Degraded { because: vec![because] }
        }
        (None, _) => Usable::Yes,
    }
}

/// Whether a plan as a whole can be used when a region is gone: as its gravest step, with the reason of each that is as
/// grave.
#[must_use]
pub fn verdict(plan: &Plan, gone: &RegionName) -> Usable {
    let (mut fails, mut lacks) = (Vec::new(), Vec::new());
    for (name, step) in &plan.steps {
        match alone(plan, name, step, gone) {
            Usable::Yes => {}
            Usable::Degraded { because } => lacks.extend(because),
            Usable::No { because } => fails.extend(because),
        }
    }
    match (fails.is_empty(), lacks.is_empty()) {
        (true, true) => Usable::Yes,
        (true, false) => Usable::Degraded { because: lacks },
        (false, _) => Usable::No { because: fails },
    }
}

/// The regions whose loss a plan may have to survive: the one that it leaves, and the one of Route 53's control plane. The
/// one that it goes to is not among them.
#[must_use]
pub fn losses(plan: &Plan) -> Vec<RegionName> {
    let control = RegionName::try_from(route53_region(&plan.to)).ok().filter(|region| *region != plan.from);
    let regions = [Some(plan.from.clone()), control];
    regions.into_iter().flatten().filter(|region| *region != plan.to).collect()
}
