//! Readiness of what `ecs.scale` needs: the service, and a scaling range that the count fits into.

use quorate_policies::plan::action::EcsScale;
use quorate_policies::readiness::Finding;

use super::unread;
use crate::clients::Place;
use crate::ecs::events::trouble;
use crate::fault::{Call, Fault};

/// What was read about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    status: String,
    desired: i64,
    running: i64,
    range: Option<(i64, i64)>,
    /// Tasks on their way.
    pending: i64,
    /// What the service itself says of tasks that do not start.
    trouble: Option<String>,
}

/// ECS's quota of tasks of one service, as long as AWS has set no other for the account; what is set is told by Service
/// Quotas alone.
const TASKS_MAX: i64 = 5_000;

/// Looks at the service and, if the count is a share of another one's, at that.
pub(super) async fn scale(place: &Place<'_>, action: &EcsScale) -> Vec<Finding> {
    let mut findings = match read(place, &action.cluster, &action.service).await {
        Ok(service) => judge(action, &service),
        Err(finding) => vec![finding],
    };
    if let Some(of) = &action.percent_of {
        let there = read(&place.in_region(&of.region), &of.cluster, &of.service).await;
        findings.extend(there.err());
    }
    findings
}

fn judge(action: &EcsScale, service: &Service) -> Vec<Finding> {
    let name = format!("{}/{}", action.cluster, action.service);
    let wanted =
        i64::from(action.desired.or(action.percent_of.as_ref().map(|of| of.at_least)).unwrap_or_default());
    let mut findings = Vec::new();
    if service.status != "ACTIVE" {
        let what = format!("service {name} is {}", service.status);
        findings.push(Finding::blocking(what, "create it anew, or name another one"));
    }
    if service.desired > 0 && service.running == 0 {
        let what = format!("service {name} wants {} tasks and runs none", service.desired);
        findings.push(Finding::blocking(what, "see why its tasks do not start"));
    } else if service.running < service.desired {
        let what = format!("service {name} runs {} of {} tasks", service.running, service.desired);
        findings.push(Finding::warning(what, "see why its tasks do not start"));
    }
    if let Some(trouble) = &service.trouble {
        let what = format!("service {name} cannot start tasks: {trouble}");
        findings.push(Finding::warning(what, "reserve the capacity, or mend what its events name"));
    }
    if wanted > TASKS_MAX {
        let what =
            format!("the plan wants {wanted} tasks of service {name}, and a service may have {TASKS_MAX}");
        findings.push(Finding::warning(what, "see under Service Quotas whether yours is higher"));
    }
    if service.pending > 0 {
        let what = format!("service {name} is starting {} tasks", service.pending);
        findings.push(Finding::note(format!("{what}: a deployment or a scaling is under way")));
    }
    if wanted > 0 && service.desired == 0 {
        let what =
            format!("service {name} is scaled to zero: every task must be started when capacity is scarce");
        findings.push(Finding::warning(what, "keep a warm floor, or reserve the capacity"));
    }
    if let Some((min, max)) = service.range
        && wanted > max
    {
        let what = format!("service {name} may scale from {min} to {max}, the plan wants {wanted}");
        findings.push(Finding::note(format!("{what}: the step widens the range first")));
    }
    findings
}

async fn read(place: &Place<'_>, cluster: &str, service: &str) -> Result<Service, Finding> {
    let id = format!("{cluster}/{service}");
    let call = |operation| Call { operation, region: place.region.to_owned(), id: id.clone() };
    let missing =
        |what: String| Finding::blocking(what, "create it, or correct its name and region in the policy");
    let reply = place.ecs().describe_services().cluster(cluster).services(service).send().await;
    let reply = reply.map_err(|error| {
        let fault = Fault::new(call("ecs:DescribeServices"), &error);
        let gone = matches!(fault.code(), Some("ClusterNotFoundException" | "ServiceNotFoundException"));
        if gone { missing(fault.to_string()) } else { unread(&fault) }
    })?;
    let Some(found) = reply.services().first() else {
        return Err(missing(format!("service {id} does not exist in {}", place.region)));
    };
    let targets = place
        .autoscaling()
        .describe_scalable_targets()
        .service_namespace(aws_sdk_applicationautoscaling::types::ServiceNamespace::Ecs)
        .resource_ids(format!("service/{cluster}/{service}"))
        .send()
        .await;
    let targets = targets.map_err(|error| {
        unread(&Fault::new(call("application-autoscaling:DescribeScalableTargets"), &error))
    })?;
    let range = targets.scalable_targets().first();
    let events: Vec<String> =
        found.events().iter().filter_map(|event| event.message().map(str::to_owned)).collect();
    Ok(Service {
        pending: i64::from(found.pending_count()),
        trouble: trouble(&events),
        status: found.status().unwrap_or_default().to_owned(),
        desired: i64::from(found.desired_count()),
        running: i64::from(found.running_count()),
        range: range.map(|target| (i64::from(target.min_capacity()), i64::from(target.max_capacity()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(desired: u32) -> EcsScale {
        EcsScale {
            region: "us-west-2".into(),
            cluster: "dr".into(),
            service: "web".into(),
            desired: Some(desired),
            percent_of: None,
            enough_percent: 100,
            scaling: None,
        }
    }

    fn service(status: &str, desired: i64, running: i64) -> Service {
        let status = status.into();
        Service { status, desired, running, range: Some((2, 4)), pending: 0, trouble: None }
    }

    /// Goal: each state of the service is told with its weight. Method: a table.
    #[test]
    fn states_of_a_service() {
        let starting = Service { pending: 2, ..service("ACTIVE", 2, 2) };
        let full = Service { trouble: Some("unable to place a task".into()), ..service("ACTIVE", 2, 2) };
        let wide = Service { range: Some((0, 9_000)), ..service("ACTIVE", 2, 2) };
        let table: [(u32, Service, &[&str]); 10] = [
            (4, starting, &["note: service dr/web is starting 2 tasks"]),
            (4, full, &["warning: service dr/web cannot start tasks: unable to place a task"]),
            (5_000, wide.clone(), &[]),
            (5_001, wide, &["warning: the plan wants 5001 tasks of service dr/web"]),
            (4, service("ACTIVE", 2, 2), &[]),
            (10, service("ACTIVE", 2, 2), &["note: service dr/web may scale from 2 to 4, the plan wants 10"]),
            (4, service("ACTIVE", 2, 1), &["warning: service dr/web runs 1 of 2"]),
            (4, service("ACTIVE", 2, 0), &["blocking: service dr/web wants 2 tasks and runs none"]),
            (4, service("ACTIVE", 0, 0), &["warning: service dr/web is scaled to zero"]),
            (0, service("DRAINING", 0, 0), &["blocking: service dr/web is DRAINING"]),
        ];
        for (wanted, service, expected) in table {
            let found = judge(&action(wanted), &service);
            let fits = found.iter().zip(expected).all(|(f, e)| f.to_string().starts_with(e));
            assert!(found.len() == expected.len() && fits, "{expected:?}: {found:?}");
        }
    }
}
