//! Roles of other accounts against the sandbox's STS: external ids, regional endpoints, sessions and their reuse.

use std::sync::Arc;
use std::time::Duration;

use quorate_aws::Aws;
use quorate_policies::effect::{Acted, AssumeRole, EffectContext, Observed};
use quorate_sandbox::Options;

use crate::bench::{Bench, act, carry_out, context, observe};
use crate::proxy::{ALWAYS, Break, Script};

const ROLE: &str = "arn:aws:iam::444455556666:role/failover";
const OPEN: &str = "arn:aws:iam::444455556666:role/open";

/// A world with a role that asks for an external id, and one that does not.
async fn bench() -> (Bench, Arc<Script>, Aws) {
    let roles = [(ROLE.to_owned(), Some("shop-42".to_owned())), (OPEN.to_owned(), None)].into();
    let bench = Bench::with(Options { roles, ..Options::default() }).await;
    let script = Arc::clone(&bench.script);
    let aws = bench.agent().await;
    (bench, script, aws)
}

fn in_role(arn: &str, external_id: Option<&str>) -> EffectContext {
    let role = AssumeRole { arn: arn.to_owned(), external_id: external_id.map(str::to_owned) };
    EffectContext { role: Some(role), ..context(5) }
}

/// Goal: a step acts in its role, whose session is named after the execution, and STS is asked once for many calls.
/// Method: promote in both kinds of role and look at who the world saw.
#[tokio::test]
async fn a_step_acts_in_its_role() {
    for (arn, external_id) in [(ROLE, Some("shop-42")), (OPEN, None)] {
        let (bench, script, aws) = bench().await;
        let context = in_role(arn, external_id);
        let trail = carry_out(&aws, &bench.promote(), &context).await;
        assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
        let changes = bench.changes().await;
        let change = changes.iter().find(|change| change.operation == "PromoteReadReplica").unwrap();
        assert!(change.caller.starts_with("ASIA"), "{change:?}");
        assert!(change.role.contains(arn.rsplit('/').next().unwrap()), "{change:?}");
        assert_eq!(script.arrived("AssumeRole"), 1);
    }
}

/// Goal: a role that may not be assumed ends in the honest reason; nothing is sent in the agent's own name. Method: a
/// wrong and a missing external id.
#[tokio::test]
async fn a_refused_role_sends_nothing() {
    let (bench, _, aws) = bench().await;
    for external_id in [Some("other"), None] {
        let context = in_role(ROLE, external_id);
        let seen = observe(&aws, &bench.promote(), &context).await;
        let Observed::Unknown { reason } = seen else { panic!("{seen:?}") };
        assert!(reason.contains("not sent") && reason.contains("sts:AssumeRole"), "{reason}");
        assert!(reason.contains("AccessDenied"), "{reason}");
        let acted = act(&aws, &bench.promote(), &context).await;
        assert!(matches!(acted, Acted::Refused { retryable: true, .. }), "{acted:?}");
    }
    assert!(bench.changes().await.is_empty());
    assert_eq!(bench.script.arrived("DescribeDBInstances"), 0);
}

/// Goal: an STS that hangs costs a call no more than the named limit, and the call counts as not sent, for nothing was.
/// Method: hang, observe and act; then let it go.
#[tokio::test]
async fn a_hung_sts_is_not_waited_for() {
    let (bench, script, _) = bench().await;
    let aws = bench.hasty_agent().await;
    script.set("AssumeRole", Break::Hang, ALWAYS);
    let context = in_role(OPEN, None);
    let limit = bench.settings_within(Duration::from_millis(700)).timeouts.operation();
    let begun = std::time::Instant::now();
    let seen = observe(&aws, &bench.promote(), &context).await;
    assert!(matches!(&seen, Observed::Unknown { reason } if reason.contains("not sent")), "{seen:?}");
    let acted = act(&aws, &bench.promote(), &context).await;
    assert!(matches!(&acted, Acted::Refused { retryable: true, .. }), "{acted:?}");
    assert!(begun.elapsed() < limit * 2, "two calls, each within its limit");
    script.clear();
    assert!(carry_out(&aws, &bench.promote(), &context).await.is_done());
}

/// Goal: a second execution goes on with the session that stands while its own is fetched, so that a lost STS does not
/// stop it. Method: lose STS between two executions.
#[tokio::test]
async fn a_session_outlasts_sts() {
    let (bench, script, aws) = bench().await;
    let first = in_role(OPEN, None);
    assert!(matches!(observe(&aws, &bench.promote(), &first).await, Observed::NotDone { .. }));
    script.set("AssumeRole", Break::Reset, ALWAYS);
    let second = EffectContext { execution: "execution-6".into(), epoch: 6, ..first };
    let trail = carry_out(&aws, &bench.promote(), &second).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
}
