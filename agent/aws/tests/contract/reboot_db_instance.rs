//! RebootDBInstance: ends every session, which is the second half of the fence by security groups.

use crate::describe_db_instances::until_available;
use crate::wire::{outcome, refused};
use crate::world::{Place, World};

contract!(restarts, is_accepted_once, refuses_what_is_not_there);

type Reboot = aws_sdk_rds::operation::reboot_db_instance::builders::RebootDBInstanceFluentBuilder;

fn reboot(world: &World, place: &Place) -> Reboot {
    world.rds(&place.region).reboot_db_instance().db_instance_identifier(&place.id)
}

/// Goal: the instance shows `rebooting` and then is available. Method: reboot the primary, look.
async fn restarts(world: &World) {
    let pair = world.databases().await;
    reboot(world, &pair.primary).send().await.unwrap();
    let seen = until_available(world, &pair.primary).await;
    assert!(seen.contains(&"rebooting".to_owned()), "{seen:?}");
    assert!(seen.iter().all(|status| status == "rebooting" || status == "available"), "{seen:?}");
}

/// Goal: an instance that reboots cannot be told to reboot. Method: two at once.
async fn is_accepted_once(world: &World) {
    let pair = world.databases().await;
    let (one, two) =
        futures_util::future::join(reboot(world, &pair.primary).send(), reboot(world, &pair.primary).send())
            .await;
    let mut outcomes = [outcome(one), outcome(two)];
    outcomes.sort();
    assert_eq!(outcomes, ["InvalidDBInstanceState 400", "accepted"]);
}

/// Goal: a missing instance has its own code. Method: no such name.
async fn refuses_what_is_not_there(world: &World) {
    let pair = world.databases().await;
    let nowhere = Place { region: pair.primary.region, id: "nowhere".into() };
    refused(reboot(world, &nowhere).send().await, "DBInstanceNotFound", 404);
}
