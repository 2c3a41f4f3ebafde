//! `quorate probe`: the latest result of each target with the time of each phase.

use crate::cli::screen::{Screen, cell, duration, word};
use comfy_table::Cell;
use quorate_api::{DatabaseView, ProbeView, Probes};

/// The phases of a probe in the order in which they happen.
const PHASES: [&str; 5] = ["resolve", "connect", "tls", "processing", "transfer"];

/// `quorate probe`.
#[must_use]
pub fn probes(screen: Screen, probes: &Probes) -> String {
    if probes.probes.is_empty() {
        return "No probe has ended yet.".to_owned();
    }
    let row = |probe: &ProbeView| -> [Cell; 7] {
        let result = if probe.success { word("ok") } else { word("failed") };
        let status = probe.status.map_or_else(String::new, |status| status.to_string());
        [
            cell(&probe.service),
            cell(&probe.target),
            result,
            cell(status),
            cell(format!("{}\n{}", seconds(probe.duration_s), phases(probe)).trim_end()),
            cell(format!("{} ago", duration(probe.age_ms))),
            cell(why(probe)),
        ]
    };
    let rows = probes.probes.iter().map(row);
    screen.table(["SERVICE", "TARGET", "RESULT", "STATUS", "TOOK", "AGE", "SEEN"], rows)
}

/// The phases that happened, one to a line.
fn phases(probe: &ProbeView) -> String {
    let happened = PHASES.iter().filter_map(|phase| probe.phases.get(*phase).map(|time| (phase, time)));
    happened.map(|(phase, time)| format!("  {phase} {}", seconds(*time))).collect::<Vec<_>>().join("\n")
}

/// Where the probe went and what came of it.
fn why(probe: &ProbeView) -> String {
    let mut lines = vec![probe.url.clone()];
    lines.extend(probe.database.as_ref().map(database));
    lines.extend(probe.address.iter().map(|address| format!("at {address}")));
    match (&probe.reason, probe.detail.as_str()) {
        (Some(reason), "") => lines.push(reason.clone()),
        (Some(reason), detail) => lines.push(format!("{reason}: {detail}")),
        (None, "") => {}
        (None, detail) => lines.push(detail.to_owned()),
    }
    lines.join("\n")
}

/// What a database said of itself, on one line.
fn database(view: &DatabaseView) -> String {
    let positions = [("written", &view.written), ("received", &view.received), ("replayed", &view.replayed)];
    let told = positions.iter().filter_map(|(name, lsn)| lsn.as_ref().map(|lsn| format!(", {name} {lsn}")));
    let cut = if view.streaming == Some(false) { ", not streaming" } else { "" };
    let waits = match view.waits_for.as_slice() {
        [] => String::new(),
        names => format!(", commits wait for {}", names.join(" and ")),
    };
    let confirms = view.confirms_as.as_ref().map(|name| format!(", confirms as {name}")).unwrap_or_default();
    format!("{}, timeline {}{}{cut}{waits}{confirms}", view.role, view.timeline, told.collect::<String>())
}

/// Seconds as milliseconds with one decimal: probes take between one and some hundreds of them.
fn seconds(seconds: f64) -> String {
    format!("{:.1}ms", seconds * 1_000.0)
}
