//! ListResourceRecordSets: the exact present values, which a DELETE has to repeat.

use aws_sdk_route53::types::{ResourceRecordSet, RrType};

use crate::change_resource_record_sets::{Batch, address, text, weighted};
use crate::wire::refused;
use crate::world::{World, Zone, fresh};

contract!(
    gives_values_as_they_were_given,
    begins_where_it_is_told,
    refuses_what_is_not_there,
    gives_pages,
    writes_names_in_one_way,
);

/// The sets of one name, whatever their type.
pub(crate) async fn sets(world: &World, zone: &Zone, name: &str) -> Vec<ResourceRecordSet> {
    let asked = world.route53().list_resource_record_sets().hosted_zone_id(&zone.id);
    let reply = asked.start_record_name(name).start_record_type(RrType::A).send().await.unwrap();
    let dotted = format!("{name}.");
    reply.resource_record_sets().iter().filter(|set| set.name() == dotted).cloned().collect()
}

/// Goal: what is read can be sent back as it is. Method: two sets, read, delete with what was read.
async fn gives_values_as_they_were_given(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("values"), zone.name);
    let given = [address(&name, "192.0.2.7"), text(&name, "two words")];
    let create = given.iter().fold(Batch::new(), |batch, set| batch.create(set.clone()));
    create.send(world, &zone).await.unwrap();
    let read = sets(world, &zone, &name).await;
    assert_eq!(read.len(), 2, "{read:?}");
    assert_eq!(read[0].ttl(), Some(60));
    assert_eq!(read[1].resource_records()[0].value(), "\"two words\"");
    let delete = read.into_iter().fold(Batch::new(), Batch::delete);
    delete.send(world, &zone).await.unwrap();
    assert_eq!(sets(world, &zone, &name).await, []);
}

/// Goal: a list can begin at a name and a type. Method: the address and the text of one name.
async fn begins_where_it_is_told(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("begin"), zone.name);
    let create = Batch::new().create(address(&name, "192.0.2.7")).create(text(&name, "one"));
    create.send(world, &zone).await.unwrap();
    let asked = world.route53().list_resource_record_sets().hosted_zone_id(&zone.id);
    let reply = asked.start_record_name(&name).start_record_type(RrType::Txt).send().await.unwrap();
    let first = &reply.resource_record_sets()[0];
    assert_eq!((first.name(), first.r#type()), (format!("{name}.").as_str(), &RrType::Txt));
    let delete = Batch::new().delete(address(&name, "192.0.2.7")).delete(text(&name, "one"));
    delete.send(world, &zone).await.unwrap();
}

/// Goal: a zone can be read page by page, also through the middle of one name's sets. Method: three weighted sets, two
/// at a time.
async fn gives_pages(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("pages"), zone.name);
    let given = ["a", "b", "c"].map(|identifier| weighted(&name, identifier, 1));
    let create = given.iter().fold(Batch::new(), |batch, set| batch.create(set.clone()));
    create.send(world, &zone).await.unwrap();
    let ask = || world.route53().list_resource_record_sets().hosted_zone_id(&zone.id).max_items(2);
    let first = ask().start_record_name(&name).start_record_type(RrType::A).send().await.unwrap();
    let identifiers = |sets: &[ResourceRecordSet]| -> Vec<String> {
        sets.iter().filter_map(|set| set.set_identifier().map(str::to_owned)).collect()
    };
    assert_eq!(identifiers(first.resource_record_sets()), ["a", "b"]);
    assert!(first.is_truncated());
    assert_eq!(first.next_record_identifier(), Some("c"));
    let rest = ask()
        .set_start_record_name(first.next_record_name().map(str::to_owned))
        .set_start_record_type(first.next_record_type().cloned())
        .set_start_record_identifier(first.next_record_identifier().map(str::to_owned));
    let rest = rest.send().await.unwrap();
    assert_eq!(identifiers(&rest.resource_record_sets()[..1]), ["c"]);
    given.into_iter().fold(Batch::new(), Batch::delete).send(world, &zone).await.unwrap();
}

/// Goal: names come back in lower case and with a dot: what is compared has to be brought into that form. Method:
/// create in capitals, read, delete in capitals.
async fn writes_names_in_one_way(world: &World) {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("capital"), zone.name);
    let given = address(&name.to_uppercase(), "192.0.2.7");
    Batch::new().create(given.clone()).send(world, &zone).await.unwrap();
    let read = sets(world, &zone, &name).await;
    assert_eq!(read.len(), 1, "{read:?}");
    Batch::new().delete(given).send(world, &zone).await.unwrap();
    assert_eq!(sets(world, &zone, &name).await, []);
}

/// Goal: a missing zone has its own code. Method: no such zone.
async fn refuses_what_is_not_there(world: &World) {
    world.zone().await;
    let asked = world.route53().list_resource_record_sets().hosted_zone_id("ZNOWHERE");
    refused(asked.send().await, "NoSuchHostedZone", 404);
}
