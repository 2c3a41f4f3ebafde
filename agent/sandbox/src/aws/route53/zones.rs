//! Hosted zones in XML.

use super::super::escape;
use crate::world::route53::ZoneInfo;

/// One zone with its name servers.
pub(super) fn one(zone: &ZoneInfo) -> String {
    let server = |name: &String| format!("<NameServer>{}</NameServer>", escape(name));
    let servers: String = zone.name_servers.iter().map(server).collect();
    format!("{}<DelegationSet><NameServers>{servers}</NameServers></DelegationSet>", content(zone))
}

/// All zones.
pub(super) fn list(zones: &[ZoneInfo]) -> String {
    let all: String = zones.iter().map(content).collect();
    format!("<HostedZones>{all}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>")
}

fn content(zone: &ZoneInfo) -> String {
    let (id, name, records) = (escape(&zone.id), escape(&zone.name), zone.records);
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>quorate-sandbox</CallerReference>\
         <Config><PrivateZone>false</PrivateZone></Config>\
         <ResourceRecordSetCount>{records}</ResourceRecordSetCount></HostedZone>"
    )
}
