//! The part of the control API that makes things and sets what nobody can ask AWS for: more databases, a
//! backup that runs, a replica's lag, the room for tasks and databases, what a principal may do.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{Problem, Shared, done, read};
use crate::world::database::Seed;
use crate::world::database::replica::Wishes;
use crate::world::metrics::ReplicaLag;
use crate::world::refusal::Refusal;

type Done = Result<Json<Value>, Problem>;

fn refused(refusal: Refusal) -> Problem {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(status, refusal.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDatabase {
    region: String,
    id: String,
    /// ARN of the instance that it replicates.
    #[serde(default)]
    source: Option<String>,
    #[serde(default = "week")]
    backup_retention_days: u32,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default)]
    kms_key: Option<String>,
    #[serde(default)]
    multi_az: bool,
}

const fn week() -> u32 {
    7
}

/// Makes an instance that is available at once.
pub(super) async fn database(State(control): Shared, body: Body) -> Done {
    let asked: NewDatabase = read(body).await?;
    if !control.endpoints.service.instances.contains_key(&asked.region) {
        return Err(Problem::bad(format!("no region `{}`", asked.region)));
    }
    let (mut world, now_ms) = control.stage.world();
    let wishes = Wishes {
        instance: asked.id,
        security_groups: asked.security_groups,
        multi_az: Some(asked.multi_az),
        ..Wishes::default()
    };
    let seed = Seed {
        kms_key: asked.kms_key,
        backup_retention_days: asked.backup_retention_days,
        source: asked.source,
        created_ms: now_ms,
    };
    world.databases.seed(&asked.region, &wishes, &seed).map_err(refused)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    region: String,
    id: String,
    ms: u64,
}

/// Lets an instance back up for a while.
pub(super) async fn backup(State(control): Shared, body: Body) -> Done {
    let Backup { region, id, ms } = read(body).await?;
    let (mut world, now_ms) = control.stage.world();
    world.advance(now_ms);
    world.databases.back_up(&region, &id, ms, now_ms).map_err(refused)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lag {
    region: String,
    id: String,
    /// Nothing is measured without it.
    #[serde(default)]
    seconds: Option<f64>,
}

/// Sets what CloudWatch tells of a replica's lag.
pub(super) async fn replica_lag(State(control): Shared, body: Body) -> Done {
    let Lag { region, id, seconds } = read(body).await?;
    let lag = seconds.map_or(ReplicaLag::Missing, ReplicaLag::Seconds);
    control.stage.world().0.databases.set_lag(&region, &id, lag).map_err(refused)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Room {
    region: String,
    /// Any number without it.
    #[serde(default)]
    tasks: Option<u32>,
}

/// Sets how many tasks a region has room for: more never start.
pub(super) async fn room(State(control): Shared, body: Body) -> Done {
    let Room { region, tasks } = read(body).await?;
    let (mut world, now_ms) = control.stage.world();
    world.advance(now_ms);
    world.fleet.set_room(&region, tasks).map_err(Problem::bad)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGlobal {
    id: String,
}

/// Makes an Aurora global cluster over both regions, its writer in the primary one.
pub(super) async fn global_cluster(State(control): Shared, body: Body) -> Done {
    let NewGlobal { id } = read(body).await?;
    let service = &control.endpoints.service;
    let regions = [service.primary.as_str(), service.standby.as_str()];
    control.stage.world().0.aurora.create(&id, &regions).map_err(refused)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    region: String,
    /// Databases of the region, those that exist among them.
    instances: usize,
}

/// Sets how many databases a region may have.
pub(super) async fn quota(State(control): Shared, body: Body) -> Done {
    let Quota { region, instances } = read(body).await?;
    control.stage.world().0.databases.set_quota(&region, instances);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    /// ARN of a role, or of the user that everybody is who has no session.
    principal: String,
    /// An IAM policy document, in place of the one before.
    policy: Value,
}

/// Says what a principal may do, as a simulation tells it; one without a policy may do everything.
pub(super) async fn permissions(State(control): Shared, body: Body) -> Done {
    let Attached { principal, policy } = read(body).await?;
    control.stage.world().0.permissions.attach(&principal, &policy).map_err(Problem::bad)?;
    Ok(done())
}
