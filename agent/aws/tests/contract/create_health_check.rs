//! CreateHealthCheck: how `quorate signal setup` makes the checks that watch the agents.

use aws_sdk_route53::types::{HealthCheck, HealthCheckConfig, HealthCheckType};

use crate::wire::refused;
use crate::world::{World, fresh};

contract!(
    keeps_what_it_is_told,
    the_same_reference_is_the_same_check,
    another_check_under_a_reference_is_refused,
    calculates_from_children,
    refuses_numbers_out_of_range,
);

/// An inverted check of a signal: what `signal setup` makes, on a name that resolves nowhere.
pub(crate) fn inverted(path: &str) -> HealthCheckConfig {
    HealthCheckConfig::builder()
        .r#type(HealthCheckType::Http)
        .fully_qualified_domain_name("agent.quorate.invalid")
        .port(8443)
        .resource_path(path)
        .request_interval(10)
        .failure_threshold(2)
        .inverted(true)
        .build()
        .unwrap()
}

/// Creates a check and returns it.
pub(crate) async fn created(world: &World, reference: &str, config: HealthCheckConfig) -> HealthCheck {
    let create =
        world.route53().create_health_check().caller_reference(reference).health_check_config(config);
    create.send().await.unwrap().health_check().unwrap().clone()
}

pub(crate) async fn delete(world: &World, id: &str) {
    world.route53().delete_health_check().health_check_id(id).send().await.unwrap();
}

/// Goal: nothing of a check is lost, above all not that it is inverted. Method: create and read the reply.
async fn keeps_what_it_is_told(world: &World) {
    let check = created(world, &fresh("signal"), inverted("/v1/signal/shop")).await;
    let config = check.health_check_config().unwrap();
    assert_eq!(*config.r#type(), HealthCheckType::Http);
    assert_eq!(config.fully_qualified_domain_name(), Some("agent.quorate.invalid"));
    assert_eq!((config.port(), config.resource_path()), (Some(8443), Some("/v1/signal/shop")));
    assert_eq!((config.request_interval(), config.failure_threshold()), (Some(10), Some(2)));
    assert_eq!(config.inverted(), Some(true));
    assert_ne!(config.disabled(), Some(true));
    assert!(check.id().len() >= 16, "{check:?}");
    delete(world, check.id()).await;
}

/// Goal: asking again after a lost reply makes no second check. Method: the same reference and settings twice.
async fn the_same_reference_is_the_same_check(world: &World) {
    let reference = fresh("signal");
    let first = created(world, &reference, inverted("/v1/signal/shop")).await;
    let again = created(world, &reference, inverted("/v1/signal/shop")).await;
    assert_eq!(first.id(), again.id());
    delete(world, first.id()).await;
}

/// Goal: a reference is not used for two checks. Method: other settings under it.
async fn another_check_under_a_reference_is_refused(world: &World) {
    let reference = fresh("signal");
    let first = created(world, &reference, inverted("/v1/signal/shop")).await;
    let other = world.route53().create_health_check().caller_reference(&reference);
    refused(
        other.health_check_config(inverted("/v1/signal/other")).send().await,
        "HealthCheckAlreadyExists",
        409,
    );
    delete(world, first.id()).await;
}

/// Goal: a check can be made of others. Method: one of two.
async fn calculates_from_children(world: &World) {
    let mut children = Vec::new();
    for path in ["/a", "/b"] {
        children.push(created(world, &fresh("signal"), inverted(path)).await.id().to_owned());
    }
    let config = HealthCheckConfig::builder()
        .r#type(HealthCheckType::Calculated)
        .health_threshold(1)
        .set_child_health_checks(Some(children.clone()))
        .build()
        .unwrap();
    let check = created(world, &fresh("signal"), config).await;
    let config = check.health_check_config().unwrap();
    assert_eq!(*config.r#type(), HealthCheckType::Calculated);
    assert_eq!(config.health_threshold(), Some(1));
    let mut shown = config.child_health_checks().to_vec();
    shown.sort();
    children.sort();
    assert_eq!(shown, children);
    for id in [check.id()].into_iter().chain(children.iter().map(String::as_str)) {
        delete(world, id).await;
    }
}

/// Goal: what AWS cannot check is refused before anything is made. Method: a threshold of eleven, an interval of five.
async fn refuses_numbers_out_of_range(world: &World) {
    let wrong = |change: fn(&mut HealthCheckConfig)| {
        let mut config = inverted("/v1/signal/shop");
        change(&mut config);
        world
            .route53()
            .create_health_check()
            .caller_reference(fresh("signal"))
            .health_check_config(config)
            .send()
    };
    refused(wrong(|config| config.failure_threshold = Some(11)).await, "InvalidInput", 400);
    refused(wrong(|config| config.request_interval = Some(5)).await, "InvalidInput", 400);
    refused(wrong(|config| config.fully_qualified_domain_name = None).await, "InvalidInput", 400);
}
