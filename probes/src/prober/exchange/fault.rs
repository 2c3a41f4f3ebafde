//! Why an exchange failed, from the library's errors and their causes.

use crate::{prober::os_error, result::Failure};
use quorate_policies::health::FailureReason;
use std::io;

/// Why an exchange failed. `connection` is what the connection itself ended with.
pub(super) fn classify(error: &hyper::Error, connection: Option<&hyper::Error>) -> Failure {
    if error.is_canceled()
        && let Some(cause) = connection
    {
        return classify(cause, None);
    }
    let reason = match error {
        _ if error.is_parse_too_large() => FailureReason::TooLarge,
        _ if error.is_parse() => FailureReason::Protocol,
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            FailureReason::Reset
        }
        _ if error.is_body_write_aborted() => FailureReason::Write,
        _ => match cause::<h2::Error>(error) {
            Some(stream) if stream.get_io().is_some() || stream.is_remote() => FailureReason::Reset,
            Some(_) => FailureReason::Protocol,
            None => match cause::<io::Error>(error) {
                Some(io) => return classify_io(io),
                None => FailureReason::Protocol,
            },
        },
    };
    Failure::new(reason, format!("the exchange failed: {}", with_causes(error)))
}

/// An alert after the handshake (TLS 1.3 refuses a missing client certificate only then) is still TLS's failure.
fn classify_io(error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => Failure::new(FailureReason::TlsHandshake, format!("TLS: {tls}")),
        None => os_error::exchanging(error),
    }
}

fn cause<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source()).find_map(|error| error.downcast_ref())
}

fn with_causes(error: &hyper::Error) -> String {
    let first = std::error::Error::source(error);
    std::iter::successors(first, |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
