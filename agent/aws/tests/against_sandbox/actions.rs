//! Each action on a world in order, and on objects that are not there.

use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::Action;
use quorate_policies::plan::action::{IncidentStatus, Route53Repoint, StatuspageIncident};

use crate::bench::{Bench, act, carry_out, context, observe};
use crate::proxy::Break;

/// Goal: a replica becomes a writable instance by one call, its progress is seen, and a second promotion is not
/// taken for a failure. Method: drive it, look at the world, act once more.
#[tokio::test]
async fn promotes_a_replica() {
    let bench = Bench::start().await;
    let (aws, action, context) = (bench.agent().await, bench.promote(), context(5));
    assert!(matches!(observe(&aws, &action, &context).await, Observed::NotDone { .. }));
    let trail = carry_out(&aws, &action, &context).await;
    assert!(trail.is_done() && trail.waited() && trail.acted.len() == 1, "{trail:?}");
    let again = act(&aws, &action, &context).await;
    let Acted::Unknown { reason } = again else { panic!("a second promotion may be ours: {again:?}") };
    assert!(reason.contains("rds:PromoteReadReplica of shop-replica in us-west-2"), "{reason}");
    assert!(reason.contains("InvalidDBInstanceState"), "{reason}");
    let replica =
        bench.world().await.databases.into_iter().find(|db| db.identifier == "shop-replica").unwrap();
    assert!(replica.source.is_none() && replica.writable, "{replica:?}");
    assert_eq!(bench.changes().await.len(), 1);
}

/// Goal: a service is scaled up and down to nothing, and done means tasks, not wishes. Method: drive both ways.
#[tokio::test]
async fn scales_a_service() {
    let bench = Bench::start().await;
    let (aws, context) = (bench.agent().await, context(5));
    for wanted in [10, 0] {
        let trail = carry_out(&aws, &bench.scale(wanted), &context).await;
        assert!(trail.is_done() && trail.waited() && trail.acted.len() == 2, "range and count: {trail:?}");
        let standby = &bench.endpoints.service.standby;
        let world = bench.world().await;
        let tasks = world.compute.iter().find(|tasks| &tasks.region == standby).unwrap();
        assert_eq!((tasks.desired, tasks.running, tasks.pending), (wanted, wanted, 0));
    }
    assert_eq!(bench.changes().await.len(), 4);
}

/// Goal: a record is moved together with its epoch record, and done waits for INSYNC. Method: drive two epochs,
/// with the record's name in capitals.
#[tokio::test]
async fn repoints_a_record() {
    let bench = Bench::start().await;
    let aws = bench.agent().await;
    let trail = carry_out(&aws, &bench.to_standby(), &context(5)).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    let last = trail.observed.last();
    assert!(matches!(last, Some(Observed::Done { detail }) if detail.ends_with("INSYNC")), "{last:?}");
    assert!(bench.target().await.starts_with("alb.us-west-2."));
    assert_eq!(bench.mark().await.as_deref(), Some("\"epoch=5 execution=execution-5 attempt=1\""));
    let back = bench.repoint(&bench.endpoints.service.primary);
    let trail = carry_out(&aws, &back, &context(6)).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert!(bench.target().await.starts_with("alb.us-east-1."));
    assert_eq!(bench.changes().await.len(), 2);
}

/// Goal: an agent that did not send the change, and one whose change Route 53 has forgotten, judge by reading
/// back. Method: a second agent looks; then GetChange answers NoSuchChange to the first.
#[tokio::test]
async fn reads_back_where_the_change_is_not_known() {
    let bench = Bench::start().await;
    let (first, second, action, context) =
        (bench.agent().await, bench.agent().await, bench.to_standby(), context(5));
    assert!(matches!(act(&first, &action, &context).await, Acted::Accepted { .. }));
    let other = observe(&second, &action, &context).await;
    assert!(matches!(&other, Observed::Done { detail } if detail.contains("read-back")), "{other:?}");
    assert!(bench.script.arrived("GetChange") == 0, "nothing to ask for");
    bench.script.set("GetChange", Break::Refuse(404, "NoSuchChange"), 1);
    let own = observe(&first, &action, &context).await;
    assert!(matches!(&own, Observed::Done { detail } if detail.contains("read-back")), "{own:?}");
}

/// Goal: plain values replace an alias, and an alias plain values, within one set. Method: there and back.
#[tokio::test]
async fn changes_the_kind_of_answer() {
    let bench = Bench::start().await;
    let aws = bench.agent().await;
    let Action::Route53Repoint(aliased) = bench.to_standby() else { panic!("not a repoint") };
    let values = vec!["192.0.2.2".to_owned(), "192.0.2.1".to_owned()];
    let plain = Route53Repoint { alias: None, alias_zone: None, values, ttl_s: 30, ..aliased.clone() };
    assert!(carry_out(&aws, &Action::Route53Repoint(plain), &context(5)).await.is_done());
    assert!(carry_out(&aws, &Action::Route53Repoint(aliased), &context(6)).await.is_done());
    assert!(bench.target().await.starts_with("alb.us-west-2."));
}

/// Goal: what does not exist is impossible to observe and finally refused to act on, by name. Method: misname the
/// object of each action.
#[tokio::test]
async fn missing_objects() {
    let bench = Bench::start().await;
    let (aws, context) = (bench.agent().await, context(5));
    let (mut promote, mut scale, mut repoint) = (bench.promote(), bench.scale(3), bench.to_standby());
    for action in [&mut promote, &mut scale, &mut repoint] {
        match action {
            Action::RdsPromoteReadReplica(action) => action.instance = "nowhere".into(),
            Action::EcsScale(action) => action.service = "nowhere".into(),
            Action::Route53Repoint(action) => action.zone = "ZNOWHERE".into(),
            _ => panic!("another action"),
        }
        let seen = observe(&aws, action, &context).await;
        assert!(matches!(seen, Observed::Impossible { .. }), "{}: {seen:?}", action.kind());
        let acted = act(&aws, action, &context).await;
        assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{}: {acted:?}", action.kind());
    }
    assert!(bench.changes().await.is_empty());
}

/// Goal: a batch that is wrong in itself is finally refused with Route 53's own words, and moves nothing. Method: an
/// alias to a balancer that does not exist, which only Route 53 can know.
#[tokio::test]
async fn a_wrong_batch_is_final() {
    let bench = Bench::start().await;
    let aws = bench.agent().await;
    let Action::Route53Repoint(mut aliased) = bench.to_standby() else { panic!("not a repoint") };
    aliased.alias = aliased.alias.map(|name| format!("gone.{name}"));
    let acted = act(&aws, &Action::Route53Repoint(aliased), &context(5)).await;
    let Acted::Refused { reason, retryable: false } = acted else { panic!("not final: {acted:?}") };
    assert!(reason.contains("InvalidChangeBatch") && reason.contains("Tried to create an alias"), "{reason}");
    assert!(bench.target().await.starts_with("alb.us-east-1.") && bench.mark().await.is_none());
}

/// Goal: an action that is not AWS's is a typed error. Method: narrow one.
#[test]
fn other_actions_are_not_taken() {
    let incident = StatuspageIncident {
        page: "p".into(),
        status: IncidentStatus::Monitoring,
        component: None,
        title: None,
    };
    let error = quorate_aws::AwsAction::try_from(&Action::StatuspageIncident(incident)).unwrap_err();
    assert_eq!(error.to_string(), "`statuspage.incident` is not an action on AWS");
}
