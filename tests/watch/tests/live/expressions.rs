//! Every expression of every panel and every rule, asked of a real Prometheus that has watched a failover.

use super::world::World;
use quorate_watch::{
    dashboard,
    expression::{Expression, filled_in},
    rules, text,
};
use serde_json::json;
use std::{collections::BTreeSet, fs};

/// What Grafana would fill in with one service chosen and everything else.
const VARIABLES: [(&str, &str); 5] =
    [("job", ".+"), ("instance", ".+"), ("service", "shop"), ("plan", "failover"), ("check", ".+")];

/// Panels that show nothing in this world, and why.
const EMPTY: [(&str, &str, &str); 3] = [
    ("fleet", "Leader", "may be between two elections at the moment of the question"),
    ("probes", "Certificates", "the sandbox's applications serve plain HTTP"),
    ("service", "Recovery time of drills", "a dry run measures nothing"),
];

/// Series that alerts ask for and that are not there in this world, and why.
const ABSENT: [(&str, &str); 2] = [
    ("quorate_tls_certificate_expiry_timestamp_seconds", "the sandbox's applications serve plain HTTP"),
    ("quorate_failover_asking_since_timestamp_seconds", "the demo's plan asks nobody in its midst"),
];

/// Seconds of the past that a panel is asked for: all of this test.
const PAST: u64 = 120;

/// Goal: no panel is empty for a wrong name or label, no rule records nothing, and no alert asks for what is not there. Method: a failover under a
/// real Prometheus, then its HTTP API for each expression; what may be empty stands in a list with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn every_expression_returns_data() -> anyhow::Result<()> {
    let _alone = super::ALONE.lock().await;
    let world = World::start(
        &text("deploy/prometheus/rules.yml")
            .replace("interval: 15s", "interval: 1s")
            .replace("interval: 30s", "interval: 1s"),
        false,
        "1s",
    )
    .await?;
    let backup = world.home().join("dump.bin");
    fs::write(&backup, "a backup")?;
    world
        .apply(|policy| {
            policy["backups"] =
                json!({"files": {"component": "database", "files": {"path": backup}, "fresh_within": "1h"}});
            policy["drills"] =
                json!({"look": {"mode": "dry-run", "scenario": "region-loss", "every": "30d"}});
        })
        .await?;
    let agent = world.agent("us-west-2");
    // A refusal by name, a pause that ends, and a look at the plan: panels show them too.
    agent.post("/v1/services/shop/pause", &json!({"reason": "a test", "for": "1h"})).await?;
    let _: serde_json::Value = agent.get("/v1/services/shop/plan?check=true").await?;
    world.fault("us-east-1", "kill").await?;
    world
        .until("a refusal is counted", async || {
            Ok((!world.query("quorate_failover_blocked_total > 0").await?.is_empty()).then_some(()))
        })
        .await?;
    agent.post("/v1/services/shop/resume", &json!({"reason": "a test"})).await?;
    world.execution("succeeded").await?;
    world
        .until("Prometheus has seen the end, and rates of it", async || {
            let ended = "sum(quorate_failover_execution_state{state=\"succeeded\"}) == 3 and on () sum(increase(quorate_failover_step_attempts_total[1m])) > 0";
            Ok((!world.query(ended).await?.is_empty()).then_some(()))
        })
        .await?;
    let mut wrong = panels(&world).await;
    wrong.extend(rules_too(&world).await);
    assert!(wrong.is_empty(), "{} of all:\n{}", wrong.len(), wrong.join("\n"));
    world.stop().await;
    Ok(())
}

async fn panels(world: &World) -> Vec<String> {
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for board in dashboard::here() {
        let targets = board.targets().into_iter().map(|target| (target.panel, target.expr));
        let annotations = board.annotations().map(|expr| ("annotation".to_owned(), expr));
        for (panel, written) in targets.chain(annotations) {
            let expr = filled_in(&written, &VARIABLES);
            asked += 1;
            let excused = EMPTY.iter().any(|(name, title, _)| (*name, *title) == (&*board.name, &*panel));
            match world.range(&expr, PAST, "1s").await {
                Ok(series) if series.is_empty() && !excused => {
                    wrong.push(format!("{}, {panel}: nothing for {expr}", board.name))
                }
                Ok(_) => {}
                Err(error) => wrong.push(format!("{}, {panel}: {error:#}", board.name)),
            }
        }
    }
    if asked < 60 {
        wrong.push(format!("only {asked} expressions were found"));
    }
    wrong
}

async fn rules_too(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut series = BTreeSet::new();
    for rule in rules::here() {
        if let Some(record) = &rule.record
            && !matches!(world.range(record, PAST, "1s").await, Ok(found) if !found.is_empty())
        {
            wrong.push(format!("{record} is not recorded"));
        }
        if let Err(error) = world.query(&rule.expr).await {
            wrong.push(format!("{:?}: {error:#}", rule.alert));
        }
        let read = Expression::read(&rule.expr).map(|expression| expression.selectors).unwrap_or_default();
        series.extend(read.into_iter().map(|selector| selector.name));
    }
    for name in series {
        let excused = ABSENT.iter().any(|(absent, _)| *absent == name);
        match world.range(&name, PAST, "1s").await {
            Ok(found) if found.is_empty() != excused => {
                wrong.push(format!("{name}: {} series, excused: {excused}", found.len()))
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
    }
    wrong
}
