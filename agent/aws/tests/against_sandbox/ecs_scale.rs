//! `ecs.scale` in a world of two regions: counts taken from the other one, ranges, health, room, fences and undo.

use std::sync::Arc;
use std::time::Duration;

use quorate_aws::Aws;
use quorate_policies::effect::{Acted, EffectContext, Observed};
use quorate_policies::plan::action::{EcsScale, PercentOf, ScalingRange};
use quorate_policies::plan::before::undo;
use quorate_policies::plan::{Action, Before};
use serde_json::json;

use crate::bench::{Bench, Trail, act_on, carry_out, context, observe};
use crate::proxy::{self, ALWAYS, Break, Script};

/// A share of the primary's tasks.
fn share(bench: &Bench, percent: u32, at_least: u32) -> Action {
    let Action::EcsScale(fixed) = bench.scale(0) else { panic!("not a scaling") };
    let (cluster, service) = (fixed.cluster.clone(), fixed.service.clone());
    let region = bench.endpoints.service.primary.clone();
    let percent_of = Some(PercentOf { region, cluster, service, percent, at_least });
    Action::EcsScale(EcsScale { desired: None, percent_of, ..fixed })
}

/// A bench, and what breaks on the way to the primary region.
async fn both_regions() -> (Bench, Arc<Script>, Aws) {
    let bench = Bench::start().await;
    let script = Arc::<Script>::default();
    let aws = agent(&bench, &script, Duration::from_secs(20)).await;
    (bench, script, aws)
}

/// An agent that sees both regions, each through a proxy.
async fn agent(bench: &Bench, script: &Arc<Script>, attempt: Duration) -> Aws {
    let primary = &bench.endpoints.service.primary;
    let url = proxy::start(&bench.endpoints.vantages["internet"].aws[primary], script).await;
    let mut settings = bench.settings_within(attempt);
    settings.endpoints.regional.insert(primary.parse().unwrap(), url);
    Aws::load(settings).await
}

/// What the first look notes.
fn noted(seen: &Observed) -> (u32, String) {
    let Observed::NotDone { before: Some(Before::Scaled { wanted, because, .. }), .. } = seen else {
        panic!("nothing noted: {seen:?}")
    };
    (*wanted, because.clone())
}

/// The standby's (desired, running) and its range.
async fn standing(bench: &Bench) -> ((u32, u32), (u32, u32)) {
    let (world, standby) = (bench.world().await, &bench.endpoints.service.standby);
    let tasks = world.compute.iter().find(|tasks| &tasks.region == standby).unwrap();
    let range = world.scaling.iter().find(|target| &target.region == standby).unwrap();
    ((tasks.desired, tasks.running), (range.min, range.max))
}

fn last(trail: &Trail) -> &str {
    match trail.observed.last() {
        Some(Observed::Done { detail }) => detail,
        other => panic!("not done: {other:?}"),
    }
}

/// Goal: a share of what the other region ran is reached in tasks, range and healthy targets. Method: 75 % of its ten.
#[tokio::test]
async fn a_share_of_the_other_region() {
    let (bench, _, aws) = both_regions().await;
    let action = share(&bench, 75, 1);
    let seen = observe(&aws, &action, &context(5)).await;
    let (wanted, because) = noted(&seen);
    assert_eq!(wanted, 8);
    assert!(because.starts_with("75 % of 10, the most that shop/web in us-east-1 ran"), "{because}");
    let trail = carry_out(&aws, &action, &context(5)).await;
    assert_eq!(standing(&bench).await, ((8, 8), (8, 20)));
    let detail = last(&trail);
    assert!(detail.contains("running 8, pending 0, healthy in") && detail.ends_with(" 8"), "{detail}");
    let operations: Vec<String> = bench.changes().await.into_iter().map(|change| change.operation).collect();
    assert_eq!(operations, ["RegisterScalableTarget", "UpdateService"]);
}

/// Goal: without the metric the other service's desired count is taken, and without both the plan's least, honestly;
/// each is asked once and nobody waits for what never comes. Method: break the metric, then the region.
#[tokio::test]
async fn a_silent_region() {
    let (bench, script, aws) = both_regions().await;
    script.set("GetMetricData", Break::Refuse(400, "Throttling"), ALWAYS);
    let (wanted, because) = noted(&observe(&aws, &share(&bench, 50, 1), &context(5)).await);
    assert_eq!(wanted, 5);
    assert!(because.contains("the desired count of shop/web in us-east-1 now; cloudwatch:GetMetricData"));
    assert_eq!(script.arrived("GetMetricData"), 1, "{because}");

    script.clear();
    script.set("GetMetricData", Break::Hang, ALWAYS);
    script.set("DescribeServices", Break::Hang, ALWAYS);
    let hasty = agent(&bench, &script, Duration::from_millis(700)).await;
    let (asked, described) = (script.arrived("GetMetricData"), script.arrived("DescribeServices"));
    let (wanted, because) = noted(&observe(&hasty, &share(&bench, 50, 7), &context(5)).await);
    assert_eq!(wanted, 7);
    assert!(
        because.starts_with("7, the plan's least, because shop/web in us-east-1 tells nothing"),
        "{because}"
    );
    assert!(because.contains("no reply"), "{because}");
    assert_eq!(
        (script.arrived("GetMetricData"), script.arrived("DescribeServices")),
        (asked + 1, described + 1)
    );
    let trail = carry_out(&hasty, &share(&bench, 50, 7), &context(5)).await;
    assert!(trail.is_done(), "{trail:?}");
    assert_eq!(standing(&bench).await, ((7, 7), (7, 20)));
}

/// Goal: the count is settled once: another agent goes on with what was noted, whatever the other region tells by then,
/// and it never asks it again. Method: act on the first part, lose the region, and continue with a new agent.
#[tokio::test]
async fn the_count_is_settled_once() {
    let (bench, script, aws) = both_regions().await;
    let (action, mut context) = (share(&bench, 100, 1), context(5));
    let Observed::NotDone { part: 0, before, .. } = observe(&aws, &action, &context).await else { panic!() };
    context.before = before;
    assert!(matches!(act_on(&aws, &action, 0, &context).await, Acted::Accepted { .. }));
    let asked = script.arrived("GetMetricData");
    script.set("GetMetricData", Break::Reset, ALWAYS);
    script.set("DescribeServices", Break::Reset, ALWAYS);
    let other = agent(&bench, &script, Duration::from_secs(20)).await;
    let seen = observe(&other, &action, &context).await;
    assert!(matches!(seen, Observed::NotDone { part: 1, before: None, .. }), "{seen:?}");
    let trail = carry_out(&other, &action, &context).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert_eq!(standing(&bench).await, ((10, 10), (10, 20)));
    assert_eq!(script.arrived("GetMetricData"), asked);
}

/// Goal: a share never scales in. Method: ten percent of ten, where two run.
#[tokio::test]
async fn a_share_never_scales_in() {
    let (bench, _, aws) = both_regions().await;
    let trail = carry_out(&aws, &share(&bench, 10, 1), &context(5)).await;
    assert!(trail.is_done() && trail.acted.is_empty(), "{trail:?}");
    assert_eq!(standing(&bench).await, ((2, 2), (2, 20)));
}

/// Goal: what a scaling changed can be taken back, count and range, in an order in which scaling does not interfere.
/// Method: scale out to a range of its own, then carry out the undo.
#[tokio::test]
async fn scaling_is_undone() {
    let (bench, _, aws) = both_regions().await;
    let Action::EcsScale(fixed) = bench.scale(10) else { panic!("not a scaling") };
    let action = Action::EcsScale(EcsScale { scaling: Some(ScalingRange { min: 10, max: 30 }), ..fixed });
    let Observed::NotDone { before: Some(before), .. } = observe(&aws, &action, &context(5)).await else {
        panic!("nothing noted")
    };
    let trail = carry_out(&aws, &action, &context(5)).await;
    assert!(trail.is_done(), "{trail:?}");
    assert_eq!(standing(&bench).await, ((10, 10), (10, 30)));
    let back = undo(&action, Some(&before)).unwrap();
    let trail = carry_out(&aws, &back, &context(6)).await;
    assert!(trail.is_done() && trail.acted.len() == 2, "{trail:?}");
    let ((desired, _), range) = standing(&bench).await;
    assert_eq!((desired, range), (2, (2, 20)), "the surplus may still be stopping");
}

/// Goal: a fence takes the range to nothing before the count, so that nothing scales out in between. Method: the order
/// of the changes, and the range that stands.
#[tokio::test]
async fn a_fence_closes_the_range_first() {
    let (bench, _, aws) = both_regions().await;
    let trail = carry_out(&aws, &bench.scale(0), &context(5)).await;
    assert!(trail.is_done(), "{trail:?}");
    assert_eq!(standing(&bench).await, ((0, 0), (0, 0)));
    let operations: Vec<String> = bench.changes().await.into_iter().map(|change| change.operation).collect();
    assert_eq!(operations, ["RegisterScalableTarget", "UpdateService"]);
}

/// Goal: a region without room is told as such and is not done, unless the plan takes what there is. Method: room for
/// four of ten tasks; then enough is a third.
#[tokio::test]
async fn a_region_without_room() {
    let (bench, _, aws) = both_regions().await;
    let standby = &bench.endpoints.service.standby;
    proxy::post(&bench.endpoints.control, "/control/room", &json!({"region": standby, "tasks": 4})).await;
    let Action::EcsScale(all) = bench.scale(10) else { panic!("not a scaling") };
    let (all, mut noting) = (Action::EcsScale(all), context(5));
    let mut told = None;
    while told.is_none() {
        told = match step(&aws, &all, &mut noting).await {
            Observed::InProgress { detail } if detail.contains("unable to place a task") => Some(detail),
            Observed::Done { detail } => panic!("done without room: {detail}"),
            _ => None,
        };
    }
    let told = told.unwrap();
    assert!(told.contains("desired 10, running 4") && told.contains("Capacity is unavailable"), "{told}");
    let Action::EcsScale(scale) = all else { panic!("not a scaling") };
    let third = Action::EcsScale(EcsScale { enough_percent: 33, ..scale });
    let trail = carry_out(&aws, &third, &noting).await;
    assert!(trail.is_done() && trail.acted.is_empty(), "{trail:?}");
    assert!(last(&trail).contains("wanted 10 (enough 4), desired 10, running 4"), "{trail:?}");
}

/// One look, and the act that it asks for; notes what stood before.
async fn step(aws: &Aws, action: &Action, context: &mut EffectContext) -> Observed {
    let seen = observe(aws, action, context).await;
    if let Observed::NotDone { part, before, .. } = &seen {
        context.before = context.before.take().or_else(|| before.clone());
        act_on(aws, action, *part, context).await;
    }
    // The world's tasks start after some ten milliseconds; there is no event to await.
    tokio::time::sleep(Duration::from_millis(20)).await;
    seen
}

/// Goal: what cannot be read is unknown, never absent: without the range or the targets' health nothing is concluded
/// (R7). Method: refuse each read for ever.
#[tokio::test]
async fn unread_is_not_absent() {
    let (bench, _, aws) = both_regions().await;
    bench.script.set("DescribeScalableTargets", Break::Refuse(400, "AccessDeniedException"), ALWAYS);
    let seen = observe(&aws, &bench.scale(4), &context(5)).await;
    let Observed::Unknown { reason } = seen else { panic!("{seen:?}") };
    assert!(reason.contains("application-autoscaling:DescribeScalableTargets of shop/web"), "{reason}");
    bench.script.clear();
    assert!(carry_out(&aws, &bench.scale(4), &context(5)).await.is_done());
    bench.script.set("DescribeTargetHealth", Break::Refuse(404, "TargetGroupNotFound"), ALWAYS);
    let mut context = context(5);
    context.before = Some(Before::Scaled {
        wanted: 4,
        because: "the plan's number".into(),
        desired: 2,
        scaling: Some(ScalingRange { min: 2, max: 20 }),
    });
    let seen = observe(&aws, &bench.scale(4), &context).await;
    assert!(
        matches!(&seen, Observed::Unknown { reason } if reason.contains("TargetGroupNotFound")),
        "{seen:?}"
    );
}
