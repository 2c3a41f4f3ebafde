//! What runs have reached: faults that struck, reasons for which nothing was done, states of steps and executions, and
//! ways in which a recovery was carried on. A net that never gets somewhere proves nothing about it.

use quorate_core::{AuditEvent, LeaseProof, StepNews, StepOutcome};
use quorate_policies::guard::{Refusal, Trigger};
use std::{collections::BTreeMap, fmt};

/// How often what was reached, by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    reached: BTreeMap<(&'static str, String), u64>,
}

impl Coverage {
    /// Counts something.
    pub(crate) fn note(&mut self, kind: &'static str, name: impl Into<String>) {
        *self.reached.entry((kind, name.into())).or_default() += 1;
    }

    /// Adds what another run has reached.
    pub fn add(&mut self, other: &Coverage) {
        for (key, count) in &other.reached {
            *self.reached.entry(key.clone()).or_default() += count;
        }
    }

    /// Whether this was ever reached.
    #[must_use]
    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.reached.keys().any(|(k, n)| *k == kind && n == name)
    }

    /// How often.
    #[must_use]
    pub fn count(&self, kind: &str, name: &str) -> u64 {
        self.reached.iter().find(|((k, n), _)| *k == kind && n == name).map_or(0, |(_, count)| *count)
    }

    pub(crate) fn step_news(&mut self, news: &StepNews<'_>, told: bool) {
        match news {
            StepNews::NotBegun(_) => self.note("recovery", "attempt not begun"),
            StepNews::Left(_) if told => self.note("recovery", "attempt left"),
            StepNews::NotTaken(_) => self.note("recovery", "late outcome refused"),
            StepNews::NotInLog(_) => self.note("recovery", "outcome offered again"),
            StepNews::Begins { .. } | StepNews::Ends(_) | StepNews::Left(_) => {}
        }
    }

    pub(crate) fn audit(&mut self, event: &AuditEvent) {
        match event {
            AuditEvent::Refused { refusal } => self.note("refusal", word(refusal)),
            AuditEvent::Decided { trigger: Trigger::Automatic, .. } => self.note("decision", "automatic"),
            AuditEvent::Decided { .. } => self.note("decision", "operator"),
            AuditEvent::StepFinished { outcome, .. } => {
                self.note(
                    "step",
                    match outcome {
                        StepOutcome::Succeeded { .. } => "succeeded",
                        StepOutcome::Failed { .. } => "failed",
                        StepOutcome::Impossible { .. } => "impossible",
                        StepOutcome::Broken { .. } => "broken",
                        StepOutcome::Unknown { .. } => "unknown",
                    },
                );
            }
            AuditEvent::StepStarted { attempt, .. } if *attempt > 1 => {
                self.note("recovery", "step begun again")
            }
            AuditEvent::LeaseReleased { proof: LeaseProof::GivenUp, .. } => self.note("lease", "given up"),
            AuditEvent::LeaseReleased { proof: LeaseProof::Expired { .. }, .. } => {
                self.note("lease", "expired")
            }
            AuditEvent::Aborting { .. } => self.note("recovery", "taken back"),
            AuditEvent::ExecutionEnded { state, .. } => self.note("execution", state.clone()),
            _ => {}
        }
    }
}

/// A refusal's name, as it stands in the log.
pub(crate) fn word(refusal: &Refusal) -> String {
    let value = serde_json::to_value(refusal).unwrap();
    value["refused"].as_str().unwrap_or("unnamed").to_owned()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kind = "";
        for ((of, name), count) in &self.reached {
            if *of != kind {
                kind = of;
                write!(f, "{}{kind}:", if f.width().is_some() { "\n" } else { "\n  " })?;
            }
            write!(f, " {name} {count};")?;
        }
        Ok(())
    }
}
