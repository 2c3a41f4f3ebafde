//! UpdateService: an order that is accepted at once and carried out task by task.

use crate::wire::refused;
use crate::world::{Tasks, World};

contract!(
    starts_tasks_one_by_one,
    stops_tasks_one_by_one,
    a_later_order_replaces_an_earlier_one,
    ignores_the_scaling_range,
    refuses_what_is_not_there,
);

type Update = aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;

fn order(world: &World, tasks: &Tasks, count: i32) -> Update {
    let update = world.ecs(&tasks.region).update_service();
    update.cluster(&tasks.cluster).service(&tasks.service).desired_count(count)
}

async fn walk(world: &World, from: i32, to: i32) -> Vec<(i32, i32, i32)> {
    let tasks = world.tasks(from).await;
    let reply = order(world, &tasks, to).send().await.unwrap();
    assert_eq!(reply.service().unwrap().desired_count(), to);
    world.watch(|| world.counts(&tasks), |seen| *seen == (to, to, 0)).await
}

/// Goal: accepted is not running. Method: from two to six; the first look shows fewer than are wanted, and no look
/// more, and the count never falls.
async fn starts_tasks_one_by_one(world: &World) {
    let seen = walk(world, 2, 6).await;
    assert!(seen.iter().any(|(_, running, _)| *running < 6), "{seen:?}");
    assert!(seen.windows(2).all(|two| two[0].1 <= two[1].1), "{seen:?}");
    assert!(seen.iter().all(|(desired, running, _)| *desired == 6 && *running <= 6), "{seen:?}");
}

/// Goal: stopping takes its time too, down to nothing. Method: from three to none.
async fn stops_tasks_one_by_one(world: &World) {
    let seen = walk(world, 3, 0).await;
    assert!(seen.iter().any(|(_, running, _)| *running > 0), "{seen:?}");
    assert!(seen.windows(2).all(|two| two[0].1 >= two[1].1), "{seen:?}");
}

/// Goal: the last word counts. Method: ten, and at once one.
async fn a_later_order_replaces_an_earlier_one(world: &World) {
    let tasks = world.tasks(2).await;
    order(world, &tasks, 10).send().await.unwrap();
    order(world, &tasks, 1).send().await.unwrap();
    world.watch(|| world.counts(&tasks), |seen| *seen == (1, 1, 0)).await;
}

/// Goal: the trap that makes both calls necessary: a count outside the scaling range is accepted, and the range stays
/// as it is. Method: more than its maximum.
async fn ignores_the_scaling_range(world: &World) {
    let tasks = world.tasks(2).await;
    let range = crate::describe_scalable_targets::range(world, &tasks).await;
    order(world, &tasks, range.1 + 1).send().await.unwrap();
    assert_eq!(world.counts(&tasks).await.0, range.1 + 1);
    assert_eq!(crate::describe_scalable_targets::range(world, &tasks).await, range);
}

/// Goal: a missing service and a missing cluster have their own codes. Method: both.
async fn refuses_what_is_not_there(world: &World) {
    let tasks = world.tasks(1).await;
    let service = Tasks { service: "nowhere".into(), ..tasks.clone() };
    refused(order(world, &service, 1).send().await, "ServiceNotFoundException", 400);
    let cluster = Tasks { cluster: "nowhere".into(), ..tasks };
    refused(order(world, &cluster, 1).send().await, "ClusterNotFoundException", 400);
}
