//! What a reply says on the wire: the code and the status of a refusal, which are AWS's promise, and never its words,
//! which are not.

use std::fmt::Debug;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Expects AWS's refusal with this code and status.
#[track_caller]
pub(crate) fn refused<T, E>(result: Result<T, SdkError<E, HttpResponse>>, code: &str, status: u16)
where
    T: Debug,
    E: ProvideErrorMetadata + Debug,
{
    assert_eq!(outcome(result), format!("{code} {status}"));
}

/// The refusal as `Code status`, or `accepted`.
#[track_caller]
pub(crate) fn outcome<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> String
where
    T: Debug,
    E: ProvideErrorMetadata + Debug,
{
    let Err(error) = result else { return "accepted".into() };
    let Some(reply) = error.raw_response() else { panic!("no reply: {error:?}") };
    let status = reply.status().as_u16();
    let code = error.as_service_error().and_then(|refusal| refusal.code()).unwrap_or("no code");
    format!("{code} {status}")
}
