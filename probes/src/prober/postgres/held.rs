//! The password and the authorities, read again after some time and not for each probe: parsing the authorities would
//! cost more than the probe. Files that became unreadable leave what was read before; a probe fails of them only when
//! nothing ever was, and then it says nothing about its target.

use super::secure::Secure;
use crate::{
    credentials::{CredentialsError, Password, PostgresCredentials},
    result::Failure,
};
use quorate_policies::{document::PostgresTls, health::FailureReason};
use rustls::RootCertStore;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long the files are not looked at again. A new password or authority is in use within that time, and at five
/// probes a second and target the disk is not asked more often than for one target.
const FRESH: Duration = Duration::from_secs(5);

/// What a session needs.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) password: Password,
    /// None without TLS.
    pub(super) secure: Option<Secure>,
}

/// The secrets as they were last read.
#[derive(Debug)]
pub(super) struct Held {
    credentials: Option<PostgresCredentials>,
    roots: Arc<RootCertStore>,
    last: Mutex<Option<(Instant, Arc<Secrets>)>>,
    stale: AtomicBool,
}

impl Held {
    pub(super) fn new(credentials: Option<PostgresCredentials>, roots: Arc<RootCertStore>) -> Self {
        Self { credentials, roots, last: Mutex::new(None), stale: AtomicBool::new(false) }
    }

    /// The next probe reads the files again.
    pub(super) fn forget(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// The secrets, read again if they are not fresh. Probes that come meanwhile wait for the one that reads.
    pub(super) async fn read(&self) -> Result<Arc<Secrets>, Failure> {
        let local = |why: String| Failure::new(FailureReason::LocalResource, why);
        let Some(credentials) = &self.credentials else {
            return Err(local("the agent's file has no `postgres` section".to_owned()));
        };
        let mut last = self.last.lock().await;
        let stale = self.stale.swap(false, Ordering::Relaxed);
        if let Some((at, secrets)) = &*last
            && !stale
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(secrets));
        }
        let (credentials, roots) = (credentials.clone(), Arc::clone(&self.roots));
        let read = tokio::task::spawn_blocking(move || read(&credentials, roots)).await;
        let read = read.map_err(|error| error.to_string()).and_then(|read| read);
        match (read, &mut *last) {
            (Ok(secrets), last) => {
                let secrets = Arc::new(secrets);
                *last = Some((Instant::now(), Arc::clone(&secrets)));
                Ok(secrets)
            }
            (Err(why), Some((at, secrets))) => {
                tracing::warn!(
                    why,
                    "the credentials of PostgreSQL cannot be read; those read before stay in use"
                );
                *at = Instant::now();
                Ok(Arc::clone(secrets))
            }
            (Err(why), None) => Err(local(why)),
        }
    }
}

fn read(credentials: &PostgresCredentials, roots: Arc<RootCertStore>) -> Result<Secrets, String> {
    let file = |error: CredentialsError| error.to_string();
    let password = credentials.password().map_err(file)?;
    let secure = match credentials.tls {
        PostgresTls::Off => None,
        PostgresTls::VerifyFull => {
            let roots = credentials.authorities().map_err(file)?.map_or(roots, Arc::new);
            // No protocols are offered: before version 17 PostgreSQL knows of none.
            Some(Secure::new(roots, &[]).map_err(|error| format!("setting up TLS: {error}"))?)
        }
    };
    Ok(Secrets { password, secure })
}
