//! The report of a period as a document.

use crate::{
    cli::screen::duration,
    report::{
        document::{Block, Cell, Document, Figure, Section, Tone},
        period::{Ended, PeriodReport},
    },
};

pub(super) fn document(report: &PeriodReport) -> Document {
    let sections: [fn(&PeriodReport) -> Option<Section>; 7] =
        [coverage, executions, refusals, holds, policies, agents, |report| super::made::told(&report.made)];
    let of = report
        .service
        .as_ref()
        .map_or_else(|| "all services".to_owned(), |service| format!("service {service}"));
    Document {
        title: format!("Recovery report of {of}"),
        subtitle: format!("From {} until {}.", report.since, report.until),
        figures: figures(report),
        sections: sections.into_iter().filter_map(|section| section(report)).collect(),
    }
}

fn figures(report: &PeriodReport) -> Vec<Figure> {
    // What was rehearsed is listed, and counted beside what happened.
    let (drills, ended): (Vec<&Ended>, Vec<&Ended>) =
        report.executions.iter().partition(|one| one.drill.is_some());
    let count = |state: &str| ended.iter().filter(|one| one.state == state).count();
    let others = ended.len() - count("succeeded");
    let drilled = match drills.len() {
        0 => String::new(),
        number => format!("; {number} more of drills"),
    };
    let objective = |label: &str, measured: Vec<(Option<u64>, Option<bool>)>| {
        let known: Vec<u64> = measured.iter().filter_map(|(ms, _)| *ms).collect();
        let met = measured.iter().filter(|(_, met)| *met == Some(true)).count();
        let missed = measured.iter().any(|(_, met)| *met == Some(false));
        let tone = match (measured.is_empty(), missed, met == measured.len()) {
            (true, ..) => Tone::Plain,
            (_, true, _) => Tone::Bad,
            (.., true) => Tone::Good,
            _ => Tone::Doubtful,
        };
        Figure {
            label: label.to_owned(),
            value: known.iter().max().map_or_else(|| "-".to_owned(), |ms| duration(*ms)),
            note: format!("within the objective: {met} of {}", measured.len()),
            tone,
        }
    };
    let recovered = ended.iter().filter(|one| one.state == "succeeded");
    let promoted = ended.iter().filter(|one| one.promotions > 0);
    vec![
        Figure {
            label: "Executions".to_owned(),
            value: ended.len().to_string(),
            note: format!("{} succeeded, {others} did not{drilled}", count("succeeded")),
            tone: if others == 0 { Tone::Plain } else { Tone::Doubtful },
        },
        objective("Longest recovery time", recovered.map(|one| (one.rto_ms, one.rto_met)).collect()),
        objective("Greatest window of loss", promoted.map(|one| (one.rpo_ms, one.rpo_met)).collect()),
        Figure {
            label: "Audit chain".to_owned(),
            value: match report.made.whole {
                Some(true) => "whole".to_owned(),
                Some(false) => "BROKEN".to_owned(),
                None => "not checked".to_owned(),
            },
            note: report.made.rests_on.as_ref().map_or_else(
                || "no entry".to_owned(),
                |range| format!("{} entries in the period", range.entries),
            ),
            tone: match report.made.whole {
                Some(true) => Tone::Good,
                Some(false) => Tone::Bad,
                None => Tone::Doubtful,
            },
        },
    ]
}

/// What is missing is said before anything else.
fn coverage(report: &PeriodReport) -> Option<Section> {
    let from = report.held_from.as_ref()?;
    let words = format!(
        "The audit is held from {from} on. What happened before that, from {} on, is missing here, but for executions that \
         the agent remembers. Give an agent's audit.jsonl with --audit to cover the whole period.",
        report.since
    );
    Section::of("What this report does not cover", vec![Block::Words(words)])
}

/// A table, or the sentence that there was nothing.
fn listed<T>(
    title: &str,
    head: Vec<&'static str>,
    all: &[T],
    none: &str,
    row: fn(&T) -> Vec<Cell>,
) -> Option<Section> {
    let block = if all.is_empty() {
        Block::Words(none.to_owned())
    } else {
        Block::Table { head, rows: all.iter().map(row).collect() }
    };
    Section::of(title, vec![block])
}

fn executions(report: &PeriodReport) -> Option<Section> {
    let head =
        vec!["Decided", "Execution", "Move", "Started by", "Outcome", "Recovery time", "Window of loss"];
    listed("Executions", head, &report.executions, "There was none.", |one: &Ended| {
        let way =
            if one.from == one.to { format!("in {}", one.to) } else { format!("{} -> {}", one.from, one.to) };
        let rto = (one.rto_ms, one.rto_objective_ms, one.rto_met);
        let rpo = (one.rpo_ms, one.rpo_objective_ms, one.rpo_met);
        vec![
            Cell::moment(one.decided_at.as_deref().unwrap_or("not known")),
            Cell::code(&*one.id),
            Cell::code(way),
            match &one.drill {
                Some(drill) => Cell::text(format!("drill {drill}, {}", one.trigger)),
                None => Cell::text(&*one.trigger),
            },
            Cell::word(&one.state),
            if one.state == "succeeded" { against(rto) } else { Cell::text("not recovered") },
            if one.promotions > 0 { against(rpo) } else { Cell::text("nothing promoted") },
        ]
    })
}

/// What was measured, and whether that is within the objective.
fn against((ms, objective, met): (Option<u64>, Option<u64>, Option<bool>)) -> Cell {
    let word = if met == Some(false) { "MORE than" } else { "within" };
    let text = match (ms, objective) {
        (Some(ms), Some(objective)) => format!("{}, {word} {}", duration(ms), duration(objective)),
        (Some(ms), None) => format!("{}, no objective known", duration(ms)),
        (None, _) => "not known".to_owned(),
    };
    Cell { text, ..Cell::met(met) }
}

fn refusals(report: &PeriodReport) -> Option<Section> {
    let head = vec!["Guard", "Refusals", "First", "Last", "Why, the last time"];
    listed("What was refused, by guard", head, &report.refusals, "Nothing was refused.", |guard| {
        vec![
            Cell::code(&*guard.guard),
            Cell::code(guard.count.to_string()),
            Cell::moment(&guard.first),
            Cell::moment(&guard.last),
            Cell::text(&*guard.reason),
        ]
    })
}

fn holds(report: &PeriodReport) -> Option<Section> {
    let head = vec!["Since", "Service", "By", "Why", "Ended"];
    listed("Times without automation", head, &report.holds, "Nobody paused automation.", |hold| {
        let ended = match (&hold.resumed, &hold.until) {
            (Some((at, by)), _) => format!("{at} by {by}"),
            (None, Some(until)) => format!("by itself at {until}"),
            (None, None) => "not in this period".to_owned(),
        };
        vec![
            Cell::moment(&hold.since),
            Cell::text(&*hold.service),
            Cell::text(&*hold.by),
            Cell::text(&*hold.reason),
            Cell::text(ended),
        ]
    })
}

fn policies(report: &PeriodReport) -> Option<Section> {
    let head = vec!["When", "Service", "Version", "By", "Why", "Hash"];
    listed("Policies put into force", head, &report.policies, "None was.", |policy| {
        vec![
            Cell::moment(&policy.at),
            Cell::text(&*policy.service),
            Cell::code(policy.version.to_string()),
            Cell::text(&*policy.by),
            Cell::text(&*policy.reason),
            Cell::code(&*policy.hash),
        ]
    })
}

fn agents(report: &PeriodReport) -> Option<Section> {
    let head = vec!["Agent", "Region", "Entries by or about it", "Last"];
    listed("Agents", head, &report.agents, "The agent that was asked knows none.", |agent| {
        vec![
            Cell::code(&*agent.name),
            Cell::code(&*agent.region),
            Cell::code(agent.entries.to_string()),
            Cell::moment(agent.last.as_deref().unwrap_or("none")),
        ]
    })
}
