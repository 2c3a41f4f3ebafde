//! Certificates are replaced under a running agent: when their files change, or at SIGHUP, they are read anew, and every
//! connection from then on uses them. Files that do not fit together change nothing but the log and a metric, so that a
//! rotation that went wrong costs no quorum.
//!
//! What it must not do: close a connection that stands. It was made by certificates that held.

use super::Agent;
use crate::peers::tls::{LiveTls, Tls};
use quorate_policies::document::TlsFiles;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks at the files. Whoever replaces three files by hand takes longer than that; what is read half-way does
/// not fit together, is refused, and is read again at the next change.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until the agent stops.
pub(super) async fn run(agent: Arc<Agent>, base: PathBuf, tls: LiveTls) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        tracing::error!("SIGHUP cannot be heard: certificates are read anew only when their files change");
        return std::future::pending().await;
    };
    let mut read = stamps(&base, &agent.file.tls);
    loop {
        let asked = tokio::select! {
            _ = hangups.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let now = stamps(&base, &agent.file.tls);
        if !asked && now == read {
            continue;
        }
        read = now;
        let loaded = Tls::load(&base, &agent.file.tls);
        agent.metrics.certificates_read(loaded.is_ok());
        match loaded {
            Ok(new) => {
                agent.metrics.certificates_in_use(new.expiry);
                tls.replace(new);
                tracing::info!("certificates were read anew; new connections use them");
            }
            Err(error) => {
                tracing::error!(%error, "the certificates cannot be used: those from before stay in use");
            }
        }
    }
}

/// By what a replaced file is known; a file that is not there has none.
fn stamps(base: &Path, files: &TlsFiles) -> [Option<(SystemTime, u64)>; 3] {
    [&files.ca, &files.certificate, &files.key].map(|file| {
        let known = fs::metadata(base.join(file)).ok()?;
        Some((known.modified().ok()?, known.len()))
    })
}
