//! The bounded run of every fuzz target: each seed, and mutations of them by fixed seeds and by one that is new each time
//! and printed. `QUORATE_FUZZ_SEED=N` runs that one alone; `QUORATE_FUZZ_MUTATIONS=N` makes so many. What fails is kept
//! below `target/fuzz-failures`. The coverage-guided runs are described in `fuzz/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../fuzzing/targets.rs"]
pub mod targets;

use quorate_policies::document::{DOCUMENT_BYTES_MAX, read_policy};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use targets::{TARGETS, Target, mutation::Mutator, recorded};

/// The seed of every run.
const SEED: u64 = 1;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file of a folder that can be a seed, in the order of names.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.retain(|path| path.extension().is_none_or(|extension| extension != "snap"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut seeds = files(&root().join("fuzz/seeds").join(target.name));
    seeds.extend(target.seeds.iter().flat_map(|folder| files(&root().join(folder))));
    seeds.extend(recorded::seeds(target.name));
    seeds
}

/// Writes the made seeds beside those that are there.
fn record(target: &Target) {
    let folder = root().join("fuzz/seeds").join(target.name);
    for seed in recorded::seeds(target.name) {
        let name: String = Sha256::digest(&seed).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), seed).unwrap();
    }
}

fn try_one(target: &Target, input: &[u8], made_by: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.body)(input))).is_err() {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz-failures");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(target.name);
        fs::write(&file, input).unwrap();
        panic!("{} broke a promise on an input of {made_by}, kept in {}", target.name, file.display());
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("there is such a target");
    if std::env::var_os("QUORATE_FUZZ_RECORD").is_some() {
        record(target);
    }
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (index, seed) in seeds.iter().enumerate() {
        try_one(target, seed, &format!("seed {index}"));
    }
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mutations = number("QUORATE_FUZZ_MUTATIONS").map_or(target.mutations, |many| many as usize);
    let runs = match number("QUORATE_FUZZ_SEED") {
        Some(seed) => vec![(seed, mutations)],
        None => vec![(SEED, mutations), (clock, mutations / 4)],
    };
    for (seed, mutations) in runs {
        println!(
            "{name}: {mutations} mutations of {} seeds; replay with QUORATE_FUZZ_SEED={seed}",
            seeds.len()
        );
        let mut mutator = Mutator::new(seed);
        for round in 0..mutations {
            let input = mutator.mutate(&seeds);
            try_one(target, &input, &format!("QUORATE_FUZZ_SEED={seed}, mutation {round}"));
        }
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            /// Goal: what this target promises holds for its seeds and for mutations of them. Method: a bounded run.
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        /// Goal: no target is forgotten here. Method: compare the lists.
        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|target| target.name).as_slice(), run.as_slice());
        }
    };
}

targets! {
    policy_file agent_file api_body words cluster_lines cluster_talk snapshot peer_message heard_report stored_rows
    shell_words small_message audit_file health_reply dns_reply
}

/// Goal: no text costs more than its limits allow: each is refused, by a limit that is named or as no proper document.
/// Method: ten megabytes, nesting without end, aliases that grow, and as many steps as the limit on bytes admits, each of
/// which could be compared with all others; the test's own time limit is the clock.
#[test]
fn no_text_costs_more_than_its_limits() {
    let laughs = (1..30).fold("a0: &a0 [x, x, x, x]\n".to_owned(), |text, level| {
        let before = format!("*a{}, ", level - 1).repeat(9);
        text + &format!("a{level}: &a{level} [{before}]\n")
    });
    let texts = [
        "service: shop\n".repeat(1 << 20),
        "[".repeat(200_000),
        "{a: ".repeat(50_000),
        "- ".repeat(100_000),
        format!("service: {laughs}"),
        laughs,
    ];
    for text in &texts {
        for (name, body) in TARGETS.iter().take(3).map(|target| (target.name, target.body)) {
            println!("{name}: {} bytes", text.len());
            body(text.as_bytes());
        }
        let problems = read_policy("policy.yaml", text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
    let large = read_policy("policy.yaml", &texts[0]).unwrap_err();
    assert!(large[0].message.contains(&DOCUMENT_BYTES_MAX.to_string()), "{}", large[0]);
}

/// Goal: a plan with more steps than can be compared with each other is refused by that limit, with one problem. Method: a
/// thousand promotions and a thousand repoints, each of which would be told to wait for each promotion.
#[test]
fn a_plan_of_thousands_of_steps_is_refused() {
    let example = include_str!("../fuzzing/shop.yaml");
    let (head, _) = example.split_once("plans:").unwrap();
    let steps = (0..1_000).map(|number| {
        format!(
            "      p{number}: {{rds.promote_read_replica: {{region: \"{{to}}\", instance: x}}}}\n      \
             r{number}: {{route53.repoint: {{zone: Z1, record: a.b, alias: c.d, alias_zone: Z2}}}}\n"
        )
    });
    let text = format!("{head}plans:\n  failover:\n    steps:\n{}", steps.collect::<String>());
    assert!(text.len() < DOCUMENT_BYTES_MAX, "{} bytes", text.len());
    let problems = read_policy("policy.yaml", &text).unwrap_err();
    assert_eq!(problems.len(), 1, "{}", problems[0]);
    assert!(problems[0].message.contains("2000 entries, more than"), "{}", problems[0]);
}
