//! `quorate doctor` as text: by area, one line or a few for each check, and beneath what is wrong how to mend it.

use crate::{
    cli::screen::{Screen, Tone},
    doctor::{Diagnosis, Finding, Status},
};

/// Wider lines are hard to read, and a ticket or a chat breaks them. Also for a pipe: programs read the JSON.
const COLUMNS_MAX: usize = 100;
/// The narrowest in which words still fit beside the status.
const COLUMNS_MIN: usize = 50;
/// The column in which what was found begins: the longest status, and a gap on both sides.
const INDENT: usize = 11;
/// Before a mend.
const ARROW: &str = "-> ";

/// The whole diagnosis.
#[must_use]
pub fn diagnosis(screen: Screen, diagnosis: &Diagnosis) -> String {
    let columns = screen.width.map_or(COLUMNS_MAX, usize::from).clamp(COLUMNS_MIN, COLUMNS_MAX);
    let mut lines = wrapped(&headline(diagnosis), columns);
    let mut area = None;
    for finding in &diagnosis.findings {
        if area != Some(finding.area) {
            area = Some(finding.area);
            lines.extend([String::new(), screen.strong(finding.area.title())]);
        }
        lines.extend(shown(screen, finding, columns));
    }
    lines.extend([String::new(), summary(screen, diagnosis)]);
    lines.join("\n")
}

fn headline(diagnosis: &Diagnosis) -> String {
    let running = if diagnosis.running { "running" } else { "not running" };
    let agent = match (&diagnosis.agent, &diagnosis.region) {
        (Some(agent), Some(region)) => format!("Agent {agent} in {region}, {running}"),
        (Some(agent), None) => format!("Agent {agent}, {running}"),
        // Nobody looked whether it runs: it is not known where it would answer.
        (None, _) => format!("No agent is known from {}", diagnosis.config),
    };
    format!("{agent}, as quorate {} sees it", diagnosis.version)
}

fn shown(screen: Screen, finding: &Finding, columns: usize) -> Vec<String> {
    let word = finding.status.as_str();
    let padding = " ".repeat(INDENT - 2 - word.len());
    let text = format!("{}: {}", finding.subject, finding.found);
    let mut wrapped = wrapped(&text, columns - INDENT).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let mut lines = vec![format!("  {}{padding}{first}", screen.toned(word, tone(finding.status)))];
    lines.extend(wrapped.map(|line| format!("{:INDENT$}{line}", "")));
    if !finding.mend.is_empty() {
        let mend = self::wrapped(&finding.mend, columns - INDENT - ARROW.len());
        let lead = |index: usize| if index == 0 { ARROW } else { "   " };
        let mend = mend.into_iter().enumerate();
        lines.extend(mend.map(|(index, line)| format!("{:INDENT$}{}{line}", "", lead(index))));
    }
    lines
}

const fn tone(status: Status) -> Tone {
    match status {
        Status::Ok => Tone::Good,
        Status::Skipped => Tone::Plain,
        Status::Warning => Tone::Doubtful,
        Status::Failed => Tone::Bad,
    }
}

fn summary(screen: Screen, diagnosis: &Diagnosis) -> String {
    let of = |status: Status| {
        let text = format!("{} {}", diagnosis.count(status), status.as_str());
        if diagnosis.count(status) == 0 { text } else { screen.toned(&text, tone(status)) }
    };
    let seconds = diagnosis.took_ms / 1_000;
    let tenths = diagnosis.took_ms % 1_000 / 100;
    format!("{}, in {seconds}.{tenths} s", Status::ALL.map(of).join(", "))
}

/// A text in lines of at most so many characters, broken between words; a word that is longer is cut.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut letters: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + letters.len() <= columns => {
                line.push(' ');
                line.push_str(word);
                continue;
            }
            _ => {}
        }
        while letters.len() > columns {
            lines.push(letters.drain(..columns).collect());
        }
        lines.push(letters.into_iter().collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Area;

    fn example() -> Diagnosis {
        let path = "/var/lib/quorate/a-directory-with-a-name-that-is-longer-than-any-line-should-be/so-that-it-must-be-cut/data";
        let findings = vec![
            Finding::ok(Area::Files, "document", "agent.yaml", "no error"),
            Finding::failed(
                Area::Files,
                "data_directory",
                path,
                "mode 777: everybody may write there",
                format!("chmod 700 {path}"),
            ),
            Finding::warning(
                Area::Clock,
                "clock_apart",
                "us-west-2",
                "its clock is 900 ms ahead of this host's",
                "run chrony",
            ),
            Finding::skipped(Area::Plans, "plan", "plans", "no policy is known"),
        ];
        Diagnosis {
            agent: Some("us-east-1".into()),
            region: Some("us-east-1".into()),
            version: "0.1.0".into(),
            config: "agent.yaml".into(),
            running: false,
            at: "2026-11-22T00:00:00Z".into(),
            took_ms: 1_250,
            outcome: Status::Failed,
            findings,
        }
    }

    /// Goal: a person sees by area what is wrong, and beneath it the mend. Method: one finding of each status.
    #[test]
    fn a_diagnosis_reads_by_area() {
        insta::assert_snapshot!(diagnosis(Screen { width: None, color: false }, &example()));
    }

    /// Goal: of an agent whose file cannot be read nothing is said that nobody has looked at. Method: neither name nor region.
    #[test]
    fn an_unknown_agent_is_not_called_stopped() {
        let unknown = Diagnosis { agent: None, region: None, ..example() };
        assert_eq!(headline(&unknown), "No agent is known from agent.yaml, as quorate 0.1.0 sees it");
    }

    /// Goal: no line is wider than the screen, or than a hundred columns. Method: three widths, and a path without a gap.
    #[test]
    fn no_line_is_too_wide() {
        for (width, limit) in [(Some(60), 60), (Some(200), COLUMNS_MAX), (None, COLUMNS_MAX)] {
            let text = diagnosis(Screen { width, color: false }, &example());
            assert!(text.lines().all(|line| line.chars().count() <= limit), "{width:?}:\n{text}");
        }
    }
}
