//! What the hub drops, as rules for the kernel. Pure: the network hands them over. A cut is of packets and has a direction;
//! what is dropped is dropped without a word, as a broken path does it.

use std::{collections::BTreeSet, net::Ipv4Addr};

/// The hub before the first cut.
pub(super) const BASE: &str = "table ip quorate {
  chain cuts {
    type filter hook forward priority 0; policy accept;
  }
}
";

/// Addresses, each with a TCP port or with all that goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot(Vec<(BTreeSet<Ipv4Addr>, Option<u16>)>);

impl Spot {
    /// All that goes to some addresses, or comes from them; or only one TCP port there.
    pub(super) fn new(addresses: impl IntoIterator<Item = Ipv4Addr>, port: Option<u16>) -> Self {
        Self(vec![(addresses.into_iter().collect(), port)])
    }

    /// This and that.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// Everything that is cut now.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    rules: Vec<String>,
}

impl Cuts {
    /// Drops so many of a hundred packets from here to there, drawn by the kernel.
    pub(super) fn add(&mut self, from: &Spot, to: &Spot, percent: u8) {
        for (sources, source_port) in &from.0 {
            for (targets, target_port) in &to.0 {
                let mut rule = format!("ip saddr {} ip daddr {}", set(sources), set(targets));
                if let Some(port) = source_port {
                    rule += &format!(" tcp sport {port}");
                }
                if let Some(port) = target_port {
                    rule += &format!(" tcp dport {port}");
                }
                if percent < 100 {
                    rule += &format!(" numgen random mod 100 < {percent}");
                }
                // Counted, so that a cut that meets no packet is found out.
                self.rules.push(rule + " counter drop");
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// All of it, in place of what held before.
    pub(super) fn script(&self) -> String {
        let rules = self.rules.iter().map(|rule| format!("add rule ip quorate cuts {rule}\n"));
        std::iter::once("flush chain ip quorate cuts\n".to_owned()).chain(rules).collect()
    }
}

/// How many packets were dropped, by what the kernel lists.
pub(super) fn dropped(listed: &str) -> u64 {
    let counters = listed.split("counter packets ").skip(1);
    counters.filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

fn set(addresses: &BTreeSet<Ipv4Addr>) -> String {
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    format!("{{ {} }}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a cut has a direction, keeps to its port, and is gone when healed. Method: the rules of one with loss.
    #[test]
    fn rules_say_who_loses_what() {
        let agent = Spot::new([Ipv4Addr::new(10, 201, 1, 2)], None);
        let service = Spot::new([Ipv4Addr::new(10, 202, 11, 1), Ipv4Addr::new(10, 202, 12, 1)], Some(80));
        let mut cuts = Cuts::default();
        cuts.add(&agent, &service, 100);
        cuts.add(&service, &agent, 40);
        let script = cuts.script();
        let rules: Vec<&str> = script.lines().collect();
        assert_eq!(
            rules,
            [
                "flush chain ip quorate cuts",
                "add rule ip quorate cuts ip saddr { 10.201.1.2 } ip daddr { 10.202.11.1, 10.202.12.1 } tcp dport 80 counter drop",
                "add rule ip quorate cuts ip saddr { 10.202.11.1, 10.202.12.1 } ip daddr { 10.201.1.2 } tcp sport 80 \
                 numgen random mod 100 < 40 counter drop",
            ]
        );
        let listed =
            "ip daddr 10.202.11.1 counter packets 3 bytes 180 drop\n tcp counter packets 4 bytes 0 drop";
        assert_eq!((dropped(listed), dropped("chain cuts { }")), (7, 0));
        cuts.clear();
        assert_eq!(cuts.script().lines().count(), 1);
    }
}
