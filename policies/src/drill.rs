//! When a drill is due, and what keeps it from beginning. Pure: what the log remembers, what an agent sees and the time come in.
//! What a drill does is a plan like any other; it is begun elsewhere, and asked of the guards there.

use crate::{
    agreement::Opinion,
    name::{BackupName, DrillName, RegionName},
    policy::{
        Drill, DrillCondition, DrillMode, Objective, Policy,
        window::{time_zone, wall_clock},
    },
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Runs of each drill that are remembered: three years of monthly ones, for the trend.
pub const RUNS_KEPT_MAX: usize = 36;

/// A scheduled drill that did not succeed is tried again after so long: nobody is served by one that fails every minute, and
/// whoever has to mend something has a day for it.
pub const TRY_AGAIN_AFTER: Millis = Millis::from_secs(24 * 3_600);

/// A drill is overdue once this part of its interval has passed after it was due: a weekly window of a quarterly drill has passed
/// by then.
const OVERDUE_PART: u64 = 10;

/// What the log remembers of one drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// Since when a policy in force has it: the first is due one interval later.
    pub since: Timestamp,
    /// How many there were, those that are no longer remembered too.
    #[serde(default)]
    pub count: u64,
    /// The latest, oldest first.
    #[serde(default)]
    pub runs: VecDeque<DrillRun>,
    /// When it was last said that it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Timestamp>,
}

/// One run of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRun {
    /// How far it went.
    pub mode: DrillMode,
    /// Who wanted it.
    pub by: String,
    /// When it began.
    pub begun: Timestamp,
    /// When its own part ended: the move there, or the isolated plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its execution; none of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Whether it succeeded; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    /// How it ended, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The recovery time that a dry run told to expect; none where a step was never measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Millis>,
    /// The recovery time that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Millis>,
    /// The window of loss that was measured; none without a promotion, or when one could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Millis>,
    /// What it is measured against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// The execution of the way back or the cleanup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// How that ended, as a sentence; empty until then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub second_outcome: String,
}

impl DrillRecord {
    /// Of a drill that a policy has from now on.
    #[must_use]
    pub const fn new(since: Timestamp) -> Self {
        Self { since, count: 0, runs: VecDeque::new(), announced: None }
    }

    /// Adds a run, and forgets the oldest.
    pub fn add(&mut self, run: DrillRun) {
        self.count += 1;
        self.runs.push_back(run);
        while self.runs.len() > RUNS_KEPT_MAX {
            self.runs.pop_front();
        }
    }

    /// The latest that succeeded.
    #[must_use]
    pub fn last_good(&self) -> Option<&DrillRun> {
        self.runs.iter().rev().find(|run| run.succeeded == Some(true))
    }
}

/// Whether a drill is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "due")]
pub enum Due {
    /// Never by itself.
    ByHand,
    /// Later.
    Later {
        /// When.
        at: Timestamp,
    },
    /// Now.
    Now {
        /// Since when.
        since: Timestamp,
        /// Whether that is long ago.
        overdue: bool,
    },
}

/// Whether a drill is due. What counts is the latest one that succeeded: a drill that failed has shown that the next is needed.
#[must_use]
pub fn due(drill: &Drill, record: &DrillRecord, now: Timestamp) -> Due {
    let Some(every) = drill.every else { return Due::ByHand };
    let at = record.last_good().map_or(record.since, |run| run.begun).plus(every);
    if now < at {
        return Due::Later { at };
    }
    Due::Now { since: at, overdue: now.since(at).0 > every.0 / OVERDUE_PART }
}

/// Whether the agents may begin a drill by themselves: it is scheduled, due, and was not tried a moment ago.
#[must_use]
pub fn begins_itself(drill: &Drill, record: &DrillRecord, now: Timestamp) -> bool {
    let tried = record.runs.back().is_some_and(|run| now.since(run.begun) < TRY_AGAIN_AFTER);
    drill.scheduled && !tried && matches!(due(drill, record, now), Due::Now { .. })
}

/// What an agent sees of a service that matters to a drill.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// What the agents agree on, by region.
    pub regions: BTreeMap<RegionName, Opinion>,
    /// What stands in the way of the plan, as this agent found it last.
    pub not_ready: Option<String>,
    /// The backups that are not fresh, as this agent sees them. What another region's agents look at it does not know.
    pub stale: BTreeSet<BackupName>,
}

/// Why a drill does not begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum DrillRefusal {
    /// There is none of that name.
    #[error("the policy has no such drill; there are: {known}")]
    Unknown {
        /// Those that there are.
        known: String,
    },
    /// It cannot be made like that.
    #[error("{why}")]
    Unfit {
        /// Why, and the mend.
        why: String,
    },
    /// It is not due, or was begun already.
    #[error("it is not due, or has been begun already")]
    NotDue,
    /// Another one has not ended.
    #[error("drill `{drill}` has not ended: its {rest} is still to come")]
    UnderWay {
        /// Which one.
        drill: DrillName,
        /// What is missing.
        rest: String,
    },
    /// It is no time for it.
    #[error("none of its windows is open at {at} ({zone})")]
    OutsideWindows {
        /// What the clock on the wall shows.
        at: String,
        /// Where.
        zone: String,
    },
    /// It is a time at which there must be none.
    #[error("it is blocked at {at} ({zone})")]
    BlockedTime {
        /// What the clock on the wall shows.
        at: String,
        /// Where.
        zone: String,
    },
    /// A region is not healthy.
    #[error("region `{region}` is not healthy by agreement")]
    DegradedRegion {
        /// Which one.
        region: RegionName,
    },
    /// The plan would not go through.
    #[error("its plan would not go through: {finding}")]
    NotReady {
        /// What was found.
        finding: String,
    },
    /// A backup is not fresh.
    #[error("backup `{backup}` is not fresh")]
    StaleBackup {
        /// Which one.
        backup: BackupName,
    },
    /// A live drill begins at home.
    #[error("the service is in `{active}`, away from home: bring it home first (`quorate failback`)")]
    AwayFromHome {
        /// Where it is.
        active: RegionName,
    },
}

/// Everything that keeps a drill from beginning now, but for what the log itself refuses.
#[must_use]
pub fn blocked(policy: &Policy, drill: &Drill, conditions: &Conditions, now: Timestamp) -> Vec<DrillRefusal> {
    let mut why: Vec<DrillRefusal> = time(drill, now).into_iter().collect();
    if drill.mode == DrillMode::DryRun {
        // What is wrong is what it is to find, and finding it changes nothing.
        return why;
    }
    let when = |condition: DrillCondition| drill.blocked_while.contains(&condition);
    if when(DrillCondition::DegradedRegion) {
        let healthy = |region: &&RegionName| conditions.regions.get(*region) == Some(&Opinion::Healthy);
        // Nothing runs in a cold region until a plan builds it.
        let warm = policy.regions.iter().filter(|(_, region)| !region.cold).map(|(name, _)| name);
        let degraded = warm.filter(|region| !healthy(region));
        why.extend(degraded.map(|region| DrillRefusal::DegradedRegion { region: region.clone() }));
    }
    if when(DrillCondition::NotReady)
        && drill.mode == DrillMode::Live
        && let Some(finding) = &conditions.not_ready
    {
        why.push(DrillRefusal::NotReady { finding: finding.clone() });
    }
    if when(DrillCondition::StaleBackup) {
        why.extend(
            conditions.stale.iter().map(|backup| DrillRefusal::StaleBackup { backup: backup.clone() }),
        );
    }
    why
}

/// Whether it is a time for it: at its beginning, and for a live drill also when its way back begins.
fn time(drill: &Drill, now: Timestamp) -> Option<DrillRefusal> {
    let name = drill.zone.clone();
    let Some(zone) = time_zone(&drill.zone) else {
        return Some(DrillRefusal::Unfit {
            why: format!("`{name}` is no time zone that this version knows"),
        });
    };
    let moments = [Some(now), (drill.mode == DrillMode::Live).then(|| now.plus(drill.stay_for))];
    moments.into_iter().flatten().find_map(|moment| {
        let Some(at) = wall_clock(&zone, moment) else {
            return Some(DrillRefusal::Unfit { why: format!("{moment} is no time of day") });
        };
        let told = at.strftime("%a %Y-%m-%d %H:%M").to_string();
        if drill.blocked.iter().any(|window| window.holds(at)) {
            return Some(DrillRefusal::BlockedTime { at: told, zone: name.clone() });
        }
        let open = drill.windows.is_empty() || drill.windows.iter().any(|window| window.holds(at));
        (!open).then(|| DrillRefusal::OutsideWindows { at: told, zone: name.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn drill(text: &str) -> Drill {
        serde_saphyr::from_str(text).unwrap()
    }

    fn run(day: u64, succeeded: Option<bool>) -> DrillRun {
        DrillRun {
            mode: DrillMode::Live,
            by: "schedule".to_owned(),
            begun: Timestamp(day * DAY),
            ended: None,
            execution: None,
            succeeded,
            outcome: String::new(),
            predicted: None,
            rto: None,
            rpo: None,
            objective: None,
            second: None,
            second_outcome: String::new(),
        }
    }

    /// Goal: a drill is due one interval after the latest that succeeded, or after it was written, and the agents begin it only
    /// where that is said and it was not tried within a day. Method: the table of histories over the days of a quarter.
    #[test]
    fn when_a_drill_is_due() {
        let scheduled = "{mode: live, scenario: move, every: 90d, scheduled: true}";
        let by_hand = "{mode: live, scenario: move}";
        let announced = "{mode: live, scenario: move, every: 90d}";
        let never: &[(u64, Option<bool>)] = &[];
        let rows = [
            (by_hand, never, vec![0, 1_000]),
            (announced, never, vec![89, 90, 99, 100]),
            (scheduled, never, vec![89, 90, 99, 100]),
            (scheduled, &[(90, Some(true))], vec![91, 179, 180]),
            (scheduled, &[(90, Some(false))], vec![90, 91]),
            (scheduled, &[(90, None)], vec![90, 91]),
            (scheduled, &[(10, Some(true)), (90, Some(false)), (91, Some(false))], vec![99, 100, 110]),
        ];
        let lines = rows.into_iter().flat_map(|(text, runs, days)| {
            let drill = drill(text);
            let mut record = DrillRecord::new(Timestamp(0));
            runs.iter().for_each(|(day, succeeded)| record.add(run(*day, *succeeded)));
            days.into_iter().map(move |day| {
                let now = Timestamp(day * DAY + 1);
                let begins = if begins_itself(&drill, &record, now) { ", begins" } else { "" };
                format!("{text} {runs:?} day {day}: {:?}{begins}", due(&drill, &record, now))
            })
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }

    /// Goal: every condition is told, each only where the drill asks for it, and a live drill's way back must fit too. Method: the
    /// worst of all situations, for drills that ask for less and less.
    #[test]
    fn what_keeps_a_drill_from_beginning() {
        let policy: Policy =
            crate::document::read_policy("drills.yaml", include_str!("../examples/starter.yaml")).unwrap();
        let mut bad =
            Conditions { not_ready: Some("promote: no such replica".to_owned()), ..Conditions::default() };
        bad.regions = policy.regions.keys().map(|region| (region.clone(), Opinion::Unsure)).collect();
        bad.stale = ["database".parse().unwrap()].into();
        let good = Conditions {
            regions: policy.regions.keys().map(|region| (region.clone(), Opinion::Healthy)).collect(),
            ..Conditions::default()
        };
        // Friday, 20 November 2026, 14:50 UTC.
        let now = Timestamp(1_795_186_200_000);
        let day = "windows: [{days: [fri], hours: '09:00-16:00'}]";
        let rows = [
            ("all, live", "{mode: live, scenario: move}".to_owned(), &bad),
            ("all, isolated", "{mode: isolated, plan: restore}".to_owned(), &bad),
            ("none", "{mode: live, scenario: move, blocked_while: []}".to_owned(), &bad),
            ("well", "{mode: live, scenario: move}".to_owned(), &good),
            ("in its window", format!("{{mode: live, scenario: move, {day}}}"), &good),
            ("back too late", format!("{{mode: live, scenario: move, stay_for: 90m, {day}}}"), &good),
            ("no way back", format!("{{mode: isolated, plan: restore, stay_for: 90m, {day}}}"), &good),
            ("elsewhere", format!("{{mode: live, scenario: move, zone: Asia/Tokyo, {day}}}"), &good),
            ("frozen", format!("{{mode: live, scenario: move, blocked: [{{dates: 11-20}}], {day}}}"), &good),
        ];
        let told = rows.map(|(name, text, conditions)| {
            let why = blocked(&policy, &drill(&text), conditions, now);
            let why: Vec<String> = why.iter().map(ToString::to_string).collect();
            format!("{name}: {}", if why.is_empty() { "nothing".to_owned() } else { why.join("; ") })
        });
        insta::assert_snapshot!(told.join("\n"));
    }
}
