//! Reads record sets and zones. Every read takes its turn in the agent's pace; nothing is judged here.

use aws_sdk_route53::Client;
use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use quorate_policies::effect::{Acted, Observed};

use super::memory::Memory;
use super::name::normal_name;
use super::sets::{find, of_name};
use super::zone::{ZoneFacts, facts};
use crate::fault::{Call, Fault};

/// A simple name has fewer than ten sets, a routed one a few tens, and the epoch record sorts close behind: one page
/// mostly holds all.
const PAGE_ITEMS: i32 = 100;
/// Route 53 allows a hundred weighted sets for a name and type; five pages hold them for the five types that may be
/// weighted at all. More is not a record that this crate can judge.
const PAGES_MAX: u32 = 5;
/// The wire codes for a zone that does not exist.
const NOT_FOUND: [&str; 1] = ["NoSuchHostedZone"];

/// Reads of one zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing<'a> {
    pub(crate) client: &'a Client,
    pub(crate) region: &'a str,
    pub(crate) memory: &'a Memory,
    pub(crate) zone: &'a str,
}

/// Why sets were not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("{0} has more record sets than {PAGES_MAX} pages of {PAGE_ITEMS} hold")]
    Endless(String),
}

/// Where a listing begins.
#[derive(Debug)]
struct Start {
    name: String,
    kind: Option<RrType>,
    identifier: Option<String>,
}

impl Start {
    fn at(name: &str, kind: Option<RrType>) -> Self {
        Start { name: name.to_owned(), kind, identifier: None }
    }

    fn next(page: &ListResourceRecordSetsOutput) -> Option<Self> {
        let name = page.next_record_name().filter(|_| page.is_truncated())?.to_owned();
        let identifier = page.next_record_identifier().map(str::to_owned);
        Some(Start { name, kind: page.next_record_type().cloned(), identifier })
    }
}

impl Listing<'_> {
    /// Every set of the name, of any type.
    pub(crate) async fn at_name(&self, name: &str) -> Result<Vec<ResourceRecordSet>, Unread> {
        Ok(self.walk(name).await?.0)
    }

    /// Every set of the name, and the epoch record, which mostly is on the same page.
    pub(super) async fn with_fence(
        &self,
        name: &str,
        fence: &str,
    ) -> Result<(Vec<ResourceRecordSet>, Option<ResourceRecordSet>), Unread> {
        let (at_name, last) = self.walk(name).await?;
        let found = find(last.resource_record_sets(), fence, &RrType::Txt);
        if found.is_some() || !last.is_truncated() {
            return Ok((at_name, found));
        }
        let page = self.page(&Start::at(fence, Some(RrType::Txt))).await?;
        Ok((at_name, find(page.resource_record_sets(), fence, &RrType::Txt)))
    }

    /// The zone's name, asked for once. Where it cannot be read, Route 53 itself refuses a record outside of the zone.
    pub(super) async fn zone_name(&self) -> Option<String> {
        if let Some(known) = self.memory.zone_name(self.zone) {
            return known;
        }
        let name = self.facts().await.ok().map(|facts| facts.name);
        self.memory.zone_is_named(self.zone, name.clone());
        name
    }

    /// What Route 53 says about the zone itself.
    pub(crate) async fn facts(&self) -> Result<ZoneFacts, Fault> {
        self.memory.pace.read().await;
        let reply = self.client.get_hosted_zone().id(self.zone).send().await;
        reply
            .map(|reply| facts(&reply))
            .map_err(|error| Fault::new(self.call("route53:GetHostedZone", self.zone), &error))
    }

    /// Every set of the name, and the page that holds the last of them.
    async fn walk(
        &self,
        name: &str,
    ) -> Result<(Vec<ResourceRecordSet>, ListResourceRecordSetsOutput), Unread> {
        let (mut at_name, mut from) = (Vec::new(), Start::at(name, None));
        for _ in 0..PAGES_MAX {
            let page = self.page(&from).await?;
            at_name.extend(of_name(page.resource_record_sets(), name));
            match Start::next(&page).filter(|next| normal_name(&next.name) == normal_name(name)) {
                Some(next) => from = next,
                None => return Ok((at_name, page)),
            }
        }
        Err(Unread::Endless(name.to_owned()))
    }

    async fn page(&self, from: &Start) -> Result<ListResourceRecordSetsOutput, Fault> {
        let call =
            self.call("route53:ListResourceRecordSets", &format!("{} in zone {}", from.name, self.zone));
        self.memory.pace.read().await;
        let request = self.client.list_resource_record_sets().hosted_zone_id(self.zone).max_items(PAGE_ITEMS);
        let request = request.start_record_name(&from.name).set_start_record_type(from.kind.clone());
        let request = request.set_start_record_identifier(from.identifier.clone());
        request.send().await.map_err(|error| Fault::new(call, &error))
    }

    fn call(&self, operation: &'static str, id: &str) -> Call {
        Call { operation, region: self.region.to_owned(), id: id.to_owned() }
    }
}

impl Unread {
    /// What it means for an observation.
    pub(super) fn observed(&self) -> Observed {
        match self {
            Unread::Fault(fault) => fault.observed(&NOT_FOUND),
            Unread::Endless(_) => Observed::Impossible { reason: self.to_string() },
        }
    }

    /// What it means for an act that needed the read: its call was not made.
    pub(super) fn acted_before_sending(&self) -> Acted {
        match self {
            Unread::Fault(fault) => fault.acted_before_sending(&NOT_FOUND),
            Unread::Endless(_) => {
                Acted::Refused { reason: format!("nothing sent: {self}"), retryable: false }
            }
        }
    }
}
