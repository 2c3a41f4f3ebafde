//! STS's calls and replies in the query protocol.

use super::escape;
use super::query::{Form, unknown_action};
use crate::world::call::Call;
use crate::world::refusal::Refusal;
use crate::world::rfc3339;
use crate::world::tokens::{SECONDS_DEFAULT, TokensCall, TokensReply};

pub(super) const VERSION: &str = "2011-06-15";
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Reads a call.
pub(super) fn decode(form: &Form) -> Result<Call, Refusal> {
    Ok(Call::Tokens(match form.action()?.as_str() {
        "AssumeRole" => TokensCall::AssumeRole {
            role: form.required("RoleArn")?,
            session: form.required("RoleSessionName")?,
            external_id: form.text("ExternalId"),
            seconds: form.number("DurationSeconds")?.unwrap_or(SECONDS_DEFAULT),
        },
        "GetCallerIdentity" => TokensCall::GetCallerIdentity,
        other => return Err(unknown_action(other, VERSION)),
    }))
}

/// Writes a reply's result.
pub(super) fn encode(reply: &TokensReply) -> String {
    match reply {
        TokensReply::Session(session) => {
            let (key, secret, token) = (&session.access_key, &session.secret_key, &session.token);
            let (expires, arn) = (rfc3339(session.expires_ms), session.arn());
            let (arn, name) = (escape(&arn), escape(&session.name));
            format!(
                "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
                 <SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>\
                 <AssumedRoleUser><AssumedRoleId>AROAQUORATESANDBOX:{name}</AssumedRoleId><Arn>{arn}</Arn>\
                 </AssumedRoleUser>"
            )
        }
        TokensReply::Identity { account, arn, user } => {
            let (arn, user) = (escape(arn), escape(user));
            format!("<Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account>")
        }
    }
}
