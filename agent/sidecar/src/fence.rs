//! The kernel's fence: a table of nftables that lets nobody talk with the server's port after the lease's end, also while
//! this program and the server are stopped. Optional. It decides nothing: the guard's core says until when.
//!
//! Why it must be the kernel: when everything is stopped (a paused machine) and goes on after the lease's end, a backend
//! may run before this program does, and acknowledge a commit. The kernel looks at the end with every packet.
//!
//! Why two steps: `nft` is told a length, not a moment, and may itself be stopped between the two. So the end is first set
//! where no rule looks; then the clock is read; only if the first step was quick, the rules are pointed there. If the second
//! step is late, the end has been ticking meanwhile.
//!
//! Why a reset, and not silence: the client learns at once that its session is over, and the server's own socket is closed
//! with it, so that an answer that waits in it is not sent again when the fence opens for the server's next life.
//!
//! Local clients on the Unix socket are not fenced.

use crate::{clock, program};
use quorate_policies::{Millis, Monotonic};
use std::time::Duration;
use tokio::sync::watch;

/// `nft` takes a few milliseconds; one that takes longer than a lease is no use.
const NFT_MAX: Duration = Duration::from_secs(2);
/// The kernel counts in ticks, of 10 ms at the most, and rounds up.
const TICK: Millis = Millis(10);
/// Too slow so often in a row: the fence stays as it was and closes at its old end.
const TRIES_MAX: usize = 3;

/// The fence of one port.
#[derive(Debug)]
pub struct Fence {
    port: u16,
    table: String,
    /// The first step may take so long, and the end is set earlier by it.
    slack: Millis,
    /// Where the rules do not look now.
    spare: &'static str,
}

impl Fence {
    /// Makes the table, closed. One that is there from an earlier life is replaced. The fence closes within `stop_time`
    /// before the lease's end; the server is told to stop then anyway, so nothing is lost by it.
    ///
    /// # Errors
    /// When it may not (it needs `CAP_NET_ADMIN`), or there is no `nft`.
    pub async fn install(port: u16, stop_time: Millis) -> anyhow::Result<Self> {
        let table = format!("inet quorate_{port}");
        // A reset carries no data, and one that is rejected would not arrive.
        let fenced = "tcp flags & rst == 0 jump";
        let script = format!(
            "table {table}\ndelete table {table}\ntable {table} {{\n\
             set a {{ type inet_service; flags timeout; }}\nset b {{ type inet_service; flags timeout; }}\n\
             chain gate_in {{ reject with tcp reset; }}\nchain gate_out {{ reject with tcp reset; }}\n\
             chain input {{ type filter hook input priority -10; tcp dport {port} {fenced} gate_in; }}\n\
             chain output {{ type filter hook output priority -10; tcp sport {port} {fenced} gate_out; }}\n}}\n"
        );
        nft(&script).await?;
        let slack = Millis(stop_time.0.saturating_sub(TICK.0));
        Ok(Self { port, table, slack, spare: "a" })
    }

    /// Follows the newest wish until there are no more, then takes the table away.
    pub async fn follow(mut self, mut wishes: watch::Receiver<Option<Monotonic>>) {
        while wishes.changed().await.is_ok() {
            let wish = *wishes.borrow_and_update();
            let done = match wish {
                Some(until) => self.open(until).await,
                None => self.close().await,
            };
            if let Err(error) = done {
                tracing::error!("the kernel's fence is not moved, and closes at its old end: {error:#}");
            }
        }
        if let Err(error) = nft(&format!("delete table {}\n", self.table)).await {
            tracing::error!("the kernel's fence is not taken away: {error:#}");
        }
    }

    async fn open(&mut self, until: Monotonic) -> anyhow::Result<()> {
        let (table, port, spare) = (&self.table, self.port, self.spare);
        for _ in 0..TRIES_MAX {
            let began = clock::now();
            let left = until.since(began).0.saturating_sub(self.slack.plus(TICK).0);
            if left == 0 {
                return self.close().await;
            }
            nft(&format!(
                "flush set {table} {spare}\nadd element {table} {spare} {{ {port} timeout {left}ms }}\n"
            ))
            .await?;
            if clock::now().since(began) >= self.slack {
                continue;
            }
            let pass = |chain: &str, side: &str| {
                format!(
                    "flush chain {table} {chain}\nadd rule {table} {chain} tcp {side} @{spare} accept\n\
                     add rule {table} {chain} reject with tcp reset\n"
                )
            };
            nft(&(pass("gate_in", "dport") + &pass("gate_out", "sport"))).await?;
            self.spare = if spare == "a" { "b" } else { "a" };
            return Ok(());
        }
        anyhow::bail!("nft is too slow")
    }

    async fn close(&self) -> anyhow::Result<()> {
        let table = &self.table;
        nft(&format!("flush set {table} a\nflush set {table} b\n")).await
    }
}

async fn nft(script: &str) -> anyhow::Result<()> {
    program::feed(program::command("nft").args(["-f", "-"]), script, NFT_MAX).await
}
