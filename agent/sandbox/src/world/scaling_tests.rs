//! Tests of the ranges and of what follows them.

use super::*;
use crate::options::Options;
use crate::world::call::{Call, Caller};

const WEST: &str = "us-west-2";

fn range(min: Option<i64>, max: Option<i64>) -> Registration {
    Registration {
        namespace: NAMESPACE.into(),
        resource: "service/shop/web".into(),
        dimension: DIMENSION.into(),
        min,
        max,
        suspended: SuspendedWish::default(),
    }
}

fn register(world: &mut World, asked: Registration, now_ms: u64) -> Result<(), String> {
    let caller = Caller { region: WEST.into(), access_key: "AKIATEST".into() };
    let call = Call::Scaling(ScalingCall::RegisterScalableTarget(asked));
    world.call(&caller, &call, now_ms).map(|_| ()).map_err(|no| no.code)
}

/// Goal: a minimum raised above the desired count brings the service up after a while, and never down; a
/// suspended target stays.
/// Method: raise it, look before and after, lower it, suspend and raise again.
#[test]
fn a_raised_minimum_is_followed() {
    let mut world = World::new(&Options::default(), 0);
    let desired = |world: &mut World, now| {
        world.advance(now);
        world.fleet.service(WEST).unwrap().desired
    };
    register(&mut world, range(Some(6), None), 100).unwrap();
    assert_eq!(desired(&mut world, 1_599), 2);
    assert_eq!(desired(&mut world, 1_600), 6);
    register(&mut world, range(Some(0), Some(3)), 2_000).unwrap();
    assert_eq!(desired(&mut world, 9_000), 6);
    let suspended = SuspendedWish { scale_out: Some(true), ..SuspendedWish::default() };
    register(&mut world, Registration { suspended, ..range(Some(8), Some(9)) }, 9_000).unwrap();
    assert_eq!(desired(&mut world, 20_000), 6);
    assert!(world.scaling.all()[1].suspended.scale_out);
}

/// Goal: a count outside the range is accepted by ECS, and a world may be told never to follow a minimum.
/// Method: order zero below the minimum; raise the minimum where nothing follows.
#[test]
fn ranges_do_not_bind_ecs() {
    let mut world = World::new(&Options { scaling_follows_minimum: false, ..Options::default() }, 0);
    world.fleet.update(WEST, Some("shop"), "web", Some(0), 0).unwrap();
    register(&mut world, range(Some(5), Some(5)), 0).unwrap();
    world.advance(60_000);
    assert_eq!(world.fleet.service(WEST).unwrap().desired, 0);
}

/// Goal: refusals have Application Auto Scaling's codes and leave the range as it was.
/// Method: one registration for each rule.
#[test]
fn bad_ranges_are_refused() {
    let mut world = World::new(&Options::default(), 0);
    let before = world.scaling.all();
    let other = Registration { resource: "service/shop/api".into(), ..range(Some(1), Some(2)) };
    let foreign = Registration { namespace: "mars".into(), ..range(Some(1), Some(2)) };
    for asked in [range(Some(30), None), range(Some(-1), None), other, foreign] {
        assert_eq!(register(&mut world, asked, 0), Err("ValidationException".to_owned()));
    }
    assert_eq!(world.scaling.all(), before);
    world.scaling.deregister(WEST, "service/shop/web").unwrap();
    let again = world.scaling.deregister(WEST, "service/shop/web").unwrap_err();
    assert_eq!(again.code, "ObjectNotFoundException");
    assert_eq!(register(&mut world, range(Some(1), None), 0), Err("ValidationException".to_owned()));
}
