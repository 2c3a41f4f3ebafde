//! AWS on the wire: it takes a signed request apart, lets the world decide, and dresses the answer in the
//! protocol's shape. One endpoint per region speaks RDS (query) and ECS (JSON); Route 53 (REST XML) is
//! global.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::options::GLOBAL;
use crate::stage::Stage;
use crate::world::call::{Call, Caller, Reply};
use crate::world::refusal::Refusal;

mod ecs;
mod rds;
mod route53;

/// 1 MiB: Route 53's largest batch is 32,000 characters of values and some markup.
const BODY_BYTES_MAX: usize = 1 << 20;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A wire protocol: how calls are read, and how replies and refusals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Rds,
    Ecs,
    Route53,
}

/// The endpoint of one region.
#[derive(Debug, Clone)]
struct Endpoint {
    stage: Arc<Stage>,
    region: String,
}

/// RDS and ECS of one region.
pub(crate) fn regional(stage: &Arc<Stage>, region: &str) -> Router {
    let endpoint = Endpoint { stage: Arc::clone(stage), region: region.into() };
    Router::new().fallback(answer_regional).with_state(endpoint)
}

/// Route 53.
pub(crate) fn global(stage: &Arc<Stage>) -> Router {
    let endpoint = Endpoint { stage: Arc::clone(stage), region: GLOBAL.into() };
    Router::new().fallback(answer_global).with_state(endpoint)
}

async fn answer_regional(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let protocol = if request.headers().contains_key(TARGET) { Protocol::Ecs } else { Protocol::Rds };
    endpoint.answer(protocol, request).await
}

async fn answer_global(State(endpoint): State<Endpoint>, request: Request) -> Response {
    endpoint.answer(Protocol::Route53, request).await
}

impl Endpoint {
    async fn answer(self, protocol: Protocol, request: Request) -> Response {
        let request_id = self.stage.request_id();
        let decided = self.decide(protocol, request).await;
        let (status, body) = match &decided {
            Ok((call, reply)) => (200, protocol.encode(call, reply, &request_id)),
            Err(refusal) => (refusal.status, protocol.encode_refusal(refusal, &request_id)),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.content_type()));
        headers.insert(REQUEST_ID, HeaderValue::from_str(&request_id).expect("a UUID is a header value"));
        response
    }

    async fn decide(&self, protocol: Protocol, request: Request) -> Result<(Call, Reply), Refusal> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
            Refusal::new(413, "RequestEntityTooLarge", format!("the body could not be read: {error}"))
        })?;
        let access_key = signer(protocol, &parts.headers, &self.region)?;
        let call = match protocol {
            Protocol::Rds => rds::decode(&body)?,
            Protocol::Ecs => {
                ecs::decode(parts.headers.get(TARGET).and_then(|value| value.to_str().ok()), &body)?
            }
            Protocol::Route53 => route53::decode(&parts.method, &parts.uri, &body)?,
        };
        let caller = Caller { region: self.region.clone(), access_key };
        // On a task of its own: a call that has reached AWS is carried out even if its caller dies meanwhile.
        let stage = Arc::clone(&self.stage);
        let (stop, done) = (stage.stop.clone(), self.stage.tasks.clone());
        let carried_out = done.spawn(stop.run_until_cancelled_owned(async move {
            let reply = stage.call(&caller, &call).await?;
            Ok((call, reply))
        }));
        let stopped = || Err(Refusal::new(503, "ServiceUnavailable", "the sandbox is shutting down"));
        carried_out.await.ok().flatten().unwrap_or_else(stopped)
    }
}

impl Protocol {
    fn content_type(self) -> &'static str {
        match self {
            Protocol::Rds | Protocol::Route53 => "text/xml",
            Protocol::Ecs => "application/x-amz-json-1.1",
        }
    }

    fn encode(self, call: &Call, reply: &Reply, request_id: &str) -> String {
        match self {
            Protocol::Rds => rds::encode(call, reply, request_id),
            Protocol::Ecs => ecs::encode(reply),
            Protocol::Route53 => route53::encode(call, reply),
        }
    }

    fn encode_refusal(self, refusal: &Refusal, request_id: &str) -> String {
        match self {
            Protocol::Rds => xml_refusal("http://rds.amazonaws.com/doc/2014-10-31/", refusal, request_id),
            Protocol::Ecs => ecs::encode_refusal(refusal),
            // Route 53 knows a path or it does not; this is all it says then.
            Protocol::Route53 if refusal.code == route53::UNKNOWN_OPERATION => {
                "<UnknownOperationException/>".into()
            }
            Protocol::Route53 => xml_refusal(route53::NAMESPACE, refusal, request_id),
        }
    }
}

/// The access key id that signed a request. The signature itself is not checked, but its scope is where AWS
/// does: a client that is pointed at the wrong region must notice.
fn signer(protocol: Protocol, headers: &HeaderMap, region: &str) -> Result<String, Refusal> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = header.split("Credential=").nth(1).and_then(|rest| rest.split(',').next());
    let fields: Vec<&str> = scope.unwrap_or_default().trim().split('/').collect();
    let [access_key, _date, signed_region, signed_service, "aws4_request"] = fields[..] else {
        return Err(match protocol {
            Protocol::Ecs => {
                Refusal::bad("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            Protocol::Rds | Protocol::Route53 => {
                Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
        });
    };
    // Route 53's region is whatever the client has, as its endpoint is given by hand here.
    let (service, right_region) = match protocol {
        Protocol::Rds => ("rds", signed_region == region),
        Protocol::Ecs => ("ecs", signed_region == region),
        Protocol::Route53 => ("route53", true),
    };
    if right_region && signed_service == service {
        return Ok(access_key.to_owned());
    }
    let message = format!(
        "Credential should be scoped to '{region}/{service}', not '{signed_region}/{signed_service}'."
    );
    Err(match protocol {
        Protocol::Ecs => Refusal::bad("InvalidSignatureException", message),
        Protocol::Rds | Protocol::Route53 => Refusal::new(403, "SignatureDoesNotMatch", message),
    })
}

fn xml_refusal(namespace: &str, refusal: &Refusal, request_id: &str) -> String {
    let kind = if refusal.status < 500 { "Sender" } else { "Receiver" };
    let (code, message) = (escape(&refusal.code), escape(&refusal.message));
    format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{namespace}\">\
         <Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

/// An element from a structure whose fields are its children.
fn element<T: serde::Serialize>(name: &str, content: &T) -> String {
    quick_xml::se::to_string_with_root(name, content)
        .expect("structures of texts and lists are always elements")
}
