//! Reads what stands of a signal and makes its changes, one call after the other. Every change can be made again after a
//! lost reply: the same reference makes no second check, and a batch deletes exactly what was read. It decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::config::Builder;
use aws_sdk_route53::config::retry::RetryConfig;
use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{ChangeStatus, Tag, TagResourceType};
use quorate_policies::effect::AssumeRole;
use tokio::time::Instant;

use super::settle::Settling;
use super::{Change, CheckConfig, CheckId, Existing, Set, Wanted, checks, sdk};
use crate::clients::Aws;
use crate::fault::{Call, Fault};
use crate::route53::memory::Memory;
use crate::route53::{Listing, of_kind};

/// The most that one page of health checks holds.
const CHECKS_A_PAGE: i32 = 100;
/// Twenty pages: ten times Route 53's default quota of checks, and an end for a listing that never ends.
const CHECK_PAGES_MAX: u32 = 20;
/// A fresh check is looked at within 10 s and is believed after three looks; three times that, because checkers are not
/// coordinated and a cluster may just be starting.
const SETTLE_MAX: Duration = Duration::from_secs(90);
/// `INSYNC` mostly takes about a minute; after five it is better to come again than to wait.
const SPREAD_MAX: Duration = Duration::from_secs(300);
/// Between two looks at what takes tens of seconds.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// References of deleted checks that are skipped: more than anybody deletes by hand of one check.
const REFERENCES_MAX: u32 = 16;
/// The wire code for a reference that was used before.
const USED: &str = "HealthCheckAlreadyExists";

/// Why a signal could not be read or set up.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// A call did not succeed. A change may have been made; running the setup again is safe.
    #[error("{0}")]
    Call(String),
    /// A change could not be written.
    #[error("a change cannot be written: {0}")]
    Build(#[from] BuildError),
    /// The agents do not all say "stay", or Route 53's checkers do not reach them.
    #[error("after {} s Route 53's checkers have not all seen every agent say stay; the records were left alone", SETTLE_MAX.as_secs())]
    NotSettled,
    /// The records have not spread.
    #[error("change {change} is still spreading after {max} s; run the setup again to finish", max = SPREAD_MAX.as_secs())]
    NotSpread {
        /// The change's id.
        change: String,
    },
    /// A change speaks of a check that no earlier one made.
    #[error("the health check {0} was not made")]
    NotMade(String),
    /// Every reference of a check was used before.
    #[error("every caller reference up to {0} was used before")]
    Used(String),
    /// The account has more checks than can be.
    #[error("the list of health checks does not end")]
    Endless,
}

impl From<Fault> for SignalError {
    fn from(fault: Fault) -> Self {
        SignalError::Call(fault.to_string())
    }
}

impl Aws {
    /// Reads the account's health checks and the record's sets.
    ///
    /// # Errors
    /// Where they could not be read whole.
    pub async fn signal_existing(
        &self,
        wanted: &Wanted,
        role: Option<&AssumeRole>,
    ) -> Result<Existing, SignalError> {
        self.signaller(role).existing(wanted).await
    }

    /// Makes the changes in their order, and tells each before it is made. Stops at the first that does not succeed;
    /// reading, planning and applying again then goes on from there.
    ///
    /// # Errors
    /// Where a change was refused or got no reply, and where Route 53 did not settle in time.
    pub async fn signal_apply(
        &self,
        changes: &[Change],
        role: Option<&AssumeRole>,
        mut tell: impl FnMut(&Change) + Send,
    ) -> Result<(), SignalError> {
        let signaller = self.signaller(role);
        let mut made = BTreeMap::new();
        for change in changes {
            tell(change);
            signaller.make(change, &mut made).await?;
        }
        Ok(())
    }

    fn signaller<'a>(&'a self, role: Option<&'a AssumeRole>) -> Signaller<'a> {
        let place = self.watch_control_plane(role);
        Signaller { client: place.route53(), region: place.region, memory: self.route53_memory() }
    }
}

/// The way to Route 53.
struct Signaller<'a> {
    client: Client,
    region: &'a str,
    memory: &'a Memory,
}

/// The ids of the checks that were made, by the reference under which they were planned.
type Made = BTreeMap<String, String>;

fn id_in(made: &Made) -> impl Fn(&CheckId) -> Result<String, SignalError> {
    move |id| match id {
        CheckId::Standing(id) => Ok(id.clone()),
        CheckId::Planned(reference) => {
            made.get(reference).cloned().ok_or_else(|| SignalError::NotMade(reference.clone()))
        }
    }
}

fn once() -> Builder {
    Builder::default().retry_config(RetryConfig::disabled())
}

impl Signaller<'_> {
    async fn existing(&self, wanted: &Wanted) -> Result<Existing, SignalError> {
        let listing =
            Listing { client: &self.client, region: self.region, memory: self.memory, zone: &wanted.zone };
        let at_name =
            listing.at_name(&wanted.record).await.map_err(|error| SignalError::Call(error.to_string()))?;
        let sets = of_kind(&at_name, wanted.kind).map(|set| sdk::set_of(wanted.kind, set)).collect();
        let (mut checks, mut marker) = (Vec::new(), None);
        for _ in 0..CHECK_PAGES_MAX {
            self.memory.pace.read().await;
            let list = self.client.list_health_checks().max_items(CHECKS_A_PAGE).set_marker(marker.clone());
            let page =
                list.send().await.map_err(|error| self.fault("route53:ListHealthChecks", "all", &error))?;
            checks.extend(page.health_checks().iter().map(sdk::check_of));
            marker = page.next_marker().filter(|_| page.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(Existing { checks, sets });
            }
        }
        Err(SignalError::Endless)
    }

    async fn make(&self, change: &Change, made: &mut Made) -> Result<(), SignalError> {
        match change {
            Change::CreateCheck { reference, name, config } => {
                let id = self.create(reference, config, made).await?;
                self.name(&id, name).await;
                made.insert(reference.clone(), id);
                Ok(())
            }
            Change::AwaitStay { checks } => {
                let ids = checks.iter().map(id_in(made)).collect::<Result<Vec<_>, _>>()?;
                self.settled(&ids).await
            }
            Change::ReplaceSets { zone, deleted, created } => {
                self.replace(zone, deleted, created, made).await
            }
            Change::DeleteCheck { id } => {
                self.memory.pace.changed();
                let call = self.client.delete_health_check().health_check_id(id);
                let sent = call.customize().config_override(once()).send().await;
                sent.map(drop).map_err(|error| self.fault("route53:DeleteHealthCheck", id, &error).into())
            }
        }
    }

    /// Creates a check. A reference that a deleted check had is never taken again, and the listing does not show it.
    async fn create(&self, first: &str, config: &CheckConfig, made: &Made) -> Result<String, SignalError> {
        let config = sdk::sdk_check(config, id_in(made))?;
        let mut reference = first.to_owned();
        for _ in 0..REFERENCES_MAX {
            self.memory.pace.changed();
            let call = self.client.create_health_check().caller_reference(&reference);
            let call = call.health_check_config(config.clone()).customize().config_override(once());
            match call.send().await {
                Ok(reply) => {
                    let check =
                        reply.health_check().ok_or_else(|| SignalError::NotMade(reference.clone()))?;
                    return Ok(check.id().to_owned());
                }
                Err(error) => {
                    let fault = self.fault("route53:CreateHealthCheck", &reference, &error);
                    match checks::next(&reference).filter(|_| fault.code() == Some(USED)) {
                        Some(next) => reference = next,
                        None => return Err(fault.into()),
                    }
                }
            }
        }
        Err(SignalError::Used(reference))
    }

    /// Names a check for people. Nothing depends on it, so that it fails is only told.
    async fn name(&self, id: &str, name: &str) {
        self.memory.pace.changed();
        let tag = Tag::builder().key("Name").value(name).build();
        let call = self.client.change_tags_for_resource().resource_type(TagResourceType::Healthcheck);
        if let Err(error) = call.resource_id(id).add_tags(tag).send().await {
            let fault = self.fault("route53:ChangeTagsForResource", id, &error);
            tracing::warn!(%fault, "a health check has no name");
        }
    }

    async fn settled(&self, ids: &[String]) -> Result<(), SignalError> {
        let (deadline, mut settling) = (Instant::now() + SETTLE_MAX, Settling::default());
        loop {
            let mut all = true;
            for id in ids {
                self.memory.pace.read().await;
                let status = self.client.get_health_check_status().health_check_id(id).send().await;
                let status =
                    status.map_err(|error| self.fault("route53:GetHealthCheckStatus", id, &error))?;
                let looks: Vec<_> = status.health_check_observations().iter().map(sdk::look_of).collect();
                all &= settling.count(id, &looks, checks::THRESHOLD);
            }
            if all {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(SignalError::NotSettled);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Sends the batch and waits until it has spread: a check may only be deleted when no server answers by it.
    async fn replace(
        &self,
        zone: &str,
        deleted: &[Set],
        created: &[Set],
        made: &Made,
    ) -> Result<(), SignalError> {
        let batch = sdk::batch(deleted, created, id_in(made))?;
        self.memory.pace.changed();
        let call = self.client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
        let sent = call.customize().config_override(once()).send().await;
        let reply = sent.map_err(|error| self.fault("route53:ChangeResourceRecordSets", zone, &error))?;
        let Some(info) = reply.change_info() else { return Ok(()) };
        let (id, deadline) = (info.id().to_owned(), Instant::now() + SPREAD_MAX);
        loop {
            self.memory.pace.read().await;
            let reply = self.client.get_change().id(&id).send().await;
            let reply = reply.map_err(|error| self.fault("route53:GetChange", &id, &error))?;
            if reply.change_info().is_some_and(|info| *info.status() == ChangeStatus::Insync) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(SignalError::NotSpread { change: id });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn fault<E>(
        &self,
        operation: &'static str,
        id: &str,
        error: &aws_smithy_runtime_api::client::result::SdkError<
            E,
            aws_smithy_runtime_api::client::orchestrator::HttpResponse,
        >,
    ) -> Fault
    where
        E: std::error::Error
            + aws_smithy_types::error::metadata::ProvideErrorMetadata
            + Send
            + Sync
            + 'static,
    {
        Fault::new(Call { operation, region: self.region.to_owned(), id: id.to_owned() }, error)
    }
}
