//! IAM's simulation through the SDK, and the quotas that can be set: what is answered, where, and what is refused.

use aws_sdk_iam::error::ProvideErrorMetadata;
use serde_json::json;

use crate::bench::{Bench, EAST, INTERNET, WEST};

const USER: &str = "arn:aws:iam::111122223333:user/quorate";
const OTHER: &str = "arn:aws:iam::111122223333:role/other";

/// Goal: a principal without a policy may do everything; with one, what it allows. Method: ask about another role before
/// and after a policy that allows one call on one resource is attached to it.
#[tokio::test]
async fn a_policy_decides() {
    let bench = Bench::start().await;
    let client = bench.iam(INTERNET, EAST);
    let decisions = async || {
        let ask = client.simulate_principal_policy().policy_source_arn(OTHER);
        let ask = ask.action_names("rds:StopDBInstance").resource_arns("arn:one").resource_arns("arn:two");
        let reply = ask.send().await.unwrap();
        let [result] = reply.evaluation_results() else { panic!("{reply:?}") };
        let parts = result.resource_specific_results().iter();
        let parts: Vec<String> = parts
            .map(|part| format!("{} {}", part.eval_resource_name(), part.eval_resource_decision()))
            .collect();
        (result.eval_decision().to_string(), parts.join(", "))
    };
    assert_eq!(decisions().await, ("allowed".into(), "arn:one allowed, arn:two allowed".into()));
    let allow = json!({"Effect": "Allow", "Action": "rds:Stop*", "Resource": "arn:one"});
    bench.control("permissions", json!({"principal": OTHER, "policy": {"Statement": [allow]}})).await;
    assert_eq!(decisions().await, ("implicitDeny".into(), "arn:one allowed, arn:two implicitDeny".into()));
    bench.sandbox.shutdown().await;
}

/// Goal: IAM answers in its one region, to those that may ask, about those that exist, and a policy that the sandbox does
/// not understand is refused. Method: break one of these at a time.
#[tokio::test]
async fn what_is_refused() {
    let bench = Bench::start().await;
    let ask = async |region: &str, source: &str| {
        let client = bench.iam(INTERNET, region);
        let ask =
            client.simulate_principal_policy().policy_source_arn(source).action_names("rds:StopDBInstance");
        ask.send().await.err().map(|error| error.code().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(EAST, USER).await, None);
    assert_eq!(ask(WEST, USER).await.as_deref(), Some("SignatureDoesNotMatch"));
    assert_eq!(ask(EAST, "arn:aws:iam::111122223333:user/nobody").await.as_deref(), Some("NoSuchEntity"));
    bench.control("permissions", json!({"principal": USER, "policy": {"Statement": []}})).await;
    assert_eq!(ask(EAST, USER).await.as_deref(), Some("AccessDenied"));
    let strange = json!({"Effect": "Allow", "NotAction": "rds:*", "Resource": "*"});
    let order = json!({"principal": USER, "policy": {"Statement": [strange]}}).to_string();
    assert_eq!(bench.control_any("permissions", &order).await.status, 400);
    bench.sandbox.shutdown().await;
}

/// Goal: a quota that is set is told and kept. Method: as many as there are, then one more.
#[tokio::test]
async fn a_quota_is_kept() {
    let bench = Bench::start().await;
    bench.control("quota", json!({"region": EAST, "instances": 1})).await;
    let rds = bench.rds(INTERNET, EAST);
    let reply = rds.describe_account_attributes().send().await.unwrap();
    let told = reply
        .account_quotas()
        .iter()
        .map(|quota| (quota.account_quota_name().unwrap(), quota.used(), quota.max()));
    let expected = [("DBInstances", Some(1), Some(1)), ("AllocatedStorage", Some(100), Some(100_000))];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let order = json!({"region": EAST, "id": "one-more"}).to_string();
    let refused = bench.control_any("database", &order).await;
    assert!(refused.status == 400 && refused.text.contains("InstanceQuotaExceeded"), "{}", refused.text);
    bench.sandbox.shutdown().await;
}
