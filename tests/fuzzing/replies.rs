//! What health endpoints answer, over a real socket on loopback. Promised: whatever bytes an endpoint sends, the probe ends,
//! reads no more than its limit, succeeds only on a reply that says so, and what the endpoint did wrong counts against it
//! and is never taken for a fault of ours.

use quorate_policies::{
    Millis, TargetName,
    health::Observation,
    policy::{Expect, HttpProbe, Looks},
};
use quorate_probes::{BODY_BYTES_MAX, Outcome, Prober, ProberSettings, Target};
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::Runtime,
};

/// What an expecting probe looks for.
const EXPECTED: &str = "healthy";
/// One thread's world: making it reads the system's certificates, which takes longer than a probe.
struct Stage {
    runtime: Runtime,
    prober: Prober,
}

fn on_stage<T>(act: impl FnOnce(&Stage) -> T) -> T {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let prober = {
            let _inside = runtime.enter();
            Prober::new(ProberSettings::default()).expect("a prober")
        };
        Mutex::new(Stage { runtime, prober })
    });
    act(&stage.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The first byte chooses what the probe expects; the rest is what the endpoint sends before it closes.
///
/// # Panics
/// When a promise is broken.
pub fn health_reply(data: &[u8]) {
    let (choice, reply) = data.split_first().unwrap_or((&0, &[]));
    let body = (choice % 2 == 1).then_some(EXPECTED);
    let status = if choice % 4 < 2 { "200-299" } else { "200-404" };
    let expect: Expect = serde_json::from_value(serde_json::json!({ "status": status, "body": body }))
        .expect("an expectation");
    let result = on_stage(|stage| {
        stage.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}/health", listener.local_addr().expect("its address"));
            let name = TargetName::try_from("api/r".to_owned()).expect("a target");
            let looks = Looks::Http(HttpProbe { expect: expect.clone(), ..HttpProbe::new(&url) });
            let target = Target::new(name, &looks, Millis(2_000)).expect("a target");
            let endpoint = async {
                let (mut stream, _) = listener.accept().await.expect("the probe connects");
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(reply).await;
                let _ = stream.shutdown().await;
                // Reads on, so that the reply is not cut off by a reset.
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            };
            tokio::join!(stage.prober.probe(&target), endpoint).0
        })
    });
    assert!(result.body_bytes <= BODY_BYTES_MAX as u64, "{} bytes were read", result.body_bytes);
    match (&result.outcome, result.observation()) {
        (Outcome::Success, Observation::Success) => {
            assert!(result.http_status.is_some_and(|status| expect.status.contains(status)));
            let text = String::from_utf8_lossy(reply);
            assert!(text.contains("HTTP/1."), "a success without a reply");
            let chunked = text.to_ascii_lowercase().contains("chunked");
            assert!(body.is_none_or(|body| chunked || text.contains(body)), "the text was not there");
        }
        (Outcome::Failure { detail, .. }, Observation::Failure(_)) => assert!(!detail.is_empty()),
        (outcome, says) => panic!("{outcome:?} says {says:?} about the endpoint"),
    }
}
