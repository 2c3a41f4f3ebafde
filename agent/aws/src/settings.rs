//! What can be set about the way to AWS: whose credentials, which endpoints, how long to wait. Plain values with
//! the SDK's words kept out, so that the agent's configuration can be read without it. Nothing here calls AWS.

use std::fmt;
use std::time::Duration;

use quorate_policies::document::AwsEndpoints;

/// A healthy AWS endpoint accepts a connection within a few tens of milliseconds in its own region and 300 ms
/// across an ocean; the SDK's own 3.1 s would let one dead address eat a whole attempt.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The calls used here answer within 2 s on a bad day. The SDK sets no such limit: a hung reply was measured to
/// last over 45 s. A mutating call that passes it is unknown, which costs one observation, so short is right.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Room for two attempts that hang, their back-off, and most of a third.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// How AWS is reached from one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// The agent's own region. It is where credentials are asked for (regional STS) and it names the partition.
    /// Set here so that it is never asked of the instance metadata service, which costs 3 s when that hangs.
    pub region: String,
    /// Endpoints other than AWS's own: an emulator's, a proxy's or a private endpoint's.
    pub endpoints: AwsEndpoints,
    /// Fixed credentials; `None` means the standard chain: environment, profile, web identity, container, instance.
    pub credentials: Option<StaticCredentials>,
    /// Limits of each call.
    pub timeouts: Timeouts,
}

impl AwsSettings {
    /// AWS itself, with the standard credential chain and the default limits.
    #[must_use]
    pub fn new(region: impl Into<String>) -> Self {
        AwsSettings {
            region: region.into(),
            endpoints: AwsEndpoints::default(),
            credentials: None,
            timeouts: Timeouts::default(),
        }
    }
}

/// Fixed credentials, for emulators and for break-glass use. Their `Debug` shows the key's id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// The access key's id; not a secret.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StaticCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Limits of one call on AWS. They hold `connect < attempt <= operation`, checked when made (R29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    connect: Duration,
    attempt: Duration,
    operation: Duration,
}

/// Why limits are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("0 < connect {connect:?} < attempt {attempt:?} <= operation {operation:?} does not hold")]
pub struct TimeoutsError {
    connect: Duration,
    attempt: Duration,
    operation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: CONNECT_TIMEOUT, attempt: ATTEMPT_TIMEOUT, operation: OPERATION_TIMEOUT }
    }
}

impl Timeouts {
    /// Takes the limit of connecting, of one attempt from its start to the end of its reply, and of the whole
    /// call with all its attempts. A mutating call has one attempt.
    ///
    /// # Errors
    /// If `0 < connect < attempt <= operation` does not hold.
    pub const fn new(
        connect: Duration,
        attempt: Duration,
        operation: Duration,
    ) -> Result<Self, TimeoutsError> {
        let (c, a, o) = (connect.as_nanos(), attempt.as_nanos(), operation.as_nanos());
        if 0 < c && c < a && a <= o {
            Ok(Timeouts { connect, attempt, operation })
        } else {
            Err(TimeoutsError { connect, attempt, operation })
        }
    }

    /// The limit of connecting.
    #[must_use]
    pub const fn connect(&self) -> Duration {
        self.connect
    }

    /// The limit of one attempt.
    #[must_use]
    pub const fn attempt(&self) -> Duration {
        self.attempt
    }

    /// The limit of a whole call.
    #[must_use]
    pub const fn operation(&self) -> Duration {
        self.operation
    }

    /// How long a call waits for credentials if there are none, which happens inside an attempt: two thirds of one
    /// (2 s), so that a hung credential source is reported as such and not as a mutating call of unknown outcome. A
    /// call that finds credentials waits for nobody.
    #[must_use]
    pub fn credentials(&self) -> Duration {
        self.attempt * 2 / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: limits that contradict each other are refused and the defaults are not. Method: a table.
    #[test]
    fn limits_hold_their_order() {
        let made = |connect, attempt, operation| {
            let ms = Duration::from_millis;
            Timeouts::new(ms(connect), ms(attempt), ms(operation)).is_ok()
        };
        assert!(
            Timeouts::new(CONNECT_TIMEOUT, ATTEMPT_TIMEOUT, OPERATION_TIMEOUT) == Ok(Timeouts::default())
        );
        assert!(made(1, 2, 2));
        assert!(!made(0, 2, 8));
        assert!(!made(2, 2, 8));
        assert!(!made(1, 9, 8));
        assert!(Timeouts::default().credentials() < ATTEMPT_TIMEOUT);
    }

    /// Goal: settings can be logged. Method: print them and look for the secrets.
    #[test]
    fn debug_shows_no_secret() {
        let mut settings = AwsSettings::new("eu-west-1");
        settings.credentials = Some(StaticCredentials {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: "hush-hush".into(),
            session_token: Some("token-token".into()),
        });
        let shown = format!("{settings:?}");
        assert!(shown.contains("AKIAEXAMPLE"), "{shown}");
        assert!(!shown.contains("hush-hush") && !shown.contains("token-token"), "{shown}");
    }
}
