//! Draws a failover as Prometheus saw it, from the expressions and with the colours of the failover dashboard; nothing is drawn that was not
//! asked of Prometheus. `QUORATE_PICTURE=$PWD/grafana/failover.svg cargo test -p quorate-watch --test live picture` draws the README's.

use super::world::World;
use anyhow::Context as _;
use quorate_watch::{
    dashboard::{self, list, word},
    expression::filled_in,
    text,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const VARIABLES: [(&str, &str); 4] =
    [("job", ".+"), ("instance", ".+"), ("service", "shop"), ("plan", "failover")];
/// The dashboard's panels, from above.
const PANELS: [&str; 4] = ["Regions by agreement", "Execution", "Steps", "Write lease and active region"];
/// The column of words, in pixels.
const WORDS: f64 = 150.0;
/// The picture's width, which fits a README.
const WIDTH: f64 = 900.0;
/// The height of one row.
const ROW: f64 = 20.0;
/// The height of a heading.
const HEADING: f64 = 26.0;
/// Seconds between two values, which is the time between two scrapes.
const STEP: f64 = 0.25;
/// Seconds that are shown before the failure and after the end.
const AROUND: f64 = 3.0;

/// One series of a panel: its name and its values by time.
struct Row {
    name: String,
    points: Vec<(f64, f64)>,
}

/// One panel, as it is drawn.
struct Lane {
    title: String,
    /// What values mean: a word and a colour.
    meaning: Vec<(f64, String, String)>,
    rows: Vec<Row>,
}

/// Goal: the picture of a failover shows what happened: the region down, the plan run, its steps, the service elsewhere. Method: the demo's failure
/// under a real Prometheus, and the words and colours of what was drawn.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_failover() -> anyhow::Result<()> {
    let _alone = super::ALONE.lock().await;
    let world = World::start(&text("deploy/prometheus/rules.yml"), false, "250ms").await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let begun = now()?;
    let death = json!({"region": "us-east-1", "kind": "kill", "control_plane": true});
    world.stage.control.post("/control/fault", &death).await?;
    world.execution("succeeded").await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ended = now()?;
    let mut lanes = Vec::new();
    for title in PANELS {
        lanes.push(lane(&world, title, (ended - begun + AROUND) as u64 + 1).await?);
    }
    world.stop().await;
    let picture = draw(&lanes, begun, ended);
    for shown in [
        "us-east-1: down",
        "us-west-2: healthy",
        "failover: succeeded",
        "promote: started",
        "promote: succeeded",
        "active us-west-2: yes",
    ] {
        assert!(picture.contains(&format!("<title>{shown}</title>")), "{shown} is not drawn: {picture}");
    }
    for wrong in ["us-west-2: down", "failover: stopped", "failover: aborted", "promote: unknown"] {
        assert!(!picture.contains(&format!("<title>{wrong}</title>")), "{wrong} is drawn: {picture}");
    }
    if let Some(file) = std::env::var_os("QUORATE_PICTURE") {
        std::fs::write(file, picture)?;
    }
    Ok(())
}

fn now() -> anyhow::Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

async fn lane(world: &World, title: &str, seconds: u64) -> anyhow::Result<Lane> {
    let board =
        dashboard::here().into_iter().find(|board| board.name == "failover").context("the dashboard")?;
    let panel = board.panels().find(|panel| word(panel, "/title") == title).context("the panel")?.clone();
    let mut rows = Vec::new();
    for target in list(&panel, "/targets") {
        for series in world.range(&filled_in(word(target, "/expr"), &VARIABLES), seconds, "250ms").await? {
            let labels = series["metric"].as_object().cloned().unwrap_or_default();
            let mut name = word(target, "/legendFormat").to_owned();
            for (label, value) in &labels {
                name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap_or_default());
            }
            let points = list(&series, "/values");
            let points =
                points.filter_map(|point| Some((point[0].as_f64()?, point[1].as_str()?.parse().ok()?)));
            rows.push(Row { name, points: points.collect() });
        }
    }
    rows.retain(|row: &Row| row.points.iter().any(|(_, value)| *value > 0.0) || title == PANELS[0]);
    // Steps in the order in which they started, the others by name.
    let started =
        |row: &Row| row.points.iter().find(|(_, value)| *value >= 2.0).map_or(f64::MAX, |(at, _)| *at);
    rows.sort_by(|a, b| started(a).total_cmp(&started(b)).then(a.name.cmp(&b.name)));
    let options = panel.pointer("/fieldConfig/defaults/mappings/0/options").and_then(Value::as_object);
    let meaning = options.into_iter().flatten().filter_map(|(value, one)| {
        Some((value.parse().ok()?, word(one, "/text").to_owned(), colour(word(one, "/color")).to_owned()))
    });
    Ok(Lane { title: title.to_owned(), meaning: meaning.collect(), rows })
}

/// Grafana's colours by their names.
fn colour(name: &str) -> &'static str {
    match name {
        "green" => "#73bf69",
        "yellow" => "#fade2a",
        "red" => "#f2495c",
        "blue" => "#5794f2",
        "light-blue" => "#c0d8ff",
        "orange" => "#ff9830",
        "purple" => "#b877d9",
        "text" => "#9fa7b3",
        _ => "none",
    }
}

fn draw(lanes: &[Lane], begun: f64, ended: f64) -> String {
    let (from, until) = (begun - AROUND, ended);
    let x = |at: f64| WORDS + (at - from) / (until - from) * (WIDTH - WORDS - 10.0);
    let rows: usize = lanes.iter().map(|lane| lane.rows.len()).sum();
    let height = lanes.len() as f64 * HEADING + rows as f64 * ROW + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>A failover as Prometheus saw it</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut y = 6.0;
    for lane in lanes {
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\" font-weight=\"bold\" fill=\"#1f2430\">{}</text>",
            y + 16.0,
            lane.title
        );
        legend(&mut svg, lane, y + 16.0);
        y += HEADING;
        for row in &lane.rows {
            let _ = writeln!(svg, "<text x=\"16\" y=\"{}\" fill=\"#464c54\">{}</text>", y + 14.0, row.name);
            for (start, end, value) in pieces(row, from, until) {
                let found = lane.meaning.iter().find(|(known, ..)| (known - value).abs() < 0.5);
                let Some((_, meaning, fill)) = found.filter(|(_, _, fill)| fill != "none") else { continue };
                let (left, wide) = (x(start), x(end) - x(start));
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left:.1}\" y=\"{}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{fill}\"><title>{}: {meaning}</title></rect>",
                    y + 2.0,
                    ROW - 4.0,
                    row.name
                );
            }
            y += ROW;
        }
    }
    axis(&mut svg, y, begun, until, x);
    svg.push_str("</svg>\n");
    svg
}

/// What the colours of a lane mean, of those that it shows; at the right end, where no line runs through it.
fn legend(svg: &mut String, lane: &Lane, y: f64) {
    let shown =
        |value: f64| lane.rows.iter().flat_map(|row| &row.points).any(|(_, one)| (one - value).abs() < 0.5);
    let meaning: Vec<_> =
        lane.meaning.iter().filter(|(value, _, fill)| fill != "none" && shown(*value)).collect();
    let wide = |meaning: &str| 30.0 + 6.5 * meaning.len() as f64;
    let mut at = WIDTH - meaning.iter().map(|(_, meaning, _)| wide(meaning)).sum::<f64>();
    for (_, meaning, fill) in meaning {
        let _ =
            writeln!(svg, "<rect x=\"{at}\" y=\"{}\" width=\"9\" height=\"9\" fill=\"{fill}\"/>", y - 9.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{y}\" fill=\"#6b7280\">{meaning}</text>", at + 13.0);
        at += wide(meaning);
    }
}

/// The stretches of time in which a row has one value.
fn pieces(row: &Row, from: f64, until: f64) -> Vec<(f64, f64, f64)> {
    let mut found: Vec<(f64, f64, f64)> = Vec::new();
    for (at, value) in row.points.iter().copied().filter(|(at, _)| *at + STEP > from && *at < until) {
        let (start, end) = (at.max(from), (at + STEP).min(until));
        match found.last_mut() {
            Some(last) if (last.2 - value).abs() < 0.5 && start - last.1 < STEP => last.1 = end,
            _ => found.push((start, end, value)),
        }
    }
    found
}

fn axis(svg: &mut String, y: f64, begun: f64, until: f64, x: impl Fn(f64) -> f64) {
    let _ = writeln!(
        svg,
        "<line x1=\"{0:.1}\" y1=\"6\" x2=\"{0:.1}\" y2=\"{y}\" stroke=\"#e02f44\" stroke-dasharray=\"4 3\"/>",
        x(begun)
    );
    let mut second = 0.0;
    while begun + second < until {
        let at = x(begun + second);
        let label = if second == 0.0 { "us-east-1 dies".to_owned() } else { format!("{second:.0} s") };
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#464c54\">{label}</text>",
            y + 18.0
        );
        second += if until - begun > 40.0 { 10.0 } else { 2.0 };
    }
}
