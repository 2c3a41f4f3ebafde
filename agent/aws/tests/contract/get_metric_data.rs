//! GetMetricData: replica lag as evidence, where "no value" and "-1" are not "no lag".

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};

use crate::wire::refused;
use crate::world::{Place, World};

contract!(gives_what_was_measured, gives_nothing_for_what_was_not, refuses_a_time_upside_down);

/// How far back a look goes; lag is measured once a minute.
const BACK: Duration = Duration::from_secs(300);
const PERIOD_S: i32 = 60;

fn lag_of(place: &Place) -> MetricDataQuery {
    let instance = Dimension::builder().name("DBInstanceIdentifier").value(&place.id).build();
    let metric =
        Metric::builder().namespace("AWS/RDS").metric_name("ReplicaLag").dimensions(instance).build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD_S).stat("Average").build();
    MetricDataQuery::builder().id("lag").metric_stat(stat).build()
}

async fn lag(world: &World, place: &Place) -> MetricDataResult {
    let now = SystemTime::now();
    let asked = world.metrics(&place.region).get_metric_data().metric_data_queries(lag_of(place));
    let asked = asked.start_time((now - BACK).into()).end_time((now + Duration::from_secs(1)).into());
    let reply = asked.send().await.unwrap();
    let [result] = reply.metric_data_results() else { panic!("not one result: {reply:?}") };
    assert_eq!(result.id(), Some("lag"));
    assert_eq!(result.values().len(), result.timestamps().len());
    result.clone()
}

/// Goal: the values are those that were measured, -1 as well, the newest first. Method: a lag, then a replication that
/// is not active.
async fn gives_what_was_measured(world: &World) {
    let pair = world.databases().await;
    for seconds in [2.5, -1.0] {
        world.set_replica_lag(&pair.replica, Some(seconds)).await;
        let look = || async { lag(world, &pair.replica).await.values().first().copied() };
        let shown = |value: &Option<f64>| world.is_live() && value.is_some() || *value == Some(seconds);
        // Values of one minute are averaged, so the second may be drawn towards the first: its sign tells.
        let drawn = |value: &Option<f64>| value.is_some_and(|value| seconds < 0.0 && value < 2.5);
        world.watch(look, |value| shown(value) || drawn(value)).await;
    }
    let result = lag(world, &pair.replica).await;
    assert!(result.timestamps().windows(2).all(|two| two[0] >= two[1]), "{result:?}");
    let newest = result.timestamps()[0];
    assert_eq!(newest.secs() % i64::from(PERIOD_S), 0, "lined up with the period: {result:?}");
}

/// Goal: a metric that nobody measured is an empty result and no error. Method: the primary has no lag.
async fn gives_nothing_for_what_was_not(world: &World) {
    let pair = world.databases().await;
    let result = lag(world, &pair.primary).await;
    assert!(result.values().is_empty(), "{result:?}");
}

/// Goal: a start after the end is refused. Method: exchange them.
async fn refuses_a_time_upside_down(world: &World) {
    let pair = world.databases().await;
    let now = SystemTime::now();
    let asked =
        world.metrics(&pair.replica.region).get_metric_data().metric_data_queries(lag_of(&pair.replica));
    let asked = asked.start_time(now.into()).end_time((now - BACK).into());
    refused(asked.send().await, "ValidationError", 400);
}
