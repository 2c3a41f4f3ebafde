//! The command that visits the model: `cargo run --release -p quorate-model -- --help`. It parses a few
//! numbers and prints; everything else is in `quorate_model`.

use quorate_model::{Bounds, Mutation, Plan, explore};
use std::process::ExitCode;

const HELP: &str = "\
Visits every reachable state of the decision and execution protocol at small bounds.

  --crashes N --cuts N --losses N --refusals N   what goes wrong (1 1 1 0)
  --decisions N --commands N --asks N            failovers, aborts and pauses, requests for the lease (1 1 1)
  --dns-only         the plan only repoints: a service without a database
  --approval         the policy waits for an operator
  --operator         an operator may decide too
  --quick-restarts   an agent may be back before its last call has come to its end
  --call-lasts N     a call lands within so many times 5 s (2)
  --depth N          ends after so many moves
  --states N         ends at so many states (100000000; about 60 bytes each)
  --pairs            every two of a crash, a cut, a loss, a command and a request for the lease: all of it, or --states
  --mutations        breaks the shell in every known way, each within bounds of its own, and tells how it is found
";

/// What is visited.
enum Wanted {
    Help,
    Within(Bounds),
    Pairs(Bounds),
    Mutations,
}

fn main() -> ExitCode {
    match bounds(std::env::args().skip(1)) {
        Ok(Wanted::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Wanted::Within(bounds)) => {
            let report = explore(bounds, None);
            println!("{bounds:?}\n{report}");
            if report.finding.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(Wanted::Pairs(most)) => pairs(most),
        Ok(Wanted::Mutations) => mutations(),
        Err(why) => {
            eprintln!("{why}\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

/// One kind of thing that happens, and a world in which it does.
type Kind = (&'static str, fn(Bounds) -> Bounds);

/// Worlds in which two kinds of things happen, once each.
fn pairs(most: Bounds) -> ExitCode {
    let calm = Bounds { crashes: 0, cuts: 0, losses: 0, commands: 0, asks: 0, ..most };
    let kinds: [Kind; 5] = [
        ("a crash", |bounds| Bounds { crashes: 1, ..bounds }),
        ("a cut", |bounds| Bounds { cuts: 1, ..bounds }),
        ("a loss", |bounds| Bounds { losses: 1, ..bounds }),
        ("a command", |bounds| Bounds { commands: 1, ..bounds }),
        ("a request for the lease", |bounds| Bounds { asks: 1, ..bounds }),
    ];
    let mut code = ExitCode::SUCCESS;
    for (index, (first, one)) in kinds.iter().enumerate() {
        for (second, other) in &kinds[index + 1..] {
            let report = explore(other(one(calm)), None);
            println!("{first} and {second}: {report}\n");
            if report.finding.is_some() {
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn mutations() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for mutation in Mutation::ALL {
        let report = explore(mutation.bounds(), Some(mutation));
        match report.finding {
            Some(finding) => println!("{mutation:?}, found among {} states: {finding}", report.states),
            None => {
                println!("{mutation:?} was NOT found among {} states\n", report.states);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn bounds(mut words: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let (crashes, cuts, losses, commands, asks) = (1, 1, 1, 1, 1);
    let mut bounds = Bounds { crashes, cuts, losses, commands, asks, ..Bounds::calm() };
    let (mut pairs, mut mutations) = (false, false);
    while let Some(word) = words.next() {
        let mut number = || {
            let text = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            text.parse::<u32>().map_err(|error| format!("{word} {text}: {error}"))
        };
        let small = |number: u32| u8::try_from(number).map_err(|error| format!("{word}: {error}"));
        match word.as_str() {
            "--help" | "-h" => return Ok(Wanted::Help),
            "--crashes" => bounds.crashes = small(number()?)?,
            "--cuts" => bounds.cuts = small(number()?)?,
            "--losses" => bounds.losses = small(number()?)?,
            "--refusals" => bounds.refusals = small(number()?)?,
            "--decisions" => bounds.decisions = small(number()?)?,
            "--commands" => bounds.commands = small(number()?)?,
            "--asks" => bounds.asks = small(number()?)?,
            "--call-lasts" => bounds.call_lasts = small(number()?)?,
            "--depth" => bounds.depth = Some(number()?),
            "--states" => bounds.states_max = number()? as usize,
            "--dns-only" => bounds.plan = Plan::DnsOnly,
            "--approval" => bounds.approval = true,
            "--operator" => bounds.operator = true,
            "--quick-restarts" => bounds.quick_restarts = true,
            "--pairs" => pairs = true,
            "--mutations" => mutations = true,
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(match (pairs, mutations) {
        (_, true) => Wanted::Mutations,
        (true, false) => Wanted::Pairs(bounds),
        (false, false) => Wanted::Within(bounds),
    })
}
