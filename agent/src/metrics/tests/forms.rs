//! The two forms of an answer.

use super::*;

/// Goal: OpenMetrics says the same as the text. Method: every sample of both, with the differences that the standard wants taken
/// away.
#[test]
fn both_forms_say_the_same() {
    let metrics = metrics();
    metrics.probe(&sample::failed_probe());
    let families = metrics.families(&snapshot(sample::formed()));
    let samples = |text: &str| -> std::collections::BTreeSet<String> {
        let line = |line: &str| {
            let line = line.replace(",le=\"1\"}", ",le=\"1.0\"}").replace("{le=\"2\"}", "{le=\"2.0\"}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            // Only an end of a bucket is written in two ways.
            let series = match series.split_once("le=\"") {
                Some((before, end)) => {
                    let end: f64 = end.trim_end_matches("\"}").parse().unwrap();
                    format!("{before}le={end}")
                }
                None => series.to_owned(),
            };
            format!("{series} {value}")
        };
        text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
    };
    let (text, open) = (Format::Text.encode(&families), Format::OpenMetrics.encode(&families));
    assert_eq!(samples(&text), samples(&open));
}

/// Goal: OpenMetrics is what its standard says. Method: a snapshot of a counter, a gauge and a histogram, and the end.
#[test]
fn openmetrics_as_it_is_written() {
    let metrics = metrics();
    metrics.probe(&sample::failed_probe());
    let text = Format::OpenMetrics.encode(&metrics.families(&snapshot(sample::formed())));
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    let shown = text.lines().filter(|line| {
        ["quorate_probe_attempts", "quorate_build_info", "quorate_probe_schedule_lag", "quorate_backup"]
            .iter()
            .any(|name| line.contains(name))
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
}
