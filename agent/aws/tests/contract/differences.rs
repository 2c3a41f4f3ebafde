//! Where the two emulators differ, and which of them AWS is with. Every row is asked on both: one that is no longer
//! true fails, and is then a story for both or a row with other words.

use aws_sdk_cloudwatch::types::MetricDatum;
use aws_sdk_rds::config::Credentials;
use aws_sdk_route53::types::{HealthCheckConfig, HealthCheckType};
use futures_util::future::LocalBoxFuture;

use crate::change_resource_record_sets::{Batch, address, alias};
use crate::create_health_check::{created, delete, inverted};
use crate::list_resource_record_sets::sets;
use crate::wire::outcome;
use crate::world::{Balancer, World, fresh};

struct Difference {
    operation: &'static str,
    what: &'static str,
    ask: fn(&World) -> LocalBoxFuture<'_, String>,
    sandbox: &'static str,
    moto: &'static str,
    aws: &'static str,
    why: &'static str,
}

fn differences() -> Vec<Difference> {
    let mut all = of_route53();
    all.extend(of_the_rest());
    all
}

fn of_route53() -> Vec<Difference> {
    vec![
        Difference {
            operation: "ChangeResourceRecordSets",
            what: "an alias whose target is not inside the target's zone",
            ask: |world| Box::pin(alias_outside_its_zone(world)),
            sandbox: "accepted",
            moto: "InvalidChangeBatch 400",
            aws: "refuses it: the alias target name does not lie within the target zone",
            why: "the sandbox answers for its load balancers itself, under its own zone's name, so that clients on one \
                  machine reach them",
        },
        Difference {
            operation: "ChangeResourceRecordSets",
            what: "a wildcard",
            ask: |world| Box::pin(wildcard(world)),
            sandbox: "InvalidInput 400",
            moto: "accepted, \\052",
            aws: "accepts it and shows `*` as the octal escape \\052",
            why: "the sandbox's DNS serves exact names only and says so instead of serving a wildcard wrongly",
        },
        Difference {
            operation: "CreateHealthCheck",
            what: "a check of an address on loopback",
            ask: |world| Box::pin(check_on_loopback(world)),
            sandbox: "accepted",
            moto: "InvalidInput 400",
            aws: "refuses addresses that its checkers cannot reach: private, reserved, loopback",
            why: "the sandbox runs its checks, and everything that they can check is on loopback",
        },
        Difference {
            operation: "GetHealthCheckStatus",
            what: "what the checkers saw of an endpoint that is not there",
            ask: |world| Box::pin(checkers_saw(world)),
            sandbox: "no success",
            moto: "a success",
            aws: "shows what its checkers saw",
            why: "moto runs no checks and answers with a constant; no story relies on a check's result",
        },
    ]
}

fn of_the_rest() -> Vec<Difference> {
    vec![
        Difference {
            operation: "CreateDBInstance",
            what: "an instance from nothing",
            ask: |world| Box::pin(new_instance(world)),
            sandbox: "InvalidAction 400",
            moto: "accepted",
            aws: "creates it",
            why: "Quorate restores and replicates but never creates; moto's resources for these stories are made so",
        },
        Difference {
            operation: "GetCallerIdentity",
            what: "a request signed for another region",
            ask: |world| Box::pin(signed_for_elsewhere(world)),
            sandbox: "SignatureDoesNotMatch 403",
            moto: "accepted",
            aws: "refuses it: the scope of the credential is not the endpoint's region",
            why: "moto serves all regions on one port and learns from the scope which is meant",
        },
        Difference {
            operation: "ModifyDBInstance",
            what: "the reply to an exchange of security groups",
            ask: |world| Box::pin(groups_on_their_way(world)),
            sandbox: "modifying, removing adding",
            moto: "available, active",
            aws: "documents `active` as the only status of a membership; `adding` and `removing` are seen in practice",
            why: "which of the two holds is not documented; a fence has to wait until only its group is left, active",
        },
        Difference {
            operation: "AssumeRole",
            what: "lent keys that are used without their session token",
            ask: |world| Box::pin(keys_without_their_token(world)),
            sandbox: "InvalidClientTokenId 403",
            moto: "accepted",
            aws: "refuses them",
            why: "moto does not check who calls",
        },
        Difference {
            operation: "SimulatePrincipalPolicy",
            what: "what a role may do",
            ask: |world| Box::pin(simulation(world)),
            sandbox: "accepted",
            moto: "no code 500",
            aws: "evaluates the policies of the role; one result for each call, and one for each resource within it",
            why: "moto does not have it; the sandbox evaluates actions, resources and the three condition operators that \
                  Quorate's own policies use, and refuses a policy with anything else when it is attached",
        },
        Difference {
            operation: "DescribeAccountAttributes",
            what: "the quotas of a region",
            ask: |world| Box::pin(quotas(world)),
            sandbox: "DBInstances, AllocatedStorage",
            moto: "no code 500",
            aws: "tells some twenty quotas, these two among them",
            why: "moto does not have it; the sandbox tells the two that a new instance needs",
        },
        Difference {
            operation: "PutMetricData",
            what: "a value in a namespace of AWS's own",
            ask: |world| Box::pin(metric_of_aws(world)),
            sandbox: "UnknownOperationException 404",
            moto: "accepted",
            aws: "refuses it: namespaces that begin with AWS/ are its own",
            why: "so a story sets a replica's lag on moto; the sandbox has its control API for that",
        },
    ]
}

async fn simulation(world: &World) -> String {
    let role = world.role().await;
    let ask = world.iam().simulate_principal_policy().policy_source_arn(role.arn);
    outcome(ask.action_names("rds:PromoteReadReplica").send().await)
}

async fn quotas(world: &World) -> String {
    let region = world.databases().await.primary.region;
    match world.rds(&region).describe_account_attributes().send().await {
        Ok(reply) => {
            let names = reply.account_quotas().iter().filter_map(|quota| quota.account_quota_name());
            names.collect::<Vec<_>>().join(", ")
        }
        refused => outcome(refused),
    }
}

async fn alias_outside_its_zone(world: &World) -> String {
    let zone = world.zone().await;
    let outside = Balancer { name: format!("alb.us-west-2.{}", zone.name), ..zone.balancers[1].clone() };
    let name = format!("{}.{}", fresh("outside"), zone.name);
    outcome(Batch::new().create(alias(&name, &outside)).send(world, &zone).await)
}

async fn wildcard(world: &World) -> String {
    let zone = world.zone().await;
    let label = fresh("wild");
    let set = address(&format!("*.{label}.{}", zone.name), "192.0.2.7");
    let answer = outcome(Batch::new().create(set).send(world, &zone).await);
    let read = sets(world, &zone, &format!("\\052.{label}.{}", zone.name)).await;
    if read.is_empty() { answer } else { format!("{answer}, \\052") }
}

async fn check_on_loopback(world: &World) -> String {
    let config = HealthCheckConfig::builder().r#type(HealthCheckType::Http).ip_address("127.0.0.1").port(9);
    let create = world.route53().create_health_check().caller_reference(fresh("loopback"));
    outcome(create.health_check_config(config.build().unwrap()).send().await)
}

async fn checkers_saw(world: &World) -> String {
    let check = created(world, &fresh("signal"), inverted("/v1/signal/shop")).await;
    let reply = world.route53().get_health_check_status().health_check_id(check.id()).send().await.unwrap();
    let mut reports =
        reply.health_check_observations().iter().filter_map(|seen| seen.status_report()?.status());
    let answer = if reports.any(|status| status.starts_with("Success")) { "a success" } else { "no success" };
    delete(world, check.id()).await;
    answer.into()
}

async fn new_instance(world: &World) -> String {
    let region = world.databases().await.primary.region;
    let create = world.rds(&region).create_db_instance().db_instance_identifier(fresh("new"));
    let create = create.db_instance_class("db.r6g.large").engine("postgres").allocated_storage(20);
    outcome(create.master_username("shop").master_user_password("not-a-secret").send().await)
}

async fn signed_for_elsewhere(world: &World) -> String {
    let region = world.databases().await.primary.region;
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "contract");
    let config = world.sts_as(&region, keys).config().to_builder();
    let elsewhere = config.region(aws_config::Region::new("ap-south-1")).build();
    outcome(aws_sdk_sts::Client::from_conf(elsewhere).get_caller_identity().send().await)
}

async fn groups_on_their_way(world: &World) -> String {
    let primary = world.databases().await.primary;
    let quarantine = world.quarantine(&primary.region).await;
    let change = world.rds(&primary.region).modify_db_instance().db_instance_identifier(&primary.id);
    let reply = change.vpc_security_group_ids(quarantine).apply_immediately(true).send().await.unwrap();
    let instance = reply.db_instance().unwrap();
    let groups: Vec<&str> =
        instance.vpc_security_groups().iter().filter_map(|group| group.status()).collect();
    format!("{}, {}", instance.db_instance_status().unwrap(), groups.join(" "))
}

async fn keys_without_their_token(world: &World) -> String {
    let role = world.role().await;
    let assume = world.sts(&role.region).assume_role().role_arn(&role.arn).role_session_name("quorate");
    let reply = assume.external_id(&role.external_id).send().await.unwrap();
    let lent = reply.credentials().unwrap();
    let bare = Credentials::new(lent.access_key_id(), lent.secret_access_key(), None, None, "contract");
    outcome(world.sts_as(&role.region, bare).get_caller_identity().send().await)
}

async fn metric_of_aws(world: &World) -> String {
    let replica = world.databases().await.replica;
    let datum = MetricDatum::builder().metric_name("ReplicaLag").value(1.0).build();
    let put = world.metrics(&replica.region).put_metric_data().namespace("AWS/RDS").metric_data(datum);
    outcome(put.send().await)
}

/// Goal: the table is true. Method: ask each row on both emulators.
#[tokio::test]
async fn every_row_is_true() {
    let (sandbox, moto) = (World::sandbox().await, World::moto().await);
    let mut untrue = Vec::new();
    for row in differences() {
        let Difference { operation, what, ask, aws, why, .. } = row;
        println!(
            "{operation}: {what}. Sandbox: {}. moto: {}. AWS: {aws}. Why: {why}.",
            row.sandbox, row.moto
        );
        assert_ne!(row.sandbox, row.moto, "{operation}: {what} is no difference");
        let asked = [ask(&sandbox).await, ask(&moto).await];
        if asked != [row.sandbox, row.moto] {
            untrue.push(format!("{operation}: {what}: now {asked:?}"));
        }
    }
    assert!(untrue.is_empty(), "{untrue:#?}");
}
