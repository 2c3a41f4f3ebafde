//! GetCallerIdentity: who AWS thinks is asking.

use crate::world::World;

contract!(names_the_caller);

/// Goal: account, ARN and user id are there, and belong together. Method: ask.
async fn names_the_caller(world: &World) {
    let region = world.role().await.region;
    let identity = world.sts(&region).get_caller_identity().send().await.unwrap();
    let account = identity.account().unwrap();
    assert!(account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()), "{account}");
    let arn = identity.arn().unwrap();
    assert!(arn.starts_with("arn:aws:") && arn.contains(&format!("::{account}:")), "{arn}");
    assert!(!identity.user_id().unwrap().is_empty());
}
