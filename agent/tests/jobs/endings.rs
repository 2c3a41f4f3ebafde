//! That nothing of a command outlives its attempt or its agent, and what the agent knows afterwards.

use crate::bench::{Bench, context, exec, runner, runs, until};
use quorate::jobs::{
    Job,
    journal::{Attempt, Journal},
    order::{End, How, Order},
};
use quorate_policies::{
    Millis,
    effect::{EffectContext, Observed},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

/// A family that does not want to go: a child, one that ignores SIGTERM, and one in a session of its own.
const FAMILY: &str = r#"
    sleep 300 & echo $! >> family
    sh -c 'trap "" TERM; echo $$ >> family; while :; do sleep 0.2; done' &
    setsid sh -c 'echo $$ >> family; exec sleep 300' &
    while [ "$(wc -l < family)" -lt 3 ]; do sleep 0.02; done
    echo $$ >> family; echo working; wait; sleep 300"#;

/// The family's processes, once all of them run.
async fn family(bench: &Bench) -> Vec<String> {
    let all = || bench.written("family").map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    until("the family", || all().filter(|family| family.len() == 4 && family.iter().all(|one| runs(one))))
        .await
}

fn gone(family: &[String]) -> bool {
    !family.iter().any(|process| runs(process))
}

/// Goal: at its deadline a command is ended with everything that it has started, and that is the reason told. Method: the
/// family, with a short timeout.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_whole_family() {
    let bench = Bench::new(&[("family", FAMILY)]);
    let action = exec("{command: [family]}");
    let context = EffectContext { timeout: Millis(1_500), ..context() };
    bench.begin(&action, &context).await;
    let family = family(&bench).await;
    let seen = bench.run(&action, &context).await;
    let Observed::Broken { reason, again: false } = &seen else { panic!("{seen:?}") };
    assert_eq!(reason, "family was not done after 1s500ms, and was ended then: working");
    assert!(gone(&family), "nothing is left when the end is told");
}

/// Goal: an attempt that is let go of takes its command with it, and what is known then is that it was interrupted. Method:
/// the family, let go of.
#[tokio::test(flavor = "multi_thread")]
async fn letting_go_ends_the_whole_family() {
    let bench = Bench::new(&[("family", FAMILY)]);
    let action = exec("{command: [family]}");
    bench.begin(&action, &context()).await;
    let family = family(&bench).await;
    bench.let_go(&context()).await;
    assert!(gone(&family), "nothing is left when it has been let go of");
    let seen = bench.execs.observe(&action, &context()).await;
    assert!(
        matches!(&seen, Observed::Broken { reason, again: false } if reason.contains("was ended in its midst")),
        "{seen:?}"
    );
    bench.let_go(&context()).await;
}

/// Goal: what a command leaves behind when it ends by itself is ended, too. Method: a child that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_behind() {
    let bench = Bench::new(&[(
        "leaves",
        "setsid sleep 300 >/dev/null 2>&1 & echo $! > child; sleep 300 & echo left",
    )]);
    let seen = bench.run(&exec("{command: [leaves]}"), &context()).await;
    assert!(matches!(&seen, Observed::Done { detail } if detail.ends_with(": left")), "{seen:?}");
    assert!(!runs(&bench.written("child").unwrap()));
}

/// Goal: an agent that is killed takes its commands with it; the next process knows that they were interrupted, and an
/// idempotent one may be run again. Method: SIGKILL for whoever holds the runner's input, as only the agent does; then an
/// agent that has nothing but the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_takes_its_commands_with_it() {
    let mut bench = Bench::new(&[("family", FAMILY)]);
    let (attempt, journal) = (Attempt::of(&context()), Journal::new(bench.home.path().join("data/jobs")));
    let order = Order {
        program: bench.home.path().join("family"),
        arguments: Vec::new(),
        dir: bench.dir(),
        env: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
        secrets: Vec::new(),
        deadline: Millis::from_secs(300),
    };
    let record = journal.begin(&attempt).unwrap();
    let (input, mut agents) = std::io::pipe().unwrap();
    let mut command = Command::new(runner().program);
    command.arg("job").arg("--record").arg(&record).stdin(input).stdout(Stdio::null());
    let mut job = command.spawn().unwrap();
    drop(command);
    writeln!(agents, "{}", serde_json::to_string(&order).unwrap()).unwrap();
    let mut agent = Command::new("sleep").arg("300").stdout(agents).spawn().unwrap();
    let family = family(&bench).await;
    bench.restarted(&["family"]);
    let (once, again) = (exec("{command: [family]}"), exec("{command: [family], idempotent: true}"));
    let resumed = EffectContext { resumed: true, ..context() };
    let seen = bench.execs.observe(&again, &resumed).await;
    assert!(
        matches!(&seen, Observed::InProgress { .. }),
        "nobody runs it beside the one that still runs: {seen:?}"
    );

    agent.kill().unwrap();
    agent.wait().unwrap();
    let ended = bench.run(&once, &resumed).await;
    assert!(gone(&family), "nothing is left when the end is written");
    assert!(
        matches!(&ended, Observed::Broken { reason, again: false } if reason.contains("its agent was gone")),
        "{ended:?}"
    );
    let seen = bench.execs.observe(&again, &resumed).await;
    assert!(matches!(&seen, Observed::NotDone { .. }), "{seen:?}");
    job.wait().unwrap();
}

/// Goal: a runner whose agent dies before the order is whole starts nothing, and says so. Method: half an order.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_order_is_none() {
    let bench = Bench::new(&[("restore", "touch ran")]);
    let (attempt, journal) = (Attempt::of(&context()), Journal::new(bench.home.path().join("data/jobs")));
    let record = journal.begin(&attempt).unwrap();
    let mut command = Command::new(runner().program);
    command.arg("job").arg("--record").arg(&record).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut job = command.spawn().unwrap();
    let program = bench.home.path().join("restore");
    write!(job.stdin.take().unwrap(), "{{\"program\": \"{}\", ", program.display()).unwrap();
    assert!(job.wait().unwrap().success());
    assert_eq!(bench.jobs.look(&attempt).await.unwrap(), Job::None { certain: true });
    assert!(!bench.dir().join("ran").exists());
}

/// Goal: an end that nobody has written, after a power loss, is nobody's knowledge: the command is not run again unless the
/// policy allows it, by `idempotent` or by a look of its own. Method: a begun attempt without an end.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_loss_nobody_knows() {
    let bench = Bench::new(&[("restore", "true"), ("look", "exit 1")]);
    Journal::new(bench.home.path().join("data/jobs")).begin(&Attempt::of(&context())).unwrap();
    let resumed = EffectContext { resumed: true, ..context() };
    let seen = bench.execs.observe(&exec("{command: [restore]}"), &resumed).await;
    assert!(
        matches!(&seen, Observed::Broken { reason, again: false } if reason.contains("nobody knows")),
        "{seen:?}"
    );
    for yaml in ["{command: [restore], idempotent: true}", "{command: [restore], observe: {command: [look]}}"]
    {
        let seen = bench.execs.observe(&exec(yaml), &resumed).await;
        assert!(matches!(&seen, Observed::NotDone { .. }), "{yaml}: {seen:?}");
    }
}

/// Goal: an end that was written is known after a restart, and so is that an attempt never began; on another agent, or on a
/// new disk, it is not. Method: each.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restarted_agent_knows() {
    let mut bench = Bench::new(&[("restore", "echo restored")]);
    let action = exec("{command: [restore]}");
    bench.run(&action, &context()).await;
    let looked = EffectContext { attempt: 2, ..context() };
    bench.execs.observe(&action, &looked).await;
    bench.restarted(&["restore"]);
    let resumed = |context: &EffectContext| EffectContext { resumed: true, ..context.clone() };
    let seen = bench.execs.observe(&action, &resumed(&context())).await;
    assert!(matches!(&seen, Observed::Done { detail } if detail.contains("restored")), "{seen:?}");
    let seen = bench.execs.observe(&action, &resumed(&looked)).await;
    assert!(matches!(&seen, Observed::NotDone { .. }), "it was looked at, and had not begun: {seen:?}");
    let unseen = EffectContext { attempt: 3, ..context() };
    for unknown in [resumed(&unseen), EffectContext { attempt: 4, unheard: true, ..context() }] {
        let seen = bench.execs.observe(&action, &unknown).await;
        assert!(
            matches!(&seen, Observed::Impossible { reason } if reason.contains("nobody knows")),
            "{seen:?}"
        );
    }
}

/// Goal: a runner that somebody kills leaves no program of its group, and the agent says that nobody knows. Method: SIGKILL
/// for the runner of a command that would go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_is_noticed() {
    let bench = Bench::new(&[("restore", "echo $PPID > runner; sleep 300 & echo $! > child; wait")]);
    let action = exec("{command: [restore], idempotent: true}");
    bench.begin(&action, &context()).await;
    let child = until("the child", || bench.written("child")).await;
    let runner: i32 = bench.written("runner").unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(runner).unwrap(), Signal::KILL).unwrap();
    let seen = bench.run(&action, &context()).await;
    assert!(
        matches!(&seen, Observed::Broken { reason, again: true } if reason.contains("nobody knows")),
        "{seen:?}"
    );
    until("the child's end", || (!runs(&child)).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let text = fs::read_dir(bench.home.path().join("data/jobs/shop-7+restore+1")).unwrap().flatten();
    assert!(!text.map(|file| file.file_name()).any(|name| name == "end.json"), "nobody wrote an end");
}

/// Goal: a service manager that signals everything at once leaves an interrupted command, not a failed one. Method: SIGTERM for
/// the program first, and for its runner right behind it.
#[tokio::test(flavor = "multi_thread")]
async fn signalled_together_is_interrupted() {
    let bench = Bench::new(&[("restore", "echo $PPID $$ > both; exec sleep 300")]);
    let action = exec("{command: [restore]}");
    bench.begin(&action, &context()).await;
    let both = until("the processes", || bench.written("both")).await;
    for process in both.split_whitespace().rev() {
        kill_process(Pid::from_raw(process.parse().unwrap()).unwrap(), Signal::TERM).unwrap();
    }
    let seen = bench.run(&action, &context()).await;
    assert!(
        matches!(&seen, Observed::Broken { reason, again: false } if reason.contains("was ended in its midst")),
        "{seen:?}"
    );
}

/// Goal: what a runner writes reads back as what it means. Method: every end through the journal.
#[test]
fn every_end_survives_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::new(home.path().to_owned());
    for how in [
        How::Exited { code: 3 },
        How::Killed { signal: 9 },
        How::TimedOut { after: Millis(5) },
        How::Stopped { why: "a".to_owned() },
        How::NotBegun { why: "b".to_owned() },
    ] {
        let end =
            End { how, took: Millis(7), at_ms: 1, stdout: "o\u{fffd}".into(), stderr: "e".into(), cut: true };
        journal.end(&Attempt::of(&context()), &end).unwrap();
        let read = journal.entry::<End>(&Attempt::of(&context())).unwrap();
        assert_eq!(read, quorate::jobs::journal::Entry::Ended(end));
    }
}
