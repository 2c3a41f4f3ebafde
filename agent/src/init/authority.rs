//! The cluster's own certificate authority. Agents trust this one and no other: who holds its key can become an
//! agent, so the key belongs offline once all agents have their certificates.

use super::InitError;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

/// The authority's certificate.
pub(super) const CERTIFICATE_FILE: &str = "ca.pem";
/// The authority's key.
pub(super) const KEY_FILE: &str = "ca.key";

const DAY: Duration = Duration::from_hours(24);

/// Ten years: replacing the authority touches every agent at once, so it should outlive a cluster.
const AUTHORITY_DAYS: u32 = 3_652;

/// 825 days: the longest that common TLS stacks accept for a server's certificate from a private authority.
const AGENT_DAYS: u32 = 825;

/// Certificates hold from the day before, because the clocks of agents in different regions differ.
const EARLIER: Duration = DAY;

/// An authority.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    today: Date,
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// A new authority, with a key of its own.
    pub(crate) fn new(cluster: &str, now: Timestamp) -> Result<Self, InitError> {
        let subject = format!("quorate {cluster} authority");
        let failed = |error: rcgen::Error| InitError::Certificate {
            subject: subject.clone(),
            detail: error.to_string(),
        };
        let today = now.to_zoned(TimeZone::UTC).date();
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&subject);
        // It signs agents, never another authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        lasting(&mut params, today, AUTHORITY_DAYS);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Self::load(&certificate, &key.serialize_pem(), now)
    }

    /// An authority that was made before. Of several certificates in one text the first is it.
    pub(crate) fn load(certificate: &str, key: &str, now: Timestamp) -> Result<Self, InitError> {
        let failed = |error: rcgen::Error| InitError::Certificate {
            subject: "the authority".to_owned(),
            detail: error.to_string(),
        };
        let key = KeyPair::from_pem(key).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(failed)?;
        let today = now.to_zoned(TimeZone::UTC).date();
        Ok(Self { certificate: certificate.to_owned(), issuer, today })
    }

    pub(crate) fn certificate(&self) -> String {
        self.certificate.clone()
    }

    pub(crate) fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A certificate for one agent, good for both ends of a connection. It names the agent, by which its peers know
    /// it, and the hosts at which they reach it.
    pub(crate) fn issue(&self, agent: &str, hosts: &BTreeSet<String>) -> Result<Issued, InitError> {
        let failed = |error: rcgen::Error| InitError::Certificate {
            subject: agent.to_owned(),
            detail: error.to_string(),
        };
        let dns = |text: &str| text.try_into().map(SanType::DnsName).map_err(failed);
        let mut params = CertificateParams::default();
        params.distinguished_name = name(agent);
        params.subject_alt_names = vec![dns(agent)?];
        for host in hosts.iter().filter(|host| *host != agent) {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => dns(host)?,
            });
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        lasting(&mut params, self.today, AGENT_DAYS);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn lasting(params: &mut CertificateParams, today: Date, days: u32) {
    let month = u8::try_from(today.month()).expect("a month is 1 to 12");
    let day = u8::try_from(today.day()).expect("a day is 1 to 31");
    params.not_before = date_time_ymd(i32::from(today.year()), month, day) - EARLIER;
    params.not_after = params.not_before + DAY * days;
}
