//! The task and the calls together, with sources that answer, hang and refuse by script.

use std::collections::VecDeque;

use super::*;

/// A reply of a scripted source.
#[derive(Debug, Clone)]
enum Reply {
    /// Credentials with this key that live so long from now.
    Give(&'static str, Duration),
    /// A refusal.
    Refuse,
    /// No answer.
    Hang,
}

/// Answers by script, its last line for ever, and counts how often it was asked.
#[derive(Debug, Clone)]
struct Source {
    script: Arc<Mutex<VecDeque<Reply>>>,
    asked: watch::Sender<u32>,
}

impl Source {
    fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        Source { script, asked: watch::Sender::default() }
    }

    async fn answer(&self) -> provider::Result {
        let reply = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
        };
        self.asked.send_modify(|count| *count += 1);
        match reply.unwrap() {
            Reply::Give(key, life) => {
                Ok(Credentials::new(key, "hush", None, Some(SystemTime::now() + life), "script"))
            }
            Reply::Refuse => Err(CredentialsError::provider_error("hush")),
            Reply::Hang => std::future::pending().await,
        }
    }

    /// Waits until it has been asked so often.
    async fn asked(&self, times: u32) {
        let mut asked = self.asked.subscribe();
        let reached = asked.wait_for(|count| *count >= times);
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap().unwrap();
    }
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.answer())
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
/// So short that a call which waits it out does not slow the tests.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// Keeps the source's credentials; the clock is the wall's, moved on by what the test says.
fn kept(source: &Source, wait_max: Duration) -> (Kept, Arc<Mutex<Duration>>) {
    let ahead = Arc::new(Mutex::new(Duration::ZERO));
    let moved = Arc::clone(&ahead);
    let clock: Clock = Arc::new(move || SystemTime::now() + *moved.lock().unwrap());
    let source = SharedCredentialsProvider::new(source.clone());
    (Kept::new("test", source, wait_max, clock), ahead)
}

async fn key(kept: &Kept) -> Result<String, String> {
    let found = kept.provide_credentials().await;
    found.map(|found| found.access_key_id().to_owned()).map_err(|error| failure_text(&error))
}

/// The error and what lies beneath it.
fn failure_text(error: &CredentialsError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

/// Goal: credentials are fetched before anybody asks, and again at half of their life without a call. Method: the source
/// gives a short life; nobody asks for credentials until it has been asked twice.
#[tokio::test]
async fn fetches_in_the_background() {
    let source = Source::new([Reply::Give("first", Duration::from_secs(3)), Reply::Give("second", HOUR)]);
    let (kept, _) = kept(&source, WAIT_MAX);
    source.asked(1).await;
    source.asked(2).await;
    assert_eq!(key(&kept).await.unwrap(), "second");
    assert!(kept.state().expires_in.unwrap() > HOUR / 2);
}

/// Goal: while the source fails or hangs, calls get the last good credentials at once, until their end; then an honest
/// error; and new ones as soon as it is back. Method: move the clock over half-life and end.
#[tokio::test]
async fn keeps_the_last_good_ones() {
    let source = Source::new([Reply::Give("first", HOUR), Reply::Refuse]);
    let (kept, ahead) = kept(&source, Duration::from_secs(30));
    assert_eq!(key(&kept).await.unwrap(), "first");
    *ahead.lock().unwrap() = HOUR * 3 / 4;
    assert_eq!(key(&kept).await.unwrap(), "first", "half of the life has passed: a fetch is due");
    source.asked(2).await;
    let state = kept.state();
    assert!(state.held && state.expires_in.unwrap() <= HOUR / 4, "{state:?}");
    *ahead.lock().unwrap() = HOUR + Duration::from_secs(1);
    let error = key(&kept).await.unwrap_err();
    assert!(error.contains("the credentials have expired"), "{error}");
    assert!(!error.contains("hush"), "{error}");
    let state = kept.state();
    assert!(!state.held && state.failing_for.is_some(), "{state:?}");
    source.script.lock().unwrap().push_back(Reply::Give("second", HOUR * 3));
    while key(&kept).await.is_err() {
        *ahead.lock().unwrap() += Duration::from_secs(1);
    }
    assert_eq!(kept.state().failure, None);
}

/// Goal: a source that hangs holds no call longer than the limit, and does not stop a call that has credentials.
/// Method: hang at first; then hang at the renewal.
#[tokio::test]
async fn a_hung_source_holds_nobody() {
    let (hung, _) = kept(&Source::new([Reply::Hang]), WAIT_MAX);
    let error = hung.provide_credentials().await.unwrap_err();
    assert!(matches!(error, CredentialsError::ProviderTimedOut(_)), "{error:?}");
    let source = Source::new([Reply::Give("first", HOUR), Reply::Hang]);
    let (kept, ahead) = kept(&source, Duration::from_secs(30));
    assert_eq!(key(&kept).await.unwrap(), "first");
    *ahead.lock().unwrap() = HOUR * 3 / 4;
    for _ in 0..100 {
        assert_eq!(key(&kept).await.unwrap(), "first");
    }
    source.asked(2).await;
}

/// Goal: many calls that find nothing wait for one fetch, and a refusing source is not asked by each of them. Method: a
/// hundred calls at once.
#[tokio::test]
async fn calls_share_one_fetch() {
    let source = Source::new([Reply::Give("first", HOUR)]);
    let (good, _) = kept(&source, Duration::from_secs(30));
    let keys = futures_util::future::join_all((0..100).map(|_| key(&good))).await;
    assert!(keys.iter().all(|found| found.as_deref() == Ok("first")), "{keys:?}");
    assert_eq!(*source.asked.borrow(), 1);
    let source = Source::new([Reply::Refuse]);
    let (refused, _) = kept(&source, Duration::from_secs(30));
    let errors = futures_util::future::join_all((0..100).map(|_| key(&refused))).await;
    assert!(errors.iter().all(Result::is_err), "{errors:?}");
    assert!(*source.asked.borrow() < 5, "asked {} times", *source.asked.borrow());
}

/// Goal: a renewal brings new credentials although the old ones live. Method: renew, and wait for the source.
#[tokio::test]
async fn renews_on_demand() {
    let source = Source::new([Reply::Give("first", HOUR), Reply::Give("second", HOUR)]);
    let (kept, _) = kept(&source, Duration::from_secs(30));
    assert_eq!(key(&kept).await.unwrap(), "first");
    let mut fetches = kept.keeper.desk.fetches.subscribe();
    fetches.mark_unchanged();
    kept.renew();
    fetches.changed().await.unwrap();
    assert_eq!(key(&kept).await.unwrap(), "second");
}

/// Goal: nobody is asked any more once nobody holds the credentials. Method: drop them and see the task's end.
#[tokio::test]
async fn ends_with_its_last_holder() {
    let source = Source::new([Reply::Give("first", HOUR)]);
    let (kept, _) = kept(&source, WAIT_MAX);
    source.asked(1).await;
    let desk = Arc::downgrade(&kept.keeper.desk);
    drop(kept);
    while desk.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}
