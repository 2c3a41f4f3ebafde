//! The epoch fence: whoever is stale loses, whatever the order in which calls arrive (R4, F10).

use std::sync::Arc;

use quorate_policies::effect::{Acted, EffectContext, Observed};

use crate::bench::{Bench, act, carry_out, context, observe};
use crate::proxy::{Break, Gate};

/// Goal: an executor that paused between its read and its write does not take the record back (F10). Method: hold
/// its batch, let a newer failover finish, let the batch go.
#[tokio::test]
async fn a_late_batch_of_an_old_epoch_is_refused() {
    let bench = Bench::start().await;
    let (old, new) = (bench.agent().await, bench.agent().await);
    let gate = Gate::closed();
    bench.script.set("ChangeResourceRecordSets", Break::Late(Arc::clone(&gate)), 1);
    let (back, stale) = (bench.repoint("us-east-1"), context(5));
    let (late, ()) = tokio::join!(act(&old, &back, &stale), async {
        gate.held.acquire().await.unwrap().forget();
        assert!(carry_out(&new, &bench.to_standby(), &context(6)).await.is_done());
        gate.open.add_permits(1);
    });
    let Acted::Refused { reason, retryable: false } = late else { panic!("not refused: {late:?}") };
    assert!(
        reason.contains("a newer failover, epoch 6") && reason.contains("InvalidChangeBatch"),
        "{reason}"
    );
    assert!(bench.target().await.starts_with("alb.us-west-2."));
    assert_eq!(bench.changes().await.len(), 1);
}

/// Goal: a write that arrives after its caller gave up, and after the next assignee of the same step has done it
/// again, changes nothing. Method: hold the batch past the attempt's limit, finish as attempt 2, let it go.
#[tokio::test]
async fn a_late_batch_of_an_earlier_attempt_is_refused() {
    let bench = Bench::start().await;
    let (first, second) = (bench.hasty_agent().await, bench.agent().await);
    let gate = Gate::closed();
    bench.script.set("ChangeResourceRecordSets", Break::Late(Arc::clone(&gate)), 1);
    let (action, context) = (bench.to_standby(), context(5));
    let lost = act(&first, &action, &context).await;
    assert!(matches!(lost, Acted::Unknown { .. }), "{lost:?}");
    let again = EffectContext { attempt: 2, ..context };
    assert!(carry_out(&second, &action, &again).await.is_done());
    gate.open.add_permits(1);
    gate.done.acquire().await.unwrap().forget();
    assert_eq!(bench.mark().await.as_deref(), Some("\"epoch=5 execution=execution-5 attempt=2\""));
    assert_eq!(bench.changes().await.len(), 1);
}

/// Goal: a write that arrives late, but before anybody repeated it, is recognised as ours. Method: hold the batch
/// past the attempt's limit, let it go, and drive on.
#[tokio::test]
async fn a_late_write_of_ours_counts() {
    let bench = Bench::start().await;
    let (aws, action, context) = (bench.hasty_agent().await, bench.to_standby(), context(5));
    let gate = Gate::closed();
    bench.script.set("ChangeResourceRecordSets", Break::Late(Arc::clone(&gate)), 1);
    let lost = act(&aws, &action, &context).await;
    assert!(matches!(lost, Acted::Unknown { .. }), "{lost:?}");
    gate.open.add_permits(1);
    gate.done.acquire().await.unwrap().forget();
    let trail = carry_out(&aws, &action, &context).await;
    assert!(trail.is_done() && trail.acted.is_empty(), "{trail:?}");
    assert_eq!(bench.changes().await.len(), 1);
}

/// Goal: a second execution under the same epoch is an error to see, not a race to win. Method: one applies, the
/// other looks and acts.
#[tokio::test]
async fn two_executions_of_one_epoch() {
    let bench = Bench::start().await;
    let aws = bench.agent().await;
    assert!(carry_out(&aws, &bench.to_standby(), &context(5)).await.is_done());
    let rival = EffectContext { execution: "rival".into(), ..context(5) };
    let seen = observe(&aws, &bench.to_standby(), &rival).await;
    assert!(
        matches!(&seen, Observed::Impossible { reason } if reason.contains("share an epoch")),
        "{seen:?}"
    );
    let acted = act(&aws, &bench.repoint("us-east-1"), &rival).await;
    assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{acted:?}");
    assert_eq!(bench.changes().await.len(), 1);
}
