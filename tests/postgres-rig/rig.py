"""The rig: one fault at a time on a real PostgreSQL pair, with a writer on each node, and what clients saw of it.

Each run makes three hosts, the pair and what guards it anew, lets the writers write, strikes n1 at a drawn moment, waits
until n2 takes writes, mends what was broken, and watches the old primary for twelve seconds more. Acknowledged writes are
the only evidence: when they come again, whether both sides took some at once, and which are gone.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from net import Net
from postgres import PORT, Pair, give, until

# A failover that is slower is none: the slowest peer with its default settings takes a minute.
RECOVERY_MAX_S = 90
# After n2 has taken over n1 stays broken for so long, as a machine that takes its time.
BROKEN_S = 3
# The old primary is watched for so long after it is mended.
WATCH_S = 12
# A rewind of the rig's small data takes seconds.
REJOIN_MAX_S = 90
# Writes before the fault: replication has settled.
CALM_S = 3
# So long the standby has received nothing when the power goes, in the fault of that name.
LAG_S = 1
# The agent that leads is gone for so long in the fault of that name: its successor's election and several leases.
LEADERLESS_S = 5


class Run:
    """One fault on one pair under one system."""

    def __init__(self, system, fault, seed, synchronous, home):
        self.system_class, self.fault, self.synchronous = system, fault, synchronous
        self.random = random.Random(f"{system.__name__}/{fault}/{seed}")
        self.home = Path(home)
        self.writers = {}

    def go(self):
        self.net = Net()
        try:
            self.pair = pair = Pair(self.home, self.net, self.synchronous)
            self.system = self.system_class(pair, self.net, self.home)
            self.system.start(**({"leader": "n3"} if self.fault == "leader" else {}))
            for host in ("n1", "n2"):
                self.write(host)
            until("n1 takes writes and n2 follows", self.settled, 30)
            if self.synchronous:
                # From the checkpoint on it is certain that every commit waits for n2.
                pair.query("n1", "checkpoint")
            time.sleep(CALM_S + self.random.random())
            return self.strike(pair)
        finally:
            for writer, log in self.writers.values():
                writer.kill()
                log.close()
            self.net.remove()

    def write(self, host):
        log = open(self.home / f"writer-{host}", "w+")
        code = str(Path(__file__).with_name("writer.py"))
        command = [*self.net.inside(host), sys.executable, code, host, "127.0.0.1", str(PORT)]
        self.writers[host] = (subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.DEVNULL), log)

    def acknowledged(self, host):
        """Moments and numbers of the rows of a writer, in seconds of the monotonic clock."""
        lines = (self.home / f"writer-{host}").read_text().splitlines()
        pairs = [line.split() for line in lines if line.count(" ") == 1]
        return [(int(at) / 1e9, int(number)) for at, number in pairs]

    def settled(self):
        return len(self.acknowledged("n1")) > 25 and self.system.follows("n2")

    def victims(self):
        """What runs on n1, but for the writer: that one is a client, and goes on."""
        own = self.writers["n1"][0].pid
        return [pid for pid in self.net.processes("n1") if pid != own]

    def send(self, number, pids):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def servers(self, pids):
        names = {}
        for pid in pids:
            try:
                names[pid] = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
        return [pid for pid, name in names.items() if name == "postgres"]

    def strike(self, pair):
        if pair.try_query("n1", "select pg_is_in_recovery()") != "f":
            # Nothing was done to it: a false alarm, which is told apart.
            return {"fault": self.fault, "recovery_s": None, "false_alarm": True}
        if self.fault == "leader":
            return self.strike_leader()
        pids = self.victims()
        if self.fault == "lagging":
            # What the primary sends to its standby is lost on the way for a second before the power goes.
            port = pair.query("n1", "select client_port from pg_stat_replication")
            self.net.drop("n2", f"tcp sport {PORT} tcp dport {port}")
            time.sleep(LAG_S)
        struck, self.struck_at = time.monotonic(), time.time()
        if self.fault in ("kill", "lagging"):
            self.net.cut("n1")
            self.send(signal.SIGKILL, pids)
        elif self.fault == "stop":
            self.send(signal.SIGSTOP, pids)
        elif self.fault == "partition":
            self.net.cut("n1")
        elif self.fault == "postgres":
            self.send(signal.SIGKILL, self.servers(pids))
        elif self.fault == "switchover":
            self.system.switchover()
        first = lambda: next((at for at, _ in self.acknowledged("n2") if at > struck), None)
        try:
            until("n2 takes writes", lambda: first() is not None, RECOVERY_MAX_S)
        except RuntimeError:
            return {"fault": self.fault, "recovery_s": None}
        time.sleep(BROKEN_S)
        self.mend(pids)
        time.sleep(WATCH_S)
        if getattr(self.system, "patient", False):
            # A debug build on a busy machine takes its time to rewind; whether it does at all is the question there.
            self.wait_for_old_primary()
        return self.judge(pair, struck, first())

    def strike_leader(self):
        """The agent that leads dies, beside neither server: nothing may come of it."""
        if self.system.leader() != "n3":
            raise RuntimeError("another agent came to lead meanwhile")
        struck = time.monotonic()
        self.send(signal.SIGKILL, self.system.agents("n3"))
        time.sleep(LEADERLESS_S)
        moments = [at for at, _ in self.acknowledged("n1") if at > struck - 1] + [time.monotonic()]
        return {
            "fault": self.fault,
            "kept": self.pair.try_query("n1", "select pg_is_in_recovery()") == "f" and not self.acknowledged("n2"),
            "pause_s": max(after - before for before, after in zip(moments, moments[1:])),
        }

    def wait_for_old_primary(self):
        try:
            until("n1 follows", lambda: self.system.follows("n1"), REJOIN_MAX_S)
        except RuntimeError:
            pass  # What is told is what is then.

    def mend(self, pids):
        if self.fault in ("kill", "lagging"):
            self.net.heal("n1")
            self.system.boot("n1")
        elif self.fault == "stop":
            self.send(signal.SIGCONT, pids)
        elif self.fault == "partition":
            self.net.heal("n1")

    def judge(self, pair, struck, first):
        old, new = self.acknowledged("n1"), self.acknowledged("n2")
        late = [at for at, _ in old if at > first]
        kept = {int(n) for n in pair.query("n2", "select n from rig where writer = 'n1'").split()}
        gone = [number for at, number in old if number not in kept]
        before = [at for at, _ in old if at <= first]
        return {
            "fault": self.fault,
            "recovery_s": first - struck,
            "outage_s": first - max(before),
            "both_write_s": max(late) - first if late else 0.0,
            "both_write_rows": len(late),
            "rows_lost": len(gone),
            "new_primary_rows": len(new),
            "rejoined": self.system.follows("n1"),
            "phases": self.system.phases(self.struck_at),
            "claim": self.system.claim(),
        }


def run(system, fault, seed, synchronous, keep=None):
    """One run; what its programs wrote is kept in a directory, if one is given."""
    with tempfile.TemporaryDirectory(prefix="quorate-rig-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o755)
        give(home)
        try:
            return Run(system, fault, seed, synchronous, home).go()
        finally:
            if keep:
                shutil.copytree(home, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("n1", "n2", "s-n?"))
