//! The calls on one prefix of one bucket. A read is tried again; what changes something is sent once, and whoever sent it looks
//! at the bucket when it was not answered. Nothing here decides.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::DateTime;
use quorate_policies::Timestamp;
use quorate_policies::plan::action::S3Prefix;
use tokio::time::{sleep, timeout};

use super::{Object, Trouble};
use crate::clients::Place;
use crate::fault::{Call, Fault, causes};

/// One call that carries content, with its body: below the longest call of an agent (12 s). Eight megabytes take so long at
/// 0.8 MB/s; whoever is slower cannot restore anyway.
const CARRY_MAX: Duration = Duration::from_secs(10);
/// How often a piece is read: a lost connection, a throttled second and one more.
const READS_MAX: u32 = 4;
/// The first pause between two of them; it doubles.
pub(super) const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// What is below a prefix of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    client: aws_sdk_s3::Client,
    pub(super) at: S3Prefix,
}

/// What S3 says of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) etag: String,
    pub(super) bytes: u64,
    /// Its SHA-256 as S3 writes it, where S3 knows one.
    pub(super) sha256: Option<String>,
}

/// What else belongs to an object's content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Labels {
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_disposition: Option<String>,
    cache_control: Option<String>,
    metadata: Option<HashMap<String, String>>,
}

/// An upload of several parts.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) name: String,
    id: String,
    parts: Vec<CompletedPart>,
}

impl Objects {
    pub(crate) fn new(place: &Place<'_>, at: &S3Prefix) -> Self {
        Self { client: place.s3(), at: at.clone() }
    }

    /// All of them; folders that are only marked by a key are none.
    pub(crate) async fn list(&self, most: usize) -> Result<Vec<Object>, Trouble> {
        let (mut all, mut more) = (Vec::new(), None);
        loop {
            let request = self.client.list_objects_v2().bucket(&self.at.bucket).prefix(self.at.prefix());
            let reply = request.set_continuation_token(more).send().await;
            let reply =
                reply.map_err(|error| read(&Fault::new(self.call("s3:ListObjectsV2", ""), &error)))?;
            all.extend(reply.contents().iter().filter_map(|object| self.object(object)));
            if all.len() > most {
                let why = format!("{} has more than {most} objects: name a narrower prefix", self.at);
                return Err(Trouble::Cannot(why));
            }
            more = reply
                .next_continuation_token()
                .filter(|_| reply.is_truncated() == Some(true))
                .map(str::to_owned);
            if more.is_none() {
                return Ok(all);
            }
        }
    }

    fn object(&self, object: &aws_sdk_s3::types::Object) -> Option<Object> {
        let name = object.key()?.strip_prefix(self.at.prefix())?;
        let storage = object.storage_class().map_or("STANDARD", |class| class.as_str());
        (!name.is_empty() && !name.ends_with('/')).then(|| Object {
            name: name.to_owned(),
            bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            changed: moment(object.last_modified()),
            etag: object.e_tag().unwrap_or_default().to_owned(),
            storage: storage.to_owned(),
        })
    }

    /// What S3 says of one; none when it is not there.
    pub(super) async fn facts(&self, name: &str) -> Result<Option<Facts>, Trouble> {
        let request = self.client.head_object().bucket(&self.at.bucket).key(self.key(name));
        match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(reply) => Ok(Some(Facts {
                etag: reply.e_tag().unwrap_or_default().to_owned(),
                bytes: reply.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                sha256: whole_or_parts(reply.e_tag(), reply.checksum_sha256()),
            })),
            Err(error) => match Fault::new(self.call("s3:HeadObject", name), &error) {
                fault if fault.status() == Some(404) => Ok(None),
                fault => Err(read(&fault)),
            },
        }
    }

    /// Reads one piece of the very content that was listed, whole or not at all.
    pub(super) async fn piece(
        &self,
        object: &Object,
        from: u64,
        length: u64,
    ) -> Result<(Vec<u8>, Labels), Trouble> {
        let mut pause = PAUSE_FIRST;
        for _ in 1..READS_MAX {
            match self.piece_once(object, from, length).await {
                Err(Trouble::Unread(why)) => tracing::debug!(%why, "an object's piece is read again"),
                other => return other,
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.piece_once(object, from, length).await
    }

    async fn piece_once(
        &self,
        object: &Object,
        from: u64,
        length: u64,
    ) -> Result<(Vec<u8>, Labels), Trouble> {
        let call = self.call("s3:GetObject", &object.name);
        let request = self.client.get_object().bucket(&self.at.bucket).key(self.key(&object.name));
        // Nothing has no first byte.
        let range = (length > 0).then(|| format!("bytes={from}-{}", from + length - 1));
        let request = request.set_range(range).if_match(&object.etag);
        let reading = async {
            let reply = request.customize().config_override(carrying()).send().await;
            let reply = reply.map_err(|error| read(&Fault::new(call.clone(), &error)))?;
            let labels = Labels {
                content_type: reply.content_type().map(str::to_owned),
                content_encoding: reply.content_encoding().map(str::to_owned),
                content_language: reply.content_language().map(str::to_owned),
                content_disposition: reply.content_disposition().map(str::to_owned),
                cache_control: reply.cache_control().map(str::to_owned),
                metadata: reply.metadata().cloned(),
            };
            let body = reply.body.collect().await;
            let body = body.map_err(|error| {
                Trouble::Unread(format!("{call}: its content ends early: {}", causes(&error)))
            })?;
            Ok((body.to_vec(), labels))
        };
        let (content, labels) = timeout(CARRY_MAX, reading)
            .await
            .map_err(|_| Trouble::Unread(format!("{call}: no end within {CARRY_MAX:?}")))??;
        if content.len() as u64 == length {
            Ok((content, labels))
        } else {
            Err(Trouble::Unread(format!("{call}: {} bytes in place of {length}", content.len())))
        }
    }

    /// Puts a whole object, whose SHA-256 S3 compares. Unless it may replace one, only where there is none.
    pub(super) async fn put(
        &self,
        name: &str,
        content: Vec<u8>,
        sha256: &str,
        labels: &Labels,
        replace: bool,
    ) -> Result<(), Fault> {
        let request = self.client.put_object().bucket(&self.at.bucket).key(self.key(name));
        let request = request
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(sha256)
            .set_if_none_match((!replace).then(|| "*".to_owned()))
            .set_content_type(labels.content_type.clone())
            .set_content_encoding(labels.content_encoding.clone())
            .set_content_language(labels.content_language.clone())
            .set_content_disposition(labels.content_disposition.clone())
            .set_cache_control(labels.cache_control.clone())
            .set_metadata(labels.metadata.clone())
            .body(ByteStream::from(content));
        let sent = request.customize().config_override(carrying()).send().await;
        sent.map(drop).map_err(|error| Fault::new(self.call("s3:PutObject", name), &error))
    }

    /// Begins an upload of several parts.
    pub(super) async fn begin(&self, name: &str, labels: &Labels) -> Result<Upload, Fault> {
        let call = self.call("s3:CreateMultipartUpload", name);
        let request = self.client.create_multipart_upload().bucket(&self.at.bucket).key(self.key(name));
        let request = request
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_content_type(labels.content_type.clone())
            .set_content_encoding(labels.content_encoding.clone())
            .set_content_language(labels.content_language.clone())
            .set_content_disposition(labels.content_disposition.clone())
            .set_cache_control(labels.cache_control.clone())
            .set_metadata(labels.metadata.clone());
        let reply = request.customize().config_override(carrying()).send().await;
        let reply = reply.map_err(|error| Fault::new(call, &error))?;
        let id = reply.upload_id().unwrap_or_default().to_owned();
        Ok(Upload { name: name.to_owned(), id, parts: Vec::new() })
    }

    /// Puts the next part, whose SHA-256 S3 compares. A part that was put twice counts once.
    pub(super) async fn part(
        &self,
        upload: &mut Upload,
        content: Vec<u8>,
        sha256: &str,
    ) -> Result<(), Fault> {
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let request = self.client.upload_part().bucket(&self.at.bucket).key(self.key(&upload.name));
        let request = request.upload_id(&upload.id).part_number(number).checksum_sha256(sha256);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256);
        let sent =
            request.body(ByteStream::from(content)).customize().config_override(carrying()).send().await;
        let reply = sent.map_err(|error| Fault::new(self.call("s3:UploadPart", &upload.name), &error))?;
        let part = CompletedPart::builder().part_number(number).checksum_sha256(sha256);
        upload.parts.push(part.set_e_tag(reply.e_tag().map(str::to_owned)).build());
        Ok(())
    }

    /// Makes an object of the parts.
    pub(super) async fn complete(&self, upload: &Upload, replace: bool) -> Result<(), Fault> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.parts.clone())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.at.bucket);
        let request = request.key(self.key(&upload.name)).upload_id(&upload.id).multipart_upload(parts);
        let request = request.set_if_none_match((!replace).then(|| "*".to_owned()));
        let sent = request.customize().config_override(carrying()).send().await;
        sent.map(drop)
            .map_err(|error| Fault::new(self.call("s3:CompleteMultipartUpload", &upload.name), &error))
    }

    /// Takes the parts away again, if it can: what stays is paid for until a rule of the bucket removes it.
    pub(super) async fn abort(&self, upload: &Upload) {
        let request = self.client.abort_multipart_upload().bucket(&self.at.bucket);
        let request = request.key(self.key(&upload.name)).upload_id(&upload.id);
        if let Err(error) = request.send().await {
            let fault = Fault::new(self.call("s3:AbortMultipartUpload", &upload.name), &error);
            tracing::warn!(%fault, "parts of an upload stay behind");
        }
    }

    /// Deletes one. One that is not there is deleted already.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Fault> {
        let request = self.client.delete_object().bucket(&self.at.bucket).key(self.key(name));
        let sent = request.customize().config_override(carrying()).send().await;
        sent.map(drop).map_err(|error| Fault::new(self.call("s3:DeleteObject", name), &error))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.at.prefix())
    }

    fn call(&self, operation: &'static str, name: &str) -> Call {
        Call { operation, region: self.at.region.clone(), id: format!("{}{name}", self.at) }
    }
}

/// The settings of a call that carries content: one attempt, and time for the content.
fn carrying() -> Builder {
    let limits =
        TimeoutConfig::builder().operation_timeout(CARRY_MAX).operation_attempt_timeout(CARRY_MAX).build();
    Builder::default().retry_config(RetryConfig::disabled()).timeout_config(limits)
}

/// What a read that did not succeed means. What is not allowed now will not be allowed by asking again.
fn read(fault: &Fault) -> Trouble {
    let why = fault.to_string();
    match fault.status() {
        Some(412) => Trouble::Cannot(format!("{why}; it was changed since it was listed")),
        Some(404) => Trouble::Cannot(format!("{why}; it is not there")),
        Some(301 | 403) if !passing(fault) => Trouble::Cannot(why),
        Some(_) | None => Trouble::Unread(why),
    }
}

/// Refusals that pass by themselves: credentials that are being fetched anew, and a clock that is set.
fn passing(fault: &Fault) -> bool {
    matches!(fault.code(), Some("ExpiredToken" | "RequestTimeTooSkewed" | "RequestExpired"))
}

/// What S3 says of an object that was put in parts is of the parts, and says so by their number. Without that it is not known
/// what it is of.
fn whole_or_parts(etag: Option<&str>, said: Option<&str>) -> Option<String> {
    let in_parts = etag.is_some_and(|etag| etag.contains('-'));
    said.filter(|said| !in_parts || said.contains('-')).map(str::to_owned)
}

fn moment(at: Option<&DateTime>) -> Timestamp {
    let millis = at.and_then(|at| at.to_millis().ok());
    Timestamp(millis.and_then(|millis| u64::try_from(millis).ok()).unwrap_or_default())
}
