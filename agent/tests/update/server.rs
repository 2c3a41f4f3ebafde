//! BIND and Knot as Debian ships them, each on loopback with a port of its own, a key of its own tools and everything in a
//! temporary directory. They end with the value, and with the test's process. They know no agent.

use data_encoding::BASE64;
use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordType, TSigner,
        rdata::{A, tsig::TsigAlgorithm},
    },
};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// The key that may change what the tests move.
pub(crate) const KEY: &str = "quorate.example.test";
/// What `deploy/DNS.md` lets the key change, for every name that a test moves, and its type.
pub(crate) const MOVED: [(&str, &str); 6] =
    [("www", "A"), ("new", "A"), ("six", "AAAA"), ("app", "CNAME"), ("www", "CNAME"), ("a.wild", "A")];
/// The zone's records. Nobody may change `other`.
const ZONE: &str = "\
$TTL 300
@      IN SOA ns.example.test. admin.example.test. 1 3600 600 86400 60
@      IN NS  ns.example.test.
ns     IN A   127.0.0.1
www 30 IN A   192.0.2.1
other  IN A   192.0.2.1
app    IN CNAME east.example.test.
east   IN A   192.0.2.1
*.wild IN A   192.0.2.1
";
/// Looks at a server that starts. Each takes some milliseconds; only a failure takes all of them.
const LOOKS_MAX: u32 = 500;
/// The pause between two.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Free ports are found by asking for them, and somebody else may be given one meanwhile.
const STARTS_MAX: u32 = 3;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `named`.
    Bind,
    /// `knotd`.
    Knot,
}

/// A running server with the zone `example.test`.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    /// The key's secret in base64.
    pub(crate) secret: String,
    child: Child,
    home: TempDir,
}

impl Server {
    /// One of each kind that is installed (`tests/run` installs both).
    pub(crate) fn each() -> Vec<Server> {
        let installed = |kind: &Kind| {
            let there = Path::new(kind.program()).exists();
            if !there {
                eprintln!("\n*** SKIPPED: {} is not installed; run tests/run once ***\n", kind.program());
            }
            there
        };
        [Kind::Bind, Kind::Knot].into_iter().filter(installed).map(Server::start).collect()
    }

    fn start(kind: Kind) -> Server {
        let home = tempfile::Builder::new().prefix("quorate-dns-").tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        fs::write(path("example.test.zone"), ZONE).unwrap();
        let (key, secret) = kind.key();
        for _ in 0..STARTS_MAX {
            let port = free_port();
            let at = home.path().display().to_string();
            fs::write(path("server.conf"), kind.configuration(&at, port, &key)).unwrap();
            let log = File::create(path("log")).unwrap();
            // The kernel ends it with the test, however that one ends.
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "--", kind.program(), "-c"])
                .arg(path("server.conf"))
                .args(kind.foreground())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let home_now = TempDir::new().unwrap();
            let mut server = Server { kind, port, secret: secret.clone(), child, home: home_now };
            if server.answers() {
                server.home = home;
                return server;
            }
        }
        panic!("{kind:?} does not start: {}", fs::read_to_string(path("log")).unwrap());
    }

    /// Waits for the zone.
    fn answers(&mut self) -> bool {
        for _ in 0..LOOKS_MAX {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if !self.ask("", RecordType::SOA).is_empty() {
                return true;
            }
            thread::sleep(LOOK_EVERY);
        }
        false
    }

    /// Ends it, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What anybody who asks is told of a name in the zone: TTL and value of each record of that type, in order.
    pub(crate) fn ask(&self, name: &str, kind: RecordType) -> Vec<String> {
        let absolute = format!("{name}.example.test.");
        let name = Name::from_ascii(absolute.trim_start_matches('.')).unwrap();
        let mut question = Message::query();
        question.add_query(Query::query(name.clone(), kind));
        let Some(reply) = exchange(self.port, &question.to_vec().unwrap()) else { return Vec::new() };
        let reply = Message::from_vec(&reply).unwrap();
        let own = reply.answers.iter().filter(|record| record.name == name && record.record_type() == kind);
        let mut told: Vec<String> = own.map(|record| format!("{} {}", record.ttl, record.data)).collect();
        told.sort();
        told
    }

    /// Gives `www` another address, as a person does who knows no epoch record.
    pub(crate) fn edit(&self, address: Ipv4Addr) {
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut update = Message::query();
        update.metadata.op_code = OpCode::Update;
        update.add_query(Query::query(name("example.test."), RecordType::SOA));
        let mut all = Record::update0(name("www.example.test."), 0, RecordType::A);
        all.dns_class = DNSClass::ANY;
        update.add_authority(all);
        update.add_authority(Record::from_rdata(name("www.example.test."), 30, RData::A(A(address))));
        let secret = BASE64.decode(self.secret.as_bytes()).unwrap();
        let signer = TSigner::new(secret, TsigAlgorithm::HmacSha256, name(KEY), 300).unwrap();
        update.finalize(&signer, SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let reply = Message::from_vec(&exchange(self.port, &update.to_vec().unwrap()).unwrap()).unwrap();
        assert_eq!(reply.response_code, ResponseCode::NoError);
    }

    /// A file of the server's directory that only its owner may read.
    pub(crate) fn secret_file(&self, name: &str, text: &str) {
        let file = self.home.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Kind::Bind => "/usr/sbin/named",
            Kind::Knot => "/usr/sbin/knotd",
        }
    }

    fn foreground(self) -> &'static [&'static str] {
        match self {
            Kind::Bind => &["-g"],
            Kind::Knot => &[],
        }
    }

    /// The key as the server's own tool makes it: a piece of configuration, and its secret.
    fn key(self) -> (String, String) {
        let made = match self {
            Kind::Bind => Command::new("/usr/sbin/tsig-keygen").args(["-a", "hmac-sha256", KEY]).output(),
            Kind::Knot => Command::new("/usr/sbin/keymgr").args(["-t", KEY, "hmac-sha256"]).output(),
        };
        let text = String::from_utf8(made.unwrap().stdout).unwrap();
        let line = text.lines().map(str::trim).find(|line| line.starts_with("secret")).unwrap();
        let secret = line.trim_start_matches("secret").trim_matches([':', ' ', '"', ';']);
        (text.clone(), secret.to_owned())
    }

    fn configuration(self, home: &str, port: u16, key: &str) -> String {
        match self {
            Kind::Bind => {
                let grants: String = MOVED
                    .iter()
                    .map(|(name, kind)| {
                        format!(
                            "grant {KEY} name {name}.example.test. {kind};\n    \
                             grant {KEY} name _quorate-epoch.{name}.example.test. TXT;\n    "
                        )
                    })
                    .collect();
                format!(
                    "options {{ directory \"{home}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
                     recursion no; dnssec-validation no; pid-file \"{home}/pid\"; session-keyfile \"{home}/session\";\n  \
                     managed-keys-directory \"{home}\"; }};\ncontrols {{ }};\n{key}\n\
                     zone \"example.test\" {{ type primary; file \"{home}/example.test.zone\";\n  \
                     update-policy {{\n    {grants}}};\n}};\n"
                )
            }
            Kind::Knot => {
                let owners: Vec<String> = MOVED
                    .iter()
                    .flat_map(|(name, _)| {
                        [format!("{name}.example.test."), format!("_quorate-epoch.{name}.example.test.")]
                    })
                    .collect();
                let owners = owners.join(", ");
                format!(
                    "server:\n    rundir: \"{home}\"\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    \
                     tcp-workers: 2\n    background-workers: 1\ndatabase:\n    storage: \"{home}\"\n    \
                     journal-db-max-size: 16M\n    kasp-db-max-size: 5M\n    timer-db-max-size: 1M\n    \
                     catalog-db-max-size: 5M\n\
                     log:\n  - target: stderr\n    any: info\n{key}\n\
                     acl:\n  - id: quorate\n    key: {KEY}\n    action: [query, update]\n    \
                     update-type: [A, AAAA, CNAME, TXT]\n    update-owner: name\n    update-owner-match: equal\n    \
                     update-owner-name: [{owners}]\n\
                     zone:\n  - domain: example.test\n    storage: \"{home}\"\n    file: example.test.zone\n    \
                     acl: quorate\n"
                )
            }
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// One message over TCP, unsigned, as any client's.
fn exchange(port: u16, message: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let length = u16::try_from(message.len()).ok()?;
    stream.write_all(&[length.to_be_bytes().as_slice(), message].concat()).ok()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).ok()?;
    Some(reply)
}
