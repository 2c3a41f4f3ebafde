//! `quorate init`: what it writes, who may read it, and that agents can prove their identity with it.

use crate::quorate::Home;
use quorate::init::{self, InitError, InitOptions, Place};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Goal: everything that init writes passes check, secrets are their owner's alone, and nothing is written twice.
/// Method: the defaults, then the same directory again.
#[test]
fn what_is_written_passes_check_and_is_private() {
    let home = Home::new();
    let ran = home.run(&["init", "c", "--service", "billing"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("quorate agent --config c/us-east-1.yaml")
            && ran.out.contains("quorate explain billing"),
        "{}",
        ran.out
    );
    let mut yaml = vec!["check".to_owned()];
    for entry in std::fs::read_dir(home.path().join("c")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let secret = [".key", ".token", ".secret"].iter().any(|end| name.ends_with(end));
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077 == 0, secret, "{name}");
        if name.ends_with(".yaml") {
            yaml.push(format!("c/{name}"));
        }
    }
    assert_eq!(yaml.len(), 5, "three agents and a policy: {yaml:?}");
    let checked = home.run(&yaml.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((checked.code, checked.err.as_str()), (0, ""));
    assert_eq!(std::fs::metadata(home.path().join("c")).unwrap().permissions().mode() & 0o077, 0);

    let token = std::fs::read_to_string(home.path().join("c/operator.token")).unwrap();
    assert_eq!(token.trim_end().len(), 64, "256 bits");
    assert!(!ran.out.contains(token.trim_end()));
    let again = home.run(&["init", "c"]);
    assert!(again.code == 1 && again.err.contains("c is not empty"), "{}", again.err);
    assert_eq!(
        std::fs::read_to_string(home.path().join("c/operator.token")).unwrap(),
        token,
        "nothing is overwritten"
    );
}

/// Goal: the starter follows other regions and services, and stays a good policy. Method: regions that are swapped,
/// and unknown ones.
#[test]
fn the_policy_follows_the_regions() {
    let written = |agents: [&str; 3], service: &str| {
        let directory = tempfile::tempdir().unwrap();
        let places: Vec<Place> = agents.iter().map(|agent| agent.parse().unwrap()).collect();
        let options = InitOptions { agents: init::plans(&places), ..InitOptions::for_service(service) };
        let report = init::write(&directory.path().join("c"), &options).unwrap();
        let text = std::fs::read_to_string(report.policy_file).unwrap();
        quorate_policies::document::read_policy("policy.yaml", &text).unwrap()
    };
    let swapped = written(["a=us-west-2=10.0.0.1", "b=us-east-1=10.0.0.2", "c=eu-west-1=10.0.0.3"], "shop");
    let zone = |policy: &quorate_policies::Policy, region: &str| {
        policy.regions.get(region).unwrap().vars["alb_zone"].clone()
    };
    assert_eq!(zone(&swapped, "us-west-2"), "Z1H1FL5HABSF5");
    assert_eq!(swapped.regions.get("us-west-2").unwrap().role, quorate_policies::policy::Role::Primary);
    let other = written(["a=mars-1=10.0.0.1", "b=venus-2=10.0.0.2", "c=moon=10.0.0.3"], "Billing_2");
    assert_eq!(other.service.as_str(), "Billing_2");
    assert_eq!(zone(&other, "mars-1"), "ZFILLIN");
    assert!(other.regions.contains_key("venus-2") && other.regions.len() == 2);
}

/// Goal: what cannot work is refused, and nothing is left behind. Method: bad names, one agent alone, a file in the way.
#[test]
fn what_cannot_work_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let write = |agents: &[&str]| {
        let places: Vec<Place> = agents.iter().map(|agent| agent.parse().unwrap()).collect();
        let options = InitOptions { agents: init::plans(&places), ..InitOptions::for_service("shop") };
        init::write(&home.path().join("c"), &options).unwrap_err()
    };
    let (a, b) = ("a=us-east-1=10.0.0.1", "b=us-west-2=10.0.0.2");
    assert!(matches!(write(&["ca=us-east-1=10.0.0.3", a, b]), InitError::AgentName { .. }));
    assert!(matches!(write(&[a, a, b]), InitError::AgentName { .. }));
    assert!(matches!(write(&["a_.-=us-east-1=10.0.0.3", a, b]), InitError::AgentName { .. }));
    assert!(matches!(write(&[a]), InitError::Refused(_)));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left behind");
    std::fs::write(home.path().join("c"), "in the way").unwrap();
    assert!(matches!(write(&[a, b]), InitError::Write { .. }));
}

/// One agent's certificate and key, and the authority that it trusts.
struct Identity {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn load(directory: &Path, agent: &str) -> Self {
        let certificates = |name: &str| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_file_iter(directory.join(name)).unwrap().map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        roots.add(certificates("ca.pem").remove(0)).unwrap();
        let key = PrivateKeyDer::from_pem_file(directory.join(format!("{agent}.key"))).unwrap();
        Self { roots: Arc::new(roots), chain: certificates(&format!("{agent}.pem")), key }
    }
}

/// Whether two agents shake hands when the one calls the other `name`. Both show and verify certificates.
async fn shake_hands(client: &Identity, server: &Identity, name: &str) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(server.roots.clone(), provider.clone()).build().unwrap();
    let accepting = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(server.chain.clone(), server.key.clone_key())
        .unwrap();
    let connecting = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(client.roots.clone())
        .with_client_auth_cert(client.chain.clone(), client.key.clone_key())
        .unwrap();
    let (near, far) = tokio::io::duplex(16 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(accepting));
    let connector = TlsConnector::from(Arc::new(connecting));
    let (accepted, connected) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
    accepted.is_ok() && connected.is_ok()
}

/// Goal: any two agents of a cluster prove their identity to each other, by name and by host, in both roles; nobody
/// else does. Method: handshakes under right and wrong names, and with an agent of another cluster.
#[tokio::test]
async fn agents_prove_their_identity() {
    let home = tempfile::tempdir().unwrap();
    let identities = |cluster: &str| {
        let places = ["a=r1=10.0.0.1", "b=r2=b.example.com", "c=r3=10.0.0.3"]
            .map(|agent| agent.parse::<Place>().unwrap());
        let options = InitOptions { agents: init::plans(&places), ..InitOptions::for_service("shop") };
        init::write(&home.path().join(cluster), &options).unwrap();
        ["a", "b"].map(|agent| Identity::load(&home.path().join(cluster), agent))
    };
    let ([a, b], [stranger, _]) = (identities("one"), identities("two"));
    for (client, server, name) in
        [(&a, &b, "b"), (&b, &a, "a"), (&a, &b, "b.example.com"), (&b, &a, "10.0.0.1")]
    {
        assert!(shake_hands(client, server, name).await, "{name}");
    }
    assert!(!shake_hands(&a, &b, "a").await, "b is not a");
    assert!(!shake_hands(&a, &b, "10.0.0.3").await, "b is not where c is");
    assert!(!shake_hands(&stranger, &b, "b").await, "a stranger does not trust b, nor b a stranger");
}

/// Goal: certificates are for both ends of a connection, cannot sign others, and last as long as they should.
/// Method: read them.
#[test]
fn certificates_say_what_they_are_for() {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let home = tempfile::tempdir().unwrap();
    init::write(&home.path().join("c"), &InitOptions::for_service("shop")).unwrap();
    let identity = Identity::load(&home.path().join("c"), "us-east-1");
    let (_, agent) = X509Certificate::from_der(&identity.chain[0]).unwrap();
    let usage = agent.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.any);
    assert!(!agent.is_ca() && agent.key_usage().unwrap().unwrap().value.digital_signature());
    let days = |certificate: &X509Certificate<'_>| {
        let validity = certificate.validity();
        (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400
    };
    assert_eq!(days(&agent), 825);
    assert!(agent.validity().is_valid(), "it holds already");
    let authority = CertificateDer::from_pem_file(home.path().join("c/ca.pem")).unwrap();
    let (_, authority) = X509Certificate::from_der(&authority).unwrap();
    assert!(authority.is_ca() && days(&authority) == 3_652);
    assert!(authority.key_usage().unwrap().unwrap().value.key_cert_sign());
    agent.verify_signature(Some(authority.public_key())).unwrap();
}
