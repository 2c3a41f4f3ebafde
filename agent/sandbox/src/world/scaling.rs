//! Application Auto Scaling of the ECS services: the range in which it would choose a count. No alarm ever
//! fires here; all it does by itself is to follow a minimum that was raised, as the real thing may.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::call::operations;
use super::refusal::Refusal;

/// One call of Application Auto Scaling.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ScalingCall {
    /// Reads scalable targets.
    DescribeScalableTargets {
        /// The service, such as `ecs`.
        namespace: String,
        /// Ids such as `service/shop/web`; all without any.
        resources: Vec<String>,
        /// What is scaled; everything without it.
        dimension: Option<String>,
    },
    /// Registers or changes a scalable target.
    RegisterScalableTarget(Registration),
    /// Takes a scalable target away.
    DeregisterScalableTarget {
        /// The service.
        namespace: String,
        /// The id.
        resource: String,
        /// What is scaled.
        dimension: String,
    },
}

operations!(ScalingCall {
    ScalingCall::DescribeScalableTargets { .. } => "DescribeScalableTargets",
    ScalingCall::RegisterScalableTarget(_) => "RegisterScalableTarget",
    ScalingCall::DeregisterScalableTarget { .. } => "DeregisterScalableTarget",
});

/// What Application Auto Scaling answers.
#[derive(Debug, Clone, PartialEq)]
pub enum ScalingReply {
    /// Targets that were looked for.
    Targets(Vec<ScalableTarget>),
    /// The ARN of the target that was registered.
    Registered(String),
    /// Nothing but success.
    Done,
}

/// What a registration asks for; what it leaves out stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Registration {
    /// The service.
    pub namespace: String,
    /// The id.
    pub resource: String,
    /// What is scaled.
    pub dimension: String,
    /// The least count.
    pub min: Option<i64>,
    /// The greatest count.
    pub max: Option<i64>,
    /// Which kinds of scaling rest.
    pub suspended: SuspendedWish,
}

/// Which kinds of scaling shall rest or go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SuspendedWish {
    /// Scale-in by alarms.
    #[serde(rename(deserialize = "DynamicScalingInSuspended"))]
    pub scale_in: Option<bool>,
    /// Scale-out by alarms.
    #[serde(rename(deserialize = "DynamicScalingOutSuspended"))]
    pub scale_out: Option<bool>,
    /// Scaling by schedule.
    #[serde(rename(deserialize = "ScheduledScalingSuspended"))]
    pub scheduled: Option<bool>,
}

/// Which kinds of scaling rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Suspended {
    /// Scale-in by alarms.
    pub scale_in: bool,
    /// Scale-out by alarms.
    pub scale_out: bool,
    /// Scaling by schedule.
    pub scheduled: bool,
}

/// A scalable target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// Its region.
    pub region: String,
    /// The resource, such as `service/shop/web`.
    pub resource: String,
    /// Its ARN.
    pub arn: String,
    /// The least count.
    pub min: u32,
    /// The greatest count.
    pub max: u32,
    /// Which kinds of scaling rest.
    pub suspended: Suspended,
    /// When it was first registered, in milliseconds.
    pub created_ms: u64,
    /// When the service is brought into the range, in milliseconds.
    pub due_ms: Option<u64>,
}

/// The only service that is scaled here.
pub const NAMESPACE: &str = "ecs";
/// The only thing that is scaled here.
pub const DIMENSION: &str = "ecs:service:DesiredCount";

/// Every scalable target, by region: there is one service in each.
#[derive(Debug, Clone, Default)]
pub struct Scaling {
    by_region: BTreeMap<String, ScalableTarget>,
    /// How long it takes until a raised minimum is followed; never without it.
    follows_ms: Option<u64>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("ValidationException", message)
}

impl Scaling {
    /// No targets. A raised minimum is followed after `follows_ms`, or never.
    #[must_use]
    pub fn new(follows_ms: Option<u64>) -> Self {
        Scaling { by_region: BTreeMap::new(), follows_ms }
    }

    /// Every target.
    #[must_use]
    pub fn all(&self) -> Vec<ScalableTarget> {
        self.by_region.values().cloned().collect()
    }

    /// The targets whose service must be brought up now, with the count that it must have.
    fn due(&mut self, now_ms: u64) -> Vec<(String, u32)> {
        let due = |target: &mut ScalableTarget| {
            target.due_ms.take_if(|due| *due <= now_ms)?;
            (!target.suspended.scale_out).then(|| (target.region.clone(), target.min))
        };
        self.by_region.values_mut().filter_map(due).collect()
    }

    /// Registers or changes a target, and answers its ARN and whether anything changed.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn register(
        &mut self,
        region: &str,
        asked: &Registration,
        resource: &str,
        now_ms: u64,
    ) -> Result<(String, bool), Refusal> {
        check_kind(&asked.namespace, &asked.dimension)?;
        if asked.resource != resource {
            return Err(invalid(format!("ECS service doesn't exist: {}", asked.resource)));
        }
        let before = self.by_region.get(region).cloned();
        let bound = |asked: Option<i64>, before: Option<u32>, name: &str| match (asked, before) {
            (Some(count), _) => {
                u32::try_from(count).map_err(|_| invalid(format!("{name} must be a non-negative number")))
            }
            (None, Some(before)) => Ok(before),
            (None, None) => {
                Err(invalid(format!("{name} must be specified when registering a new scalable target")))
            }
        };
        let min = bound(asked.min, before.as_ref().map(|target| target.min), "Min capacity")?;
        let max = bound(asked.max, before.as_ref().map(|target| target.max), "Max capacity")?;
        if min > max {
            return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
        }
        let mut target = before.clone().unwrap_or_else(|| ScalableTarget {
            region: region.into(),
            resource: resource.into(),
            arn: target_arn(region, resource),
            min,
            max,
            suspended: Suspended::default(),
            created_ms: now_ms,
            due_ms: None,
        });
        (target.min, target.max) = (min, max);
        let Suspended { scale_in, scale_out, scheduled } = &mut target.suspended;
        *scale_in = asked.suspended.scale_in.unwrap_or(*scale_in);
        *scale_out = asked.suspended.scale_out.unwrap_or(*scale_out);
        *scheduled = asked.suspended.scheduled.unwrap_or(*scheduled);
        let changed = before.as_ref() != Some(&target);
        if before.is_none_or(|before| before.min < min) {
            target.due_ms = self.follows_ms.map(|follows_ms| now_ms + follows_ms);
        }
        let arn = target.arn.clone();
        self.by_region.insert(region.into(), target);
        Ok((arn, changed))
    }

    /// Puts a target in place before the world begins.
    pub(super) fn seed(&mut self, region: &str, resource: &str, range: (u32, u32), now_ms: u64) {
        let (min, max) = range;
        let (region, resource) = (region.to_owned(), resource.to_owned());
        let arn = target_arn(&region, &resource);
        let suspended = Suspended::default();
        let key = region.clone();
        let target =
            ScalableTarget { region, resource, arn, min, max, suspended, created_ms: now_ms, due_ms: None };
        self.by_region.insert(key, target);
    }

    fn describe(&self, region: &str, namespace: &str, resources: &[String]) -> Vec<ScalableTarget> {
        let wanted = |target: &&ScalableTarget| {
            namespace == NAMESPACE && (resources.is_empty() || resources.contains(&target.resource))
        };
        self.by_region.get(region).into_iter().filter(wanted).cloned().collect()
    }

    fn deregister(&mut self, region: &str, resource: &str) -> Result<(), Refusal> {
        match self.by_region.get(region).is_some_and(|target| target.resource == resource) {
            true => self.by_region.remove(region),
            false => {
                let message = format!(
                    "No scalable target found for service namespace: {NAMESPACE}, resource ID: {resource}, \
                     scalable dimension: {DIMENSION}"
                );
                return Err(Refusal::bad("ObjectNotFoundException", message));
            }
        };
        Ok(())
    }
}

fn target_arn(region: &str, resource: &str) -> String {
    // The real one ends in an id; a name serves as well, because there is one for each resource.
    let account = super::database::ACCOUNT;
    let id = resource.replace('/', "-");
    format!("arn:aws:application-autoscaling:{region}:{account}:scalable-target/{id}")
}

/// Services that Application Auto Scaling knows, of which only ECS exists here.
const NAMESPACES: [&str; 5] = ["ecs", "dynamodb", "rds", "lambda", "ec2"];

fn check_namespace(namespace: &str) -> Result<(), Refusal> {
    match NAMESPACES.contains(&namespace) {
        true => Ok(()),
        false => Err(invalid(format!(
            "1 validation error detected: Value '{namespace}' at 'serviceNamespace' failed to satisfy constraint: \
             Member must satisfy enum value set"
        ))),
    }
}

fn check_kind(namespace: &str, dimension: &str) -> Result<(), Refusal> {
    check_namespace(namespace)?;
    match (namespace, dimension) {
        (NAMESPACE, DIMENSION) => Ok(()),
        _ => Err(invalid(format!(
            "Unsupported service namespace, resource type or scalable dimension: {namespace}, {dimension}"
        ))),
    }
}

impl World {
    /// Brings services into ranges whose minimum was raised.
    pub(super) fn follow_ranges(&mut self, now_ms: u64) {
        for (region, min) in self.scaling.due(now_ms) {
            self.fleet.raise(&region, min, now_ms);
        }
    }

    /// The reply to a call of Application Auto Scaling, and whether the world changed.
    pub(super) fn call_scaling(
        &mut self,
        region: &str,
        call: &ScalingCall,
        now_ms: u64,
    ) -> Result<(ScalingReply, bool), Refusal> {
        Ok(match call {
            ScalingCall::DescribeScalableTargets { namespace, resources, dimension } => {
                check_namespace(namespace)?;
                if let Some(dimension) = dimension {
                    check_kind(namespace, dimension)?;
                }
                (ScalingReply::Targets(self.scaling.describe(region, namespace, resources)), false)
            }
            ScalingCall::RegisterScalableTarget(asked) => {
                let service = self.fleet.service(region);
                let resource = service.map(|compute| compute.resource()).unwrap_or_default();
                let (arn, changed) = self.scaling.register(region, asked, &resource, now_ms)?;
                (ScalingReply::Registered(arn), changed)
            }
            ScalingCall::DeregisterScalableTarget { namespace, resource, dimension } => {
                check_kind(namespace, dimension)?;
                self.scaling.deregister(region, resource)?;
                (ScalingReply::Done, true)
            }
        })
    }
}

#[cfg(test)]
#[path = "scaling_tests.rs"]
mod tests;
