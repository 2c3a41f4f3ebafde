//! What a command gets, what is kept of what it says, and what its end means.

use crate::bench::{Bench, SECRET, agent, context, exec, until};
use quorate::effects::exec::Execs;
use quorate_policies::{
    effect::{Acted, EffectContext, Observed},
    readiness::FindingSeverity,
};
use std::{fs, os::unix::fs::symlink, sync::Arc};

fn broken(seen: &Observed) -> (&str, bool) {
    match seen {
        Observed::Broken { reason, again } => (reason, *again),
        other => panic!("{other:?}"),
    }
}

/// Goal: a command gets its arguments as they are, the environment that the agent's file grants, and nothing else; it reads
/// nothing. Method: a script that writes down all of it, with arguments that a shell would take apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_what_it_is_given() {
    let script = r#"pwd > ../all; env >> ../all; for a in "$@"; do echo "<$a>" >> ../all; done; cat >> ../all; echo done"#;
    let bench = Bench::new(&[("restore", script)]);
    let action = exec(
        r#"{command: [restore, "a b", "$(id)", ";", "*"], dir: sub, env: {DUMP: "x y"}, secrets: [TOKEN], success: {stdout: "^done$"}}"#,
    );
    let seen = bench.run(&action, &context()).await;
    let Observed::Done { detail } = &seen else { panic!("{seen:?}") };
    assert!(
        detail.starts_with("restore ended with exit code 0 after ") && detail.ends_with(": done"),
        "{detail}"
    );
    let all = bench.written("all").unwrap();
    let mut lines: Vec<&str> = all.lines().collect();
    assert!(lines.remove(0).ends_with("/dr/sub"));
    assert_eq!(lines.split_off(lines.len() - 4), ["<a b>", "<$(id)>", "<;>", "<*>"]);
    let names = |line: &&str| line.split_once('=').map(|(name, _)| name.to_owned()).unwrap();
    let mut names: Vec<String> = lines.iter().map(names).filter(|name| name != "_").collect();
    names.sort();
    let own = ["ATTEMPT", "EPOCH", "EXECUTION", "FROM", "SERVICE", "STEP", "TO"]
        .map(|name| format!("QUORATE_{name}"));
    // The shell itself adds PWD, and some add OLDPWD and SHLVL.
    names.retain(|name| !matches!(name.as_str(), "PWD" | "OLDPWD" | "SHLVL"));
    assert_eq!(names, [&["DUMP".to_owned(), "PATH".to_owned()], &own[..], &["TOKEN".to_owned()]].concat());
    assert!(lines.contains(&"QUORATE_EPOCH=7") && lines.contains(&format!("TOKEN={SECRET}").as_str()));
}

/// Goal: an end is success by exit code and output, and otherwise a failure that is told with the command's own words, after
/// which only an idempotent one is tried again. Method: each kind of end.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_end_means() {
    let bench = Bench::new(&[
        ("fails", "echo half; echo 'no such table' >&2; exit 3"),
        ("says", "echo 12 rows; echo noise >&2"),
        ("killed", "kill -9 $$"),
    ]);
    let mut attempt = 0;
    let mut fresh = || {
        attempt += 1;
        EffectContext { attempt, ..context() }
    };
    for (yaml, reason, again) in [
        ("{command: [fails]}", "fails ended with exit code 3", false),
        ("{command: [fails], idempotent: true}", "no such table", true),
        ("{command: [says], success: {stdout: '^0 rows'}}", "its output does not match `^0 rows`", false),
        ("{command: [says], success: {codes: [1]}}", "exit code 0", false),
        ("{command: [killed]}", "killed was killed by signal 9", false),
    ] {
        let seen = bench.run(&exec(yaml), &fresh()).await;
        assert!(broken(&seen).0.contains(reason) && broken(&seen).1 == again, "{yaml}: {seen:?}");
    }
    for yaml in [
        "{command: [fails], success: {codes: [0, 3]}}",
        r"{command: [says], success: {stdout: '^\d+ rows$'}}",
    ] {
        let seen = bench.run(&exec(yaml), &fresh()).await;
        assert!(matches!(seen, Observed::Done { .. }), "{yaml}: {seen:?}");
    }
}

/// Goal: the last line shows while a command runs, of a long output only the end is kept, and a secret is nowhere: not in what
/// is shown, not on the disk, not in any command line. Method: a script that says its secret in pieces and then 2 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn output_is_masked_and_bounded() {
    let script = r#"
        printf 'token %s' "$TOKEN" | cut -c1-20 | tr -d '\n'; sleep 0.1; printf '%s' "$TOKEN" | cut -c15- ; echo "is $TOKEN"
        while [ ! -e go ]; do sleep 0.02; done
        yes "a line of the report" | head -100000; echo "$TOKEN" >&2; echo "the end $TOKEN""#;
    let bench = Bench::new(&[("says", script)]);
    let action = exec("{command: [says], secrets: [TOKEN]}");
    bench.begin(&action, &context()).await;
    let line = loop {
        match bench.execs.observe(&action, &context()).await {
            Observed::InProgress { detail } if detail.contains("is ") => break detail,
            Observed::InProgress { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(line.starts_with("says has run for ") && line.ends_with(": is ***"), "{line}");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    for process in processes {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains(SECRET));
    }
    fs::write(bench.dir().join("go"), "").unwrap();
    let seen = bench.run(&action, &context()).await;
    let Observed::Done { detail } = &seen else { panic!("{seen:?}") };
    assert!(detail.ends_with(": the end ***"), "{detail}");
    let record = bench.home.path().join("data/jobs/shop-7+restore+1");
    let mut size = 0;
    for file in fs::read_dir(record).unwrap().flatten() {
        let text = fs::read_to_string(file.path()).unwrap();
        size += text.len();
        assert!(!text.contains(SECRET), "{}", file.path().display());
    }
    assert!((64 << 10..100 << 10).contains(&size), "{size} bytes are kept");
}

/// Goal: what the agent's own file does not name does not run, whatever a policy says, and readiness tells it before. Method:
/// each thing that a file may not name.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_does_not_name_does_not_run() {
    let bench = Bench::new(&[("restore", "touch ran")]);
    symlink("/", bench.dir().join("out")).unwrap();
    for (yaml, why) in [
        ("{command: [sh, -c, 'touch ran']}", "does not name the program `sh`"),
        ("{command: [restore], env: {PATH: /tmp}}", "no policy set the variable `PATH`"),
        ("{command: [restore], secrets: [PASSWORD]}", "does not name the secret `PASSWORD`"),
        ("{command: [restore], dir: out/tmp}", "is not below"),
        ("{command: [restore], observe: {command: [sh]}}", "does not name the program `sh`"),
    ] {
        let action = exec(yaml);
        let findings = bench.execs.check(&action, &context()).await;
        assert_eq!(findings.len(), 1, "{yaml}: {findings:?}");
        assert!(
            findings[0].severity == FindingSeverity::Blocking && findings[0].what.contains(why),
            "{findings:?}"
        );
        let elsewhere = EffectContext { from: "north".to_owned(), to: "south".to_owned(), ..context() };
        assert_eq!(bench.execs.check(&action, &elsewhere).await[0].severity, FindingSeverity::Warning);
        if action.observe.is_none() {
            let seen = bench.execs.observe(&action, &context()).await;
            assert!(matches!(&seen, Observed::Impossible { reason } if reason.contains(why)), "{seen:?}");
            let said = bench.execs.act(&action, &context()).await;
            assert!(matches!(said, Acted::Refused { retryable: false, .. }), "{said:?}");
        }
    }
    let none = Execs::new(&agent(""), bench.home.path(), Arc::clone(&bench.jobs));
    let seen = none.observe(&exec("{command: [restore]}"), &context()).await;
    assert!(
        matches!(&seen, Observed::Impossible { reason } if reason.contains("has no `exec` section")),
        "{seen:?}"
    );
    assert!(!bench.dir().join("ran").exists());
}

/// Goal: with a look of its own a step is done when that look says so, before and after the act. Method: a look for a file,
/// that a command makes some time after it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn the_policys_own_look_decides() {
    let scripts = [
        ("apply", "echo x >> ran; (sleep 0.3; touch stands) >/dev/null 2>&1 & sleep 0.6"),
        ("look", "test -e stands && echo stands"),
    ];
    let bench = Bench::new(&scripts);
    let action = exec("{command: [apply], observe: {command: [look], stdout: '^stands$'}}");
    assert!(matches!(bench.run(&action, &context()).await, Observed::Done { .. }));
    let next = EffectContext { attempt: 2, unheard: true, ..context() };
    assert!(matches!(bench.run(&action, &next).await, Observed::Done { .. }));
    assert_eq!(bench.written("ran").unwrap(), "x\n", "it stood already");
    fs::remove_file(bench.dir().join("stands")).unwrap();
    let seen = bench.execs.observe(&action, &EffectContext { attempt: 3, ..next.clone() }).await;
    assert!(matches!(seen, Observed::NotDone { .. }), "the look says so, whoever ran before: {seen:?}");
}

/// Goal: a look that is given up leaves nothing behind. Method: one that hangs, dropped as the executor drops it.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_is_given_up_leaves_nothing() {
    let bench = Bench::new(&[("apply", "true"), ("look", "echo $$ > looking; sleep 300")]);
    let action = exec("{command: [apply], observe: {command: [look]}}");
    let context = context();
    let look = bench.execs.observe(&action, &context);
    let began = until("the look", || bench.written("looking"));
    let process = tokio::select! {
        seen = look => panic!("{seen:?}"),
        process = began => process,
    };
    until("its end", || (!crate::bench::runs(&process)).then_some(())).await;
}
