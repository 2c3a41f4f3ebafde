//! Who is told what and when: stories in which time passes, with every message as it becomes due.

use crate::{log::*, shop::*};
use quorate_core::{
    Body, ExecutionState, Response, Sent, StepOutcome, Told,
    cluster::declare::Declaration,
    telling::{KINDS, Message, Occasion, due, standing},
};
use quorate_policies::{Millis, Policy, Timestamp, document::read_policy, policy::Severity};
use std::fmt::Write as _;

fn policy() -> Policy {
    read_policy("telling.yaml", include_str!("telling.yaml")).unwrap()
}

/// A log whose messages are sent and told to it.
struct Teller {
    log: Log,
    began: Timestamp,
    /// A channel that takes nothing.
    dead: Option<&'static str>,
    text: String,
}

impl Teller {
    fn new() -> Self {
        let log = Log::with(policy());
        Self { began: log.now, log, dead: None, text: String::new() }
    }

    fn due(&self) -> Vec<Message> {
        let none = Told::default();
        let all = self.log.cluster.executions.values();
        let occasions = all.filter_map(|execution| Occasion::of(&self.log.cluster, execution, &none));
        occasions.flat_map(|occasion| due(&occasion, self.log.now)).collect()
    }

    /// Sends until nothing is due.
    fn send(&mut self) -> &mut Self {
        loop {
            let messages = self.due();
            if messages.is_empty() {
                return self;
            }
            for message in messages {
                let after = self.log.now.since(self.began);
                let Message { channel, key, reference, letter, why } = message;
                let dead = self.dead == Some(channel.as_str());
                let on = reference.as_deref().map_or_else(String::new, |on| format!(" on {on}"));
                let lost = if dead { " LOST" } else { "" };
                writeln!(self.text, "{:>8} {channel} {key}{on}{lost}: {}", after.to_string(), letter.subject)
                    .unwrap();
                assert!(KINDS.contains(&why.kind()), "{}", why.kind());
                let sent = Sent {
                    message: key,
                    reference: (!dead).then(|| format!("{channel}-1")),
                    given_up: dead.then(|| "it answered 500, after 10 attempts".to_owned()),
                    channel,
                };
                let execution = letter.facts.execution;
                assert_eq!(self.log.say(NOA, Body::Told { execution, sent }), Response::Done);
            }
        }
    }

    /// Time passes, looked at each minute.
    fn wait(&mut self, minutes: u64) -> &mut Self {
        for _ in 0..minutes {
            self.log.wait(Millis::from_secs(60));
            self.send();
        }
        self
    }

    fn note(&mut self, what: &str) -> &mut Self {
        let after = self.log.now.since(self.began);
        writeln!(self.text, "{:>8} -- {what}", after.to_string()).unwrap();
        self
    }

    fn declare(&mut self) {
        let declaration =
            Declaration { scenario: "corruption".parse().unwrap(), inputs: [].into(), to: None };
        let (trigger, evidence, live) = (operator(), all_is_well(), agents(&AGENTS));
        let body = Body::Declare { service: shop(), declaration, trigger, evidence, live };
        assert!(matches!(self.log.say(WES, body), Response::Execution { .. }));
    }

    fn acknowledge(&mut self) -> Response {
        let execution = self.log.latest().id.clone();
        self.log.say(WES, Body::Acknowledge { execution, actor: olga("I am at it") })
    }
}

/// Goal: a failover is told in its order on every channel, with the pace, the levels and the messages of its steps, and what was
/// opened is closed. Method: one that takes its time, acknowledged after the second level, looked at each minute.
#[test]
fn a_failover_is_told() {
    let mut story = Teller::new();
    story.log.decide();
    story.log.release();
    assert_eq!(story.log.start("promote"), Response::Done);
    story.note("decided").send();
    story.wait(20);
    assert_eq!(story.acknowledge(), Response::Done);
    story.note("acknowledged").wait(15);
    story.log.finish("promote", succeeded());
    story.log.run("moved", succeeded());
    story.note("promoted, and the plan hands a message over").wait(2);
    story.log.run("verify", succeeded());
    assert_eq!(story.log.state(), &ExecutionState::Succeeded { exceptions: 0 });
    story.note("succeeded").wait(3);
    insta::assert_snapshot!(story.text);
}

/// Goal: a declared scenario of a lesser severity is told to fewer, its step's question is told, and answering it ends the
/// escalation. Method: P3, which mail does not hear and whose second level is for P1 alone.
#[test]
fn a_question_is_told_and_its_answer_heeds() {
    let mut story = Teller::new();
    story.declare();
    story.note("declared").send();
    story.log.start("sure");
    story.note("the step asks").wait(1);
    let execution = story.log.latest().id.clone();
    assert!(!story.log.cluster.acknowledged(&execution));
    let approve =
        Body::Approve { execution: execution.clone(), step: Some(step("sure")), actor: olga("yes") };
    story.log.say(WES, approve);
    assert!(story.log.cluster.acknowledged(&execution));
    story.note("olga answers").wait(20);
    story.log.finish("sure", succeeded());
    story.log.run("restart", StepOutcome::Impossible { reason: "no such cluster".to_owned() });
    story.note("stopped").wait(1);
    assert_eq!(story.log.abort(), Response::Done);
    story.note("aborted").wait(2);
    insta::assert_snapshot!(story.text);
}

/// Goal: an execution that waits for approval says so, and nothing is told of a beginning before there is one; a channel that is
/// dead loses its message and hears the next. Method: approval asked, Slack dead until it begins.
#[test]
fn an_approval_is_asked_and_a_dead_channel_goes_on() {
    let mut policy = policy();
    policy.scenarios.values_mut().for_each(|scenario| {
        if scenario.when.is_some() {
            scenario.mode = quorate_policies::policy::Mode::Approval;
        }
    });
    let log = Log::with(policy);
    let mut story = Teller { began: log.now, log, dead: Some("incidents"), text: String::new() };
    story.log.decide();
    story.send();
    let execution = story.log.latest().id.clone();
    story.log.wait(Millis::from_secs(60));
    story.log.say(WES, Body::Approve { execution, step: None, actor: olga("go") });
    story.dead = None;
    story.note("approved, and Slack is back").wait(31);
    insta::assert_snapshot!(story.text);
}

/// Goal: the words, for the team and for customers. Method: every message of the start, of an escalation, of an update and of the
/// end, whole.
#[test]
fn the_words() {
    let mut story = Teller::new();
    story.log.decide();
    story.log.release();
    assert_eq!(story.log.start("promote"), Response::Done);
    let mut texts = Vec::new();
    let mut take = |story: &mut Teller, wanted: &[&str]| {
        for message in story.due() {
            let name = format!("{} {}", message.channel, message.key);
            if wanted.contains(&name.as_str()) {
                texts.push(format!("== {name}\n{}\n{}", message.letter.subject, message.letter.text));
            }
        }
        story.send();
    };
    take(&mut story, &["incidents begun", "public begun", "on-call escalation-1"]);
    story.log.wait(Millis::from_secs(1_800));
    take(&mut story, &["public update-1", "incidents update-1"]);
    story.log.finish("promote", StepOutcome::Impossible { reason: "no such instance".to_owned() });
    take(&mut story, &["incidents failed", "public failed"]);
    story.log.abort();
    take(&mut story, &["incidents ended", "mail ended", "public ended"]);
    insta::assert_snapshot!(texts.join("\n"));
}

/// Goal: a second word on one message changes nothing, so that two leaders do not; a message too long to be one is left out.
/// Method: the same message delivered and given up.
#[test]
fn the_first_word_on_a_message_stays() {
    let mut story = Teller::new();
    story.log.decide();
    let execution = story.log.latest().id.clone();
    let sent = |reference: Option<&str>, given_up: Option<&str>| Sent {
        channel: "incidents".parse().unwrap(),
        message: "begun".to_owned(),
        reference: reference.map(str::to_owned),
        given_up: given_up.map(str::to_owned),
    };
    for sent in [sent(Some("C1/1.0"), None), sent(None, Some("it answered 500")), sent(Some("C1/2.0"), None)]
    {
        story.log.say(NOA, Body::Told { execution: execution.clone(), sent });
    }
    let told = story.log.cluster.told_of(&execution);
    let heard = &told.channels["incidents"];
    assert_eq!(
        (heard.reference.as_deref(), heard.messages["begun"].given_up.as_deref()),
        (Some("C1/1.0"), None)
    );
    let long = Sent { message: "x".repeat(300), ..sent(None, None) };
    story.log.say(NOA, Body::Told { execution: execution.clone(), sent: long });
    assert_eq!(story.log.cluster.told_of(&execution), told);
    let unknown = Body::Told { execution: "shop-9".to_owned(), sent: sent(None, None) };
    assert_eq!(refused_by(&story.log.say(NOA, unknown)), "unknown_execution");
}

/// Goal: acknowledging is remembered once, with who and why, and what has ended takes none. Method: two operators, then the end.
#[test]
fn the_first_who_acknowledges_has_it() {
    let mut story = Teller::new();
    story.log.decide();
    let execution = story.log.latest().id.clone();
    assert_eq!(story.acknowledge(), Response::Done);
    let other = Body::Acknowledge { execution: execution.clone(), actor: olga("me too") };
    assert_eq!(story.log.say(WES, other), Response::Done);
    let said = story.log.cluster.told_of(&execution).acknowledged.unwrap();
    assert_eq!((said.by.as_str(), said.reason.as_str()), ("olga", "I am at it"));
    story.log.abort();
    story.log.run_all();
    assert!(story.log.latest().state.ended(), "{:?}", story.log.state());
    assert_eq!(refused_by(&story.acknowledge()), "wrong_state");
}

/// Goal: an alert is sent again while its execution lasts, and no longer; a policy that gets channels later tells no old stories.
/// Method: the alerts before and after the end; an end of two hours ago on a log that told nobody anything.
#[test]
fn what_stands_and_what_is_old() {
    let mut story = Teller::new();
    story.log.decide();
    let stands = |story: &Teller| {
        let none = Told::default();
        let cluster = &story.log.cluster;
        let occasion = Occasion::of(cluster, story.log.latest(), &none).unwrap();
        standing(&occasion, story.log.now).iter().map(|alert| alert.channel.to_string()).collect::<Vec<_>>()
    };
    assert!(stands(&story).is_empty(), "it was not raised yet");
    story.send();
    assert_eq!(stands(&story), ["alerts"]);
    story.log.abort();
    story.log.run_all();
    assert!(stands(&story).is_empty());
    let mut late = Teller::new();
    late.log.decide();
    late.log.abort();
    late.log.run_all();
    late.log.wait(Millis::from_secs(7_200));
    assert!(late.due().is_empty(), "{:?}", late.due());
}

/// Goal: customers hear nothing of what is not for them. Method: an occasion that is not public.
#[test]
fn a_drill_is_no_news_for_customers() {
    let mut story = Teller::new();
    story.log.decide();
    let none = Told::default();
    let occasion = Occasion::of(&story.log.cluster, story.log.latest(), &none).unwrap();
    assert_eq!(occasion.severity(), Severity::P1);
    let channels = |public: bool| {
        due(&Occasion { public, ..occasion }, story.log.now)
            .into_iter()
            .map(|message| message.channel.to_string())
    };
    assert_eq!(channels(true).collect::<Vec<_>>(), ["alerts", "incidents", "mail", "on-call", "public"]);
    assert_eq!(channels(false).collect::<Vec<_>>(), ["alerts", "incidents", "mail", "on-call"]);
}
