//! The wire of AWS's protocols, as a proxy sees it: which operation a request is, what a refusal looks like, and how a
//! call is carried out or its reply cut short. It knows operations by their place in the protocol and nothing of their
//! meaning.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What the proxy answers.
pub(crate) type Reply = Response<BoxBody<Bytes, io::Error>>;

/// The operation by its place in each protocol.
pub(crate) fn operation(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(target) = headers.get("x-amz-target") {
        return target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    }
    let path = uri.path().trim_end_matches('/');
    if let Some((_, operation)) = path.split_once("/operation/") {
        return operation.to_owned();
    }
    if path.contains("/change/") {
        return "GetChange".into();
    }
    if path.ends_with("/rrset") {
        let reads = method == Method::GET;
        return if reads { "ListResourceRecordSets" } else { "ChangeResourceRecordSets" }.into();
    }
    if path.contains("/healthcheck") || path.contains("/tags/") {
        return format!("{method} {}", path.split('/').nth(2).unwrap());
    }
    if path.contains("/hostedzone/") {
        return "GetHostedZone".into();
    }
    let form = std::str::from_utf8(body).unwrap();
    form.split('&').find_map(|field| field.strip_prefix("Action=")).expect("a known operation").to_owned()
}

/// Sends a call on and reads its whole reply.
pub(crate) async fn carry_out(
    upstream: SocketAddr,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
    let (mut parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    // The body is sent on whole: both headers would be wrong then.
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(parts, body.collect().await.map_err(io::Error::other)?.to_bytes()))
}

/// A reply of text.
pub(crate) fn text(status: u16, content_type: &str, body: String) -> Response<Bytes> {
    Response::builder().status(status).header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

/// How a protocol writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Xml,
    Json,
    Cbor,
}

/// The shape in which the caller of a request expects an error.
pub(crate) fn shape(headers: &HeaderMap) -> Shape {
    if headers.contains_key("x-amz-target") {
        Shape::Json
    } else if headers.contains_key("smithy-protocol") {
        Shape::Cbor
    } else {
        Shape::Xml
    }
}

/// A refusal in the protocol's shape: in another shape the SDK would find no code in it.
pub(crate) fn refusal(shape: Shape, status: u16, code: &str) -> Response<Bytes> {
    match shape {
        Shape::Json => {
            let body = format!(r#"{{"__type":"{code}","message":"by the proxy"}}"#);
            text(status, "application/x-amz-json-1.1", body)
        }
        Shape::Xml => {
            let error = format!(
                "<Error><Type>Sender</Type><Code>{code}</Code><Message>by the proxy</Message></Error>"
            );
            let body = format!("<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>");
            text(status, "text/xml", body)
        }
        Shape::Cbor => {
            // A map of two texts: RFC 8949 writes each as its length and its bytes.
            let mut body = vec![0xa2];
            for word in ["__type", code, "message", "by the proxy"] {
                body.extend([0x78, u8::try_from(word.len()).unwrap()]);
                body.extend(word.as_bytes());
            }
            let mut reply = text(status, "application/cbor", String::new()).map(|_| Bytes::from(body));
            reply.headers_mut().insert("smithy-protocol", http::HeaderValue::from_static("rpc-v2-cbor"));
            reply
        }
    }
}

/// A reply as it is.
pub(crate) fn whole(reply: Response<Bytes>) -> Reply {
    reply.map(|body| Full::new(body).map_err(|never: Infallible| match never {}).boxed())
}

/// The whole length is announced, half of it comes, and the connection ends.
pub(crate) fn half(reply: Response<Bytes>) -> Reply {
    let length = reply.body().len();
    let mut reply = reply.map(|body| {
        let half = body.slice(..length / 2);
        // A reply and its end in one write could be seen as an end alone.
        let frames = stream::once(async move { Ok(Frame::data(half)) })
            .chain(stream::once(tokio::task::yield_now()).flat_map(|()| stream::empty()))
            .chain(stream::once(async { Err(io::Error::other("the connection ends here")) }));
        BodyExt::boxed(StreamBody::new(Box::pin(frames)))
    });
    reply.headers_mut().insert(CONTENT_LENGTH, length.into());
    reply
}
