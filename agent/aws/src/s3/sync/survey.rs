//! The look: what is at the source, what its content is, and which of it is there already. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::sums::{Sum, Summing, part_size, same, whole};
use super::super::{Object, Objects, Trouble};
use super::{COMPARED_AT_ONCE, Item, OBJECTS_MAX, Progress, Side, Survey, Syncer, blocking, folder};

/// What one object is at both sides.
struct Compared {
    item: Item,
    there: There,
}

/// How an object stands at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    Same,
    Missing,
    Other,
}

/// What is at the other side: its size, and in S3 its tag.
type Listed = BTreeMap<String, (u64, Option<Object>)>;

pub(super) async fn survey(
    syncer: &Syncer,
    from: &Objects,
    to: &Side,
    progress: &Progress,
) -> Result<Survey, Trouble> {
    let objects = from.list(OBJECTS_MAX).await?;
    for object in &objects {
        if object.archived() {
            let why = format!("{}{} lies in {}: bring it back first", from.at, object.name, object.storage);
            return Err(Trouble::Cannot(why));
        }
        if matches!(to, Side::Folder(_)) {
            folder::check(&object.name).map_err(Trouble::Cannot)?;
        }
    }
    let listed: Listed = match to {
        Side::Objects(objects) => {
            let all = objects.list(OBJECTS_MAX).await?;
            all.into_iter().map(|object| (object.name.clone(), (object.bytes, Some(object)))).collect()
        }
        Side::Folder(folder) => {
            let all = folder.list(OBJECTS_MAX).await?;
            all.into_iter().map(|(name, bytes)| (name, (bytes, None))).collect()
        }
    };
    let names: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let extra = listed.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
    let mut survey = Survey { extra, ..Survey::default() };
    let compared = stream::iter(objects.iter().cloned())
        .map(|object| compare(syncer, from, to, &listed, object, progress))
        .buffer_unordered(COMPARED_AT_ONCE);
    let all: Vec<Compared> = compared.try_collect().await?;
    for Compared { item, there } in all {
        let name = item.object.name.clone();
        match there {
            There::Same => {}
            There::Missing => drop(survey.missing.insert(name.clone())),
            There::Other => drop(survey.other.insert(name.clone())),
        }
        survey.items.insert(name, item);
    }
    Ok(survey)
}

async fn compare(
    syncer: &Syncer,
    from: &Objects,
    to: &Side,
    listed: &Listed,
    object: Object,
    progress: &Progress,
) -> Result<Compared, Trouble> {
    let sum = source(syncer, from, &object, progress).await?;
    let there = match listed.get(&object.name) {
        None => There::Missing,
        Some((bytes, _)) if *bytes != object.bytes => There::Other,
        Some((_, there)) => match (to, there) {
            (Side::Objects(objects), Some(there)) => {
                object_there(syncer, objects, there, &sum, progress).await?
            }
            (Side::Objects(_) | Side::Folder(_), None) | (Side::Folder(_), Some(_)) => {
                file_there(syncer, to, &object, &sum, progress).await?
            }
        },
    };
    Ok(Compared { item: Item { object, sha256: sum.whole }, there })
}

/// What the content at the source is: as S3 says, or else as it reads.
async fn source(
    syncer: &Syncer,
    from: &Objects,
    object: &Object,
    progress: &Progress,
) -> Result<Sum, Trouble> {
    if let Some(sum) = syncer.known(&key(from, object)) {
        return Ok(sum);
    }
    let facts = from.facts(&object.name).await?;
    let facts = facts.ok_or_else(|| Trouble::Cannot(changed(from, object)))?;
    if facts.etag != object.etag || facts.bytes != object.bytes {
        return Err(Trouble::Cannot(changed(from, object)));
    }
    match whole(facts.sha256.as_deref()) {
        Some(sum) => {
            syncer.keep(key(from, object), &sum);
            Ok(sum)
        }
        None => content(syncer, from, object, progress).await,
    }
}

/// How an object of the same size stands at the other side.
pub(super) async fn object_there(
    syncer: &Syncer,
    objects: &Objects,
    there: &Object,
    sum: &Sum,
    progress: &Progress,
) -> Result<There, Trouble> {
    let Some(facts) = objects.facts(&there.name).await? else { return Ok(There::Missing) };
    let equal = match same(facts.sha256.as_deref(), sum) {
        Some(equal) => equal,
        // S3 does not tell, so it is read.
        None => {
            let now = Object { etag: facts.etag, bytes: facts.bytes, ..there.clone() };
            let own = match syncer.known(&key(objects, &now)) {
                Some(own) => own,
                None => content(syncer, objects, &now, progress).await?,
            };
            own.whole == sum.whole
        }
    };
    Ok(if equal { There::Same } else { There::Other })
}

async fn file_there(
    syncer: &Syncer,
    to: &Side,
    object: &Object,
    sum: &Sum,
    progress: &Progress,
) -> Result<There, Trouble> {
    let Side::Folder(folder) = to else { return Ok(There::Missing) };
    let (folder, name) = (folder.clone(), object.name.clone());
    let failed = |error: std::io::Error| Trouble::Unread(format!("{}: {error}", object.name));
    let seen = {
        let (folder, name) = (folder.clone(), name.clone());
        blocking(move || folder.version(&name)).await.map_err(failed)?
    };
    let Some(version) = seen else { return Ok(There::Other) };
    let own = match syncer.known(&version) {
        Some(own) => own,
        None => {
            let digest = blocking(move || folder.digest(&name)).await.map_err(failed)?;
            let own = Sum { whole: digest, parts: None };
            syncer.keep(version, &own);
            own
        }
    };
    progress.wanted()?;
    Ok(if own.whole == sum.whole { There::Same } else { There::Other })
}

/// Reads a content to its end.
async fn content(
    syncer: &Syncer,
    objects: &Objects,
    object: &Object,
    progress: &Progress,
) -> Result<Sum, Trouble> {
    let (mut summing, size, mut at) = (Summing::default(), part_size(object.bytes), 0);
    while at < object.bytes {
        progress.wanted()?;
        let length = size.min(object.bytes - at);
        let (piece, _) = objects.piece(object, at, length).await?;
        progress.add(piece.len());
        let added = blocking(move || {
            summing.add(&piece);
            Ok(summing)
        });
        summing = added.await.map_err(|error| Trouble::Unread(error.to_string()))?;
        at += length;
    }
    let sum = summing.sum();
    syncer.keep(key(objects, object), &sum);
    Ok(sum)
}

/// Under which a content is remembered: another content has another tag.
pub(super) fn key(objects: &Objects, object: &Object) -> String {
    format!("{} {} {} {}", objects.at, object.name, object.etag, object.bytes)
}

pub(super) fn changed(from: &Objects, object: &Object) -> String {
    format!("{}{} was changed since it was listed", from.at, object.name)
}
