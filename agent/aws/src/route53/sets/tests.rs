//! How record sets are read, as tables.

use aws_sdk_route53::types::builders::ResourceRecordSetBuilder;
use aws_sdk_route53::types::{
    AliasTarget, CidrRoutingConfig, GeoLocation, GeoProximityLocation, ResourceRecord,
    ResourceRecordSetRegion,
};

use super::*;

fn set(name: &str, kind: RrType, values: &[&str]) -> ResourceRecordSet {
    let record = |value: &&str| ResourceRecord::builder().value(*value).build().unwrap();
    let records = values.iter().map(record).collect();
    let builder = ResourceRecordSet::builder().name(name).r#type(kind).ttl(300);
    builder.set_resource_records(Some(records)).build().unwrap()
}

/// Goal: a set is found as Route 53 spells it, and another type or name is not. Method: capitals, dot, escape.
#[test]
fn sets_are_found_by_normal_name_and_type() {
    let sets = [
        set("api.example.com.", RrType::Aaaa, &["2001:db8::1"]),
        set("API.example.com.", RrType::A, &["192.0.2.1"]),
        set("\\052.example.com.", RrType::A, &["192.0.2.9"]),
    ];
    let value =
        |name: &str| find(&sets, name, &RrType::A).map(|set| set.resource_records()[0].value().to_owned());
    assert_eq!(value("api.example.com").as_deref(), Some("192.0.2.1"));
    assert_eq!(value("*.example.com").as_deref(), Some("192.0.2.9"));
    assert_eq!(value("www.example.com"), None);
}

/// Goal: answers compare by meaning: order, case, dots, TTL and health evaluation do not count, the kind of
/// answer does. Method: pairs.
#[test]
fn answers_are_normalised() {
    let two = answer(RecordKind::A, &set("a.test", RrType::A, &["192.0.2.2", "192.0.2.1"]));
    assert_eq!(two, answer(RecordKind::A, &set("a.test", RrType::A, &["192.0.2.1", "192.0.2.2"])));
    let alias = |name: &str, evaluate| {
        let target =
            AliasTarget::builder().dns_name(name).hosted_zone_id("Z2").evaluate_target_health(evaluate);
        let mut set = set("a.test", RrType::A, &[]);
        (set.ttl, set.alias_target) = (None, Some(target.build().unwrap()));
        answer(RecordKind::A, &set)
    };
    assert_eq!(alias("ALB.example.com.", true), alias("alb.example.com", false));
    assert_ne!(alias("alb.example.com", false), two);
    assert_ne!(alias("alb.example.com", false), alias("other.example.com", false));
}

/// Goal: every routing policy is seen, and a simple record has none. Method: one of each.
#[test]
fn routing_policies_are_seen() {
    let simple = || ResourceRecordSet::builder().name("a.test").r#type(RrType::A);
    let policy = |builder: ResourceRecordSetBuilder| routing(&builder.build().unwrap());
    assert_eq!(policy(simple()), None);
    assert_eq!(policy(simple().weight(0)), Some("weighted"));
    assert_eq!(policy(simple().failover(ResourceRecordSetFailover::Primary)), Some("failover"));
    assert_eq!(policy(simple().region(ResourceRecordSetRegion::UsEast1)), Some("latency"));
    assert_eq!(policy(simple().geo_location(GeoLocation::builder().build())), Some("geolocation"));
    let proximity = GeoProximityLocation::builder().build();
    assert_eq!(policy(simple().geo_proximity_location(proximity)), Some("geoproximity"));
    let cidr = CidrRoutingConfig::builder().collection_id("c").location_name("l").build().unwrap();
    assert_eq!(policy(simple().cidr_routing_config(cidr)), Some("IP-based"));
    assert_eq!(policy(simple().multi_value_answer(true)), Some("multivalue"));
    assert_eq!(policy(simple().traffic_policy_instance_id("t")), Some("traffic policy"));
    assert_eq!(policy(simple().set_identifier("one")), Some("set identifier"));
}

/// Goal: only one mark under simple routing is a fence of ours (R7). Method: none, two, prose, a weight.
#[test]
fn fences_are_read() {
    let mark = "\"epoch=4 execution=e4 attempt=1\"";
    let txt = |values: &[&str]| set("_quorate-epoch.a.test", RrType::Txt, values);
    assert!(matches!(fence(&txt(&[mark])), Fence::Marked(_)));
    assert!(matches!(fence(&txt(&[])), Fence::Foreign(_)));
    assert!(matches!(fence(&txt(&[mark, mark])), Fence::Foreign(_)));
    assert!(matches!(fence(&txt(&["\"v=spf1 -all\""])), Fence::Foreign(_)));
    let mut weighted = txt(&[mark]);
    weighted.weight = Some(1);
    assert!(matches!(fence(&weighted), Fence::Foreign(_)));
}

fn routed(identifier: &str) -> ResourceRecordSetBuilder {
    let value = ResourceRecord::builder().value("192.0.2.1").build().unwrap();
    let set = ResourceRecordSet::builder().name("a.test.").r#type(RrType::A).set_identifier(identifier);
    set.ttl(60).resource_records(value)
}

fn read(sets: &[ResourceRecordSet]) -> Record {
    record(RecordKind::A, &sets.iter().collect::<Vec<_>>())
}

/// Goal: each shape of a record is read, says whether it answers as wanted, and what an abort brings back. Method: one
/// of each shape against three wishes.
#[test]
fn shapes_are_read() {
    use ResourceRecordSetFailover::{Primary, Secondary};
    let weight = |identifier: &str, weight| routed(identifier).weight(weight).build().unwrap();
    let failover = |identifier: &str, role| routed(identifier).failover(role).build().unwrap();
    let weights: BTreeMap<String, u32> = [("east".to_owned(), 100), ("west".to_owned(), 0)].into();
    let (values, primary) = (Answer::Values(["192.0.2.1".to_owned()].into()), Answer::Primary("east".into()));
    let wishes = [values.clone(), Answer::Weights(weights.clone()), primary];
    let pair = [failover("west", Secondary), failover("east", Primary)];
    let table = [
        (read(&[]), [false, false, false], Some(RecordBefore::Absent)),
        (
            read(&[set("a.test.", RrType::A, &["192.0.2.1"])]),
            [true, false, false],
            Some(RecordBefore::Values { values: vec!["192.0.2.1".into()], ttl_s: 300 }),
        ),
        (
            read(&[weight("west", 0), weight("east", 100)]),
            [false, true, false],
            Some(RecordBefore::Weights { weights }),
        ),
        (read(&pair), [false, false, true], Some(RecordBefore::Primary { primary: "east".into() })),
        (read(&[failover("east", Secondary), failover("west", Secondary)]), [false; 3], None),
        (read(&[routed("east").region(ResourceRecordSetRegion::UsEast1).build().unwrap()]), [false; 3], None),
    ];
    for (record, answers, before) in table {
        assert_eq!(wishes.each_ref().map(|wish| record.answers(wish)), answers, "{record:?}");
        assert_eq!(record.before(), before, "{record:?}");
    }
    assert!(!read(&[weight("east", 100)]).answers(&wishes[1]), "a set is missing");
}
