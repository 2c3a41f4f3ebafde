//! What the agents say of the drills of a plan that they begin by themselves.

use super::world::World;
use anyhow::{Context as _, ensure};
use quorate_api::drill::{DrillView, Drills};

impl World {
    /// Waits until a drill is shown so.
    ///
    /// # Errors
    /// How it is shown instead.
    pub(super) async fn drill(
        &self,
        what: &str,
        name: &str,
        is: impl Fn(&DrillView) -> bool,
    ) -> anyhow::Result<DrillView> {
        self.until(what, async || {
            let path = format!("/v1/services/{}/drills", self.service);
            let drills: Drills = self.api()?.get(&path).await?;
            let drill =
                drills.drills.into_iter().find(|drill| drill.drill == name).context("no such drill")?;
            ensure!(is(&drill), "{drill:?}");
            Ok(Some(drill))
        })
        .await
    }
}
