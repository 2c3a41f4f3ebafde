//! DNS through a real resolver: names, vantages, transports, negative answers, and the moment at which they
//! change.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use serde_json::json;

use crate::bench::{Bench, EAST, INTERNET, WEST, WITNESS, until};

fn resolver(bench: &Bench, vantage: &str, connection: ConnectionConfig) -> TokioResolver {
    asking(&bench.sandbox.endpoints().vantages[vantage].resolver, connection)
}

fn asking(server: &str, mut connection: ConnectionConfig) -> TokioResolver {
    let server: SocketAddr = server.parse().unwrap();
    connection.port = server.port();
    let server = NameServerConfig::new(server.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().cache_size = 0;
    builder.build().unwrap()
}

async fn addresses(resolver: &TokioResolver, name: &str) -> Vec<IpAddr> {
    resolver.lookup_ip(name).await.unwrap().iter().collect()
}

/// Goal: each vantage is led to its own address for the same name, over UDP and TCP alike, and behind every
/// one of them is the right region.
/// Method: resolve the regional names from all vantages, and ask what answers there for its region.
#[tokio::test]
async fn every_vantage_has_its_own_way() {
    let bench = Bench::start().await;
    let port = bench.sandbox.endpoints().service.port;
    let mut seen = std::collections::BTreeSet::new();
    for vantage in [EAST, WEST, WITNESS, INTERNET] {
        for region in [EAST, WEST] {
            let name = format!("api.{region}.shop.test.");
            let udp = addresses(&resolver(&bench, vantage, ConnectionConfig::udp()), &name).await;
            let tcp = addresses(&resolver(&bench, vantage, ConnectionConfig::tcp()), &name).await;
            let balancer = format!("alb.{region}.shop.test.");
            let target = addresses(&resolver(&bench, vantage, ConnectionConfig::udp()), &balancer).await;
            assert_eq!((udp.len(), &udp, &udp), (1, &tcp, &target));
            assert!(seen.insert(udp[0]), "{vantage} shares {udp:?}");
            let told = crate::bench::get(&format!("http://{}:{port}/", udp[0])).await.unwrap();
            assert_eq!((told.status.as_u16(), told.text.trim()), (200, region));
        }
    }
    bench.sandbox.shutdown().await;
}

/// Goal: a missing name is NXDOMAIN, a missing type NODATA, both with the zone's SOA; another zone is
/// refused.
/// Method: ask for each and read the error.
#[tokio::test]
async fn negative_answers_are_told_apart() {
    let bench = Bench::start().await;
    let resolver = resolver(&bench, WITNESS, ConnectionConfig::udp());
    let code = |error: NetError| match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => (none.response_code, none.soa.is_some()),
        NetError::Dns(DnsError::ResponseCode(code)) => (code, false),
        other => panic!("{other:?}"),
    };
    let missing = resolver.ipv4_lookup("none.shop.test.").await.unwrap_err();
    assert_eq!(code(missing), (ResponseCode::NXDomain, true));
    let typeless = resolver.ipv6_lookup("www.shop.test.").await.unwrap_err();
    assert_eq!(code(typeless), (ResponseCode::NoError, true));
    let foreign = resolver.ipv4_lookup("example.com.").await.unwrap_err();
    assert_eq!(code(foreign).0, ResponseCode::Refused);
    bench.sandbox.shutdown().await;
}

/// Goal: answers follow the zone when a change is in sync and not before, aliases with the alias TTL, TXT
/// verbatim, and a plain address that is an application's leads through the vantage's own way.
/// Method: one batch that repoints the alias and writes a TXT and an A record; compare answers before and
/// after.
#[tokio::test]
async fn answers_follow_changes() {
    let bench = Bench::start().await;
    let resolver = resolver(&bench, WITNESS, ConnectionConfig::udp());
    let own = bench.application(INTERNET, WEST).await.ip();
    let east = addresses(&resolver, "api.us-east-1.shop.test.").await;
    let west = addresses(&resolver, "api.us-west-2.shop.test.").await;
    assert_eq!(addresses(&resolver, "www.shop.test.").await, east);
    let alias = &bench.sandbox.endpoints().service.aliases[WEST];
    let change = |action: &str, set: String| {
        format!("<Change><Action>{action}</Action><ResourceRecordSet>{set}</ResourceRecordSet></Change>")
    };
    let plain = |name: &str, kind: &str, value: &str| {
        let values = format!(
            "<ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords>"
        );
        change("CREATE", format!("<Name>{name}</Name><Type>{kind}</Type><TTL>7</TTL>{values}"))
    };
    let target = format!(
        "<HostedZoneId>{}</HostedZoneId><DNSName>{}</DNSName>\
         <EvaluateTargetHealth>false</EvaluateTargetHealth>",
        alias.zone, alias.target
    );
    let repoint = format!("<Name>www.shop.test</Name><Type>A</Type><AliasTarget>{target}</AliasTarget>");
    let changes = [
        change("UPSERT", repoint),
        plain("_epoch.shop.test", "TXT", "&quot;epoch=2 by us-west-2&quot;"),
        plain("plain.shop.test", "A", &own.to_string()),
    ];
    let changes = changes.concat();
    let endpoints = bench.sandbox.endpoints();
    let url = format!(
        "{}/2013-04-01/hostedzone/{}/rrset/",
        endpoints.vantages[WITNESS].route53, endpoints.service.zone
    );
    let signature = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/route53/aws4_request, \
                     SignedHeaders=host, Signature=0";
    let body = format!(
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>{changes}</Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>"
    );
    let sent = crate::bench::request(http::Method::POST, &url, &[("authorization", signature)], &body)
        .await
        .unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert!(sent.text.contains("<Status>PENDING</Status>"));
    until("the repointed answer", || async {
        (addresses(&resolver, "www.shop.test.").await == west).then_some(())
    })
    .await;
    assert!(bench.world().await.dns.pending.is_empty());
    let txt = resolver.txt_lookup("_epoch.shop.test.").await.unwrap();
    let RData::TXT(text) = &txt.answers()[0].data else { panic!("{txt:?}") };
    assert_eq!((text.to_string(), txt.answers()[0].ttl), ("epoch=2 by us-west-2".to_owned(), 7));
    assert_eq!(resolver.ipv4_lookup("www.shop.test.").await.unwrap().answers()[0].ttl, 1);
    assert_eq!(addresses(&resolver, "plain.shop.test.").await, west);
    bench.sandbox.shutdown().await;
}

/// Goal: a zone's name server has an address, and a resolver that remembers goes on with an answer that the
/// zone no longer gives. Method: let it learn a record that lives for a minute, move the record, and ask both again.
#[tokio::test]
async fn a_caching_resolver_remembers() {
    let mut options = crate::bench::quick();
    options.timing.alias_ttl_s = 60;
    let bench = Bench::with(options).await;
    let view = bench.sandbox.endpoints().vantages[WITNESS].clone();
    let own = asking(&view.resolver, ConnectionConfig::udp());
    assert_eq!(addresses(&own, "ns-1.shop.test.").await, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let caching = asking(&view.caching_resolver, ConnectionConfig::udp());
    let first = addresses(&caching, "www.shop.test.").await;
    assert_eq!(first, addresses(&own, "www.shop.test.").await);
    let alias = &bench.sandbox.endpoints().service.aliases[WEST];
    let target = AliasTarget::builder().hosted_zone_id(&alias.zone).dns_name(&alias.target);
    let target = target.evaluate_target_health(false).build().unwrap();
    let set = ResourceRecordSet::builder().name("www.shop.test").r#type(RrType::A).alias_target(target);
    let change = Change::builder().action(ChangeAction::Upsert).resource_record_set(set.build().unwrap());
    let batch = ChangeBatch::builder().changes(change.build().unwrap()).build().unwrap();
    let zone = &bench.sandbox.endpoints().service.zone;
    let client = bench.route53(WITNESS);
    client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();
    until("the zone's own server", || async {
        (addresses(&own, "www.shop.test.").await != first).then_some(())
    })
    .await;
    assert_eq!(addresses(&caching, "www.shop.test.").await, first, "it lives for a minute");
    bench.sandbox.shutdown().await;
}

/// Goal: a pending change is not answered by DNS, however long it is pending.
/// Method: a world whose changes stay pending for an hour; ask the server's own view right after a change.
#[tokio::test]
async fn pending_changes_are_not_answered() {
    let mut options = crate::bench::quick();
    options.timing.dns_pending_ms = 3_600_000;
    let bench = Bench::with(options).await;
    let zone = &bench.sandbox.endpoints().service.zone;
    let own = |ip: Ipv4Addr| {
        let record = ResourceRecord::builder().value(ip.to_string()).build().unwrap();
        let set = ResourceRecordSet::builder()
            .name("new.shop.test")
            .r#type(RrType::A)
            .ttl(5)
            .resource_records(record);
        let change = Change::builder().action(ChangeAction::Upsert).resource_record_set(set.build().unwrap());
        ChangeBatch::builder().changes(change.build().unwrap()).build().unwrap()
    };
    let client = bench.route53(EAST);
    let batch = own(Ipv4Addr::new(192, 0, 2, 1));
    client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await.unwrap();
    assert_eq!(
        bench.show("resolve?name=new.shop.test").await,
        json!({"code": "Non-Existent Domain", "answers": []})
    );
    assert_eq!(bench.world().await.dns.pending.len(), 1);
    bench.sandbox.shutdown().await;
}
