//! The executor's calls beside a storm of failing looks.

use quorate_policies::effect::Observed;

use crate::bench::{Bench, context, observe};
use crate::proxy::{ALWAYS, Break};

/// Looks that want 120 retries, of which the SDK's budget of 500 tokens serves 100 at 5 tokens each.
const STORM: usize = 60;

/// Goal: watching that fails again and again uses up its own retries and leaves the executor's alone. Method: fail every
/// look until the watcher no longer retries; the executor still does.
#[tokio::test]
async fn a_storm_of_looks_leaves_the_executor_its_retries() {
    let bench = Bench::start().await;
    let (aws, action, context) = (bench.agent().await, bench.scale(6), context(5));
    let arrived = || bench.script.arrived("DescribeServices");
    bench.script.set("DescribeServices", Break::InternalError, ALWAYS);
    let looks = (0..STORM).map(|_| aws.check(&action, &context));
    futures_util::future::join_all(looks).await;
    let before = arrived();
    aws.check(&action, &context).await;
    assert_eq!(arrived(), before + 1, "the watcher has no retries left");
    let before = arrived();
    let seen = observe(&aws, &action, &context).await;
    assert!(matches!(seen, Observed::Unknown { .. }), "{seen:?}");
    assert_eq!(arrived(), before + 3, "the executor has all of them");
    bench.script.clear();
    bench.script.set("DescribeServices", Break::InternalError, 2);
    let seen = observe(&aws, &action, &context).await;
    assert!(matches!(seen, Observed::NotDone { .. }), "{seen:?}");
}
