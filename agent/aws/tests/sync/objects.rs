//! From a bucket into another one.

use crate::stage::{Stage, cannot, context, counts, large};
use quorate_aws::s3::sync::{Order, Progress};

/// Goal: whatever is below the prefix is there afterwards, with its content and its labels, and nothing is copied twice; the list
/// of checksums is as `sha256sum` prints it. Method: a small, an empty, a nested and a large object, one of them there
/// already, and keys that are no objects; then another syncer, which remembers nothing.
#[tokio::test]
async fn a_prefix_is_copied() {
    let stage = Stage::new().await;
    for (name, content) in [
        ("a.txt", b"abc".to_vec()),
        ("empty", Vec::new()),
        ("deep/er/b c+é", b"b".to_vec()),
        ("large", large()),
    ] {
        stage.put(&stage.from, name, content).await;
    }
    stage.put(&stage.from, "marker/", "").await;
    stage.put(&stage.to, "a.txt", "abc").await;
    stage.put(&stage.to, "stranger", "mine").await;
    let order = stage.order();
    let survey = stage.copy(&order).await.unwrap();
    assert_eq!(counts(&survey), (3, 0, 1));
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.txt\n";
    assert!(survey.list().starts_with(abc), "{}", survey.list());
    assert_eq!((stage.script.arrived("Put"), stage.script.arrived("Part")), (2, 2), "one is there already");

    let all = stage.all(&stage.to).await;
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    let wanted =
        ["restored/a.txt", "restored/deep/er/b c+é", "restored/empty", "restored/large", "restored/stranger"];
    assert_eq!(names, wanted);
    assert!(all["restored/large"] == large());
    let head =
        stage.client.head_object().bucket(&stage.to.bucket).key("restored/large").send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/x-story"));
    assert_eq!(head.metadata().unwrap()["of"], "large");

    let again = Stage { syncer: Default::default(), ..stage };
    assert_eq!(counts(&again.copy(&order).await.unwrap()), (0, 0, 1));
    assert_eq!(again.script.arrived("Put"), 2, "nothing is copied twice");
}

/// Goal: what is there with another content is replaced only where the order says so, what is too much is deleted only where it
/// says that, and both only after everything is there. Method: the four orders over one bucket.
#[tokio::test]
async fn what_is_replaced_and_deleted() {
    let stage = Stage::new().await;
    stage.put(&stage.from, "a", "new").await;
    stage.put(&stage.from, "b", "b").await;
    stage.put(&stage.to, "a", "old").await;
    stage.put(&stage.to, "x", "x").await;
    let seen = stage.copy(&stage.order()).await.unwrap();
    assert_eq!(counts(&seen), (1, 1, 1));
    let all = stage.all(&stage.to).await;
    assert_eq!((all["restored/a"].as_slice(), all.len()), (b"old".as_slice(), 3));

    stage.script.set("Put", crate::proxy::Break::Refuse(403, "AccessDenied"), 9);
    let both = Order { replace: true, delete: true, ..stage.order() };
    let why = cannot(stage.copy(&both).await);
    assert!(why.contains("AccessDenied"), "{why}");
    assert_eq!(stage.script.arrived("Delete"), 0, "nothing is deleted before everything is there");
    stage.script.clear();

    stage.copy(&both).await.unwrap();
    assert_eq!(counts(&stage.survey(&both).await.unwrap()), (0, 0, 0));
    let all = stage.all(&stage.to).await;
    assert_eq!((all["restored/a"].as_slice(), all.len()), (b"new".as_slice(), 2));
}

/// Goal: what somebody else has put since the look is not overwritten. Method: a look, a stranger's put, the copy.
#[tokio::test]
async fn a_stranger_is_not_overwritten() {
    let stage = Stage::new().await;
    stage.put(&stage.from, "a", "ours").await;
    let order = stage.order();
    let survey = stage.survey(&order).await.unwrap();
    stage.put(&stage.to, "a", "his!").await;
    let copied = stage.syncer.copy(&stage.aws, &order, &context(), &survey, &Progress::default()).await;
    let why = cannot(copied);
    assert!(why.ends_with("/restored/a was put there by somebody else"), "{why}");
    assert_eq!(stage.all(&stage.to).await["restored/a"], b"his!");
}

/// Goal: the watch lists what is below its prefix, and says why it cannot. Method: a bucket, and one that is not there.
#[tokio::test]
async fn the_watch_lists() {
    let stage = Stage::new().await;
    stage.put(&stage.from, "a.dump", "abc").await;
    let listed = stage.aws.objects(&stage.from, None, 1).await.unwrap();
    assert_eq!(listed.iter().map(|o| (o.name.as_str(), o.bytes)).collect::<Vec<_>>(), [("a.dump", 3)]);
    let why = cannot(stage.aws.objects(&stage.from, None, 0).await);
    assert!(why.ends_with("has more than 0 objects: name a narrower prefix"), "{why}");
    let nowhere =
        quorate_policies::plan::action::S3Prefix { bucket: "nowhere-at-all".into(), ..stage.from.clone() };
    let why = cannot(stage.aws.objects(&nowhere, None, 1).await);
    assert!(why.contains("NoSuchBucket"), "{why}");
    assert!(stage.aws.objects(&stage.to, None, 1).await.unwrap().is_empty());
}
