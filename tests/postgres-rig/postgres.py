"""A streaming pair on n1 and n2, as Debian ships PostgreSQL: a primary and its replica, trusted connections inside the
rig's own network. Each server's data is a copy of one that was made once."""
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from net import ADDRESS, sh

ACCOUNT = pwd.getpwnam("postgres")
PORT = 5432
SETTINGS = """
listen_addresses = '*'
port = 5432
unix_socket_directories = '{socket}'
wal_level = replica
hot_standby = on
wal_log_hints = on
max_wal_senders = 10
max_replication_slots = 10
wal_keep_size = 256MB
wal_retrieve_retry_interval = 200ms
wal_receiver_timeout = 2s
wal_sender_timeout = 2s
tcp_user_timeout = 1000
shared_buffers = 32MB
logging_collector = off
"""
ACCESS = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all 10.211.0.0/24 trust\nhost replication all 10.211.0.0/24 trust\n"


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]


def give(path):
    shutil.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)


def as_postgres(command):
    return ["setpriv", f"--reuid={ACCOUNT.pw_uid}", f"--regid={ACCOUNT.pw_gid}", "--clear-groups", *command]


def initdb(home):
    """A cluster that has never run, with the rig's table still to come."""
    data = home / "template"
    sh(*as_postgres([str(programs() / "initdb"), "-U", "postgres", "--auth=trust", "--no-sync", "-D", str(data)]))
    (data / "pg_hba.conf").write_text(ACCESS)
    return data


def configure(data, socket, extra=""):
    (data / "postgresql.conf").write_text(SETTINGS.format(socket=socket) + extra)


def conninfo(host, name):
    return f"host={ADDRESS[host]} port={PORT} user=postgres application_name={name}"


class Pair:
    """Data directories of both, with the table on the primary and the replica streaming once. Nothing runs afterwards."""

    def __init__(self, home, net, synchronous):
        self.home, self.net = home, net
        self.data = {host: home / host for host in ("n1", "n2")}
        self.socket = {host: home / f"s-{host}" for host in ("n1", "n2")}
        self.synchronous = synchronous
        for socket in self.socket.values():
            socket.mkdir()
            give(socket)
        initdb(home).rename(self.data["n1"])
        extra = "synchronous_standby_names = '*'\n" if synchronous else ""
        configure(self.data["n1"], self.socket["n1"], extra)
        # The first table is written before anybody could confirm it.
        self.control("n1", "start", "-o", "-c synchronous_standby_names=''")
        self.query("n1", "create table rig (writer text, n bigint, primary key (writer, n))")
        self.query("n1", "select pg_create_physical_replication_slot('n2')")
        basebackup = [str(programs() / "pg_basebackup"), "-D", str(self.data["n2"]), "-X", "stream", "--no-sync",
                      "-c", "fast", "-d", conninfo("n1", "n2"), "-S", "n2", "-R"]
        sh(*net.inside("n2"), *as_postgres(basebackup))
        configure(self.data["n2"], self.socket["n2"], extra)
        self.control("n1", "stop", "-m", "fast")

    def control(self, host, *arguments):
        command = [str(programs() / "pg_ctl"), "-D", str(self.data[host]), "-w", "-t", "30", "-l",
                   str(self.home / f"{host}.log"), *arguments]
        sh(*self.net.inside(host), *as_postgres(command))

    def query(self, host, text):
        command = [str(programs() / "psql"), "-h", str(self.socket[host]), "-U", "postgres", "-Atqc", text]
        return sh(*self.net.inside(host), *command).strip()

    def try_query(self, host, text):
        try:
            return self.query(host, text)
        except RuntimeError:
            return None


def until(what, met, seconds):
    """Waits until something holds; a limit, because a rig that waits for ever shows nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if met():
            return
        time.sleep(0.05)
    raise RuntimeError(f"not within {seconds} s: {what}")
