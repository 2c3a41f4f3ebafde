//! SimulatePrincipalPolicy: what the policies of a role allow, before anything is tried.

use std::collections::BTreeSet;

use crate::wire::refused;
use crate::world::World;

contract!(without_moto: answers_each_call_on_each_resource, refuses_what_is_not_there);

const CALLS: [&str; 2] = ["rds:PromoteReadReplica", "rds:RebootDBInstance"];
const RESOURCES: [&str; 2] =
    ["arn:aws:rds:us-west-2:123456789012:db:one", "arn:aws:rds:us-west-2:123456789012:db:two"];

/// Goal: there is one result for each call, and within it one for each resource. Method: two of each.
async fn answers_each_call_on_each_resource(world: &World) {
    let role = world.role().await;
    let mut ask = world.iam().simulate_principal_policy().policy_source_arn(&role.arn);
    for (call, resource) in CALLS.iter().zip(RESOURCES) {
        ask = ask.action_names(*call).resource_arns(resource);
    }
    let reply = ask.send().await.unwrap();
    let calls: BTreeSet<&str> =
        reply.evaluation_results().iter().map(|result| result.eval_action_name()).collect();
    assert_eq!(calls, BTreeSet::from(CALLS));
    assert_eq!(reply.evaluation_results().len(), CALLS.len());
    for result in reply.evaluation_results() {
        let parts = result.resource_specific_results().iter().map(|part| part.eval_resource_name());
        assert_eq!(parts.collect::<BTreeSet<_>>(), BTreeSet::from(RESOURCES));
        let decision = result.eval_decision().as_str();
        assert!(["allowed", "implicitDeny", "explicitDeny"].contains(&decision), "{decision}");
    }
}

/// Goal: a role that does not exist is told from one that may nothing. Method: no such role.
async fn refuses_what_is_not_there(world: &World) {
    let role = world.role().await;
    let ask = world.iam().simulate_principal_policy().policy_source_arn(format!("{}-not", role.arn));
    refused(ask.action_names(CALLS[0]).send().await, "NoSuchEntity", 404);
}
