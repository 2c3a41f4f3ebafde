//! The changing half of the control API: faults, cuts, relays between agents, held and failing operations.
//! Each answers when the change has taken effect.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, Problem, Shared, done, read};
use crate::world::fault::Fault;
use crate::world::interference::{Break, Failure, Hold};
use crate::world::link::CutMode;

type Done = Result<Json<Value>, Problem>;

/// `{region, kind, ...}`: the region beside the fault's own fields.
pub(super) async fn fault(State(control): Shared, body: Body) -> Done {
    let mut asked: serde_json::Map<String, Value> = read(body).await?;
    let Some(Value::String(region)) = asked.remove("region") else {
        return Err(Problem::bad("`region` is missing"));
    };
    let fault: Fault =
        serde_json::from_value(Value::Object(asked)).map_err(|error| Problem::bad(error.to_string()))?;
    {
        let (mut world, now_ms) = control.stage.world();
        world.set_fault(&region, fault, now_ms).map_err(Problem::bad)?;
    }
    control.network.apply().await;
    Ok(done())
}

/// A path, or many: `*` stands for every other place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    from: String,
    to: String,
    #[serde(default)]
    one_way: bool,
    #[serde(default)]
    mode: Option<CutMode>,
}

impl Control {
    /// Every pair that the ends name.
    fn pairs(&self, ends: &Ends) -> Result<Vec<(String, String)>, Problem> {
        let expand = |name: &str| match name {
            "*" => Ok(self.places.names().to_vec()),
            name if self.places.names().iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
            name => Err(Problem::bad(format!(
                "no place `{name}`: one of {}, or *",
                self.places.names().join(", ")
            ))),
        };
        let (from, to) = (expand(&ends.from)?, expand(&ends.to)?);
        let wildcard = ends.from == "*" || ends.to == "*";
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from.clone(), to.clone())));
        // A wildcard cuts a place off from the others, not from itself.
        Ok(pairs.filter(|(from, to)| !(wildcard && from == to)).collect())
    }
}

pub(super) async fn cut(State(control): Shared, body: Body) -> Done {
    let ends: Ends = read(body).await?;
    for (from, to) in control.pairs(&ends)? {
        control.stage.world().0.links.cut(&from, &to, ends.one_way, ends.mode.unwrap_or_default());
    }
    control.network.apply().await;
    Ok(done())
}

/// Heals the paths that are named, or everything for an empty body.
pub(super) async fn heal(State(control): Shared, body: Body) -> Done {
    let asked: Value = read(body).await?;
    if asked.as_object().is_some_and(serde_json::Map::is_empty) {
        control.stage.world().0.links.heal_all();
    } else {
        let ends: Ends = serde_json::from_value(asked).map_err(|error| Problem::bad(error.to_string()))?;
        for (from, to) in control.pairs(&ends)? {
            control.stage.world().0.links.heal(&from, &to, ends.one_way);
        }
    }
    control.network.apply().await;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelayRequest {
    from: String,
    to: String,
    target: SocketAddr,
}

/// Makes a relay between two agents, and answers its address.
pub(super) async fn relays(State(control): Shared, body: Body) -> Done {
    let RelayRequest { from, to, target } = read(body).await?;
    for place in [&from, &to] {
        if !control.places.names().contains(place) {
            return Err(Problem::bad(format!(
                "no place `{place}`: one of {}",
                control.places.names().join(", ")
            )));
        }
    }
    if !target.ip().is_loopback() {
        return Err(Problem::bad(format!("the target {target} is not on loopback")));
    }
    let failed = |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot listen: {error}"));
    match control.network.add_peer_path(&from, &to, target).await.map_err(failed)? {
        Some(address) => Ok(Json(json!({"address": address.to_string()}))),
        None => Err(Problem::new(StatusCode::CONFLICT, "there are too many relays already")),
    }
}

pub(super) async fn hold(State(control): Shared, body: Body) -> Done {
    let hold: Hold = read(body).await?;
    control.stage.world().0.interference.hold(hold).map_err(Problem::bad)?;
    control.stage.holds_changed();
    Ok(done())
}

pub(super) async fn fail(State(control): Shared, body: Body) -> Done {
    let failure: Failure = read(body).await?;
    control.stage.world().0.interference.fail(failure).map_err(Problem::bad)?;
    Ok(done())
}

pub(super) async fn break_off(State(control): Shared, body: Body) -> Done {
    let asked: Break = read(body).await?;
    control.stage.world().0.interference.break_off(asked).map_err(Problem::bad)?;
    Ok(done())
}
