//! DescribeAccountAttributes: how much of a region's quotas is used.

use crate::world::World;

contract!(without_moto: counts_instances);

/// Goal: the quotas that a new instance needs tell what is used and the most. Method: a region with an instance.
async fn counts_instances(world: &World) {
    let pair = world.databases().await;
    let reply = world.rds(&pair.primary.region).describe_account_attributes().send().await.unwrap();
    for name in ["DBInstances", "AllocatedStorage"] {
        let quota =
            reply.account_quotas().iter().find(|quota| quota.account_quota_name() == Some(name)).unwrap();
        let (used, max) = (quota.used().unwrap(), quota.max().unwrap());
        assert!(0 < used && used <= max, "{name}: {used} of {max}");
    }
}
