//! What a call on AWS that did not succeed means. A plain [`Fault`] is made from the SDK's error in one place,
//! and two pure functions say what it means for an observation and for an act. They must not call anything.
//!
//! The rule for acts: only an answer that carries a wire code and is not a server error proves that nothing was
//! changed. Timeouts, lost or truncated replies and 5xx are unknown (R4, P3). The rule for reads: only a code
//! that names the object as missing is final; everything else, a 403 included, is unknown (R7).

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use quorate_policies::effect::{Acted, Observed};

/// 300 characters: enough for the longest sentence AWS answers with, short enough for a log line and a report.
const TEXT_CHARS_MAX: usize = 300;
/// Four causes: SDK, connector, HTTP, socket. Deeper chains repeat themselves.
const CAUSES_MAX: usize = 4;

/// The name of one call, for texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Service and operation as IAM writes them.
    pub(crate) operation: &'static str,
    /// Region whose endpoint is called.
    pub(crate) region: String,
    /// The object of the call.
    pub(crate) id: String,
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} in {}", self.operation, self.id, self.region)
    }
}

/// A call that did not succeed, in plain facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {kind}")]
pub(crate) struct Fault {
    pub(crate) call: Call,
    pub(crate) kind: FaultKind,
}

/// How far the call came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FaultKind {
    /// The request never left.
    #[error("not sent: {why}")]
    NotSent { why: String },
    /// No reply, or none that could be read to its end.
    #[error("no reply: {why}")]
    NoReply { why: String },
    /// A reply that is not in the protocol's shape.
    #[error("unreadable reply (HTTP {status}): {why}")]
    Unreadable { status: u16, why: String },
    /// A reply that says no.
    #[error("HTTP {status}, {}: {message}", code.as_deref().unwrap_or("no code"))]
    Answered { status: u16, code: Option<String>, message: String },
}

impl Fault {
    /// Reads the facts out of the SDK's error.
    pub(crate) fn new<E>(call: Call, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let kind = match error {
            SdkError::ConstructionFailure(_) => FaultKind::NotSent { why: causes(error) },
            // A request that could not be signed was not sent, which the SDK tells as a failed dispatch.
            SdkError::DispatchFailure(_) if lacks_credentials(error) => {
                FaultKind::NotSent { why: causes(error) }
            }
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
                FaultKind::NoReply { why: causes(error) }
            }
            SdkError::ResponseError(_) => FaultKind::Unreadable { status, why: causes(error) },
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().map(str::to_owned);
                let message =
                    public_text(code.as_deref(), status, answer.err().message().unwrap_or("no message"));
                FaultKind::Answered { status, code, message }
            }
            // The SDK may add kinds; what is not known proves nothing.
            _ => FaultKind::NoReply { why: causes(error) },
        };
        Fault { call, kind }
    }

    /// The wire code, if the service answered with one.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.kind {
            FaultKind::Answered { code, .. } => code.as_deref(),
            FaultKind::NotSent { .. } | FaultKind::NoReply { .. } | FaultKind::Unreadable { .. } => None,
        }
    }

    /// The HTTP status, if the service answered: a reply without a body, as to `HEAD`, has no code.
    pub(crate) fn status(&self) -> Option<u16> {
        match &self.kind {
            FaultKind::Answered { status, .. } => Some(*status),
            FaultKind::NotSent { .. } | FaultKind::NoReply { .. } | FaultKind::Unreadable { .. } => None,
        }
    }

    /// What it means for the one attempt of a mutating call.
    pub(crate) fn acted(&self) -> Acted {
        let reason = self.to_string();
        match &self.kind {
            FaultKind::NotSent { .. } => Acted::Refused { reason, retryable: true },
            FaultKind::NoReply { .. } | FaultKind::Unreadable { .. } => Acted::Unknown { reason },
            FaultKind::Answered { status, code: Some(code), .. } => {
                let retryable = is_retryable(code);
                if *status < 500 || retryable {
                    Acted::Refused { reason, retryable }
                } else {
                    Acted::Unknown { reason }
                }
            }
            FaultKind::Answered { code: None, .. } => Acted::Unknown { reason },
        }
    }

    /// What it means for a read that had to precede a mutating call: the mutating call was not made.
    pub(crate) fn acted_before_sending(&self, missing: &[&str]) -> Acted {
        let retryable = !self.code().is_some_and(|code| missing.contains(&code));
        Acted::Refused { reason: format!("nothing sent: {self}"), retryable }
    }

    /// What it means for an observation. `missing` are the codes that say the object does not exist.
    pub(crate) fn observed(&self, missing: &[&str]) -> Observed {
        let reason = self.to_string();
        match self.code() {
            Some(code) if missing.contains(&code) => Observed::Impossible { reason },
            Some(_) | None => Observed::Unknown { reason },
        }
    }
}

/// Codes by which AWS says "not now": it did nothing, and the same call may succeed later. Old credentials are
/// among them: nothing was done, and others are fetched in the background.
fn is_retryable(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
    )
}

/// The provider's message, made fit for logs. Messages about signatures and tokens repeat the signed request,
/// session token included, so of those only the code is shown.
fn public_text(code: Option<&str>, status: u16, message: &str) -> String {
    let code = code.unwrap_or_default();
    let about_secrets =
        ["Signature", "Token", "Credential", "AccessKey", "Expired"].iter().any(|w| code.contains(w));
    let unexplained_denial = matches!(status, 401 | 403) && !code.starts_with("AccessDenied");
    if about_secrets || unexplained_denial {
        return "(message withheld: it may repeat credentials)".to_owned();
    }
    shorten(message)
}

/// One line of at most [`TEXT_CHARS_MAX`] characters.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// Whether the call ended because there were no credentials.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let chain = std::iter::successors(Some(error), |cause: &&(dyn Error + 'static)| (*cause).source());
    chain.take(CAUSES_MAX).any(|cause| cause.is::<CredentialsError>())
}

/// The error and its causes as one line, by `Display` alone: `Debug` would print requests and headers.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |cause: &&(dyn Error + 'static)| (*cause).source())
        .take(CAUSES_MAX);
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    shorten(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind) -> Fault {
        let call = Call { operation: "ecs:UpdateService", region: "us-west-2".into(), id: "dr/web".into() };
        Fault { call, kind }
    }

    fn answered(status: u16, code: Option<&str>) -> Fault {
        fault(FaultKind::Answered { status, code: code.map(str::to_owned), message: "why".into() })
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Meaning {
        Unknown,
        Final,
        Later,
    }

    fn meaning(acted: &Acted) -> Meaning {
        match acted {
            Acted::Accepted { .. } => panic!("no fault is an acceptance"),
            Acted::Unknown { .. } => Meaning::Unknown,
            Acted::Refused { retryable: true, .. } => Meaning::Later,
            Acted::Refused { retryable: false, .. } => Meaning::Final,
        }
    }

    /// Goal: a mutating call is refused only where AWS proved that it changed nothing, else unknown (R4, P3).
    /// Method: one row for each kind of fault and each class of code.
    #[test]
    fn faults_of_acts() {
        let why = || "why".to_owned();
        let table = [
            (fault(FaultKind::NotSent { why: why() }), Meaning::Later),
            (fault(FaultKind::NoReply { why: why() }), Meaning::Unknown),
            (fault(FaultKind::Unreadable { status: 200, why: why() }), Meaning::Unknown),
            (fault(FaultKind::Unreadable { status: 500, why: why() }), Meaning::Unknown),
            (answered(500, None), Meaning::Unknown),
            (answered(500, Some("InternalFailure")), Meaning::Unknown),
            (answered(500, Some("ServerException")), Meaning::Unknown),
            (answered(503, None), Meaning::Unknown),
            (answered(503, Some("ServiceUnavailable")), Meaning::Later),
            (answered(400, None), Meaning::Unknown),
            (answered(403, None), Meaning::Unknown),
            (answered(400, Some("Throttling")), Meaning::Later),
            (answered(400, Some("ThrottlingException")), Meaning::Later),
            (answered(400, Some("PriorRequestNotComplete")), Meaning::Later),
            (answered(403, Some("ExpiredToken")), Meaning::Later),
            (answered(403, Some("AccessDenied")), Meaning::Final),
            (answered(404, Some("DBInstanceNotFound")), Meaning::Final),
            (answered(400, Some("InvalidParameterException")), Meaning::Final),
        ];
        for (fault, expected) in table {
            assert_eq!(meaning(&fault.acted()), expected, "{fault}");
        }
    }

    /// Goal: only a code that names the object as missing ends an observation (R7). Method: a table.
    #[test]
    fn faults_of_reads() {
        let missing = ["DBInstanceNotFound"];
        assert!(matches!(
            answered(404, Some("DBInstanceNotFound")).observed(&missing),
            Observed::Impossible { .. }
        ));
        for code in [Some("AccessDenied"), Some("Throttling"), Some("InternalFailure"), None] {
            assert!(matches!(answered(400, code).observed(&missing), Observed::Unknown { .. }), "{code:?}");
        }
        let lost = fault(FaultKind::NoReply { why: "timeout".into() });
        assert!(matches!(lost.observed(&missing), Observed::Unknown { .. }));
    }

    /// Goal: a fault of the read before an act says that nothing was sent. Method: one final and one passing code.
    #[test]
    fn faults_before_sending() {
        let missing = ["NoSuchHostedZone"];
        let lost = fault(FaultKind::NoReply { why: "timeout".into() });
        assert_eq!(meaning(&lost.acted_before_sending(&missing)), Meaning::Later);
        assert_eq!(
            meaning(&answered(404, Some("NoSuchHostedZone")).acted_before_sending(&missing)),
            Meaning::Final
        );
    }

    /// Goal: a text names operation, region, id and wire code. Method: print one.
    #[test]
    fn texts_name_the_call() {
        assert_eq!(
            answered(400, Some("Throttling")).to_string(),
            "ecs:UpdateService of dr/web in us-west-2: HTTP 400, Throttling: why"
        );
    }

    /// Goal: no credential reaches a text, and no text is endless. Method: messages that repeat the request.
    #[test]
    fn messages_are_made_public() {
        let leak = "The canonical string should have been 'x-amz-security-token:SECRET'";
        for (code, status) in [
            (Some("SignatureDoesNotMatch"), 403),
            (Some("InvalidSignatureException"), 400),
            (Some("InvalidClientTokenId"), 403),
            (Some("ExpiredToken"), 400),
            (Some("Forbidden"), 403),
            (None, 403),
        ] {
            assert!(!public_text(code, status, leak).contains("SECRET"), "{code:?}");
        }
        let denied =
            public_text(Some("AccessDenied"), 403, "not authorized to perform: rds:PromoteReadReplica");
        assert!(denied.contains("rds:PromoteReadReplica"), "{denied}");
        assert_eq!(public_text(Some("Invalid"), 400, "two\n  lines"), "two lines");
        assert_eq!(shorten(&"ä".repeat(500)).chars().count(), TEXT_CHARS_MAX + 3);
    }
}
