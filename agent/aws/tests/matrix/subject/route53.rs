//! The action on Route 53 records, for each kind of record.

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quorate_policies::plan::Action;
use serde_json::json;

use super::{Prepared, Subject, action};
use crate::resources::{Balancer, Zone, fresh};
use crate::world::World;

const CHANGES: &[&str] = &["ChangeResourceRecordSets"];
const READS: &[&str] = &["ListResourceRecordSets", "GetChange"];
/// What [`look`] tells of the epoch record that the driver's steps leave behind.
const EPOCH: &str = "epoch=5 execution=execution-5";

pub(crate) fn subjects() -> Vec<Subject> {
    let subject = |name, prepare| Subject { name, changes: CHANGES, reads: READS, prepare };
    vec![
        subject("route53.repoint, simple", |world| simple(world).boxed()),
        subject("route53.repoint, weighted", |world| weighted(world).boxed()),
        subject("route53.repoint, failover", |world| failover(world).boxed()),
    ]
}

/// Makes a record that points at the primary region's load balancer.
pub(crate) async fn simple_record(world: &World, zone: &Zone) -> String {
    let name = format!("{}.{}", fresh("simple"), zone.name);
    put(world, zone, [alias(&name, &zone.balancers[0]).build().unwrap()]).await;
    name
}

/// The repointing of a record from the primary region's load balancer to the standby's.
pub(crate) async fn simple(world: &World) -> Prepared {
    let zone = world.zone().await;
    let name = simple_record(world, &zone).await;
    let [_, standby] = &zone.balancers;
    let fields =
        json!({ "zone": zone.id, "record": name, "alias": standby.name, "alias_zone": standby.zone });
    let done = format!("A {}; {EPOCH}", standby.name);
    Prepared { action: action("route53.repoint", fields), look, done }
}

async fn weighted(world: &World) -> Prepared {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("weighted"), zone.name);
    let set = |id: &str, balancer: &Balancer, weight| {
        alias(&name, balancer).set_identifier(id).weight(weight).build().unwrap()
    };
    let [primary, standby] = &zone.balancers;
    put(world, &zone, [set("primary", primary, 100), set("standby", standby, 0)]).await;
    let fields = json!({ "zone": zone.id, "record": name, "weights": { "primary": 0, "standby": 100 } });
    let done =
        format!("A {} (primary, weight 0); A {} (standby, weight 100); {EPOCH}", primary.name, standby.name);
    Prepared { action: action("route53.repoint", fields), look, done }
}

async fn failover(world: &World) -> Prepared {
    let zone = world.zone().await;
    let name = format!("{}.{}", fresh("failover"), zone.name);
    let set = |id: &str, balancer: &Balancer, failover| {
        alias(&name, balancer).set_identifier(id).failover(failover).build().unwrap()
    };
    let [primary, standby] = &zone.balancers;
    let sets = [
        set("east", primary, ResourceRecordSetFailover::Primary),
        set("west", standby, ResourceRecordSetFailover::Secondary),
    ];
    put(world, &zone, sets).await;
    let fields = json!({ "zone": zone.id, "record": name, "primary": "west" });
    let done = format!("A {} (east, SECONDARY); A {} (west, PRIMARY); {EPOCH}", primary.name, standby.name);
    Prepared { action: action("route53.repoint", fields), look, done }
}

fn alias(name: &str, balancer: &Balancer) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
    let target = AliasTarget::builder().dns_name(&balancer.name).hosted_zone_id(&balancer.zone);
    let target = target.evaluate_target_health(false).build().unwrap();
    ResourceRecordSet::builder().name(name).r#type(RrType::A).alias_target(target)
}

async fn put(world: &World, zone: &Zone, sets: impl IntoIterator<Item = ResourceRecordSet>) {
    let create =
        |set| Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
    let batch =
        ChangeBatch::builder().set_changes(Some(sets.into_iter().map(create).collect())).build().unwrap();
    let change = world.route53().change_resource_record_sets().hosted_zone_id(&zone.id).change_batch(batch);
    change.send().await.unwrap();
}

/// Every set of the record and its epoch record.
fn look<'a>(world: &'a World, action: &'a Action) -> BoxFuture<'a, String> {
    async move {
        let Action::Route53Repoint(repoint) = action else { panic!("another action") };
        let list =
            world.route53().list_resource_record_sets().hosted_zone_id(&repoint.zone).send().await.unwrap();
        let fence = quorate_aws::epoch_record_name(&repoint.record);
        let (mut sets, mut epochs) = (Vec::new(), Vec::new());
        for set in list.resource_record_sets() {
            let name = set.name().trim_end_matches('.');
            if name == repoint.record {
                sets.push(tell(set));
            } else if name == fence.trim_end_matches('.') {
                let text = set.resource_records()[0].value().trim_matches('"');
                epochs.push(text.split(" attempt=").next().unwrap().to_owned());
            }
        }
        sets.sort();
        sets.extend(epochs);
        sets.join("; ")
    }
    .boxed()
}

fn tell(set: &ResourceRecordSet) -> String {
    let answer = match set.alias_target() {
        Some(target) => target.dns_name().trim_end_matches('.').to_owned(),
        None => set.resource_records().iter().map(ResourceRecord::value).collect::<Vec<_>>().join(" "),
    };
    let routing = match (set.set_identifier(), set.weight(), set.failover()) {
        (Some(id), Some(weight), _) => format!(" ({id}, weight {weight})"),
        (Some(id), _, Some(failover)) => format!(" ({id}, {})", failover.as_str()),
        _ => String::new(),
    };
    format!("{} {answer}{routing}", set.r#type().as_str())
}
