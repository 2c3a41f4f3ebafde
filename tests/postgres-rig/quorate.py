"""The pair under Quorate: an agent on each of three hosts, and the write-lease guard beside each server."""
import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from net import ADDRESS, HOSTS, sh
from postgres import PASSWORD, PORT, conninfo, programs, until

ROOT = Path(__file__).resolve().parent.parent.parent
GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).read().decode())"
# In the order in which they happen.
EVENTS = ("decided", "lease_released", "step_started", "step_noted", "step_finished")
REGIONS = {"n1": "rack-1", "n2": "rack-2", "n3": "rack-3"}
AGENTS = {"n1": "one", "n2": "two", "n3": "three"}
POLICY = """
service: pair
regions:
  rack-1: {role: primary, vars: {host: 10.211.0.1}}
  rack-2: {role: standby, vars: {host: 10.211.0.2}}
probes:
  database:
    postgres: {host: "{host}", user: quorate}
    interval: {interval}
    timeout: {timeout}
    confirm_interval: {confirm}
    fall: 3
    rise: 2
timing: lan
agreement: {votes: majority, min_vantages: 1, dwell: 0s, freshness: {freshness}}
guards: {cooldown: 30s, failovers_max: 10, flaps_max: 100, max_replica_lag: 30s, require_ready: false}
lease: {ttl: {ttl}, drift: {drift}}
scenarios:
  loss: {when: {region: primary, is: down}, run: failover, mode: automatic}
plans:
  failover:
    steps:
      promote:
        postgres.promote: {region: "{to}", probe: database, host: "{to.host}", user: quorate}
        timeout: 10s
        retries: 5
"""
# The shortest lengths, and the guard's own; its defaults are for these.
FAST = {"interval": "200ms", "timeout": "80ms", "confirm": "50ms", "freshness": "500ms", "ttl": "500ms", "drift": "25ms"}
FAST_GUARD = ()
# What a debug build on a busy machine keeps.
PATIENT = {"interval": "1s", "timeout": "800ms", "confirm": "200ms", "freshness": "3s", "ttl": "4s", "drift": "200ms"}
PATIENT_GUARD = ("--lease-deadline", "1s", "--stop-time", "300ms", "--kill-after", "100ms", "--statement-deadline", "1s",
                 "--statement-limit", "5s", "--promotion-grace", "5s")


def binary():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for profile in ("debug",) if Quorate.patient else ("release", "debug"):
        path = target / profile / "quorate"
        if path.exists():
            return str(path)
    raise SystemExit("target/release/quorate is missing: run `cargo build --release` first")


class Quorate:
    """Starts everything, and starts a host's part again."""

    patient = False

    @staticmethod
    def title(synchronous):
        return "Quorate, synchronous pair" if synchronous else "Quorate"

    def __init__(self, pair, net, home):
        self.pair, self.net, self.home = pair, net, home
        self.config = home / "quorate"
        agents = ",".join(f"{AGENTS[host]}={REGIONS[host]}={ADDRESS[host]}" for host in HOSTS)
        sh(binary(), "init", str(self.config), "--service", "pair", "--agents", agents)
        password = self.config / "postgres-password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        for host in HOSTS:
            self.adapt(self.agent_file(host))
        policy = POLICY
        for name, length in (PATIENT if self.patient else FAST).items():
            policy = policy.replace(f"{{{name}}}", length)
        (self.config / "pair.yaml").write_text(policy)

    def agent_file(self, host):
        return self.config / f"{AGENTS[host]}.yaml"

    def adapt(self, path):
        text = path.read_text()
        lines = [line for line in text.splitlines() if not line.startswith("timing:")]
        lines += ["timing: lan", f"postgres: {{password_file: postgres-password, ca_file: {self.home}/authority.pem}}"]
        path.write_text("\n".join(lines) + "\n")

    def start(self, leader=None):
        for host in HOSTS:
            self.boot(host)
        until("a leader and a quorum", lambda: self.get("n3", "/readyz") is not None, 30)
        if leader:
            self.lead(leader)
        sh(*self.net.inside("n3"), "env", f"QUORATE_CONFIG={self.agent_file('n3')}", binary(), "apply",
           str(self.config / "pair.yaml"), "--reason", "the rig's policy")
        until("n1 is a primary under a lease", lambda: self.pair.try_query("n1", "select not pg_is_in_recovery()") == "t", 30)

    def leader(self):
        """On which host the agent stands that leads, if n3's knows one."""
        leader = json.loads(self.get("n3", "/v1/status") or "{}").get("leader")
        return next((host for host in HOSTS if AGENTS[host] == leader), None)

    def lead(self, wanted):
        """Restarts whichever agent leads until it is the wanted one."""
        def leads():
            host = self.leader()
            if host not in (None, wanted):
                for pid in self.agents(host):
                    os.kill(pid, signal.SIGKILL)
                until("another one leads", lambda: self.leader() not in (None, host), 10)
                self.boot_agent(host)
            return host == wanted
        until(f"the agent of {wanted} leads", leads, 60)

    def agents(self, host):
        """The processes of a host's agent."""
        programs = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in self.net.processes(host)}
        return [pid for pid, words in programs.items() if words[1:2] == [b"agent"]]

    def boot_agent(self, host):
        log = open(self.home / f"agent-{host}.log", "a")
        agent = [*self.net.inside(host), binary(), "agent", "--config", str(self.agent_file(host))]
        subprocess.Popen(agent, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def boot(self, host):
        self.boot_agent(host)
        if host == "n3":
            return
        other = {"n1": "n2", "n2": "n1"}[host]
        log = open(self.home / f"guard-{host}.log", "a")
        guard = [*self.net.inside(host), binary(), "guard", "postgres", "--pgdata", str(self.pair.data[host]),
                 "--lease-url", "http://127.0.0.1:7950/v1/lease/pair", "--bin-dir", str(programs()), "--port", str(PORT),
                 "--socket-dir", str(self.pair.socket[host]), "--primary-conninfo", conninfo(other, host),
                 "--slot", host, "--kernel-fence", "nftables",
                 *(PATIENT_GUARD if self.patient else FAST_GUARD)]
        subprocess.Popen(guard, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def switchover(self):
        """Tells the agents; returns at once."""
        log = open(self.home / "switchover.log", "a")
        subprocess.Popen([*self.net.inside("n3"), "env", f"QUORATE_CONFIG={self.agent_file('n3')}", binary(), "failover", "pair",
                          "--to", REGIONS["n2"], "--confirm", "pair", "--reason", "a planned move"], stdout=log, stderr=log,
                         stdin=subprocess.DEVNULL)

    def phases(self, struck):
        """Seconds from the fault to each event of the failover, as the agents' logs have it."""
        seen = {}
        for host in HOSTS:
            for line in (self.home / f"agent-{host}.log").read_text().splitlines():
                found = re.search(r'^(\S+Z) .* event="(\w+)"', line)
                if found and found[2] in EVENTS:
                    at = datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp() - struck
                    if at > 0:
                        seen[found[2]] = min(at, seen.get(found[2], at))
        return {event: round(seen[event], 3) for event in EVENTS if event in seen}

    def claim(self):
        """What the report of the newest execution says of the data that its promotion lost."""
        listed = json.loads(self.get("n3", "/v1/executions?service=pair") or '{"executions": []}')["executions"]
        losses = [loss["measured"] for execution in listed[:1] for loss in execution.get("data_loss", [])]
        return "; ".join(losses)

    def get(self, host, path):
        command = [*self.net.inside(host), sys.executable, "-c", GET, f"http://127.0.0.1:7950{path}"]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def follows(self, host):
        """Whether a host's server is a replica that streams."""
        return self.pair.try_query(host, "select status from pg_stat_wal_receiver") == "streaming"
