//! The kinds of resources that tests ask an emulator for, and names for them. Only plain values: who makes them is the
//! emulators' business.

use std::sync::atomic::{AtomicU32, Ordering};

/// A resource by its region and name.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) id: String,
}

/// A primary instance and its replica in the other region. Both are available and have backups enabled on the
/// primary; the replica is the primary's only one.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    pub(crate) primary: Place,
    pub(crate) replica: Place,
}

/// An ECS service with a load balancer target group and a scaling range, at rest.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pub(crate) region: String,
    pub(crate) cluster: String,
    pub(crate) service: String,
}

/// A public hosted zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) id: String,
    /// Without the trailing dot.
    pub(crate) name: String,
    /// Two load balancers that an alias may point at.
    pub(crate) balancers: [Balancer; 2],
}

/// A load balancer, as an alias names it.
#[derive(Debug, Clone)]
pub(crate) struct Balancer {
    pub(crate) name: String,
    /// The hosted zone id of its region's load balancers.
    pub(crate) zone: String,
}

/// An Aurora global database of two clusters.
#[derive(Debug, Clone)]
pub(crate) struct GlobalDatabase {
    pub(crate) id: String,
    /// Region of the secondary, from which a failover is asked for.
    pub(crate) standby: String,
}

/// A name that nobody else has: moto is shared by all stories, a real account with the last run.
pub(crate) fn fresh(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{number}", std::process::id())
}
