//! Who signed a request, and for what. The signature itself is not checked, but its scope is where AWS does:
//! a client that is pointed at the wrong region must notice.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::api::Api;
use super::permissions;
use crate::world::refusal::Refusal;

/// Key, region and service of a signature.
fn scope(headers: &HeaderMap) -> Option<(&str, &str, &str)> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split("Credential=").nth(1)?.split(',').next()?;
    let fields: Vec<&str> = scope.trim().split('/').collect();
    match fields[..] {
        [access_key, _date, region, service, "aws4_request"] => Some((access_key, region, service)),
        _ => None,
    }
}

/// The service that a request is signed for.
pub(super) fn service(headers: &HeaderMap) -> Option<String> {
    scope(headers).map(|(_, _, service)| service.to_owned())
}

/// The session token that comes with a temporary key.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-security-token").and_then(|token| token.to_str().ok())
}

/// The access key id that signed a request for this API in this region.
pub(super) fn access_key(api: Api, headers: &HeaderMap, region: &str) -> Result<String, Refusal> {
    let missing =
        || Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
    let (access_key, signed_region, signed_service) = scope(headers).ok_or_else(missing)?;
    // Route 53's region is whatever the client has, as its endpoint is given by hand here.
    let right_region = match api {
        Api::Route53 => true,
        // IAM is global too, but answers where its one control plane stands.
        Api::Permissions => signed_region == region && region == permissions::REGION,
        Api::Rds | Api::Ecs | Api::Scaling | Api::Balancing | Api::Metrics | Api::Tokens => {
            signed_region == region
        }
    };
    if right_region && signed_service == api.signing_name() {
        return Ok(access_key.to_owned());
    }
    let service = api.signing_name();
    let message = format!(
        "Credential should be scoped to '{region}/{service}', not '{signed_region}/{signed_service}'."
    );
    Err(Refusal::new(403, "SignatureDoesNotMatch", message))
}
