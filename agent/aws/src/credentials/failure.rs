//! Says why a source failed, without a secret: only texts that are known to hold none are passed on, and of answers
//! only the wire code. Messages of profiles and endpoints may repeat what they read.

use std::error::Error;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::fault::Fault;

/// Eight causes: deeper than any source nests them.
const CAUSES_MAX: usize = 8;

/// The failure as one line.
pub(super) fn why(error: &CredentialsError) -> String {
    let first: &(dyn Error + 'static) = error;
    let chain = std::iter::successors(Some(first), |cause: &&(dyn Error + 'static)| (*cause).source());
    let mut words: Vec<String> = chain.take(CAUSES_MAX).filter_map(public).collect();
    words.dedup();
    words.join(": ")
}

/// The text of a cause whose texts are fixed words, or made fit for logs by `fault`.
fn public(cause: &(dyn Error + 'static)) -> Option<String> {
    let code = |code: Option<&str>| code.map_or("STS answered without a code".to_owned(), str::to_owned);
    if cause.is::<CredentialsError>() || cause.is::<ConnectorError>() || cause.is::<ImdsError>() {
        return Some(cause.to_string());
    }
    if let Some(fault) = cause.downcast_ref::<Fault>() {
        return Some(fault.to_string());
    }
    if let Some(error) = cause.downcast_ref::<AssumeRoleError>() {
        return Some(code(error.code()));
    }
    cause.downcast_ref::<AssumeRoleWithWebIdentityError>().map(|error| code(error.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a profile or an endpoint wrote into its error is not passed on. Method: a secret in the cause.
    #[test]
    fn no_secret_passes() {
        let error = CredentialsError::provider_error("could not read `aws_secret_access_key = hush`");
        assert_eq!(why(&error), "an error occurred while loading credentials");
        let error = CredentialsError::provider_error(CredentialsError::not_loaded("token hush"));
        assert!(!why(&error).contains("hush"), "{}", why(&error));
    }
}
