//! The IAM policies in `deploy/iam` are what the actions declare, for the example that has every action on AWS.
//! `QUORATE_WRITE=1 cargo test -p quorate --test iam` writes them anew.

#![allow(clippy::unwrap_used)] // A test that cannot read its example has failed.

use quorate::cli::iam::written;
use quorate_aws::iam::{Principal, Scope};
use quorate_policies::{document::read_policy, plan::Action};
use std::{collections::BTreeSet, fs, path::PathBuf};

const EXAMPLE: &str = include_str!("../../policies/examples/aws.yaml");

/// The account of AWS's own documentation.
fn principal() -> Principal {
    Principal { account: "123456789012".into(), role: "quorate-agent".into() }
}

fn document(scope: Scope) -> serde_json::Value {
    written(&read_policy("aws.yaml", EXAMPLE).unwrap(), scope, &principal())
}

/// Goal: the shipped policies cannot drift from what the actions call. Method: write each again and compare.
#[test]
fn the_shipped_policies_are_the_declared_ones() {
    for scope in Scope::ALL {
        let name = scope.as_str();
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../deploy/iam/{name}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&document(scope)).unwrap());
        if std::env::var_os("QUORATE_WRITE").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let shipped = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            shipped == text,
            "deploy/iam/{name}.json is not what the actions declare; see the head of this test"
        );
    }
}

/// Goal: the example has every action on AWS, so that no permission is forgotten. Method: compare its kinds with the
/// list of all.
#[test]
fn the_example_has_every_action_on_aws() {
    let policy = read_policy("aws.yaml", EXAMPLE).unwrap();
    let steps = policy.plans.values().flat_map(|plan| plan.steps.values());
    let used: BTreeSet<&str> = steps.map(|step| step.action.kind()).collect();
    let outside = |kind: &str| {
        let others = [
            "statuspage.incident",
            "dns.update",
            "exec",
            "http",
            "approval",
            "gate",
            "notify",
            "wait",
            "verify.sql",
            "redis.restore",
        ];
        others.contains(&kind) || kind.starts_with("postgres.")
    };
    let missing: Vec<_> =
        Action::KINDS.iter().filter(|kind| !used.contains(**kind) && !outside(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Goal: watching changes nothing, and no policy may do anything to everything. Method: look for calls that change
/// something in the two that only read, and for wide resources on calls that change something in the third.
#[test]
fn least_privilege() {
    let reads = |action: &str| {
        let name = action.split(':').nth(1).unwrap();
        ["Describe", "List", "Get", "Simulate"].iter().any(|verb| name.starts_with(verb))
    };
    for scope in Scope::ALL {
        for statement in document(scope)["Statement"].as_array().unwrap() {
            let texts = |key: &str| -> Vec<String> {
                statement[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|text| text.as_str().unwrap().to_owned())
                    .collect()
            };
            for action in texts("Action") {
                assert!(!action.contains('*'), "{action}");
                assert!(scope == Scope::Act || reads(&action), "{} may {action}", scope.as_str());
                assert!(
                    reads(&action) || !texts("Resource").contains(&"*".to_owned()),
                    "{action} on everything"
                );
            }
        }
    }
}

/// Goal: an agent may read what its policy has it watch, and nothing more for that. Method: a policy with a watched instance and
/// one without, compared.
#[test]
fn a_watched_backup_may_be_read() {
    let mut policy = read_policy("aws.yaml", EXAMPLE).unwrap();
    policy.plans.clear();
    let without = written(&policy, Scope::Observe, &principal());
    assert_eq!(without["Statement"].as_array().unwrap().len(), 0);
    let backup =
        r#"{"rds_automated": {"region": "us-east-1", "instance": "billing"}, "fresh_within": "15m"}"#;
    policy.backups.insert("rds".parse().unwrap(), serde_json::from_str(backup).unwrap());
    let with = written(&policy, Scope::Observe, &principal());
    let statements = with["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Action"], serde_json::json!(["rds:DescribeDBInstances"]));
    let arn = "arn:aws:rds:us-east-1:123456789012:db:billing";
    assert_eq!(statements[0]["Resource"], serde_json::json!([arn]));
}

/// Goal: a bucket that is watched may be listed below its prefix and not be read, in another account's role where the policy says
/// so; one that is copied may be read, and only the other one written to. Method: a policy with a watch and a copy.
#[test]
fn buckets_are_no_wider_than_their_prefixes() {
    let mut policy = read_policy("aws.yaml", EXAMPLE).unwrap();
    policy.plans.clear();
    let mut watch = |name: &str, more: &str| {
        let text = format!(
            r#"{{"s3": {{"region": "us-west-2", "bucket": "shop-backups", "prefix": "database/"{more}}}, "fresh_within": "25h"}}"#
        );
        policy.backups.insert(name.parse().unwrap(), serde_json::from_str(&text).unwrap());
    };
    watch("own", "");
    let role = "arn:aws:iam::210987654321:role/reader";
    watch("other", &format!(r#", "role": {{"arn": "{role}"}}"#));
    let documents = written(&policy, Scope::Act, &principal());
    let texts = |document: &serde_json::Value| serde_json::to_string(&document["Statement"]).unwrap();
    let own = texts(&documents["arn:aws:iam::123456789012:role/quorate-agent"]);
    let listing = r#""Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::shop-backups"],"Condition":{"StringLike":{"s3:prefix":["database/*"]}}"#;
    assert!(own.contains(listing), "{own}");
    assert!(own.contains("sts:AssumeRole") && own.contains(role) && !own.contains("s3:GetObject"), "{own}");
    assert!(texts(&documents[role]).contains(listing), "{documents}");

    let policy = read_policy("aws.yaml", EXAMPLE).unwrap();
    let all = texts(&written(&policy, Scope::Act, &principal()));
    let writing = r#""Action":["s3:AbortMultipartUpload","s3:GetObject","s3:PutObject"]"#;
    assert!(all.contains(writing) && !all.contains("s3:DeleteObject"), "{all}");
    let observing = texts(&written(&policy, Scope::Observe, &principal()));
    assert!(observing.contains("s3:GetObject") && !observing.contains("s3:PutObject"), "{observing}");
}
