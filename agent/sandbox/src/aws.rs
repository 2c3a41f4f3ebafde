//! AWS on the wire: it takes a signed request apart, lets the world decide, and dresses the answer in the
//! protocol's shape. One endpoint per region speaks every regional API; Route 53 is global.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};

use crate::gate;
use crate::options::GLOBAL;
use crate::stage::Stage;
use crate::world::call::{Call, Caller, Reply};
use crate::world::interference::Manner;
use crate::world::refusal::Refusal;
use api::Api;

mod api;
mod balancing;
mod cbor;
mod ecs;
mod json;
mod metrics;
mod permissions;
mod query;
mod rds;
mod route53;
mod scaling;
mod signer;
mod tokens;

/// 1 MiB: Route 53's largest batch is 32,000 characters of values and some markup.
const BODY_BYTES_MAX: usize = 1 << 20;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The endpoint of one region.
#[derive(Debug, Clone)]
struct Endpoint {
    stage: Arc<Stage>,
    region: String,
}

/// Every regional API of one region.
pub(crate) fn regional(stage: &Arc<Stage>, region: &str) -> Router {
    let endpoint = Endpoint { stage: Arc::clone(stage), region: region.into() };
    Router::new().fallback(answer).with_state(endpoint)
}

/// Route 53.
pub(crate) fn global(stage: &Arc<Stage>) -> Router {
    let endpoint = Endpoint { stage: Arc::clone(stage), region: GLOBAL.into() };
    Router::new().fallback(answer).with_state(endpoint)
}

async fn answer(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let request_id = endpoint.stage.request_id();
    let (parts, body) = request.into_parts();
    let read = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let body = read.as_deref().unwrap_or_default();
    let api = match endpoint.region.as_str() {
        GLOBAL => Api::Route53,
        _ => Api::of(&parts, body),
    };
    let too_large = |error: &axum::Error| {
        Refusal::new(413, "RequestEntityTooLarge", format!("the body could not be read: {error}"))
    };
    let (decided, broken) = match &read {
        Ok(body) => endpoint.decide(api, &parts, body).await,
        Err(error) => (Err(too_large(error)), None),
    };
    if matches!(broken, Some(Manner::Reset | Manner::Lost)) {
        return gate::unanswered();
    }
    let (status, body) = match &decided {
        Ok((call, reply)) => (Api::success(call), api.encode(call, reply, &request_id)),
        Err(refusal) => {
            let refusal = api.in_its_words(refusal);
            (refusal.status, api.encode_refusal(&refusal, &request_id))
        }
    };
    let length = HeaderValue::from(body.len());
    let body = if broken.is_some() { half(body) } else { Body::from(body) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(api.content_type()));
    headers.insert(REQUEST_ID, HeaderValue::from_str(&request_id).expect("a UUID is a header value"));
    if let Ok((call, Reply::Route53(reply))) = &decided
        && let Some(location) = route53::location(call, reply)
    {
        headers.insert(LOCATION, location);
    }
    if api == Api::Metrics {
        headers.insert(metrics::PROTOCOL, HeaderValue::from_static(metrics::RPC_V2_CBOR));
    }
    response
}

impl Endpoint {
    /// What is answered, and how the connection breaks if it does.
    async fn decide(
        &self,
        api: Api,
        parts: &http::request::Parts,
        body: &[u8],
    ) -> (Result<(Call, Reply), Refusal>, Option<Manner>) {
        let gone = api == Api::Route53 && self.stage.world().0.route53_is_gone();
        let read = self.caller(api, &parts.headers).and_then(|key| Ok((key, api.decode(parts, body)?)));
        let (access_key, call) = match read {
            Ok(read) => read,
            Err(refusal) => return (Err(refusal), gone.then_some(Manner::Reset)),
        };
        let broken = match gone {
            true => Some(Manner::Reset),
            false => self.stage.world().0.interference.take_break(call.operation(), &self.region),
        };
        let stopped = |words| Err(Refusal::new(503, "ServiceUnavailable", words));
        if broken == Some(Manner::Reset) {
            return (stopped("the connection broke before the call"), broken);
        }
        let caller = Caller { region: self.region.clone(), access_key };
        // On a task of its own: a call that has reached AWS is carried out even if its caller dies meanwhile.
        let stage = Arc::clone(&self.stage);
        let (stop, done) = (stage.stop.clone(), self.stage.tasks.clone());
        let carried_out = done.spawn(stop.run_until_cancelled_owned(async move {
            let reply = stage.call(&caller, &call).await?;
            Ok((call, reply))
        }));
        let carried_out = carried_out.await.ok().flatten();
        (carried_out.unwrap_or_else(|| stopped("the sandbox is shutting down")), broken)
    }

    /// The access key id that signed the request, if it is good here and now.
    fn caller(&self, api: Api, headers: &HeaderMap) -> Result<String, Refusal> {
        let access_key = signer::access_key(api, headers, &self.region)?;
        let (world, now_ms) = self.stage.world();
        world.tokens.check(&access_key, signer::token(headers), now_ms)?;
        Ok(access_key)
    }
}

/// The first half of a body, after which the connection breaks.
fn half(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(futures_util::stream::iter([Ok(body), Err(broken)]))
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

/// An element from a structure whose fields are its children.
fn element<T: serde::Serialize>(name: &str, content: &T) -> String {
    quick_xml::se::to_string_with_root(name, content)
        .expect("structures of texts and lists are always elements")
}
