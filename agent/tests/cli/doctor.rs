//! `quorate doctor` before anything runs: on what `quorate init` wrote, and on what somebody broke of it.

use crate::quorate::{Home, Ran};
use quorate::doctor::{Diagnosis, Finding, Status};
use quorate_policies::document::{self, AgentFile};
use rcgen::{CertificateParams, Issuer, KeyPair};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The agent's file.
const FILE: &str = "c/us-east-1.yaml";
/// Nothing listens there, nor on the next ports: they are the system's own, and long out of use.
const REFUSES: &str = "127.0.0.1:1";

/// A policy whose one target refuses and whose other has no address.
fn policy(home: &Home) -> String {
    let starter = fs::read_to_string(home.path().join("c/policy.yaml")).unwrap();
    starter
        .replace("http: https://{alb}/health", &format!("http: http://{REFUSES}/health"))
        .replace("http: https://{alb}/recommendations/health", "http: https://nowhere.invalid/health")
}

/// Files as `init` writes them, with peers on ports where nobody listens.
fn installation() -> Home {
    let home = Home::new();
    assert_eq!(home.run(&["init", "c"]).code, 0);
    let mut file = agent_file(&home);
    // A port that was free a moment ago: no agent of another test answers there.
    file.listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (port, member) in (1..).zip(file.members.values_mut()) {
        member.address = format!("127.0.0.1:{port}");
    }
    home.write(FILE, &serde_saphyr::to_string(&file).unwrap());
    home.write("c/policy.yaml", &policy(&home));
    home
}

fn agent_file(home: &Home) -> AgentFile {
    let text = fs::read_to_string(home.path().join(FILE)).unwrap();
    document::read_agent_file(FILE, &text).unwrap()
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    let mut command = home.command(&[&["doctor", "--config", FILE], arguments].concat());
    // Nobody shall be asked for credentials over a network.
    command.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap().into()
}

fn diagnosis(home: &Home, arguments: &[&str]) -> Diagnosis {
    let ran = run(home, &[arguments, &["-o", "json"]].concat());
    let diagnosis: Diagnosis =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(ran.code, i32::from(diagnosis.outcome == Status::Failed), "{ran:?}");
    diagnosis
}

fn of<'a>(diagnosis: &'a Diagnosis, check: &str, about: &str) -> &'a Finding {
    let found = diagnosis.findings.iter().find(|one| one.check == check && one.subject.contains(about));
    found.unwrap_or_else(|| panic!("no finding of {check} about {about} in {diagnosis:#?}"))
}

/// The agent's certificate anew, to hold for some days.
fn reissue(cluster: &Path, days: u64) {
    let read = |name: &str| fs::read_to_string(cluster.join(name)).unwrap();
    let issuer =
        Issuer::from_ca_cert_pem(&read("ca.pem"), KeyPair::from_pem(&read("ca.key")).unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["us-east-1".to_owned()]).unwrap();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let until = today + Duration::from_secs(days * 24 * 60 * 60 + 60 * 60);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + until;
    let key = KeyPair::from_pem(&read("us-east-1.key")).unwrap();
    fs::write(cluster.join("us-east-1.pem"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
}

/// Goal: before the first start the doctor says that nobody runs, and judges files, disk, certificates, names and targets all the
/// same: a target that refuses, a name without an address, peers that are not there; what needs credentials is skipped with
/// the reason. Method: what `init` wrote, with a policy of such targets.
#[test]
fn before_the_first_start() {
    let home = installation();
    let found = diagnosis(&home, &["c/policy.yaml"]);
    assert!(!found.running && found.agent.as_deref() == Some("us-east-1"), "{found:?}");
    let running = of(&found, "running", "us-east-1");
    assert!(running.status == Status::Skipped && running.found.contains("does not run"), "{running:?}");
    for (check, about) in [
        ("document", "c/us-east-1.yaml"),
        ("data_directory", "c/"),
        ("held_file", "operator token"),
        ("held_file", "TLS key"),
        ("own_certificate", "us-east-1"),
        ("authority", "authority"),
    ] {
        let finding = of(&found, check, about);
        assert_eq!(finding.status, Status::Ok, "{finding:?}");
    }
    let target = of(&found, "probe", "web-health/us-west-2");
    assert!(target.status == Status::Failed && target.found.contains("connect_refused"), "{target:?}");
    let name = of(&found, "resolves", "nowhere.invalid");
    assert!(name.status == Status::Failed && name.found.contains("recommendations-health"), "{name:?}");
    let peer = of(&found, "reachable", "us-west-2");
    assert!(peer.status == Status::Failed && peer.found.contains("refused"), "{peer:?}");
    assert_eq!(of(&found, "majority", "majority").status, Status::Failed);
    let plans: Vec<&Finding> = found.findings.iter().filter(|one| one.check == "plan").collect();
    assert!(
        plans.iter().any(|one| one.status == Status::Skipped && one.found.contains("credential")),
        "{plans:#?}"
    );
}

/// Goal: wrong permissions, a secret that others can read, and a certificate that ends soon are said with their mends; nothing
/// is left behind in the data directory. Method: break each.
#[test]
fn what_is_broken_on_the_host_is_named() {
    let home = installation();
    let cluster = home.path().join("c");
    let data = cluster.join(agent_file(&home).data_dir);
    fs::create_dir_all(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(cluster.join("operator.token"), Permissions::from_mode(0o644)).unwrap();
    reissue(&cluster, 9);
    let found = diagnosis(&home, &[]);
    let directory = of(&found, "data_directory", "c/");
    assert!(
        directory.status == Status::Failed && directory.mend.starts_with("chmod 700 c/"),
        "{directory:?}"
    );
    let token = of(&found, "held_file", "operator token");
    assert!(
        token.status == Status::Failed && token.mend.starts_with("chmod 600 c/operator.token"),
        "{token:?}"
    );
    let own = of(&found, "own_certificate", "us-east-1");
    assert!(own.status == Status::Warning && own.found.contains("holds for 9 more days"), "{own:?}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "the temporary file is gone");
    assert_eq!(of(&found, "synced_write", "synced write").found.split_whitespace().next(), Some("median"));

    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(of(&diagnosis(&home, &[]), "data_directory", "c/").status, Status::Ok);
}

/// Goal: a file that cannot be read is a finding with exit code 1, in both forms, and the page fits the screen. Method: a missing
/// file and a broken one.
#[test]
fn a_file_that_is_no_good_is_a_finding() {
    let home = Home::new();
    home.write("agent.yaml", "name: a\nregion: [\n");
    for file in ["agent.yaml", "missing.yaml"] {
        let ran = home.run(&["doctor", "--config", file]);
        assert!(ran.code == 1 && ran.err.is_empty() && ran.out.contains("failed"), "{ran:?}");
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    }
    assert_eq!(home.run(&["doctor"]).code, 2, "which agent must be said");
}
