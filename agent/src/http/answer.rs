//! Answers that are not what was asked for, as RFC 9457 problem documents. Every error of the API is made here, so that
//! a kind always has the same status and title.

use crate::shell::ProposeProblem;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quorate_api::{Problem, problem::CONTENT_TYPE};
use quorate_policies::guard::Refusal;

/// A problem as an answer. Boxed, because it is far larger than what it stands in for.
#[derive(Debug)]
pub(super) struct Failure(Box<Problem>);

impl Failure {
    pub(super) fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(status.as_u16(), kind, title, detail)))
    }

    /// The request cannot be understood.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// The request is understood, and wrong.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is not acceptable", detail)
    }

    /// Single findings, one a line.
    pub(super) fn findings(detail: impl Into<String>, findings: Vec<String>) -> Self {
        let mut failure =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "findings", "The policy has problems", detail);
        failure.0.findings = findings;
        failure
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The operator's token is needed", detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The request comes from elsewhere", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing", detail)
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the body is larger than {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is too large", detail)
    }

    /// The body did not arrive: nothing was done.
    pub(super) fn slow_body() -> Self {
        let detail = "the body did not arrive in time: nothing was done";
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "The request came too slowly", detail)
    }

    pub(super) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "The agent is not ready", detail)
    }

    /// The request took too long. A change may have been applied all the same.
    pub(super) fn too_slow() -> Self {
        let detail =
            "the request took too long; it may have been applied: retry with the same Idempotency-Key";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "The request took too long", detail)
    }

    /// Refused by a guard.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let mut failure =
            Self::new(StatusCode::CONFLICT, "refused", "Refused by a guard", refusal.to_string());
        failure.0.guard = Some(refusal.guard().to_owned());
        failure.0.execution = execution(refusal);
        if let Refusal::LeaseMoved { epoch, .. } = refusal {
            failure.0.epoch = Some(*epoch);
        }
        failure
    }
}

/// The execution that a refusal is about.
fn execution(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::ExecutionInProgress { execution }
        | Refusal::WrongState { execution, .. }
        | Refusal::StepNotYours { execution, .. }
        | Refusal::UnknownExecution { execution } => Some(execution.clone()),
        _ => None,
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            // What is not there was refused by no guard.
            Refusal::UnknownService { .. } | Refusal::UnknownExecution { .. } => {
                Self::not_found(refusal.to_string())
            }
            Refusal::NoQuorum => ProposeProblem::NoQuorum.into(),
            _ => Self::refused(&refusal),
        }
    }
}

impl From<ProposeProblem> for Failure {
    fn from(problem: ProposeProblem) -> Self {
        match problem {
            ProposeProblem::NoQuorum => {
                let title = "No quorum";
                let detail = "the agents in contact are no majority: nothing was changed; restore a majority, then retry";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_quorum", title, detail)
            }
            ProposeProblem::Unknown => {
                let detail =
                    "it may have been applied: retry with the same Idempotency-Key, or look at /v1/audit";
                Self::new(StatusCode::GATEWAY_TIMEOUT, "unknown_outcome", "The outcome is not known", detail)
            }
            ProposeProblem::Stopping => {
                let detail = "this agent is stopping: nothing was changed; ask another one";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The agent is stopping", detail)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"quorate\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: every kind of problem has a stable status, type and words. Method: a snapshot of each document.
    #[test]
    fn problems_are_documents() {
        let shop = || "shop".try_into().unwrap();
        let kinds = [
            Failure::malformed("expected value at line 1 column 2"),
            Failure::invalid("`reason` is empty"),
            Failure::findings(
                "the policy was not applied",
                vec!["policy.yaml:3:5: regions: no primary; name one".into()],
            ),
            Failure::unauthorized("send `Authorization: Bearer TOKEN`"),
            Failure::forbidden("host"),
            Failure::not_found("no such path"),
            Failure::too_large(10),
            Failure::slow_body(),
            Failure::not_ready("no quorum"),
            Failure::too_slow(),
            Refusal::UnknownService { service: shop() }.into(),
            Refusal::ExecutionInProgress { execution: "shop-2".into() }.into(),
            Refusal::NoQuorum.into(),
            ProposeProblem::NoQuorum.into(),
            ProposeProblem::Unknown.into(),
            ProposeProblem::Stopping.into(),
        ];
        let text: Vec<String> =
            kinds.iter().map(|failure| serde_json::to_string(&failure.0).unwrap()).collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
