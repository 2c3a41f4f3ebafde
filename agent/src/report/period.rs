//! The report of a period, as a value: for whoever must say that recovery works, is exercised and is under control. What
//! the audit no longer holds is said to be missing; a period is never made to look quieter than it is known to be.

use super::{
    decision::refused,
    made::{Made, Sources},
};
use crate::record::{Part, Past, part::moment, past::pasts};
use quorate_api::{AuditEntry, Execution};
use serde::Serialize;
use std::collections::BTreeMap;

/// The report of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeriodReport {
    /// `period`.
    pub report: &'static str,
    /// From when, RFC 3339.
    pub since: String,
    /// Until when.
    pub until: String,
    /// Only this service, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// From when on the audit is held, if that is later than the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_from: Option<String>,
    /// Executions, in the order in which they were decided.
    pub executions: Vec<Ended>,
    /// Refusals, by guard.
    pub refusals: Vec<Refusals>,
    /// Times in which automation was paused.
    pub holds: Vec<Hold>,
    /// Policies that came into force.
    pub policies: Vec<Applied>,
    /// The agents, and what the audit knows of each.
    pub agents: Vec<AgentSeen>,
    /// How the report was made.
    pub made: Made,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Its id.
    pub id: String,
    /// Which service.
    pub service: String,
    /// Region that was left.
    pub from: String,
    /// Region that was activated.
    pub to: String,
    /// `automatic`, or the operator.
    pub trigger: String,
    /// When it was decided, RFC 3339.
    pub decided_at: Option<String>,
    /// Its state.
    pub state: String,
    /// Its end as a sentence.
    pub outcome: String,
    /// Recovery time, in milliseconds; absent where it did not recover or is no longer remembered.
    pub rto_ms: Option<u64>,
    /// What it may take.
    pub rto_objective_ms: Option<u64>,
    /// Whether it was within that.
    pub rto_met: Option<bool>,
    /// Promotions that it made.
    pub promotions: usize,
    /// The greatest window of loss, in milliseconds; absent without a promotion, or if one was not measured.
    pub rpo_ms: Option<u64>,
    /// How much may be lost.
    pub rpo_objective_ms: Option<u64>,
    /// Whether it was within that.
    pub rpo_met: Option<bool>,
    /// The drill of which it is a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
}

/// The refusals of one guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Which guard.
    pub guard: String,
    /// How often it refused.
    pub count: usize,
    /// When first, RFC 3339.
    pub first: String,
    /// When last.
    pub last: String,
    /// Why, the last time.
    pub reason: String,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Which service.
    pub service: String,
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From when, RFC 3339.
    pub since: String,
    /// When it would end by itself.
    pub until: Option<String>,
    /// When somebody ended it, and who.
    pub resumed: Option<(String, String)>,
}

/// A policy that came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Which service.
    pub service: String,
    /// Which version.
    pub version: u64,
    /// Its hash.
    pub hash: String,
    /// When, RFC 3339.
    pub at: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentSeen {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Entries that it made, or that gave it a step.
    pub entries: usize,
    /// The latest of them, RFC 3339.
    pub last: Option<String>,
}

/// The report of a period. `members` are the agents and their regions, as the cluster has them.
#[must_use]
pub fn period_report(
    part: &Part,
    executions: &[Execution],
    members: &[(String, String)],
    sources: &Sources,
) -> PeriodReport {
    let within: Vec<&AuditEntry> = sources.audit.iter().filter(|entry| part.holds(entry)).collect();
    let since = part.since.unwrap_or_default();
    let first = sources.audit.first();
    // Entry 1 is the first that there ever was.
    let late = first.filter(|first| first.sequence > 1 && moment(&first.at).is_some_and(|at| at > since));
    // The agents' own doings are counted whatever the service.
    let of_all = Part { service: None, ..part.clone() };
    let all: Vec<&AuditEntry> = sources.audit.iter().filter(|entry| of_all.holds(entry)).collect();
    PeriodReport {
        report: "period",
        since: since.to_string(),
        until: part.until.map_or_else(|| sources.at.clone(), |until| until.to_string()),
        service: part.service.clone(),
        held_from: match (late, first) {
            (Some(first), _) => Some(first.at.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(sources.at.clone()),
        },
        executions: ended(part, &pasts(&sources.audit, executions)),
        refusals: refusals(&within),
        holds: holds(&within),
        policies: within
            .iter()
            .filter(|entry| entry.event == "policy_applied")
            .map(|entry| applied(entry))
            .collect(),
        agents: members.iter().map(|member| seen(member, &all)).collect(),
        made: Made::of(sources, None, within.iter().copied()),
    }
}

fn ended(part: &Part, pasts: &[Past]) -> Vec<Ended> {
    let of_service = |past: &&Past| part.service.as_ref().is_none_or(|service| *service == past.service);
    // One that began before the period and ended in it belongs to it as well.
    let within = |past: &&Past| {
        [&past.decided_at, &past.ended_at].into_iter().flatten().any(|at| part.covers(moment(at)))
    };
    let told = |past: &Past| Ended {
        id: past.id.clone(),
        service: past.service.clone(),
        from: past.from.clone(),
        to: past.to.clone(),
        trigger: past.trigger.clone(),
        decided_at: past.decided_at.clone(),
        state: past.state.clone(),
        outcome: past.outcome.clone(),
        rto_ms: past.rto_ms,
        rto_objective_ms: past.rto_objective_ms,
        rto_met: past.rto_met(),
        promotions: past.losses.len(),
        rpo_ms: past.rpo_ms(),
        rpo_objective_ms: past.rpo_objective_ms,
        rpo_met: past.rpo_met(),
        drill: past.drill.clone(),
    };
    pasts.iter().filter(of_service).filter(within).map(told).collect()
}

fn refusals(entries: &[&AuditEntry]) -> Vec<Refusals> {
    let mut by_guard: BTreeMap<String, Refusals> = BTreeMap::new();
    for told in entries.iter().filter(|entry| entry.event == "refused").map(|entry| refused(entry)) {
        let guard = by_guard.entry(told.guard.clone()).or_insert_with(|| Refusals {
            guard: told.guard,
            count: 0,
            first: told.at.clone(),
            last: String::new(),
            reason: String::new(),
        });
        guard.count += 1;
        (guard.last, guard.reason) = (told.at, told.reason);
    }
    by_guard.into_values().collect()
}

fn holds(entries: &[&AuditEntry]) -> Vec<Hold> {
    let mut holds: Vec<Hold> = Vec::new();
    for entry in entries {
        let service = entry.service.clone().unwrap_or_default();
        match entry.event.as_str() {
            "paused" => holds.push(Hold {
                service,
                by: entry.actor.clone(),
                reason: entry.fields["reason"].as_str().unwrap_or_default().to_owned(),
                since: entry.at.clone(),
                until: entry.fields["until"].as_u64().map(|at| quorate_policies::Timestamp(at).to_string()),
                resumed: None,
            }),
            // A pause that followed another one took its place.
            "resumed" => {
                let open = |hold: &&mut Hold| hold.service == service && hold.resumed.is_none();
                if let Some(hold) = holds.iter_mut().rev().find(open) {
                    hold.resumed = Some((entry.at.clone(), entry.actor.clone()));
                }
            }
            _ => {}
        }
    }
    holds
}

fn applied(entry: &AuditEntry) -> Applied {
    let text = |name: &str| entry.fields[name].as_str().unwrap_or_default().to_owned();
    Applied {
        service: entry.service.clone().unwrap_or_default(),
        version: entry.fields["version"].as_u64().unwrap_or_default(),
        hash: text("hash"),
        at: entry.at.clone(),
        by: entry.actor.clone(),
        reason: text("reason"),
    }
}

fn seen((name, region): &(String, String), entries: &[&AuditEntry]) -> AgentSeen {
    let own: Vec<&&AuditEntry> = entries
        .iter()
        .filter(|entry| entry.actor == *name || entry.fields["agent"] == name.as_str())
        .collect();
    AgentSeen {
        name: name.clone(),
        region: region.clone(),
        entries: own.len(),
        last: own.last().map(|entry| entry.at.clone()),
    }
}
