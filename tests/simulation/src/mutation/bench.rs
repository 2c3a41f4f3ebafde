//! The workbench: copies the sources, puts the mutations into the copy, builds the simulation there once, and runs seeds
//! with one mutation after another in force until a rule breaks. It never touches the sources themselves.

use super::{
    Mutation, all,
    switched::{IN_FORCE, SWITCH, switched},
};
use crate::{Plot, Scenario};
use clap::Parser;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

/// What of the workspace the simulation is made of, and what cargo wants to see of the rest.
const COPIED: [&str; 6] = ["Cargo.toml", "Cargo.lock", "policies", "probes", "agent", "tests"];
/// Within so many seeds each mutation must be noticed: as many as every test run has.
const SEEDS_MAX: u64 = 500;

/// Put faults into a copy of the safety code and see whether the simulation notices each.
#[derive(Debug, Parser)]
#[command(name = "mutate", version)]
pub struct Arguments {
    /// Only mutations whose name contains this, or that serve this rule; may be given more than once.
    #[arg(long)]
    only: Vec<String>,
    /// Within so many seeds a mutation must be noticed.
    #[arg(long, default_value_t = SEEDS_MAX)]
    seeds: u64,
    /// Only scenarios with these faults, such as F3,F10; by default those around which each mutation shows.
    #[arg(long)]
    faults: Option<String>,
    /// Where the copy and what is built of it are put.
    #[arg(long, default_value = "target/mutations")]
    at: PathBuf,
    /// Print the names and do nothing.
    #[arg(long)]
    list: bool,
}

/// What came of one mutation.
enum Noticed {
    /// In this seed, by this complaint.
    In { seed: u64, complaint: String },
    /// In this seed, which breaks a rule without the mutation as well.
    Anyway { seed: u64 },
    /// In none of the seeds.
    Nowhere,
}

/// Runs the command. Fails when a mutation was not noticed.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |mutation: &Mutation| {
        let meant = |text: &String| mutation.name.contains(text) || mutation.serves == text;
        arguments.only.is_empty() || arguments.only.iter().any(meant)
    };
    // Their numbers are those of the whole list, so that what is built serves every selection.
    let mutations: Vec<(usize, Mutation)> =
        (1..).zip(all()).filter(|(_, mutation)| wanted(mutation)).collect();
    if arguments.list {
        mutations
            .iter()
            .for_each(|(_, mutation)| println!("{} ({}): {}", mutation.name, mutation.serves, mutation.file));
        return ExitCode::SUCCESS;
    }
    if mutations.is_empty() {
        eprintln!("no mutation's name contains that, and none serves such a rule; --list prints them");
        return ExitCode::FAILURE;
    }
    match bench(&arguments, &mutations) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!(
                "{missed} mutations were not noticed: a rule is missing, or a fault that would show them"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a row as soon as it is known; returns how many were not noticed.
fn bench(arguments: &Arguments, mutations: &[(usize, Mutation)]) -> Result<usize, String> {
    let root = workspace()?;
    let (tree, target) = (arguments.at.join("tree"), arguments.at.join("build"));
    fs::create_dir_all(&tree).map_err(|error| format!("cannot make {}: {error}", tree.display()))?;
    let at = tree.canonicalize().map_err(|error| format!("{}: {error}", tree.display()))?;
    let changed = with_mutations(&root)?;
    COPIED.iter().try_for_each(|name| copy(&root.join(name), &at.join(name), &root, &changed))?;
    eprintln!("building the simulation with {} mutations asleep in it", all().len());
    build(&tree, &target)?;
    println!(
        "| Fault put into the code | Serves | Scenarios | Noticed by | In seed |\n|---|---|---|---|---|"
    );
    let mut missed = 0;
    for (number, mutation) in mutations {
        let begun = Instant::now();
        let noticed = simulated(arguments, *number, mutation, &target)?;
        println!("{}", row(arguments, mutation, &noticed));
        eprintln!("{}: {:.0} s", mutation.name, begun.elapsed().as_secs_f64());
        missed += usize::from(!matches!(noticed, Noticed::In { .. }));
    }
    Ok(missed)
}

/// The texts of the files that change, by their names from the root.
fn with_mutations(root: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
    let read = |name: &Path| {
        fs::read_to_string(root.join(name)).map_err(|error| format!("{}: {error}", name.display()))
    };
    let mut by_file: BTreeMap<&str, Vec<(usize, Mutation)>> = BTreeMap::new();
    for (number, mutation) in (1..).zip(all()) {
        by_file.entry(mutation.file).or_default().push((number, mutation));
    }
    let mut changed = BTreeMap::new();
    let mut crates = BTreeSet::new();
    for (file, mutations) in by_file {
        let name = PathBuf::from(file);
        let text = switched(&read(&name)?, &mutations).map_err(|error| format!("{file}: {error}"))?;
        changed.insert(name, text);
        let (package, _) =
            file.split_once("/src/").ok_or_else(|| format!("{file} is in no package's src"))?;
        crates.insert(Path::new(package).join("src/lib.rs"));
    }
    for root_file in crates {
        let whole = match changed.remove(&root_file) {
            Some(text) => text,
            None => read(&root_file)?,
        };
        changed.insert(root_file, whole + SWITCH);
    }
    Ok(changed)
}

/// The workspace that this was built from: the copy is of what is there now.
fn workspace() -> Result<PathBuf, String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    own.canonicalize().map_err(|error| format!("the workspace {} is gone: {error}", own.display()))
}

/// Copies what is new, so that cargo builds only what has changed; `changed` files get their other text.
fn copy(from: &Path, to: &Path, root: &Path, changed: &BTreeMap<PathBuf, String>) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("cannot copy {}: {error}", from.display());
    if !from.is_dir() {
        let other = from.strip_prefix(root).ok().and_then(|name| changed.get(name));
        let text =
            other.map_or_else(|| fs::read(from), |text| Ok(text.clone().into_bytes())).map_err(wrong)?;
        return if fs::read(to).is_ok_and(|there| there == text) {
            Ok(())
        } else {
            fs::write(to, text).map_err(wrong)
        };
    }
    fs::create_dir_all(to).map_err(wrong)?;
    for entry in fs::read_dir(from).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        copy(&entry.path(), &to.join(entry.file_name()), root, changed)?;
    }
    Ok(())
}

fn build(tree: &Path, target: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--locked", "--package", "quorate-simulation", "--bin", "quick-simulate"])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", std::path::absolute(target).map_err(|error| error.to_string())?)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if built.status.success() {
        Ok(())
    } else {
        Err(format!("the mutations do not build:\n{}", String::from_utf8_lossy(&built.stderr)))
    }
}

/// The faults that are drawn: those that were asked for, or the mutation's own.
fn drawn<'a>(arguments: &'a Arguments, mutation: &'a Mutation) -> Option<&'a str> {
    let own = Some(mutation.drawn).filter(|faults| !faults.is_empty());
    arguments.faults.as_deref().or(own)
}

/// Seeds until one breaks a rule.
fn simulated(
    arguments: &Arguments,
    number: usize,
    mutation: &Mutation,
    target: &Path,
) -> Result<Noticed, String> {
    let range = format!("0..{}", arguments.seeds);
    let ran = Command::new(target.join("debug/quick-simulate"))
        .args(["--no-shrink", "--until-failure", "--seeds", &range])
        .args(drawn(arguments, mutation).iter().flat_map(|faults| ["--faults", faults]))
        .env(IN_FORCE, number.to_string())
        .output()
        .map_err(|error| format!("the simulation does not start: {error}"))?;
    if ran.status.success() {
        return Ok(Noticed::Nowhere);
    }
    let text = String::from_utf8_lossy(&ran.stdout);
    let mut lines =
        text.lines().skip_while(|line| !(line.starts_with("seed ") && line.ends_with(" breaks:")));
    let seed = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let complaint = lines.next().map(|line| line.trim().to_owned());
    match (seed, complaint) {
        (Some(seed), Some(_)) if breaks_anyway(seed, drawn(arguments, mutation))? => {
            Ok(Noticed::Anyway { seed })
        }
        (Some(seed), Some(complaint)) => Ok(Noticed::In { seed, complaint }),
        _ => Err(format!("the simulation ended with {} and told no story:\n{text}", ran.status)),
    }
}

/// Whether a seed breaks a rule in the sources that this was built from, which no mutation is in.
fn breaks_anyway(seed: u64, faults: Option<&str>) -> Result<bool, String> {
    let mut scenario = Scenario::drawn(seed);
    if let Some(faults) = faults {
        scenario.plot = Plot::Faults(faults.split(',').map(str::parse).collect::<Result<_, _>>()?);
    }
    Ok(!crate::run(&scenario).violations.is_empty())
}

/// A row of the table.
fn row(arguments: &Arguments, mutation: &Mutation, noticed: &Noticed) -> String {
    let Mutation { name, serves, .. } = mutation;
    let scenarios = drawn(arguments, mutation).unwrap_or("any");
    match noticed {
        Noticed::In { seed, complaint } => {
            format!("| {name} | {serves} | {scenarios} | {} | {seed} |", complaint.replace('|', "/"))
        }
        Noticed::Anyway { seed } => {
            format!("| {name} | {serves} | {scenarios} | **breaks without it as well** | {seed} |")
        }
        Noticed::Nowhere => {
            let none = format!("in none of {} seeds", arguments.seeds);
            format!("| {name} | {serves} | {scenarios} | **not noticed** | {none} |")
        }
    }
}
