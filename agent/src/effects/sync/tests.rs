//! The room by the core's own attempt, on an S3 of a few lines: what is noted, what is at work, what is let go of, and what the next
//! attempt, or a restarted agent, goes on with. The calls themselves are tested in `quorate-aws` on moto.

use super::*;
use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};
use quorate_aws::{AwsSettings, StaticCredentials};
use quorate_core::{StepEvent, StepOutcome, StepRun, StepWork};
use quorate_policies::{
    Millis, Monotonic,
    document::{AwsEndpoints, read_agent_file},
};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Long enough for whatever has to come, on a busy machine. Only a failure takes so long.
const LONG: Millis = Millis::from_secs(120);
const DATE: &str = "2026-11-20T02:00:00.000Z";

/// A bucket that is only read.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The keys whose contents were read.
    read: Mutex<Vec<String>>,
    /// Contents wait here while it has no permit.
    gate: Option<Semaphore>,
}

impl Bucket {
    fn with(objects: &[(&str, &str)], gate: Option<Semaphore>) -> Arc<Self> {
        let objects = objects.iter().map(|(key, content)| ((*key).to_owned(), content.as_bytes().to_vec()));
        Arc::new(Self { objects: Mutex::new(objects.collect()), gate, ..Self::default() })
    }

    fn reads(&self) -> Vec<String> {
        let mut reads = lock(&self.read).clone();
        reads.sort();
        reads
    }
}

/// A tag that changes with the content.
fn tag(content: &[u8]) -> String {
    format!("\"{}-{}\"", content.len(), content.iter().map(|byte| u64::from(*byte)).sum::<u64>())
        .replace('-', "x")
}

async fn answer(State(bucket): State<Arc<Bucket>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let Some((_, key)) = path.split_once('/').filter(|(_, key)| !key.is_empty()) else {
        let contents = lock(&bucket.objects).iter().fold(String::new(), |text, (key, content)| {
            let (size, tag) = (content.len(), tag(content).replace('"', "&quot;"));
            format!(
                "{text}<Contents><Key>{key}</Key><LastModified>{DATE}</LastModified><ETag>{tag}</ETag>\
                 <Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        });
        let whole =
            format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
        return ([("content-type", "application/xml")], whole).into_response();
    };
    let Some(content) = lock(&bucket.objects).get(key).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert("etag", HeaderValue::from_str(&tag(&content)).unwrap());
    if request.method() == Method::HEAD {
        headers.insert("content-length", content.len().into());
        return (headers, Bytes::new()).into_response();
    }
    if let Some(gate) = &bucket.gate {
        gate.acquire().await.unwrap().forget();
    }
    lock(&bucket.read).push(key.to_owned());
    (StatusCode::PARTIAL_CONTENT, headers, content).into_response()
}

/// An agent with a home, and the bucket that it reaches.
struct Stage {
    home: tempfile::TempDir,
    aws: Aws,
    bucket: Arc<Bucket>,
}

impl Stage {
    async fn new(bucket: Arc<Bucket>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&bucket));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let regional = [("r".parse().unwrap(), url)].into();
        let credentials = StaticCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        };
        let settings = AwsSettings {
            endpoints: AwsEndpoints { regional, ..AwsEndpoints::default() },
            credentials: Some(credentials),
            ..AwsSettings::new("r")
        };
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("allowed")).unwrap();
        Self { home, aws: Aws::load(settings).await, bucket }
    }

    /// A process of this agent.
    fn room(&self) -> Syncs {
        let text = format!(
            "name: a\nregion: r\nmembers: {{a: {{region: r, address: '127.0.0.1:7951'}}}}\n\
             tls: {{ca: a, certificate: b, key: c}}\noperator_token_file: d\n\
             backups: {{sync_to: [{}]}}\n",
            self.home.path().join("allowed").display(),
        );
        let file = read_agent_file("agent.yaml", &text).unwrap();
        Syncs::new(&file, Journal::new(self.home.path().join("jobs")))
    }

    fn action(&self, folder: &str) -> S3Sync {
        let to = self.home.path().join(folder);
        serde_json::from_value(serde_json::json!({
            "region": "r", "from": {"region": "r", "bucket": "backups"}, "to": {"dir": to},
        }))
        .unwrap()
    }

    /// Looks until it is no longer as at first: what it says then.
    async fn seen(&self, room: &Syncs, action: &S3Sync, context: &EffectContext) -> Observed {
        let began = Instant::now();
        loop {
            match room.observe(&self.aws, action, context) {
                Observed::InProgress { .. } if began.elapsed() < LONG.duration() => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => return other,
            }
        }
    }

    /// One attempt, as the executor makes it.
    async fn attempt(
        &self,
        room: &Syncs,
        action: &S3Sync,
        mut context: EffectContext,
    ) -> (EffectContext, StepOutcome) {
        let began = Instant::now();
        let mut run = StepRun::new(Monotonic(0), LONG, 0);
        let mut event = StepEvent::Ready;
        loop {
            let now = Monotonic(Millis::of(began.elapsed()).0);
            event = match run.next(now, event) {
                StepWork::Observe => StepEvent::Observed(room.observe(&self.aws, action, &context)),
                StepWork::Act { before, .. } => {
                    context.before = context.before.or(before);
                    StepEvent::Acted(room.act(&self.aws, action, &context).await)
                }
                StepWork::Wait(pause) => {
                    tokio::time::sleep(pause.duration()).await;
                    StepEvent::Ready
                }
                StepWork::Finish(outcome) => {
                    room.let_go(&Attempt::of(&context)).await;
                    return (context, outcome);
                }
                StepWork::Leave(why) => panic!("{why}"),
            };
        }
    }
}

fn context(attempt: u32) -> EffectContext {
    EffectContext {
        service: "shop".to_owned(),
        execution: "shop-2".to_owned(),
        epoch: 2,
        attempt,
        from: "r".to_owned(),
        to: "r".to_owned(),
        before: None,
        role: None,
        step: "fetch".to_owned(),
        timeout: LONG,
        unheard: false,
        resumed: false,
    }
}

/// Goal: the checksums are noted before anything is written and are in the journal; a restarted agent finds what is there; and
/// another content at the source is not taken for what was noted. Method: an attempt, the same in a new process, and a changed
/// bucket.
#[tokio::test]
async fn what_is_copied_is_noted() {
    let stage = Stage::new(Bucket::with(&[("a", "abc"), ("deep/b", "b")], None)).await;
    let action = stage.action("allowed/new");
    let (noted, outcome) = stage.attempt(&stage.room(), &action, context(1)).await;
    assert!(matches!(outcome, StepOutcome::Succeeded { .. }), "{outcome:?}");
    let Some(Before::Synced { objects: 2, bytes: 4, newest, sha256, .. }) = &noted.before else {
        panic!("{:?}", noted.before)
    };
    assert_eq!(newest.to_string(), DATE);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256["a"], abc);
    let folder = stage.home.path().join("jobs/shop-2+fetch+1");
    assert!(fs::read_to_string(folder.join("sha256")).unwrap().starts_with(&format!("{abc}  a\n")));
    let end: End = serde_json::from_slice(&fs::read(folder.join("end.json")).unwrap()).unwrap();
    assert_eq!(end, End { bytes: 4, trouble: None });
    assert_eq!(fs::read(stage.home.path().join("allowed/new/deep/b")).unwrap(), b"b");

    let resumed = EffectContext { resumed: true, ..noted.clone() };
    let (_, outcome) = stage.attempt(&stage.room(), &action, resumed).await;
    assert!(matches!(outcome, StepOutcome::Succeeded { .. }), "{outcome:?}");

    lock(&stage.bucket.objects).insert("a".to_owned(), b"xyz".to_vec());
    let (_, outcome) = stage.attempt(&stage.room(), &action, EffectContext { attempt: 2, ..noted }).await;
    let StepOutcome::Impossible { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("was changed since it was noted"), "{reason}");
}

/// Goal: a copy that is let go of ends at once and leaves nothing half; the next attempt copies the rest. Method: a bucket that
/// gives one content of the copy and holds the other.
#[tokio::test]
async fn a_copy_ends_with_its_attempt() {
    // Two contents for the look, one for the copy.
    let stage = Stage::new(Bucket::with(&[("a", "abc"), ("b", "bcd")], Some(Semaphore::new(3)))).await;
    let (room, action) = (stage.room(), stage.action("allowed"));
    let Observed::NotDone { before, .. } = stage.seen(&room, &action, &context(1)).await else {
        panic!("there is something to do")
    };
    let noted = EffectContext { before, ..context(1) };
    let acted = room.act(&stage.aws, &action, &noted).await;
    assert!(matches!(acted, Acted::Accepted { .. }), "{acted:?}");
    let files = || {
        let entries = fs::read_dir(stage.home.path().join("allowed")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>()
    };
    let began = Instant::now();
    while files().is_empty() {
        assert!(began.elapsed() < LONG.duration(), "nothing is copied");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(room.observe(&stage.aws, &action, &noted), Observed::InProgress { .. }));
    room.let_go(&Attempt::of(&noted)).await;
    let there = files();
    assert_eq!(there.len(), 1);
    // A thread that was just putting a whole file in its place comes to its end by itself.
    let began = Instant::now();
    while fs::read_dir(stage.home.path().join("allowed")).unwrap().count() > 1 {
        assert!(began.elapsed() < LONG.duration(), "something half is left");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(files(), there);

    stage.bucket.gate.as_ref().unwrap().add_permits(100);
    let before = stage.bucket.reads().len();
    let (_, outcome) = stage.attempt(&room, &action, EffectContext { attempt: 2, ..noted }).await;
    assert!(matches!(outcome, StepOutcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(files().len(), 2);
    let read = stage.bucket.reads().len() - before;
    assert_eq!(read, 1, "what is there is not fetched again: {:?}", stage.bucket.reads());
}

/// Goal: an agent writes where its file says, and nowhere else, whatever a policy or a link says. Method: folders outside, a way
/// up, and a link out.
#[tokio::test]
async fn only_where_it_may() {
    let stage = Stage::new(Bucket::with(&[("a", "abc")], None)).await;
    std::os::unix::fs::symlink(stage.home.path(), stage.home.path().join("allowed/link")).unwrap();
    for folder in ["elsewhere", "allowed/x/../../elsewhere", "allowed/link/elsewhere"] {
        let (_, outcome) = stage.attempt(&stage.room(), &stage.action(folder), context(1)).await;
        assert!(matches!(outcome, StepOutcome::Impossible { .. }), "{folder}: {outcome:?}");
        assert!(!stage.home.path().join("elsewhere").exists());
    }
}
