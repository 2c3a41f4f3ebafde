//! The APIs and their protocols: which API a request means, and how calls, replies and refusals of each are
//! written. It decides nothing about the world.

use http::request::Parts;

use super::{
    TARGET, balancing, ecs, json, metrics, permissions, query, rds, route53, scaling, signer, tokens,
};
use crate::world::call::{Call, Reply};
use crate::world::refusal::Refusal;
use crate::world::route53::Route53Call;

/// One API of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Rds,
    Ecs,
    Scaling,
    Balancing,
    Metrics,
    Tokens,
    Permissions,
    Route53,
}

/// How an API writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Form parameters in, XML out.
    Query,
    /// JSON both ways, the operation in a header.
    Json,
    /// CBOR both ways, the operation in the path.
    Cbor,
    /// XML both ways, the operation by method and path.
    RestXml,
}

impl Api {
    /// The API that a request to a regional endpoint means.
    pub(super) fn of(parts: &Parts, body: &[u8]) -> Api {
        let target = parts.headers.get(TARGET).and_then(|target| target.to_str().ok());
        if let Some(target) = target {
            return if target.starts_with(scaling::PREFIX) { Api::Scaling } else { Api::Ecs };
        }
        if parts.uri.path().starts_with("/service/") {
            return Api::Metrics;
        }
        let signed = signer::service(&parts.headers);
        let version = query::Form::read(body).text("Version");
        match (signed.as_deref(), version.as_deref()) {
            (_, Some(balancing::VERSION)) | (Some("elasticloadbalancing"), None) => Api::Balancing,
            (_, Some(tokens::VERSION)) | (Some("sts"), None) => Api::Tokens,
            (_, Some(permissions::VERSION)) | (Some("iam"), None) => Api::Permissions,
            _ => Api::Rds,
        }
    }

    /// The service's name in a signature.
    pub(super) const fn signing_name(self) -> &'static str {
        match self {
            Api::Rds => "rds",
            Api::Ecs => "ecs",
            Api::Scaling => "application-autoscaling",
            Api::Balancing => "elasticloadbalancing",
            Api::Metrics => "monitoring",
            Api::Tokens => "sts",
            Api::Permissions => "iam",
            Api::Route53 => "route53",
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Api::Rds | Api::Balancing | Api::Tokens | Api::Permissions => Family::Query,
            Api::Ecs | Api::Scaling => Family::Json,
            Api::Metrics => Family::Cbor,
            Api::Route53 => Family::RestXml,
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self.family() {
            Family::Query | Family::RestXml => "text/xml",
            Family::Json => "application/x-amz-json-1.1",
            Family::Cbor => "application/cbor",
        }
    }

    /// The namespace of an XML API's documents.
    const fn namespace(self) -> &'static str {
        match self {
            Api::Balancing => balancing::NAMESPACE,
            Api::Tokens => tokens::NAMESPACE,
            Api::Permissions => permissions::NAMESPACE,
            Api::Route53 => route53::NAMESPACE,
            Api::Rds | Api::Ecs | Api::Scaling | Api::Metrics => rds::NAMESPACE,
        }
    }

    /// Reads a call.
    pub(super) fn decode(self, parts: &Parts, body: &[u8]) -> Result<Call, Refusal> {
        let target = parts.headers.get(TARGET).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match self {
            Api::Rds => rds::decode(&query::Form::read(body)),
            Api::Ecs => ecs::decode(target, body),
            Api::Scaling => scaling::decode(target, body),
            Api::Balancing => balancing::decode(&query::Form::read(body)),
            Api::Metrics => metrics::decode(parts.uri.path(), body),
            Api::Tokens => tokens::decode(&query::Form::read(body)),
            Api::Permissions => permissions::decode(&query::Form::read(body)),
            Api::Route53 => route53::decode(&parts.method, &parts.uri, body),
        }
    }

    /// Writes a reply. A reply of another service cannot come: the world answers each call in kind.
    pub(super) fn encode(self, call: &Call, reply: &Reply, request_id: &str) -> Vec<u8> {
        let envelope = |result: String| {
            query::envelope(call.operation(), self.namespace(), &result, request_id).into_bytes()
        };
        match reply {
            Reply::Rds(reply) => envelope(rds::encode(reply)),
            Reply::Aurora(reply) => envelope(rds::encode_aurora(reply)),
            Reply::Balancing(targets) => envelope(balancing::encode(targets)),
            Reply::Tokens(reply) => envelope(tokens::encode(reply)),
            Reply::Permissions(evaluations) => envelope(permissions::encode(evaluations)),
            Reply::Ecs(reply) => ecs::encode(reply).into_bytes(),
            Reply::Scaling(reply) => scaling::encode(reply).into_bytes(),
            Reply::Metrics(series) => metrics::encode(series),
            Reply::Route53(reply) => route53::encode(call, reply).into_bytes(),
        }
    }

    /// The status of a reply.
    pub(super) const fn success(call: &Call) -> u16 {
        match call {
            Call::Route53(Route53Call::CreateHealthCheck { .. }) => 201,
            _ => 200,
        }
    }

    /// What this API calls a refusal that all of them have in common.
    pub(super) fn in_its_words(self, refusal: &Refusal) -> Refusal {
        let (status, code) = match (self.family(), refusal.code.as_str()) {
            (Family::Json | Family::Cbor, "ExpiredToken") => (400, "ExpiredTokenException"),
            (Family::Json | Family::Cbor, "InvalidClientTokenId") => (400, "UnrecognizedClientException"),
            (Family::Json | Family::Cbor, "MissingAuthenticationToken") => {
                (400, "MissingAuthenticationTokenException")
            }
            (Family::Json | Family::Cbor, "SignatureDoesNotMatch") => (400, "InvalidSignatureException"),
            _ => (refusal.status, refusal.code.as_str()),
        };
        Refusal::new(status, code, refusal.message.clone())
    }

    /// Writes a refusal.
    pub(super) fn encode_refusal(self, refusal: &Refusal, request_id: &str) -> Vec<u8> {
        match self.family() {
            Family::Json => json::refusal(refusal).into_bytes(),
            Family::Cbor => metrics::encode_refusal(refusal),
            // Route 53 knows a path or it does not; this is all it says then.
            Family::RestXml if refusal.code == route53::UNKNOWN_OPERATION => {
                b"<UnknownOperationException/>".to_vec()
            }
            Family::Query | Family::RestXml => {
                query::refusal(self.namespace(), refusal, request_id).into_bytes()
            }
        }
    }
}
