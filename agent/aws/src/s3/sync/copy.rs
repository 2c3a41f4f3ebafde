//! The act: each object is read, compared with what the look saw, and put, whole or not at all. A call without an answer is
//! followed by a look at the object itself.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::{TryStreamExt as _, stream};
use tokio::time::sleep;

use super::super::calls::{Labels, PAUSE_FIRST, Upload};
use super::super::sums::{Summing, part_size};
use super::super::{Objects, Trouble};
use super::folder::{Draft, Folder};
use super::survey::{There, key, object_there};
use super::{COPIED_AT_ONCE, Item, Order, Progress, Side, Survey, Syncer, blocking};
use crate::fault::{Fault, FaultKind};

/// How often an object is put: a lost answer, two throttled seconds and one more.
const PUTS_MAX: u32 = 5;

pub(super) async fn copy(
    syncer: &Syncer,
    order: &Order,
    from: &Objects,
    to: &Side,
    survey: &Survey,
    progress: &Progress,
) -> Result<(), Trouble> {
    let wanted = survey.missing.iter().chain(survey.other.iter().filter(|_| order.replace));
    let items = wanted.filter_map(|name| survey.items.get(name));
    let copies = stream::iter(items.map(Ok)).try_for_each_concurrent(COPIED_AT_ONCE, |item| async move {
        match to {
            Side::Objects(objects) => {
                let put = Put { syncer, from, to: objects, item, replace: order.replace, progress };
                put.carry_out().await
            }
            Side::Folder(folder) => write(from, folder, item, order.replace, progress).await,
        }
    });
    copies.await?;
    if order.delete {
        let extra = stream::iter(survey.extra.iter().cloned().map(Ok));
        let deleted = extra
            .try_for_each_concurrent(COPIED_AT_ONCE, |name| async move { delete(to, &name, progress).await });
        deleted.await?;
    }
    Ok(())
}

/// One object on its way into a bucket.
struct Put<'a> {
    syncer: &'a Syncer,
    from: &'a Objects,
    to: &'a Objects,
    item: &'a Item,
    replace: bool,
    progress: &'a Progress,
}

impl Put<'_> {
    async fn carry_out(&self) -> Result<(), Trouble> {
        if self.item.object.bytes <= part_size(self.item.object.bytes) {
            self.at_once().await
        } else {
            self.by_parts().await
        }
    }

    async fn at_once(&self) -> Result<(), Trouble> {
        let object = &self.item.object;
        let (content, labels) = self.from.piece(object, 0, object.bytes).await?;
        self.progress.add(content.len());
        let mut summing = Summing::default();
        let own = summing.add(&content);
        self.compare(summing)?;
        self.until_it_is_there(|| async {
            self.to.put(&object.name, content.clone(), &own, &labels, self.replace).await
        })
        .await
    }

    async fn by_parts(&self) -> Result<(), Trouble> {
        let object = &self.item.object;
        let size = part_size(object.bytes);
        let (first, labels) = self.from.piece(object, 0, size).await?;
        let mut upload = self.begin(&labels).await?;
        let outcome = self.parts(&mut upload, first, size).await;
        if outcome.is_err() {
            self.to.abort(&upload).await;
        }
        outcome
    }

    /// An upload of which nobody heard is left behind; the next one is another.
    async fn begin(&self, labels: &Labels) -> Result<Upload, Trouble> {
        let mut pause = PAUSE_FIRST;
        for _ in 1..PUTS_MAX {
            match self.to.begin(&self.item.object.name, labels).await {
                Ok(upload) => return Ok(upload),
                Err(fault) if is_final(&fault) => return Err(Trouble::Cannot(fault.to_string())),
                Err(fault) => tracing::debug!(%fault, "an upload is begun again"),
            }
            sleep(pause).await;
            pause *= 2;
        }
        let begun = self.to.begin(&self.item.object.name, labels).await;
        begun.map_err(|fault| Trouble::Unread(fault.to_string()))
    }

    async fn parts(&self, upload: &mut Upload, first: Vec<u8>, size: u64) -> Result<(), Trouble> {
        let object = &self.item.object;
        let (mut summing, mut at, mut piece) = (Summing::default(), 0, first);
        loop {
            self.progress.add(piece.len());
            let added = blocking(move || {
                let own = summing.add(&piece);
                Ok((summing, own, piece))
            });
            let (so_far, own, content) = added.await.map_err(|error| Trouble::Unread(error.to_string()))?;
            summing = so_far;
            at += content.len() as u64;
            self.part(upload, content, &own).await?;
            if at >= object.bytes {
                break;
            }
            piece = self.from.piece(object, at, size.min(object.bytes - at)).await?.0;
        }
        self.compare(summing)?;
        let upload: &Upload = upload;
        self.until_it_is_there(|| async { self.to.complete(upload, self.replace).await }).await
    }

    async fn part(&self, upload: &mut Upload, content: Vec<u8>, own: &str) -> Result<(), Trouble> {
        let mut pause = PAUSE_FIRST;
        for _ in 1..PUTS_MAX {
            self.progress.wanted()?;
            match self.to.part(upload, content.clone(), own).await {
                Ok(()) => return Ok(()),
                Err(fault) if is_final(&fault) => return Err(Trouble::Cannot(fault.to_string())),
                Err(fault) => tracing::debug!(%fault, "a part is put again"),
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.to.part(upload, content, own).await.map_err(|fault| Trouble::Unread(fault.to_string()))
    }

    /// Whether what was read is what the look saw; then it is remembered, with its parts.
    fn compare(&self, summing: Summing) -> Result<(), Trouble> {
        let sum = summing.sum();
        compared(self.from, self.item, &sum.whole)?;
        self.syncer.keep(key(self.from, &self.item.object), &sum);
        Ok(())
    }

    /// Sends what makes the object, until it is there: after every answer that is none, a look.
    async fn until_it_is_there<F>(&self, send: impl Fn() -> F) -> Result<(), Trouble>
    where
        F: Future<Output = Result<(), Fault>>,
    {
        let mut pause = PAUSE_FIRST;
        for number in 1..=PUTS_MAX {
            self.progress.wanted()?;
            let Err(fault) = send().await else { return Ok(()) };
            match self.there().await? {
                There::Same => return Ok(()),
                There::Other if !self.replace => {
                    let why =
                        format!("{}{} was put there by somebody else", self.to.at, self.item.object.name);
                    return Err(Trouble::Cannot(why));
                }
                There::Other | There::Missing if is_final(&fault) => {
                    return Err(Trouble::Cannot(fault.to_string()));
                }
                There::Other | There::Missing if number == PUTS_MAX => {
                    return Err(Trouble::Unread(fault.to_string()));
                }
                There::Other | There::Missing => tracing::debug!(%fault, "an object is put again"),
            }
            sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }

    async fn there(&self) -> Result<There, Trouble> {
        let known = self.syncer.known(&key(self.from, &self.item.object));
        let Some(sum) = known else { return Ok(There::Missing) };
        object_there(self.syncer, self.to, &self.item.object, &sum, self.progress).await
    }
}

/// A refusal that stays one: S3 has said no, and it is not that others were there first or that it is busy.
fn is_final(fault: &Fault) -> bool {
    let FaultKind::Answered { status, code, .. } = &fault.kind else { return false };
    // A request that took too long on its way is S3's own word for a lost connection.
    let passes = matches!(code.as_deref(), Some("RequestTimeout" | "RequestTimeTooSkewed" | "ExpiredToken"));
    (400..500).contains(status) && !matches!(status, 404 | 409 | 412 | 429) && !passes
}

fn compared(from: &Objects, item: &Item, read: &str) -> Result<(), Trouble> {
    if read == item.sha256 {
        return Ok(());
    }
    let Item { object, sha256 } = item;
    Err(Trouble::Cannot(format!(
        "{}{}: what was read has the SHA-256 {read}, and it is to be {sha256}",
        from.at, object.name
    )))
}

/// Writes one object beside its place, and puts it there when all of it is as it is to be.
async fn write(
    from: &Objects,
    folder: &Folder,
    item: &Item,
    replace: bool,
    progress: &Progress,
) -> Result<(), Trouble> {
    let object = &item.object;
    let failed = |error: std::io::Error| Trouble::Unread(format!("{}: {error}", object.name));
    let (mut file, draft) = {
        let (folder, name) = (folder.clone(), object.name.clone());
        blocking(move || folder.draft(&name)).await.map_err(failed)?
    };
    let draft = Arc::new(draft);
    let (mut summing, size, mut at) = (Summing::default(), part_size(object.bytes), 0);
    while at < object.bytes {
        progress.wanted()?;
        let (piece, _) = from.piece(object, at, size.min(object.bytes - at)).await?;
        progress.add(piece.len());
        at += piece.len() as u64;
        let added = blocking(move || {
            summing.add(&piece);
            file.write_all(&piece)?;
            Ok::<(Summing, File), std::io::Error>((summing, file))
        });
        (summing, file) = added.await.map_err(failed)?;
    }
    compared(from, item, &summing.sum().whole)?;
    progress.wanted()?;
    let changed = object.changed;
    let (own, of) = (Arc::clone(&draft), move |draft: &Draft| draft.put(&file, changed, replace));
    blocking(move || of(&own)).await.map_err(failed)
}

async fn delete(to: &Side, name: &str, progress: &Progress) -> Result<(), Trouble> {
    progress.wanted()?;
    match to {
        Side::Objects(objects) => {
            let deleted = objects.delete(name).await;
            deleted.map_err(|fault| {
                let why = fault.to_string();
                if is_final(&fault) { Trouble::Cannot(why) } else { Trouble::Unread(why) }
            })
        }
        Side::Folder(folder) => {
            let (folder, own) = (folder.clone(), name.to_owned());
            let failed = |error: std::io::Error| Trouble::Unread(format!("{name}: {error}"));
            blocking(move || folder.remove(&own)).await.map_err(failed)
        }
    }
}
