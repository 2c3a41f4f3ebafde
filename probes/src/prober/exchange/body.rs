//! Reading the body of a reply, never beyond [`BODY_BYTES_MAX`], and searching what was read.

use crate::result::Failure;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use quorate_policies::health::FailureReason;

/// How much of a body is read and searched, as the policy language promises: a health document is a few KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What was read of a body.
pub(super) struct Body {
    /// Its first bytes; empty unless it is to be searched.
    kept: Vec<u8>,
    /// Whether there was more than the limit.
    truncated: bool,
}

impl Body {
    /// A larger body is no failure as such, the front page may be the health endpoint; but then the expected
    /// text must stand within the limit.
    pub(super) fn must_contain(&self, text: &str) -> Result<(), Failure> {
        let found = String::from_utf8_lossy(&self.kept).contains(text);
        match (found, self.truncated) {
            (true, _) => Ok(()),
            (false, true) => {
                let detail =
                    format!("the first {BODY_BYTES_MAX} bytes do not contain {text:?} and there are more");
                Err(Failure::new(FailureReason::TooLarge, detail))
            }
            (false, false) => {
                Err(Failure::new(FailureReason::Body, format!("the body does not contain {text:?}")))
            }
        }
    }
}

/// Reads a body up to the limit, counting its bytes; keeps them only if they are to be searched.
pub(super) async fn read(mut body: Incoming, keep: bool, count: &mut u64) -> hyper::Result<Body> {
    let mut read = Body { kept: Vec::new(), truncated: false };
    let mut left = BODY_BYTES_MAX;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let taken = data.len().min(left);
        left -= taken;
        *count += taken as u64;
        if keep {
            read.kept.extend_from_slice(&data[..taken]);
        }
        if taken < data.len() {
            read.truncated = true;
            break;
        }
    }
    Ok(read)
}
