//! Whether a call is allowed: by the answers to real reads, and for the calls that change something by asking IAM.

/// The wire codes by which the services say that a call is not allowed.
const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "NotAuthorized",
    "AuthorizationError",
    "AuthorizationErrorException",
];

/// Whether a refusal means that the call is not allowed.
pub(super) fn denied(code: Option<&str>) -> bool {
    code.is_some_and(|code| DENIED.contains(&code))
}
