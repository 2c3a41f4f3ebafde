//! AssumeRole: another account's role for one step, with the external id that its owner asked for.

use std::time::SystemTime;

use aws_sdk_rds::config::Credentials;

use crate::wire::refused;
use crate::world::{Role, World};

contract!(lends_the_role, refuses_a_wrong_external_id, refuses_what_is_not_there);

type Assume = aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;

fn assume(world: &World, role: &Role) -> Assume {
    world
        .sts(&role.region)
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name("quorate")
        .duration_seconds(900)
}

/// Goal: the credentials that come back are the role's. Method: ask with them who is asking.
async fn lends_the_role(world: &World) {
    let role = world.role().await;
    let reply = assume(world, &role).external_id(&role.external_id).send().await.unwrap();
    let lent = reply.credentials().unwrap();
    assert!(SystemTime::try_from(*lent.expiration()).unwrap() > SystemTime::now());
    let token = Some(lent.session_token().to_owned());
    let who = Credentials::new(lent.access_key_id(), lent.secret_access_key(), token, None, "contract");
    let identity = world.sts_as(&role.region, who).get_caller_identity().send().await.unwrap();
    let name = role.arn.rsplit('/').next().unwrap();
    let arn = identity.arn().unwrap();
    assert!(arn.ends_with(&format!(":assumed-role/{name}/quorate")), "{arn}");
}

/// Goal: without the external id, and with another, the role is not lent. Method: both.
async fn refuses_a_wrong_external_id(world: &World) {
    let role = world.role().await;
    refused(assume(world, &role).send().await, "AccessDenied", 403);
    refused(assume(world, &role).external_id("another").send().await, "AccessDenied", 403);
}

/// Goal: a role that does not exist is not told from one that is not lent. Method: no such role.
async fn refuses_what_is_not_there(world: &World) {
    let role = world.role().await;
    let nowhere = Role { arn: format!("{}-not", role.arn), ..role };
    refused(assume(world, &nowhere).external_id(&nowhere.external_id).send().await, "AccessDenied", 403);
}
