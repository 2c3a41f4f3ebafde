//! The guard alone, to try it by hand: `quorate guard postgres` without the rest of `quorate`.

use clap::Parser;
use quorate_sidecar::Arguments;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(terminal).with_env_filter("info").init();
    quorate_sidecar::run(Command::parse().arguments).await
}
