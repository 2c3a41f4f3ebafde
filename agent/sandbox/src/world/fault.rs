//! The ways in which a region's application can fail, and what each means at a given moment. Pure: it says
//! how to behave, and the servers behave so.

use serde::{Deserialize, Serialize};

/// A fault of one region's application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// None: it serves.
    None,
    /// Its listeners are closed: connections are refused.
    Kill {
        /// Whether the region's AWS endpoints refuse connections as well.
        #[serde(default)]
        control_plane: bool,
        /// Whether Route 53's API is gone with the region, as it is with us-east-1: connections to it are
        /// closed without a reply. DNS and health checks go on.
        #[serde(default)]
        route53: bool,
    },
    /// It accepts connections and never answers.
    Hang,
    /// It answers late.
    Slow {
        /// By how many milliseconds.
        ms: u64,
    },
    /// It answers every request with one status.
    Errors {
        /// The HTTP status, 400 to 599.
        status: u16,
    },
    /// It answers 200 on `/health` and fails every write.
    Lie,
    /// It serves for a while and refuses connections for a while, in turn.
    Flap {
        /// Milliseconds of serving, which come first.
        up_ms: u64,
        /// Milliseconds of refusing.
        down_ms: u64,
    },
}

/// What the application does with a request right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers as the world says.
    Serve,
    /// Has no listener.
    Refuse,
    /// Never answers.
    Hang,
    /// Answers as the world says, this many milliseconds later.
    Slow(u64),
    /// Answers this status to everything.
    Status(u16),
    /// Answers 200 on `/health` and fails writes.
    Lie,
}

/// A fault and the moment from which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFault {
    /// What is wrong.
    pub fault: Fault,
    /// Since when, in milliseconds of the world's clock.
    pub since_ms: u64,
}

/// One minute: a longer delay than any probe waits is better expressed as a hang.
pub const SLOW_MS_MAX: u64 = 60_000;
/// Ten milliseconds: shorter phases would only burn the machine that should be measured.
pub const FLAP_MS_MIN: u64 = 10;

impl Fault {
    /// Checks the numbers of a fault.
    ///
    /// # Errors
    /// What is out of range, in words.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            Fault::Slow { ms } if *ms > SLOW_MS_MAX => {
                Err(format!("slow: ms is at most {SLOW_MS_MAX}, use hang"))
            }
            Fault::Errors { status } if !(400..600).contains(status) => {
                Err(format!("errors: status {status} is not within 400 to 599"))
            }
            Fault::Flap { up_ms, down_ms } if *up_ms < FLAP_MS_MIN || *down_ms < FLAP_MS_MIN => {
                Err(format!("flap: up_ms and down_ms are at least {FLAP_MS_MIN}"))
            }
            Fault::None
            | Fault::Kill { .. }
            | Fault::Hang
            | Fault::Slow { .. }
            | Fault::Errors { .. }
            | Fault::Lie
            | Fault::Flap { .. } => Ok(()),
        }
    }
}

impl ActiveFault {
    /// What the application does at `now_ms`.
    #[must_use]
    pub fn behaviour(&self, now_ms: u64) -> Behaviour {
        match self.fault {
            Fault::None => Behaviour::Serve,
            Fault::Kill { .. } => Behaviour::Refuse,
            Fault::Hang => Behaviour::Hang,
            Fault::Slow { ms } => Behaviour::Slow(ms),
            Fault::Errors { status } => Behaviour::Status(status),
            Fault::Lie => Behaviour::Lie,
            Fault::Flap { up_ms, down_ms } => match self.flap_phase_ms(now_ms, up_ms, down_ms) < up_ms {
                true => Behaviour::Serve,
                false => Behaviour::Refuse,
            },
        }
    }

    /// Whether the region's AWS endpoints have no listener.
    #[must_use]
    pub fn control_plane_refuses(&self) -> bool {
        matches!(self.fault, Fault::Kill { control_plane: true, .. })
    }

    /// Whether Route 53's API is gone with the region.
    #[must_use]
    pub const fn route53_is_gone(&self) -> bool {
        matches!(self.fault, Fault::Kill { route53: true, .. })
    }

    /// The next moment after `now_ms` at which the behaviour changes by itself.
    #[must_use]
    pub fn next_change_ms(&self, now_ms: u64) -> Option<u64> {
        let Fault::Flap { up_ms, down_ms } = self.fault else { return None };
        let phase = self.flap_phase_ms(now_ms, up_ms, down_ms);
        let end = if phase < up_ms { up_ms } else { up_ms + down_ms };
        Some(now_ms + end - phase)
    }

    fn flap_phase_ms(&self, now_ms: u64, up_ms: u64, down_ms: u64) -> u64 {
        now_ms.saturating_sub(self.since_ms) % (up_ms + down_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: flapping serves first, refuses next, and repeats, with the moments of change known in advance.
    /// Method: walk one and a half periods.
    #[test]
    fn flapping_alternates() {
        let active = ActiveFault { fault: Fault::Flap { up_ms: 30, down_ms: 20 }, since_ms: 100 };
        let at = |now| (active.behaviour(now), active.next_change_ms(now));
        assert_eq!(at(100), (Behaviour::Serve, Some(130)));
        assert_eq!(at(129), (Behaviour::Serve, Some(130)));
        assert_eq!(at(130), (Behaviour::Refuse, Some(150)));
        assert_eq!(at(150), (Behaviour::Serve, Some(180)));
        assert_eq!(at(180), (Behaviour::Refuse, Some(200)));
    }

    /// Goal: the JSON of a fault is its kind beside its numbers, and numbers out of range are refused.
    /// Method: parse good and bad texts.
    #[test]
    fn faults_are_parsed_and_checked() {
        let parse = |text: &str| serde_json::from_str::<Fault>(text);
        assert_eq!(parse(r#"{"kind":"none"}"#).unwrap(), Fault::None);
        assert_eq!(
            parse(r#"{"kind":"kill"}"#).unwrap(),
            Fault::Kill { control_plane: false, route53: false }
        );
        assert!(parse(r#"{"kind":"melt"}"#).is_err());
        assert!(parse(r#"{"kind":"slow"}"#).is_err());
        assert!(Fault::Errors { status: 200 }.validate().is_err());
        assert!(Fault::Slow { ms: SLOW_MS_MAX + 1 }.validate().is_err());
        assert!(Fault::Flap { up_ms: 0, down_ms: 20 }.validate().is_err());
        assert_eq!(Fault::Flap { up_ms: 10, down_ms: 10 }.validate(), Ok(()));
    }
}
