//! The way home after a failover, as an operator goes it: what `quorate failback` says, and its next stage. What must stand after
//! each stage is the plan's own file.

use super::world::World;
use anyhow::{Context as _, ensure};
use serde_json::Value;

impl World {
    /// Declares the next stage of the way home by `quorate failback`, which follows it; the execution's name.
    ///
    /// # Errors
    /// When there is nothing to declare, it is refused, or it does not succeed.
    pub(super) async fn failback(&self) -> anyhow::Result<String> {
        let before = self.executions().await?.len();
        let words = ["failback", self.service, "--next", "--reason", "home", "--confirm", self.service];
        self.cli(&[words.as_slice(), &["--wait", "90s"]].concat()).await?;
        let all = self.executions().await?;
        ensure!(all.len() == before + 1, "{before} executions were before it, and {} are now", all.len());
        Ok(all.into_iter().next().context("it is the newest")?.id)
    }

    /// Waits until the way home says this of itself.
    ///
    /// # Errors
    /// What it says instead.
    pub(super) async fn way_home(&self, wanted: &str) -> anyhow::Result<()> {
        self.until("the way home is so far", async || {
            let way: Value =
                serde_json::from_str(&self.cli(&["failback", self.service, "-o", "json"]).await?)?;
            ensure!(way["summary"] == wanted, "{way}");
            Ok(Some(()))
        })
        .await
    }

    /// An instance is a replica of another one, in the sandbox's own words.
    ///
    /// # Errors
    /// When it is none.
    pub(super) async fn replicates(&self, replica: &str, source: &str) -> anyhow::Result<()> {
        let world: Value = self.control()?.get("/control/world").await?;
        let databases = world["databases"].as_array().cloned().unwrap_or_default();
        let of = databases.iter().find(|one| one["id"] == replica).context("no such instance")?;
        let follows = of["source"].as_str().is_some_and(|arn| arn.ends_with(&format!(":db:{source}")));
        ensure!(follows && of["status"] == "available", "{of}");
        Ok(())
    }
}
