//! Route 53's health checks: what is checked, what it amounts to, and when a check is due. The checking
//! itself is the checkers' part; here a result is counted, without a clock and without a socket.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::world::refusal::Refusal;

mod rules;

/// What a health check is made of, as Route 53 names it; what is left out is not shown either.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct HealthCheckConfig {
    /// The address to check.
    #[serde(rename = "IPAddress", default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Its port; 80 or 443 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `HTTP`, `HTTP_STR_MATCH`, `TCP` or `CALCULATED`; others are kept, and fail.
    pub r#type: String,
    /// The path to ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_path: Option<String>,
    /// The name to check, or to ask for at the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fully_qualified_domain_name: Option<String>,
    /// What the answer must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_string: Option<String>,
    /// Seconds between two checks: 10 or 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_interval: Option<u32>,
    /// Results in a row that turn the status, either way: 1 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<u32>,
    /// Whether latency is measured; it is not, here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_latency: Option<bool>,
    /// Whether healthy counts as unhealthy, and the other way round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverted: Option<bool>,
    /// Whether it is not checked, and counts as healthy before it is inverted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// How many children must be healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_threshold: Option<u32>,
    /// The children of a calculated check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_health_checks: Option<Children>,
    /// Whether the name is sent in TLS.
    #[serde(rename = "EnableSNI", default, skip_serializing_if = "Option::is_none")]
    pub enable_sni: Option<bool>,
    /// Regions from which it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
}

/// The children of a calculated check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Children {
    /// Their ids.
    #[serde(default)]
    pub child_health_check: Vec<String>,
}

/// Regions from which a check is made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Regions {
    /// Their names.
    #[serde(default)]
    pub region: Vec<String>,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Its id: a UUID.
    pub id: String,
    /// The caller's own mark of its creation.
    pub caller_reference: String,
    /// What it is made of.
    pub config: HealthCheckConfig,
    /// What the last results amount to, before it is inverted.
    pub passing: bool,
    /// The last result in words, and when it came in, in milliseconds.
    pub last: Option<(String, u64)>,
    /// Results in a row that contradict `passing`.
    contrary: u32,
    /// When it is checked next, in milliseconds.
    due_ms: u64,
}

/// What a checker is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The check's id.
    pub id: String,
    /// What to check.
    pub config: HealthCheckConfig,
}

/// Every health check, by id.
#[derive(Debug, Clone, Default)]
pub struct HealthChecks {
    by_id: BTreeMap<String, HealthCheck>,
    /// References of checks that are gone: they cannot be used again.
    used: BTreeSet<String>,
    /// How long an interval of ten seconds takes here, in milliseconds.
    interval_ms: u64,
}

/// 200: Route 53's own quota of an account.
const CHECKS_MAX: usize = 200;
/// Three results in a row: Route 53's own threshold when it is not told.
const THRESHOLD_DEFAULT: u32 = 3;
/// 30 seconds: Route 53's own interval when it is not told.
const INTERVAL_DEFAULT_S: u32 = 30;
/// Eight levels of calculated checks: more than anybody builds, and an end for what watches itself.
const LEVELS_MAX: usize = 8;
/// 100: the most checks that one page of a listing holds, and its default.
const PAGE_MAX: usize = 100;

impl HealthChecks {
    /// No checks. An interval of ten seconds will take `interval_ms`.
    #[must_use]
    pub fn new(interval_ms: u64) -> Self {
        HealthChecks { by_id: BTreeMap::new(), used: BTreeSet::new(), interval_ms: interval_ms.max(1) }
    }

    /// Makes a check, or finds the one that the same call made before; and answers whether it is new.
    ///
    /// # Errors
    /// `InvalidInput`, `HealthCheckAlreadyExists`, `TooManyHealthChecks`.
    pub fn create(
        &mut self,
        caller_reference: &str,
        config: &HealthCheckConfig,
        id: String,
        now_ms: u64,
    ) -> Result<(HealthCheck, bool), Refusal> {
        rules::check(config, &self.by_id)?;
        let exists = || {
            let message = format!("A health check with caller reference {caller_reference} exists already.");
            Refusal::new(409, "HealthCheckAlreadyExists", message)
        };
        if let Some(known) = self.by_id.values().find(|known| known.caller_reference == caller_reference) {
            return if known.config == *config { Ok((known.clone(), false)) } else { Err(exists()) };
        }
        if self.used.contains(caller_reference) {
            return Err(exists());
        }
        if self.by_id.len() >= CHECKS_MAX {
            return Err(Refusal::bad("TooManyHealthChecks", "The limit of health checks has been reached."));
        }
        let check = HealthCheck {
            id: id.clone(),
            caller_reference: caller_reference.into(),
            config: config.clone(),
            passing: true,
            last: None,
            contrary: 0,
            due_ms: now_ms,
        };
        self.by_id.insert(id, check.clone());
        Ok((check, true))
    }

    /// One check.
    ///
    /// # Errors
    /// `NoSuchHealthCheck`.
    pub fn get(&self, id: &str) -> Result<&HealthCheck, Refusal> {
        self.by_id.get(id).ok_or_else(|| no_such(id))
    }

    /// Checks from `marker` on, and where the next page begins.
    #[must_use]
    pub fn list(&self, marker: Option<&str>, max_items: Option<usize>) -> (Vec<HealthCheck>, Option<String>) {
        let page = max_items.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
        let mut from = self.by_id.range(marker.unwrap_or_default().to_owned()..);
        let checks = from.by_ref().take(page).map(|(_, check)| check.clone()).collect();
        (checks, from.next().map(|(id, _)| id.clone()))
    }

    /// Takes a check away.
    ///
    /// # Errors
    /// `NoSuchHealthCheck`.
    pub fn delete(&mut self, id: &str) -> Result<(), Refusal> {
        let gone = self.by_id.remove(id).ok_or_else(|| no_such(id))?;
        self.used.insert(gone.caller_reference);
        Ok(())
    }

    /// Whether every check is healthy, by id.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<String, bool> {
        self.by_id.values().map(|check| (check.id.clone(), self.healthy(check, LEVELS_MAX))).collect()
    }

    /// What a check amounts to. One that is disabled counts as passing; what watches itself counts as
    /// failing.
    fn healthy(&self, check: &HealthCheck, levels: usize) -> bool {
        let config = &check.config;
        let passing = match config.r#type.as_str() {
            _ if config.disabled == Some(true) => true,
            "CALCULATED" => {
                let child = |id: &&String| {
                    levels > 0 && self.by_id.get(*id).is_some_and(|child| self.healthy(child, levels - 1))
                };
                let healthy = config.children().iter().filter(child).count();
                healthy >= config.health_threshold.unwrap_or_default() as usize
            }
            _ => check.passing,
        };
        passing != (config.inverted == Some(true))
    }

    /// Everything that is to be checked at `now_ms`; each is due again an interval later.
    pub fn take_due(&mut self, now_ms: u64) -> Vec<Errand> {
        let unit_ms = self.interval_ms;
        let due = |check: &mut HealthCheck| {
            if check.due_ms > now_ms || !check.config.is_endpoint() {
                return None;
            }
            let interval = u64::from(check.config.request_interval.unwrap_or(INTERVAL_DEFAULT_S));
            check.due_ms = now_ms + (interval * unit_ms / 10).max(1);
            Some(Errand { id: check.id.clone(), config: check.config.clone() })
        };
        self.by_id.values_mut().filter_map(due).collect()
    }

    /// The next moment at which something is to be checked.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        self.by_id.values().filter(|check| check.config.is_endpoint()).map(|check| check.due_ms).min()
    }

    /// Counts a result: as many in a row as the threshold says turn the status. A check that is gone is
    /// forgotten.
    pub fn count(&mut self, id: &str, result: Result<String, String>, now_ms: u64) {
        let Some(check) = self.by_id.get_mut(id) else { return };
        let passed = result.is_ok();
        let words = match result {
            Ok(words) => format!("Success: {words}"),
            Err(words) => format!("Failure: {words}"),
        };
        check.last = Some((words, now_ms));
        check.contrary = if passed == check.passing { 0 } else { check.contrary + 1 };
        if check.contrary >= check.config.failure_threshold.unwrap_or(THRESHOLD_DEFAULT) {
            check.passing = passed;
            check.contrary = 0;
        }
    }

    /// Every check.
    #[must_use]
    pub fn all(&self) -> Vec<HealthCheck> {
        self.by_id.values().cloned().collect()
    }
}

impl HealthCheckConfig {
    /// The children of a calculated check.
    #[must_use]
    pub fn children(&self) -> &[String] {
        self.child_health_checks.as_ref().map_or(&[], |children| &children.child_health_check)
    }

    /// Whether an HTTP answer is asked for.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.r#type.starts_with("HTTP")
    }

    /// Whether it is asked for through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.r#type.starts_with("HTTPS")
    }

    /// Whether checkers look at it; a disabled check rests.
    #[must_use]
    pub fn is_endpoint(&self) -> bool {
        rules::ENDPOINT_TYPES.contains(&self.r#type.as_str()) && self.disabled != Some(true)
    }
}

fn no_such(id: &str) -> Refusal {
    let message = format!("A health check with id {id} does not exist.");
    Refusal::new(404, "NoSuchHealthCheck", message)
}

#[cfg(test)]
#[path = "health/tests.rs"]
mod tests;
