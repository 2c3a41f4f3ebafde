//! AWS on the wire: it takes a signed request apart, lets the world decide, and dresses the answer in the
//! protocol's shape. One endpoint per region speaks every regional API; Route 53 is global.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::options::GLOBAL;
use crate::stage::Stage;
use crate::world::call::{Call, Caller, Reply};
use crate::world::refusal::Refusal;
use api::Api;

mod api;
mod balancing;
mod cbor;
mod ecs;
mod json;
mod metrics;
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
    let decided = match &read {
        Ok(body) => endpoint.decide(api, &parts, body).await,
        Err(error) => Err(too_large(error)),
    };
    let (status, body) = match &decided {
        Ok((call, reply)) => (200, api.encode(call, reply, &request_id)),
        Err(refusal) => {
            let refusal = api.in_its_words(refusal);
            (refusal.status, api.encode_refusal(&refusal, &request_id))
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(api.content_type()));
    headers.insert(REQUEST_ID, HeaderValue::from_str(&request_id).expect("a UUID is a header value"));
    if api == Api::Metrics {
        headers.insert(metrics::PROTOCOL, HeaderValue::from_static(metrics::RPC_V2_CBOR));
    }
    response
}

impl Endpoint {
    async fn decide(
        &self,
        api: Api,
        parts: &http::request::Parts,
        body: &[u8],
    ) -> Result<(Call, Reply), Refusal> {
        let access_key = self.caller(api, &parts.headers)?;
        let call = api.decode(parts, body)?;
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

    /// The access key id that signed the request, if it is good here and now.
    fn caller(&self, api: Api, headers: &HeaderMap) -> Result<String, Refusal> {
        let access_key = signer::access_key(api, headers, &self.region)?;
        let (world, now_ms) = self.stage.world();
        world.tokens.check(&access_key, signer::token(headers), now_ms)?;
        Ok(access_key)
    }
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

/// An element from a structure whose fields are its children.
fn element<T: serde::Serialize>(name: &str, content: &T) -> String {
    quick_xml::se::to_string_with_root(name, content)
        .expect("structures of texts and lists are always elements")
}
