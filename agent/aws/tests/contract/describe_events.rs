//! DescribeEvents: how one knows that a reboot has happened, also when its reply was lost.

use aws_sdk_rds::types::SourceType;

use crate::describe_db_instances::until_available;
use crate::wire::refused;
use crate::world::{Place, World};

contract!(tells_of_a_restart, is_about_one_instance, wants_to_know_what_kind_it_is);

/// The messages of the last minutes about one instance.
async fn messages(world: &World, place: &Place) -> Vec<String> {
    let asked = world.rds(&place.region).describe_events().source_type(SourceType::DbInstance);
    let reply = asked.source_identifier(&place.id).duration(10).send().await.unwrap();
    let about = |event: &aws_sdk_rds::types::Event| {
        assert_eq!(event.source_identifier(), Some(place.id.as_str()));
        assert!(event.date().is_some());
        event.message().unwrap().to_owned()
    };
    reply.events().iter().map(about).collect()
}

async fn reboot(world: &World, place: &Place) {
    world.rds(&place.region).reboot_db_instance().db_instance_identifier(&place.id).send().await.unwrap();
}

/// Goal: a reboot leaves `DB instance restarted`, in RDS's words. Method: none before it, one after it.
async fn tells_of_a_restart(world: &World) {
    let pair = world.databases().await;
    let restarts = || async {
        let messages = messages(world, &pair.primary).await;
        messages.iter().filter(|message| message.as_str() == "DB instance restarted").count()
    };
    let before = restarts().await;
    reboot(world, &pair.primary).await;
    world.watch(restarts, |count| *count == before + 1).await;
}

/// Goal: one instance's events are not another's. Method: reboot the primary, read the replica's.
async fn is_about_one_instance(world: &World) {
    let pair = world.databases().await;
    let before = messages(world, &pair.replica).await;
    reboot(world, &pair.primary).await;
    until_available(world, &pair.primary).await;
    assert_eq!(messages(world, &pair.replica).await, before);
}

/// Goal: a name without its kind is refused. Method: leave the source type out.
async fn wants_to_know_what_kind_it_is(world: &World) {
    let pair = world.databases().await;
    let asked = world.rds(&pair.primary.region).describe_events().source_identifier(&pair.primary.id);
    refused(asked.send().await, "InvalidParameterCombination", 400);
}
