//! What an agent knows of its own files: until when its certificates hold, and what its data directory tells of a store that
//! failed. Kept, because it changes when files are read, and not from one look at the node to the next.

use super::{
    declared::*,
    series::{gauge, single},
};
use crate::{peers::tls::Expiry, shell::StoreFailures};
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Registry};
use quorate_policies::Timestamp;

#[derive(Debug)]
pub(super) struct Own {
    certificates: IntGaugeVec,
    store_failures: IntCounter,
    store_failed: IntGauge,
}

impl Own {
    pub(super) fn new(registry: &Registry) -> Self {
        let certificates = gauge(registry, &OWN_CERTIFICATE_EXPIRY);
        for certificate in OWN_CERTIFICATES {
            certificates.with_label_values(&[certificate]);
        }
        Self {
            certificates,
            store_failures: single(registry, &STORE_FAILURES),
            store_failed: gauge(registry, &STORE_FAILED).with_label_values::<&str>(&[]),
        }
    }

    pub(super) fn certificates(&self, expiry: Expiry) {
        for (certificate, at) in OWN_CERTIFICATES.into_iter().zip([expiry.own, expiry.authority]) {
            self.certificates.with_label_values(&[certificate]).set(seconds(at));
        }
    }

    /// Once, at the start: while the process lives its store has not failed.
    pub(super) fn store_failed(&self, failures: StoreFailures) {
        self.store_failures.inc_by(failures.count);
        self.store_failed.set(seconds(failures.last));
    }
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX)
}
