//! Faults of single operations, set by the control API: replies that are held back, and calls that fail.
//! Pure: it says what should happen to a call, and the servers wait and answer.

use serde::{Deserialize, Serialize};

use crate::world::aurora::AuroraCall;
use crate::world::balancing::BalancingCall;
use crate::world::compute::EcsCall;
use crate::world::metrics::MetricsCall;
use crate::world::permissions::PermissionsCall;
use crate::world::rds::RdsCall;
use crate::world::refusal::Refusal;
use crate::world::route53::Route53Call;
use crate::world::scaling::ScalingCall;
use crate::world::tokens::TokensCall;

/// When a held call takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applies {
    /// Before the wait: the change stands, and the caller waits for the reply.
    #[default]
    Before,
    /// After the wait, even if the caller has gone by then: a late write.
    After,
}

/// Holds back replies of an operation, until it is replaced or removed with `ms: 0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The operation, or `*` for every one.
    pub operation: String,
    /// The endpoint's region; all if it is left out.
    #[serde(default)]
    pub region: Option<String>,
    /// For how long, in milliseconds; 0 removes the hold.
    pub ms: u64,
    /// When the call takes effect.
    #[serde(default)]
    pub applies: Applies,
}

/// Fails the next calls of an operation, which change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The operation, or `*` for every one.
    pub operation: String,
    /// The endpoint's region; all if it is left out.
    #[serde(default)]
    pub region: Option<String>,
    /// The wire code to answer, such as `PriorRequestNotComplete`; or `throttling`, `unavailable` or
    /// `internal` for what the operation's own service says then.
    pub code: String,
    /// The HTTP status; 500 or 503 for AWS's internal codes and 400 otherwise if it is left out.
    #[serde(default)]
    pub status: Option<u16>,
    /// How many calls fail; 0 removes the failure.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// What becomes of a call whose connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// The connection is closed before the call takes effect.
    Reset,
    /// The call takes effect, and the connection is closed without a reply.
    Lost,
    /// The call takes effect, and half of the reply's body is sent.
    Truncated,
}

/// Breaks the connections of the next calls of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The operation, or `*` for every one.
    pub operation: String,
    /// The endpoint's region; all if it is left out.
    #[serde(default)]
    pub region: Option<String>,
    /// How it breaks.
    pub how: Manner,
    /// How many calls it befalls; 0 removes it.
    #[serde(default = "once")]
    pub times: u32,
}

/// Stands for every operation.
const ANY: &str = "*";

/// Ten minutes: longer than any client waits.
pub const HOLD_MS_MAX: u64 = 600_000;

/// The operations of the status page.
const STATUS_PAGE: &[&str] = &["CreateIncident", "UpdateIncident", "UpdateComponent"];

/// Every operation that can be held or failed, by service.
pub const OPERATIONS: [&[&str]; 10] = [
    RdsCall::OPERATIONS,
    AuroraCall::OPERATIONS,
    EcsCall::OPERATIONS,
    ScalingCall::OPERATIONS,
    BalancingCall::OPERATIONS,
    MetricsCall::OPERATIONS,
    TokensCall::OPERATIONS,
    PermissionsCall::OPERATIONS,
    Route53Call::OPERATIONS,
    STATUS_PAGE,
];

/// What is set, at most one of each kind for each operation and region.
#[derive(Debug, Clone, Default)]
pub struct Interference {
    holds: Vec<Hold>,
    failures: Vec<Failure>,
    breaks: Vec<Break>,
}

impl Interference {
    /// Sets, replaces or removes a hold.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn hold(&mut self, hold: Hold) -> Result<(), String> {
        known(&hold.operation)?;
        if hold.ms > HOLD_MS_MAX {
            return Err(format!("ms is at most {HOLD_MS_MAX}"));
        }
        self.holds.retain(|other| (&other.operation, &other.region) != (&hold.operation, &hold.region));
        if hold.ms > 0 {
            self.holds.push(hold);
        }
        Ok(())
    }

    /// Sets, replaces or removes a failure.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn fail(&mut self, failure: Failure) -> Result<(), String> {
        known(&failure.operation)?;
        if failure.status.is_some_and(|status| !(400..600).contains(&status)) {
            return Err("status is within 400 to 599".into());
        }
        if failure.code.is_empty() || !failure.code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
            return Err(format!("code `{}` is not a wire code", failure.code));
        }
        self.failures
            .retain(|other| (&other.operation, &other.region) != (&failure.operation, &failure.region));
        if failure.times > 0 {
            self.failures.push(failure);
        }
        Ok(())
    }

    /// Sets, replaces or removes a break.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn break_off(&mut self, asked: Break) -> Result<(), String> {
        known(&asked.operation)?;
        self.breaks.retain(|other| (&other.operation, &other.region) != (&asked.operation, &asked.region));
        if asked.times > 0 {
            self.breaks.push(asked);
        }
        Ok(())
    }

    /// Uses up one break for a call, if one is set.
    pub fn take_break(&mut self, operation: &str, region: &str) -> Option<Manner> {
        let befalls =
            |each: &Break| names(&each.operation, operation) && covers(each.region.as_ref(), region);
        let index = self.breaks.iter().position(befalls)?;
        let found = &mut self.breaks[index];
        let how = found.how;
        found.times -= 1;
        if found.times == 0 {
            self.breaks.remove(index);
        }
        Some(how)
    }

    /// The hold for a call, if one is set.
    #[must_use]
    pub fn hold_for(&self, operation: &str, region: &str) -> Option<&Hold> {
        self.holds
            .iter()
            .find(|hold| names(&hold.operation, operation) && covers(hold.region.as_ref(), region))
    }

    /// Uses up one failure for a call, if one is set.
    pub fn take_failure(&mut self, service: &str, operation: &str, region: &str) -> Option<Refusal> {
        let index = self.failures.iter().position(|failure| {
            names(&failure.operation, operation) && covers(failure.region.as_ref(), region)
        })?;
        let failure = &mut self.failures[index];
        failure.times -= 1;
        let code = code_of(service, &failure.code);
        let status = failure.status.unwrap_or(match (service, code) {
            (_, "InternalFailure" | "InternalError" | "ServerException" | "InternalServiceException") => 500,
            (_, "InternalServiceFault") => 500,
            (_, "ServiceUnavailable") => 503,
            ("statuspage", "Throttling") => 429,
            _ => 400,
        });
        let refusal = Refusal::new(status, code, "injected by the sandbox");
        if failure.times == 0 {
            self.failures.remove(index);
        }
        Some(refusal)
    }

    /// What is set, for display.
    #[must_use]
    pub fn listing(&self) -> (Vec<Hold>, Vec<Failure>, Vec<Break>) {
        (self.holds.clone(), self.failures.clone(), self.breaks.clone())
    }
}

/// What a service calls a fault that every one of them has.
fn code_of<'a>(service: &str, code: &'a str) -> &'a str {
    match (code, service) {
        ("throttling", "ecs" | "application-autoscaling") => "ThrottlingException",
        ("throttling", _) => "Throttling",
        ("unavailable", _) => "ServiceUnavailable",
        ("internal", "ecs") => "ServerException",
        ("internal", "application-autoscaling") => "InternalServiceException",
        ("internal", "cloudwatch") => "InternalServiceFault",
        ("internal", "route53") => "InternalError",
        ("internal", _) => "InternalFailure",
        (code, _) => code,
    }
}

/// Whether a rule's operation means this one.
fn names(rule: &str, operation: &str) -> bool {
    rule == ANY || rule == operation
}

fn covers(rule: Option<&String>, region: &str) -> bool {
    rule.is_none_or(|rule| rule == region)
}

fn known(operation: &str) -> Result<(), String> {
    let message = || format!("unknown operation `{operation}`: one of {}", OPERATIONS.concat().join(", "));
    (operation == ANY || OPERATIONS.concat().contains(&operation)).then_some(()).ok_or_else(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(times: u32) -> Failure {
        let (operation, code) = ("GetChange".into(), "Throttling".into());
        Failure { operation, region: None, code, status: None, times }
    }

    /// Goal: a failure is used up call by call, and only by its own operation.
    /// Method: set two and take three.
    #[test]
    fn failures_are_used_up() {
        let mut interference = Interference::default();
        interference.fail(failure(2)).unwrap();
        let mut take = |operation| interference.take_failure("route53", operation, "global");
        assert_eq!(take("UpdateService"), None);
        assert_eq!(take("GetChange").unwrap().status, 400);
        assert!(take("GetChange").is_some());
        assert_eq!(take("GetChange"), None);
    }

    /// Goal: a fault by its kind has each service's own code and status.
    /// Method: the same rule for every operation, taken by each service.
    #[test]
    fn faults_by_kind_have_each_services_code() {
        let mut interference = Interference::default();
        let mut taken = |code: &str, service: &str| {
            interference.fail(Failure { operation: "*".into(), code: code.into(), ..failure(1) }).unwrap();
            let refusal = interference.take_failure(service, "Any", "us-east-1").unwrap();
            (refusal.status, refusal.code)
        };
        let is = |status, code: &str| (status, code.to_owned());
        assert_eq!(taken("throttling", "rds"), is(400, "Throttling"));
        assert_eq!(taken("throttling", "ecs"), is(400, "ThrottlingException"));
        assert_eq!(taken("throttling", "route53"), is(400, "Throttling"));
        assert_eq!(taken("unavailable", "sts"), is(503, "ServiceUnavailable"));
        assert_eq!(taken("internal", "ecs"), is(500, "ServerException"));
        assert_eq!(taken("internal", "route53"), is(500, "InternalError"));
        assert_eq!(taken("PriorRequestNotComplete", "route53"), is(400, "PriorRequestNotComplete"));
    }

    /// Goal: a hold covers its region alone and is removed with 0; unknown operations and bad numbers are
    /// refused.
    /// Method: set, ask, remove, and try what is wrong.
    #[test]
    fn holds_cover_their_region() {
        let mut interference = Interference::default();
        let hold = |ms| Hold {
            operation: "PromoteReadReplica".into(),
            region: Some("us-west-2".into()),
            ms,
            applies: Applies::Before,
        };
        interference.hold(hold(50)).unwrap();
        assert!(interference.hold_for("PromoteReadReplica", "us-west-2").is_some());
        assert!(interference.hold_for("PromoteReadReplica", "us-east-1").is_none());
        interference.hold(hold(0)).unwrap();
        assert!(interference.hold_for("PromoteReadReplica", "us-west-2").is_none());
        assert!(interference.hold(hold(HOLD_MS_MAX + 1)).is_err());
        assert!(interference.fail(Failure { operation: "RunInstances".into(), ..failure(1) }).is_err());
        assert!(interference.fail(Failure { status: Some(200), ..failure(1) }).is_err());
        assert!(interference.fail(Failure { code: "<x>".into(), ..failure(1) }).is_err());
    }
}
