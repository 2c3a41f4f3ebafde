//! Reports of executions that the real state machine went through, as they are written. Hashes change with every setting
//! that policies learn and are left out of the golden files.

pub(crate) mod story;

use super::{
    PeriodReport, Report, Sources, html::html, markdown::markdown, period_report, report, scale::Scale,
};
use crate::{
    http::{audit_entry, execution},
    record::{Part, chain},
};
use quorate_api::{
    AuditEntry,
    execution::{ChecklistItem, Control, Cost, Price},
    told::{Acknowledged, ChannelTold, MessageTold, PeopleTold},
};
use quorate_core::Cluster;
use quorate_policies::Timestamp;
use story::Story;

/// What an agent and its audit say at the end of a story.
pub(crate) fn sources(cluster: &Cluster) -> Sources {
    let audit: Vec<_> = cluster.audit.entries.iter().map(audit_entry).collect();
    let proven =
        chain::verify(audit.iter().map(|entry| entry.line.as_str()), chain::Terms::default()).unwrap();
    Sources {
        returned: None,
        audit,
        chain: Some(format!("whole: {}", proven.sentence())),
        whole: Some(true),
        notified: Some(cluster.audit.sequence.saturating_sub(2)),
        agent: "a".to_owned(),
        agent_version: "0.1.0".to_owned(),
        version: "0.1.0".to_owned(),
        at: Timestamp(cluster.clock.0 + 60_000).to_string(),
    }
}

fn told(story: &Story, id: &str) -> Report {
    report(&execution(&story.cluster, &story.cluster.executions[id]), &sources(&story.cluster))
}

/// The text without hashes.
fn hashless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(from.len());
        out.push_str(before);
        out.push_str(if end == 64 { "HASH" } else { &from[..end] });
        rest = &from[end..];
    }
    out + rest
}

/// Goal: a failover that succeeded is told with all that led to it and all that was done. Method: one with refusals before
/// it, an approval, a fence without an answer, a lost agent, an attempt that failed, and a measured loss.
#[test]
fn one_that_succeeded() {
    insta::assert_snapshot!(hashless(&markdown(&told(&Story::whole(), "shop-2").document())));
}

/// Goal: what people saw to, what the other region costs and for which controls it is evidence stand in the report. Method: the same
/// execution with all three, and the sections alone.
#[test]
fn what_people_and_accounts_are_asked() {
    let story = Story::whole();
    let mut shown = execution(&story.cluster, &story.cluster.executions["shop-2"]);
    let item = |name: &str, state: &str, ticked_by: Option<&str>| ChecklistItem {
        name: name.to_owned(),
        phase: "before".to_owned(),
        what: format!("{name} | <seen to>"),
        by: Some("incident commander".to_owned()),
        state: state.to_owned(),
        ticked_by: ticked_by.map(str::to_owned),
        note: ticked_by.map(|_| "all on the call".to_owned()).unwrap_or_default(),
        at: ticked_by.map(|_| "2026-11-22T03:00:00Z".to_owned()),
        ..ChecklistItem::default()
    };
    shown.checklist = vec![item("team", "ticked", Some("olga")), item("runbooks", "open", None)];
    let price = Price { name: "compute".to_owned(), normal: 1_000, active: 3_000 };
    shown.cost = Some(Cost { currency: "EUR".to_owned(), per_hours: 730, of: vec![price] });
    shown.controls = vec![Control {
        standard: "SOC 2".to_owned(),
        control: Some("A1.3".to_owned()),
        requires: "recovery is tested".to_owned(),
        shown_by: vec!["Steps".to_owned(), "Timeline".to_owned()],
    }];
    let text = markdown(&report(&shown, &sources(&story.cluster)).document());
    let wanted = ["Checklist", "Cost of the active time", "Evidence for controls"];
    let sections: Vec<&str> =
        text.split("\n## ").filter(|section| wanted.iter().any(|title| section.starts_with(title))).collect();
    insta::assert_snapshot!(sections.join("\n## "));
}

/// Goal: what people were told is measured against the policy: the first word, the cadence, the post-mortem, what was lost. Method:
/// the same execution, with one channel that was told in time, one that was left alone, and one that was dead.
#[test]
fn what_people_were_told() {
    let story = Story::whole();
    let mut shown = execution(&story.cluster, &story.cluster.executions["shop-2"]);
    let at = |ms: u64| Timestamp(story.cluster.executions["shop-2"].decided_at.0 + ms).to_string();
    let message = |message: &str, ms: u64, given_up: Option<&str>| MessageTold {
        message: message.to_owned(),
        at: at(ms),
        given_up: given_up.map(str::to_owned),
    };
    let ended = 400_000;
    shown.ended_at = Some(at(ended));
    let channel = |name: &str, kind: &str, updates, messages| ChannelTold {
        name: name.to_owned(),
        kind: kind.to_owned(),
        updates,
        messages,
        ..ChannelTold::default()
    };
    shown.people = Some(PeopleTold {
        channels: vec![
            channel(
                "incidents",
                "slack",
                true,
                vec![
                    message("begun", 1_200, None),
                    message("update-1", 121_500, None),
                    message("update-2", 250_000, None),
                    message("ended", ended + 900, None),
                ],
            ),
            channel(
                "mail",
                "smtp",
                true,
                vec![message("begun", 240_000, Some("it answered 421, after 10 attempts"))],
            ),
            ChannelTold {
                postmortem_within_ms: Some(60_000),
                ..channel("public", "statuspage", false, vec![message("ended", ended + 2_000, None)])
            },
        ],
        started_at: at(0),
        first_update_within_ms: Some(300_000),
        cadence_ms: Some(120_000),
        acknowledged: Some(Acknowledged { by: "ann".into(), reason: "I am at it".into(), at: at(30_000) }),
        contacts: vec!["DBA (dba@example.com)".into()],
    });
    let text = markdown(&report(&shown, &sources(&story.cluster)).document());
    let section = text.split("\n## ").find(|part| part.starts_with("Communications")).unwrap();
    insta::assert_snapshot!(section);
}

/// Goal: the same as HTML. Method: the same execution.
#[test]
fn one_that_succeeded_as_html() {
    insta::assert_snapshot!(hashless(&html(&told(&Story::whole(), "shop-2").document())));
}

/// Goal: the value is the JSON, with every fact of the other forms. Method: the same execution.
#[test]
fn one_that_succeeded_as_json() {
    let text = serde_json::to_string_pretty(&told(&Story::whole(), "shop-2")).unwrap();
    insta::assert_snapshot!(hashless(&text));
}

/// Goal: one that was aborted says what was taken back, and that nothing was recovered. Method: an operator's failover that
/// was aborted after its fence, hours later.
#[test]
fn one_that_was_aborted() {
    let document = told(&Story::whole(), "shop-3").document();
    insta::assert_snapshot!(hashless(&markdown(&document)));
    insta::assert_snapshot!("one_that_was_aborted_as_html", hashless(&html(&document)));
}

/// Goal: one that stopped says at what, that it waits for somebody, and that nothing is known of the loss. Method: a promotion
/// that is impossible.
#[test]
fn one_that_stopped() {
    insta::assert_snapshot!(hashless(&markdown(&told(&Story::whole(), "shop-4").document())));
}

/// Goal: nothing that came from outside is markup, in any form. Method: an operator whose reason is a script, a link and a
/// table, and a step's detail that ends a block of code; what a browser or a Markdown reader would obey must not be there.
#[test]
fn nothing_from_outside_is_markup() {
    let document = told(&Story::whole(), "shop-3").document();
    let page = html(&document);
    assert!(page.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains("javascript:\""), "{page}");
    assert!(page.contains("default-src 'none'"), "{page}");
    for loads in ["src=", "href=", "@import", "url("] {
        assert!(!page.contains(loads), "{loads} would load something");
    }
    let text = markdown(&document);
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"), "{text}");
    assert!(text.contains("\\[x\\](javascript:y)") && text.contains("a \\| b"), "{text}");
    assert_eq!(text.matches("\n```").count() % 2, 0, "{text}");
}

/// Goal: without the audit a report says what is missing. Method: the same execution of an agent that holds no entry, and is
/// so old that it tells neither evidence nor lines.
#[test]
fn without_the_audit() {
    let story = Story::whole();
    let known = execution(&story.cluster, &story.cluster.executions["shop-2"]);
    let old = quorate_api::Execution { evidence: None, objectives: None, begun_at: None, ..known };
    let sources =
        Sources { audit: Vec::new(), chain: None, whole: None, notified: None, ..sources(&story.cluster) };
    let told = report(&old, &sources);
    let text = markdown(&told.document());
    for words in ["holds no entry about it any more", "not checked", "it is an older one"] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    assert!(told.timeline.rows.iter().any(|row| row.label == "promote" && row.bars.len() == 1));
}

/// Goal: a report can be made at every moment, of what is under way too, and its chart never runs backwards or off the page.
/// Method: after each command of the whole story, every execution that there is.
#[test]
fn at_every_moment() {
    let story = Story::whole();
    let mut states = std::collections::BTreeSet::new();
    for cluster in &story.moments {
        let sources = sources(cluster);
        for record in cluster.executions.values() {
            let made = report(&execution(cluster, record), &sources);
            states.insert(made.summary.state.clone());
            let scale = Scale::of(&made.timeline);
            for bar in made.timeline.rows.iter().flat_map(|row| &row.bars) {
                let (from, to) = (scale.place(bar.from_ms), scale.place(bar.to_ms));
                assert!(bar.from_ms <= bar.to_ms && 0.0 <= from && from <= to && to <= 1.000_001, "{bar:?}");
            }
            let document = made.document();
            assert!(html(&document).ends_with("</html>\n") && markdown(&document).contains("## Summary"));
        }
    }
    let states: Vec<&str> = states.iter().map(String::as_str).collect();
    assert_eq!(states, ["aborted", "running", "stopped", "succeeded", "undoing"]);
}

/// Goal: an approval is told, with who gave it and how long it took. Method: the same execution, approved five minutes after
/// its decision; then one that still waits.
#[test]
fn one_that_was_approved() {
    let story = Story::whole();
    let known = execution(&story.cluster, &story.cluster.executions["shop-3"]);
    let mut sources = sources(&story.cluster);
    let begun = "2023-11-16T01:39:54.340Z".to_owned();
    sources.audit.push(AuditEntry {
        sequence: 99,
        at: begun.clone(),
        actor: "ann".to_owned(),
        execution: Some("shop-3".to_owned()),
        event: "approved".to_owned(),
        fields: serde_json::json!({"reason": "confirmed by phone."}),
        ..AuditEntry::default()
    });
    let approved = quorate_api::Execution { begun_at: Some(begun), ..known.clone() };
    let made = report(&approved, &sources);
    assert!(
        made.summary.story[1].starts_with("ann approved it 5m later: confirmed by phone."),
        "{:?}",
        made.summary.story
    );
    let row = made.timeline.rows.iter().find(|row| row.label == "approval").unwrap();
    assert_eq!((row.bars[0].from_ms, row.bars[0].to_ms), (0, 300_000));

    let waits = quorate_api::Execution { state: "awaiting_approval".to_owned(), begun_at: None, ..known };
    let row = report(&waits, &self::sources(&story.cluster)).timeline.rows.remove(0);
    assert_eq!((row.label.as_str(), row.bars[0].tone), ("approval", "phase"));
}

fn period(story: &Story, part: &Part) -> PeriodReport {
    let executions: Vec<_> =
        story.cluster.executions.values().map(|record| execution(&story.cluster, record)).collect();
    let members: Vec<(String, String)> =
        story.cluster.members.iter().map(|(name, region)| (name.to_string(), region.to_string())).collect();
    period_report(part, &executions, &members, &sources(&story.cluster))
}

/// Goal: a period tells executions against objectives, refusals, pauses, policies, agents and the chain. Method: the whole
/// story.
#[test]
fn a_period() {
    let part = Part { since: Some(Timestamp(story::START)), ..Part::default() };
    let told = period(&Story::whole(), &part);
    insta::assert_snapshot!(hashless(&markdown(&told.document())));
    insta::assert_snapshot!("a_period_as_html", hashless(&html(&told.document())));
}

/// Goal: a period that the audit does not cover, or in which nothing happened, does not look quiet. Method: an audit that
/// begins late, and a service that nobody has.
#[test]
fn a_period_that_is_not_covered() {
    let mut story = Story::whole();
    story.cluster.audit.entries.drain(..20);
    let part = Part { since: Some(Timestamp(story::START)), ..Part::default() };
    let text = markdown(&period(&story, &part).document());
    assert!(text.contains("What this report does not cover"), "{text}");
    // What the agent remembers is told all the same.
    assert!(text.contains("shop-2"), "{text}");
    let other = Part { service: Some("billing".to_owned()), ..part };
    let text = markdown(&period(&story, &other).document());
    assert!(text.contains("There was none.") && !text.contains("shop-2"), "{text}");
}
