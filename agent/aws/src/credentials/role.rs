//! A role of another account as a source of credentials: `sts:AssumeRole` at one region's own STS, with the external
//! id that the plan names and a session that is named after the execution. Never the global endpoint, which is one
//! region's.
//!
//! - **IAM:** `sts:AssumeRole` on the role; the role's trust policy names the agent's role and, if it asks for one,
//!   the external id.
//! - **Called in:** the region whose API is called next, so that no third region is needed; for Route 53 the agent's
//!   own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use quorate_policies::effect::AssumeRole;

use crate::fault::{Call, Fault};

/// One hour: the longest that every role allows, and the longest that a chain of roles may last.
const SESSION_S: i32 = 3_600;
/// STS refuses longer names.
const NAME_CHARS_MAX: usize = 64;

/// Whom the next session is named after. CloudTrail shows it beside every call.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    name: Arc<Mutex<String>>,
}

/// Assumes one role in one region.
#[derive(Debug)]
pub(crate) struct Role {
    client: aws_sdk_sts::Client,
    region: String,
    role: AssumeRole,
    session: Session,
}

impl Session {
    /// A session for the execution.
    pub(crate) fn new(execution: &str) -> Self {
        Session { name: Arc::new(Mutex::new(session_name(execution))) }
    }

    /// Names the next session; says whether that is another name than before.
    pub(crate) fn rename(&self, execution: &str) -> bool {
        let name = session_name(execution);
        let mut present = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        let renamed = *present != name;
        *present = name;
        renamed
    }

    fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A name in the characters that STS takes: letters, digits and `_+=,.@-`.
fn session_name(execution: &str) -> String {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    let name = format!("quorate-{execution}");
    name.chars().map(|letter| if allowed(letter) { letter } else { '-' }).take(NAME_CHARS_MAX).collect()
}

impl Role {
    /// The role, to be assumed by this client, which is the region's own STS.
    pub(crate) const fn new(
        client: aws_sdk_sts::Client,
        region: String,
        role: AssumeRole,
        session: Session,
    ) -> Self {
        Role { client, region, role, session }
    }

    async fn assume(&self) -> provider::Result {
        let request = self
            .client
            .assume_role()
            .role_arn(&self.role.arn)
            .set_external_id(self.role.external_id.clone())
            .role_session_name(self.session.name())
            .duration_seconds(SESSION_S);
        let call =
            Call { operation: "sts:AssumeRole", region: self.region.clone(), id: self.role.arn.clone() };
        let reply = request.send().await;
        let reply = reply.map_err(|error| CredentialsError::provider_error(Fault::new(call, &error)))?;
        let Some(keys) = reply.credentials() else {
            return Err(CredentialsError::unhandled("STS answered without credentials"));
        };
        // A life that cannot be read as a time would have to count as none.
        let expiry = SystemTime::try_from(*keys.expiration()).map_err(CredentialsError::unhandled)?;
        let (id, secret, token) = (keys.access_key_id(), keys.secret_access_key(), keys.session_token());
        Ok(Credentials::new(id, secret, Some(token.to_owned()), Some(expiry), "AssumeRole"))
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every execution gives a name that STS takes, and a second execution another one. Method: awkward ids.
    #[test]
    fn sessions_are_named_after_the_execution() {
        assert_eq!(session_name("shop-17"), "quorate-shop-17");
        assert_eq!(session_name("shop/17 ä"), "quorate-shop-17--");
        assert_eq!(session_name(&"x".repeat(100)).len(), NAME_CHARS_MAX);
        let session = Session::new("one");
        assert!(!session.rename("one"));
        assert!(session.rename("two"));
        assert_eq!(session.name(), "quorate-two");
    }
}
