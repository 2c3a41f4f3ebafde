//! When credentials are fetched again, and which ones a call may use. Pure: `now` is an argument, and what is returned
//! is for others to do.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

/// Credentials without an end come from a file or the environment, where somebody may exchange them: fifteen minutes
/// is the shortest life that AWS gives to a session, so nobody expects an exchange to be seen sooner.
const ENDLESS_REREAD: Duration = Duration::from_secs(15 * 60);
/// Half of the remaining life shrinks with each fetch that brings nothing newer; below a second it would spin.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// First pause after a failed fetch; doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Longest pause after a failed fetch, and well below half of the shortest life.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// The credentials that were fetched last, and how the source has done since.
#[derive(Debug, Default)]
pub(super) struct Keep {
    good: Option<Good>,
    failure: Option<Failure>,
    renew: bool,
}

#[derive(Debug)]
struct Good {
    credentials: Credentials,
    fetched: SystemTime,
}

#[derive(Debug)]
struct Failure {
    since: SystemTime,
    last: SystemTime,
    count: u32,
    why: String,
}

/// What the log should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing has changed.
    None,
    /// The source began to fail, or the last good ones have run out.
    Failing {
        /// Why.
        why: String,
        /// What is left of the last good ones.
        left: Option<Duration>,
    },
    /// The source answers again.
    Recovered,
}

/// How an agent's credentials stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsState {
    /// There are credentials that have not expired.
    pub held: bool,
    /// How long they live on; `None` if there are none, or if they do not expire.
    pub expires_in: Option<Duration>,
    /// How long their source has been failing; `None` if its last answer was good, or is awaited.
    pub failing_for: Option<Duration>,
    /// Why it fails, without a secret.
    pub failure: Option<String>,
}

impl CredentialsState {
    /// Credentials that are written in the settings.
    pub(crate) const fn fixed() -> Self {
        CredentialsState { held: true, expires_in: None, failing_for: None, failure: None }
    }
}

impl Keep {
    /// The last good ones, until they have really expired.
    pub(super) fn usable(&self, now: SystemTime) -> Option<&Credentials> {
        let good = self.good.as_ref()?;
        good.credentials.expiry().is_none_or(|end| now < end).then_some(&good.credentials)
    }

    /// How long until the source is asked again.
    pub(super) fn pause(&self, now: SystemTime) -> Duration {
        if self.renew && self.failure.is_none() {
            return Duration::ZERO;
        }
        let since = |moment: SystemTime| now.duration_since(moment).unwrap_or_default();
        match (&self.failure, &self.good) {
            (Some(Failure { last, count, .. }), _) => {
                let mut pause = (RETRY_FIRST * 2_u32.pow(count.saturating_sub(1).min(8))).min(RETRY_MAX);
                // Nothing left to use: the source's return is awaited by every call.
                if self.usable(now).is_none() {
                    pause = RETRY_FIRST;
                }
                pause.saturating_sub(since(*last))
            }
            (None, Some(good)) => good.pause().saturating_sub(since(good.fetched)),
            (None, None) => Duration::ZERO,
        }
    }

    /// Whether the source is to be asked now.
    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        self.pause(now).is_zero()
    }

    /// Makes the next fetch due.
    pub(super) fn renew(&mut self) {
        self.renew = true;
    }

    /// Takes what the source answered. Ones that have expired already are no answer: the last good ones stay.
    pub(super) fn note(&mut self, now: SystemTime, fetched: Result<Credentials, String>) -> News {
        let expired = |credentials: &Credentials| credentials.expiry().is_some_and(|end| end <= now);
        match fetched {
            Ok(credentials) if !expired(&credentials) => {
                self.good = Some(Good { credentials, fetched: now });
                self.renew = false;
                if self.failure.take().is_some() { News::Recovered } else { News::None }
            }
            Ok(_) => self.fail(now, "it gave credentials that have expired".to_owned()),
            Err(why) => self.fail(now, why),
        }
    }

    fn fail(&mut self, now: SystemTime, why: String) -> News {
        let before = self.failure.take();
        let left = self.usable(now).map(|credentials| {
            let end = credentials.expiry().and_then(|end| end.duration_since(now).ok());
            end.unwrap_or(Duration::MAX)
        });
        // Told twice: when it begins, and when nothing is left.
        let had_some = before.as_ref().is_none_or(|before| self.usable(before.last).is_some());
        let is_news = before.is_none() || (had_some && left.is_none());
        self.failure = Some(Failure {
            since: before.as_ref().map_or(now, |before| before.since),
            last: now,
            count: before.map_or(1, |before| before.count.saturating_add(1)),
            why: why.clone(),
        });
        if is_news { News::Failing { why, left } } else { News::None }
    }

    /// Why there is nothing to use.
    pub(super) fn why_none(&self) -> String {
        let failure = self.failure.as_ref().map_or("their source has not answered", |failure| &failure.why);
        let what = if self.good.is_some() { "the credentials have expired" } else { "no credentials" };
        format!("{what}: {failure}")
    }

    /// What there is to know.
    pub(super) fn state(&self, now: SystemTime) -> CredentialsState {
        let usable = self.usable(now);
        let end = usable.and_then(Credentials::expiry);
        CredentialsState {
            held: usable.is_some(),
            expires_in: end.and_then(|end| end.duration_since(now).ok()),
            failing_for: self.failure.as_ref().map(|f| now.duration_since(f.since).unwrap_or_default()),
            failure: self.failure.as_ref().map(|failure| failure.why.clone()),
        }
    }
}

impl Good {
    /// Half of the life that remained when they were fetched.
    fn pause(&self) -> Duration {
        let Some(end) = self.credentials.expiry() else { return ENDLESS_REREAD };
        (end.duration_since(self.fetched).unwrap_or_default() / 2).max(PAUSE_MIN)
    }
}

#[cfg(test)]
mod tests;
