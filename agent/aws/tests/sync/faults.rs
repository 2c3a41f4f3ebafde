//! Every call of a copy between buckets, with every fault of the wire.

use crate::proxy::Break;
use crate::stage::{Stage, cannot, counts, large};

async fn filled() -> Stage {
    let stage = Stage::new().await;
    stage.put(&stage.from, "small", "a small one").await;
    stage.put(&stage.from, "large", large()).await;
    stage
}

async fn is_whole(stage: &Stage) {
    let all = stage.all(&stage.to).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all["restored/small"], b"a small one");
    assert!(all["restored/large"] == large());
    assert_eq!(counts(&stage.survey(&stage.order()).await.unwrap()), (0, 0, 0));
}

/// Goal: a lost reply, a busy S3, an inner error and a reply that ends early cost a look or another try, whichever call they
/// meet. Method: each fault on every call of one copy. A list or a checksum that is cut off ends the look, and whoever asks
/// looks again.
#[tokio::test]
async fn a_copy_outlasts_faults() {
    let calls = ["List", "Head", "Get", "Put", "Begin", "Part", "Complete"];
    for how in [Break::LoseReply, Break::Refuse(503, "SlowDown"), Break::Refuse(500, "InternalError")] {
        outlasts(&calls, &how).await;
    }
    outlasts(&calls[2..], &Break::Truncate).await;
}

async fn outlasts(calls: &[&'static str], how: &Break) {
    let stage = filled().await;
    calls.iter().for_each(|operation| stage.script.set(operation, how.clone(), 1));
    let copied = stage.copy(&stage.order()).await;
    assert!(copied.is_ok(), "{how:?}: {copied:?}");
    assert!(stage.script.all_broken(), "{how:?}");
    is_whole(&stage).await;
}

/// Goal: a put whose reply was lost has been carried out, and is not carried out again. Method: count the puts.
#[tokio::test]
async fn a_lost_reply_is_looked_after() {
    let stage = filled().await;
    stage.script.set("Put", Break::LoseReply, 1);
    stage.script.set("Complete", Break::LoseReply, 1);
    stage.copy(&stage.order()).await.unwrap();
    is_whole(&stage).await;
    assert_eq!((stage.script.arrived("Put"), stage.script.arrived("Complete")), (1, 1));
}

/// Goal: an object that is changed while it is copied is not copied half, half of it old: the copy says so, and leaves nothing.
/// Method: somebody puts another content right before the second part is read, and before a small one is.
#[tokio::test]
async fn an_object_that_changes_is_not_copied() {
    for (name, content, after) in [("large", large(), 1), ("small", b"a small one".to_vec(), 0)] {
        let stage = Stage::new().await;
        stage.put(&stage.from, name, content).await;
        let order = stage.order();
        stage.survey(&order).await.unwrap();
        stage.script.later("Get", Break::Replace, after, 1);
        let why = cannot(stage.copy(&order).await);
        assert!(why.contains("changed since it was listed"), "{why}");
        assert!(stage.all(&stage.to).await.is_empty());
        assert_eq!(stage.script.arrived("Abort"), u32::from(name == "large"));
    }
}

/// Goal: a content that is not what the look saw is not put, small or large. Method: a byte of a read is another one.
#[tokio::test]
async fn a_spoilt_read_is_not_put() {
    for (name, content) in [("large", large()), ("small", b"a small one".to_vec())] {
        let stage = Stage::new().await;
        stage.put(&stage.from, name, content).await;
        let order = stage.order();
        stage.survey(&order).await.unwrap();
        stage.script.set("Get", Break::Spoil, 1);
        let why = cannot(stage.copy(&order).await);
        assert!(why.contains("what was read has the SHA-256"), "{why}");
        assert!(stage.all(&stage.to).await.is_empty());
    }
}

/// Goal: what is not allowed is told at once, and not asked for again. Method: each side refuses.
#[tokio::test]
async fn a_refusal_is_told() {
    for operation in ["List", "Get", "Put", "Begin"] {
        let stage = filled().await;
        stage.script.set(operation, Break::Refuse(403, "AccessDenied"), 9);
        let why = cannot(stage.copy(&stage.order()).await);
        assert!(why.contains("AccessDenied"), "{operation}: {why}");
        let tried = stage.script.arrived(operation);
        // Two objects are read at once; neither is read again.
        assert!(tried <= 2, "{operation}: {tried}");
    }
}
