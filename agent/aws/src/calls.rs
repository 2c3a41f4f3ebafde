//! Calls as they left this agent, for whoever counts them: each attempt once, with what became of it. It sees no credential, no
//! body is told on, and it changes nothing.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Every operation that is called, with its service. A test of the actions' permissions knows the same.
pub const OPERATIONS: [(&str, &str); 37] = [
    ("application-autoscaling", "DescribeScalableTargets"),
    ("application-autoscaling", "RegisterScalableTarget"),
    ("cloudwatch", "GetMetricData"),
    ("ecs", "DescribeServices"),
    ("ecs", "UpdateService"),
    ("elasticloadbalancing", "DescribeTargetHealth"),
    ("iam", "SimulatePrincipalPolicy"),
    ("rds", "AddTagsToResource"),
    ("rds", "CreateDBInstanceReadReplica"),
    ("rds", "DescribeAccountAttributes"),
    ("rds", "DescribeDBInstances"),
    ("rds", "DescribeEvents"),
    ("rds", "DescribeGlobalClusters"),
    ("rds", "FailoverGlobalCluster"),
    ("rds", "ModifyDBInstance"),
    ("rds", "PromoteReadReplica"),
    ("rds", "RebootDBInstance"),
    ("rds", "RestoreDBInstanceToPointInTime"),
    ("rds", "StartDBInstance"),
    ("rds", "StopDBInstance"),
    ("rds", "SwitchoverGlobalCluster"),
    ("route53", "ChangeResourceRecordSets"),
    ("route53", "GetChange"),
    ("route53", "GetHealthCheckStatus"),
    ("route53", "GetHostedZone"),
    ("route53", "ListHealthChecks"),
    ("route53", "ListResourceRecordSets"),
    ("s3", "AbortMultipartUpload"),
    ("s3", "CompleteMultipartUpload"),
    ("s3", "CreateMultipartUpload"),
    ("s3", "DeleteObject"),
    ("s3", "GetObject"),
    ("s3", "HeadObject"),
    ("s3", "ListObjectsV2"),
    ("s3", "PutObject"),
    ("s3", "UploadPart"),
    ("sts", "GetCallerIdentity"),
];

/// How much of a refusal is searched for the word that says that there are too many: the code stands at its beginning.
const SEARCHED_BYTES_MAX: usize = 2_048;
/// Words of AWS for "too many", in codes of every service.
const TOO_MANY: [&str; 5] =
    ["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "RateExceeded"];

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done, or read.
    Succeeded,
    /// An answer that says no.
    Refused,
    /// The same, because there were too many.
    Throttled,
    /// An answer that says that the service itself has trouble.
    Failed,
    /// No answer, or none that could be read.
    Unanswered,
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
pub struct CallSeen<'a> {
    /// The operation, as AWS writes it.
    pub operation: &'a str,
    /// The region whose control plane was asked.
    pub region: &'a str,
    /// What became of it.
    pub answer: Answer,
    /// From sending to the answer, or to giving up.
    pub took: Duration,
}

/// Whoever is told of every attempt. It must not wait.
pub trait CallWatch: fmt::Debug + Send + Sync {
    /// One attempt has ended.
    fn seen(&self, call: &CallSeen<'_>);
}

/// Tells the watch of every attempt that a client makes.
#[derive(Debug, Clone)]
pub(crate) struct Watching {
    pub(crate) watch: Arc<dyn CallWatch>,
    pub(crate) region: String,
}

#[derive(Debug)]
struct Sent(Instant);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Watching {
    fn name(&self) -> &'static str {
        "QuorateCallWatch"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Sent(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What was not sent, for want of credentials, is no call.
        let (Some(sent), Some(metadata)) = (config.load::<Sent>(), config.load::<Metadata>()) else {
            return Ok(());
        };
        let answer = match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), _) => Answer::Succeeded,
            (_, None) => Answer::Unanswered,
            (_, Some(response)) => {
                judge(response.status().as_u16(), response.body().bytes().unwrap_or_default())
            }
        };
        let took = sent.0.elapsed();
        self.watch.seen(&CallSeen { operation: metadata.name(), region: &self.region, answer, took });
        Ok(())
    }
}

/// What an answer says that is no success.
fn judge(status: u16, body: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(&body[..body.len().min(SEARCHED_BYTES_MAX)]);
    let too_many = status == 429 || (status >= 400 && TOO_MANY.iter().any(|word| text.contains(word)));
    match status {
        _ if too_many => Answer::Throttled,
        400..500 => Answer::Refused,
        500.. => Answer::Failed,
        // A success that could not be read.
        _ => Answer::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an answer is what AWS means by it. Method: answers of each protocol.
    #[test]
    fn answers_are_told_apart() {
        for (status, body, answer) in [
            (400, "<Error><Code>Throttling</Code></Error>", Answer::Throttled),
            (400, r#"{"__type":"ThrottlingException"}"#, Answer::Throttled),
            (503, "<Error><Code>SlowDown</Code></Error>", Answer::Throttled),
            (429, "", Answer::Throttled),
            (400, "<Error><Code>InvalidDBInstanceState</Code></Error>", Answer::Refused),
            (403, "", Answer::Refused),
            (500, "<Error><Code>InternalFailure</Code></Error>", Answer::Failed),
            (200, "<Trunc", Answer::Unanswered),
        ] {
            assert_eq!(judge(status, body.as_bytes()), answer, "{status} {body}");
        }
    }

    /// Goal: the list is in order, so that one who adds to it sees what is there. Method: sort it.
    #[test]
    fn operations_are_sorted() {
        assert!(OPERATIONS.is_sorted());
    }
}
