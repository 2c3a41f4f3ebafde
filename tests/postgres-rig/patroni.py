"""The pair under Patroni with etcd on all three hosts, at the fastest settings that its validator takes."""
import json
import shutil
import subprocess

from net import ADDRESS, HOSTS, sh
from postgres import PORT, as_postgres, give, programs, until

# ttl may not be below 20 s, loop_wait not below 1 s, retry_timeout not below 3 s.
DCS = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "maximum_lag_on_failover": 1 << 30, "primary_start_timeout": 0}


class Patroni:
    """Starts everything, and starts a host's part again."""

    @staticmethod
    def title(synchronous):
        version = sh("patroni", "--version").split()[-1]
        return f"Patroni {version}, fastest" + (", synchronous" if synchronous else "")

    def __init__(self, pair, net, home):
        self.pair, self.net, self.home = pair, net, home
        # Patroni copies the standby itself: its start promotes the first server.
        shutil.rmtree(pair.data["n2"])
        for host in HOSTS:
            (home / f"etcd-{host}").mkdir(mode=0o700)
            give(home / f"etcd-{host}")
        for host in ("n1", "n2"):
            (home / f"patroni-{host}.json").write_text(json.dumps(self.settings(host)))

    def settings(self, host):
        dcs = dict(DCS, postgresql={"use_pg_rewind": True, "use_slots": True})
        if self.pair.synchronous:
            dcs |= {"synchronous_mode": True}
        account = {"username": "postgres"}
        return {
            "scope": "pair", "name": host,
            "restapi": {"listen": f"{ADDRESS[host]}:8008", "connect_address": f"{ADDRESS[host]}:8008"},
            "etcd3": {"hosts": [f"{ADDRESS[other]}:2379" for other in HOSTS]},
            "bootstrap": {"dcs": dcs},
            "postgresql": {
                "listen": f"*:{PORT}", "connect_address": f"{ADDRESS[host]}:{PORT}",
                "pgpass": str(self.home / f"pgpass-{host}"),
                "data_dir": str(self.pair.data[host]), "bin_dir": str(programs()),
                "authentication": {"superuser": account, "replication": account, "rewind": account},
                "parameters": {"unix_socket_directories": str(self.pair.socket[host])},
            },
        }

    def start(self):
        for host in HOSTS:
            self.etcd(host)
        until("etcd has a leader", lambda: self.healthy(), 30)
        self.patroni("n1")
        until("n1 is the leader", lambda: self.pair.try_query("n1", "select not pg_is_in_recovery()") == "t", 60)
        self.patroni("n2")

    def healthy(self):
        return subprocess.run([*self.net.inside("n3"), "env", "ETCDCTL_API=3", "etcdctl", "endpoint", "health"],
                              capture_output=True).returncode == 0

    def spawn(self, host, name, command):
        log = open(self.home / f"{name}-{host}.log", "a")
        subprocess.Popen([*self.net.inside(host), *as_postgres(command)], stdout=log, stderr=log,
                         stdin=subprocess.DEVNULL, start_new_session=True)

    def etcd(self, host):
        cluster = ",".join(f"{other}=http://{ADDRESS[other]}:2380" for other in HOSTS)
        self.spawn(host, "etcd", [
            "etcd", "--name", host, "--data-dir", str(self.home / f"etcd-{host}" / "data"), "--initial-cluster", cluster,
            "--listen-peer-urls", f"http://{ADDRESS[host]}:2380", "--initial-advertise-peer-urls",
            f"http://{ADDRESS[host]}:2380", "--listen-client-urls", f"http://{ADDRESS[host]}:2379,http://127.0.0.1:2379",
            "--advertise-client-urls", f"http://{ADDRESS[host]}:2379"])

    def patroni(self, host):
        self.spawn(host, "patroni", ["patroni", str(self.home / f"patroni-{host}.json")])

    def boot(self, host):
        self.etcd(host)
        if host != "n3":
            self.patroni(host)

    def switchover(self):
        """Tells Patroni; returns at once."""
        log = open(self.home / "switchover.log", "a")
        command = ["patronictl", "-c", str(self.home / "patroni-n2.json"), "switchover", "--force", "--candidate", "n2"]
        subprocess.Popen([*self.net.inside("n2"), *as_postgres(command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def claim(self):
        return ""

    def phases(self, struck):
        return {}

    def follows(self, host):
        """Whether a host's server is a replica that streams."""
        return self.pair.try_query(host, "select status from pg_stat_wal_receiver") == "streaming"
