//! What an operating-system error says: about the target, or only about the prober's own machine. What lies with
//! this machine, and what is not known to lie with the target, says nothing about the target (R7, R8).

use crate::result::Failure;
use quorate_policies::health::FailureReason;
use std::io;

/// Errors of this machine: no descriptor, no memory, no port, no interface, or a local firewall's refusal (which
/// Linux reports as "not permitted"; a remote one answers with an unreachable message instead).
const LOCAL: &[i32] = &[
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOMEM,
    libc::ENOBUFS,
    libc::EADDRNOTAVAIL,
    libc::EADDRINUSE,
    libc::EAGAIN,
    libc::EPERM,
    libc::EACCES,
    libc::ENETDOWN,
];

/// Whether an error lies with this machine.
pub(super) fn is_local(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| LOCAL.contains(&code))
        || error.kind() == io::ErrorKind::OutOfMemory
}

/// Why a connection was not made.
pub(super) fn connecting(error: &io::Error) -> FailureReason {
    match error.kind() {
        _ if is_local(error) => FailureReason::LocalResource,
        io::ErrorKind::ConnectionRefused => FailureReason::ConnectRefused,
        io::ErrorKind::TimedOut => FailureReason::ConnectTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            FailureReason::ConnectUnreachable
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureReason::Reset,
        _ if error.raw_os_error() == Some(libc::EHOSTDOWN) => FailureReason::ConnectUnreachable,
        // No list of the errors of every kernel is complete: an unknown one is no evidence against the target.
        _ => FailureReason::LocalResource,
    }
}

/// Why reading or writing an established connection failed.
pub(super) fn exchanging(error: &io::Error) -> Failure {
    let reason = match error.kind() {
        _ if is_local(error) => FailureReason::LocalResource,
        io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero => FailureReason::Write,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => FailureReason::Protocol,
        // Resets, early ends, and routes that vanished under the connection: it is gone.
        _ => FailureReason::Reset,
    };
    Failure::new(reason, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each error of connecting has its reason. Method: the table, by the kernel's own numbers.
    #[test]
    fn connect_errors_have_their_reasons() {
        use FailureReason as R;
        for (code, reason) in [
            (libc::ECONNREFUSED, R::ConnectRefused),
            (libc::ETIMEDOUT, R::ConnectTimeout),
            (libc::EHOSTUNREACH, R::ConnectUnreachable),
            (libc::ENETUNREACH, R::ConnectUnreachable),
            (libc::EHOSTDOWN, R::ConnectUnreachable),
            (libc::ECONNRESET, R::Reset),
            (libc::EMFILE, R::LocalResource),
            (libc::ENFILE, R::LocalResource),
            (libc::ENOMEM, R::LocalResource),
            (libc::ENOBUFS, R::LocalResource),
            (libc::EADDRNOTAVAIL, R::LocalResource),
            (libc::EPERM, R::LocalResource),
            (libc::ENETDOWN, R::LocalResource),
            (libc::EINVAL, R::LocalResource),
        ] {
            assert_eq!(connecting(&io::Error::from_raw_os_error(code)), reason, "errno {code}");
        }
    }

    /// Goal: each error of an established connection has its reason. Method: the table.
    #[test]
    fn exchange_errors_have_their_reasons() {
        use FailureReason as R;
        for (code, reason) in [
            (libc::ECONNRESET, R::Reset),
            (libc::EHOSTUNREACH, R::Reset),
            (libc::ETIMEDOUT, R::Reset),
            (libc::EPIPE, R::Write),
            (libc::ENOMEM, R::LocalResource),
            (libc::ENOBUFS, R::LocalResource),
        ] {
            assert_eq!(exchanging(&io::Error::from_raw_os_error(code)).reason, reason, "errno {code}");
        }
        assert_eq!(exchanging(&io::ErrorKind::UnexpectedEof.into()).reason, R::Reset);
        assert_eq!(exchanging(&io::ErrorKind::InvalidData.into()).reason, R::Protocol);
    }
}
