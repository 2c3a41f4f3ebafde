//! STS: sessions of roles, and who a caller is. What a role may do is not modelled; whether it may be
//! assumed, and for how long its keys hold, is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::World;
use super::call::{Caller, operations};
use super::database::ACCOUNT;
use super::refusal::Refusal;

/// One call of STS.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TokensCall {
    /// Begins a session of a role.
    AssumeRole {
        /// The role's ARN.
        role: String,
        /// The session's name.
        session: String,
        /// What the role's trust policy may ask for.
        external_id: Option<String>,
        /// How long the session's keys hold, in seconds.
        seconds: u64,
    },
    /// Asks who the caller is.
    GetCallerIdentity,
}

operations!(TokensCall {
    TokensCall::AssumeRole { .. } => "AssumeRole",
    TokensCall::GetCallerIdentity => "GetCallerIdentity",
});

/// What STS answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokensReply {
    /// A session and its keys.
    Session(Session),
    /// Account, ARN and user id.
    Identity {
        /// The caller's account.
        account: String,
        /// The caller's ARN.
        arn: String,
        /// The caller's id.
        user: String,
    },
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The role's ARN.
    pub role: String,
    /// The session's name.
    pub name: String,
    /// Its access key id, which begins with `ASIA`.
    pub access_key: String,
    /// Its secret key. Signatures are not checked here, so nothing looks at it again.
    pub secret_key: String,
    /// The token that must come with the key.
    pub token: String,
    /// When both expire, in milliseconds.
    pub expires_ms: u64,
}

impl Session {
    /// The ARN of the role's session.
    #[must_use]
    pub fn arn(&self) -> String {
        let (account, role) = role_parts(&self.role).unwrap_or_default();
        format!("arn:aws:sts::{account}:assumed-role/{role}/{}", self.name)
    }
}

/// Sessions, by access key id, and what may be assumed.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    sessions: BTreeMap<String, Session>,
    /// Roles that can be assumed, each with the external id that its trust policy asks for; any role without
    /// any.
    roles: BTreeMap<String, Option<String>>,
}

/// A thousand sessions: a refresh every few minutes for a day. The first to expire goes first.
const SESSIONS_MAX: usize = 1_000;
/// STS's own range of a session's length, in seconds.
const SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;
/// One hour: a session's length if it is not told.
pub const SECONDS_DEFAULT: u64 = 3_600;

impl Tokens {
    /// No sessions. `roles` can be assumed, each with its external id if it has one.
    #[must_use]
    pub fn new(roles: BTreeMap<String, Option<String>>) -> Self {
        Tokens { sessions: BTreeMap::new(), roles }
    }

    /// Judges a temporary key; other keys are their owner's own business.
    ///
    /// # Errors
    /// `InvalidClientTokenId`, `ExpiredToken`. The wire gives them each protocol's name.
    pub fn check(&self, access_key: &str, token: Option<&str>, now_ms: u64) -> Result<(), Refusal> {
        if !access_key.starts_with("ASIA") {
            return Ok(());
        }
        match self.sessions.get(access_key) {
            Some(session) if token == Some(session.token.as_str()) && now_ms < session.expires_ms => Ok(()),
            Some(session) if token == Some(session.token.as_str()) => Err(Refusal::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            )),
            _ => Err(Refusal::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )),
        }
    }

    /// Whether there is such a role; any, if none is told.
    #[must_use]
    pub fn knows(&self, role: &str) -> bool {
        self.roles.contains_key(role) || (self.roles.is_empty() && role_parts(role).is_some())
    }

    /// The role of a key, empty for a key that belongs to none.
    #[must_use]
    pub fn role_of(&self, access_key: &str) -> String {
        self.sessions.get(access_key).map(|session| session.role.clone()).unwrap_or_default()
    }

    fn admit(&self, role: &str, external_id: Option<&str>, caller: &str) -> Result<(), Refusal> {
        let admitted = match self.roles.get(role) {
            Some(wanted) => wanted.is_none() || wanted.as_deref() == external_id,
            None => self.roles.is_empty(),
        };
        // STS does not tell a wrong external id from a role that does not exist.
        let message =
            || format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
        admitted.then_some(()).ok_or_else(|| Refusal::new(403, "AccessDenied", message()))
    }

    fn remember(&mut self, session: Session) {
        if self.sessions.len() == SESSIONS_MAX {
            let oldest = self.sessions.values().min_by_key(|session| session.expires_ms);
            if let Some(key) = oldest.map(|session| session.access_key.clone()) {
                self.sessions.remove(&key);
            }
        }
        self.sessions.insert(session.access_key.clone(), session);
    }
}

/// Account and name of a role's ARN.
fn role_parts(arn: &str) -> Option<(&str, &str)> {
    let (account, role) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let plain = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !role.is_empty();
    plain.then(|| (account, role.rsplit('/').next().unwrap_or(role)))
}

impl World {
    /// The reply to a call of STS.
    pub(super) fn call_tokens(
        &mut self,
        caller: &Caller,
        call: &TokensCall,
        now_ms: u64,
    ) -> Result<TokensReply, Refusal> {
        let (user, arn) = match self.tokens.sessions.get(&caller.access_key) {
            Some(session) => (format!("AROAQUORATESANDBOX:{}", session.name), session.arn()),
            None => ("AIDAQUORATESANDBOX".to_owned(), format!("arn:aws:iam::{ACCOUNT}:user/quorate")),
        };
        let TokensCall::AssumeRole { role, session, external_id, seconds } = call else {
            let account = arn.split(':').nth(4).unwrap_or(ACCOUNT).to_owned();
            return Ok(TokensReply::Identity { account, arn, user });
        };
        if role_parts(role).is_none() {
            return Err(Refusal::bad("ValidationError", format!("{role} is invalid")));
        }
        if !SECONDS.contains(seconds) {
            let message = "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: \
                           Member must have value between 900 and 43200";
            return Err(Refusal::bad("ValidationError", message));
        }
        self.tokens.admit(role, external_id.as_deref(), &arn)?;
        let session = Session {
            role: role.clone(),
            name: session.clone(),
            access_key: self.identifiers.temporary_key(),
            secret_key: self.identifiers.secret(),
            token: self.identifiers.secret().repeat(4),
            expires_ms: now_ms + seconds * 1_000,
        };
        self.tokens.remember(session.clone());
        Ok(TokensReply::Session(session))
    }
}
