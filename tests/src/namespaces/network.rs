//! The network: a hub, the sandbox's world, and a namespace for each agent. Its maker removes it, also after a failure,
//! and first removes what a maker left behind that was killed.
//!
//! ```text
//! us-east-1 10.201.1.2 ----+
//! us-west-2 10.201.2.2 ----+-- hub ---- world 10.201.0.2, and all of 10.202.0.0/16
//! eu-west-1 10.201.3.2 ----+
//! ```
//!
//! Beside it a console leads from the world to each agent's API, 10.203.n.2, past the hub: whoever watches a cut must not
//! be cut off by it. Agents know no address of it but the one they serve.

use super::{
    cuts::{BASE, dropped},
    lab::REGIONS,
    process::{run, signal},
};
use std::{ffi::OsStr, fmt::Write as _, net::Ipv4Addr, path::Path, process::Command};

/// Where the sandbox and the test are.
pub(super) const WORLD: &str = "world";
/// What everything passes.
const HUB: &str = "hub";
/// Every name begins so; the maker's process follows.
const MARK: &str = "quorate-test";
/// The sandbox's network, in the world's namespace alone.
pub(super) const SANDBOX: [u8; 2] = [10, 202];

/// Where an agent is for its peers.
pub(super) fn agent_address(region: &str) -> Ipv4Addr {
    Ipv4Addr::new(10, 201, number(region), 2)
}

/// Where an agent's API is for the test.
pub(super) fn console_address(region: &str) -> Ipv4Addr {
    Ipv4Addr::new(10, 203, number(region), 2)
}

fn number(region: &str) -> u8 {
    REGIONS.into_iter().zip(1..).find(|(name, _)| *name == region).map_or(0, |(_, number)| number)
}

/// The namespaces of one story.
pub(super) struct Network {
    prefix: String,
    /// Whether it removes them.
    owned: bool,
}

impl Network {
    /// Tries what needs a right or a part of the kernel that a machine may not give: an error is no failure of the
    /// product's.
    pub(super) fn possible() -> anyhow::Result<()> {
        run(Command::new("nft").arg("--version"), "")?;
        sweep()?;
        let trial = Self { prefix: format!("{MARK}-{}-trial", std::process::id()), owned: true };
        run(Command::new("ip").args(["netns", "add", &trial.name(HUB)]), "")?;
        trial.cut(BASE)
    }

    /// Makes them.
    pub(super) fn make() -> anyhow::Result<Self> {
        // From here on an error removes what was made.
        let network = Self { prefix: format!("{MARK}-{}", std::process::id()), owned: true };
        for name in all() {
            run(Command::new("ip").args(["netns", "add", &network.name(name)]), "")?;
        }
        run(Command::new("ip").args(["-batch", "-"]), &network.links())?;
        for name in all() {
            run(Command::new("ip").args(["-n", &network.name(name), "-batch", "-"]), &addresses(name))?;
        }
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        run(network.command(HUB, Path::new("sh")).args(["-c", forward]), "")?;
        network.cut(BASE)?;
        Ok(network)
    }

    /// Those that somebody else has made and will remove.
    pub(super) fn of(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), owned: false }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A namespace's whole name.
    pub(super) fn name(&self, short: &str) -> String {
        format!("{}-{short}", self.prefix)
    }

    /// A program in a namespace; it is the very process that is started.
    pub(super) fn command(&self, short: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(short)]).arg(program.as_os_str() as &OsStr);
        command
    }

    /// Hands rules to the hub, all of them or none.
    pub(super) fn cut(&self, rules: &str) -> anyhow::Result<()> {
        run(self.command(HUB, Path::new("nft")).args(["-f", "-"]), rules).map(drop)
    }

    /// How many packets the rules have dropped since they hold.
    pub(super) fn dropped(&self) -> anyhow::Result<u64> {
        let list = ["list", "chain", "ip", "quorate", "cuts"];
        Ok(dropped(&run(self.command(HUB, Path::new("nft")).args(list), "")?))
    }

    /// The processes in a namespace.
    pub(super) fn processes(&self, short: &str) -> anyhow::Result<Vec<u32>> {
        processes(&self.name(short))
    }

    /// Every pair of ends, each made where it belongs: the host never has one.
    fn links(&self) -> String {
        let (hub, world) = (self.name(HUB), self.name(WORLD));
        let mut batch = format!("link add uplink netns {world} type veth peer name down0 netns {hub}\n");
        for region in REGIONS {
            let (n, agent) = (number(region), self.name(region));
            let _ = writeln!(batch, "link add uplink netns {agent} type veth peer name down{n} netns {hub}");
            let _ = writeln!(
                batch,
                "link add console netns {agent} type veth peer name console{n} netns {world}"
            );
        }
        batch
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.owned {
            for name in all() {
                let name = self.name(name);
                // A trial makes only one, and a maker that failed not all.
                if Path::new("/run/netns").join(&name).exists() {
                    remove(&name);
                }
            }
        }
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    [HUB, WORLD].into_iter().chain(REGIONS)
}

fn processes(name: &str) -> anyhow::Result<Vec<u32>> {
    let listed = run(Command::new("ip").args(["netns", "pids", name]), "")?;
    Ok(listed.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

/// Removes a namespace and what still runs in it: a stopped agent, for one, cannot see that its story is over.
fn remove(name: &str) {
    for process in processes(name).unwrap_or_default() {
        // It may have ended by itself.
        let _ = signal("KILL", process);
    }
    if let Err(error) = run(Command::new("ip").args(["netns", "delete", name]), "") {
        eprintln!("{error:#}");
    }
}

/// Removes what makers left behind that are gone: they were killed.
fn sweep() -> anyhow::Result<()> {
    let listed = run(Command::new("ip").args(["netns", "list"]), "")?;
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        let maker = name.strip_prefix(MARK).and_then(|rest| rest.split('-').nth(1));
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
            remove(name);
        }
    }
    Ok(())
}

/// What is said inside a namespace about its ends.
fn addresses(name: &str) -> String {
    let [first, second] = SANDBOX;
    let mut batch = String::from("link set lo up\n");
    let mut end = |link: String, address: String| {
        let _ = writeln!(batch, "addr add {address}/30 dev {link}\nlink set {link} up");
    };
    match name {
        HUB => {
            (0..=3).for_each(|n| end(format!("down{n}"), format!("10.201.{n}.1")));
            let _ = writeln!(batch, "route add {first}.{second}.0.0/16 via 10.201.0.2");
        }
        WORLD => {
            end("uplink".into(), "10.201.0.2".into());
            (1..=3).for_each(|n| end(format!("console{n}"), format!("10.203.{n}.1")));
            // A whole network on loopback: every address of it is the world's own.
            let _ = writeln!(batch, "addr add {first}.{second}.0.1/16 dev lo");
            let _ = writeln!(batch, "route add 10.201.0.0/16 via 10.201.0.1");
        }
        region => {
            end("uplink".into(), agent_address(region).to_string());
            end("console".into(), console_address(region).to_string());
            let _ = writeln!(batch, "route add default via 10.201.{}.1", number(region));
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: agents have addresses of their own. Method: all of them.
    #[test]
    fn no_two_agents_share_an_address() {
        let mut seen: Vec<_> = REGIONS.iter().flat_map(|r| [agent_address(r), console_address(r)]).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 2 * REGIONS.len());
    }
}
