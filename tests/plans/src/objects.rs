//! The S3 of a plan: strict moto, as `tests/emulators/start` serves it on loopback. Buckets and objects are put there as a backup
//! job puts them; what is copied from there is the agents' doing. It ends with the value, and with this process, because its
//! standard input does.

use anyhow::{Context as _, ensure};
use http::{Method, Request, header::CONTENT_TYPE};
use quorate::outgoing::HttpClient;
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Where the emulators' launcher is, from this crate.
const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../emulators/start");
/// How long one request may take on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// An answer to a put has no body worth reading.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// A running server.
pub(super) struct Objects {
    url: String,
    regions: &'static [&'static str],
    client: HttpClient,
    child: Child,
}

impl Objects {
    /// Starts one that has the buckets of these regions.
    ///
    /// # Errors
    /// When moto is not installed (`tests/run` installs it) or does not start.
    pub(super) fn start(regions: &'static [&'static str]) -> anyhow::Result<Self> {
        let mut child = Command::new(START)
            .args(["--installed", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{START} cannot be run"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has a pipe")?).read_line(&mut line)?;
        let url = line.trim().strip_prefix("ready ").context("moto does not start: run tests/run once")?;
        Ok(Self { url: url.to_owned(), regions, client: HttpClient::new(), child })
    }

    /// Where each region's S3 is reached.
    pub(super) fn endpoints(&self) -> BTreeMap<String, String> {
        self.regions.iter().map(|region| ((*region).to_owned(), self.url.clone())).collect()
    }

    /// Makes a bucket in a region.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn bucket(&self, name: &str, region: &str) -> anyhow::Result<()> {
        // us-east-1 is the one that S3 does not want to be told.
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        );
        let body = if region == "us-east-1" { String::new() } else { place };
        self.put_at(name, body.into_bytes()).await
    }

    /// Puts an object.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn put(&self, bucket: &str, key: &str, content: &[u8]) -> anyhow::Result<()> {
        self.put_at(&format!("{bucket}/{key}"), content.to_vec()).await
    }

    async fn put_at(&self, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
        let request = Request::builder()
            .method(Method::PUT)
            .uri(format!("{}/{path}", self.url))
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body.into())?;
        let answer = self.client.send(request, ANSWER_MAX, ANSWER_BYTES_MAX).await?;
        let told = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status.is_success(), "{path}: {} {told}", answer.status);
        Ok(())
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
