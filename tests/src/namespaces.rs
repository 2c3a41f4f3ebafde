//! Whole clusters on a network that is really cut: each agent is a process in a network namespace of its own, packets
//! between them pass a hub that drops what the test says, and the sandbox's own record judges what was done.
//!
//! A story runs twice. Outside, it waits for its turn, makes the namespaces, runs itself once more inside the one of the
//! sandbox, and removes everything, however that ended. Inside, it is told. Nothing leaves the machine: no namespace has
//! a way to the host's own interfaces. Where namespaces cannot be made it says so, loudly, and passes.

mod cuts;
mod lab;
mod network;
mod oracle;
mod process;

pub use cuts::Spot;
pub use lab::{Lab, PRIMARY, REGIONS, STANDBY, Setting, WITNESS};

use anyhow::{Context as _, ensure};
use network::{Network, WORLD};
use std::{
    any::type_name_of_val,
    env, fs,
    io::{self, Write as _},
};

/// Set inside: the prefix of the namespaces' names.
const INSIDE: &str = "QUORATE_TEST_NAMESPACES";
/// Held while a story runs. Two clusters at once would make each other late on a small machine, and lateness is a fault
/// of its own here.
const TURN: &str = "quorate-namespaces.lock";

/// Tells a story on a green cluster. Whatever it does, at its end the network is healed, and every agent that lives must
/// come to the same audit; at no time may two regions have held the write lease.
///
/// # Errors
/// When the story fails, or what must always hold did not.
pub fn story<T>(setting: Setting, tell: T) -> anyhow::Result<()>
where
    T: AsyncFnOnce(&mut Lab) -> anyhow::Result<()>,
{
    if let Ok(prefix) = env::var(INSIDE) {
        return inside(&prefix, setting, tell);
    }
    let test = test_name(type_name_of_val(&tell))?;
    let lock = fs::File::create(env::temp_dir().join(TURN))?;
    lock.lock()?;
    if let Err(error) = Network::possible() {
        // Past the test harness, which keeps the output of tests that pass to itself.
        writeln!(io::stderr(), "SKIPPED, NOT TESTED: {test}: no network namespaces here: {error:#}")?;
        return Ok(());
    }
    let network = Network::make()?;
    let run = network
        .command(WORLD, &env::current_exe()?)
        .args(["--exact", &test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, network.prefix())
        .output()?;
    let (said, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    eprintln!("{told}");
    // A name that no test has would pass, too.
    ensure!(run.status.success() && said.contains("1 passed"), "{test} failed inside:\n{said}\n{told}");
    Ok(())
}

/// The test in which a closure stands: `crate::test::{{closure}}`.
fn test_name(closure: &str) -> anyhow::Result<String> {
    let path = closure.split_once("::{{").map_or(closure, |(path, _)| path);
    Ok(path.split_once("::").context("a story is told in a test")?.1.to_owned())
}

fn inside<T>(prefix: &str, setting: Setting, tell: T) -> anyhow::Result<()>
where
    T: AsyncFnOnce(&mut Lab) -> anyhow::Result<()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lab = Lab::green(prefix, setting).await?;
        let told = tell(&mut lab).await;
        lab.close(told).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the story runs the test that tells it. Method: the name of a closure's type, as the compiler writes it.
    #[test]
    fn a_story_knows_its_test() {
        let name = test_name("namespaces::f01_kill::{{closure}}");
        assert_eq!(name.ok().as_deref(), Some("f01_kill"));
        assert!(test_name("nowhere").is_err());
    }
}
