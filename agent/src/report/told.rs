//! The value of a report as a document. Each section is one function that has something to say or nothing at all; a report
//! is the list of them. It adds no fact to the value and leaves none of a renderer's work undone.

mod communications;
mod evidence;
mod made;
mod over_time;
mod paperwork;

use super::{
    document::{Block, Cell, Document, Figure, Section, Tone},
    execution::Report,
    measured::{Loss, RecoveryTime},
    period::PeriodReport,
    steps::StepTold,
};
use crate::cli::screen::duration;

impl Report {
    /// The report as a document.
    #[must_use]
    pub fn document(&self) -> Document {
        let summary = &self.summary;
        let way = if summary.from == summary.to {
            format!("in {}", summary.to)
        } else {
            format!("{} -> {}", summary.from, summary.to)
        };
        let sections: [fn(&Report) -> Option<Section>; 11] = [
            told_summary,
            told_timeline,
            evidence::told,
            told_steps,
            told_measured,
            communications::told,
            paperwork::checklist,
            paperwork::cost,
            paperwork::controls,
            told_lessons,
            |report| made::told(&report.made),
        ];
        Document {
            title: format!("Execution {} of {}", summary.execution, summary.service),
            subtitle: format!(
                "Plan {}, {way}, epoch {}. Decided {}.",
                summary.plan, summary.epoch, self.decision.decided_at
            ),
            figures: figures(self),
            sections: sections.into_iter().filter_map(|section| section(self)).collect(),
        }
    }
}

impl PeriodReport {
    /// The report as a document.
    #[must_use]
    pub fn document(&self) -> Document {
        over_time::document(self)
    }
}

fn figures(report: &Report) -> Vec<Figure> {
    let summary = &report.summary;
    let by = if summary.trigger == "automatic" { "the agents" } else { summary.trigger.as_str() };
    let figure = |label: &str, value: &str, note: String, tone| Figure {
        label: label.to_owned(),
        value: value.to_owned(),
        note,
        tone,
    };
    let mut figures = vec![
        figure(
            "Outcome",
            &summary.state.replace('_', " "),
            summary.ended_at.as_ref().map_or_else(|| "not ended".to_owned(), |at| format!("at {at}")),
            Tone::of(&summary.state),
        ),
        recovered(&report.measured.recovery_time),
    ];
    figures.extend(worst(&report.measured.losses));
    let why = if summary.accepts_data_loss { "accepting a loss of data" } else { "" };
    figures.push(figure("Started by", by, why.to_owned(), Tone::Plain));
    figures
}

fn recovered(time: &RecoveryTime) -> Figure {
    let objective = time
        .objective_ms
        .map_or_else(|| "no objective".to_owned(), |ms| format!("objective {}", duration(ms)));
    Figure {
        label: "Recovery time".to_owned(),
        value: time.total_ms.map_or_else(|| "not recovered".to_owned(), duration),
        note: objective,
        tone: if time.total_ms.is_none() { Tone::Doubtful } else { Cell::met(time.met).tone },
    }
}

/// The greatest window of loss; one that is not known is greater than any that is.
fn worst(losses: &[Loss]) -> Option<Figure> {
    let worst = losses.iter().max_by_key(|loss| loss.behind_ms.unwrap_or(u64::MAX))?;
    Some(Figure {
        label: "Window of data loss".to_owned(),
        value: worst.behind_ms.map_or_else(|| "not known".to_owned(), duration),
        note: format!("objective {}", duration(worst.objective_ms)),
        tone: Cell::met(worst.met).tone,
    })
}

fn told_summary(report: &Report) -> Option<Section> {
    Section::of("Summary", report.summary.story.iter().cloned().map(Block::Words).collect())
}

fn told_timeline(report: &Report) -> Option<Section> {
    if report.timeline.rows.is_empty() {
        return None;
    }
    let zero = format!("Times count from {}.", report.timeline.zero);
    Section::of("Timeline", vec![Block::Words(zero), Block::Chart(report.timeline.clone())])
}

fn told_steps(report: &Report) -> Option<Section> {
    if report.steps.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Table {
        head: vec!["After", "Step", "Action", "State", "Took", "Agent", "Attempts", "Seen"],
        rows: report.steps.iter().map(step_row).collect(),
    }];
    let noted: Vec<Vec<Cell>> = report
        .steps
        .iter()
        .filter(|step| !step.before.is_empty())
        .map(|step| vec![Cell::code(&*step.name), Cell::text(&*step.before)])
        .collect();
    if !noted.is_empty() {
        blocks.push(Block::Heading("What stood before a step acted".to_owned()));
        blocks.push(Block::Table { head: vec!["Step", "Before"], rows: noted });
    }
    // One attempt that succeeded is told by its step.
    let tries: Vec<Vec<Cell>> =
        report.steps.iter().filter(|step| step.tries.len() > 1).flat_map(try_rows).collect();
    if !tries.is_empty() {
        blocks.push(Block::Heading("Steps that needed more than one attempt".to_owned()));
        blocks.push(Block::Table {
            head: vec!["Step", "Attempt", "Agent", "Assigned", "Ended", "Outcome", "Seen"],
            rows: tries,
        });
    }
    Section::of("Steps", blocks)
}

fn step_row(step: &StepTold) -> Vec<Cell> {
    let action = if step.reversible { step.action.clone() } else { format!("{} (no return)", step.action) };
    vec![
        Cell::code(step.after_ms.map_or_else(String::new, |ms| format!("+{}", duration(ms)))),
        Cell::code(&*step.name),
        Cell::text(action),
        Cell::word(&step.state),
        Cell::code(step.took_ms.map_or_else(String::new, duration)),
        Cell::code(step.agent.clone().unwrap_or_default()),
        Cell::code(step.attempts.to_string()),
        Cell::text(&*step.detail),
    ]
}

fn try_rows(step: &StepTold) -> Vec<Vec<Cell>> {
    let row = |known: &super::steps::Try| {
        let outcome = match (&known.outcome, &known.started_at) {
            (Some(outcome), _) => Cell::word(outcome),
            (None, Some(_)) => Cell::word("unknown"),
            (None, None) => Cell::text("not begun"),
        };
        vec![
            Cell::code(&*step.name),
            Cell::code(known.attempt.to_string()),
            Cell::code(&*known.agent),
            Cell::moment(&known.assigned_at),
            Cell::moment(known.ended_at.as_deref().unwrap_or_default()),
            outcome,
            Cell::text(&*known.detail),
        ]
    };
    step.tries.iter().map(row).collect()
}

fn told_measured(report: &Report) -> Option<Section> {
    let time = &report.measured.recovery_time;
    let length = |ms: Option<u64>| Cell::code(ms.map_or_else(|| "-".to_owned(), duration));
    let part =
        |what: &str, until: &str, ms: Option<u64>| vec![Cell::text(what), Cell::text(until), length(ms)];
    let mut rows = vec![
        part("Detect", "first failed probe to agreement", time.detect_ms),
        part("Decide", "agreement to decision, the policy's dwell included", time.decide_ms),
        part("Execute", "decision to the last changing step", time.execute_ms),
        part("Converge", "until verified through the public name", time.converge_ms),
        part("In all", "recovery time (RTO)", time.total_ms),
    ];
    if let Some(objective) = time.objective_ms {
        let said = if time.total_ms.is_some() { Cell::met(time.met) } else { Cell::text("not recovered") };
        rows.push(vec![Cell::text("Objective"), said, Cell::code(duration(objective))]);
    }
    let mut blocks = vec![Block::Table { head: vec!["Recovery time", "From, to", "Took"], rows }];
    if !report.measured.losses.is_empty() {
        let rows = report.measured.losses.iter().map(|loss| {
            vec![
                Cell::code(&*loss.step),
                Cell::code(loss.behind_ms.map_or_else(|| "not known".to_owned(), duration)),
                Cell::code(duration(loss.objective_ms)),
                Cell::met(loss.met),
                Cell::text(&*loss.measured),
            ]
        });
        let head = vec!["Promotion", "Window (RPO)", "Objective", "Met", "How it was measured"];
        blocks.push(Block::Heading("Window of data loss".to_owned()));
        blocks.push(Block::Table { head, rows: rows.collect() });
    }
    Section::of("Measured against the objectives", blocks)
}

fn told_lessons(report: &Report) -> Option<Section> {
    let questions = report.lessons.iter().map(|question| (*question).to_owned()).collect();
    Section::of("Lessons learned (to fill in)", vec![Block::Form(questions)])
}
