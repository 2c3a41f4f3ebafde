//! The judge. What was done is read from the sandbox's own record, which no agent can embellish; what the agents say is
//! only compared with each other, at the end.

use super::lab::{Lab, PRIMARY, REGIONS, STANDBY};
use crate::{throughout, until};
use anyhow::{Context as _, ensure};
use quorate_sandbox::world::effect::{Effect, Outcome};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

const PROMOTE: &str = "PromoteReadReplica";
const SCALE: &str = "UpdateService";
const REPOINT: &str = "ChangeResourceRecordSets";

/// How an agent signs its calls in the sandbox.
fn caller(region: &str) -> String {
    format!("SANDBOX{}", region.to_uppercase().replace('-', ""))
}

impl Lab {
    /// Every change that the world has taken, oldest first: accepted, and not already so.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn changes(&self) -> anyhow::Result<Vec<Effect>> {
        let effects: Vec<Effect> = self.cluster.stage.control.get("/control/effects").await?;
        Ok(effects.into_iter().filter(|e| e.outcome == Outcome::Applied && !e.no_change).collect())
    }

    /// Watches that nothing is changed for a while.
    ///
    /// # Errors
    /// When something is.
    pub async fn quiet(&self, span: Duration) -> anyhow::Result<()> {
        let before = self.changes().await?.len();
        throughout(span, "nothing is changed", async || {
            let changes = self.changes().await?;
            ensure!(changes.len() == before, "changed meanwhile: {:#?}", &changes[before..]);
            Ok(true)
        })
        .await
    }

    /// Nothing was ever changed.
    ///
    /// # Errors
    /// When something was.
    pub async fn untouched(&self) -> anyhow::Result<()> {
        let changes = self.changes().await?;
        ensure!(changes.is_empty(), "nothing should have been changed: {changes:#?}");
        Ok(())
    }

    /// One failover in the right order: the fence, if it reached anything, before the one promotion; the promotion and
    /// the one scaling before the one change of DNS; and names lead to the standby region.
    ///
    /// # Errors
    /// What was otherwise.
    pub async fn failed_over_once(&self) -> anyhow::Result<()> {
        let changes = self.changes().await?;
        let of = |operation: &str, region: &str| -> Vec<u64> {
            let fits = |e: &&Effect| e.operation == operation && e.region == region;
            changes.iter().filter(fits).map(|e| e.sequence).collect()
        };
        let told = || format!("{changes:#?}");
        let (promoted, scaled) = (of(PROMOTE, STANDBY), of(SCALE, STANDBY));
        let (fenced, repointed) = (of(SCALE, PRIMARY), of(REPOINT, "global"));
        ensure!(promoted.len() == 1, "{} promotions: {}", promoted.len(), told());
        ensure!(scaled.len() == 1, "{} scalings: {}", scaled.len(), told());
        ensure!(repointed.len() == 1, "{} changes of DNS: {}", repointed.len(), told());
        ensure!(fenced.len() <= 1, "{} fences: {}", fenced.len(), told());
        ensure!(fenced.iter().all(|fence| *fence < promoted[0]), "promoted before the fence: {}", told());
        ensure!(promoted[0] < repointed[0], "traffic moved before the promotion: {}", told());
        ensure!(scaled[0] < repointed[0], "traffic moved before there was room: {}", told());
        ensure!(self.leads_to().await? == STANDBY, "names do not lead to {STANDBY}");
        Ok(())
    }

    /// None of the changes was made by this region's agent.
    ///
    /// # Errors
    /// When one was.
    pub async fn nothing_by(&self, region: &str) -> anyhow::Result<()> {
        let changes = self.changes().await?;
        let own: Vec<&Effect> = changes.iter().filter(|e| e.caller == caller(region)).collect();
        ensure!(own.is_empty(), "{region} should have changed nothing: {own:#?}");
        Ok(())
    }

    /// The region to which the public name leads clients.
    ///
    /// # Errors
    /// When it leads nowhere, or to no region.
    pub async fn leads_to(&self) -> anyhow::Result<String> {
        let service = &self.cluster.stage.endpoints.service;
        let now = self.resolved(&service.record).await?;
        ensure!(now.as_array().is_some_and(|answers| !answers.is_empty()), "DNS answers nothing");
        for (region, alias) in &service.aliases {
            if self.resolved(&alias.target).await? == now {
                return Ok(region.clone());
            }
        }
        anyhow::bail!("{now} is no region")
    }

    async fn resolved(&self, name: &str) -> anyhow::Result<Value> {
        let answer: Value = self.cluster.stage.control.get(&format!("/control/resolve?name={name}")).await?;
        Ok(answer["answers"].clone())
    }

    /// The end of every story: heals, wakes, compares what the agents hold, and stops everything.
    pub(super) async fn close(mut self, told: anyhow::Result<()>) -> anyhow::Result<()> {
        let judged = match told {
            Ok(()) => self.judge().await,
            Err(error) => Err(error),
        };
        if judged.is_err() {
            self.tell_last_words().await;
        }
        // A paused agent could not stop when asked; one that does not run cannot be woken.
        for region in REGIONS {
            let _ = self.wake(region);
        }
        let unmounted = self.stop_agents().await;
        self.cluster.stop().await;
        judged.and(unmounted)
    }

    async fn stop_agents(&mut self) -> anyhow::Result<()> {
        for agent in &mut self.cluster.stage.agents {
            agent.stop().await;
        }
        self.unmount()
    }

    async fn judge(&mut self) -> anyhow::Result<()> {
        self.heal()?;
        let running = REGIONS.into_iter().filter(|region| self.cluster.agent(region).alive());
        let running: Vec<&str> = running.collect();
        for region in &running {
            self.wake(region).context("an agent that should run does not")?;
        }
        until("the agents come to the same audit", async || {
            let mut heads = BTreeSet::new();
            for region in &running {
                let audit = self.cluster.audit(region).await?;
                ensure!(audit.verified, "the chain on {region} is broken");
                heads.insert((audit.sequence, audit.head));
            }
            Ok((heads.len() == 1).then_some(()))
        })
        .await?;
        let finding = self.leases.finding();
        ensure!(finding.looks > 0, "nobody ever held the write lease");
        match finding.overlap {
            None => Ok(()),
            Some(overlap) => anyhow::bail!("two regions could write: {overlap}"),
        }
    }

    async fn tell_last_words(&self) {
        for agent in &self.cluster.stage.agents {
            eprintln!("--- {} said last:\n{}", agent.name, agent.last_words());
        }
        let effects: anyhow::Result<Vec<Effect>> = self.cluster.stage.control.get("/control/effects").await;
        for effect in effects.unwrap_or_default() {
            let Effect { sequence, region, operation, caller, outcome, no_change, detail, .. } = effect;
            eprintln!(
                "{sequence} {region} {operation} by {caller}: {outcome:?}, no change {no_change}: {detail}"
            );
        }
    }
}
