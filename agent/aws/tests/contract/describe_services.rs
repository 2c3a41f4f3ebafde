//! DescribeServices: what runs, what should, and how missing services are told of.

use crate::wire::refused;
use crate::world::World;

contract!(shows_a_service_at_rest, tells_of_missing_services_without_an_error, refuses_a_missing_cluster);

/// Goal: a service at rest has as many tasks as it should, one deployment, and a target group. Method: three tasks.
async fn shows_a_service_at_rest(world: &World) {
    let tasks = world.tasks(3).await;
    let asked = world.ecs(&tasks.region).describe_services().cluster(&tasks.cluster).services(&tasks.service);
    let reply = asked.send().await.unwrap();
    assert!(reply.failures().is_empty(), "{reply:?}");
    let [service] = reply.services() else { panic!("not one service: {reply:?}") };
    assert_eq!(service.service_name(), Some(tasks.service.as_str()));
    assert_eq!(service.status(), Some("ACTIVE"));
    assert_eq!((service.desired_count(), service.running_count(), service.pending_count()), (3, 3, 0));
    let [deployment] = service.deployments() else { panic!("not one deployment: {service:?}") };
    assert_eq!((deployment.status(), deployment.running_count()), (Some("PRIMARY"), 3));
    let group = service.load_balancers()[0].target_group_arn().unwrap();
    assert!(group.starts_with(&format!("arn:aws:elasticloadbalancing:{}:", tasks.region)), "{group}");
}

/// Goal: an unknown service is a failure inside a successful reply. Method: ask for one that is and one that is not.
async fn tells_of_missing_services_without_an_error(world: &World) {
    let tasks = world.tasks(1).await;
    let asked = world.ecs(&tasks.region).describe_services().cluster(&tasks.cluster);
    let reply = asked.services(&tasks.service).services("nowhere").send().await.unwrap();
    assert_eq!(reply.services().len(), 1);
    let [failure] = reply.failures() else { panic!("not one failure: {reply:?}") };
    assert_eq!(failure.reason(), Some("MISSING"));
    assert!(failure.arn().unwrap().ends_with("nowhere"), "{failure:?}");
}

/// Goal: an unknown cluster is an error. Method: no such cluster.
async fn refuses_a_missing_cluster(world: &World) {
    let tasks = world.tasks(1).await;
    let asked = world.ecs(&tasks.region).describe_services().cluster("nowhere").services(&tasks.service);
    refused(asked.send().await, "ClusterNotFoundException", 400);
}
