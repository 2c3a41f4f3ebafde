//! Whether the plans would go through, by the looks of readiness and no others. The agent is asked to look, if it runs: it
//! has its own credentials. Else this command looks, with those of whoever called it.

use super::{Scene, answers::client};
use crate::{cli::client::ClientError, doctor::facts::PlanSeen, effects::Effects, shell};
use futures_util::future::join_all;
use quorate_api::{PlanView, Service, Status, service};
use quorate_policies::{
    Policy, RegionName, ServiceName,
    guard::situation::scenario,
    plan::{
        Plan,
        expand::{Inputs, expand},
    },
    policy::Role,
    readiness::{Finding, FindingSeverity},
};

/// Looks at the plan of each service for each region to which it could go.
pub(super) async fn look_at_all(scene: &Scene) -> Result<Vec<PlanSeen>, String> {
    let plans = match scene.local.status() {
        Some(status) => by_the_agent(scene, status).await,
        None => by_this_command(scene).await?,
    };
    if plans.is_empty() { Err("no policy has a plan that moves its service".to_owned()) } else { Ok(plans) }
}

async fn by_the_agent(scene: &Scene, status: &Status) -> Vec<PlanSeen> {
    let ways = status.services.iter().flat_map(|service| {
        let others = service.regions.iter().filter(|region| region.name != service.active);
        others.map(move |region| (service, region.name.as_str()))
    });
    let looks = ways.map(|(service, to)| asked(scene, service, to));
    join_all(looks).await.into_iter().flatten().collect()
}

async fn asked(scene: &Scene, service: &Service, to: &str) -> Option<PlanSeen> {
    let name = ServiceName::try_from(service.name.clone()).ok()?;
    let client = client(&scene.file).ok()?;
    let path = ["services", service.name.as_str(), "plan"];
    let view = client.get::<PlanView>(&path, &[("to", to), ("check", "true")]).await;
    let (plan, findings) = match view {
        Ok(view) => {
            (view.value.plan, Ok(view.value.readiness.map(|found| found.findings).unwrap_or_default()))
        }
        Err(ClientError::Problem(problem)) => ("plan".to_owned(), Err(problem.detail)),
        Err(error) => ("plan".to_owned(), Err(error.to_string())),
    };
    let findings = findings.map(|findings| findings.into_iter().map(finding).collect());
    let by = format!("agent {}", scene.file.name);
    Some(PlanSeen { service: name, plan: format!("{plan} to {to}"), by, findings })
}

fn finding(of: service::Finding) -> Finding {
    let severity = FindingSeverity::ALL.into_iter().find(|severity| severity.as_str() == of.severity);
    // A word of tomorrow is not passed over.
    let severity = severity.unwrap_or(FindingSeverity::Unknown);
    let step = of.step.and_then(|step| step.try_into().ok());
    Finding { severity, step, what: of.what, mend: of.mend }
}

async fn by_this_command(scene: &Scene) -> Result<Vec<PlanSeen>, String> {
    let prober = scene.prober.clone()?;
    let policies = scene.policies.as_ref().map_err(Clone::clone)?;
    let effects = Effects::new(&scene.file, &scene.base, prober);
    let looks = policies.iter().flat_map(ways).map(|(service, plan)| {
        let effects = &effects;
        async move {
            let findings = shell::look_at_plan(effects, service, &plan, 0).await;
            let by = "this command, with the credentials that it has".to_owned();
            PlanSeen {
                service: service.clone(),
                plan: format!("{} to {}", plan.name, plan.to),
                by,
                findings: Ok(findings),
            }
        }
    });
    Ok(join_all(looks).await)
}

/// From the policy's primary region to each standby: nobody is there to say which region serves.
fn ways(policy: &Policy) -> Vec<(&ServiceName, Plan)> {
    let of = |role: Role| {
        policy.regions.iter().filter(move |(_, region)| region.role == role).map(|(name, _)| name)
    };
    let Some((name, _)) = scenario(policy) else { return Vec::new() };
    let way = |from: &RegionName, to: &RegionName| expand(policy, name, from, to, &Inputs::new()).ok();
    let pairs = of(Role::Primary).flat_map(|from| of(Role::Standby).map(move |to| (from, to)));
    pairs.filter_map(|(from, to)| Some((&policy.service, way(from, to)?))).collect()
}
