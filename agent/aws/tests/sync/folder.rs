//! From a bucket into a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::proxy::Break;
use crate::stage::{Stage, cannot, counts, large};
use quorate_aws::s3::sync::{Order, Target};

fn into(stage: &Stage, folder: &Path) -> Order {
    Order { to: Target::Folder(folder.to_owned()), ..stage.order() }
}

/// Every file below a folder, drafts among them.
fn files(folder: &Path) -> Vec<String> {
    let mut open = vec![folder.to_owned()];
    let mut all = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                all.push(entry.path().display().to_string());
            }
        }
    }
    let root = format!("{}/", folder.display());
    let mut names: Vec<String> =
        all.iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Goal: every object is a file with its content and its date in S3, so that an old backup stays an old one; what is there is not
/// fetched again; and what is no object stays, unless it shall go. Method: a nested, an empty and a large one, and a stranger.
#[tokio::test]
async fn a_prefix_becomes_a_folder() {
    let stage = Stage::new().await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("recovered");
    for (name, content) in [("db/a.dump", large()), ("empty", Vec::new()), ("b", b"b".to_vec())] {
        stage.put(&stage.from, name, content).await;
    }
    let order = into(&stage, &folder);
    assert_eq!(counts(&stage.copy(&order).await.unwrap()), (3, 0, 0));
    assert_eq!(files(&folder), ["b", "db/a.dump", "empty"]);
    assert!(fs::read(folder.join("db/a.dump")).unwrap() == large());
    let survey = stage.survey(&order).await.unwrap();
    assert_eq!(counts(&survey), (0, 0, 0));
    let facts = fs::metadata(folder.join("b")).unwrap();
    let date = UNIX_EPOCH + Duration::from_millis(survey.items["b"].object.changed.0);
    assert_eq!(facts.modified().unwrap(), date);
    assert_eq!(facts.permissions().mode() & 0o007, 0, "it is not for everybody");

    let got = stage.script.arrived("Get");
    fs::write(folder.join("stranger"), "mine").unwrap();
    fs::write(folder.join("b"), "x").unwrap();
    assert_eq!(counts(&stage.copy(&order).await.unwrap()), (0, 1, 1));
    assert_eq!(fs::read(folder.join("b")).unwrap(), b"x");
    assert_eq!(stage.script.arrived("Get"), got, "what is there and known is not read again");
    let both = Order { replace: true, delete: true, ..order };
    stage.copy(&both).await.unwrap();
    assert_eq!(files(&folder), ["b", "db/a.dump", "empty"]);
    assert_eq!(fs::read(folder.join("b")).unwrap(), b"b");
}

/// Goal: nothing is written outside of the folder, whatever the keys say and wherever links lead. Method: a key that climbs, and
/// a link in the folder's midst.
#[tokio::test]
async fn nothing_leaves_the_folder() {
    let stage = Stage::new().await;
    let home = tempfile::tempdir().unwrap();
    let (folder, outside) = (home.path().join("recovered"), home.path().join("outside"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink(&outside, folder.join("link")).unwrap();
    stage.put(&stage.from, "link/a", "a").await;
    let refused = stage.copy(&into(&stage, &folder)).await.unwrap_err().to_string();
    assert!(refused.contains("leads out of"), "{refused}");
    stage.put(&stage.from, "up/../../a", "a").await;
    let why = cannot(stage.survey(&into(&stage, &folder)).await);
    assert!(why.contains("cannot be the name of a file"), "{why}");
    assert!(files(&outside).is_empty());
}

/// Goal: a download that ends early is read again; one that is not what was noted leaves no file, whole or half. Method: a
/// connection that ends, and a byte that is another one.
#[tokio::test]
async fn a_bad_download_leaves_nothing() {
    let stage = Stage::new().await;
    let home = tempfile::tempdir().unwrap();
    stage.put(&stage.from, "a", "a content of some length").await;
    let order = into(&stage, home.path());
    let survey = stage.survey(&order).await.unwrap();
    assert_eq!(counts(&survey), (1, 0, 0));
    stage.script.set("Get", Break::Spoil, 1);
    let why = cannot(stage.copy(&order).await);
    assert!(why.contains("what was read has the SHA-256"), "{why}");
    assert!(files(home.path()).is_empty(), "{:?}", files(home.path()));
    stage.script.set("Get", Break::Truncate, 2);
    stage.copy(&order).await.unwrap();
    assert_eq!(fs::read(home.path().join("a")).unwrap(), b"a content of some length");
}
