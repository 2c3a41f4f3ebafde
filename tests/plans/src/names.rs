//! BIND as Debian ships it, with the zone `example.com` and a key that may move the names of a plan. It is the agents' resolver
//! too, so that a verification goes the way of a client. It ends with the value, and with this process.

use anyhow::{Context as _, bail, ensure};
use std::{
    fmt::Write as _,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const PROGRAM: &str = "/usr/sbin/named";
/// The key that the examples name.
const KEY: &str = "quorate.example.com";
/// Looks at a server that starts. Each takes some milliseconds; only a failure takes all of them.
const LOOKS_MAX: u32 = 500;
/// The pause between two.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Free ports are found by asking for them, and somebody else may be given one meanwhile.
const STARTS_MAX: u32 = 3;

/// A running server.
pub(super) struct Names {
    /// Where it answers.
    pub(super) address: SocketAddr,
    child: Child,
}

impl Names {
    /// Starts one with these names below `example.com`; the key's secret is put into `home`, as `tsig`.
    ///
    /// # Errors
    /// When BIND is not installed (`tests/run` installs it) or does not start.
    pub(super) fn start(home: &Path, names: &[(&str, Ipv4Addr)]) -> anyhow::Result<Self> {
        ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is not installed: run tests/run once");
        let mut zone =
            "$TTL 300\n@ IN SOA ns admin 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n".to_owned();
        let mut grants = String::new();
        for (name, address) in names {
            writeln!(zone, "{name} 1 IN A {address}")?;
            write!(grants, "grant {KEY} name {name}.example.com. A; ")?;
            write!(grants, "grant {KEY} name _quorate-epoch.{name}.example.com. TXT; ")?;
        }
        fs::create_dir_all(home)?;
        fs::write(home.join("zone"), zone)?;
        let key = Command::new("/usr/sbin/tsig-keygen").args(["-a", "hmac-sha256", KEY]).output()?;
        let key = String::from_utf8(key.stdout)?;
        let secret =
            key.lines().find_map(|line| line.trim().strip_prefix("secret \"")).context("no secret")?;
        super::world::secret(&home.join("tsig"), secret.trim_end_matches("\";"))?;
        for _ in 0..STARTS_MAX {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let (at, port) = (home.display(), address.port());
            let text = format!(
                "options {{ directory \"{at}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
                 recursion no; dnssec-validation no; pid-file \"{at}/pid\"; session-keyfile \"{at}/session\";\n  \
                 managed-keys-directory \"{at}\"; }};\ncontrols {{ }};\n{key}\n\
                 zone \"example.com\" {{ type primary; file \"{at}/zone\"; update-policy {{ {grants} }}; }};\n"
            );
            fs::write(home.join("named.conf"), text)?;
            let log = File::create(home.join("log"))?;
            // The kernel ends it with the test, however that one ends.
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "--", PROGRAM, "-g", "-c"])
                .arg(home.join("named.conf"))
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?;
            let mut names = Self { address, child };
            if names.answers(&home.join("log"))? {
                return Ok(names);
            }
        }
        bail!("BIND does not start: {}", fs::read_to_string(home.join("log"))?)
    }

    fn answers(&mut self, log: &Path) -> anyhow::Result<bool> {
        for _ in 0..LOOKS_MAX {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            let loaded = fs::read_to_string(log)?.contains("all zones loaded");
            if loaded && TcpStream::connect(self.address).is_ok() {
                return Ok(true);
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(false)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
