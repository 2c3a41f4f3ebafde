//! What Route 53 says about a hosted zone: its servers, which are asked whether an answer has arrived, and whether its
//! control plane has a second region to go to. Pure.

use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::types::AcceleratedRecoveryStatus;
use quorate_policies::readiness::Finding;

use super::name::normal_name;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFacts {
    /// Its name, in lower case and without the trailing dot.
    pub name: String,
    /// Whether only VPCs see it. It is then another zone, and another fence, than a public one of the same name.
    pub private: bool,
    /// Its own name servers. A private zone shows none.
    pub name_servers: Vec<String>,
    /// Whether the zone can still be changed, after about an hour, when us-east-1 is impaired.
    pub accelerated_recovery: AcceleratedRecovery,
}

/// The state of a zone's accelerated recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceleratedRecovery {
    /// It is on.
    On,
    /// It is off, or on its way, in Route 53's own word.
    Off(String),
    /// Route 53 did not say.
    Unknown,
}

/// Reads the facts.
pub(crate) fn facts(reply: &GetHostedZoneOutput) -> ZoneFacts {
    let zone = reply.hosted_zone();
    let status = zone.and_then(|zone| zone.features()?.accelerated_recovery_status());
    let servers = reply.delegation_set().map(|set| set.name_servers()).unwrap_or_default();
    ZoneFacts {
        name: zone.map(|zone| normal_name(zone.name())).unwrap_or_default(),
        private: zone.and_then(|zone| zone.config()).is_some_and(|config| config.private_zone()),
        name_servers: servers.iter().map(|server| normal_name(server)).collect(),
        accelerated_recovery: match status {
            None => AcceleratedRecovery::Unknown,
            Some(AcceleratedRecoveryStatus::Enabled) => AcceleratedRecovery::On,
            Some(other) => AcceleratedRecovery::Off(other.as_str().to_owned()),
        },
    }
}

impl ZoneFacts {
    /// What a plan that changes records of this zone should know.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let mend = "enable accelerated recovery for the hosted zone, or use `route53.signal`, which needs no control plane";
        match &self.accelerated_recovery {
            AcceleratedRecovery::On => None,
            // It is offered for public zones alone.
            AcceleratedRecovery::Off(_) | AcceleratedRecovery::Unknown if self.private => {
                Some(Finding::note(format!(
                    "{} is a private zone: while us-east-1 is impaired it cannot be changed",
                    self.name
                )))
            }
            AcceleratedRecovery::Off(status) => {
                let what = format!(
                    "accelerated recovery of {} is {status}: while us-east-1 is impaired its records cannot be changed",
                    self.name
                );
                Some(Finding::warning(what, mend))
            }
            AcceleratedRecovery::Unknown => {
                let what =
                    format!("Route 53 does not say whether accelerated recovery of {} is on", self.name);
                Some(Finding::unknown(what, mend))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::{DelegationSet, HostedZone, HostedZoneConfig, HostedZoneFeatures};
    use quorate_policies::readiness::FindingSeverity;

    use super::*;

    fn reply(status: Option<AcceleratedRecoveryStatus>, private: bool) -> GetHostedZoneOutput {
        let features =
            status.map(|status| HostedZoneFeatures::builder().accelerated_recovery_status(status).build());
        let zone =
            HostedZone::builder().id("Z1").name("Example.com.").caller_reference("r").set_features(features);
        let zone = zone.config(HostedZoneConfig::builder().private_zone(private).build()).build().unwrap();
        let servers = DelegationSet::builder().name_servers("NS-1.awsdns-1.org.").build().unwrap();
        GetHostedZoneOutput::builder().hosted_zone(zone).delegation_set(servers).build()
    }

    /// Goal: the facts are read in normal form, and what Route 53 does not say is unknown (R7). Method: each answer.
    #[test]
    fn zones_are_read() {
        let on = facts(&reply(Some(AcceleratedRecoveryStatus::Enabled), false));
        let servers = vec!["ns-1.awsdns-1.org".to_owned()];
        let expected = ZoneFacts {
            name: "example.com".into(),
            private: false,
            name_servers: servers,
            accelerated_recovery: AcceleratedRecovery::On,
        };
        assert_eq!(on, expected);
        assert_eq!(on.finding(), None);
        let severity =
            |status, private| facts(&reply(status, private)).finding().map(|finding| finding.severity);
        assert_eq!(
            severity(Some(AcceleratedRecoveryStatus::Enabling), false),
            Some(FindingSeverity::Warning)
        );
        assert_eq!(
            severity(Some(AcceleratedRecoveryStatus::Disabled), false),
            Some(FindingSeverity::Warning)
        );
        assert_eq!(severity(None, false), Some(FindingSeverity::Unknown));
        assert_eq!(severity(None, true), Some(FindingSeverity::Note));
    }
}
