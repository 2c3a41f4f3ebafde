//! The guard's pure core: its whole transition table as a snapshot, and its two promises over any sequence of events. No
//! process, no clock.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use proptest::prelude::*;
use quorate_policies::{Millis, Monotonic};
use quorate_sidecar::core::{
    Answer, Directory, Guard, Input, Mode, Output, Rejoined, Role, Server, Settings, Statement, Stop,
};
use std::fmt::Write as _;

const LEASE: Millis = Millis(500);

fn settings() -> Settings {
    Settings {
        ask_every: Millis(100),
        stop_time: Millis(60),
        kill_after: Millis(25),
        statement_every: Millis(100),
        statement_limit: Millis(1_000),
        promotion_grace: Millis(500),
        start_max: Millis(300_000),
        rejoin: true,
        restart_primary: false,
    }
}

fn directory(standby_signal: bool) -> Input {
    let state = "in production".to_owned();
    Input::DirectorySeen(Ok(Directory { standby_signal, timeline: 1, state, can_rewind: true }))
}

fn granted(sent_at: u64, epoch: u64) -> Input {
    Input::LeaseAnswered { sent_at: Monotonic(sent_at), answer: Answer::Granted { epoch, remaining: LEASE } }
}

fn refused(sent_at: u64) -> Input {
    let answer = Answer::Refused { why: "not renewed".to_owned(), moved: None };
    Input::LeaseAnswered { sent_at: Monotonic(sent_at), answer }
}

fn moved(sent_at: u64, epoch: u64) -> Input {
    let answer = Answer::Refused { why: "moved".to_owned(), moved: Some(epoch) };
    Input::LeaseAnswered { sent_at: Monotonic(sent_at), answer }
}

fn silent(sent_at: u64) -> Input {
    Input::LeaseAnswered {
        sent_at: Monotonic(sent_at),
        answer: Answer::Unknown { why: "no answer".to_owned() },
    }
}

fn says(sent_at: u64, role: Role) -> Input {
    let statement = Statement::Is { role, timeline: 1, streaming: role == Role::Replica };
    Input::StatementDone { sent_at: Monotonic(sent_at), statement }
}

fn fails(sent_at: u64) -> Input {
    let statement = Statement::Failed { why: "no answer".to_owned() };
    Input::StatementDone { sent_at: Monotonic(sent_at), statement }
}

fn exited() -> Input {
    Input::PostmasterExited { why: "signal: 9".to_owned() }
}

fn after(settings: Settings, events: &[(u64, Input)]) -> Guard {
    let mut guard = Guard::new(settings);
    guard.handle(Monotonic(0), Input::Tick);
    for (now, input) in events {
        guard.handle(Monotonic(*now), input.clone());
    }
    guard
}

/// Each state by the way that leads there, at 1,000 ms.
fn states() -> Vec<(&'static str, Guard)> {
    let primary =
        [(0, granted(0, 7)), (0, directory(false)), (900, granted(900, 7)), (950, says(950, Role::Primary))];
    let replica = [(0, directory(true)), (950, says(950, Role::Replica)), (950, refused(940))];
    let with = |events: &[(u64, Input)], more: &[(u64, Input)]| after(settings(), &[events, more].concat());
    vec![
        ("nothing seen", with(&[], &[])),
        ("down, a primary's directory, refused", {
            let manual = Settings { rejoin: false, ..settings() };
            after(manual, &[(0, directory(false)), (950, refused(940))])
        }),
        ("down, a primary's directory, no answer", with(&[(0, directory(false)), (950, silent(940))], &[])),
        (
            "down, ended as a primary",
            with(&primary, &[(970, exited()), (980, Input::ServerGone), (985, directory(false))]),
        ),
        ("starting as a primary", with(&[(990, granted(900, 7)), (995, directory(false))], &[])),
        ("starting as a standby", with(&[(995, directory(true))], &[])),
        ("a primary under a lease", with(&primary, &[])),
        ("a primary whose statement fails", with(&primary, &[(990, fails(980))])),
        ("a replica", with(&replica, &[])),
        ("a replica that holds the lease", with(&replica, &[(960, granted(960, 8))])),
        ("promoted without a lease", with(&replica, &[(990, says(980, Role::Primary))])),
        ("told to stop at once", with(&primary[..2], &[(441, Input::Tick)])),
        ("being killed", with(&primary, &[(990, exited())])),
        ("ending on request", with(&primary, &[(990, Input::Finish)])),
        ("rejoining", with(&[(0, directory(false)), (950, refused(940))], &[])),
        ("waiting for a human", with(&[(0, Input::DirectorySeen(Err("half rewound".to_owned())))], &[])),
    ]
}

fn inputs() -> Vec<(&'static str, Input)> {
    vec![
        ("time", Input::Tick),
        ("granted", granted(990, 9)),
        ("refused", refused(990)),
        ("the lease has moved", moved(990, 9)),
        ("it has moved before", moved(990, 6)),
        ("no answer", silent(990)),
        ("says primary", says(990, Role::Primary)),
        ("says replica", says(990, Role::Replica)),
        ("starts", Input::StatementDone { sent_at: Monotonic(990), statement: Statement::Starting }),
        ("statement fails", fails(990)),
        ("postmaster exited", exited()),
        ("server gone", Input::ServerGone),
        ("a standby's directory", directory(true)),
        ("a primary's directory", directory(false)),
        ("directory unusable", Input::DirectorySeen(Err("half rewound".to_owned()))),
        ("rejoined", Input::Rejoined(Rejoined::Done)),
        ("nothing to join", Input::Rejoined(Rejoined::NotYet { why: "no primary".to_owned() })),
        ("cannot rejoin", Input::Rejoined(Rejoined::Impossible { what: "copy it anew".to_owned() })),
        ("told to end", Input::Finish),
    ]
}

fn word(output: &Output) -> Option<String> {
    Some(match output {
        Output::LookAtDirectory => "look".to_owned(),
        Output::AskLease => "ask lease".to_owned(),
        Output::AskStatement => "ask server".to_owned(),
        Output::StartServer(mode) => format!("START {mode:?}"),
        Output::StopServer(stop) => format!("STOP {stop:?}"),
        Output::ReleaseLease { epoch } => format!("RELEASE {epoch}"),
        Output::Fence(until) => {
            format!("fence {}", until.map_or("closed".to_owned(), |until| until.0.to_string()))
        }
        Output::Rejoin => "REJOIN".to_owned(),
        Output::NeedHuman { .. } => "HUMAN".to_owned(),
        Output::Transition { .. } => return None,
        Output::Exit => "EXIT".to_owned(),
    })
}

fn place(server: &Server) -> String {
    match server {
        Server::Unseen => "unseen".to_owned(),
        Server::Down(_) => "down".to_owned(),
        Server::Running(running) => {
            format!("running {}", running.role.map_or("unknown".to_owned(), |role| role.to_string()))
        }
        Server::Stopping { stop, release, .. } => {
            format!("stopping {stop:?}{}", if *release { ", then release" } else { "" })
        }
        Server::Rejoining => "rejoining".to_owned(),
        Server::Stuck => "stuck".to_owned(),
    }
}

/// Goal: every state's answer to every event is read by a human. Method: the whole table as a snapshot; what changes
/// nothing and asks for nothing is left out.
#[test]
fn the_transition_table() {
    let mut table = String::new();
    for (name, guard) in states() {
        writeln!(table, "{name} ({})", place(guard.server())).unwrap();
        for (event, input) in inputs() {
            let mut next = guard.clone();
            let out = next.handle(Monotonic(1_000), input);
            let words: Vec<String> = out.iter().filter_map(word).collect();
            if words.is_empty() && place(next.server()) == place(guard.server()) {
                continue;
            }
            writeln!(table, "  {event:<22} -> {:<28} {}", place(next.server()), words.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// Goal: what was paused beyond the lease's end is killed, not asked. Method: 2 s of nothing.
#[test]
fn a_primary_that_wakes_up_late_is_killed_at_once() {
    let (_, mut guard) = states().swap_remove(6);
    for input in [Input::Tick, granted(950, 7), says(950, Role::Primary)] {
        let out = guard.clone().handle(Monotonic(3_000), input);
        assert!(out.contains(&Output::StopServer(Stop::Kill)), "{out:?}");
    }
    assert_eq!(guard.serves(Monotonic(1_100)), Some(Role::Primary));
    assert_eq!(guard.serves(Monotonic(3_000)), None);
    guard.handle(Monotonic(3_000), Input::Tick);
    let out = guard.handle(Monotonic(3_001), Input::ServerGone);
    assert!(
        !out.iter().any(|output| matches!(output, Output::ReleaseLease { .. })),
        "it ended by itself: {out:?}"
    );
}

/// Goal: an answer to a question from before the giving-back starts nothing. Method: one of then and one of since, with the
/// setting that allows a restart and without.
#[test]
fn a_released_lease_stays_released() {
    for restart_primary in [false, true] {
        let ended = [
            (0, granted(0, 7)),
            (0, directory(false)),
            (100, says(90, Role::Primary)),
            (200, exited()),
            (210, Input::ServerGone),
            (2_220, directory(false)),
        ];
        let mut guard = after(Settings { restart_primary, ..settings() }, &ended);
        let starts = |out: &[Output]| out.contains(&Output::StartServer(Mode::Primary));
        let slow = Input::LeaseAnswered {
            sent_at: Monotonic(210),
            answer: Answer::Granted { epoch: 7, remaining: Millis(10_000) },
        };
        assert!(!starts(&guard.handle(Monotonic(2_230), slow)));
        assert_eq!(starts(&guard.handle(Monotonic(2_300), granted(2_240, 7))), restart_primary);
    }
}

/// Goal: a primary that only lost its lease is started again at once when its region is granted it anew; one that failed is not.
/// Method: the lease runs out, and a grant that was asked for after that; the same with a statement that fails for too long.
#[test]
fn a_primary_goes_on_with_the_next_lease() {
    for fails_too in [false, true] {
        let (_, mut guard) = states().swap_remove(6);
        if fails_too {
            guard.handle(Monotonic(1_960), granted(1_950, 7));
            guard.handle(Monotonic(1_970), Input::Tick);
        } else {
            guard.handle(Monotonic(1_340), Input::Tick);
        }
        guard.handle(Monotonic(2_000), exited());
        guard.handle(Monotonic(2_010), Input::ServerGone);
        guard.handle(Monotonic(2_020), directory(false));
        let out = guard.handle(Monotonic(2_100), granted(2_050, 7));
        assert_eq!(out.contains(&Output::StartServer(Mode::Primary)), !fails_too, "{out:?}");
    }
}

/// Goal: a primary whose lease the log moves away takes leave while the lease lasts, is stopped hard if that takes too long,
/// and is started again if the log gives the lease back; an agent that knows less than the guard stops nothing. Method: the
/// whole way, and a refusal of an earlier epoch.
#[test]
fn a_primary_takes_leave_when_its_lease_moves() {
    let (_, primary) = states().swap_remove(6);
    let stops = |out: &[Output], stop| out.contains(&Output::StopServer(stop));
    let out = primary.clone().handle(Monotonic(1_000), moved(990, 7));
    assert!(!out.iter().any(|output| matches!(output, Output::StopServer(_))), "{out:?}");

    let mut guard = primary;
    assert!(stops(&guard.handle(Monotonic(1_000), moved(990, 8)), Stop::Fast));
    // The lease was asked for at 900 and lasts 500.
    assert_eq!(guard.wake_at(Monotonic(1_001)).0, 1_340);
    let mut slow = guard.clone();
    assert!(stops(&slow.handle(Monotonic(1_340), Input::Tick), Stop::Immediate));

    guard.handle(Monotonic(1_100), exited());
    let out = guard.handle(Monotonic(1_110), Input::ServerGone);
    assert!(out.contains(&Output::ReleaseLease { epoch: 7 }), "{out:?}");
    guard.handle(Monotonic(1_120), directory(false));
    // Nobody was promoted, so there is nobody to join.
    let out = guard.handle(Monotonic(4_000), Input::Tick);
    assert!(out.contains(&Output::Rejoin), "{out:?}");
    guard.handle(Monotonic(4_010), Input::Rejoined(Rejoined::NotYet { why: "no primary".to_owned() }));
    guard.handle(Monotonic(4_020), directory(false));
    let out = guard.handle(Monotonic(6_020), granted(6_010, 9));
    assert!(out.contains(&Output::StartServer(Mode::Primary)), "{out:?}");
}

/// What really happens outside: the guard sees it only through its questions.
struct World {
    now: u64,
    alive: bool,
    primary: bool,
    /// The end of the longest grant that the guard was told, each from its own sending.
    until: u64,
    /// When the guard was first told that a standby is a primary.
    promoted_at: Option<u64>,
    asked_lease: Option<u64>,
    asked_statement: Option<u64>,
    looking: bool,
    rejoining: bool,
    killing: bool,
    standby_directory: bool,
    released_at: Option<u64>,
}

#[derive(Debug, Clone)]
enum Event {
    Wait(u64),
    Lease(Answer),
    Statement(bool),
    Promote,
    Die,
    Gone,
    Look,
    Rejoin(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        4 => (0..4u64, 0..900u64).prop_map(|(epoch, length)| Answer::Granted { epoch, remaining: Millis(length) }),
        1 => prop::option::of(0..5u64).prop_map(|moved| Answer::Refused { why: String::new(), moved }),
        1 => Just(Answer::Unknown { why: String::new() }),
    ];
    prop_oneof![
        4 => (0..150u64).prop_map(Event::Wait),
        1 => (0..5_000u64).prop_map(Event::Wait),
        5 => answer.prop_map(Event::Lease),
        4 => prop::bool::weighted(0.9).prop_map(Event::Statement),
        1 => Just(Event::Promote),
        1 => Just(Event::Die),
        2 => Just(Event::Gone),
        2 => Just(Event::Look),
        1 => (0..3u8).prop_map(Event::Rejoin),
    ]
}

impl World {
    fn new(standby_directory: bool) -> Self {
        Self {
            now: 1_000,
            alive: false,
            primary: false,
            until: 0,
            promoted_at: None,
            asked_lease: None,
            asked_statement: None,
            looking: false,
            rejoining: false,
            killing: false,
            standby_directory,
            released_at: None,
        }
    }

    /// The event as the guard is told it, if it can happen now.
    fn input(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Wait(_) => None,
            Event::Lease(answer) => {
                let sent_at = self.asked_lease.take()?;
                if let Answer::Granted { remaining, .. } = answer
                    && self.released_at.is_none_or(|at| sent_at > at)
                {
                    self.until = self.until.max(sent_at + remaining.0);
                }
                Some(Input::LeaseAnswered { sent_at: Monotonic(sent_at), answer })
            }
            Event::Statement(good) => {
                let sent_at = self.asked_statement.take()?;
                if !good || !self.alive {
                    return Some(fails(sent_at));
                }
                let role = if self.primary { Role::Primary } else { Role::Replica };
                if self.primary {
                    self.promoted_at.get_or_insert(self.now);
                }
                Some(says(sent_at, role))
            }
            Event::Promote => {
                if self.alive && !self.primary {
                    self.primary = true;
                    self.standby_directory = false;
                }
                None
            }
            Event::Die => self.alive.then(exited),
            Event::Gone => std::mem::take(&mut self.killing).then(|| {
                self.alive = false;
                Input::ServerGone
            }),
            Event::Look => std::mem::take(&mut self.looking).then(|| directory(self.standby_directory)),
            Event::Rejoin(how) => std::mem::take(&mut self.rejoining).then(|| match how {
                0 => {
                    self.standby_directory = true;
                    Input::Rejoined(Rejoined::Done)
                }
                1 => Input::Rejoined(Rejoined::NotYet { why: String::new() }),
                _ => Input::Rejoined(Rejoined::Impossible { what: String::new() }),
            }),
        }
    }

    fn tell(&mut self, guard: &mut Guard, input: Input) -> Result<(), TestCaseError> {
        for output in guard.handle(Monotonic(self.now), input) {
            match output {
                Output::AskLease => prop_assert!(self.asked_lease.replace(self.now).is_none(), "asked twice"),
                Output::AskStatement => {
                    prop_assert!(self.asked_statement.replace(self.now).is_none(), "asked twice")
                }
                Output::LookAtDirectory => self.looking = true,
                Output::Rejoin => {
                    prop_assert!(!self.alive, "rejoining a server that may run");
                    self.rejoining = true;
                }
                Output::StartServer(mode) => {
                    prop_assert!(!self.alive && !self.rejoining, "started twice");
                    self.alive = true;
                    self.primary = mode == Mode::Primary;
                    self.promoted_at = self.primary.then_some(0);
                    if self.primary {
                        prop_assert!(self.now < self.until, "a primary started without a lease");
                    }
                }
                Output::StopServer(Stop::Kill) => self.killing = true,
                Output::ReleaseLease { .. } => {
                    prop_assert!(!self.alive, "released while the server may run");
                    prop_assert!(self.now < self.until, "released twice, or what had ended");
                    self.released_at = Some(self.now);
                    self.until = 0;
                }
                _ => {}
            }
        }
        self.promise(guard)
    }

    /// No primary, that the guard has seen, is left running at the lease's end: by then it was told to stop.
    fn promise(&self, guard: &Guard) -> Result<(), TestCaseError> {
        let Server::Running(running) = guard.server() else { return Ok(()) };
        if !self.alive || !self.primary {
            return Ok(());
        }
        let seen = running.mode == Mode::Primary || running.role == Some(Role::Primary);
        let grace = self.promoted_at.map_or(0, |at| if at == 0 { 0 } else { at + 500 });
        prop_assert!(
            !seen || self.now + 60 < self.until || self.now < grace,
            "at {} a primary runs, its lease ends at {}, its grace at {grace}",
            self.now,
            self.until
        );
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Goal: whatever happens, no primary is left running at its lease's end, no lease is released while the server may
    /// run, nothing is started twice or rejoined while it runs. Method: any sequence of events against a world that the
    /// guard sees only through its own questions, woken when it asked to be and sometimes late.
    #[test]
    fn no_primary_without_a_lease(
        standby in any::<bool>(),
        restart_primary in any::<bool>(),
        late in prop::bool::weighted(0.1),
        events in prop::collection::vec(event(), 1..200),
    ) {
        let mut guard = Guard::new(Settings { restart_primary, ..settings() });
        let mut world = World::new(standby);
        world.tell(&mut guard, Input::Tick)?;
        for event in events {
            if let Event::Wait(length) = event {
                let end = world.now + length;
                while world.now < end {
                    let wake = guard.wake_at(Monotonic(world.now)).0;
                    prop_assert!(wake > world.now, "woken for nothing");
                    world.now = if late { end } else { wake.min(end) };
                    world.tell(&mut guard, Input::Tick)?;
                }
            } else if let Some(input) = world.input(event) {
                world.tell(&mut guard, input)?;
            }
        }
    }
}
