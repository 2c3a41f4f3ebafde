//! `quorate guard postgres`: stands beside one PostgreSQL server, owns its process, and makes sure that it is a primary only
//! while this region holds the service's write lease. It promotes nothing and moves no lease: agents do. [`core`] decides
//! and touches nothing; the rest touches the world and decides nothing.

pub mod arguments;
pub mod clock;
pub mod core;
pub mod directory;
pub mod fence;
pub mod http;
pub mod lease;
pub mod processes;
pub mod program;
pub mod rejoin;
pub mod server;
mod shell;
pub mod statement;

pub use arguments::Arguments;

use anyhow::Context as _;
use std::os::unix::process::CommandExt as _;

/// Guards until SIGTERM; then the server is down and the lease released.
///
/// # Errors
/// When the arguments do not fit together, or the server must not be started here.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    arguments.check()?;
    if rustix::process::geteuid().is_root() {
        return Err(become_user(&arguments));
    }
    shell::guard(arguments).await
}

/// This program again, as the server's user: PostgreSQL refuses to run as root, and this program needs no more than the
/// right to move the fence. Returns only when it cannot.
fn become_user(arguments: &Arguments) -> anyhow::Error {
    let mut command = std::process::Command::new("setpriv");
    let user = arguments.user.as_str();
    command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    if arguments.kernel_fence == arguments::KernelFence::Nftables {
        command.args(["--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"]);
    }
    let program = match std::env::current_exe().context("this program's own file") {
        Ok(program) => program,
        Err(error) => return error,
    };
    command.arg("--").arg(program).args(std::env::args_os().skip(1));
    anyhow::Error::new(command.exec()).context("setpriv")
}
