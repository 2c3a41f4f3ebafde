"""The pair under pg_auto_failover with its monitor on the third host, at the shortest settings that it takes."""
import shutil
import subprocess

from net import ADDRESS, sh
from postgres import PORT, as_postgres, configure, give, programs, until

# Where Debian's PostgreSQL looks for the socket.
SOCKET = "/var/run/postgresql"
SETTINGS = {
    "pgautofailover.health_check_period": "1000",
    "pgautofailover.health_check_timeout": "500",
    "pgautofailover.health_check_max_retries": "1",
    "pgautofailover.health_check_retry_delay": "200",
    "pgautofailover.node_considered_unhealthy_timeout": "3000",
    "pgautofailover.primary_demote_timeout": "3000",
    "pgautofailover.startup_grace_period": "1000",
}


class AutoFailover:
    """Starts everything, and starts a host's part again."""

    @staticmethod
    def title(synchronous):
        version = sh("pg_autoctl", "--version").splitlines()[0].split()[-1]
        return f"pg_auto_failover {version}, fast" + (", synchronous" if synchronous else "")

    def __init__(self, pair, net, home):
        self.pair, self.net, self.home = pair, net, home
        self.monitor = home / "monitor"
        # It copies the standby itself.
        shutil.rmtree(pair.data["n2"])
        # With the first server's configuration, so both have their socket at one place: see `control`.
        configure(pair.data["n1"], SOCKET)
        (home / "state").mkdir()
        give(home / "state")

    def control(self, host, *arguments):
        environment = ["env", f"HOME={self.home}/state", f"XDG_RUNTIME_DIR={self.home}/state",
                       f"PATH={programs()}:/usr/sbin:/usr/bin:/sbin:/bin"]
        command = as_postgres([*environment, "pg_autoctl", *arguments])
        if host in self.pair.socket:
            # `ip netns exec` gives every command mounts of its own.
            bind = f'mount --bind "{self.pair.socket[host]}" {SOCKET} && exec "$@"'
            command = ["sh", "-c", bind, "sh", *command]
        return [*self.net.inside(host), *command]

    def run(self, host, data):
        log = open(self.home / f"autoctl-{host}.log", "a")
        subprocess.Popen(self.control(host, "run", "--pgdata", str(data)), stdout=log, stderr=log,
                         stdin=subprocess.DEVNULL, start_new_session=True)

    def start(self):
        common = ("--auth", "trust", "--no-ssl", "--pgctl", str(programs() / "pg_ctl"))
        sh(*self.control("n3", "create", "monitor", "--pgdata", str(self.monitor), "--pgport", "5433", "--hostname",
                         ADDRESS["n3"], *common))
        with open(self.monitor / "postgresql.conf", "a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        self.run("n3", self.monitor)
        where = f"postgres://autoctl_node@{ADDRESS['n3']}:5433/pg_auto_failover"
        for host in ("n1", "n2"):
            until("the monitor answers", lambda: self.answers(), 30)
            sh(*self.control(host, "create", "postgres", "--pgdata", str(self.pair.data[host]), "--pgport", str(PORT),
                             "--hostname", ADDRESS[host], "--name", host, "--monitor", where, *common))
            self.run(host, self.pair.data[host])
            until(f"{host} runs", lambda: self.pair.try_query(host, "select 1") == "1", 60)

    def answers(self):
        command = [*self.net.inside("n3"), str(programs() / "psql"), "-h", ADDRESS["n3"], "-p", "5433", "-U", "autoctl_node",
                   "-d", "pg_auto_failover", "-Atqc", "select 1"]
        return subprocess.run(command, capture_output=True).returncode == 0

    def boot(self, host):
        self.run(host, self.pair.data[host])

    def switchover(self):
        """Tells the monitor; returns at once."""
        log = open(self.home / "switchover.log", "a")
        command = self.control("n3", "perform", "switchover", "--pgdata", str(self.monitor))
        subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def claim(self):
        return ""

    def phases(self, struck):
        return {}

    def follows(self, host):
        """Whether a host's server is a replica that streams."""
        return self.pair.try_query(host, "select status from pg_stat_wal_receiver") == "streaming"
