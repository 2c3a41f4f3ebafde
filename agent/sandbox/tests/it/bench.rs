//! What every test here needs: a started sandbox with short times, SDK clients pointed at it, and a plain
//! HTTP client that uses a fresh connection for each request.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use quorate_sandbox::world::effect::Effect;
use quorate_sandbox::world::view::WorldView;
use quorate_sandbox::{Options, Sandbox, Timing};
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const EAST: &str = "us-east-1";
pub(crate) const WEST: &str = "us-west-2";
pub(crate) const WITNESS: &str = "eu-west-1";
pub(crate) const INTERNET: &str = "internet";

/// How long a test waits for something that must happen; reaching it is a failure, not a measurement.
const PATIENCE: Duration = Duration::from_secs(20);

/// Times short enough to test and long enough to see the states in between.
pub(crate) fn quick() -> Options {
    let timing = Timing {
        promote_modifying_ms: 300,
        promote_rebooting_ms: 300,
        task_start_ms: 50,
        task_stop_ms: 50,
        task_stagger_ms: 10,
        dns_pending_ms: 600,
        alias_ttl_s: 1,
        health_check_ms: 60,
        create_ms: 200,
        backup_ms: 200,
        modify_ms: 150,
        rename_ms: 150,
        reboot_ms: 150,
        stop_ms: 150,
        start_ms: 150,
        restorable_lag_ms: 100,
        session_ms: 600_000,
        handover_ms: 200,
        target_healthy_ms: 200,
        scaling_ms: 200,
    };
    Options { timing, ..Options::default() }
}

/// Writes a function that gives the client of a regional API, as a vantage reaches it.
macro_rules! regional {
    ($name:ident, $sdk:ident) => {
        pub(crate) fn $name(&self, vantage: &str, region: &str) -> $sdk::Client {
            let config = $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new(region.to_owned()))
                .credentials_provider(credentials())
                .retry_config($sdk::config::retry::RetryConfig::disabled())
                .endpoint_url(&self.sandbox.endpoints().vantages[vantage].aws[region]);
            $sdk::Client::from_conf(config.build())
        }
    };
}

/// A sandbox under test.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
}

/// An HTTP reply.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Bench::with(quick()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Bench { sandbox: Sandbox::start(options).await.unwrap() }
    }

    regional!(rds, aws_sdk_rds);
    regional!(ecs, aws_sdk_ecs);
    regional!(scaling, aws_sdk_applicationautoscaling);
    regional!(balancing, aws_sdk_elasticloadbalancingv2);
    regional!(metrics, aws_sdk_cloudwatch);
    regional!(sts, aws_sdk_sts);
    regional!(iam, aws_sdk_iam);

    pub(crate) fn route53(&self, vantage: &str) -> aws_sdk_route53::Client {
        let config = aws_sdk_route53::Config::builder()
            .behavior_version(aws_sdk_route53::config::BehaviorVersion::latest())
            .region(aws_sdk_route53::config::Region::new("eu-west-1"))
            .credentials_provider(credentials())
            .retry_config(aws_sdk_route53::config::retry::RetryConfig::disabled())
            .endpoint_url(&self.sandbox.endpoints().vantages[vantage].route53);
        aws_sdk_route53::Client::from_conf(config.build())
    }

    /// Posts to the control API, and requires success.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let answered = self.control_any(path, &body.to_string()).await;
        assert_eq!(answered.status, StatusCode::OK, "{path} {body}: {}", answered.text);
        answered.json()
    }

    pub(crate) async fn control_any(&self, path: &str, body: &str) -> Answered {
        let url = format!("{}/control/{path}", self.sandbox.endpoints().control);
        request(Method::POST, &url, &[], body).await.unwrap()
    }

    pub(crate) async fn show(&self, path: &str) -> Value {
        let url = format!("{}/control/{path}", self.sandbox.endpoints().control);
        request(Method::GET, &url, &[], "").await.unwrap().json()
    }

    pub(crate) async fn world(&self) -> WorldView {
        serde_json::from_value(self.show("world").await).unwrap()
    }

    pub(crate) async fn effects(&self) -> Vec<Effect> {
        serde_json::from_value(self.show("effects").await).unwrap()
    }

    /// The address at which a vantage finds a region's application, asked of its DNS server's own view.
    pub(crate) async fn application(&self, vantage: &str, region: &str) -> SocketAddr {
        let name = format!("api.{region}.shop.test");
        let resolved = self.show(&format!("resolve?name={name}&vantage={vantage}")).await;
        let address = resolved["answers"][0].as_str().unwrap().parse().unwrap();
        SocketAddr::new(address, self.sandbox.endpoints().service.port)
    }
}

fn credentials() -> aws_sdk_rds::config::Credentials {
    aws_sdk_rds::config::Credentials::new("AKIASANDBOX", "secret", None, None, "test")
}

/// One request on a connection of its own.
pub(crate) async fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answered, Box<dyn std::error::Error + Send + Sync>> {
    let uri: http::Uri = url.parse()?;
    let authority = uri.authority().unwrap().to_string();
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut builder = Request::builder().method(method).uri(uri.path_and_query().unwrap().as_str());
    builder = builder.header("host", authority);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let reply = sender.send_request(builder.body(Full::new(bytes::Bytes::from(body.to_owned())))?).await;
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => {
            driver.abort();
            return Err(error.into());
        }
    };
    let (parts, body) = reply.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    driver.abort();
    Ok(Answered { status: parts.status, headers: parts.headers, text })
}

/// A GET whose failure is told as the kind of I/O error below it, if there is one.
pub(crate) async fn get(url: &str) -> Result<Answered, Option<std::io::ErrorKind>> {
    request(Method::GET, url, &[], "").await.map_err(|error| {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return Some(io.kind());
            }
            cause = error.source();
        }
        None
    })
}

/// Looks again and again until something is there, and fails with `what` if it never comes.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether something stays unanswered for as long as a short probe would wait.
pub(crate) async fn stalls<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(150), future).await.is_err()
}
